//! What must hold for any text that comes as a sensor list, in a file or in `sensor-id-list`.
//! Run by libFuzzer and by the tests of the crate `trigger`.
//! It leaves where the bytes come from to others.

use std::path::Path;

use trigger::Sensors;

/// Panics where a promise is broken.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for sources in [0, 1, 4] {
        let from_file = Sensors::from_text(&text, Path::new("sensors.txt"), sources);
        for sensors in [from_file, Sensors::from_list(&text, sources)] {
            match sensors {
                Ok(sensors) => answers(&sensors, &text, sources),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.is_empty() && !text.contains(['\n', '\u{1b}']), "{text:?}");
                }
            }
        }
    }
}

fn answers(sensors: &Sensors, text: &str, sources: usize) {
    assert_eq!(sensors.sources(), sources);
    for index in 0..sources {
        // Where another source has this number for a name, the name counts.
        assert!(sensors.lookup(sensors.name(index)).is_ok());
    }
    for id in text.lines().take(8) {
        if let Ok(index) = sensors.lookup(id) {
            assert!(index < sources);
        }
    }
}
