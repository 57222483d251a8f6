//! The one error type of the test bed.
//! Each message says what failed, where, and what to do about it where that is known.
//! Left to others: which of these a test expects.

use std::path::PathBuf;
use std::time::Duration;

/// What can go wrong with a camera, a judge or a wait.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, folder or socket could not be used.
    #[error("cannot {what} ({path}): {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// GStreamer refused a pipeline or reported an error while it ran.
    #[error("GStreamer: {what}: {reason} (`make setup` installs the plugins that the test bed needs)")]
    Gst {
        /// What was tried.
        what: String,
        /// GStreamer's words.
        reason: String,
    },
    /// A setting of a scene that no encoder or counter could work with.
    #[error("scene: {0}")]
    Scene(String),
    /// A recording does not hold what it must hold.
    #[error("{path}: {fault}")]
    Recording {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The frames of a recording are not one unbroken run.
    #[error("frames: {0}")]
    Frames(String),
    /// A tool could not be run or failed.
    #[error("{tool}: {reason}")]
    Tool {
        /// The program.
        tool: String,
        /// Its own words, or the system's.
        reason: String,
    },
    /// The hang guard of a wait ran out.
    #[error("waited {waited:?} in vain for {what}; last seen:\n{seen}")]
    Hung {
        /// What should have happened.
        what: String,
        /// The hang guard.
        waited: Duration,
        /// What was there instead.
        seen: String,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { what, path: path.into(), source }
    }

    pub(crate) fn gst(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Gst { what: what.into(), reason: reason.to_string() }
    }
}
