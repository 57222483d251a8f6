//! The libraries with the interface of NVIDIA's smart record that tests record with: a double, compiled for the test from
//! `tests/double`, our drop-in library where it is built, and NVIDIA's own where somebody has it and names it.
//! Left to others: loading them, and what is asserted.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Our own library's file.
const OWN: &str = "libnvdsgst_smartrecord.so";

/// The environment variable that names NVIDIA's own library.
const PEER: &str = "NVDSSR_PEER";

/// Compiles the double into `folder`, with these macros defined (see its source), and returns its path.
///
/// # Errors
/// [`Error::Tool`] without a C compiler, or with the compiler's words.
pub fn recordbin_double(folder: &Path, macros: &[&str]) -> Result<PathBuf, Error> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = folder.join(format!("lib{}double.so", macros.concat().to_lowercase()));
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "gstreamer-1.0", "gstreamer-pbutils-1.0"]))?;
    run(Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(repository.join("tests/double/recordbin.c"))
        .args(macros.iter().map(|name| format!("-D{name}")))
        .arg("-I")
        .arg(repository.join("crates/nvdssr/sys/include"))
        .args(flags.split_whitespace()))?;
    Ok(library)
}

/// All libraries that a promise must hold for: the double, our drop-in library where it has been built beside the test
/// (`make test` builds everything before), and NVIDIA's own where `NVDSSR_PEER` names it. What is not part of the run is
/// said on stderr.
///
/// # Errors
/// As [`recordbin_double`].
pub fn recordbin_libs(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut libraries = vec![recordbin_double(folder, &[])?];
    let own = std::env::current_exe().ok().and_then(|test| Some(test.parent()?.parent()?.join(OWN)));
    match own.filter(|own| own.is_file()) {
        Some(own) => libraries.push(own),
        None => eprintln!("not run with our own library: {OWN} is not built"),
    }
    match std::env::var_os(PEER).filter(|peer| !peer.is_empty()) {
        Some(peer) => libraries.push(peer.into()),
        None => eprintln!("not run with NVIDIA's own library: {PEER} does not name it"),
    }
    Ok(libraries)
}

fn run(command: &mut Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| Error::Tool { tool: name.clone(), reason: error.to_string() })?;
    if !output.status.success() {
        return Err(Error::Tool { tool: name, reason: String::from_utf8_lossy(&output.stderr).into_owned() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
