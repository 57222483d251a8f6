//! The JSON companions of a recording: the journal while it is written (`<recording>.json.part`), the sidecar when it is
//! complete (`<recording>.json`). Both are done records; a journal's figures are still to come.
//! They appear whole or not at all. What is in them is left to `record`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::place::{remove_if_there, sync_folder};
use super::{Job, background};
use crate::DoneRecord;
use crate::file_name::{fresh_journal, journal, sidecar};

/// The journal of a session, beside its newest file.
#[derive(Debug, Default)]
pub(super) struct Journal {
    path: Option<PathBuf>,
}

impl Journal {
    /// Writes it beside `media`, and removes the one beside the file before.
    pub(super) fn write(&mut self, media: PathBuf, record: &DoneRecord) -> std::io::Result<()> {
        let path = journal(&media);
        write(&path, &path, |file| Ok(serde_json::to_writer(file, record)?))?;
        if let Some(before) = self.path.replace(path).filter(|before| Some(before) != self.path.as_ref()) {
            std::fs::remove_file(before)?;
        }
        Ok(())
    }

    /// There is nothing that it could be about.
    pub(super) fn discard(&mut self) {
        if let Some(path) = self.path.take() {
            // What cannot be removed now, a later start removes.
            drop(std::fs::remove_file(path));
        }
    }

    /// The recording is complete: writes the sidecars, if they are wanted, and removes the journal.
    pub(super) fn publish(&mut self, job: &Job, done: &mut DoneRecord) -> std::io::Result<()> {
        let written = if job.sidecar { publish(done) } else { Ok(()) };
        let path = self.path.take();
        written?;
        path.map_or(Ok(()), |path| remove_if_there(&path))
    }
}

/// Writes a sidecar beside each file of a recording, with the files' digests.
pub(crate) fn publish(done: &mut DoneRecord) -> std::io::Result<()> {
    for file in &mut done.files {
        file.sha256 = Some(background::run(|| digest(&file.file))?);
    }
    for file in &done.files {
        write(&journal(&file.file), &sidecar(&file.file), |file| {
            serde_json::to_writer_pretty(&mut *file, done)?;
            file.write_all(b"\n")
        })?;
    }
    sync_folder(&done.file)
}

/// Writes a file that appears whole or not at all, by way of the name of a fresh journal.
fn write(
    journal: &Path,
    path: &Path,
    content: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let fresh = fresh_journal(journal);
    // What is there under this name is left from a crash, or a trap: it is replaced, not opened.
    remove_if_there(&fresh)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&fresh)?;
    content(&mut file)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

/// SHA-256 of a file in hexadecimal digits.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
