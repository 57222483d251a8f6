//! `smart-record gxe`: loads extensions and graphs into a GXF runtime and runs them to their end.
//! Options, order of actions and exit status are those of NVIDIA's gxe, so that each can stand in for the other.
//! It leaves spelling to `gflags`, signals to `interrupt`, and the runtime itself to the crate `gxf`.

use std::path::{Path, PathBuf};

use gxf::{GraphContext, Runtime, log::Severity};

use crate::{
    error::Error, gflags, interrupt, manifest, override_targets::OverrideTargets, parameter_override::ParameterOverride,
};

/// As many `--param` as gxe has room for.
const MAX_OVERRIDES: usize = 32;
/// gxe's default of -severity: the environment variable GXF_LOG_LEVEL counts, or else info.
const SEVERITY_UNSET: i32 = -1;
/// For GXF's list of manifests: ours are read by [`manifest`], which says what is wrong with one.
const NO_PATHS: &[&Path] = &[];

/// gxe's options, and `--gxf-root`. Of an option given twice the last counts; `--param` adds up.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Options {
    /// GXF graph files to run, separated by commas.
    #[arg(long, value_name = "FILE[,FILE]", default_value = "", hide_default_value = true)]
    app: String,
    /// Folder that graph and subgraph files with a relative path are in.
    #[arg(long = "app_root", alias = "app-root", value_name = "DIR")]
    app_root: Option<PathBuf>,
    /// Manifests that list the extensions to load, separated by commas.
    #[arg(long, value_name = "FILE[,FILE]", default_value = "", hide_default_value = true)]
    manifest: String,
    /// Put before each file of -app.
    #[arg(long = "graph_directory", alias = "graph-directory", value_name = "DIR")]
    graph_directory: Option<PathBuf>,
    /// A parameter's value in place of the graph's; at most 32 times.
    #[arg(long, value_name = "ENTITY/COMPONENT/KEY=VALUE", action = clap::ArgAction::Append)]
    param: Vec<ParameterOverride>,
    /// What to log: 0 nothing, 1 errors, 2 warnings, 3 info, 4 debug, 5 all; -1 leaves it to GXF_LOG_LEVEL.
    #[arg(long, value_name = "0..5", default_value_t = SEVERITY_UNSET, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1..=5))]
    severity: i32,
    /// Log into this file, which is emptied first.
    #[arg(long = "log_file_path", alias = "log-file-path", value_name = "FILE")]
    log_file_path: Option<PathBuf>,
    /// Run the graphs; false: only load them.
    #[arg(long, value_name = "BOOL", default_value = "true", default_missing_value = "true",
          num_args = 0..=1, require_equals = true, value_parser = gflags::boolean,
          action = clap::ArgAction::Set)]
    run: bool,
    /// Folder of libgxf_core.so; else GXF_ROOT, the nearest .gxf folder, or /opt/nvidia/graph-composer.
    #[arg(long = "gxf-root", alias = "gxf_root", value_name = "DIR")]
    gxf_root: Option<PathBuf>,
}

/// Does what gxe does with these options, in gxe's order; returns when the graphs have ended.
///
/// # Errors
/// The first thing that failed. What was loaded by then is gone again.
pub fn run(options: &Options) -> Result<(), Error> {
    let job = Job::new(options)?;

    let runtime = Runtime::load(options.gxf_root.as_deref())?;
    let mut graph = runtime.context()?;
    if options.severity != SEVERITY_UNSET {
        graph.set_severity(severity(options.severity))?;
    }
    if let Some(path) = &options.log_file_path {
        graph.set_log_file(path)?;
    }
    for extension in &job.extensions {
        // One by one, so that an error names the one at fault.
        graph.load_extensions(&[extension], NO_PATHS, None)?;
    }
    if let Some(root) = &options.app_root {
        graph.set_root_path(root)?;
    }
    let overrides: Vec<&str> = options.param.iter().map(ParameterOverride::as_str).collect();
    for file in &job.graph_files {
        graph.load_graph_file(file, &overrides)?;
    }
    if options.run {
        graph.activate()?;
        run_to_the_end(&graph)?;
        graph.deactivate()?;
    }
    Ok(graph.destroy()?)
}

/// gxe's numbers; `None` logs nothing.
fn severity(number: i32) -> Option<Severity> {
    match number {
        1 => Some(Severity::Error),
        2 => Some(Severity::Warning),
        3 => Some(Severity::Info),
        4 => Some(Severity::Debug),
        5 => Some(Severity::Verbose),
        _ => None,
    }
}

fn run_to_the_end(graph: &GraphContext) -> Result<(), Error> {
    // Caught before the graph runs, so that a signal never ends it without its codelets' stop;
    // forwarded after, since only a running graph can be interrupted.
    let caught = interrupt::Caught::catch().map_err(Error::Signals)?;
    graph.run_async()?;
    let interrupter = graph.interrupter();
    let forwarding = caught.forward(move || {
        if let Err(error) = interrupter.interrupt() {
            eprintln!("smart-record gxe: cannot end the graph in order: {error} (press Ctrl-C again to kill it)");
        }
    });
    if forwarding.is_err() {
        // Nobody could end the graph in order any more; so it ends now.
        graph.interrupter().interrupt()?;
    }
    graph.wait()?;
    forwarding.map(drop).map_err(Error::Signals)
}

/// What the options name, read and checked before anything is loaded.
#[derive(Debug)]
struct Job {
    extensions: Vec<PathBuf>,
    /// As GXF is to get them: relative ones are found in `app_root` by its loader.
    graph_files: Vec<PathBuf>,
}

impl Job {
    fn new(options: &Options) -> Result<Self, Error> {
        if options.param.len() > MAX_OVERRIDES {
            let given = options.param.len();
            return Err(Error::TooManyOverrides { given, allowed: MAX_OVERRIDES });
        }
        let mut extensions = Vec::new();
        for file in pieces(&options.manifest) {
            extensions.extend(manifest::extensions(Path::new(file))?);
        }
        let graph_files = options.graph_files();
        if graph_files.is_empty() {
            return Err(Error::NoGraph);
        }
        let mut targets = OverrideTargets::default();
        for file in &graph_files {
            // GXF says only that it failed, not which file was missing.
            let path = options.app_root.as_deref().unwrap_or(Path::new("")).join(file);
            targets.add(&path).map_err(|source| Error::Graph { path, source })?;
        }
        for unused in options.param.iter().filter(|param| !targets.has(param.entity(), param.component())) {
            eprintln!(
                "smart-record gxe: warning: --param={}=... sets nothing: no graph file has a component {} in an entity {}",
                unused.place(),
                gxf::quoted(unused.component()),
                gxf::quoted(unused.entity()),
            );
        }
        Ok(Self { extensions, graph_files })
    }
}

impl Options {
    fn graph_files(&self) -> Vec<PathBuf> {
        let directory = self.graph_directory.as_deref().unwrap_or(Path::new(""));
        pieces(&self.app)
            // Not `join`: gxe puts the folder before an absolute file too.
            .map(|file| match directory.as_os_str().is_empty() {
                true => PathBuf::from(file),
                false => PathBuf::from(format!("{}/{file}", directory.display())),
            })
            .collect()
    }
}

/// The parts of a comma separated list; empty ones are none.
fn pieces(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests;
