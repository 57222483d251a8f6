//! `nvidia::deepstream::NvDsMsgFileReceiver`: a codelet that sends each line of a FIFO or file as a message, for people
//! and tests.
//! Reading lines is left to `trigger`, what they ask for to whoever receives them.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use gxf::{
    AnyParameter, BoxError, ComponentInfo, Context, FilePath, Handle, Message, Parameter, TickContext, Tid,
    Transmitter, Waker,
};
use nvds_message::NvDsMessage;
use trigger::{FifoReader, Line, MAX_LINE_BYTES, Stop, Throttle};

use crate::error::Error;

/// Lines that wait for the graph; whoever writes more waits too.
const QUEUE: usize = 1_024;

static PATH: Parameter<FilePath> = Parameter::new(
    "path",
    "FIFO or file",
    "Where the messages come from, one JSON object a line. A FIFO is read for ever; a file once, to its end",
);

static TX: Parameter<Handle<Transmitter>> =
    Parameter::new("tx", "Messages", "Transmitter of the messages, each an entity with an NvDsMessage");

/// The codelet.
#[derive(Default)]
pub(crate) struct NvDsMsgFileReceiver {
    initialized: Option<Initialized>,
    started: Option<Started>,
}

struct Initialized {
    path: PathBuf,
    tx: Handle<Transmitter>,
    waker: Waker,
}

struct Started {
    lines: Receiver<Vec<u8>>,
    stop: Stop,
    thread: JoinHandle<()>,
}

impl gxf::Component for NvDsMsgFileReceiver {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("184c4f54-bdb0-49b7-8549-bf25f8f57595"),
        type_name: "nvidia::deepstream::NvDsMsgFileReceiver",
        display_name: "Message File Receiver",
        brief: "Sends each line of a FIFO or file as a message",
        description: "Reads one JSON message a line and sends it as an NvDsMessage, for example to NvDsSmartRecord. \
                      Lines that are too long (64 KiB) or not a JSON object are counted, logged and skipped. Give its \
                      entity an AsynchronousSchedulingTerm, and a DownstreamReceptiveSchedulingTerm on tx so that a \
                      burst waits until the receiver has room.",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&PATH, &TX];

    fn new() -> Self {
        Self::default()
    }
}

impl gxf::Codelet for NvDsMsgFileReceiver {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        self.initialized =
            Some(Initialized { path: context.get(&PATH)?.0, tx: context.get(&TX)?, waker: context.waker()? });
        Ok(())
    }

    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let initialized = self.initialized.as_ref().ok_or(Error::Order("start"))?;
        let reader = FifoReader::open(&initialized.path)?;
        let stop = Stop::new()?;
        let (sender, lines) = sync_channel(QUEUE);
        let name = format!("{}/{}", context.entity_name(), context.component_name());
        let (waker, stopped) = (initialized.waker.clone(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("srec-file".into())
            .spawn(move || read(reader, &stopped, sender, &|| waker.wake(), &name))
            .map_err(|error| Error::Thread { purpose: "reading messages", error })?;
        self.started = Some(Started { lines, stop, thread });
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let initialized = self.initialized.as_ref().ok_or(Error::Order("tick"))?;
        let started = self.started.as_ref().ok_or(Error::Order("tick"))?;
        // One message a tick: a transmitter's queue, of whatever capacity, is empty again when the tick is over.
        match started.lines.try_recv() {
            Ok(payload) => {
                let message = Message::new(context)?;
                message.add_shared(NvDsMessage::new("", payload))?;
                context.publish(&initialized.tx, message)?;
                initialized.waker.wake();
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => initialized.waker.finish(),
        }
        Ok(())
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        if let Some(Started { lines, stop, thread }) = self.started.take() {
            stop.stop();
            // A reader that waits for room in the queue finds some, and ends with what it has read already.
            let lost = lines.iter().count();
            if lost > 0 {
                gxf::log::warning!(
                    "{}/{}: {lost} messages came too late, since the graph has stopped, and are lost",
                    context.entity_name(),
                    context.component_name()
                );
            }
            if thread.join().is_err() {
                return Err("the thread that reads messages panicked; this is a bug, please report it".into());
            }
        }
        Ok(())
    }
}

/// Reads until the end or the stop, closes the queue, and only then wakes the codelet for the last time.
fn read(mut reader: FifoReader, stop: &Stop, lines: SyncSender<Vec<u8>>, wake: &dyn Fn(), name: &str) {
    let began = Instant::now();
    let mut throttle = Throttle::new();
    let result = reader.run(stop, |line| {
        let fault = match line {
            Line::Json(payload) => {
                // Closed only when the codelet stops.
                if lines.send(payload).is_ok() {
                    wake();
                }
                return;
            }
            Line::TooLong => format!("is longer than {MAX_LINE_BYTES} bytes"),
            Line::NotJson => "is not a JSON object".to_owned(),
        };
        if let Some(others) = throttle.allow(began.elapsed()) {
            gxf::log::warning!("{name}: a line {fault} and is skipped ({others} more since the last such line)");
        }
    });
    if let Err(error) = result {
        gxf::log::error!("{name}: {error}");
    }
    let counters = reader.counters();
    let skipped = counters.too_long + counters.not_json;
    if skipped > 0 {
        gxf::log::warning!(
            "{name}: {skipped} lines were skipped in all, {} too long and {} not JSON; {} were sent on",
            counters.too_long,
            counters.not_json,
            counters.json
        );
    }
    // Closed first: a tick that is quicker than this thread would find the queue empty but open, and no other would come.
    drop(lines);
    wake();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::Cell;

    use super::*;

    /// The wake-up may make a tick at once, before the thread does anything more.
    #[test]
    fn the_queue_is_closed_when_the_codelet_is_woken_for_the_last_time() {
        let folder = testbed::temp_dir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, "{\"a\":1}\n{\"b\":2}\n").unwrap();
        let (sender, lines) = sync_channel(QUEUE);
        let (taken, closed) = (Cell::new(0), Cell::new(false));
        let tick = || match lines.try_recv() {
            Ok(_) => taken.set(taken.get() + 1),
            Err(error) => closed.set(error == TryRecvError::Disconnected),
        };
        read(FifoReader::open(&path).unwrap(), &Stop::new().unwrap(), sender, &tick, "file");
        assert_eq!((taken.get(), closed.get()), (2, true));
    }
}
