//! The sidecar: `<recording>.json`, the done record as a file beside the recording.
//! It appears whole or not at all, like the recording.
//! What is in it is left to `record`.

use std::io::Write;

use super::file::sync_folder;
use crate::DoneRecord;
use crate::file_name::{sidecar, temporary};

/// Writes it.
pub(super) fn write(done: &DoneRecord) -> std::io::Result<()> {
    let path = sidecar(&done.file);
    let part = temporary(&path);
    let mut file = std::fs::File::create(&part)?;
    serde_json::to_writer_pretty(&mut file, done)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&part, &path)?;
    sync_folder(&path)
}
