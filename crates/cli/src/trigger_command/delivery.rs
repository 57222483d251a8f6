//! Where a trigger goes: the options, and which of the destinations they name.
//! Contradictions between options are refused by clap.
//! It leaves sending to `file_sink`.

use std::path::{Path, PathBuf};

/// Options that say where the message goes.
#[derive(Debug, clap::Args)]
pub struct Delivery {
    /// Write it as a line to this FIFO, or append it to this file; both must exist. Else it goes to standard output.
    #[arg(long, value_name = "PATH", help_heading = "Where to")]
    to_file: Option<PathBuf>,
}

/// One of the places.
#[derive(Debug)]
pub enum Destination<'a> {
    /// One line on standard output.
    Stdout,
    /// One line to a FIFO or a file.
    File(&'a Path),
}

impl Delivery {
    /// The place that the options name.
    pub fn destination(&self) -> Destination<'_> {
        match &self.to_file {
            Some(path) => Destination::File(path),
            None => Destination::Stdout,
        }
    }
}
