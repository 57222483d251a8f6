//! What can go wrong when the components of the extension are set up, in words for the person who wrote the graph.
//! The `gxf` crate puts entity and component before each message and writes it to the log once.

/// An error of a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A parameter's value does not go with the others, or cannot be read.
    #[error("parameter '{key}' = {value:?}: {reason}")]
    Parameter {
        /// Its key in YAML.
        key: &'static str,
        /// What the graph says.
        value: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The engine's.
    #[error(transparent)]
    Recorder(#[from] recorder::Error),
    /// The trigger side's.
    #[error(transparent)]
    Trigger(#[from] trigger::Error),
    /// No thread.
    #[error("a thread for {purpose} cannot be started: {error}")]
    Thread {
        /// What it was for.
        purpose: &'static str,
        /// The system's words.
        error: std::io::Error,
    },
    /// None of the sources can be recorded any more, and each of them failed.
    #[error("every source has failed; the last one: {0}")]
    AllSourcesFailed(String),
    /// The graph was stopped before the disk had taken everything.
    #[error(
        "recordings of the sources {0:?} were not finished within a minute and are left under their temporary names"
    )]
    NotFinished(Vec<usize>),
    /// A bug of ours: a callback came in an order that GXF does not have.
    #[error("{0} was called before it was set up")]
    Order(&'static str),
}
