//! A set of sources, each with its pipeline and its recordbin: starts them, passes requests on, and on stop finishes
//! every recording.
//! Looking after the sources is left to `supervisor`, what asks for recordings and where events go to its owner.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::prelude::*;
use parking_lot::Mutex;

use crate::completion::Completion;
use crate::core::{Accepted, Config, EndReason, Rejection, RunningTime, SessionId, StartRequest};
use crate::event::EventSink;
use crate::file_name::{FileNames, check_dir};
use crate::record::{SourceName, Trigger};
use crate::recordbin::Setup;
use crate::source::{Blueprint, Location, Reception};
use crate::supervisor::{self, Order, Source};
use crate::{Container, Error, engine};

/// On stop, writers have this long to finish their files: what a slow disk needs for the 256 MiB that may be pending,
/// at 5 MiB/s. A disk that hangs for longer must not hang the graph.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// One source of a recorder.
#[derive(Clone, Debug)]
pub struct SourceSetup {
    /// Where it is.
    pub location: Location,
    /// Its sensor's name.
    pub sensor: String,
}

/// What a recorder is told once.
#[derive(Clone, Debug)]
pub struct RecorderSetup {
    /// The sources, in order of their index.
    pub sources: Vec<SourceSetup>,
    /// How they are received.
    pub reception: Reception,
    /// Cache, durations, limits, policy.
    pub config: Config,
    /// File format.
    pub container: Container,
    /// `smart-rec-dir-path`.
    pub dir: PathBuf,
    /// `smart-rec-file-prefix`.
    pub prefix: String,
    /// Write sidecars.
    pub sidecar: bool,
    /// MP4 files show the asked interval alone (`smart-rec-trim`).
    pub trim: bool,
    /// Byte budget of all caches of the process (`smart-rec-total-cache-bytes`); 0: a quarter of the machine's memory.
    pub total_cache_bytes: usize,
    /// A library with the interface of NVIDIA's `libnvdsgst_smartrecord.so` that records instead of our recordbin
    /// (`recordbin-lib`), within its own limits.
    pub recordbin_lib: Option<PathBuf>,
}

/// Running sources.
pub struct Recorder {
    sources: Arc<Vec<Source>>,
    orders: Sender<Order>,
    /// `None` once stopped.
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// `None` once stopped.
    completion: Mutex<Option<Completion>>,
}

impl Recorder {
    /// Builds all sources and starts them. A source that cannot be reached is told by an event later, and is tried again
    /// where [`Reception::reconnect`] says so.
    ///
    /// # Errors
    /// When the folder, a URI or an installed package is not as needed. Then nothing runs.
    pub fn start(setup: &RecorderSetup, events: &EventSink) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Gstreamer(error.to_string()))?;
        check_dir(&setup.dir)?;
        // Paths in records are good wherever their reader is.
        let dir = setup.dir.canonicalize().map_err(|error| Error::Folder { path: setup.dir.clone(), error })?;
        let kind = engine::Kind::choose(setup, events)?;
        let (orders, queue) = channel();
        let several = setup.sources.len() > 1;
        let sources = setup.sources.iter().enumerate().map(|(index, source)| {
            let inputs = supervisor::inputs(index, &orders);
            let engine = kind.make(
                Setup {
                    source: SourceName { index, sensor: source.sensor.clone() },
                    config: setup.config,
                    container: setup.container,
                    names: FileNames {
                        dir: dir.clone(),
                        prefix: setup.prefix.clone(),
                        source: several.then_some(index),
                    },
                    sidecar: setup.sidecar,
                    trim: setup.trim,
                    total_cache_bytes: setup.total_cache_bytes,
                },
                supervisor::bin_events(events, &inputs),
            )?;
            let blueprint = Blueprint {
                index,
                location: source.location.clone(),
                reception: setup.reception,
                container: setup.container,
                events: events.clone(),
                inputs: inputs.clone(),
            };
            let pipeline = blueprint.pipeline(&*engine)?;
            blueprint.fill(&pipeline, &engine)?;
            supervisor::forward_errors(&pipeline, &engine, &inputs);
            Ok(Source { blueprint, pipeline, engine })
        });
        let sources = Arc::new(sources.collect::<Result<Vec<_>, Error>>()?);
        let supervisor = {
            let (sources, events) = (sources.clone(), events.clone());
            std::thread::Builder::new()
                .name("srec-supervisor".into())
                .spawn(move || supervisor::supervise(&sources, &queue, &events))
                .map_err(|error| Error::Thread { purpose: "looking after the sources", error })?
        };
        let completion = Mutex::new(Some(Completion::start(dir, setup.sidecar, events.clone())?));
        let recorder = Self { sources, orders, supervisor: Mutex::new(Some(supervisor)), completion };
        for source in recorder.sources.iter() {
            // A failure is on the bus as well, with its reason.
            let _ = source.pipeline.set_state(gst::State::Playing);
        }
        Ok(recorder)
    }

    /// How many sources there are.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Starts a session of source `index`. From any thread; returns at once. `answer` is called before any event of the
    /// session can come.
    ///
    /// # Errors
    /// Why the request does not become a session.
    pub fn start_session(
        &self,
        index: usize,
        request: StartRequest,
        trigger: Trigger,
        answer: impl FnOnce(&Accepted),
    ) -> Result<Accepted, Rejection> {
        let source = self.sources.get(index).ok_or(Rejection::SourceEnded)?;
        let mut answer = Some(answer);
        source.engine.start(request, trigger, &mut |accepted| {
            if let Some(answer) = answer.take() {
                answer(accepted);
            }
        })
    }

    /// Ends one session of source `index`, or all of them.
    ///
    /// # Errors
    /// When there is nothing to stop.
    pub fn stop_session(&self, index: usize, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.sources.get(index).ok_or(Rejection::SourceEnded)?.engine.stop(session)
    }

    /// Running time of source `index`; `None` before its first frame.
    pub fn now(&self, index: usize) -> Option<RunningTime> {
        self.sources.get(index)?.engine.now()
    }

    /// Whether source `index` sends nothing more, for good: a lost one that is tried again has not ended.
    pub fn has_ended(&self, index: usize) -> bool {
        self.sources.get(index).is_none_or(|source| source.engine.has_ended())
    }

    fn order(&self, order: Order) {
        // The supervisor ends only with the recorder.
        drop(self.orders.send(order));
    }

    /// Finishes every recording, stops every source, and ends all threads; the second call does nothing. Returns the
    /// sources whose recordings could not be finished within a minute.
    pub fn stop(&self) -> Vec<usize> {
        let Some(supervisor) = self.supervisor.lock().take() else { return Vec::new() };
        for source in self.sources.iter() {
            source.engine.end(EndReason::Shutdown);
        }
        // One limit for all of them: a folder that hangs, hangs for every source.
        let deadline = Instant::now() + STOP_LIMIT;
        let left = || deadline.saturating_duration_since(Instant::now());
        let late = self.sources.iter().enumerate().filter(|(_, source)| !source.engine.wait_idle(left()));
        let late = late.map(|(index, _)| index).collect();
        drop(self.completion.lock().take());
        self.order(Order::Quit);
        // A panic of the supervisor has nothing left to spoil.
        drop(supervisor.join());
        late
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}
