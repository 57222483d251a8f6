//! What the core decides for a session's file, in the order in which it is to be done, and how a session ends.
//! Values only: deciding is left to `session`, doing to the writer.

use std::time::Duration;

use super::frame::{Frame, Stream};
use super::progress::{Delivered, Gaps};
use super::time::{Interval, RunningTime, UtcInterval};

/// What is to be done for a session, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<P, C> {
    /// Open a file for these streams; its time begins at `first`.
    Open {
        /// Main stream first.
        streams: Vec<(Stream, C)>,
        /// Start of the first frame of the main stream.
        first: RunningTime,
        /// The main stream's frames have no decoding times of their own, and B-frames among them.
        unordered: bool,
        /// It takes the place of the file that is open: it holds all of that once more, and more before it.
        restart: bool,
    },
    /// Append a frame.
    Write {
        /// To which track.
        stream: Stream,
        /// The frame.
        frame: Frame<P>,
    },
    /// Nothing more of a stream will be written, while another one goes on.
    EndStream {
        /// Which track.
        stream: Stream,
    },
    /// Finish the file; the session goes on in another one.
    ClosePart {
        /// What it holds.
        delivered: Delivered,
    },
    /// Finish the file, if one is open, and with it the session.
    Close {
        /// The figures.
        ended: Box<Ended>,
    },
    /// The session ends without a complete recording.
    Fail {
        /// Why.
        reason: FailReason,
    },
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The asked end was reached.
    EndReached,
    /// A stop message came.
    Stopped,
    /// It is as long as `smart-rec-max-duration` allows.
    MaxDuration,
    /// The source ended.
    EndOfStream,
    /// The source failed.
    SourceLost,
    /// The source's format changed, and no keyframe came after that.
    FormatChanged,
    /// The source has sent nothing since well before the asked end.
    Stalled,
    /// The graph stopped.
    Shutdown,
    /// The process ended while it ran; it was completed from what was on disk.
    Crashed,
}

impl EndReason {
    /// The word as receipts and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndReached => "end reached",
            Self::Stopped => "stopped by message",
            Self::MaxDuration => "as long as smart-rec-max-duration allows",
            Self::EndOfStream => "end of stream",
            Self::SourceLost => "source lost",
            Self::FormatChanged => "the stream's format changed, and no keyframe came after that",
            Self::Stalled => "the source stopped sending",
            Self::Shutdown => "the graph stopped",
            Self::Crashed => "the process ended while it was written",
        }
    }
}

/// Why a session ended without a complete recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// Nothing that can be decoded came within the interval.
    #[error("no keyframe came within the asked interval ({})", ended.as_str())]
    NoKeyframe {
        /// What ended the wait.
        ended: EndReason,
    },
    /// The disk is too slow, or hangs.
    #[error("the disk cannot keep up: {} MiB wait to be written, more than smart-rec-max-pending-bytes allows", bytes >> 20)]
    Overrun {
        /// How much has still to be written.
        bytes: usize,
    },
}

/// The end of a session that has delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was asked for, as it stood at the end (a stop message moves the end, a joined start widens it).
    pub asked: Interval,
    /// The same in UTC, as the request named it or as it was when the request came.
    pub asked_utc: Option<UtcInterval>,
    /// From the first frame to the end of the last one, over all files.
    pub interval: Interval,
    /// The same by the sender's own clock, where the frames say it.
    pub utc: Option<UtcInterval>,
    /// What the file holds that was open; `None` if none was.
    pub last_file: Option<Delivered>,
    /// Where the stream paused.
    pub gaps: Gaps,
    /// Sound came when the file had no place for it: after it had begun, or after a pause of more than 5 s.
    pub missed_other: bool,
    /// What the recording holds before the asked start, since decoding begins at a keyframe.
    pub lead: Duration,
    /// What is missing at the asked start.
    pub missing_at_start: Duration,
    /// What is missing at the asked end.
    pub missing_at_end: Duration,
    /// Why it ended.
    pub reason: EndReason,
}
