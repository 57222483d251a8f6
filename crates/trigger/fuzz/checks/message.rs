//! What must hold for any bytes that come as a trigger message.
//! Run by libFuzzer and by the tests of the crate `trigger`.
//! It leaves where the bytes come from to others.

use trigger::{Command, LineSplitter, MAX_ID_BYTES, MAX_METADATA_BYTES, MAX_SENSOR_BYTES, Message, Utc};

/// Panics where a promise is broken.
pub fn check(data: &[u8]) {
    match Message::parse(data) {
        Ok(message) => {
            assert!((1..=MAX_SENSOR_BYTES).contains(&message.sensor.len()));
            assert_eq!(message.sensor, message.sensor.trim());
            assert!(message.id.as_ref().is_none_or(|id| id.len() <= MAX_ID_BYTES));
            assert!(message.metadata.as_ref().is_none_or(|value| value.to_string().len() <= MAX_METADATA_BYTES));
            if let Command::Start { start, end, .. } = message.command {
                assert!(start.zip(end).is_none_or(|(start, end)| start < end));
                for moment in [start, end].into_iter().flatten() {
                    assert_eq!(Utc::parse(&moment.to_string()), Some(moment));
                }
            }
        }
        // One line, and short: it goes into a log and a receipt.
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() < 1_000 && !text.contains(['\n', '\u{1b}']), "{text:?}");
            assert!(error.id.is_none_or(|id| id.len() <= MAX_ID_BYTES));
            assert!(error.sensor.is_none_or(|sensor| sensor.len() <= MAX_SENSOR_BYTES));
        }
    }
    lines_do_not_depend_on_chunks(data);
}

/// A FIFO hands out bytes in pieces of any size.
fn lines_do_not_depend_on_chunks(data: &[u8]) {
    let cut = |size: usize| {
        let mut splitter = LineSplitter::new();
        let mut lines = Vec::new();
        for chunk in data.chunks(size) {
            lines.extend(splitter.push(chunk));
        }
        lines.extend(splitter.finish());
        lines
    };
    assert_eq!(cut(1), cut(data.len().max(1)));
}
