//! The sessions of one recordbin: the lock around the core, each session's writer, and the answers to whoever asked.
//! Under the lock the core decides; nothing there waits or does I/O. Writers pull from here at their own pace.
//! Pads and buffers are left to `imp`, decisions to the core, files to the writers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, RwLock};

use super::Setup;
use super::handover::Handover;
use super::state::{Arrived, Begun, Entry, State};
use super::total_budget::Share;
use super::watch;
use crate::FailedRecord;
use crate::core::{Accepted, Action, Arrival, EndReason, FailReason, Rejection, SessionId};
use crate::core::{SourceCore, StartRequest, Stream};
use crate::event::{Event, EventSink};
use crate::intake::{Clocks, Due};
use crate::join::join_by;
use crate::record::{Times, Trigger};
use crate::writer::{Failure, Feed, Job, Outcome, Pulled, Served, Unstarted, Writer};

/// A session that has been given up, and whose thread does not say so within this time, hangs with its disk: it is told
/// by somebody else.
const HANGS: Duration = Duration::from_secs(2);

/// Longer than a disk that will come back takes its time (30 s and a margin).
const HANGS_FOR_GOOD: Duration = Duration::from_secs(60);

/// People are told of a shortened cache at most this often.
const SHORTENED_PERIOD: Duration = Duration::from_secs(60);

/// Now, on the system's monotonic clock.
pub(crate) fn arrival() -> Arrival {
    // The standard library's clock takes 80 instructions more, and this is asked with each buffer.
    Arrival(gst::get_timestamp().nseconds())
}

/// See the module.
#[repr(C)] // As in `State`.
pub(super) struct Sessions {
    pub(super) setup: Setup,
    events: EventSink,
    /// A session has ended.
    idle: Condvar,
    /// Held while a start is under way: the end of a session that it has been joined with must not come before its
    /// answer.
    answering: RwLock<()>,
    /// Media bytes of the cache and how far back it reaches, for the budget of the process.
    share: Share,
    history_ns: AtomicU64,
    /// When the clocks have been read last for each stream.
    clocks_due: Due,
    state: Handover<State>,
}

impl Sessions {
    pub(super) fn new(setup: Setup, events: EventSink) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            share: Share::join(setup.total_cache_bytes, own.clone()),
            state: Handover::new(State::new(setup.config)),
            setup,
            events,
            clocks_due: Due::default(),
            idle: Condvar::new(),
            answering: RwLock::new(()),
            history_ns: AtomicU64::new(0),
        })
    }

    /// The core, for what is neither a frame nor a session. Must not be held across I/O or a callback.
    pub(super) fn core<T>(&self, call: impl FnOnce(&mut SourceCore<gst::Buffer, gst::Caps>) -> T) -> T {
        call(&mut self.state.lock().core)
    }

    /// Tells the owner.
    pub(super) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// Tells the owner on another thread: the live pipeline does not wait for a log. Once a minute at most.
    fn tell_aside(&self, notice: String) {
        let events = self.events.clone();
        let tell = move || events(Event::Notice(notice));
        // Without a thread nobody learns of it now, and the next receipt says the same.
        drop(std::thread::Builder::new().name("srec-notice".into()).spawn(tell));
    }

    /// A pad has been linked, or its stream begins anew.
    pub(super) fn linked(&self, stream: Stream) {
        let mut state = self.state.lock();
        state.intake.linked(stream);
        state.core.link(stream);
    }

    /// The times of what follows are in `segment`. False if it is not one of times.
    pub(super) fn segment(&self, stream: Stream, segment: &gst::Segment) -> bool {
        let mut state = self.state.lock();
        let timed = state.intake.segment(stream, segment);
        let times = state.intake.times(stream);
        state.core.read_with(stream, times);
        timed
    }

    /// A stream has been flushed.
    pub(super) fn flushed(&self, stream: Stream) {
        let mut state = self.state.lock();
        state.intake.forget(stream);
        state.core.flush(stream);
    }

    /// A stream has ended. True if all have.
    pub(super) fn end_of_stream(&self, stream: Stream) -> bool {
        let mut state = self.state.lock();
        state.core.end_of_stream(stream);
        state.intake.ended(stream)
    }

    /// A buffer has arrived. It waits for nobody: while another thread has the lock, that one takes the buffer in.
    /// `clocks` are read now and then.
    ///
    /// # Errors
    /// After a panic of this function: nobody knows what it has left behind.
    pub(super) fn push(
        &self,
        stream: Stream,
        buffer: gst::Buffer,
        arrival: Arrival,
        clocks: impl FnOnce() -> Clocks,
    ) -> Result<(), gst::FlowError> {
        let clocks = self.clocks_due.at(stream, arrival).then(clocks);
        let arrived = Arrived { stream, buffer, arrival, clocks };
        let (notice, over_budget) = {
            let Some(mut state) = self.state.try_lock() else {
                // It is reported with the next one.
                self.state.lay_down(arrived);
                return Ok(());
            };
            state.push(arrived)?;
            let over_budget = self.report(&state);
            if !over_budget && state.core.shortened().is_none() {
                return Ok(());
            }
            (self.shortened(&mut state), over_budget)
        };
        if let Some(notice) = notice {
            self.tell_aside(notice);
        }
        if over_budget {
            self.share.enforce();
        }
        Ok(())
    }

    /// Reports the cache's size to the budget of the process. True if that is exceeded.
    fn report(&self, state: &State) -> bool {
        self.share.report(state.core.cached_bytes(), || {
            let history = u64::try_from(state.core.history().as_nanos()).unwrap_or(u64::MAX);
            self.history_ns.store(history, Ordering::Relaxed);
        })
    }

    /// How far back the cache reaches, in nanoseconds.
    pub(super) fn history_ns(&self) -> u64 {
        self.history_ns.load(Ordering::Relaxed)
    }

    /// The process has too much in its caches, and this one reaches back furthest. False if there is nothing to drop, or
    /// somebody has the lock: another source's buffer does not wait for that, the next one asks again.
    pub(super) fn shorten(&self) -> bool {
        let (shortened, notice) = {
            let Some(mut state) = self.state.try_lock() else { return false };
            let shortened = state.core.shorten(crate::core::Budget::Total);
            self.report(&state);
            (shortened, self.shortened(&mut state))
        };
        if let Some(notice) = notice {
            self.tell_aside(notice);
        }
        shortened
    }

    /// What people should know of a byte budget, now and then.
    fn shortened(&self, state: &mut State) -> Option<String> {
        let budget = state.core.shortened()?;
        if state.shortened_told.is_some_and(|told| told.elapsed() < SHORTENED_PERIOD) {
            return None;
        }
        state.shortened_told = Some(Instant::now());
        let source = &self.setup.source;
        Some(format!(
            "source {} ({}): the byte budget {} keeps its cache at {:.1} s instead of {} s",
            source.index,
            source.sensor,
            budget.key(),
            state.core.history().as_secs_f64(),
            self.setup.config.window.as_secs()
        ))
    }

    /// Starts a session, or joins the start with one.
    pub(super) fn start(
        self: &Arc<Self>,
        request: StartRequest,
        trigger: Trigger,
        answer: impl FnOnce(&Accepted),
    ) -> Result<Accepted, Rejection> {
        let answering = self.answering.read();
        let (writer, unstarted) = Writer::prepare();
        let (accepted, begun) = {
            let mut state = self.state.lock();
            let accepted = state.core.start(request, arrival())?;
            let served = Served { trigger, asked: Times::new(accepted.asked, accepted.asked_utc) };
            if accepted.merged {
                if let Some(entry) = state.entries.get_mut(&accepted.session) {
                    Arc::make_mut(&mut entry.served).push(served);
                }
            } else {
                let entry = self.entry(accepted.session, writer, served);
                state.entries.insert(accepted.session, entry);
            }
            let begun = if accepted.merged { None } else { state.begun(accepted.session) };
            (accepted, begun)
        };
        answer(&accepted);
        drop(answering);
        if let Some(begun) = begun {
            self.begin(begun, unstarted);
            if let Err(error) = watch::watch(self) {
                let source = self.setup.source.index;
                self.tell(Event::Notice(format!(
                    "source {source}: no thread looks after its sessions, one ends late if the source falls silent: {error}"
                )));
            }
        }
        Ok(accepted)
    }

    fn entry(&self, session: SessionId, writer: Writer, served: Served) -> Entry {
        let job = Job {
            session,
            source: self.setup.source.clone(),
            names: self.setup.names.clone(),
            container: self.setup.container,
            sidecar: self.setup.sidecar,
            trim: self.setup.trim,
            alive: Arc::default(),
        };
        Entry { writer, job, served: Arc::new(vec![served]), answered: Arc::default(), given_up: None }
    }

    fn begin(self: &Arc<Self>, begun: Begun, unstarted: Unstarted) {
        let Begun { session, job, answered, standing } = begun;
        let feed =
            SessionFeed { sessions: self.clone(), session, answered: answered.clone(), over: AtomicBool::new(false) };
        let (owner, ours) = (self.clone(), answered.clone());
        let done = move |outcome| owner.answer(session, &ours, outcome);
        match unstarted.start(job, standing, Box::new(feed), done) {
            Ok(thread) => self.state.lock().threads.push(thread),
            Err(error) => self.answer(session, &answered, Err(Failure::new(error.to_string()))),
        }
    }

    /// A session has ended: tells everybody, unless that has been done.
    fn answer(&self, session: SessionId, answered: &AtomicBool, outcome: Outcome) {
        if answered.swap(true, Ordering::AcqRel) {
            return;
        }
        let event = match outcome {
            Ok(done) => Some(Event::Done(done)),
            Err(failure) => self.failed(session, failure).map(Event::Failed),
        };
        // Starts that have been joined with it get their answers first.
        drop(self.answering.write());
        if let Some(event) = event {
            self.tell(event);
        }
        let mut state = self.state.lock();
        state.core.finished(session);
        state.entries.remove(&session);
        // The threads of earlier sessions: dropping the handle of one that has ended frees it.
        state.threads.retain(|thread| !thread.is_finished());
        if state.entries.is_empty() {
            self.idle.notify_all();
            watch::idle();
        }
    }

    /// The record of a session that fails, for all the starts that it was to serve: from here on none is joined with it.
    fn failed(&self, session: SessionId, failure: Failure) -> Option<Box<FailedRecord>> {
        let mut state = self.state.lock();
        state.core.failed(session);
        let standing = state.standing(session)?;
        let job = &state.entries.get(&session)?.job;
        Some(standing.failed(job, failure))
    }

    pub(super) fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.state.lock().core.stop(session, arrival())
    }

    /// Time has passed: looks after sessions whose source, or whose disk, is silent.
    pub(super) fn advance(&self) {
        let hanging: Vec<_> = {
            let mut state = self.state.lock();
            state.core.advance(arrival());
            let failing: HashMap<SessionId, FailReason> = state.core.failing().collect();
            let State { entries, .. } = &mut *state;
            let mut hanging = Vec::new();
            for (session, entry) in entries {
                match failing.get(session) {
                    Some(reason) if entry.given_up.get_or_insert_with(Instant::now).elapsed() >= HANGS => {
                        hanging.push((*session, format!("{reason}; the disk hangs")));
                    }
                    Some(_) => {}
                    None if entry.job.alive.silent_for() >= HANGS_FOR_GOOD => {
                        hanging.push((*session, "the disk does not answer".to_owned()));
                    }
                    None => entry.given_up = None,
                }
            }
            hanging
        };
        for (session, reason) in hanging {
            self.give_up(session, &reason);
        }
    }

    /// Answers for a session whose thread does not. What it may still write is completed by a later start.
    fn give_up(&self, session: SessionId, reason: &str) {
        let answered = self.state.lock().entries.get(&session).map(|entry| entry.answered.clone());
        if let Some(answered) = answered {
            self.answer(session, &answered, Err(Failure::new(reason)));
        }
    }

    /// How many sessions have no done or failed record yet.
    pub(super) fn open(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Ends all sessions with what they have.
    pub(super) fn end(&self, reason: EndReason) {
        let mut state = self.state.lock();
        state.core.end(reason);
        for entry in state.entries.values() {
            entry.writer.call();
        }
    }

    /// Waits until no session is left and all threads have ended. False if that takes longer than `limit`; then what is
    /// left has been answered as failed.
    pub(super) fn wait_idle(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let left: Vec<SessionId> = {
            let mut state = self.state.lock();
            while !state.entries.is_empty() && !state.wait_until(&self.idle, deadline) {}
            state.entries.keys().copied().collect()
        };
        for session in &left {
            self.give_up(*session, "the disk did not take the rest in time; a later start completes what is there");
        }
        if !left.is_empty() {
            return false;
        }
        // A thread that cleans up after a failure may hang with its disk.
        let threads = std::mem::take(&mut self.state.lock().threads);
        threads.into_iter().all(|thread| join_by(thread, deadline))
    }
}

/// Where a session's writer gets its work from.
struct SessionFeed {
    sessions: Arc<Sessions>,
    session: SessionId,
    /// Another one may have the id once this is set.
    answered: Arc<AtomicBool>,
    /// It has been told that its interval is over.
    over: AtomicBool,
}

impl Feed for SessionFeed {
    fn pull(&self, frames: usize) -> Option<Pulled> {
        let mut actions = Vec::with_capacity(frames + 2);
        let (pulled, over) = {
            let mut state = self.sessions.state.lock();
            if self.answered.load(Ordering::Acquire) {
                return None;
            }
            let more = state.core.pull(self.session, frames, &mut actions);
            let over = !state.core.is_running(self.session);
            (Pulled { actions, more, standing: state.standing(self.session)? }, over)
        };
        let opens = pulled.actions.iter().any(|action| matches!(action, Action::Open { .. }));
        if opens || over && !self.over.swap(true, Ordering::AcqRel) {
            self.sessions.tell(Event::SessionsChanged);
        }
        Some(pulled)
    }
}
