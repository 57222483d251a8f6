//! One encoded access unit as the core sees it: its times and whether decoding can begin with it.
//! The media data is the caller's payload, which the core passes on and never opens.
//! Where frames are kept is left to `cache`.

use std::time::Duration;

use super::payload::Facts;
use super::time::{RunningTime, Utc};

/// Which of a source's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// What arrives on the recordbin's pad `sink`.
    Video,
    /// What arrives on the recordbin's pad `asink`.
    Audio,
}

impl Stream {
    /// Both, video first.
    pub const BOTH: [Self; 2] = [Self::Video, Self::Audio];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Video => Self::Audio,
            Self::Audio => Self::Video,
        }
    }

    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// An encoded access unit (a picture, or some milliseconds of sound).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<P> {
    /// When it is shown (presentation time).
    pub start: RunningTime,
    /// When it is decoded; the same as `start` in streams without B-frames. Never goes back within a stream.
    pub decode: RunningTime,
    /// How long it is shown, where the stream says so.
    pub duration: Option<Duration>,
    /// When the sender made it, by the sender's own clock, where it says so.
    pub utc: Option<Utc>,
    /// Decoding can begin here. True for every frame of the common audio codecs.
    pub keyframe: bool,
    /// The stream was interrupted before it, or its time began anew. Set by the core.
    pub discont: bool,
    /// What it takes of memory, in bytes: its media and what keeps them.
    pub bytes: usize,
    /// All of it but `discont` is what the payload says by itself, with the stream's times as they are told to the core.
    pub plain: bool,
    /// The media itself; clones must be cheap (a reference).
    pub payload: P,
}

impl<P> Frame<P> {
    /// A frame that is decoded when it is shown, and of which nothing else is known.
    pub fn new(start: RunningTime, keyframe: bool, bytes: usize, payload: P) -> Self {
        Self { start, decode: start, duration: None, utc: None, keyframe, discont: false, bytes, plain: false, payload }
    }

    /// A frame of which these are the facts.
    pub(crate) fn of(facts: Facts, discont: bool, plain: bool, payload: P) -> Self {
        let Facts { start, decode, duration, utc, keyframe, bytes } = facts;
        Self { start, decode, duration, utc, keyframe, discont, bytes, plain, payload }
    }

    /// What is known of it.
    pub(super) fn facts(&self) -> Facts {
        let Self { start, decode, duration, utc, keyframe, bytes, .. } = *self;
        Facts { start, decode, duration, utc, keyframe, bytes }
    }

    /// The same frame with another payload, which takes so many bytes.
    pub(crate) fn with<Q>(&self, payload: Q, bytes: usize) -> Frame<Q> {
        let Self { start, decode, duration, utc, keyframe, discont, .. } = *self;
        Frame { start, decode, duration, utc, keyframe, discont, bytes, plain: false, payload }
    }

    /// When the next frame is due, as far as this frame knows: `start` plus the duration, or `start` alone.
    pub fn end(&self) -> RunningTime {
        self.start + self.duration.unwrap_or(Duration::ZERO)
    }
}
