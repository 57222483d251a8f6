//! What can be asked of a source's core, its rules, and its answers. Values only.
//! Deciding is left to `source_core`.

use std::time::Duration;

use super::session::SessionId;
use super::time::{Interval, RunningTime, Utc, UtcInterval};

/// What to do when a start comes while another session of the source runs (`smart-rec-overlap`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Each session has a file of its own.
    Separate,
    /// The running session goes on to the new end, if the two intervals touch; else as `Separate`.
    Extend,
    /// As `Extend`, and the running session begins earlier too, as far as the cache allows.
    Merge,
    /// The new one is rejected (NVIDIA's way).
    Reject,
}

/// The rules of one source.
#[derive(Clone, Copy, Debug)]
#[repr(C)] // What each push looks at comes last, where the core goes on.
pub struct Config {
    /// Length of the cache.
    pub window: Duration,
    /// Length after the trigger where a request names no end.
    pub default_duration: Duration,
    /// Longest session; zero: no limit. What is asked beyond it is not recorded, and the records say so.
    pub max_duration: Duration,
    /// Running sessions at most.
    pub max_sessions: u32,
    /// Media bytes that sessions have still to read, beyond the cache: the session that is behind by more ends with an
    /// error.
    pub max_pending: usize,
    /// Policy where a request names none.
    pub overlap: Overlap,
    /// Video and audio are wanted: a file that is to begin while only one of them has come waits a little for the other.
    pub both: bool,
    /// A start before the first frame is accepted and waits for it, instead of being rejected.
    pub early: bool,
    /// Byte budget of the cache, audio included; 0: none.
    pub cache_bytes: usize,
}

impl Config {
    /// [`Config::max_sessions`] where nobody says otherwise.
    pub const MAX_SESSIONS: u32 = 16;

    /// [`Config::max_pending`] where nobody says otherwise: what a slow disk needs 50 s for.
    pub const MAX_PENDING: usize = 256 << 20;
}

/// A moment that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the request arrives.
    Now,
    /// So long before that.
    Ago(Duration),
    /// So long after that.
    In(Duration),
    /// A moment in UTC.
    Utc(Utc),
}

/// Asks for a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartRequest {
    /// Asked start.
    pub start: Moment,
    /// Asked end; `None`: the default duration after the trigger (after the start, where that lies in the future).
    pub end: Option<Moment>,
    /// Policy of this start; `None`: the source's.
    pub overlap: Option<Overlap>,
}

/// What a start means on the source's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    /// The asked interval.
    pub(crate) asked: Interval,
    /// The same in UTC.
    pub(crate) utc: Option<UtcInterval>,
    /// Where recording ends: the asked end, or where `smart-rec-max-duration` says so.
    pub(crate) end: RunningTime,
    /// It is the latter.
    pub(crate) limited: bool,
}

/// A byte budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Of one source's cache.
    Source,
    /// Of all caches of the process.
    Total,
}

impl Budget {
    /// The parameter that sets it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Source => "smart-rec-cache-bytes",
            Self::Total => "smart-rec-total-cache-bytes",
        }
    }
}

/// Why a recording begins after its asked start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// The cache begins later.
    Cache,
    /// The cache begins later, because of a byte budget.
    Budget(Budget),
    /// The session that the start was joined with has begun later.
    Joined,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cache => f.write_str("the cache does not reach further back"),
            Self::Budget(budget) => write!(f, "the byte budget {} has shortened the cache", budget.key()),
            Self::Joined => f.write_str("the running session that it extends began then"),
        }
    }
}

/// The answer to a request that became a session, or part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The session.
    pub session: SessionId,
    /// It ran already: the request has been joined with it.
    pub merged: bool,
    /// The asked interval.
    pub asked: Interval,
    /// The same in UTC.
    pub asked_utc: Option<UtcInterval>,
    /// Where the recording will begin instead of the asked start, and why.
    pub late: Option<(RunningTime, Late)>,
    /// Where it will end instead of the asked end, because it would be longer than `smart-rec-max-duration`.
    pub limited: Option<RunningTime>,
}

/// Why a request did not become a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Before the first frame there is no "now" to start from.
    #[error("the source has not sent anything yet")]
    NothingYet,
    /// After the end of the stream.
    #[error("the source has ended")]
    SourceEnded,
    /// `smart-rec-max-sessions`.
    #[error("{running} sessions of this source run already, as many as smart-rec-max-sessions allows")]
    TooManySessions {
        /// How many run.
        running: u32,
    },
    /// Sessions that have all they were asked for, and whose writers are not through.
    #[error("{open} sessions of this source are still being written; ask again when some of them are done")]
    TooManyUnfinished {
        /// How many.
        open: usize,
    },
    /// Overlap policy `reject`.
    #[error("session {session} of this source still runs, and the overlap policy is 'reject'")]
    Overlaps {
        /// The one that runs.
        session: SessionId,
    },
    /// The source has failed, for a reason that was told then.
    #[error("the source has failed; the log says why")]
    SourceLost,
    /// Far in the future: rather a wrong clock than a plan, and it would take a place until then.
    #[error("the asked start lies more than 24 hours ahead of the source's time, which is {now}")]
    TooFarAhead {
        /// The source's UTC when the request came.
        now: Utc,
    },
    /// `end` at or before `start`.
    #[error("the asked end is not after the asked start")]
    EmptyInterval,
    /// Past what is cached.
    #[error("the asked interval ended before the cache begins: it is gone")]
    OlderThanCache,
    /// With `recordbin-lib`: another session runs.
    #[error(
        "session {session} of this source still runs, and the library of recordbin-lib records one at a time; stop it, or ask \
         again when it is done"
    )]
    LibraryRecords {
        /// The one that runs.
        session: SessionId,
    },
    /// With `recordbin-lib`: the file before is not complete.
    #[error(
        "the file of session {session} of this source is being completed, and the library of recordbin-lib records one at a \
         time; ask again when it is done"
    )]
    LibraryCompletes {
        /// The one whose file it is.
        session: SessionId,
    },
    /// With `recordbin-lib`: a start in the future.
    #[error(
        "the asked start lies {:.3} s ahead, and the library of recordbin-lib can only begin at once; ask again then", 
        ahead.as_secs_f64()
    )]
    LibraryCannotWait {
        /// How far.
        ahead: Duration,
    },
    /// With `recordbin-lib`: the source is lost, and tried again.
    #[error(
        "the source is lost at the moment, and the library of recordbin-lib can only record what comes; ask again then"
    )]
    LibraryNeedsSource,
    /// With `recordbin-lib`: it does not start.
    #[error("the library of recordbin-lib does not start a recording: {status}")]
    LibraryRefuses {
        /// What it returned, in words.
        status: String,
    },
    /// A stop for nothing.
    #[error("no session of this source runs")]
    NoSession,
    /// A stop for one that does not run.
    #[error("session {session} of this source does not run")]
    NoSuchSession {
        /// The one that was named.
        session: SessionId,
    },
}
