//! What the engine tells its owner of its own accord: ends of sessions, ends of sources, notices.
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
    /// A source sends nothing more.
    SourceEnded {
        /// Which one.
        source: usize,
        /// Why, if it did not just end.
        error: Option<String>,
    },
    /// Something that people should know, in a sentence that names the source.
    Notice(String),
}

/// Takes events, from any thread; must return soon and must not call back into the engine.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;
