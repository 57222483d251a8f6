//! Done and failed records: what a session was asked for and what it delivered, for receipts, sidecars and logs.
//! Plain data with a JSON form (docs/schema). Filling it in is left to the writer, and after a crash to `recovery`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Container;
use crate::core::{EndReason, Gap, Gaps, Interval, RunningTime, SessionId, Utc, UtcInterval, UtcOrigin};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// Its name.
    pub id: String,
}

/// An interval on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

    /// A part of it, counted from its start.
    pub(crate) fn part(&self, part: Range<Duration>) -> Self {
        let start = self.running().start;
        let utc = self.start.map(|start| UtcInterval { start: start + part.start, end: start + part.end });
        Self::new(Interval { start: start + part.start, end: start + part.end }, utc)
    }

    /// Nanoseconds from `other`'s start to this one's. The two clocks differ by jitter; what only one of them says is none.
    fn start_after(&self, other: &Self) -> u64 {
        after(self.start_running_ns, other.start_running_ns, self.start.zip(other.start))
    }

    /// The same for the ends.
    fn end_after(&self, other: &Self) -> u64 {
        after(self.end_running_ns, other.end_running_ns, self.end.zip(other.end))
    }

    /// The running-time form.
    pub fn running(&self) -> Interval {
        Interval { start: RunningTime(self.start_running_ns), end: RunningTime(self.end_running_ns) }
    }
}

fn after(later: i64, earlier: i64, utc: Option<(Utc, Utc)>) -> u64 {
    let by_running = later.saturating_sub(earlier);
    let nanos = utc.map_or(by_running, |(later, earlier)| by_running.min(later.0.saturating_sub(earlier.0)));
    u64::try_from(nanos).unwrap_or(0)
}

/// The video in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// One file of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileRecord {
    /// Where it is.
    pub file: PathBuf,
    /// The interval that it holds.
    pub actual: Times,
    /// The interval that a player shows, where the file says so (`smart-rec-trim`); else all that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presented: Option<Times>,
    /// The video, if there is any.
    pub video: Option<VideoTrack>,
    /// The audio, if there is any.
    pub audio: Option<AudioTrack>,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits; only where a sidecar is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A hole in what was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GapRecord {
    /// Start of the last frame before it.
    pub after_running_ns: i64,
    /// Start of the first frame after it.
    pub until_running_ns: i64,
}

impl From<&Gap> for GapRecord {
    fn from(gap: &Gap) -> Self {
        Self { after_running_ns: gap.after.0, until_running_ns: gap.until.0 }
    }
}

/// A further trigger that a session has served (overlap policies `extend` and `merge`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MergedTrigger {
    /// Its event id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it asked for.
    pub asked: Times,
    /// From the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// What every record of a session begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// The caller's event id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whose recording.
    pub sensor: Sensor,
    /// The source's index.
    pub source: usize,
    /// The session.
    pub session: SessionId,
    /// The interval that was asked for, as it stood at the end; in a receipt, what its own trigger asked for.
    pub asked: Times,
}

/// A complete recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DoneRecord {
    /// Which session.
    #[serde(flatten)]
    pub header: Header,
    /// The first, and nearly always the only file.
    pub file: PathBuf,
    /// All files in order: a stream that changes its format goes on in another one.
    pub files: Vec<FileRecord>,
    /// The interval that the files hold, the lead included.
    pub actual: Times,
    /// Whose clock UTC rests on.
    pub utc_origin: Option<UtcOrigin>,
    /// How much the recording holds before the asked start, because decoding begins at a keyframe.
    pub lead_ns: u64,
    /// How much of the asked interval is missing at its start.
    pub missing_at_start_ns: u64,
    /// How much of the asked interval is missing at its end.
    pub missing_at_end_ns: u64,
    /// Holes, at most 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapRecord>,
    /// All holes.
    pub gap_count: u64,
    /// File format.
    pub container: Container,
    /// Size of all files.
    pub bytes: u64,
    /// Why it ended.
    pub ended: EndReason,
    /// The process ended while it was written; a later one has completed it.
    pub recovered: bool,
    /// The same and all that is short of what was asked, in sentences.
    pub notes: Vec<String>,
    /// Triggers that have been joined with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedTrigger>,
    /// What the first trigger itself asked for, where others have widened that.
    #[serde(skip)]
    pub first_asked: Option<Times>,
    /// From the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// A session without a complete recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedRecord {
    /// Which session.
    #[serde(flatten)]
    pub header: Header,
    /// What there is of the recording that is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What is complete of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRecord>,
    /// Why, in a sentence.
    pub reason: String,
    /// Triggers that have been joined with this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedTrigger>,
    /// What the first trigger itself asked for, where others have widened that.
    #[serde(skip)]
    pub first_asked: Option<Times>,
    /// From the trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// A record of one session answers all its triggers: each gets one with its own event id, interval and metadata.
macro_rules! for_each_trigger {
    ($record:ty, $adapt:expr) => {
        impl $record {
            /// The record for each trigger that the session has served, the first one's first.
            /// What the others brought along is in theirs alone.
            pub fn for_each_trigger(mut self) -> impl Iterator<Item = Self> {
                let merged = self.merged.clone();
                self.merged.iter_mut().for_each(|trigger| trigger.metadata = None);
                let rest = merged.into_iter().map({
                    let record = self.clone();
                    move |trigger| {
                        let mut own = record.clone();
                        own.ask(trigger.asked);
                        own.header.id = trigger.id;
                        own.metadata = trigger.metadata;
                        own
                    }
                });
                if let Some(asked) = self.first_asked.take() {
                    self.ask(asked);
                }
                std::iter::once(self).chain(rest)
            }

            fn ask(&mut self, asked: Times) {
                self.header.asked = asked;
                let adapt: fn(&mut Self) = $adapt;
                adapt(self);
            }
        }
    };
}

impl DoneRecord {
    /// Finds out how the actual interval differs from the asked one.
    pub(crate) fn compare(&mut self) {
        let (asked, actual) = (self.header.asked, self.actual);
        self.lead_ns = asked.start_after(&actual);
        self.missing_at_start_ns = shortage(actual.start_after(&asked));
        self.missing_at_end_ns = shortage(asked.end_after(&actual));
    }
}

for_each_trigger!(DoneRecord, |own| {
    let session = (own.missing_at_start_ns, own.missing_at_end_ns);
    own.compare();
    if session != (own.missing_at_start_ns, own.missing_at_end_ns) {
        own.notes = notes(own.ended, (own.missing_at_start_ns, CACHE_BEGINS), own.missing_at_end_ns, &Gaps::default())
            .into_iter()
            .chain(own.notes.drain(..).filter(|note| !is_about_interval(note)))
            .collect();
    }
});
for_each_trigger!(FailedRecord, |_| {});

/// Durations of frames are rounded; less than a millisecond is no shortage.
pub(crate) fn shortage(nanos: u64) -> u64 {
    if nanos >= 1_000_000 { nanos } else { 0 }
}

/// How the notes begin that depend on the asked interval.
const ENDED: &str = "ended: ";
const BEGINS: &str = "begins ";
const ENDS: &str = "ends ";

fn is_about_interval(note: &str) -> bool {
    [ENDED, BEGINS, ENDS].iter().any(|start| note.starts_with(start))
}

/// Why a recording begins after its asked start.
pub(crate) const CACHE_BEGINS: &str = "the cache did not reach further back";

/// What is short of what was asked, in sentences: at the start (and why), at the end, and in between.
pub(crate) fn notes(
    reason: EndReason,
    (missing_at_start, why): (u64, &str),
    missing_at_end: u64,
    gaps: &Gaps,
) -> Vec<String> {
    let seconds = |nanos: u64| format!("{:.3} s", nanos as f64 / 1e9);
    let mut notes = vec![format!("{ENDED}{}", reason.as_str())];
    if missing_at_start > 0 {
        notes.push(format!("{BEGINS}{} after the asked start: {why}", seconds(missing_at_start)));
    }
    if missing_at_end > 0 {
        notes.push(format!("{ENDS}{} before the asked end: {}", seconds(missing_at_end), reason.as_str()));
    }
    let pauses = gaps.count - gaps.interruptions;
    if pauses > 0 {
        notes.push(format!("the source paused {pauses} times"));
    }
    if gaps.interruptions > 0 {
        notes.push(format!("the source was interrupted {} times", gaps.interruptions));
    }
    notes
}
