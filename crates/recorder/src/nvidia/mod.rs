//! Recording with a library that has the interface of NVIDIA's `libnvdsgst_smartrecord.so` (gst-nvdssr.h), within its limits:
//! one session at a time, from the first keyframe in its cache to now. What such a library does not say itself is measured.
//! Finding the library is left to `library`, calling it to `context`, what arrives to `inlet`, sessions to `sessions`.

mod context;
mod file;
mod inlet;
mod library;
mod place;
mod session;
mod session_thread;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;

use self::inlet::pad_name;
pub(crate) use self::library::Library;
use self::sessions::Sessions;
use crate::Error;
use crate::core::{Accepted, Config, EndReason, Overlap, Rejection, RunningTime, SessionId, StartRequest, Stream};
use crate::engine::Engine;
use crate::event::EventSink;
use crate::record::Trigger;
use crate::recordbin::Setup;
use crate::recorder::RecorderSetup;

/// The recorder of one source by a library.
pub(crate) struct LibraryEngine {
    /// The library's recordbin is in it.
    bin: gst::Bin,
    sessions: Arc<Sessions>,
}

impl LibraryEngine {
    /// A recorder that tells `events` of the ends of sessions and of the stream.
    ///
    /// # Errors
    /// When the library does not give what is needed, or an element is missing.
    pub(crate) fn new(library: &'static Library, setup: Setup, events: EventSink) -> Result<Self, Error> {
        let sessions = Sessions::new(library, setup, events)?;
        let bin = inlet::around(sessions.recordbin(), library, &Arc::downgrade(&sessions))?;
        Ok(Self { bin, sessions })
    }
}

impl Engine for LibraryEngine {
    fn element(&self) -> gst::Element {
        self.bin.clone().upcast()
    }

    fn pad(&self, stream: Stream) -> Option<gst::Pad> {
        self.bin.static_pad(pad_name(stream))
    }

    fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: &mut dyn FnMut(&Accepted),
    ) -> Result<Accepted, Rejection> {
        self.sessions.start(request, trigger, answer)
    }

    fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.sessions.stop(session)
    }

    fn now(&self) -> Option<RunningTime> {
        self.sessions.now()
    }

    fn has_ended(&self) -> bool {
        self.sessions.core(|core| core.has_ended())
    }

    fn silent_for(&self) -> Option<Duration> {
        self.sessions.silent_for()
    }

    fn failed(&self, element: &gst::Object, reason: &str) -> bool {
        let own = element == self.bin.upcast_ref::<gst::Object>();
        if !own && element.has_as_ancestor(&self.bin) {
            self.sessions.broken(reason);
        }
        // The bin itself fails when it cannot take what comes, and that stays so.
        own
    }

    fn let_go(&self) {
        self.sessions.let_go();
    }

    fn interrupt(&self) {
        self.sessions.interrupt();
    }

    fn end(&self, reason: EndReason) {
        self.sessions.end(reason);
    }

    fn wait_idle(&self, limit: Duration) -> bool {
        self.sessions.wait_idle(limit)
    }
}

/// The parameters that are set and have no effect with a library.
pub(crate) fn without_effect(library: &Library, setup: &RecorderSetup) -> Option<String> {
    let config = &setup.config;
    let keys: Vec<&str> = [
        ("smart-rec-trim", setup.trim),
        ("smart-rec-overlap", !matches!(config.overlap, Overlap::Separate | Overlap::Reject)),
        ("smart-rec-max-sessions", config.max_sessions != Config::MAX_SESSIONS),
        ("smart-rec-cache-bytes", config.cache_bytes != 0),
        ("smart-rec-total-cache-bytes", setup.total_cache_bytes != 0),
        ("smart-rec-max-pending-bytes", config.max_pending != Config::MAX_PENDING),
    ]
    .into_iter()
    .filter_map(|(key, set)| set.then_some(key))
    .collect();
    (!keys.is_empty()).then(|| {
        format!(
            "without effect, since recordbin-lib names {library}, which records in its own way: {}",
            keys.join(", ")
        )
    })
}
