//! Completes what a crash left in the recordings' folder: finds unfinished files that nobody writes any more, gives them
//! the index that an ordinary file has, and their name. Media stays where it is, nothing is copied.
//! It knows files, not sessions: joining its figures with journals and sidecars is left to the caller.

#[cfg(test)]
mod cuts_test;
mod ebml;
mod find;
mod finish;
#[cfg(test)]
mod folder_test;
mod input;
mod mkv;
mod mp4;
#[cfg(test)]
mod recording;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::container::codec_name;
use crate::core::Stream;
use crate::{Container, Error};

pub use find::{find, litter};

/// All leftovers of a folder at once.
#[cfg(test)]
fn all(dir: &std::path::Path) -> io::Result<Vec<Leftover>> {
    find(dir)?.collect()
}

/// A recording that was not completed. As long as it is held, no other process and no other recorder takes it: an
/// exclusive flock(2) is on it.
#[derive(Debug)]
pub struct Leftover {
    /// The file as it was found: `<name>.mp4.part`, or `<name>.mp4` where only the journal was left.
    pub file: PathBuf,
    /// The name that it should get; [`Recovered::file`] is the one that it gets.
    pub target: PathBuf,
    /// File format, by the name.
    pub container: Container,
    /// `<name>.mp4.json.part`, if there is one. It stays when the recording is finished: the caller removes it.
    pub journal: Option<PathBuf>,
    /// Its folder, open: what happens to the path in between leads nowhere else.
    dir: Arc<File>,
    /// Open for reading, and where possible for writing; holds the lock.
    open: File,
    /// Why it cannot be written to.
    read_only: Option<io::Error>,
}

/// What became of a leftover.
#[derive(Clone, Debug, PartialEq)]
pub enum Finished {
    /// An ordinary, complete file under its final name.
    Recording(Recovered),
    /// It held no frame that could be told from others, and was removed. Its journal is still there.
    Empty,
}

/// A completed file.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// Its name: [`Leftover::target`], or with `-2`, `-3`, … before the ending where that was taken.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What was cut off its end because it was not whole, in bytes.
    pub cut: u64,
    /// What it holds, in the file's order; at least one.
    pub streams: Vec<StreamFigures>,
}

/// One stream of a completed file. Times are nanoseconds since the file's own zero; MP4 has them to its time scale (at
/// least a thousandth of a second), Matroska to the millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFigures {
    /// Video or audio.
    pub stream: Stream,
    /// `H.264`, `AAC`, …, as [`codec_name`] has it.
    pub codec: String,
    /// Pixels; video only.
    pub width: Option<i32>,
    /// Pixels; video only.
    pub height: Option<i32>,
    /// How many channels; audio only.
    pub channels: Option<i32>,
    /// Samples per second; audio only.
    pub rate: Option<i32>,
    /// Access units.
    pub frames: u64,
    /// Earliest presentation.
    pub first_ns: i64,
    /// Latest presentation.
    pub last_ns: i64,
    /// End of the latest presentation.
    pub end_ns: i64,
}

impl StreamFigures {
    /// Without figures yet. `format` is a caps string, or the file's own word for what has no caps.
    fn new(stream: Stream, format: &str) -> Self {
        let caps = format.contains('/').then(|| format.parse::<gst::Caps>().ok()).flatten();
        let codec = caps.map_or_else(|| format.to_owned(), |caps| codec_name(&caps));
        let (width, height, channels, rate) = (None, None, None, None);
        Self { stream, codec, width, height, channels, rate, frames: 0, first_ns: 0, last_ns: 0, end_ns: 0 }
    }
}

impl Leftover {
    /// Makes an ordinary file of it and gives it its name. Takes a moment per hour of recording (it reads the frames'
    /// headers, not the frames) and blocks on the disk: not for a thread that media flows through.
    ///
    /// A crash in here costs nothing: the next start finds the leftover again.
    ///
    /// # Errors
    /// [`Error::CompletionCancelled`] soon after `cancel` is true, if the file was not yet changed; [`Error::Incomplete`] when it is not
    /// a recording of ours, is damaged in its middle, or cannot be written to. The leftover stays.
    pub fn finish(&self, cancel: &AtomicBool) -> Result<Finished, Error> {
        finish::finish(self, cancel).map_err(|halt| match halt {
            Halt::Cancelled => Error::CompletionCancelled { file: self.file.clone() },
            other => Error::Incomplete { file: self.file.clone(), reason: other.to_string() },
        })
    }
}

impl Drop for Leftover {
    /// Lets go of the file at once: a process that is being started in this moment has a copy of everything that is open
    /// here, and closing it would not unlock it before that process runs.
    fn drop(&mut self) {
        // Cannot fail for an open file; if it did, closing it unlocks it.
        let _ = rustix::fs::flock(&self.open, rustix::fs::FlockOperation::Unlock);
    }
}

/// What ends the work on a leftover, inside of this module.
#[derive(Debug, thiserror::Error)]
enum Halt {
    #[error("cancelled")]
    Cancelled,
    #[error("{0}; if you do not need it, remove it")]
    Unknown(&'static str),
    #[error("its index has a form that is not ours ({0}); if you do not need it, remove it")]
    Index(io::Error),
    #[error("it is damaged at byte {at}, {lost} bytes before its end; repair or remove it by hand")]
    Damaged { at: u64, lost: u64 },
    #[error("reading it fails: {0}; check the disk")]
    Reading(io::Error),
    #[error("writing to it fails: {0}; free space or give the process access, then start again")]
    Writing(io::Error),
    #[error("it cannot be renamed: {0}; give the process write access to the folder, then start again")]
    Renaming(io::Error),
}

impl Halt {
    fn reading(error: io::Error) -> Self {
        Self::Reading(error)
    }
}
