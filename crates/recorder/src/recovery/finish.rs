//! Carries out what `mp4` or `mkv` has found to be done, in an order in which a crash at any point costs nothing, and
//! gives the file its name.
//! What is to be done is left to them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, FallocateFlags, RenameFlags};
use rustix::io::Errno;

use super::find::is_still;
use super::input::Input;
use super::{Finished, Halt, Leftover, Recovered, StreamFigures, mkv, mp4};
use crate::Container;

/// A tail that is not whole is at most a fragment, which is half a second: more is damage, and not to be thrown away.
const MAX_CUT: u64 = 64 << 20;

/// What a file turned out to be.
pub(super) enum Found {
    /// Not of this container.
    Foreign,
    /// Without a frame that could be told from others.
    Empty,
    /// Complete already.
    Whole(Vec<StreamFigures>),
    Unfinished(Plan),
}

/// What makes an ordinary file of one.
pub(super) struct Plan {
    pub(super) streams: Vec<StreamFigures>,
    /// What comes after is not whole.
    pub(super) end: u64,
    /// Goes there.
    pub(super) index: Vec<u8>,
    /// Then, in this order: at which byte, which bytes. Each of them leaves a file that can be found and finished again.
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    /// What makes a file playable again as it was before the muxer began to finalise it: for when there is no room for
    /// the index. Takes no room.
    pub(super) undo: Vec<(u64, Vec<u8>)>,
}

pub(super) fn finish(leftover: &Leftover, cancel: &AtomicBool) -> Result<Finished, Halt> {
    // Names of codecs are made of caps.
    gst::init().map_err(|_| Halt::Unknown("GStreamer cannot be initialised"))?;
    let input = Input::new(&leftover.open, cancel)?;
    let found = match leftover.container {
        Container::Mp4 => mp4::inspect(&input)?,
        Container::Mkv => mkv::inspect(&input)?,
    };
    input.go_on()?;
    let is_named = leftover.file == leftover.target;
    let (streams, cut) = match found {
        Found::Foreign => return Err(Halt::Unknown("it is not a recording, in spite of its name")),
        Found::Empty | Found::Unfinished(_) if is_named => {
            return Err(Halt::Unknown("its journal is that of a complete recording, which it is not"));
        }
        Found::Empty if input.len > MAX_CUT => return Err(Halt::Damaged { at: 0, lost: input.len }),
        Found::Empty => {
            remove(leftover)?;
            return Ok(Finished::Empty);
        }
        Found::Whole(streams) => (streams, 0),
        Found::Unfinished(plan) => {
            let cut = input.len.saturating_sub(plan.end);
            if cut > MAX_CUT {
                return Err(Halt::Damaged { at: plan.end, lost: cut });
            }
            write(leftover, &plan)?;
            (plan.streams, cut)
        }
    };
    // Its writer may have been killed before it made it durable.
    leftover.open.sync_all().map_err(Halt::Writing)?;
    let bytes = leftover.open.metadata().map_err(Halt::Reading)?.len();
    let file = if is_named { leftover.target.clone() } else { publish(leftover)? };
    Ok(Finished::Recording(Recovered { file, bytes, cut, streams }))
}

fn write(leftover: &Leftover, plan: &Plan) -> Result<(), Halt> {
    let file = &leftover.open;
    if let Some(refused) = &leftover.read_only {
        return Err(Halt::Writing(refused.kind().into()));
    }
    let len = plan.index.len() as u64;
    let append = || {
        // Takes the room before anything is changed. Not every file system can; then writing tells.
        match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, plan.end, len) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
        file.write_all_at(&plan.index, plan.end)?;
        file.set_len(plan.end + len)?;
        file.sync_all()
    };
    if let Err(error) = append() {
        // Half an index is one more tail that is not whole. The first error is the one to tell; what fails here is done
        // by the next start.
        let _ = file.set_len(plan.end).and_then(|()| patch(file, &plan.undo));
        return Err(Halt::Writing(error));
    }
    // Nothing may point to the index before it is on the disk.
    patch(file, &plan.patches).map_err(Halt::Writing)
}

fn patch(file: &File, patches: &[(u64, Vec<u8>)]) -> io::Result<()> {
    patches.iter().try_for_each(|(at, bytes)| file.write_all_at(bytes, *at))
}

fn name(path: &Path) -> &OsStr {
    // `find` joins folder and name.
    path.file_name().unwrap_or_default()
}

fn remove(leftover: &Leftover) -> Result<(), Halt> {
    if is_still(&leftover.dir, name(&leftover.file), &leftover.open).map_err(Halt::Renaming)? {
        rustix::fs::unlinkat(&*leftover.dir, name(&leftover.file), AtFlags::empty())
            .map_err(|error| Halt::Renaming(error.into()))?;
    }
    leftover.dir.sync_all().map_err(Halt::Renaming)
}

/// Renames it to the first free name.
fn publish(leftover: &Leftover) -> Result<std::path::PathBuf, Halt> {
    let from = name(&leftover.file);
    if !is_still(&leftover.dir, from, &leftover.open).map_err(Halt::Renaming)? {
        return Err(Halt::Unknown("it was renamed or removed in the meantime"));
    }
    for number in 1..1000 {
        let path = numbered(&leftover.target, number);
        match rename(leftover, from, name(&path)) {
            Ok(()) => {
                leftover.dir.sync_all().map_err(Halt::Renaming)?;
                return Ok(path);
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(Halt::Renaming(error.into())),
        }
    }
    Err(Halt::Unknown("a thousand files have its name already"))
}

fn rename(leftover: &Leftover, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    let dir = &*leftover.dir;
    match rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
        // Not every file system can do that; the next best thing is to look before.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            match rustix::fs::statat(dir, to, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => rustix::fs::renameat(dir, from, dir, to),
                Err(error) => Err(error),
            }
        }
        result => result,
    }
}

/// `x.mp4`, `x-2.mp4`, `x-3.mp4`, …
fn numbered(target: &Path, number: u32) -> std::path::PathBuf {
    if number == 1 {
        return target.to_owned();
    }
    let mut name = OsString::from(target.file_stem().unwrap_or_default());
    name.push(format!("-{number}."));
    name.push(target.extension().unwrap_or_default());
    target.with_file_name(name)
}
