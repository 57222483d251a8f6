//! The I/O of one session on a thread of its own: it pulls from the core what is to be done, at the pace of the disk, and
//! one record comes out.
//! Which frames a file holds is decided by the core; nobody waits for what happens here. The GStreamer side of a file is
//! in `file`, its JSON companions in `sidecar`, the thread's work in `session_thread`.

mod account;
mod background;
mod edit_list;
mod file;
mod head;
mod place;
mod session_thread;
mod sidecar;
mod sink;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(crate) use self::account::Account;
pub(crate) use self::background::{keep_pools_apart, run as give_way};
pub(crate) use self::file::utc_now;
pub(crate) use self::place::{make_durable, remove_if_there};
use self::session_thread::SessionThread;
pub(crate) use self::sidecar::publish as publish_sidecar;
use crate::core::{Action, Interval, SessionId, Timeline, UtcInterval};
use crate::file_name::FileNames;
use crate::record::{self, FileRecord, Header, MergedTrigger, SourceName, Times, Trigger};
use crate::{Container, DoneRecord, Error, FailedRecord};

/// What a writer needs to know of its session.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) session: SessionId,
    pub(crate) source: SourceName,
    pub(crate) names: FileNames,
    pub(crate) container: Container,
    pub(crate) sidecar: bool,
    /// MP4 files get an edit list.
    pub(crate) trim: bool,
    /// When its threads last did anything.
    pub(crate) alive: Arc<Alive>,
}

/// A sign of life of a session's threads: where there is none for long, the disk hangs.
#[derive(Debug)]
pub(crate) struct Alive(Mutex<Instant>);

impl Default for Alive {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Alive {
    /// Something is being done.
    fn sign(&self) {
        *self.0.lock() = Instant::now();
    }

    /// Since when nothing has been done.
    pub(crate) fn silent_for(&self) -> Duration {
        self.0.lock().elapsed()
    }
}

/// A start that the session serves.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) trigger: Trigger,
    pub(crate) asked: Times,
}

/// A session as it stands now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) asked: Interval,
    pub(crate) asked_utc: Option<UtcInterval>,
    pub(crate) timeline: Timeline,
    /// The start that made it, and those that have been joined with it.
    pub(crate) served: Arc<Vec<Served>>,
}

impl Standing {
    fn header(&self, job: &Job) -> Header {
        Header {
            version: record::VERSION,
            id: self.served.first().and_then(|served| served.trigger.id.clone()),
            sensor: record::Sensor { id: job.source.sensor.clone() },
            source: job.source.index,
            session: job.session,
            asked: Times::new(self.asked, self.asked_utc),
        }
    }

    fn merged(&self) -> Vec<MergedTrigger> {
        let joined = self.served.iter().skip(1).map(|served| MergedTrigger {
            id: served.trigger.id.clone(),
            asked: served.asked,
            metadata: served.trigger.metadata.clone(),
        });
        joined.collect()
    }

    fn first_asked(&self) -> Option<Times> {
        self.served.first().filter(|_| self.served.len() > 1).map(|first| first.asked)
    }

    fn metadata(&self) -> Option<serde_json::Value> {
        self.served.first().and_then(|served| served.trigger.metadata.clone())
    }

    /// The record of a session that has not become a complete recording.
    pub(crate) fn failed(&self, job: &Job, failure: Failure) -> Box<FailedRecord> {
        Box::new(FailedRecord {
            header: self.header(job),
            file: failure.file,
            files: failure.files,
            reason: failure.reason,
            merged: self.merged(),
            first_asked: self.first_asked(),
            metadata: self.metadata(),
        })
    }
}

/// Why a session has no complete recording.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// What was written is kept.
    pub(crate) file: Option<std::path::PathBuf>,
    /// Files that are complete.
    pub(crate) files: Vec<FileRecord>,
}

impl Failure {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), file: None, files: Vec::new() }
    }
}

/// What the core has for a writer.
pub(crate) struct Pulled {
    pub(crate) actions: Vec<Action<gst::Buffer, gst::Caps>>,
    /// There is more to read.
    pub(crate) more: bool,
    pub(crate) standing: Standing,
}

/// Where a writer gets its work from. Must return soon.
pub(crate) trait Feed: Send {
    /// What is to be done next, reading at most so many frames; `None` once the session has been given up by others.
    fn pull(&self, frames: usize) -> Option<Pulled>;
}

/// What a writer's thread is told.
#[derive(Debug, PartialEq)]
enum Command {
    /// There is much to read.
    Call,
    /// A queue of the file has room again.
    Room,
    /// The pipeline of file `part` has failed.
    PipelineError { part: usize, reason: String },
    /// The pipeline of file `part` has written everything.
    PipelineEos { part: usize },
}

/// How a session ended.
pub(crate) type Outcome = Result<Box<DoneRecord>, Failure>;

/// The handle of a session's writer.
pub(crate) struct Writer {
    commands: Sender<Command>,
}

/// A writer whose thread is still to be started.
pub(crate) struct Unstarted {
    commands: Sender<Command>,
    queue: Receiver<Command>,
}

impl Writer {
    /// A writer and its thread-to-be, so that the first can be registered under a lock and the second started
    /// outside of it.
    pub(crate) fn prepare() -> (Self, Unstarted) {
        let (commands, queue) = channel();
        (Self { commands: commands.clone() }, Unstarted { commands, queue })
    }

    /// There is much to read. Returns at once.
    pub(crate) fn call(&self) {
        // A writer that has ended needs no call.
        drop(self.commands.send(Command::Call));
    }
}

impl Unstarted {
    /// Starts the thread. It ends with one call of `done`, before which the files are in their last state; what is left
    /// to be cleaned up after a failure, and may hang with the disk, comes after it.
    ///
    /// # Errors
    /// When the system gives no thread; then `done` is never called.
    pub(crate) fn start(
        self,
        job: Job,
        standing: Standing,
        feed: Box<dyn Feed>,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<JoinHandle<()>, Error> {
        let name = format!("srec{}-{}", job.source.index, job.session);
        std::thread::Builder::new()
            // It waits, and tells: whoever is told may start threads, which must not give way as the writing does.
            .name("srec-session".into())
            .spawn(move || {
                let Self { commands, queue } = self;
                let mut thread = SessionThread::new(job.clone(), standing, feed, commands, queue);
                let run = std::panic::AssertUnwindSafe(|| background::run_session(name, || thread.run()));
                let outcome = std::panic::catch_unwind(run)
                    .unwrap_or_else(|_| Err(Failure::new("the writer panicked; this is a bug, please report it")));
                done(outcome.map_err(|failure| thread.keeping(failure)));
                drop(thread);
            })
            .map_err(|error| Error::Thread { purpose: "writing a recording", error })
    }
}

/// A session for this module's tests.
#[cfg(test)]
fn job(dir: &std::path::Path, container: Container) -> Job {
    Job {
        session: SessionId(0),
        source: SourceName { index: 0, sensor: "gate".into() },
        names: FileNames { dir: dir.into(), prefix: "S".into(), source: None },
        container,
        sidecar: false,
        trim: false,
        alive: Arc::default(),
    }
}
