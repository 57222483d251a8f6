//! What can go wrong when a context is made, in words for the person who wrote the program.
//! Starts that are refused are answers, not errors: `recorder::core::Rejection`.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A value of NvDsSRInitParams, or a property.
    #[error("{field} = '{value}': {reason}")]
    Parameter {
        /// Its name.
        field: &'static str,
        /// What the program gave.
        value: String,
        /// What is allowed.
        reason: String,
    },
    /// GStreamer's own elements are not there.
    #[error("the GStreamer element '{0}' is missing. Install the package libgstreamer1.0-0")]
    MissingElement(&'static str),
    /// A stream of the element.
    #[error("the stream cannot be brought to the recordbin: {0}")]
    Stream(String),
    /// No thread.
    #[error("the system gives no thread")]
    Thread,
    /// The engine's.
    #[error(transparent)]
    Recorder(#[from] recorder::Error),
}
