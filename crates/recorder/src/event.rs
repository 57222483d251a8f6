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
    /// Something that people should know, in a sentence that names the source.
    Notice(String),
}

/// Takes events, from any thread; must return soon and must not call back into the engine.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;
