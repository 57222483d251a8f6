//! Finds recordings that were left unfinished in a folder, and takes them so that nobody else does.
//! A folder's content is not to be trusted: only regular files with names of ours, no links, nothing outside.
//! What is in them is left to `finish`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Leftover;
use crate::Container;

/// All leftovers of a folder, in the order of their names, each of them locked; what is locked by others is being
/// written and left alone. A leftover without a journal is one all the same.
///
/// # Errors
/// When the folder cannot be read.
pub fn find(dir: &Path) -> io::Result<Vec<Leftover>> {
    let folder = Arc::new(File::open(dir)?);
    let mut names = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    let mut leftovers = Vec::new();
    for name in &names {
        // The target's name, and whether this is the recording or its journal.
        let (target, is_media) = match strip(name, ".json.part") {
            Some(target) => (target, false),
            None => match strip(name, ".part") {
                Some(target) => (target, true),
                None => continue,
            },
        };
        let Some(container) = container_of(target) else { continue };
        // A journal is found with its recording, unless that has its final name already.
        let file = if is_media { name.clone() } else { target.to_owned() };
        if !is_media && is_regular(&folder, &with_suffix(target, ".part")) {
            continue;
        }
        let Some((open, read_only)) = take(&folder, &file)? else { continue };
        let journal = with_suffix(target, ".json.part");
        leftovers.push(Leftover {
            file: dir.join(&file),
            target: dir.join(target),
            container,
            journal: is_regular(&folder, &journal).then(|| dir.join(journal)),
            dir: folder.clone(),
            open,
            read_only,
        });
    }
    Ok(leftovers)
}

fn strip<'a>(name: &'a OsStr, suffix: &str) -> Option<&'a OsStr> {
    name.as_bytes().strip_suffix(suffix.as_bytes()).map(OsStr::from_bytes)
}

fn with_suffix(name: &OsStr, suffix: &str) -> OsString {
    OsString::from_vec([name.as_bytes(), suffix.as_bytes()].concat())
}

/// The container of a name of ours: `<prefix>[_<source>]_<counter>_<UTC>_<pid>.<mp4|mkv>` (`file_name`).
fn container_of(name: &OsStr) -> Option<Container> {
    let name = name.as_bytes();
    let (stem, container) = [Container::Mp4, Container::Mkv].into_iter().find_map(|container| {
        let stem = name.strip_suffix(container.extension().as_bytes())?.strip_suffix(b".")?;
        Some((stem, container))
    })?;
    let mut parts = stem.rsplitn(4, |byte| *byte == b'_');
    let (pid, time, counter, prefix) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_time = time.len() == 15 && time[8] == b'-' && digits(&time[..8]) && digits(&time[9..]);
    let ours = digits(pid) && is_time && digits(counter) && counter.len() >= 5 && !prefix.is_empty();
    ours.then_some(container)
}

fn is_regular(folder: &File, name: &OsStr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_taken() {
        let container = |name: &str| container_of(OsStr::new(name));
        assert_eq!(container("Smart_Record_00003_20200518-200200_77.mp4"), Some(Container::Mp4));
        assert_eq!(container("a b_2_123456_20200518-200200_1.mkv"), Some(Container::Mkv));
        for other in [
            "holiday.mp4",
            "_00003_20200518-200200_77.mp4",
            "00003_20200518-200200_77.mp4",
            "S_0003_20200518-200200_77.mp4",
            "S_00003_20200518200200_77.mp4",
            "S_00003_20200518-200200_.mp4",
            "S_00003_20200518-200200_77.avi",
            "S_00003_20200518-200200_77-2.mp4",
        ] {
            assert_eq!(container(other), None, "{other}");
        }
    }
}
