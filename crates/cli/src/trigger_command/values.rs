//! Values of the trigger command's options: durations, times, metadata.
//! Errors are what clap puts behind the option's name: what is allowed.
//! It leaves what the values mean together to `draft`.

use std::{str::FromStr, time::Duration};

use ::trigger::Utc;
use jiff::SignedDuration;
use serde_json::{Map, Value};

const DURATIONS: &str = "allowed: a duration such as 5s, 500ms, 2m or 1h30m";

/// A duration with units, 0 included.
///
/// # Errors
/// What is allowed.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| DURATIONS.into())
}

/// A duration of an interval that is not empty.
///
/// # Errors
/// What is allowed.
pub fn length(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("{DURATIONS}, more than 0")),
        length => Ok(length),
    }
}

/// A time as messages have it.
///
/// # Errors
/// What is allowed.
pub fn moment(text: &str) -> Result<Utc, String> {
    Utc::parse(text)
        .ok_or_else(|| "allowed: an RFC 3339 time such as 2026-11-23T08:00:00Z or 2026-11-23T09:00:00.5+01:00".into())
}

/// This machine's clock, cut to the millisecond, as DeepStream's senders write it.
pub fn now() -> Utc {
    const MILLISECOND: i64 = 1_000_000;
    // Until 2262, which is also as far as a message can name a time.
    let nanos = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    Utc(nanos - nanos.rem_euclid(MILLISECOND))
}

/// One `--metadata`.
#[derive(Debug, Clone, PartialEq)]
pub enum Metadata {
    /// A whole object.
    Object(Map<String, Value>),
    /// One member; its value is text.
    Member(String, String),
}

impl FromStr for Metadata {
    type Err = String;

    /// # Errors
    /// What is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "allowed: a JSON object, or KEY=VALUE";
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map(Self::Object).map_err(|error| format!("{error} ({FORM})"));
        }
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self::Member(key.into(), value.into())),
            _ => Err(FORM.into()),
        }
    }
}

impl Metadata {
    /// All of them as one object; of a name given twice the last counts. `None`: there are none.
    pub fn merge(given: Vec<Self>) -> Option<Map<String, Value>> {
        let any = !given.is_empty();
        let mut merged = Map::new();
        for metadata in given {
            match metadata {
                Self::Object(members) => merged.extend(members),
                Self::Member(key, value) => {
                    merged.insert(key, value.into());
                }
            }
        }
        any.then_some(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, millis) in
            [("5s", 5_000), ("500ms", 500), ("2m", 120_000), ("1h30m", 5_400_000), ("1m 30s", 90_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "-5s", "5 s ago", "five", "99999999999999999999s"] {
            assert!(duration(text).unwrap_err().contains("5s, 500ms"), "{text}");
        }
        assert!(length("0s").unwrap_err().contains("more than 0"));
        assert_eq!(length("1ns"), Ok(Duration::from_nanos(1)));
    }

    #[test]
    fn times_are_those_of_messages() {
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Ok(Utc(0)));
        for text in ["now", "2026-11-23", "08:00"] {
            assert!(moment(text).unwrap_err().contains("RFC 3339"), "{text}");
        }
    }

    #[test]
    fn metadata_is_an_object_or_members() {
        let read = |text: &str| text.parse::<Metadata>();
        let given = [r#"{"a":[1],"b":2}"#, "b=x=y", "c="].map(|text| read(text).unwrap());
        let merged = Metadata::merge(given.to_vec()).unwrap();
        assert_eq!(Value::Object(merged), serde_json::json!({"a": [1], "b": "x=y", "c": ""}));
        assert_eq!(Metadata::merge(Vec::new()), None);
        assert_eq!(Metadata::merge(vec![read("{}").unwrap()]), Some(Map::new()));
        for text in ["", "plate", "=x", "[1]", "{", "{} x"] {
            assert!(read(text).unwrap_err().contains("KEY=VALUE"), "{text}");
        }
    }
}
