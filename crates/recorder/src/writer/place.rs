//! A recording's place in its folder: a name that nobody has, a lock that a recovery respects, and a rename that replaces
//! nothing.
//! What is written there is left to `file`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, Job, utc_now};
use crate::file_name::temporary;

/// A recording's file, locked: a recovery leaves it alone as long as this lives.
pub(super) struct Lock(pub(super) std::fs::File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is being started in this moment has a copy of what is open here.
        let _ = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock);
    }
}

/// Takes the next free name and creates its temporary file, so that nobody else can.
pub(super) fn reserve(job: &Job) -> Result<(PathBuf, PathBuf, Arc<Lock>), Failure> {
    // A name can be taken only by a process that had our number within the same second: a few tries are plenty.
    for _ in 0..100 {
        let path = job.names.next(job.container, utc_now());
        let temporary = temporary(&path);
        if path.exists() {
            continue;
        }
        match create_locked(&temporary) {
            Ok(Some(file)) => return Ok((path, temporary, Arc::new(Lock(file)))),
            Ok(None) => {}
            Err(error) => return Err(Failure::new(format!("'{}' cannot be created: {error}", temporary.display()))),
        }
    }
    Err(Failure::new(format!("no free file name in '{}'", job.names.dir.display())))
}

/// `None`: somebody else has it, be it a recovery that has found it before it was locked.
fn create_locked(path: &Path) -> std::io::Result<Option<std::fs::File>> {
    use std::os::unix::fs::MetadataExt;
    let file = match std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    };
    let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    if locked == Err(rustix::io::Errno::WOULDBLOCK) {
        return Ok(None);
    }
    // A file system without locks: a recovery leaves its files alone too.
    let same = std::fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
    Ok(same.then_some(file))
}

/// Gives a file a name that nobody has.
pub(super) fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot: the name was free when it was reserved.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}

/// Removes a file, or finds that it is not there.
pub(crate) fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a complete file and its name durable. Returns its size in bytes.
pub(crate) fn make_durable(path: &Path) -> std::io::Result<u64> {
    let file = std::fs::File::open(path)?;
    file.sync_all()?;
    sync_folder(path)?;
    Ok(file.metadata()?.len())
}

pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
        _ => std::fs::File::open(".")?.sync_all(),
    }
}
