//! Registers a library as the registry does: with the texts of the extensions it depends on, not with their libraries.
//! It happens in a process of its own, since registering runs code of the library.
//! It leaves what the library says of itself to `library`.

use std::{
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use gxf::{Runtime, log::Severity};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::Serialize;

use super::finding::Finding;
use crate::{catalog::Catalog, error::Error};

#[derive(Serialize)]
struct Metadata<'a> {
    components: Vec<MetadataComponent<'a>>,
}

/// The three members that GXF reads of a component in an extension's metadata.
#[derive(Serialize)]
struct MetadataComponent<'a> {
    typename: &'a str,
    type_id: String,
    base_typename: &'a str,
}

/// Lets another process register `library`; what is wrong if it cannot, or has not after `timeout`.
///
/// # Errors
/// The process cannot be started or its input cannot be written.
pub(super) fn try_out(
    catalog: &Catalog,
    library: &Path,
    root: Option<&Path>,
    timeout: Duration,
) -> Result<Option<Finding>, Error> {
    let components = catalog.extensions.iter().flat_map(|extension| &extension.components);
    let components = components.map(|component| MetadataComponent {
        typename: &component.info.type_name,
        type_id: component.info.tid.to_string(),
        base_typename: &component.info.base_name,
    });
    let metadata = Metadata { components: components.collect() };
    let failed = |source| Error::OtherProcess { what: "registering the library", source };
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().map_err(failed)?;
    serde_yaml::to_writer(&file, &metadata).map_err(|error| failed(std::io::Error::other(error)))?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("check").arg("--as-registry").arg(file.path()).arg(library).stdin(Stdio::null());
    if let Some(root) = root {
        command.arg("--gxf-root").arg(root);
    }
    // A file: whoever keeps a pipe open, or fills it, would be waited for.
    let written = tempfile::NamedTempFile::new().map_err(failed)?;
    command.stdout(Stdio::null()).stderr(written.reopen().map_err(failed)?);
    let mut child = command.spawn().map_err(failed)?;
    let Some(status) = end(&mut child, timeout).map_err(failed)? else {
        let what = format!("registering {} did not end within {} s", library.display(), timeout.as_secs_f64());
        let mend = "a library that waits for nothing when it is loaded and registered; --timeout gives it longer";
        return Ok(Some(Finding::new("extension_library", what, mend)));
    };
    if status.success() {
        return Ok(None);
    }
    let log = std::fs::read(written.path()).map_err(failed)?;
    let log = String::from_utf8_lossy(&log);
    // GXF colours its lines; the first one says why, the others what did not happen for it.
    let lines: Vec<String> = log.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let mut what = match lines.first() {
        Some(line) => format!("the registry could not register {}: {line}", library.display()),
        None => format!("the registry could not register {}", library.display()),
    };
    if status.code().is_none() {
        what += &format!("; it ended the process ({status})");
    }
    let mend = "a library that registers without its dependencies' libraries, a device or a context; --with FILE.so for \
                each extension whose types it builds on, but the standard one";
    Ok(Some(Finding::new("extension_library", what, mend)))
}

/// Waits until the process ends, or ends it after `timeout`: then there is no status.
fn end(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(child);
    let (tell, ended) = mpsc::channel();
    let waiter = thread::spawn(move || {
        // It stays a zombie: until it is reaped below no other process can get its id.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let waited = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
        // Nobody listens any more after the time.
        let _ = tell.send(waited.map(|_| ()));
    });
    let in_time = match ended.recv_timeout(timeout) {
        Ok(waited) => waited.map(|()| true)?,
        Err(_) => false,
    };
    if !in_time {
        child.kill()?;
    }
    // It returns for each of the two ways to end, and has nothing to panic about.
    let _ = waiter.join();
    let status = child.wait()?;
    Ok(in_time.then_some(status))
}

/// A line of GXF's log without its time and colours.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("\x1b[") {
        text += &rest[..at];
        rest = rest[at..].split_once('m').map_or("", |(_, rest)| rest);
    }
    text += rest;
    match text.split_once(" ERROR ") {
        Some((_, message)) => message.trim().to_owned(),
        None => text.trim().to_owned(),
    }
}

/// What the other process does.
///
/// # Errors
/// There is no runtime, or it refuses the metadata or the library.
pub(super) fn register(root: Option<&Path>, metadata: &Path, library: &Path) -> Result<(), Error> {
    let none: &[&Path] = &[];
    let graph = Runtime::load(root)?.context()?;
    graph.set_severity(Some(Severity::Error))?;
    graph.load_extension_metadata(&[metadata])?;
    let library = library.canonicalize().map_err(|source| Error::Extension { path: library.into(), source })?;
    graph.load_extensions(&[&library], none, None)?;
    Ok(graph.destroy()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_without_its_colours() {
        let line = "\x1b[1;31m2026-11-23 12:08:04.337 ERROR a.rs@52: no such thing\x1b[0m";
        assert_eq!(plain(line), "a.rs@52: no such thing");
        assert_eq!(plain("words"), "words");
        assert_eq!(plain("\x1b[0m"), "");
    }
}
