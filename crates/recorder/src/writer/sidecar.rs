//! The JSON companions of a recording: the journal while it is written (`<recording>.json.part`), the sidecar when it is
//! complete (`<recording>.json`). Both are done records; a journal's figures are still to come.
//! They appear whole or not at all. What is in them is left to `record`.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::background;
use super::head::Held;
use super::place::{remove_if_there, sync_folder};
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
        write(&path, &path, &serde_json::to_vec(record)?)?;
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

    /// The recording is complete, and its name durable: removes it.
    pub(super) fn close(&mut self) -> std::io::Result<()> {
        self.path.take().map_or(Ok(()), |path| remove_if_there(&path))
    }
}

/// Writes a sidecar beside each file of a recording, with the files' digests, and makes durable what its folder says.
pub(crate) fn publish(done: &mut DoneRecord) -> std::io::Result<()> {
    for file in &mut done.files {
        if file.sha256.is_none() {
            file.sha256 = Some(background::run(|| digest(&std::fs::File::open(&file.file)?, &Held::default()))?);
        }
    }
    let mut content = serde_json::to_vec_pretty(done)?;
    content.push(b'\n');
    for file in &done.files {
        write(&journal(&file.file), &sidecar(&file.file), &content)?;
    }
    sync_folder(&done.file)
}

/// Writes a file that appears whole or not at all, by way of the name of a fresh journal.
fn write(journal: &Path, path: &Path, content: &[u8]) -> std::io::Result<()> {
    let fresh = fresh_journal(journal);
    // What is there under this name is left from a crash, or a trap: it is replaced, not opened.
    remove_if_there(&fresh)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

/// SHA-256 in hexadecimal digits of a file as it is once `held` is written.
pub(super) fn digest(file: &std::fs::File, held: &Held) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            break;
        }
        let bytes = &mut buffer[..read];
        held.overlay(at, bytes)?;
        digest.update(&*bytes);
        at += read as u64;
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
