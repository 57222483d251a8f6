//! `nvidia::deepstream::NvDsMsgFileTransmitter`: a codelet that writes each message as a line to a FIFO or file, the
//! counterpart of `NvDsMsgFileReceiver`: receipts for people, scripts and tests.
//! What the messages say is left to whoever sends them.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use gxf::{AnyParameter, BoxError, ComponentInfo, Context, FilePath, Handle, Parameter, Receiver, TickContext, Tid};
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
    file: File,
    throttle: Throttle,
    began: Instant,
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
        let file = open(&path).map_err(|error| Error::Parameter {
            key: PATH.key(),
            value: path.display().to_string(),
            reason: format!("it cannot be written to: {error}"),
        })?;
        let rx = context.get(&RX)?;
        self.output = Some(Output { path, rx, file, throttle: Throttle::new(), began: Instant::now() });
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let output = self.output.as_mut().ok_or(Error::Order("tick"))?;
        while let Some(message) = context.receive(&output.rx)? {
            let name = || format!("{}/{}", context.entity_name(), context.component_name());
            match message.get_shared::<NvDsMessage>() {
                Some(message) => output.write(message.payload(), name),
                None => output.complain("a message carries no NvDsMessage", name),
            }
        }
        Ok(())
    }

    fn stop(&mut self, _: &Context<'_>) -> Result<(), BoxError> {
        self.output = None;
        Ok(())
    }
}

impl Output {
    fn write(&mut self, payload: &[u8], name: impl Fn() -> String) {
        // One write, so that a line is whole whatever else writes to the file.
        let mut line: Vec<u8> = payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
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

fn open(path: &Path) -> std::io::Result<File> {
    let is_fifo = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    if is_fifo {
        // Read and write: the FIFO opens without a reader, and readers may come and go. One that nobody reads must not
        // stop the graph.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path)
    } else {
        OpenOptions::new().append(true).create(true).open(path)
    }
}
