//! The recorder of one source as everything outside of it knows it: a trait with two implementations, our recordbin and a
//! library with the interface of NVIDIA's. Here alone it is chosen which one.
//! How they record is left to `recordbin` and `nvidia`.

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;

use crate::Error;
use crate::core::{Accepted, EndReason, Rejection, RunningTime, SessionId, StartRequest, Stream};
use crate::event::{Event, EventSink};
use crate::nvidia::{self, Library, LibraryEngine};
use crate::record::Trigger;
use crate::recordbin::{Recordbin, Setup};
use crate::recorder::RecorderSetup;

/// Caches the streams of one source and records sessions of them. Its calls come from any thread.
pub(crate) trait Engine: Send + Sync {
    /// What is put into the source's pipeline. It stays the same through all connections.
    fn element(&self) -> gst::Element;

    /// The pad of that element for a stream.
    fn pad(&self, stream: Stream) -> Option<gst::Pad>;

    /// Starts a session, or joins the start with one that runs. Returns soon. `answer` is called at most once, without a
    /// lock, before any event of the session can come that concerns this start.
    ///
    /// # Errors
    /// Why the request does not become a session; then `answer` is not called.
    fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: &mut dyn FnMut(&Accepted),
    ) -> Result<Accepted, Rejection>;

    /// Ends one session, or all, now. Returns at once, the done records follow as events.
    ///
    /// # Errors
    /// When there is nothing to stop.
    fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection>;

    /// The stream's running time now; `None` before the first frame.
    fn now(&self) -> Option<RunningTime>;

    /// Whether nothing more will come.
    fn has_ended(&self) -> bool;

    /// How long ago the newest buffer came; `None` before the first one.
    fn silent_for(&self) -> Option<Duration>;

    /// An element of the source's pipeline has posted an error. True if no further connection could do better. Called on
    /// the element's own thread: returns at once.
    fn failed(&self, element: &gst::Object, reason: &str) -> bool;

    /// The pipeline is about to go down to NULL: completes what would not survive that. May wait, for seconds.
    fn let_go(&self);

    /// The source is lost and its pipeline at rest: what arrives next is of a new connection, and its time begins anew.
    fn interrupt(&self);

    /// Ends all sessions with what they have, for good.
    fn end(&self, reason: EndReason);

    /// Waits until no session is left and all threads have ended. False if that takes longer than `limit`; then what is
    /// left has been answered as failed.
    fn wait_idle(&self, limit: Duration) -> bool;
}

/// Which implementation a recorder uses.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Our recordbin.
    Own,
    /// `recordbin-lib`.
    Library(&'static Library),
}

impl Kind {
    /// What the setup asks for, and notices about what that cannot do.
    ///
    /// # Errors
    /// When the library cannot be used.
    pub(crate) fn choose(setup: &RecorderSetup, events: &EventSink) -> Result<Self, Error> {
        let (kind, notice) = match &setup.recordbin_lib {
            Some(path) => {
                let library = Library::load(path)?;
                (Self::Library(library), nvidia::without_effect(library, setup))
            }
            None => (Self::Own, without_effect(setup)),
        };
        if let Some(notice) = notice {
            events(Event::Notice(notice));
        }
        Ok(kind)
    }

    /// An engine for one source.
    ///
    /// # Errors
    /// When something that it needs is not installed, or the library does not give it.
    pub(crate) fn make(self, setup: Setup, events: EventSink) -> Result<Arc<dyn Engine>, Error> {
        match self {
            Self::Own => Ok(Arc::new(Recordbin::new(setup, events)?)),
            Self::Library(library) => Ok(Arc::new(LibraryEngine::new(library, setup, events)?)),
        }
    }
}

/// What is set and has no effect with our recordbin.
fn without_effect(setup: &RecorderSetup) -> Option<String> {
    (setup.trim && !setup.container.can_present()).then(|| {
        format!(
            "smart-rec-trim has no effect: {} files cannot say which part of them is to be shown; use MP4",
            setup.container
        )
    })
}

impl Engine for Recordbin {
    fn element(&self) -> gst::Element {
        self.clone().upcast()
    }

    fn pad(&self, stream: Stream) -> Option<gst::Pad> {
        self.pad(stream)
    }

    fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: &mut dyn FnMut(&Accepted),
    ) -> Result<Accepted, Rejection> {
        self.start(request, trigger, answer)
    }

    fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.stop(session)
    }

    fn now(&self) -> Option<RunningTime> {
        self.now()
    }

    fn has_ended(&self) -> bool {
        self.has_ended()
    }

    fn silent_for(&self) -> Option<Duration> {
        self.silent_for()
    }

    fn failed(&self, element: &gst::Object, _: &str) -> bool {
        // It fails when it cannot take what comes, and that stays so.
        element == self.upcast_ref::<gst::Object>()
    }

    fn let_go(&self) {
        // Its writers have pipelines of their own.
    }

    fn interrupt(&self) {
        self.interrupt();
    }

    fn end(&self, reason: EndReason) {
        self.end(reason);
    }

    fn wait_idle(&self, limit: Duration) -> bool {
        self.wait_idle(limit)
    }
}
