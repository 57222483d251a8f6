//! Reads parts of a leftover by position, as far as the file reaches, until the caller cancels.
//! A file may be gigabytes: nothing reads it whole.
//! What the bytes mean is left to `mp4` and `mkv`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Halt;

/// Most that is read at once: the index of a recording of a day is smaller, a damaged length field is not.
const MAX_READ: u64 = 256 << 20;

/// The bytes of a leftover.
pub(super) struct Input<'a> {
    pub(super) file: &'a File,
    /// Bytes in the file.
    pub(super) len: u64,
    cancel: &'a AtomicBool,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a File, cancel: &'a AtomicBool) -> Result<Self, Halt> {
        let len = file.metadata().map_err(Halt::reading)?.len();
        Ok(Self { file, len, cancel })
    }

    /// # Errors
    /// [`Halt::Cancelled`] once the caller has cancelled.
    pub(super) fn go_on(&self) -> Result<(), Halt> {
        if self.cancel.load(Ordering::Relaxed) { Err(Halt::Cancelled) } else { Ok(()) }
    }

    /// `len` bytes from `at`, or `None` where the file does not reach so far.
    pub(super) fn read(&self, at: u64, len: u64) -> Result<Option<Vec<u8>>, Halt> {
        self.go_on()?;
        if len > MAX_READ || at.checked_add(len).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        // At most MAX_READ, which fits.
        let mut bytes = vec![0; len as usize];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(Halt::reading(error)),
        }
    }

    /// Whether there is nothing but zeros in the first 4 KiB: what some file systems leave of a file after a power cut.
    pub(super) fn begins_with_nothing(&self) -> Result<bool, Halt> {
        let head = self.read(0, self.len.min(4096))?.unwrap_or_default();
        Ok(head.iter().all(|byte| *byte == 0))
    }
}
