//! What the lock of a recordbin guards: its intake, the core, and who writes which session.
//! Nothing here waits or does I/O: streaming threads come through here.
//! Who locks it, and who is told what, is left to `sessions`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Instant;

use super::handover::TakesIn;
use crate::core::{Arrival, Config, Pushed, SessionId, SourceCore, Stream, UtcOrigin};
use crate::intake::{Clocks, Intake, observe};
use crate::writer::{Job, Served, Standing, Writer};

/// A session that has not been answered yet.
pub(super) struct Entry {
    pub(super) writer: Writer,
    pub(super) job: Job,
    pub(super) served: Arc<Vec<Served>>,
    /// Whoever sets it answers.
    pub(super) answered: Arc<AtomicBool>,
    /// Since when its thread has not taken note of having been given up.
    pub(super) given_up: Option<Instant>,
}

/// A session whose thread is to be started.
pub(super) struct Begun {
    pub(super) session: SessionId,
    pub(super) job: Job,
    pub(super) answered: Arc<AtomicBool>,
    pub(super) standing: Standing,
}

/// See the module.
#[repr(C)] // What each push looks at stands together, the rest comes last.
pub(super) struct State {
    /// A buffer is being pushed; also after a panic.
    pushing: bool,
    pub(super) intake: Intake,
    pub(super) core: SourceCore<gst::Buffer, gst::Caps>,
    pub(super) entries: BTreeMap<SessionId, Entry>,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) shortened_told: Option<Instant>,
}

/// A buffer, as it has come.
pub(super) struct Arrived {
    pub(super) stream: Stream,
    pub(super) buffer: gst::Buffer,
    pub(super) arrival: Arrival,
    /// Where they have been read.
    pub(super) clocks: Option<Clocks>,
}

impl TakesIn for State {
    type Brought = Arrived;

    fn take_in(&mut self, arrived: Arrived) {
        // After a panic the next one that finds the lock free says so.
        let _ = self.push(arrived);
    }
}

impl State {
    /// That of a source of which nothing is known yet.
    pub(super) fn new(config: Config) -> Self {
        Self {
            pushing: false,
            intake: Intake::default(),
            core: SourceCore::new(config),
            entries: BTreeMap::new(),
            threads: Vec::new(),
            shortened_told: None,
        }
    }

    /// Takes a buffer in.
    ///
    /// # Errors
    /// After a panic of this function.
    #[inline]
    pub(super) fn push(&mut self, arrived: Arrived) -> Result<(), gst::FlowError> {
        if std::mem::replace(&mut self.pushing, true) {
            return Err(gst::FlowError::Error);
        }
        let Arrived { stream, buffer, arrival, clocks } = arrived;
        let frame = self.intake.frame(stream, buffer);
        let start = frame.start;
        let sender = frame.utc.map(|utc| (utc, UtcOrigin::Sender));
        if self.core.push(stream, frame, arrival) == Pushed::CallSessions {
            self.call_sessions();
        }
        if let Some(known) = sender.or_else(|| Some(clocks?.made(start))) {
            observe(&mut self.core, stream, start, known);
        }
        self.pushing = false;
        Ok(())
    }

    /// Wakes the writers that have much to read and do not know it.
    fn call_sessions(&mut self) {
        for session in self.core.called() {
            if let Some(entry) = self.entries.get(&session) {
                entry.writer.call();
            }
        }
    }

    /// What the thread of a session that has just been entered needs.
    pub(super) fn begun(&self, session: SessionId) -> Option<Begun> {
        let standing = self.standing(session)?;
        let Entry { job, answered, .. } = self.entries.get(&session)?;
        Some(Begun { session, job: job.clone(), answered: answered.clone(), standing })
    }

    /// A session as it stands now.
    pub(super) fn standing(&self, session: SessionId) -> Option<Standing> {
        let entry = self.entries.get(&session)?;
        let (asked, asked_utc) = self.core.interval(session)?;
        Some(Standing { asked, asked_utc, timeline: *self.core.timeline(), served: entry.served.clone() })
    }
}
