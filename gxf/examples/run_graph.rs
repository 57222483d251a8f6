//! Runs a graph with [`gxf::Runtime`]: the smallest program that does, and what the tests run as a child process.
//!
//! `run_graph [--without-standard] [--extension FILE]... [--log FILE] [--severity 0..5] [--param E/C/K=V]... [--interrupt-on-input] GRAPH...`
//! loads the standard extension and those given, and ends with status 0 if the graph did.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gxf::Runtime;
use gxf::log::Severity;

#[derive(Default)]
struct Options {
    without_standard: bool,
    extensions: Vec<PathBuf>,
    log: Option<PathBuf>,
    severity: Option<Severity>,
    overrides: Vec<String>,
    interrupt_on_input: bool,
    graphs: Vec<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { severity: Some(Severity::Info), ..Options::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--extension" => options.extensions.push(value()?.into()),
            "--log" => options.log = Some(value()?.into()),
            "--severity" => options.severity = severity(&value()?)?,
            "--param" => options.overrides.push(value()?),
            "--without-standard" => options.without_standard = true,
            "--interrupt-on-input" => options.interrupt_on_input = true,
            _ => options.graphs.push(argument.into()),
        }
    }
    Ok(options)
}

fn severity(text: &str) -> Result<Option<Severity>, String> {
    Ok(match text {
        "0" => None,
        "1" => Some(Severity::Error),
        "2" => Some(Severity::Warning),
        "3" => Some(Severity::Info),
        "4" => Some(Severity::Debug),
        "5" => Some(Severity::Verbose),
        _ => return Err(format!("severity {text} is not 0 to 5")),
    })
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::load(None)?;
    let mut graph = runtime.context()?;
    if let Some(path) = &options.log {
        graph.set_log_file(path)?;
    }
    graph.set_severity(options.severity)?;
    let none: &[&Path] = &[];
    if !options.without_standard {
        graph.load_extensions(&[runtime.library("libgxf_std.so")?], none, None)?;
    }
    graph.load_extensions(&options.extensions, none, None)?;
    for path in &options.graphs {
        graph.load_graph_file(path, &options.overrides)?;
    }
    graph.activate()?;
    graph.run_async()?;
    if options.interrupt_on_input {
        let interrupter = graph.interrupter();
        std::thread::spawn(move || {
            let mut line = String::new();
            if std::io::stdin().read_line(&mut line).is_ok() { interrupter.interrupt() } else { Ok(()) }
        });
    }
    let result = graph.wait();
    graph.deactivate()?;
    result?;
    graph.destroy()?;
    Ok(())
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("run_graph: {error}");
            ExitCode::FAILURE
        }
    }
}
