//! What can go wrong in the engine, in words for the person who set it up.
//! Each message says what, where and what to do. Rejected requests are answers, not errors: `core::Rejection`.

use std::path::PathBuf;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer cannot be initialised: {0}. Check the GStreamer installation with gst-inspect-1.0")]
    Gstreamer(String),
    /// An element that the engine needs is not installed.
    #[error("the GStreamer element '{element}' is missing. Install the package {package}")]
    MissingElement {
        /// Name of its factory.
        element: &'static str,
        /// Debian's package.
        package: &'static str,
    },
    /// No thread could be started.
    #[error("a thread for {purpose} cannot be started: {error}")]
    Thread {
        /// What it was for.
        purpose: &'static str,
        /// The system's words.
        error: std::io::Error,
    },
    /// The recording folder is not there or not a folder.
    #[error("the folder '{}' cannot be used: {error}. Name a folder that exists and can be written to", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// The library that is to record cannot be used.
    #[error(
        "the library '{}' cannot record: {reason}. Name a libnvdsgst_smartrecord.so, or none for the recorder's own recordbin",
        path.display()
    )]
    RecordbinLib {
        /// As it was named.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A source that cannot be understood.
    #[error("source {index} ('{uri}'): {reason}")]
    Source {
        /// Position in the list, from 0.
        index: usize,
        /// The URI without its password.
        uri: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The caller has cancelled the completion of an earlier process's recording; everything is as it was.
    #[error("completing '{}' was cancelled; the next start does it", file.display())]
    CompletionCancelled {
        /// The unfinished recording.
        file: PathBuf,
    },
    /// An earlier process's recording stays unfinished where it is, and plays as far as it did.
    #[error("the unfinished recording '{}' cannot be completed and stays as it is: {reason}", file.display())]
    Incomplete {
        /// The unfinished recording.
        file: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}
