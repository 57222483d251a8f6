//! What the engine tells its owner of its own accord: ends of sessions, sources lost, back and ended, notices.
//! Answers to requests are return values. How events reach people is left to the owner.

use std::sync::Arc;

use crate::{DoneRecord, FailedRecord};

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A recording is complete.
    Done(Box<DoneRecord>),
    /// A session ended without a complete file.
    Failed(Box<FailedRecord>),
    /// Of a recordbin alone: another session's recording has begun, or its end has come. Its done or failed record follows.
    SessionsChanged,
    /// Of a recordbin alone: it has come into the state PLAYING, or left it.
    Playing(bool),
    /// A source sends nothing more, for good.
    SourceEnded {
        /// Which one.
        source: usize,
        /// Why, if it did not just end.
        error: Option<String>,
    },
    /// A source cannot be heard any more. Attempts to reach it go on until it is back, and are not told one by one.
    SourceLost {
        /// Which one.
        source: usize,
        /// That it is lost and why, in a sentence that names it.
        text: String,
    },
    /// A lost source sends again.
    SourceBack {
        /// Which one.
        source: usize,
        /// That it is back and after how long, in a sentence that names it.
        text: String,
    },
    /// A session of an earlier process, which had ended while it ran, has been completed, or nothing is left of it.
    Recovered(Result<Box<DoneRecord>, Box<FailedRecord>>),
    /// All that earlier processes had left has been looked after. Told once, soon after the start.
    RecoveryEnded,
    /// Something that people should know, in a sentence that names the source.
    Notice(String),
}

/// Takes events, from any thread; must return soon and must not call back into the engine. [`Event::SessionsChanged`] and
/// [`Event::Notice`] may come on a thread of low priority, which threads that are started there inherit.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;
