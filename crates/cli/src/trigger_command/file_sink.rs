//! Writes a trigger as one line into a FIFO that a graph reads, or at the end of a file.
//! Nothing is created: where the FIFO is missing, a file in its place would swallow every trigger.
//! It leaves reading to the crate `trigger`, whose limit on a line is kept here.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::error::Error;

/// Writes `message` and a line end.
///
/// # Errors
/// [`Error::ToFile`]: missing, not to be written to, no reader of the FIFO, or too long for its reader.
pub fn append(path: &Path, message: &str) -> Result<(), Error> {
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
    // A full pipe is then waited for; one write, so that lines of several senders do not mix (up to PIPE_BUF).
    let flags = fcntl_getfl(&file).map_err(|errno| refuse(errno.into()))?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK).map_err(|errno| refuse(errno.into()))?;
    file.write_all(format!("{message}\n").as_bytes()).map_err(refuse)
}
