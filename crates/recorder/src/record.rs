//! Done and failed records: what a session was asked for and what it delivered, for receipts, sidecars and logs.
//! Plain data with a JSON form. Filling it in is left to the writer.

use std::path::PathBuf;

use serde::Serialize;

use crate::Container;
use crate::core::nanos;
use crate::core::{Delivered, EndReason, Ended, Interval, SessionId, Utc, UtcInterval, UtcOrigin};

/// Version of the JSON form; a member that changes its meaning raises it.
pub const VERSION: u32 = 1;

/// What a trigger brings along and gets back in every receipt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// The caller's event id.
    pub id: Option<String>,
    /// Whatever the caller wants to keep with the recording.
    pub metadata: Option<serde_json::Value>,
}

/// Which source a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    /// Position in the list of sources, from 0.
    pub index: usize,
    /// The sensor's name.
    pub sensor: String,
}

/// The form that a message names a sensor in.
#[derive(Clone, Debug, Serialize)]
pub struct Sensor {
    /// Its name.
    pub id: String,
}

/// An interval on both clocks.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Times {
    /// Start in UTC.
    pub start: Option<Utc>,
    /// End in UTC.
    pub end: Option<Utc>,
    /// Start in the stream's running time.
    pub start_running_ns: i64,
    /// End in the stream's running time.
    pub end_running_ns: i64,
}

impl Times {
    /// Joins the two forms of one interval.
    pub fn new(running: Interval, utc: Option<UtcInterval>) -> Self {
        Self {
            start: utc.map(|utc| utc.start),
            end: utc.map(|utc| utc.end),
            start_running_ns: running.start.0,
            end_running_ns: running.end.0,
        }
    }

    /// The running-time form.
    pub fn running(&self) -> Interval {
        use crate::core::RunningTime;
        Interval { start: RunningTime(self.start_running_ns), end: RunningTime(self.end_running_ns) }
    }
}

/// The video in a file.
#[derive(Clone, Debug, Serialize)]
pub struct VideoTrack {
    /// `H.264`, `H.265`, …
    pub codec: String,
    /// Pixels.
    pub width: Option<i32>,
    /// Pixels.
    pub height: Option<i32>,
    /// Access units.
    pub frames: u64,
}

/// The audio in a file.
#[derive(Clone, Debug, Serialize)]
pub struct AudioTrack {
    /// `AAC`, `Opus`, …
    pub codec: String,
    /// How many channels.
    pub channels: Option<i32>,
    /// Samples per second.
    pub rate: Option<i32>,
    /// Access units.
    pub frames: u64,
}

/// A hole in what was delivered.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GapRecord {
    /// Start of the last frame before it.
    pub after_running_ns: i64,
    /// Start of the first frame after it.
    pub until_running_ns: i64,
}

/// A complete recording.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DoneRecord {
    /// [`VERSION`].
    pub version: u32,
    /// The caller's event id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whose recording.
    pub sensor: Sensor,
    /// The source's index.
    pub source: usize,
    /// The session.
    pub session: SessionId,
    /// The recording.
    pub file: PathBuf,
    /// The interval that was asked for.
    pub asked: Times,
    /// The interval that the file holds, its lead included.
    pub actual: Times,
    /// Whose clock UTC rests on.
    pub utc_origin: Option<UtcOrigin>,
    /// How much the file holds before the asked start, because decoding begins at a keyframe.
    pub lead_ns: u64,
    /// How much of the asked interval is missing at its start.
    pub missing_at_start_ns: u64,
    /// How much of the asked interval is missing at its end.
    pub missing_at_end_ns: u64,
    /// Holes, at most 100 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapRecord>,
    /// All holes.
    pub gap_count: u64,
    /// File format.
    pub container: Container,
    /// The video, if there is any.
    pub video: Option<VideoTrack>,
    /// The audio, if there is any.
    pub audio: Option<AudioTrack>,
    /// Size of the file.
    pub bytes: u64,
    /// Why it ended.
    pub ended: EndReason,
    /// The same and all that is short of what was asked, in sentences.
    pub notes: Vec<String>,
    /// From the trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// A session without a complete recording.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedRecord {
    /// [`VERSION`].
    pub version: u32,
    /// The caller's event id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whose recording.
    pub sensor: Sensor,
    /// The source's index.
    pub source: usize,
    /// The session.
    pub session: SessionId,
    /// What there is of the file, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Why, in a sentence.
    pub reason: String,
    /// From the trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// A session's end on both clocks, as the core and its timeline have it.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The core's figures.
    pub ended: Ended,
    /// The delivered interval in UTC.
    pub actual_utc: Option<UtcInterval>,
    /// Whose clock UTC rests on.
    pub utc_origin: Option<UtcOrigin>,
}

impl Closing {
    /// Nanoseconds that are missing at the start and at the end of the asked interval.
    pub(crate) fn missing(&self) -> (u64, u64) {
        /// Durations of frames are rounded; less than this is no shortage.
        const ROUNDING: u64 = 1_000_000;
        let nanos = |duration| Some(nanos(duration)).filter(|missing| *missing >= ROUNDING).unwrap_or(0);
        let (asked, actual) = (self.ended.asked, self.ended.delivered.interval);
        (nanos(actual.start.since(asked.start)), nanos(asked.end.since(actual.end)))
    }

    /// What is short of what was asked, in sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        let seconds = |nanos: u64| format!("{:.3} s", nanos as f64 / 1e9);
        let Delivered { gap_count, .. } = &self.ended.delivered;
        let (start, end) = self.missing();
        let mut notes = vec![format!("ended: {}", self.ended.reason.as_str())];
        if start > 0 {
            notes
                .push(format!("begins {} after the asked start: the cache did not reach further back", seconds(start)));
        }
        if end > 0 {
            notes.push(format!("ends {} before the asked end: {}", seconds(end), self.ended.reason.as_str()));
        }
        if *gap_count > 0 {
            notes.push(format!("the source paused {gap_count} times"));
        }
        notes
    }
}
