//! The sessions of one source that a library records, one at a time: what arrives, what is asked for, and the answers.
//! Under the lock nothing waits and the library is not called. Pads are left to `inlet`, the course of a session to
//! `session_thread`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::context::{Completed, Context};
use super::library::Library;
use super::session::{Ending, Notes, Session, Stage};
use super::session_thread;
use crate::Error;
use crate::core::UtcOrigin;
use crate::core::{Accepted, Arrival, Config, EndReason, Late, Rejection, RunningTime, SessionId, SourceCore};
use crate::core::{StartRequest, Stream};
use crate::event::{Event, EventSink};
use crate::intake::{Clocks, Due, Intake, observe};
use crate::join::join_by;
use crate::record::{Times, Trigger};
use crate::recordbin::{Setup, arrival};
use crate::writer::{Account, Failure, Job, Outcome, Served, Standing};

/// The library keeps up to so much more than it is told to (facts: smart-record-behaviour.md, section 5).
const BEYOND_CACHE: Duration = Duration::from_secs(5);

/// What has arrived is remembered for so long at least: until a file of it has been completed.
const REMEMBERED: Duration = Duration::from_secs(30);

/// What one remembered frame takes of memory, in bytes.
const NOTE_COST: usize = 128;

/// A start so far ahead begins now: the library counts in seconds, and the clocks of a camera and of a caller differ.
const AHEAD: Duration = Duration::from_secs(1);

/// What ends in the past is recorded for so long: the library can only record up to now, and its cache has to go through
/// its muxer.
const PAST: Duration = Duration::from_secs(1);

/// A session's file is complete within this time, or never.
const LET_GO: Duration = Duration::from_secs(15);

/// So long the library has to give its context back.
const DESTROY: Duration = Duration::from_secs(5);

/// Names each session of the process; 0 is nobody's.
static SERIAL: AtomicUsize = AtomicUsize::new(1);

/// Whether frames can reach the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// The pipeline runs, or is about to for the first time.
    Up,
    /// It is on its way down; frames may still come.
    Closing,
    /// It is down, or is tried again: the next frame is of another connection.
    Down,
}

/// What the lock guards.
pub(super) struct State {
    pub(super) notes: Notes,
    pub(super) session: Option<Session>,
    link: Link,
    /// Ends of sessions that are being told.
    telling: usize,
    thread: Option<JoinHandle<()>>,
    /// Of video and of audio.
    formats: [Option<gst::Caps>; 2],
}

/// See the module.
pub(super) struct Sessions {
    pub(super) library: &'static Library,
    pub(super) setup: Setup,
    pub(super) intake: Mutex<Intake>,
    /// When the clocks have been read last for each stream.
    clocks_due: Due,
    events: EventSink,
    /// `None` when it is given back.
    context: Option<Context>,
    pub(super) state: Mutex<State>,
    /// Something has happened to the session.
    pub(super) changed: Condvar,
}

impl Sessions {
    /// # Errors
    /// When the library makes no context.
    pub(super) fn new(library: &'static Library, setup: Setup, events: EventSink) -> Result<Arc<Self>, Error> {
        let owner: Arc<OnceLock<Weak<Self>>> = Arc::default();
        let sink = {
            let owner = owner.clone();
            Arc::new(move |completed| {
                if let Some(sessions) = owner.get().and_then(Weak::upgrade) {
                    sessions.completed(completed);
                }
            })
        };
        let context = Context::create(library, &setup, sink).map_err(|reason| library.unusable(reason))?;
        let window = (setup.config.window + BEYOND_CACHE).max(REMEMBERED);
        // The budgets are the library's matter; it has none.
        let notes = SourceCore::new(Config { window, cache_bytes: 0, max_pending: usize::MAX, ..setup.config });
        let sessions = Arc::new(Self {
            library,
            setup,
            intake: Mutex::default(),
            clocks_due: Due::default(),
            events,
            context: Some(context),
            state: Mutex::new(State {
                notes,
                session: None,
                link: Link::Up,
                telling: 0,
                thread: None,
                formats: [None, None],
            }),
            changed: Condvar::new(),
        });
        // Set once, here.
        drop(owner.set(Arc::downgrade(&sessions)));
        Ok(sessions)
    }

    pub(super) fn recordbin(&self) -> &gst::Element {
        self.context().recordbin()
    }

    pub(super) fn context(&self) -> &Context {
        self.context.as_ref().expect("only `drop` takes it")
    }

    /// What has arrived, for what is neither a frame nor a session. Must not be held across I/O or a callback.
    pub(super) fn core<T>(&self, call: impl FnOnce(&mut Notes) -> T) -> T {
        call(&mut self.state.lock().notes)
    }

    pub(super) fn now(&self) -> Option<RunningTime> {
        self.core(|core| core.timeline().now(arrival()))
    }

    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.core(|core| core.timeline().silent_for(arrival()))
    }

    /// A pad has been linked, or its stream begins anew.
    pub(super) fn linked(&self, stream: Stream) {
        self.intake.lock().linked(stream);
        self.core(|core| core.link(stream));
    }

    pub(super) fn format(&self, stream: Stream, caps: gst::Caps) {
        let mut state = self.state.lock();
        let State { notes, session, formats, .. } = &mut *state;
        let before = formats[stream as usize].replace(caps.clone());
        if let Some(session) = session {
            session.format_changed |= before.is_some_and(|before| before != caps);
        }
        notes.format(stream, caps);
    }

    pub(super) fn flushed(&self, stream: Stream) {
        self.intake.lock().forget(stream);
        self.core(|core| core.flush(stream));
    }

    /// A buffer is about to go to the library.
    pub(super) fn frame(&self, stream: Stream, buffer: gst::Buffer, at: Arrival, bin: &gst::Bin) {
        let frame = self.intake.lock().frame(stream, buffer);
        let start = frame.start;
        let sender = frame.utc.map(|utc| (utc, UtcOrigin::Sender));
        let clocks = || Clocks::read(Some(gst::prelude::Cast::upcast_ref(bin))).made(start);
        let made = sender.or_else(|| self.clocks_due.at(stream, at).then(clocks));
        let note = frame.with(frame.payload.size() as u64, NOTE_COST);
        let mut state = self.state.lock();
        if state.link == Link::Down {
            state.link = Link::Up;
        }
        state.notes.push(stream, note, at);
        if let Some(made) = made {
            observe(&mut state.notes, stream, start, made);
        }
        let newest = state.notes.cache(state.notes.main()).newest();
        let reached = |session: &Session| newest.is_some_and(|newest| newest >= session.until);
        if state.session.as_ref().is_some_and(reached) {
            self.changed.notify_all();
        }
    }

    pub(super) fn end_of_stream(&self, stream: Stream) {
        let all = self.intake.lock().ended(stream);
        {
            let mut state = self.state.lock();
            state.notes.end_of_stream(stream);
            if let Some(session) = state.session.as_mut().filter(|_| all) {
                session.end(Ending::Because(EndReason::EndOfStream));
                self.changed.notify_all();
            }
        }
        if all {
            self.tell(Event::SourceEnded { source: self.setup.source.index, error: None });
        }
    }

    /// An element of the library has failed.
    pub(super) fn broken(&self, reason: &str) {
        let mut state = self.state.lock();
        if let Some(session) = &mut state.session {
            session.end(Ending::Failed(format!("{} has failed: {reason}", self.library)));
            self.changed.notify_all();
        }
    }

    /// The library has completed a file. On a thread of the library.
    fn completed(&self, completed: Completed) {
        let mut state = self.state.lock();
        if let Some(session) = state.session.as_mut().filter(|session| session.is_meant(&completed)) {
            session.completed.get_or_insert(completed);
            self.changed.notify_all();
        }
    }

    /// Starts a session.
    pub(super) fn start(
        self: &Arc<Self>,
        request: StartRequest,
        trigger: Trigger,
        answer: &mut dyn FnMut(&Accepted),
    ) -> Result<Accepted, Rejection> {
        let (accepted, serial, seconds_ago) = self.enter(request, trigger)?;
        let library_session = match self.context().start(seconds_ago, serial) {
            Ok(library_session) => library_session,
            Err(status) => {
                // It was nobody's yet.
                self.state.lock().session.take_if(|session| session.serial == serial);
                self.changed.notify_all();
                return Err(Rejection::LibraryRefuses { status });
            }
        };
        let location = self.context().location();
        if let Some(session) = self.state.lock().session.as_mut().filter(|session| session.serial == serial) {
            session.location = location;
        }
        answer(&accepted);
        let sessions = self.clone();
        // Linux shows 15 characters of a thread's name.
        let name = format!("srec{}-{}", self.setup.source.index, accepted.session);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let run = std::panic::AssertUnwindSafe(|| session_thread::run(&sessions, library_session));
            let outcome = std::panic::catch_unwind(run)
                .unwrap_or_else(|_| Err(Failure::new("the session panicked; this is a bug, please report it")));
            sessions.answer(serial, outcome);
        });
        match thread {
            Ok(thread) => self.state.lock().thread = Some(thread),
            Err(error) => {
                // The file is the library's to complete; nobody waits for it.
                drop(self.context().stop(library_session));
                let error = Error::Thread { purpose: "a recording", error };
                self.answer(serial, Err(Failure::new(error.to_string())));
            }
        }
        Ok(accepted)
    }

    /// Finds what a start means, and enters its session. Returns the answer, the session's serial, and how many seconds
    /// ago it begins.
    fn enter(&self, request: StartRequest, trigger: Trigger) -> Result<(Accepted, usize, u32), Rejection> {
        let at = arrival();
        let mut state = self.state.lock();
        let meaning = state.notes.meaning(request, at)?;
        if let Some(session) = &state.session {
            let session_id = session.id;
            return Err(match session.is_running() {
                true => Rejection::LibraryRecords { session: session_id },
                false => Rejection::LibraryCompletes { session: session_id },
            });
        }
        if state.link != Link::Up {
            // In a pipeline that is down it would begin a file that it can never complete.
            return Err(Rejection::LibraryNeedsSource);
        }
        let now = state.notes.timeline().now(at).ok_or(Rejection::NothingYet)?;
        let ahead = meaning.asked.start.since(now);
        if ahead > AHEAD {
            return Err(Rejection::LibraryCannotWait { ahead });
        }
        let window = self.setup.config.window;
        let track = state.notes.cache(state.notes.main());
        let cached =
            track.frames().find(|frame| frame.keyframe && frame.start >= now - window).map(|frame| frame.start);
        let horizon = cached.unwrap_or(now).min(now);
        if meaning.asked.end <= horizon {
            return Err(Rejection::OlderThanCache);
        }
        let before_cache =
            meaning.asked.start < now - window || track.oldest().is_some_and(|oldest| meaning.asked.start < oldest);
        let id = SessionId(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let in_the_past = meaning.end <= now;
        let accepted = Accepted {
            session: id,
            merged: false,
            asked: meaning.asked,
            asked_utc: meaning.utc,
            late: (before_cache && meaning.asked.start < horizon).then_some((horizon, Late::Cache)),
            limited: meaning.limited.then_some(meaning.end),
        };
        let standing = Standing {
            asked: meaning.asked,
            asked_utc: meaning.utc,
            timeline: *state.notes.timeline(),
            served: Arc::new(vec![Served { trigger, asked: Times::new(meaning.asked, meaning.utc) }]),
        };
        state.session = Some(Session {
            id,
            serial,
            account: Account::new(self.job(id), standing),
            until: if in_the_past { now + PAST } else { meaning.end },
            limited: meaning.limited,
            in_the_past,
            format_changed: false,
            before_cache,
            stage: Stage::Recording { ending: None },
            location: None,
            completed: None,
        });
        let ago = now.since(meaning.asked.start).min(window + BEYOND_CACHE);
        let seconds_ago = ago.as_secs() + u64::from(ago.subsec_nanos() > 0);
        Ok((accepted, serial, u32::try_from(seconds_ago).unwrap_or(u32::MAX)))
    }

    fn job(&self, session: SessionId) -> Job {
        Job {
            session,
            source: self.setup.source.clone(),
            names: self.setup.names.clone(),
            container: self.setup.container,
            sidecar: self.setup.sidecar,
            trim: false,
            alive: Arc::default(),
        }
    }

    /// A session has ended: tells everybody, unless that has been done.
    fn answer(&self, serial: usize, outcome: Outcome) {
        let session = {
            let mut state = self.state.lock();
            // Whoever hears of the end may ask for the next session at once.
            let Some(session) = state.session.take_if(|session| session.serial == serial) else { return };
            state.telling += 1;
            session
        };
        self.tell(match outcome {
            Ok(done) => Event::Done(done),
            Err(failure) => Event::Failed(session.account.failed(failure)),
        });
        self.state.lock().telling -= 1;
        self.changed.notify_all();
    }

    fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// Ends the session now.
    pub(super) fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        let mut state = self.state.lock();
        let State { notes, session: running, .. } = &mut *state;
        let wanted = |running: &&mut Session| running.is_running() && session.is_none_or(|id| id == running.id);
        let now = notes.timeline().now(arrival());
        let (Some(running), Some(now)) = (running.as_mut().filter(wanted), now) else {
            return Err(session.map_or(Rejection::NoSession, |session| Rejection::NoSuchSession { session }));
        };
        // As with our recordbin: the frame that begins this very moment belongs to it.
        let end = now + Duration::from_nanos(1);
        let standing = &mut running.account.standing;
        if end < standing.asked.end {
            standing.asked.end = end;
            if let (Some(utc), Some(end)) = (&mut standing.asked_utc, notes.timeline().utc(end)) {
                utc.end = end;
            }
        }
        running.end(Ending::Because(EndReason::Stopped));
        self.changed.notify_all();
        Ok(vec![running.id])
    }

    /// Ends the session with what it has, and takes no other.
    pub(super) fn end(&self, reason: EndReason) {
        let mut state = self.state.lock();
        state.notes.end(reason);
        if let Some(session) = &mut state.session {
            session.end(Ending::Because(reason));
            self.changed.notify_all();
        }
    }

    /// The pipeline is about to go down, and with it what the library still writes: waits until its file is complete.
    pub(super) fn let_go(&self) {
        let deadline = Instant::now() + LET_GO;
        let mut state = self.state.lock();
        state.link = Link::Closing;
        if let Some(session) = &mut state.session {
            session.end(Ending::Because(EndReason::SourceLost));
            self.changed.notify_all();
        }
        let writes =
            |state: &mut State| state.session.as_ref().is_some_and(|session| !matches!(session.stage, Stage::Complete));
        // Where it takes longer the session's thread says so.
        self.changed.wait_while_until(&mut state, writes, deadline);
    }

    /// The pipeline is down; what comes next is of another connection.
    pub(super) fn interrupt(&self) {
        let mut state = self.state.lock();
        state.link = Link::Down;
        state.notes.interrupt();
    }

    /// Waits until there is no session and no thread. False if that takes longer than `limit`; then the session has been
    /// answered as failed.
    pub(super) fn wait_idle(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (serial, thread) = {
            let mut state = self.state.lock();
            let busy = |state: &mut State| state.session.is_some() || state.telling > 0;
            self.changed.wait_while_until(&mut state, busy, deadline);
            (state.session.as_ref().map(|session| session.serial), state.thread.take())
        };
        if let Some(serial) = serial {
            let reason = format!("{} did not complete the file in time", self.library);
            self.answer(serial, Err(Failure::new(reason)));
            return false;
        }
        thread.is_none_or(|thread| join_by(thread, deadline))
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        if let Some(context) = self.context.take() {
            // Where it takes longer a thread is left to it.
            context.destroy(Instant::now() + DESTROY);
        }
    }
}
