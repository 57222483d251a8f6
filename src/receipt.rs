//! Receipts (design.md, rule 7): the answer to each trigger and the end of each session, as JSON and as a log line.
//! The same words reach the log, the message and the caller.
//! Sending them is left to `outbox`, done and failed records themselves to the crate `recorder`.

use std::fmt;

use recorder::core::{Accepted, SessionId};
use recorder::record::{Header, Sensor, Times, Trigger, VERSION};
use recorder::{DoneRecord, FailedRecord};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What a trigger asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Asked {
    StartRecording,
    StopRecording,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartRecording => "start",
            Self::StopRecording => "stop",
        })
    }
}

/// One receipt.
#[derive(Debug, Serialize)]
#[serde(tag = "receipt", rename_all = "lowercase")]
pub(crate) enum Receipt {
    /// At once: the trigger did what it asked for.
    Accepted(Box<AcceptedReceipt>),
    /// At once: a start has been joined with a session that runs.
    Merged(Box<AcceptedReceipt>),
    /// At once: it did not.
    Rejected(Box<RejectedReceipt>),
    /// Later: the recording is complete.
    Done(Box<DoneRecord>),
    /// Later: there is no complete recording.
    Failed(Box<FailedRecord>),
    /// In a later process: a recording that a crash had cut off, or a disk that failed, is complete.
    Recovered(Box<DoneRecord>),
}

#[derive(Debug, Serialize)]
pub(crate) struct AcceptedReceipt {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    command: Asked,
    sensor: Sensor,
    source: usize,
    /// The new session of a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// The sessions that a stop ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Times>,
    /// What will be short of what was asked, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RejectedReceipt {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Asked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensor: Option<Sensor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<usize>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<serde_json::Value>,
}

/// Whether a message is a receipt, ours or another recorder's: what only they have is there. No trigger is one.
pub(crate) fn is_receipt(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Marks {
        #[serde(rename = "receipt")]
        _receipt: String,
        #[serde(rename = "version")]
        _version: IgnoredAny,
    }
    // Most messages do not even have the word.
    let word = br#""receipt""#;
    payload.len() <= trigger::MAX_MESSAGE_BYTES
        && payload.windows(word.len()).any(|bytes| bytes == word)
        && serde_json::from_slice::<Marks>(payload).is_ok()
}

impl Receipt {
    /// A start has become a session.
    pub(crate) fn started(source: usize, sensor: &str, trigger: Trigger, accepted: &Accepted) -> Self {
        let late = accepted.late.map(|(begins, why)| {
            format!("will begin {:.3} s after the asked start: {why}", begins.since(accepted.asked.start).as_secs_f64())
        });
        let limited = accepted.limited.map(|end| {
            format!(
                "will end {:.3} s before the asked end: smart-rec-max-duration",
                accepted.asked.end.since(end).as_secs_f64()
            )
        });
        let kind = if accepted.merged { Self::Merged } else { Self::Accepted };
        kind(Box::new(AcceptedReceipt {
            version: VERSION,
            id: trigger.id,
            command: Asked::StartRecording,
            sensor: Sensor { id: sensor.into() },
            source,
            session: Some(accepted.session),
            sessions: Vec::new(),
            asked: Some(Times::new(accepted.asked, accepted.asked_utc)),
            notes: late.into_iter().chain(limited).collect(),
            metadata: trigger.metadata,
        }))
    }

    /// A stop has ended sessions.
    pub(crate) fn stopped(source: usize, sensor: &str, trigger: Trigger, sessions: Vec<SessionId>) -> Self {
        Self::Accepted(Box::new(AcceptedReceipt {
            version: VERSION,
            id: trigger.id,
            command: Asked::StopRecording,
            sensor: Sensor { id: sensor.into() },
            source,
            session: None,
            sessions,
            asked: None,
            notes: Vec::new(),
            metadata: trigger.metadata,
        }))
    }

    /// A trigger for a known source did nothing.
    pub(crate) fn rejected(asked: Asked, source: usize, sensor: &str, trigger: Trigger, reason: String) -> Self {
        Self::Rejected(Box::new(RejectedReceipt {
            version: VERSION,
            id: trigger.id,
            command: Some(asked),
            sensor: Some(Sensor { id: sensor.into() }),
            source: Some(source),
            reason,
            metadata: trigger.metadata,
        }))
    }

    /// A message that could not be read as a trigger, or names no source of ours.
    pub(crate) fn unreadable(sensor: Option<String>, trigger: Trigger, reason: String) -> Self {
        Self::Rejected(Box::new(RejectedReceipt {
            version: VERSION,
            id: trigger.id,
            command: None,
            sensor: sensor.map(|id| Sensor { id }),
            source: None,
            reason,
            metadata: trigger.metadata,
        }))
    }

    /// As bytes for a message.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Writes it to the log, after the name of the component.
    pub(crate) fn log(&self, name: &str) {
        match self {
            Self::Accepted(_) | Self::Merged(_) | Self::Done(_) => gxf::log::info!("{name}: {self}"),
            Self::Rejected(_) | Self::Recovered(_) => gxf::log::warning!("{name}: {self}"),
            Self::Failed(_) => gxf::log::error!("{name}: {self}"),
        }
    }
}

/// The log line.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = |id: &Option<String>| id.as_ref().map(|id| format!(", event '{id}'")).unwrap_or_default();
        match self {
            Self::Accepted(accepted) | Self::Merged(accepted) => {
                let AcceptedReceipt { id, command, sensor, source, session, sessions, asked, notes, .. } = &**accepted;
                let merged = if matches!(self, Self::Merged(_)) { "merged" } else { "accepted" };
                write!(f, "source {source} ({}): {command} {merged}", sensor.id)?;
                for session in session.iter().chain(sessions) {
                    write!(f, ", session {session}")?;
                }
                if let Some(asked) = asked {
                    write!(f, ", asked {}", interval(asked))?;
                }
                for note in notes {
                    write!(f, "; {note}")?;
                }
                f.write_str(&event(id))
            }
            Self::Rejected(rejected) => {
                let RejectedReceipt { id, command, sensor, source, reason, .. } = &**rejected;
                match (source, sensor) {
                    (Some(source), Some(sensor)) => write!(f, "source {source} ({}): ", sensor.id)?,
                    (_, Some(sensor)) => write!(f, "sensor '{}': ", sensor.id)?,
                    _ => {}
                }
                match command {
                    Some(command) => write!(f, "{command} rejected: {reason}")?,
                    None => write!(f, "trigger message rejected: {reason}")?,
                }
                f.write_str(&event(id))
            }
            Self::Done(done) | Self::Recovered(done) => {
                let Header { id, sensor, source, session, asked, .. } = &done.header;
                let length = done.actual.running();
                let length = length.end.since(length.start).as_secs_f64();
                let recovered = if done.recovered { "recovered" } else { "done" };
                write!(f, "source {source} ({}): session {session} {recovered}", sensor.id)?;
                for (index, file) in done.files.iter().enumerate() {
                    write!(f, "{} '{}'", if index == 0 { ":" } else { " and" }, file.file.display())?;
                }
                write!(f, ", {length:.3} s, {} bytes", done.bytes)?;
                write!(f, ", asked {}, actual {}", interval(asked), interval(&done.actual))?;
                for note in &done.notes {
                    write!(f, "; {note}")?;
                }
                f.write_str(&event(id))
            }
            Self::Failed(failed) => {
                let Header { id, sensor, source, session, .. } = &failed.header;
                write!(f, "source {source} ({}): session {session} failed", sensor.id)?;
                write!(f, ": {}", failed.reason)?;
                for file in failed.files.iter().map(|file| &file.file).chain(&failed.file) {
                    write!(f, "; what was written is in '{}'", file.display())?;
                }
                f.write_str(&event(id))
            }
        }
    }
}

fn interval(times: &Times) -> String {
    match (times.start, times.end) {
        (Some(start), Some(end)) => format!("[{start}, {end})"),
        _ => times.running().to_string(),
    }
}

#[cfg(test)]
mod tests;
