//! What can go wrong when the codelets are set up, in words for the person who wrote the graph.
//! The `gxf` crate puts entity and component before each message and writes it to the log once.

use std::path::PathBuf;

/// An error of a codelet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The broker's; its message names the parameter.
    #[error("{0}")]
    Broker(#[from] trigger::Error),
    /// Two parameters for one and the same.
    #[error(
        "parameters 'config-file' = {} and 'cfg-file' = {} both name the broker's settings: set one of them",
        gxf::quoted(&config_file.display().to_string()), gxf::quoted(&cfg_file.display().to_string())
    )]
    TwoConfigFiles {
        /// What one says.
        config_file: PathBuf,
        /// What the other says.
        cfg_file: PathBuf,
    },
    /// A bug of ours: a callback came in an order that GXF does not have.
    #[error("{0} was called before it was set up")]
    Order(&'static str),
}
