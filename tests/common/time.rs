//! UTC as messages and records write it, in nanoseconds.
//! Left to others: which moments are meant.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Nanoseconds since 1970 of a moment of the system's clock.
pub fn system_nanos(time: SystemTime) -> i128 {
    i128::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// The text of a moment, for messages: RFC 3339 with all its digits.
pub fn utc(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap().to_string()
}

/// The text of a moment with milliseconds, as DeepStream's senders and our records write it.
pub fn utc_millis(time: SystemTime) -> String {
    format!("{:.3}", Timestamp::try_from(time).unwrap())
}

/// Nanoseconds since 1970 of a text in a record.
pub fn utc_nanos(text: &serde_json::Value) -> i128 {
    text.as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .unwrap_or_else(|| panic!("{text} is no time"))
        .as_nanosecond()
}
