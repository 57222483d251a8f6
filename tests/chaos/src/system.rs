//! Calls of the system's programs (mount, ip, mkfs...), and what the machine must have for them.
//! What is missing is told by name, with the package that has it.
//! Undoing is left to `undo`, what they are called for to the cases.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Error;
use crate::undo::{Guard, Undo, working};

/// Runs a program to its end and returns what it wrote to stdout.
pub fn call(words: &[&str]) -> Result<String, Error> {
    let command = words.join(" ");
    let fail = |reason: String| Error::Command { command: command.clone(), reason };
    let Some((program, arguments)) = words.split_first() else { return Err(fail("nothing to call".into())) };
    let _working = working();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fail(format!("cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(fail(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
}

/// As [`call`], for a step whose failure says that this machine cannot do the case.
pub fn need(words: &[&str], what: &str) -> Result<String, Error> {
    call(words).map_err(|error| Error::Missing(format!("{what}: {error}")))
}

/// Root, which mounts and namespaces need.
pub fn need_root() -> Result<(), Error> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(Error::Missing("needs root: call `sudo -E make chaos`".into())),
    }
}

/// A program, and the Debian package that has it.
pub fn need_program(program: &str, package: &str) -> Result<(), Error> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).any(|folder| folder.join(program).is_file());
    match found {
        true => Ok(()),
        false => Err(Error::Missing(format!("the program '{program}' is missing: apt-get install {package}"))),
    }
}

/// A kind of file system that this kernel knows.
pub fn need_file_system(name: &str) -> Result<(), Error> {
    let path = "/proc/filesystems";
    let known = std::fs::read_to_string(path).map_err(|e| Error::io("read the file systems", path, e))?;
    match known.lines().any(|line| line.split_whitespace().last() == Some(name)) {
        true => Ok(()),
        false => Err(Error::Missing(format!("this kernel has no {name} (modprobe {name}?)"))),
    }
}

/// A name that no other run on this machine has.
pub fn random_name() -> String {
    let letters: String = std::iter::repeat_with(fastrand::alphanumeric).take(6).collect();
    // Network devices have at most 15 characters.
    format!("chaos-{}", letters.to_ascii_lowercase())
}

/// A new folder of this run, removed with all that is in it.
pub fn folder() -> Result<(PathBuf, Guard), Error> {
    let path = std::env::temp_dir().join(random_name());
    let _working = working();
    let guard = Guard::new(Undo::RemoveFolder(path.clone()));
    std::fs::create_dir(&path).map_err(|e| Error::io("create a folder", &path, e))?;
    Ok((path, guard))
}

/// A folder in a folder.
pub fn subfolder(parent: &std::path::Path, name: &str) -> Result<PathBuf, Error> {
    let path = parent.join(name);
    std::fs::create_dir_all(&path).map_err(|e| Error::io("create a folder", &path, e))?;
    Ok(path)
}
