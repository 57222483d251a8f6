//! [`Error`]: everything that can go wrong between this crate and a GXF runtime.
//!
//! Each message says what was being done, where, and what GXF answered. Errors of a codelet's own are [`BoxError`].

use std::path::PathBuf;

use crate::Code;

/// Any error of a codelet's own: what its callbacks return. Strings and all error types convert into it with `?`.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A GXF function refused.
    #[error("{doing}: {code}")]
    Gxf {
        /// What was being done, with the names involved.
        doing: String,
        /// GXF's answer.
        code: Code,
    },
    /// A parameter has a value that it must not have, or none although it needs one.
    #[error("{0}")]
    Parameter(String),
    /// There is no GXF runtime in any of the places where one is looked for.
    #[error(
        "no GXF runtime found: looked for libgxf_core.so in {}. Set GXF_ROOT to the folder that holds it",
        list(.looked)
    )]
    RuntimeNotFound {
        /// The files that were tried, in order.
        looked: Vec<PathBuf>,
    },
    /// The runtime comes without one of its libraries.
    #[error("no {file} in this GXF runtime: looked for {}", list(.looked))]
    LibraryNotFound {
        /// The library's file name.
        file: String,
        /// The files that were tried, in order.
        looked: Vec<PathBuf>,
    },
    /// A library was found but cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// Why.
        source: libloading::Error,
    },
    /// The runtime is of a release that an extension of this crate does not run on.
    #[error("it does not run on GXF {version}: {why}. Use GXF {least} to {most}, or a newer version of this extension")]
    Release {
        /// The release as the runtime states it.
        version: String,
        /// What stands in the way.
        why: String,
        /// The oldest release that it runs on.
        least: &'static str,
        /// The newest release that it was tested on.
        most: &'static str,
    },
    /// This runtime lacks something that is needed.
    #[error("the GXF runtime does not export {0}: it is older than 4.0 or newer than this crate knows")]
    Missing(&'static str),
    /// A file of the operating system's cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A text for a C function contains a NUL character.
    #[error("{0} must not contain a NUL character")]
    Nul(&'static str),
    /// Something was asked for in the wrong place or state.
    #[error("{0}")]
    Misuse(String),
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// The code that stands for this error in front of GXF.
    pub fn code(&self) -> Code {
        match self {
            Error::Gxf { code, .. } => *code,
            Error::Parameter(_) => Code::PARAMETER_OUT_OF_RANGE,
            Error::Release { .. } => Code::FACTORY_INCOMPATIBLE,
            Error::Missing(_) => Code::NOT_IMPLEMENTED,
            _ => Code::FAILURE,
        }
    }
}

/// Turns a raw result into a `Result`; `doing` is only built in the bad case.
pub(crate) fn check(raw: i32, doing: impl FnOnce() -> String) -> Result<(), Error> {
    Code::check(raw).map_err(|code| Error::Gxf { doing: doing(), code })
}
