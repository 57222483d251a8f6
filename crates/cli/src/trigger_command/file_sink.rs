//! Writes a trigger as one line into a FIFO that a graph reads, or at the end of a file.
//! Nothing is created: where the FIFO is missing, a file in its place would swallow every trigger.
//! It leaves reading to the crate `trigger`, whose limit on a line is kept here.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
};

use crate::error::Error;

/// Writes `message` and a line end; waits for room in the FIFO until `deadline`.
///
/// # Errors
/// [`Error::ToFile`]: missing, not to be written to, no reader of the FIFO, or too long for its reader.
/// [`Error::TimeOut`]: there is a reader, and it does not read.
pub fn append(path: &Path, message: &str, deadline: Instant) -> Result<(), Error> {
    let refuse = |source| Error::ToFile { path: path.into(), source };
    if message.len() > ::trigger::MAX_LINE_BYTES {
        let limit = ::trigger::MAX_LINE_BYTES;
        let reason = format!("the message has {} bytes (allowed in a line: {limit})", message.len());
        return Err(refuse(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    // What it is comes first: opening a device can do things.
    let file_type = std::fs::metadata(path).map_err(refuse)?.file_type();
    if !file_type.is_fifo() && !file_type.is_file() {
        let reason = "it is neither a FIFO nor a regular file";
        return Err(refuse(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    // Without O_NONBLOCK the open would wait until somebody reads the FIFO.
    let nonblock = OFlags::NONBLOCK.bits() as i32;
    let mut file = match OpenOptions::new().append(true).custom_flags(nonblock).open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            let reason = "nobody reads this FIFO (does the graph run?)";
            return Err(refuse(io::Error::new(io::ErrorKind::NotConnected, reason)));
        }
        opened => opened.map_err(refuse)?,
    };
    // In one write, so that lines of several senders do not mix (up to PIPE_BUF).
    let line = format!("{message}\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let begun = rest.len() < line.len();
                if !room(&file, deadline).map_err(refuse)? {
                    let part = if begun { ", and only a part of the message is in it" } else { "" };
                    let lost = format!(": {}{part}", path.display());
                    return Err(Error::TimeOut { what: "the FIFO is full, and nobody empties it", lost });
                }
            }
            Err(error) => return Err(refuse(error)),
        }
    }
    Ok(())
}

/// Waits until something can be written, or its reader is gone, which the next write tells. False: not until `deadline`.
fn room(file: &File, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Rounded up, so that the last wait does not end too early; a day fits.
    let left = Timespec::try_from(left + Duration::from_millis(1)).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&left)) {
        Ok(ready) => Ok(ready > 0),
        // The write is tried again, and then waited for again.
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}
