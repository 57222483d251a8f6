//! Follows a FIFO, or reads a file once, and hands each line to a callback; blocks until stopped.
//! Waits in poll(2) on the file and on [`Stop`], so that it takes no CPU while nothing comes.
//! It leaves cutting into lines to `lines`, and the thread it runs on to the caller.

use std::{
    fs,
    io::ErrorKind,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::OFlags,
    io::Errno,
};

use crate::{Counters, Error, Line, LineSplitter};

/// Bytes per read(2): what a Linux pipe holds.
const READ_BYTES: usize = 64 * 1024;

/// Ends a reader from any thread. Clones end the same readers; once called it stays in force.
#[derive(Debug, Clone)]
pub struct Stop(Arc<OwnedFd>);

impl Stop {
    /// A stop that nobody has called yet.
    ///
    /// # Errors
    /// [`Error::NoStop`] when the system has no descriptor left.
    pub fn new() -> Result<Self, Error> {
        match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
            Ok(event) => Ok(Self(Arc::new(event))),
            Err(errno) => Err(Error::NoStop { source: errno.into() }),
        }
    }

    /// Makes every reader that was given this stop return. Never blocks.
    pub fn stop(&self) {
        // Fails only with EAGAIN, when the counter is full: then it is readable, as it shall be.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// Why reading ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// A regular file was read to its end. A FIFO has none.
    EndOfFile,
    /// [`Stop::stop`] was called. A line not yet ended is dropped.
    Stopped,
}

#[derive(Debug)]
enum Input {
    /// `idle_writer` is held while nobody writes: without a writer poll(2) would report the hang-up
    /// for ever. It is let go as soon as bytes come, so that the end of the last real writer is seen.
    Fifo { reader: OwnedFd, idle_writer: Option<OwnedFd> },
    /// Read once to its end.
    File(OwnedFd),
}

impl Input {
    fn fd(&self) -> &OwnedFd {
        match self {
            Self::Fifo { reader, .. } | Self::File(reader) => reader,
        }
    }
}

/// A FIFO or file of messages, opened.
#[derive(Debug)]
pub struct FifoReader {
    path: PathBuf,
    input: Input,
    splitter: LineSplitter,
}

impl FifoReader {
    /// Opens a FIFO (whether or not somebody writes to it) or a regular file. Never blocks.
    ///
    /// # Errors
    /// [`Error::CannotOpen`]: missing, or no permission (a FIFO must be readable and writable).
    /// [`Error::WrongFileType`]: a directory, device or socket.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: path.into(), input: open(path)?, splitter: LineSplitter::new() })
    }

    /// The lines so far.
    pub fn counters(&self) -> Counters {
        self.splitter.counters()
    }

    /// Reads and calls `on_line` on this thread for each line until the file ends or `stop` is called.
    ///
    /// Writers of a FIFO may come and go. When the last one closes, a line without an end counts as ended.
    ///
    /// # Errors
    /// [`Error::CannotRead`] or [`Error::CannotOpen`]: the descriptor fails, or the FIFO was removed.
    pub fn run(&mut self, stop: &Stop, mut on_line: impl FnMut(Line)) -> Result<Finish, Error> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if self.wait(stop, None)? == Some(Ready::Stop) {
                return Ok(Finish::Stopped);
            }
            if let Some(finish) = self.step(&mut buffer, &mut on_line)? {
                return Ok(finish);
            }
        }
    }

    /// One read. `Some`: there is no more to come.
    fn step(&mut self, buffer: &mut [u8], on_line: &mut impl FnMut(Line)) -> Result<Option<Finish>, Error> {
        match self.read(buffer)? {
            Chunk::Bytes(n) => self.splitter.push(&buffer[..n]).for_each(on_line),
            Chunk::Nothing => {}
            Chunk::End => {
                self.splitter.finish().into_iter().for_each(on_line);
                match self.input {
                    Input::File(_) => return Ok(Some(Finish::EndOfFile)),
                    // Takes an idle writer again, from whatever FIFO has this path now. The old
                    // ends close only after the new ones are open: bytes in the pipe survive.
                    Input::Fifo { .. } => self.input = open(&self.path)?,
                }
            }
        }
        Ok(None)
    }

    /// Waits for one of the two; `None` only after `timeout` (`None`: none).
    fn wait(&self, stop: &Stop, timeout: Option<&Timespec>) -> Result<Option<Ready>, Error> {
        let input = self.input.fd();
        let mut fds = [PollFd::new(&*stop.0, PollFlags::IN), PollFd::new(input, PollFlags::IN)];
        loop {
            match poll(&mut fds, timeout) {
                Ok(0) => return Ok(None),
                Ok(_) if !fds[0].revents().is_empty() => return Ok(Some(Ready::Stop)),
                // An error or hang-up of the input is for read(2) to tell.
                Ok(_) => return Ok(Some(Ready::Input)),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.cannot_read(errno)),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Chunk, Error> {
        if let Input::Fifo { idle_writer, .. } = &mut self.input {
            *idle_writer = None;
        }
        match rustix::io::read(self.input.fd(), buffer) {
            Ok(0) => Ok(Chunk::End),
            Ok(n) => Ok(Chunk::Bytes(n)),
            Err(Errno::INTR | Errno::AGAIN) => Ok(Chunk::Nothing),
            Err(errno) => Err(self.cannot_read(errno)),
        }
    }

    fn cannot_read(&self, errno: Errno) -> Error {
        Error::CannotRead { path: self.path.clone(), source: errno.into() }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ready {
    Input,
    Stop,
}

enum Chunk {
    Bytes(usize),
    Nothing,
    End,
}

/// Opens `path` and hands each of its lines to `on_line`, on this thread, until it ends or is stopped.
///
/// # Errors
/// Those of [`FifoReader::open`] and [`FifoReader::run`].
pub fn follow(path: &Path, stop: &Stop, on_line: impl FnMut(Line)) -> Result<Finish, Error> {
    FifoReader::open(path)?.run(stop, on_line)
}

fn open(path: &Path) -> Result<Input, Error> {
    const NEEDED: &str = "a FIFO with read and write permission, or a readable file";
    let cannot_open = |source: std::io::Error| Error::CannotOpen { path: path.into(), source, needed: NEEDED };
    let open = |options: &mut fs::OpenOptions| options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path);

    // What it is comes first: opening a device can do things.
    let expected = fs::metadata(path).map_err(cannot_open)?;
    if let Some(found) = wrong_type(expected.file_type()) {
        return Err(Error::WrongFileType { path: path.into(), found });
    }
    let reader = open(fs::OpenOptions::new().read(true)).map_err(cannot_open)?;
    let opened = reader.metadata().map_err(cannot_open)?;
    if (opened.dev(), opened.ino()) != (expected.dev(), expected.ino()) {
        let source = std::io::Error::new(ErrorKind::ResourceBusy, "it was replaced just now");
        return Err(cannot_open(source));
    }
    if opened.file_type().is_fifo() {
        let idle_writer = open(fs::OpenOptions::new().write(true)).map_err(cannot_open)?;
        Ok(Input::Fifo { reader: reader.into(), idle_writer: Some(idle_writer.into()) })
    } else {
        Ok(Input::File(reader.into()))
    }
}

/// What a path is that can be no message file; `None` for a FIFO and a regular file.
fn wrong_type(file_type: fs::FileType) -> Option<&'static str> {
    if file_type.is_fifo() || file_type.is_file() {
        None
    } else if file_type.is_dir() {
        Some("a directory")
    } else if file_type.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

#[cfg(test)]
mod tests;
