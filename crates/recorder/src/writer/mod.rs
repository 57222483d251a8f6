//! The I/O of one session on a thread of its own: commands come in by a queue, one record comes out.
//! Which frames a file holds has been decided by the core; this only carries it out, and nobody waits for it.
//! The GStreamer side of a file is in `file`, its JSON companion in `sidecar`.

mod edit_list;
mod file;
mod sidecar;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use self::file::File;
pub(crate) use self::file::utc_now;
use crate::core::{FailReason, Frame, RunningTime, SessionId, Stream};
use crate::file_name::FileNames;
use crate::record::{self, Closing, SourceName, Trigger};
use crate::{Container, DoneRecord, Error, FailedRecord};

/// Media that waits for the disk beyond what the session began with, at most: a session that is further behind ends
/// with an error, so that a slow disk cannot take all memory. 256 MiB are four minutes of 8 Mbit/s.
const MAX_PENDING: usize = 256 << 20;

/// What a writer needs to know of its session.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) session: SessionId,
    pub(crate) source: SourceName,
    pub(crate) trigger: Trigger,
    pub(crate) names: FileNames,
    pub(crate) container: Container,
    pub(crate) sidecar: bool,
}

impl Job {
    /// The record of a session that has no writer.
    pub(crate) fn failed_to_begin(&self, error: &Error) -> Box<FailedRecord> {
        Box::new(self.failed(Failure::new(error.to_string())))
    }

    fn failed(&self, failure: Failure) -> FailedRecord {
        FailedRecord {
            version: record::VERSION,
            id: self.trigger.id.clone(),
            sensor: record::Sensor { id: self.source.sensor.clone() },
            source: self.source.index,
            session: self.session,
            file: failure.file,
            reason: failure.reason,
            metadata: self.trigger.metadata.clone(),
        }
    }
}

/// Why a session has no complete file.
#[derive(Debug)]
struct Failure {
    reason: String,
    /// What was written is kept.
    file: Option<std::path::PathBuf>,
}

impl Failure {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), file: None }
    }
}

/// What a file begins with.
struct Opening {
    /// Main stream first.
    streams: Vec<(Stream, gst::Caps)>,
    /// Running time of the main stream's first frame.
    first: RunningTime,
    /// The main stream has B-frames and no decoding times.
    unordered: bool,
}

enum Command {
    Open(Opening),
    EndStream(Stream),
    Write {
        stream: Stream,
        frame: Frame<gst::Buffer>,
    },
    Close(Box<Closing>),
    Fail(FailReason),
    /// The file's pipeline has failed.
    PipelineError(String),
    /// The file's pipeline has written everything.
    PipelineEos,
}

/// How a session ended.
pub(crate) type Outcome = Result<Box<DoneRecord>, Box<FailedRecord>>;

/// The handle of a session's writer. Every call returns at once; the order of the calls is kept.
pub(crate) struct Writer {
    commands: Sender<Command>,
    pending: Arc<Pending>,
}

/// Bytes between the core and the file.
#[derive(Debug, Default)]
struct Pending {
    bytes: AtomicUsize,
    limit: AtomicUsize,
    overrun: AtomicBool,
}

/// A writer whose thread is still to be started: commands can be queued already.
pub(crate) struct Unstarted {
    commands: Sender<Command>,
    queue: Receiver<Command>,
    pending: Arc<Pending>,
}

impl Writer {
    /// A writer and its thread-to-be, so that the first can be registered under a lock and the second started
    /// outside of it.
    pub(crate) fn prepare() -> (Self, Unstarted) {
        let (commands, queue) = channel();
        let pending = Arc::new(Pending::default());
        pending.limit.store(usize::MAX, Ordering::Relaxed);
        let unstarted = Unstarted { commands: commands.clone(), queue, pending: pending.clone() };
        (Self { commands, pending }, unstarted)
    }

    pub(crate) fn open(&self, streams: Vec<(Stream, gst::Caps)>, first: RunningTime, unordered: bool) {
        self.send(Command::Open(Opening { streams, first, unordered }));
    }

    pub(crate) fn end_stream(&self, stream: Stream) {
        self.send(Command::EndStream(stream));
    }

    pub(crate) fn write(&self, stream: Stream, frame: Frame<gst::Buffer>) {
        let before = self.pending.bytes.fetch_add(frame.bytes, Ordering::Relaxed);
        if before > self.pending.limit.load(Ordering::Relaxed) {
            // The thread notices at its next command; until then nothing more is queued.
            if !self.pending.overrun.swap(true, Ordering::Relaxed) {
                self.send(Command::PipelineError(format!(
                    "the disk cannot keep up: {} MiB wait to be written",
                    before >> 20
                )));
            }
            return;
        }
        self.send(Command::Write { stream, frame });
    }

    /// What has been queued so far came from the cache at once; from here on the disk has to keep up.
    pub(crate) fn limit_from_here(&self) {
        let cached = self.pending.bytes.load(Ordering::Relaxed);
        self.pending.limit.store(cached.saturating_add(MAX_PENDING), Ordering::Relaxed);
    }

    pub(crate) fn close(&self, closing: Closing) {
        self.send(Command::Close(Box::new(closing)));
    }

    pub(crate) fn fail(&self, reason: FailReason) {
        self.send(Command::Fail(reason));
    }

    fn send(&self, command: Command) {
        // A writer that has failed has told so by its outcome; what is still on the way to it may go.
        drop(self.commands.send(command));
    }
}

impl Unstarted {
    /// Starts the thread. It ends with one call of `done`.
    ///
    /// # Errors
    /// When the system gives no thread; then `done` is never called.
    pub(crate) fn start(
        self,
        job: Job,
        done: impl FnOnce(SessionId, Outcome) + Send + 'static,
    ) -> Result<JoinHandle<()>, Error> {
        // Linux shows 15 characters of a thread's name.
        let name = format!("srec{}-{}", job.source.index, job.session);
        std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| self.run(&job));
                let outcome = std::panic::catch_unwind(run)
                    .unwrap_or_else(|_| Err(Failure::new("the writer panicked; this is a bug, please report it")));
                done(job.session, outcome.map_err(|failure| Box::new(job.failed(failure))));
            })
            .map_err(|error| Error::Thread { purpose: "writing a recording", error })
    }

    fn run(&self, job: &Job) -> Result<Box<DoneRecord>, Failure> {
        let mut file: Option<File> = None;
        let step = |file: &mut Option<File>| -> Result<Option<Box<DoneRecord>>, Failure> {
            // The queue's sender lives in `self`, so it cannot be closed.
            let Ok(command) = self.queue.recv() else { return Err(Failure::new("the writer was given up")) };
            match (command, file.as_mut()) {
                (Command::Open(opening), None) => {
                    *file = Some(File::open(job, &opening, &self.commands, &self.pending)?);
                }
                (Command::EndStream(stream), Some(file)) => file.end_stream(stream),
                (Command::Write { stream, frame }, Some(file)) => file.push(stream, frame)?,
                (Command::Close(closing), Some(open)) => {
                    open.end(&closing)?;
                    self.wait_for_eos()?;
                    return match file.take() {
                        Some(open) => open.finish(job, *closing).map(Some),
                        None => Ok(None),
                    };
                }
                (Command::Fail(reason), _) => return Err(Failure::new(reason.to_string())),
                (Command::PipelineError(reason), _) => return Err(Failure::new(reason)),
                // Frames of a session that has no file yet, or ends of one, cannot come: the core opens first.
                (Command::Open(_) | Command::EndStream(_) | Command::Write { .. } | Command::Close(_), _)
                | (Command::PipelineEos, _) => {}
            }
            Ok(None)
        };
        loop {
            match step(&mut file) {
                Ok(None) => {}
                Ok(Some(done)) => return Ok(done),
                Err(failure) => {
                    let kept = file.take().and_then(File::give_up);
                    return Err(Failure { file: failure.file.or(kept), ..failure });
                }
            }
        }
    }

    fn wait_for_eos(&self) -> Result<(), Failure> {
        loop {
            match self.queue.recv() {
                Ok(Command::PipelineEos) => return Ok(()),
                Ok(Command::PipelineError(reason)) => return Err(Failure::new(reason)),
                // After a close the core sends nothing more to this session.
                Ok(_) => {}
                Err(_) => return Err(Failure::new("the writer was given up")),
            }
        }
    }
}
