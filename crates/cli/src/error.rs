//! The one error type of the command line: one line each, with what to do.
//! What GXF itself has to say about a failure stands in its log, before this line.
//! It leaves printing and the exit status to `main`.

use std::{io, path::PathBuf};

/// Why the command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to run.
    #[error("no graph to run (needed: -app FILE[,FILE])")]
    NoGraph,
    /// More overrides than gxe takes.
    #[error("{given} times --param (allowed: at most {allowed})")]
    TooManyOverrides {
        /// How many there are.
        given: usize,
        /// How many there may be.
        allowed: usize,
    },
    /// A graph file is missing or unreadable.
    #[error("cannot read graph file {}: {source}", path.display())]
    Graph {
        /// The file, as it was looked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest is missing or unreadable.
    #[error("cannot read manifest {}: {source}", path.display())]
    ManifestUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest is no manifest.
    #[error("manifest {}: {reason} (needed: \"extensions:\" and a list of paths to .so files)", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The GXF runtime refused.
    #[error(transparent)]
    Gxf(#[from] gxf::Error),
    /// Signals cannot be caught, so that the graph could not be ended in order.
    #[error("cannot catch Ctrl-C: {0}")]
    Signals(#[source] io::Error),
    /// No recorder would take such a trigger; the text says what is allowed.
    #[error("{0}")]
    BadTrigger(String),
    /// The message cannot be written to the file or FIFO.
    #[error("cannot write to {}: {source} (needed: a FIFO that a graph reads, or a file that exists)", path.display())]
    ToFile {
        /// The file or FIFO.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to make a graph of.
    #[error("{}: {reason}", path.display())]
    Import {
        /// The configuration.
        path: PathBuf,
        /// What is wrong, with the line where there is one, and what is needed.
        reason: String,
    },
    /// The graph or its parameter file cannot be written.
    #[error("cannot write {}: {source} (needed: a folder that exists; --force replaces a file)", path.display())]
    ImportOutput {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No extension can be called so, or be made of what the command line says; the text says what is allowed.
    #[error("{0}")]
    BadNewExtension(String),
    /// A new extension cannot be written.
    #[error("cannot make {}: {source} (needed: a folder that is new or empty, where you may write)", path.display())]
    NewExtension {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The broker's settings are wrong, or it cannot be used at all.
    #[error(transparent)]
    Broker(#[from] trigger::Error),
    /// The broker was there and did not take the message.
    #[error(
        "the broker did not take the message for the topic {} (see that the topic exists and may be written to)",
        gxf::quoted(topic)
    )]
    NotDelivered {
        /// The topic.
        topic: String,
    },
    /// The recorder's last receipt: it did not record what it was asked to.
    #[error("the trigger has {kind}: {reason}")]
    NotRecorded {
        /// "been rejected", or "led to a recording that failed".
        kind: &'static str,
        /// The recorder's words, on one line.
        reason: String,
    },
    /// What was waited for did not come in time.
    #[error("time-out: {what}{lost} (--timeout gives it longer)")]
    TimeOut {
        /// What did not come.
        what: &'static str,
        /// ": " and what was wrong: why the broker is not there, or the FIFO that is full. May be empty.
        lost: String,
    },
    /// An extension is missing or unreadable.
    #[error("cannot read extension {}: {source} (needed: the .so file of a GXF extension)", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be checked or drawn is missing or unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be checked or drawn is no graph.
    #[error("{} is no graph: {reason}", path.display())]
    NoGraphFile {
        /// The file.
        path: PathBuf,
        /// Why, with the line where there is one.
        reason: String,
    },
    /// A file or folder of a package or picture cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest is not to be packed as it is.
    #[error("{}: {finding}; smart-record check tells all that is wrong", path.display())]
    NotInOrder {
        /// The manifest.
        path: PathBuf,
        /// What is wrong first, and what is needed.
        finding: String,
    },
    /// Two files of a package would have one name.
    #[error(
        "{}: two files of the package would be called {} (needed: another name; extension.yaml, extension-gxf-VERSION.yaml, \
         SHA256SUMS and sbom.cdx.json are made by this command)",
        path.display(),
        gxf::quoted(name)
    )]
    NameTwice {
        /// The manifest.
        path: PathBuf,
        /// The name, as it would be in the package.
        name: String,
    },
    /// A process that does a part of the work cannot be had.
    #[error("cannot start a process for {what}: {source}")]
    OtherProcess {
        /// The part.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to describe.
    #[error("no extension to describe (needed: the path of one; there is none of ours in {})", folder.display())]
    NoExtension {
        /// Where this program lies.
        folder: PathBuf,
    },
    /// Standard output is closed or full.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[source] io::Error),
}

impl Error {
    /// The exit status: 2 where the command line is to be changed or time ran out, else 1.
    pub fn status(&self) -> u8 {
        match self {
            Self::BadTrigger(_) | Self::BadNewExtension(_) | Self::TimeOut { .. } => 2,
            // What stands in these came from the command line.
            Self::Broker(trigger::Error::ConnStr { .. } | trigger::Error::Topics { .. }) => 2,
            _ => 1,
        }
    }
}
