//! Finds recordings that were left unfinished in a folder, and takes them so that nobody else does.
//! A folder's content is not to be trusted: only regular files with names of ours, no links, nothing outside.
//! What is in them is left to `finish`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Leftover;
use crate::file_name::{Part, journal, part_of, target_of_journal, temporary};

/// All leftovers of a folder, in the order of their names, one after the other, each of them locked; what is locked by
/// others is being written and left alone. A leftover without a journal is one all the same. One that cannot be opened
/// is an error of its own, and the others follow.
///
/// # Errors
/// When the folder cannot be read.
pub fn find(dir: &Path) -> io::Result<impl Iterator<Item = io::Result<Leftover>>> {
    let folder = Arc::new(File::open(dir)?);
    let mut names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    let dir = dir.to_owned();
    Ok(names.into_iter().filter_map(move |name| leftover(&dir, &folder, &name).transpose()))
}

/// Journals of recordings of which nothing else is there: nobody writes them, and nothing can be made of them.
///
/// # Errors
/// When the folder cannot be read.
pub fn litter(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = File::open(dir)?;
    let names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    let is_litter = |name: &&OsString| {
        target_of_journal(name)
            .is_some_and(|target| !is_regular(&folder, target) && !is_regular(&folder, temporary(Path::new(target))))
    };
    Ok(names.iter().filter(is_litter).map(|name| dir.join(name)).collect())
}

fn leftover(dir: &Path, folder: &Arc<File>, name: &OsStr) -> io::Result<Option<Leftover>> {
    let Some((target, container, part)) = part_of(name) else { return Ok(None) };
    let media = temporary(Path::new(target));
    let file = match part {
        Part::Recording => name,
        // It is found with its recording, unless that has its final name already.
        Part::Journal if is_regular(folder, &media) => return Ok(None),
        Part::Journal => target,
    };
    let Some((open, read_only)) = take(folder, file)? else { return Ok(None) };
    let journal = journal(Path::new(target));
    Ok(Some(Leftover {
        file: dir.join(file),
        target: dir.join(target),
        container,
        journal: is_regular(folder, &journal).then(|| dir.join(journal)),
        dir: folder.clone(),
        open,
        read_only,
    }))
}

fn is_regular(folder: &File, name: impl rustix::path::Arg) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// Opens and locks a file. `None`: it is not a regular file, somebody else has it, or it has just got another name.
fn take(folder: &File, name: &OsStr) -> io::Result<Option<(File, Option<io::Error>)>> {
    if !is_regular(folder, name) {
        return Ok(None);
    }
    // A device or pipe that takes the name in this moment must not block.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |access| rustix::fs::openat(folder, name, flags | access, Mode::empty());
    // Writing is wanted to finish it, and by NFS for an exclusive lock.
    let (file, read_only) = match open(OFlags::RDWR) {
        Ok(file) => (file, None),
        Err(refused @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => match open(OFlags::RDONLY) {
            Ok(file) => (file, Some(refused.into())),
            // Not even readable: it is somebody else's.
            Err(_) => return Ok(None),
        },
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::TXTBSY) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let file = File::from(file);
    Ok(is_still(folder, name, &file)?.then_some((file, read_only)))
}

/// Whether a name still means an open file: a writer that completes its recording renames it before it lets go.
pub(super) fn is_still(folder: &File, name: &OsStr, file: &File) -> io::Result<bool> {
    let open = rustix::fs::fstat(file)?;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (open.st_dev, open.st_ino)
            && FileType::from_raw_mode(open.st_mode) == FileType::RegularFile),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
