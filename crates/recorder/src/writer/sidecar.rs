//! The JSON companions of a recording: the journal while it is written (`<recording>.json.part`), the sidecar when it is
//! complete (`<recording>.json`). Both are done records; a journal's figures are still to come.
//! They appear whole or not at all. What is in them is left to `record`.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::background;
use super::head::Held;
use super::place::{remove_if_there, sync_folder};
use crate::DoneRecord;
use crate::file_name::{fresh_journal, journal, sidecar};

/// The journal of a session, beside its newest file. It reaches the disk on a thread of its own, so that the recording
/// does not wait for it; every call waits for the one before.
#[derive(Debug, Default)]
pub(super) struct Journal {
    path: Option<PathBuf>,
    /// Writes it.
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Writes it beside `media`, and removes the one beside the file before.
    ///
    /// # Errors
    /// When it cannot be put into words; whether it could be written is nobody's concern before a crash, and then it says.
    pub(super) fn write(&mut self, media: PathBuf, record: &DoneRecord) -> std::io::Result<()> {
        let path = journal(&media);
        let content = serde_json::to_vec(record)?;
        self.settle();
        let before = self.path.replace(path.clone()).filter(|before| *before != path);
        let work = move || {
            if write(&path, &path, &content).is_ok()
                && let Some(before) = before
            {
                // What cannot be removed now, a later start removes.
                drop(std::fs::remove_file(before));
            }
        };
        // Without a thread there is no journal either: no more than that is lost.
        self.thread = Some(std::thread::Builder::new().name("srec-journal".into()).spawn(work)?);
        Ok(())
    }

    /// Waits until it is written.
    pub(super) fn settle(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic has left no journal.
            drop(thread.join());
        }
    }

    /// There is nothing that it could be about.
    pub(super) fn discard(&mut self) {
        // What cannot be removed now, a later start removes.
        drop(self.close());
    }

    /// The recording is complete, and its name durable: removes it.
    pub(super) fn close(&mut self) -> std::io::Result<()> {
        self.settle();
        self.path.take().map_or(Ok(()), |path| remove_if_there(&path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.settle();
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
