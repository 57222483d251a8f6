//! `nvidia::deepstream::NvDsMsgFileTransmitter`: a codelet that writes each message as a line to a FIFO or file, the
//! counterpart of `NvDsMsgFileReceiver`: receipts for people, scripts and tests.
//! What the messages say is left to whoever sends them.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use gxf::{
    AnyParameter, BoxError, ComponentInfo, Context, FilePath, Handle, Message, Parameter, Receiver, TickContext, Tid,
};
use nvds_message::NvDsMessage;
use trigger::Throttle;

use crate::error::Error;

static PATH: Parameter<FilePath> = Parameter::new(
    "path",
    "FIFO or file",
    "Where the messages go, one a line. A file is created if need be and appended to; a FIFO must exist, and what \
     nobody reads in time is dropped",
);

static RX: Parameter<Handle<Receiver>> =
    Parameter::new("rx", "Messages", "Receiver of the messages, each an entity with an NvDsMessage");

/// The codelet.
#[derive(Default)]
pub(crate) struct NvDsMsgFileTransmitter {
    output: Option<Output>,
}

struct Output {
    path: PathBuf,
    rx: Handle<Receiver>,
    lines: Lines,
    throttle: Throttle,
    began: Instant,
}

/// Writes lines, each of them whole or not at all.
struct Lines {
    file: File,
    /// The end of a line of which a full FIFO, or a full disk, has taken only the beginning.
    rest: Vec<u8>,
}

impl gxf::Component for NvDsMsgFileTransmitter {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("33ef1d63-696c-4d7d-be06-64ec5061b4db"),
        type_name: "nvidia::deepstream::NvDsMsgFileTransmitter",
        display_name: "Message File Transmitter",
        brief: "Writes each message as a line to a FIFO or file",
        description: "Writes the payload of each NvDsMessage as one line, for example the receipts of NvDsSmartRecord. \
                      Give its entity a MessageAvailableSchedulingTerm on rx.",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&PATH, &RX];

    fn new() -> Self {
        Self::default()
    }
}

impl gxf::Codelet for NvDsMsgFileTransmitter {
    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let path = context.get(&PATH)?.0;
        let lines = Lines::open(&path).map_err(|error| Error::Parameter {
            key: PATH.key(),
            value: path.display().to_string(),
            reason: format!("it cannot be written to: {error}"),
        })?;
        let rx = context.get(&RX)?;
        self.output = Some(Output { path, rx, lines, throttle: Throttle::new(), began: Instant::now() });
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let output = self.output.as_mut().ok_or(Error::Order("tick"))?;
        while let Some(message) = context.receive(&output.rx)? {
            output.take(&message, context);
        }
        Ok(())
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let Some(mut output) = self.output.take() else { return Ok(()) };
        while let Some(message) = context.receive_left(&output.rx)? {
            output.take(&message, context);
        }
        if !output.lines.rest.is_empty() {
            gxf::log::error!(
                "{}/{}: the last message in '{}' is incomplete: nobody read it in time",
                context.entity_name(),
                context.component_name(),
                output.path.display()
            );
        }
        Ok(())
    }
}

impl Output {
    fn take(&mut self, message: &Message, context: &Context<'_>) {
        let name = || format!("{}/{}", context.entity_name(), context.component_name());
        match message.get_shared::<NvDsMessage>() {
            Some(message) => self.write(message.payload(), name),
            None => self.complain("a message carries no NvDsMessage", name),
        }
    }

    fn write(&mut self, payload: &[u8], name: impl Fn() -> String) {
        if let Err(error) = self.lines.put(payload) {
            let reason = match error.kind() {
                ErrorKind::WouldBlock => "nobody reads it".to_owned(),
                _ => error.to_string(),
            };
            self.complain(&format!("a message cannot be written to '{}': {reason}", self.path.display()), name);
        }
    }

    fn complain(&mut self, fault: &str, name: impl Fn() -> String) {
        if let Some(others) = self.throttle.allow(self.began.elapsed()) {
            gxf::log::error!("{}: {fault} and is lost ({others} more since the last such line)", name());
        }
    }
}

impl Lines {
    fn open(path: &Path) -> std::io::Result<Self> {
        let is_fifo = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
        let file = if is_fifo {
            // Read and write: the FIFO opens without a reader, and readers may come and go. One that nobody reads must not
            // stop the graph.
            let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path)?
        } else {
            OpenOptions::new().append(true).create(true).open(path)?
        };
        Ok(Self { file, rest: Vec::new() })
    }

    /// Writes a line, or its beginning where there is no room for more: then the rest goes before the next one.
    /// An error: the line is not written, or its rest may not be, for another reason than room in a FIFO.
    fn put(&mut self, payload: &[u8]) -> std::io::Result<()> {
        write(&mut self.file, &mut self.rest)?;
        // One write, so that a line is whole whatever else writes to the file.
        let mut line: Vec<u8> = payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
        line.push(b'\n');
        let whole = line.len();
        let written = write(&mut self.file, &mut line);
        if line.len() == whole {
            return written;
        }
        self.rest = line;
        written.or_else(|error| if error.kind() == ErrorKind::WouldBlock { Ok(()) } else { Err(error) })
    }
}

/// Writes bytes and takes those away that are written.
fn write(file: &mut File, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => drop(bytes.drain(..written)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// A message is longer than what a pipe takes at once (PIPE_BUF), and more than a pipe holds is written.
    #[test]
    fn a_full_fifo_gets_whole_lines_only() {
        let folder = testbed::temp_dir().unwrap();
        let path = folder.path().join("receipts.fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&path).unwrap();
        let (mut read, mut taken, mut refused) = (Vec::new(), Vec::new(), 0);
        let mut take = |most: usize| {
            let mut bytes = vec![0; most];
            let count = reader.read(&mut bytes).unwrap();
            read.extend_from_slice(&bytes[..count]);
        };
        for number in 0..100 {
            let line = format!("{number} {}", "x".repeat(9_000));
            match lines.put(line.as_bytes()) {
                Ok(()) => taken.push(line),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    refused += 1;
                    take(20_000);
                }
            }
        }
        // All that a pipe holds, and then what waited for that.
        take(1 << 20);
        lines.put(b"the end").unwrap();
        take(1 << 20);
        taken.push("the end".into());
        let read: Vec<_> = std::str::from_utf8(&read).unwrap().lines().collect();
        assert_eq!(read, taken);
        assert!(refused > 10 && taken.len() > 10, "{refused} refused, {} taken", taken.len());
    }
}
