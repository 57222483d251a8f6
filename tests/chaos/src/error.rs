//! What keeps a case from being tried or from being judged.
//! Each message says what, where and what to do.
//! A promise that was not kept is no error but a line of the table: see `table`.

use std::path::PathBuf;

/// Why a case has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine lacks something that the case needs: the case counts as not run.
    #[error("{0}")]
    Missing(String),
    /// The system refused something that it should not refuse.
    #[error("cannot {what} ({}): {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A program of the system failed.
    #[error("{command}: {reason}")]
    Command {
        /// As it was called.
        command: String,
        /// Its own words, or the system's.
        reason: String,
    },
    /// The process that records did not do what it was told.
    #[error("the victim {0}")]
    Victim(String),
    /// A camera, a wait or a decoder of the test bed.
    #[error(transparent)]
    Testbed(#[from] testbed::Error),
    /// GStreamer itself, the engine's own error, or a setup that cannot be read.
    #[error("{what}: {reason}")]
    Setup {
        /// What was to be set up.
        what: &'static str,
        /// Why it was not.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>, error: std::io::Error) -> Self {
        Self::Io { what, path: path.into(), error }
    }

    pub(crate) fn setup(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Setup { what, reason: reason.to_string() }
    }
}
