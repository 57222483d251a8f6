//! A trigger before it is sent: what was asked for, and the JSON message that says so.
//! Pure: now is handed in; the message is read back as the recorder reads it, so that what is sent is also taken.
//! It leaves the options to `values`, and sending to others.

use std::time::Duration;

use ::trigger::{Message, Overlap, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Error;

/// What was asked for.
#[derive(Debug)]
pub struct Draft {
    /// Name or index.
    pub sensor: String,
    /// Start or stop.
    pub action: Action,
    /// The caller's event id.
    pub id: Option<String>,
    /// To be kept with the recording.
    pub metadata: Option<Map<String, Value>>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Record an interval; `before` is not given together with `start`, nor `length` with `end`.
    Start {
        /// Begin so long before now.
        before: Option<Duration>,
        /// Begin then.
        start: Option<Utc>,
        /// From begin to end.
        length: Option<Duration>,
        /// End then.
        end: Option<Utc>,
        /// The policy for this start.
        overlap: Option<Overlap>,
    },
    /// End recordings.
    Stop {
        /// This one only.
        session: Option<u32>,
    },
}

/// The members of a message, in the order of docs/schema/message.schema.json.
#[derive(Serialize)]
struct Members<'a> {
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Utc>,
    sensor: Sensor<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
struct Sensor<'a> {
    id: &'a str,
}

impl Draft {
    /// The message as one line of JSON, without a line end.
    ///
    /// # Errors
    /// [`Error::BadTrigger`]: the recorder would reject it, or a time is out of range.
    pub fn message(&self, now: Utc) -> Result<String, Error> {
        let (command, start, end, session, overlap) = match self.action {
            Action::Start { before, start, length, end, overlap } => {
                let (start, end) = interval(now, before, start, length, end)?;
                ("start-recording", start, end, None, overlap.map(Overlap::as_str))
            }
            Action::Stop { session } => ("stop-recording", None, None, session, None),
        };
        let (sensor, id, metadata) = (Sensor { id: &self.sensor }, self.id.as_deref(), self.metadata.as_ref());
        let members = Members { command, start, end, sensor, session, id, overlap, metadata };
        let text = serde_json::to_string(&members).map_err(|error| Error::BadTrigger(error.to_string()))?;
        Message::parse(text.as_bytes()).map_err(|error| Error::BadTrigger(error.to_string()))?;
        Ok(text)
    }
}

impl Draft {
    /// How long from now to the asked end; zero where there is none, or it is over.
    pub fn ends_in(&self, now: Utc) -> Duration {
        let end = match self.action {
            Action::Start { before, start, length, end, .. } => interval(now, before, start, length, end).ok(),
            Action::Stop { .. } => None,
        };
        let end = end.and_then(|(_, end)| end);
        end.map_or(Duration::ZERO, |end| Duration::from_nanos(u64::try_from(end.0.saturating_sub(now.0)).unwrap_or(0)))
    }
}

/// Start and end as the message is to name them.
fn interval(
    now: Utc,
    before: Option<Duration>,
    start: Option<Utc>,
    length: Option<Duration>,
    end: Option<Utc>,
) -> Result<(Option<Utc>, Option<Utc>), Error> {
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).ok();
    let out_of_range = || Error::BadTrigger("a time before 1677 or after 2262 cannot be named".into());
    let start = match before {
        Some(before) => {
            Some(nanos(before).and_then(|before| now.0.checked_sub(before)).map(Utc).ok_or_else(out_of_range)?)
        }
        // A length needs a beginning: the recorder's "now" would be a little later, and the file that much shorter.
        None => start.or(length.is_some().then_some(now)),
    };
    let end = match (start, length) {
        (Some(start), Some(length)) => {
            Some(nanos(length).and_then(|length| start.0.checked_add(length)).map(Utc).ok_or_else(out_of_range)?)
        }
        _ => end,
    };
    if let (None, Some(end)) = (start, end)
        && end <= now
    {
        let reason = format!("the end {end} is over, and a recording begins now (needed: --start or --before, too)");
        return Err(Error::BadTrigger(reason));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Utc = Utc(1_589_832_120_000_000_000);
    const NOTHING: Action = Action::Start { before: None, start: None, length: None, end: None, overlap: None };

    fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn draft(action: Action) -> Draft {
        Draft { sensor: "gate".into(), action, id: None, metadata: None }
    }

    fn json(draft: &Draft) -> Value {
        serde_json::from_str(&draft.message(NOW).unwrap()).unwrap()
    }

    fn start(before: Option<Duration>, start: Option<Utc>, length: Option<Duration>, end: Option<Utc>) -> Draft {
        draft(Action::Start { before, start, length, end, overlap: None })
    }

    #[test]
    fn without_times_the_recorder_decides() {
        let message = draft(NOTHING).message(NOW).unwrap();
        assert_eq!(message, r#"{"command":"start-recording","sensor":{"id":"gate"}}"#);
    }

    #[test]
    fn times_become_an_absolute_interval() {
        let (from, to) = ("2020-05-18T20:01:55.000Z", "2020-05-18T20:02:05.000Z");
        let later = Utc(NOW.0 + 5_000_000_000);
        for draft in [
            start(s(5), None, s(10), None),
            start(s(5), None, None, Some(later)),
            start(None, Some(Utc(NOW.0 - 5_000_000_000)), s(10), None),
        ] {
            let message = json(&draft);
            assert_eq!((&message["start"], &message["end"]), (&json!(from), &json!(to)), "{draft:?}");
        }
        let from_now = json(&start(None, None, s(5), None));
        assert_eq!((&from_now["start"], &from_now["end"]), (&json!("2020-05-18T20:02:00.000Z"), &json!(to)));
        let open = json(&start(None, None, None, Some(later)));
        assert_eq!((open.get("start"), &open["end"]), (None, &json!(to)));
    }

    #[test]
    fn a_wait_is_as_long_as_the_recording() {
        assert_eq!(start(s(5), None, s(15), None).ends_in(NOW), Duration::from_secs(10));
        assert_eq!(start(s(5), None, s(5), None).ends_in(NOW), Duration::ZERO);
        assert_eq!(start(None, None, None, Some(Utc(0))).ends_in(NOW), Duration::ZERO);
        for action in [NOTHING, Action::Stop { session: None }] {
            assert_eq!(draft(action).ends_in(NOW), Duration::ZERO);
        }
    }

    #[test]
    fn every_member_has_its_place() {
        let mut full =
            draft(Action::Start { before: None, start: None, length: None, end: None, overlap: Some(Overlap::Merge) });
        full.id = Some("door-4711".into());
        full.metadata = Some(Map::from_iter([("plate".into(), json!("B-XY"))]));
        assert_eq!(
            json(&full),
            json!({"command": "start-recording", "sensor": {"id": "gate"}, "id": "door-4711", "overlap": "merge",
                   "metadata": {"plate": "B-XY"}})
        );
        let stop = json(&draft(Action::Stop { session: Some(3) }));
        assert_eq!(stop, json!({"command": "stop-recording", "sensor": {"id": "gate"}, "session": 3}));
    }

    #[test]
    fn what_a_recorder_would_reject_is_not_sent() {
        let end_first = start(None, Some(NOW), None, Some(Utc(NOW.0 - 1)));
        let over = start(None, None, None, Some(NOW));
        let too_early = start(Some(Duration::from_secs(u64::MAX)), None, None, None);
        let too_late = start(None, Some(Utc(i64::MAX)), s(1), None);
        let nameless = Draft { sensor: " ".into(), ..draft(NOTHING) };
        let long_id = Draft { id: Some("x".repeat(257)), ..draft(NOTHING) };
        let big = Map::from_iter([("m".into(), "x".repeat(65_536).into())]);
        let big = Draft { metadata: Some(big), ..draft(NOTHING) };
        for (draft, words) in [
            (end_first, "is not after"),
            (over, "is over, and a recording begins now"),
            (too_early, "1677"),
            (too_late, "2262"),
            (nameless, "sensor.id"),
            (long_id, "256 bytes"),
            (big, "65536 bytes"),
        ] {
            let error = draft.message(NOW).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
