//! One session that a library records, as a value: what it was asked for, where it is, and when it is to be ended.
//! The library is told by `session_thread`; whoever asks for a session or stops it is answered by `sessions`.

use std::path::PathBuf;
use std::time::Duration;

use super::context::Completed;
use crate::core::{Arrival, EndReason, RunningTime, STALL, SessionId, SourceCore};
use crate::writer::Account;

/// What is noted of each frame that arrives: its size in bytes.
pub(super) type Notes = SourceCore<u64, gst::Caps>;

/// Why a session is to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is complete, or as complete as it can be.
    Because(EndReason),
    /// The library has failed.
    Failed(String),
}

/// Where a session is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The library records, or is being asked to.
    Recording {
        /// Something has ended it before its end.
        ending: Option<Ending>,
    },
    /// The library has been told to stop.
    Completing,
    /// Its file is complete, or never will be: the pipeline may go down.
    Complete,
}

/// What is to be done for a session that the library records.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for so long, if nothing happens.
    Wait(Duration),
    /// Stop it.
    End(Ending),
}

/// See the module.
pub(super) struct Session {
    pub(super) id: SessionId,
    /// No other session of the process has it.
    pub(super) serial: usize,
    pub(super) account: Account,
    /// Where the library is stopped.
    pub(super) until: RunningTime,
    /// That is at `smart-rec-max-duration`.
    pub(super) limited: bool,
    /// The asked end had passed when it was asked for.
    pub(super) in_the_past: bool,
    /// The library's cache began after the asked start.
    pub(super) before_cache: bool,
    pub(super) stage: Stage,
    /// Where the library writes to, if it shows that.
    pub(super) location: Option<PathBuf>,
    /// What the library has said of its file.
    pub(super) completed: Option<Completed>,
    /// Somebody tells its end already.
    pub(super) answered: bool,
}

impl Session {
    /// Whether the library is still to go on with it.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Recording { ending: None })
    }

    /// Ends it, unless something else has.
    pub(super) fn end(&mut self, with: Ending) {
        if let Stage::Recording { ending } = &mut self.stage {
            ending.get_or_insert(with);
        }
    }

    /// The one transition of a session that is recorded, as things are now.
    pub(super) fn step(&self, notes: &Notes, at: Arrival) -> Step {
        if let Stage::Recording { ending: Some(ending) } = &self.stage {
            return Step::End(ending.clone());
        }
        if self.completed.is_some() {
            return Step::End(Ending::Failed("the library has ended the recording by itself".into()));
        }
        let reached = if self.limited { EndReason::MaxDuration } else { EndReason::EndReached };
        let over = self.until + STALL;
        match (notes.cache(notes.main()).newest(), notes.timeline().now(at)) {
            (Some(newest), _) if newest >= self.until => Step::End(Ending::Because(reached)),
            (_, Some(now)) if now >= over => Step::End(Ending::Because(EndReason::Stalled)),
            (_, now) => Step::Wait(now.map_or(STALL, |now| over.since(now))),
        }
    }

    /// Whether the library speaks of this session: by the file's name where that is known, since a start may have replaced
    /// what the library gives back (facts: smart-record-behaviour.md, section 5).
    pub(super) fn is_meant(&self, completed: &Completed) -> bool {
        match (self.location.as_ref().and_then(|location| location.file_name()), completed.file_name()) {
            (Some(expected), Some(name)) => expected == name,
            _ => completed.serial == self.serial,
        }
    }
}
