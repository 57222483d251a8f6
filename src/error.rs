//! What can go wrong when the components of the extension are set up, in words for the person who wrote the graph.
//! The `gxf` crate puts entity and component before each message and writes it to the log once.

use crate::parameters;

/// An error of a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A parameter's value does not go with the others, or cannot be read.
    #[error("parameter '{key}' = {}: {reason}", gxf::quoted(value))]
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
        "recordings of source {} were not finished within a minute and are left under their temporary names",
        .0.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
    )]
    NotFinished(Vec<usize>),
    /// A bug of ours: a callback came in an order that GXF does not have.
    #[error("{0} was called before it was set up")]
    Order(&'static str),
}

impl Error {
    /// An error of the engine's start; it knows nothing of parameters, but the person who wrote the graph knows only
    /// them.
    pub(crate) fn of_start(error: recorder::Error) -> Self {
        match error {
            recorder::Error::Folder { path, error } => Self::Parameter {
                key: parameters::DIR_PATH.key(),
                value: path.display().to_string(),
                reason: format!("{error}; a folder that exists and can be written to is allowed"),
            },
            recorder::Error::Source { index, uri, reason } => Self::Parameter {
                key: parameters::URI_LIST.key(),
                value: uri,
                reason: format!("source {index}: {reason}"),
            },
            recorder::Error::RecordbinLib { path, reason } => Self::Parameter {
                key: parameters::RECORDBIN_LIB.key(),
                value: path.display().to_string(),
                reason: format!(
                    "{reason}; a libnvdsgst_smartrecord.so is allowed, or nothing for the extension's own recordbin"
                ),
            },
            other => Self::Recorder(other),
        }
    }

    /// An error in naming the sensors, of which `list` has the names.
    pub(crate) fn of_sensors(error: trigger::Error, list: &str) -> Self {
        match error {
            trigger::Error::SensorIdList { reason } => {
                Self::Parameter { key: parameters::SENSOR_ID_LIST.key(), value: list.into(), reason }
            }
            other => Self::Trigger(other),
        }
    }
}
