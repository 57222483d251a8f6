//! Checks a manifest and its library together, in the registry's order: manifest, files, registration, texts.
//! A library runs in a process of its own first, so that one that breaks it is a finding, too.
//! It leaves each kind of rule to its module.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Verdict, elf, files, library, manifest, registration};
use crate::{catalog::Catalog, error::Error};

/// Checks the manifest `text`, with `library` in place of the library that it names; registering has `timeout`. The
/// extensions in `with` are there before it.
///
/// # Errors
/// There is no GXF runtime, it cannot be used, or one of `with` cannot be loaded.
pub(super) fn check(
    text: &str,
    library: Option<&Path>,
    with: &[PathBuf],
    root: Option<&Path>,
    timeout: Duration,
) -> Result<Verdict, Error> {
    let (manifest, mut findings) = manifest::read(text);
    findings.extend(files::rules(&manifest, library.is_some()));
    let named = manifest.files.iter().find(|(key, _)| *key == "extension_library").map(|(_, path)| PathBuf::from(path));
    let Some(path) = library.map(Path::to_owned).or(named).filter(|path| path.is_file()) else {
        return Ok(Verdict { findings, notes: vec!["the library was not checked: there is none".into()] });
    };
    let (here, more) = elf::rules(&path, manifest.arch.as_deref());
    findings.extend(more);
    if !here {
        let note = format!(
            "{} is not for this machine: it was not loaded; the registry wants the x86_64 variant registered first",
            path.display()
        );
        return Ok(Verdict { findings, notes: vec![note] });
    }
    let (graph, mut catalog) = Catalog::load(root, with)?;
    if let Some(finding) = registration::try_out(&catalog, &path, root, timeout)? {
        findings.push(finding);
        return Ok(Verdict { findings, notes: Vec::new() });
    }
    catalog.add(&graph, &path)?;
    let mut notes = Vec::new();
    if let Some(extension) = catalog.extensions.iter().find(|extension| extension.library == path) {
        let (found, noted) = library::rules(&manifest, &catalog, extension, |tid, key| graph.answers_in_full(tid, key));
        findings.extend(found);
        notes.extend(noted);
        notes.push(library::summary(extension, &catalog.runtime_version));
    }
    Ok(Verdict { findings, notes })
}
