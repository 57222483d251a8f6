//! A context: a recordbin, the numbers of its sessions, the flags that programs read, and a thread for each callback.
//! It is what the C API and the element work on. Their ways to speak are left to them (`Owner`).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use parking_lot::Mutex;
use recorder::completion::Completion;
use recorder::core::{Accepted, EndReason, Rejection, SessionId, StartRequest, Stream};
use recorder::event::{Event, EventSink};
use recorder::join::join_by;
use recorder::record::Trigger;
use recorder::recordbin::Setup;
use recorder::{Container, DoneRecord, FailedRecord, Recordbin};

use crate::error::Error;
use crate::public::{Init, Public, UserData};
use crate::sessions::{Open, Sessions};
use crate::{LOG, leftovers};

/// Files have so long to be completed when a context is closed, as in `recorder::Recorder`.
const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// Whoever made a context.
pub(crate) trait Owner: Send + Sync + 'static {
    /// A session has ended. Called once for each start that was accepted, on a thread on which everything is allowed, and
    /// after the start's `announce`.
    fn ended(&self, context: &Context, ended: Ended);

    /// The engine tells something else, on a thread of its own; must return soon and must not call back.
    fn told(&self, event: Event);
}

/// The end of a session, for one of the starts that it has served.
pub(crate) struct Ended {
    /// Its number.
    pub(crate) id: u32,
    /// What the start brought along.
    pub(crate) user_data: UserData,
    /// What came of it.
    pub(crate) record: Result<Box<DoneRecord>, Box<FailedRecord>>,
}

/// See the module.
pub(crate) struct Context {
    own: Weak<Self>,
    public: Public,
    bin: Recordbin,
    container: Container,
    owner: Box<dyn Owner>,
    sessions: Mutex<Sessions>,
    callbacks: Mutex<Vec<JoinHandle<()>>>,
    /// `None` once closed, or where the folder is not there.
    completion: Mutex<Option<Arc<Completion>>>,
}

impl Context {
    /// A context with its recordbin, which is in no pipeline yet.
    ///
    /// # Errors
    /// When GStreamer, the muxer or a thread is not to be had.
    pub(crate) fn new(setup: Setup, init: Init, owner: Box<dyn Owner>) -> Result<Arc<Self>, Error> {
        let own = Arc::new(OnceLock::<Weak<Self>>::new());
        let events: EventSink = {
            let own = own.clone();
            Arc::new(move |event| {
                if let Some(context) = own.get().and_then(Weak::upgrade) {
                    context.event(event);
                }
            })
        };
        let (container, dir, sidecar) = (setup.container, setup.names.dir.clone(), setup.sidecar);
        let bin = Recordbin::new(setup, events.clone())?;
        // As NVIDIA's has it: programs look for the pad by its name.
        bin.pad(Stream::Audio);
        let public = Public::new(bin.upcast_ref(), init)?;
        let context = Arc::new_cyclic(|weak| Self {
            own: weak.clone(),
            public,
            bin,
            container,
            owner,
            sessions: Mutex::default(),
            callbacks: Mutex::default(),
            completion: Mutex::new(None),
        });
        // Set once, here.
        drop(own.set(Arc::downgrade(&context)));
        context.complete_leftovers(dir, sidecar, events)?;
        Ok(context)
    }

    fn complete_leftovers(&self, dir: PathBuf, sidecar: bool, events: EventSink) -> Result<(), Error> {
        // As with NVIDIA's library, a folder may come into being after its context.
        if let Ok(dir) = dir.canonicalize() {
            *self.completion.lock() = Some(leftovers::complete(&dir, sidecar, events)?);
        }
        Ok(())
    }

    /// What programs see.
    pub(crate) fn public(&self) -> &Public {
        &self.public
    }

    /// What goes into the pipeline.
    pub(crate) fn recordbin(&self) -> &Recordbin {
        &self.bin
    }

    /// File format.
    pub(crate) fn container(&self) -> Container {
        self.container
    }

    /// Starts a session, or joins the start with one that runs. `announce` is called with its number before its end can
    /// be told.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        user_data: UserData,
        announce: impl FnOnce(u32, &Accepted),
    ) -> Result<u32, Rejection> {
        let announced = Announced::default();
        let mut id = 0;
        let accepted = self.bin.start(request, trigger, |accepted| {
            let mut sessions = self.sessions.lock();
            id = sessions.start(accepted.session, &self.bin.running(), user_data, &announced.0);
        })?;
        self.public.locked(|flags| flags.user_data(user_data));
        self.refresh();
        announce(id, &accepted);
        Ok(id)
    }

    /// Ends a session now.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn stop(&self, id: u32) -> Result<(), Rejection> {
        {
            let mut sessions = self.sessions.lock();
            let session = sessions.find(id, &self.bin.running());
            let session = session.ok_or(Rejection::NoSuchSession { session: SessionId(id) })?;
            self.bin.stop(Some(session))?;
            sessions.stopped(session);
        }
        self.refresh();
        Ok(())
    }

    /// Ends all sessions now.
    ///
    /// # Errors
    /// When none runs.
    pub(crate) fn stop_all(&self) -> Result<(), Rejection> {
        {
            let mut sessions = self.sessions.lock();
            let engine = self.bin.running();
            if sessions.running(&engine).next().is_none() {
                return Err(Rejection::NoSession);
            }
            self.bin.stop(None)?.into_iter().for_each(|session| sessions.stopped(session));
        }
        self.refresh();
        Ok(())
    }

    /// Brings the flags up to date.
    fn refresh(&self) {
        self.public.locked(|flags| {
            let sessions = self.sessions.lock();
            let engine = self.bin.running();
            let running: Vec<_> = sessions.running(&engine).collect();
            let begun = running.iter().any(|session| self.bin.has_begun(*session));
            flags.recording(!running.is_empty(), begun, sessions.is_empty());
        });
    }

    fn event(&self, event: Event) {
        match event {
            Event::Done(done) => {
                let session = done.header.session;
                self.ended(session, done.for_each_trigger().map(|done| Ok(Box::new(done))));
            }
            Event::Failed(failed) => {
                glib::g_warning!(LOG, "session failed: {}", failed.reason);
                let session = failed.header.session;
                self.ended(session, failed.for_each_trigger().map(|failed| Err(Box::new(failed))));
            }
            Event::SessionsChanged => self.refresh(),
            Event::Playing(playing) => self.public.locked(|flags| flags.playing(playing)),
            Event::Notice(text) => {
                glib::g_warning!(LOG, "{text}");
                self.owner.told(Event::Notice(text));
            }
            other => self.owner.told(other),
        }
    }

    fn ended(&self, session: SessionId, records: impl Iterator<Item = Result<Box<DoneRecord>, Box<FailedRecord>>>) {
        let open = self.sessions.lock().ended(session);
        self.refresh();
        for (open, record) in open.into_iter().zip(records) {
            self.call_back(open, record);
        }
    }

    /// Tells the owner on a thread of its own: this one belongs to the engine, and must not wait for a program.
    fn call_back(&self, open: Open, record: Result<Box<DoneRecord>, Box<FailedRecord>>) {
        // Somebody holds it: this is called by the engine, for a context.
        let Some(context) = self.own.upgrade() else { return };
        let call = move |wait: bool| {
            if wait {
                open.announced.wait();
            }
            context.owner.ended(&context, Ended { id: open.id, user_data: open.user_data, record });
        };
        let call = Arc::new(Mutex::new(Some(call)));
        let on_thread = {
            let call = call.clone();
            move || {
                let call = call.lock().take();
                if let Some(call) = call {
                    call(true);
                }
            }
        };
        match std::thread::Builder::new().name("srec-callback".into()).spawn(on_thread) {
            Ok(thread) => {
                let mut callbacks = self.callbacks.lock();
                callbacks.retain(|callback| !callback.is_finished());
                callbacks.push(thread);
            }
            Err(error) => {
                glib::g_critical!(LOG, "no thread for a callback ({error}): it delays the recorder");
                // The start itself may be under way on this very thread.
                let call = call.lock().take();
                if let Some(call) = call {
                    call(false);
                }
            }
        }
    }

    /// Ends all sessions, and waits until their files are complete and everybody has been told: for a callback that does
    /// not return, no longer than `patience`, or for ever. Within a callback it does not wait for that one.
    pub(crate) fn close(&self, patience: Option<Duration>) {
        self.bin.end(EndReason::Shutdown);
        if !self.bin.wait_idle(CLOSE_LIMIT) {
            glib::g_warning!(
                LOG,
                "recordings were not complete within {} s and are left under their temporary names; the next start completes \
                 them",
                CLOSE_LIMIT.as_secs()
            );
        }
        let this = std::thread::current().id();
        let callbacks = std::mem::take(&mut *self.callbacks.lock());
        let deadline = patience.map(|patience| Instant::now() + patience);
        for callback in callbacks.into_iter().filter(|callback| callback.thread().id() != this) {
            match deadline {
                Some(deadline) => {
                    if !join_by(callback, deadline) {
                        glib::g_warning!(LOG, "a handler of a recording's end has not returned: it is not waited for");
                    }
                }
                // A panic in a callback has been told by its hook.
                None => drop(callback.join()),
            }
        }
        drop(self.completion.lock().take());
        if self.bin.parent().is_none() {
            // An element must not be freed while it plays; in a pipeline that is the pipeline's care.
            let _ = self.bin.set_state(gst::State::Null);
        }
    }
}

/// Lets the end of a session be told, however its start comes out.
#[derive(Default)]
struct Announced(Arc<OnceLock<()>>);

impl Drop for Announced {
    fn drop(&mut self) {
        // Set once, here.
        let _ = self.0.set(());
    }
}
