//! Makes a PNG of the first, middle and last frame of each recording.
//! The command line of `testbed::contact_sheet`.
//! Left to others: the pictures themselves.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Writes the first, middle and last frame of each recording into one PNG.
#[derive(Parser)]
struct Options {
    /// The PNG to write
    #[arg(long, short)]
    output: PathBuf,
    /// The recordings, a row each
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match testbed::contact_sheet(&options.recordings, &options.output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("contact-sheet: {e}");
            ExitCode::FAILURE
        }
    }
}
