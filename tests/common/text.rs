//! Runs a graph that a test writes as text, with the extensions it names, to its end or as long as the test wants.
//! Left to others: the shipped graphs (`graph`).

use std::path::Path;
use std::process::Command;

use testbed::{HANG_GUARD, Program};

use super::built;

/// Starts a graph with GXF's standard extension and these, in their order. Its files go to `folder`.
pub fn start_text(folder: &Path, graph: &str, extensions: &[&Path]) -> Program {
    let parts = built();
    let (app, manifest) = (folder.join("graph.yaml"), folder.join("manifest.yaml"));
    std::fs::write(&app, graph).unwrap();
    let all = std::iter::once(parts.gxf_std.as_path()).chain(extensions.iter().copied());
    let list: String = all.map(|path| format!("- {}\n", path.display())).collect();
    std::fs::write(&manifest, format!("extensions:\n{list}")).unwrap();
    let mut command = Command::new(parts.smart_record);
    command.args(["gxe", "-app"]).arg(app).arg("-manifest").arg(manifest);
    Program::start(&mut command).unwrap()
}

/// Runs a graph to its end; its exit code and lines.
pub fn run_text(folder: &Path, graph: &str, extensions: &[&Path]) -> (Option<i32>, Vec<String>) {
    let mut program = start_text(folder, graph, extensions);
    let code = program.wait(HANG_GUARD).unwrap().code();
    (code, program.seen().to_vec())
}
