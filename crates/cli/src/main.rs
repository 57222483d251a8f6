//! The program `smart-record`; all of it is in the library beside it, so that tests and fuzzing reach its parsers.
//! Exit status: what the subcommand says.
//! It leaves everything to `smart_record_cli`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    smart_record_cli::run()
}
