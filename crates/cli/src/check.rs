//! `smart-record check`: says what is wrong with an extension's manifest and library, or with a graph, before others do.
//! One line per finding on standard output, each with what to do; nothing is run but what registering or loading runs.
//! It leaves extensions to `extension`, and graphs to `graph`.

mod elf;
mod extension;
pub(crate) mod files;
pub(crate) mod finding;
mod graph;
mod library;
pub(crate) mod manifest;
mod registration;
mod value;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{error::Error, trigger_command::values};

const HELP: &str = "\
Examples:
  smart-record check extension.yaml
      the manifest, the files that it names, and the library, as NVIDIA's registry tool would find them; paths in it are
      relative to the current folder, as for that tool
  smart-record check extension.yaml --with libgxf_base.so
      the same for a library with types that build on those of another extension than GXF's standard one
  smart-record check graphs/kafka.yaml graphs/kafka.parameters.yaml
      the graph that these files are together: types, parameters, what refers to what; then GXF loads it, without a run

Exit status:
  0  nothing is wrong
  1  something is, and each line on standard output says what; or it could not be checked
  2  the command line is wrong";

/// What to check, and with what.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// A manifest for the registry tool (it has a key extension_library), or the files of a graph, in their order.
    #[arg(value_name = "FILE", required_unless_present = "as_registry")]
    files: Vec<PathBuf>,
    /// For a graph: manifests that list the extensions to load, as for gxe. None: the manifest.yaml beside the graph.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    manifest: Vec<PathBuf>,
    /// For a manifest: this library in place of the one that it names.
    #[arg(long, value_name = "FILE.so")]
    library: Option<PathBuf>,
    /// An extension that is loaded first, for what is checked builds on its types; again for each further one, in their order.
    /// GXF's standard extension is always there.
    #[arg(long, value_name = "FILE.so")]
    with: Vec<PathBuf>,
    /// Folder of libgxf_core.so; else GXF_ROOT, the nearest .gxf folder, or /opt/nvidia/graph-composer.
    #[arg(long = "gxf-root", alias = "gxf_root", value_name = "DIR")]
    gxf_root: Option<PathBuf>,
    /// For a manifest: how long registering the library may take.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = values::length)]
    timeout: Duration,
    /// Registers a library and ends: what this command runs in a process of its own, which a bad library may break.
    #[arg(long, value_names = ["METADATA", "LIBRARY"], num_args = 2, hide = true, conflicts_with = "files")]
    as_registry: Option<Vec<PathBuf>>,
}

/// Checks the file.
///
/// # Errors
/// It cannot be read, or there is no GXF runtime to check it with.
pub fn run(options: &Options) -> Result<ExitCode, Error> {
    if let Some([metadata, library]) = options.as_registry.as_deref() {
        return registration::register(options.gxf_root.as_deref(), metadata, library).map(|()| ExitCode::SUCCESS);
    }
    let first = options.files.first().cloned().unwrap_or_default();
    let text = std::fs::read_to_string(&first).map_err(|source| Error::Unreadable { path: first.clone(), source })?;
    let root = options.gxf_root.as_deref();
    let verdict = match is_manifest(&text) {
        true => extension::check(&text, options.library.as_deref(), &options.with, root, options.timeout)?,
        false => graph::check(&options.files, &options.with, &manifests(&options.manifest, &first), root)?,
    };
    let name = first.display();
    let mut stdout = std::io::stdout().lock();
    let mut lines: String = verdict.findings.iter().map(|finding| format!("{name}: {finding}\n")).collect();
    lines.extend(verdict.notes.iter().map(|note| format!("{name}: note: {note}\n")));
    stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stdout)?;
    Ok(if verdict.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether this is for the registry tool; a graph has no such key.
fn is_manifest(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("extension_library:") || line.starts_with("license_file:"))
}

/// The manifests that are named, or the one beside the graph, if there is one.
pub(crate) fn manifests(named: &[PathBuf], graph: &Path) -> Vec<PathBuf> {
    let beside = graph.with_file_name("manifest.yaml");
    match named {
        [] if beside.is_file() => vec![beside],
        named => named.to_vec(),
    }
}

/// What came out of a check.
#[derive(Debug, Default)]
struct Verdict {
    /// What is wrong.
    findings: Vec<finding::Finding>,
    /// What was checked, and what could not be.
    notes: Vec<String>,
}
