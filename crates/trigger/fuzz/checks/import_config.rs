//! What must hold for any text that comes as a DeepStream configuration, in either form.
//! Run by libFuzzer and by the tests of the command line.
//! It leaves where the bytes come from to others.

use std::{io, path::Path};

use smart_record_cli::import::{Context, Form, Report, Ticks, convert};

/// What separates a configuration from the files that it names (a CSV of sources, a sensor list).
const CUT: &str = "\n%%\n";

/// Panics where a promise is broken.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (config, other) = text.split_once(CUT).unwrap_or((&text, ""));
    let read = |_: &Path| match other {
        "" => Err(io::Error::from(io::ErrorKind::NotFound)),
        other => Ok(other.to_owned()),
    };
    for form in [Form::KeyFile, Form::Yaml] {
        for built_in in [false, true] {
            let ticks = if built_in { Ticks::ByTheClock } else { Ticks::WhenNeeded };
            let context = Context { form, folder: Path::new("/folder"), built_in, ticks, read: &read };
            let mut report = Report::default();
            let converted = convert(config, &context, &mut report);
            for line in report.lines() {
                assert!(!line.text.is_empty() && !line.text.chars().any(char::is_control), "{line:?}");
            }
            match converted {
                Ok(import) => {
                    let [sources, recorders, _] = import.counts;
                    assert!(1 <= recorders && recorders <= sources && sources <= 1024);
                    // Each value is where its component can find it, whatever is in it.
                    assert_eq!(import.parameters.matches("\n    uri-list: ").count(), recorders);
                }
                Err(reason) => assert!(!reason.is_empty() && !reason.chars().any(char::is_control), "{reason:?}"),
            }
        }
    }
}
