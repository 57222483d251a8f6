//! The command `smart-record`: reads the command line, runs the subcommand, reports in one line.
//! Exit status 0, or 1 on any error, as gxe's; the other commands say in their help what 2 and 3 mean.
//! It leaves each subcommand to its module.
#![forbid(unsafe_code)]

mod catalog;
mod check;
mod describe;
mod draw;
pub mod error;
mod gflags;
mod graph_file;
mod gxe;
pub mod import;
mod interrupt;
mod manifest;
mod new_extension;
mod override_targets;
mod package;
mod parameter_override;
mod trigger_command;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

/// Records the moments that matter from cameras.
#[derive(Debug, Parser)]
#[command(name = "smart-record", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Says what is wrong with a graph, or with an extension's manifest and library.
    Check(check::Options),
    /// Prints all that a GXF runtime says of an extension: components, parameters, texts.
    Describe(describe::Options),
    /// Draws a graph as SVG.
    Draw(draw::Options),
    /// Runs GXF graphs, with the options of NVIDIA's gxe.
    Gxe(gxe::Options),
    /// Turns a configuration of deepstream-test5 or deepstream-app into a graph.
    Import(import::Options),
    /// Makes the folder and the archive of an extension, as NVIDIA's registry tool takes it.
    Package(package::Options),
    /// Makes a crate with a GXF extension of your own, in Rust: codelets, manifests, graph and test.
    NewExtension(new_extension::Options),
    /// Starts or stops a recording: builds the message, shows it or sends it.
    Trigger(trigger_command::Options),
}

/// Commands that gxe does not have.
const OWN: [&str; 7] = ["check", "describe", "draw", "import", "new-extension", "package", "trigger"];

/// Reads the command line and runs the subcommand.
pub fn run() -> ExitCode {
    let arguments = gflags::normalize(std::env::args_os());
    // gxe ends with 1 on any error; what stands in for it must, too.
    let own = arguments.get(1).is_some_and(|command| OWN.iter().any(|own| command == own));
    let usage = if own { 2 } else { 1 };
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        // Help and version, which go to standard output.
        Err(answer) if !answer.use_stderr() => {
            return match answer.print() {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return fail("smart-record", "a command is missing (see --help)", usage);
        }
        Err(error) => return fail("smart-record", &first_paragraph(&error), usage),
    };
    let (who, outcome) = match command_line.command {
        Command::Check(options) => ("smart-record check", check::run(&options)),
        Command::Describe(options) => ("smart-record describe", describe::run(options).map(|()| ExitCode::SUCCESS)),
        Command::Draw(options) => ("smart-record draw", draw::run(&options).map(|()| ExitCode::SUCCESS)),
        Command::Gxe(options) => ("smart-record gxe", gxe::run(&options).map(|()| ExitCode::SUCCESS)),
        Command::Import(options) => ("smart-record import", import::run(&options)),
        Command::Package(options) => ("smart-record package", package::run(&options).map(|()| ExitCode::SUCCESS)),
        Command::NewExtension(options) => ("smart-record new-extension", new_extension::run(&options)),
        Command::Trigger(options) => ("smart-record trigger", trigger_command::run(options)),
    };
    outcome.unwrap_or_else(|error| fail(who, &error.to_string(), error.status()))
}

fn fail(who: &str, what: &str, status: u8) -> ExitCode {
    eprintln!("{who}: {what}");
    status.into()
}

/// clap's message without its prefix, tips and usage, on one line.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or(&text);
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    format!("{} (see --help)", line.strip_prefix("error: ").unwrap_or(&line))
}
