//! Reads a trigger message: bytes of DeepStream's JSON in, a checked [`Message`] out.
//! Every limit on what a sender may make us keep is applied here.
//! It leaves sensor names to `sensors`, and whether a recording is possible to the recorder.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use crate::{
    Error, MessageError, Utc,
    quote::{quote, quote_value},
    utc,
};

/// Longest message in bytes: 64 KiB of metadata, as much again for its spelling and the other members.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// Largest `metadata` in bytes, as compact JSON (design.md, "Messages").
pub const MAX_METADATA_BYTES: usize = 64 * 1024;
/// Deepest `metadata` in levels, its own object counted. JSON readers, ours above all, take 127 in all, and receipts and
/// sidecars put their own around it.
pub const MAX_METADATA_DEPTH: usize = 64;
/// Longest event `id` in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 256;
/// Longest `sensor.id` in bytes of UTF-8, after blanks around it are taken off.
pub const MAX_SENSOR_BYTES: usize = 256;

/// A trigger, as its sender meant it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What is to be done.
    pub command: Command,
    /// The sensor's name, or its source index in decimal: 1 to 256 bytes, no blanks around it.
    pub sensor: String,
    /// The caller's event id, at most 256 bytes: comes back in every receipt.
    pub id: Option<String>,
    /// A JSON object of at most 64 KiB, nested at most 64 deep, kept in the sidecar and the receipts.
    pub metadata: Option<Value>,
}

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Record `[start, end)`.
    Start {
        /// First moment wanted; absent: now.
        start: Option<Utc>,
        /// First moment no longer wanted, later than `start`; absent: until a stop, or the default duration.
        end: Option<Utc>,
        /// This start's policy; absent: `smart-rec-overlap`.
        overlap: Option<Overlap>,
    },
    /// End what is being recorded.
    Stop {
        /// The one session to end; absent: all of the sensor.
        session: Option<u32>,
    },
}

/// What a start does while another session of the source runs (`smart-rec-overlap`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// A session and a file of its own.
    Separate,
    /// The running session goes on to the new end.
    Extend,
    /// As `Extend`, and it begins earlier too where the cache still allows.
    Merge,
    /// The start is refused, NVIDIA's way.
    Reject,
}

impl Overlap {
    /// The policy as parameter and message spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Separate => "separate",
            Self::Extend => "extend",
            Self::Merge => "merge",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Overlap {
    type Err = Error;

    /// # Errors
    /// [`Error::BadOverlap`] names the policies.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "separate" => Ok(Self::Separate),
            "extend" => Ok(Self::Extend),
            "merge" => Ok(Self::Merge),
            "reject" => Ok(Self::Reject),
            _ => Err(Error::BadOverlap { found: quote(text), why: "not known" }),
        }
    }
}

impl Message {
    /// Reads one message. Members it does not know are ignored; of a name given twice the last counts.
    ///
    /// A stop looks at `sensor`, `session`, `id` and `metadata` only, a start not at `session`:
    /// DeepStream's senders fill in `start` and `end` either way.
    ///
    /// # Errors
    /// The reason, with the caller's event id and the sensor id where those could be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let members = parse_object(bytes).map_err(|reason| MessageError { reason, id: None, sensor: None })?;
        // Both are read before either is judged, so that an error can name its sender.
        let id = event_id(&members);
        let sensor = sensor_id(&members);
        let sender = (id.as_ref().ok().cloned().flatten(), sensor.as_ref().ok().cloned());
        Self::check(&members, id, sensor).map_err(|reason| MessageError { reason, id: sender.0, sensor: sender.1 })
    }

    fn check(
        members: &Map<String, Value>,
        id: Result<Option<String>, Error>,
        sensor: Result<String, Error>,
    ) -> Result<Self, Error> {
        Ok(Self { command: command(members)?, sensor: sensor?, id: id?, metadata: metadata(members)? })
    }
}

fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(Error::MessageTooLong { bytes: bytes.len(), limit: MAX_MESSAGE_BYTES });
    }
    if bytes.trim_ascii().is_empty() {
        return Err(Error::EmptyMessage);
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(Error::NotAnObject { found: quote_value(&other) }),
        Err(error) => Err(Error::NotJson { reason: error.to_string() }),
    }
}

fn bad(member: &'static str, found: &Value, allowed: impl Into<String>) -> Error {
    Error::BadMember { member, found: quote_value(found), allowed: allowed.into() }
}

fn command(members: &Map<String, Value>) -> Result<Command, Error> {
    let name = members.get("command");
    match name.map(Value::as_str) {
        None | Some(Some("start-recording")) => start(members),
        Some(Some("stop-recording")) => Ok(Command::Stop { session: session(members)? }),
        Some(_) => Err(bad(
            "command",
            name.unwrap_or(&Value::Null),
            "\"start-recording\", \"stop-recording\", or leave it out to start",
        )),
    }
}

fn start(members: &Map<String, Value>) -> Result<Command, Error> {
    let start = time(members, "start")?;
    let end = time(members, "end")?;
    match (start, end) {
        (Some(start), Some(end)) if end <= start => {
            return Err(Error::EmptyInterval { start, end });
        }
        _ => {}
    }
    let overlap = match members.get("overlap") {
        None => None,
        Some(Value::String(policy)) => Some(policy.parse()?),
        Some(other) => {
            return Err(Error::BadOverlap { found: quote_value(other), why: "not a string" });
        }
    };
    Ok(Command::Start { start, end, overlap })
}

fn time(members: &Map<String, Value>, member: &'static str) -> Result<Option<Utc>, Error> {
    let Some(value) = members.get(member) else { return Ok(None) };
    match value.as_str().and_then(Utc::parse) {
        Some(moment) => Ok(Some(moment)),
        None => Err(bad(member, value, utc::ALLOWED)),
    }
}

fn session(members: &Map<String, Value>) -> Result<Option<u32>, Error> {
    let Some(value) = members.get("session") else { return Ok(None) };
    match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
        Some(id) => Ok(Some(id)),
        None => {
            let allowed = format!("a session id, 0 to {}, or leave it out for all sessions of the sensor", u32::MAX);
            Err(bad("session", value, allowed))
        }
    }
}

fn sensor_id(members: &Map<String, Value>) -> Result<String, Error> {
    const ALLOWED: &str = "needed: the sensor's name or its source index, as in {\"sensor\": {\"id\": \"camera-7\"}}";
    let missing = |member| Error::MissingMember { member, allowed: ALLOWED };
    let sensor = members.get("sensor").ok_or_else(|| missing("sensor"))?;
    let Value::Object(sensor) = sensor else {
        return Err(bad("sensor", sensor, "an object with the member \"id\""));
    };
    let value = sensor.get("id").ok_or_else(|| missing("sensor.id"))?;
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return Err(bad("sensor.id", other, "a string, or a source index as a number")),
    };
    if text.is_empty() || text.len() > MAX_SENSOR_BYTES {
        let allowed = format!("1 to {MAX_SENSOR_BYTES} bytes");
        return Err(bad("sensor.id", value, allowed));
    }
    Ok(text)
}

fn event_id(members: &Map<String, Value>) -> Result<Option<String>, Error> {
    match members.get("id") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_ID_BYTES => Ok(Some(id.clone())),
        Some(other) => Err(bad("id", other, format!("a string of at most {MAX_ID_BYTES} bytes"))),
    }
}

fn metadata(members: &Map<String, Value>) -> Result<Option<Value>, Error> {
    let Some(value) = members.get("metadata") else { return Ok(None) };
    let allowed = format!("an object of at most {MAX_METADATA_BYTES} bytes, nested at most {MAX_METADATA_DEPTH} deep");
    if !value.is_object() {
        return Err(bad("metadata", value, allowed));
    }
    let bytes = value.to_string().len();
    if bytes > MAX_METADATA_BYTES {
        return Err(Error::BadMember { member: "metadata", found: format!("an object of {bytes} bytes"), allowed });
    }
    if depth(value) > MAX_METADATA_DEPTH {
        return Err(Error::BadMember { member: "metadata", found: "nested too deep".into(), allowed });
    }
    Ok(Some(value.clone()))
}

/// Levels of arrays and objects. The JSON reader's own limit keeps the recursion short.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(values) => values.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

#[cfg(test)]
mod tests;
