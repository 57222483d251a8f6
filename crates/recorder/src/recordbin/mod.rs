//! The recordbin: a GstBin with pads `sink` (video) and `asink` (audio) that caches and records (design.md, Words).
//! It turns pad events into inputs of the core and the core's actions into calls on writers.
//! What to cache and to record is left to the core, where streams come from to `source`.

mod child_bus;
mod handover;
mod imp;
mod sessions;
mod state;
mod total_budget;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use gst::glib;
use gst::subclass::prelude::*;

use self::sessions::Sessions;
pub(crate) use self::sessions::arrival;
use crate::Error;
use crate::container::Container;
use crate::core::{Accepted, Config, EndReason, Rejection, RunningTime, SessionId, SourceCore, StartRequest, Stream};
use crate::event::EventSink;
use crate::file_name::FileNames;
use crate::record::{SourceName, Trigger};
use crate::writer;

glib::wrapper! {
    /// See the module.
    pub struct Recordbin(ObjectSubclass<imp::Recordbin>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

/// What a recordbin is told once, when it is made.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose recordings these are.
    pub source: SourceName,
    /// The core's rules.
    pub config: Config,
    /// File format.
    pub container: Container,
    /// Where files go and how they are called.
    pub names: FileNames,
    /// Write a sidecar beside each recording.
    pub sidecar: bool,
    /// Files show the asked interval alone, as far as the container can say so.
    pub trim: bool,
    /// Byte budget of all caches of the process; 0: a quarter of the machine's memory.
    pub total_cache_bytes: usize,
}

impl Recordbin {
    /// A recordbin that tells `events` of the ends of sessions and of the stream.
    ///
    /// # Errors
    /// When GStreamer or the container's muxer is not there.
    pub fn new(setup: Setup, events: EventSink) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Gstreamer(error.to_string()))?;
        writer::keep_pools_apart();
        let bin: Self = glib::Object::new();
        bin.imp().set_up(setup, events)?;
        Ok(bin)
    }

    /// The pad for a stream; `asink` is there from the first time that somebody asks for it here.
    pub fn pad(&self, stream: Stream) -> Option<gst::Pad> {
        self.imp().pad(stream)
    }

    /// Starts a session, or joins the start with one that runs. From any thread; returns at once. `answer` is called,
    /// without a lock on the source, before any event of the session can come that concerns this start.
    ///
    /// # Errors
    /// Why the request does not become a session.
    pub fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: impl FnOnce(&Accepted),
    ) -> Result<Accepted, Rejection> {
        self.sessions().ok_or(Rejection::NothingYet)?.start(request, trigger, answer)
    }

    /// Ends one session, or all, now. From any thread; returns at once, the done records follow as events.
    ///
    /// # Errors
    /// When there is nothing to stop.
    pub fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.sessions().ok_or(Rejection::NoSession)?.stop(session)
    }

    /// The stream's running time now; `None` before the first frame.
    pub fn now(&self) -> Option<RunningTime> {
        self.sessions()?.core(|core| core.timeline().stream_now(sessions::arrival()))
    }

    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.sessions().is_some_and(|sessions| sessions.core(|core| core.has_ended()))
    }

    /// The source is lost: what arrives next is of a new connection, and its time begins anew. Cache and sessions stay.
    pub fn interrupt(&self) {
        if let Some(sessions) = self.sessions() {
            sessions.core(SourceCore::interrupt);
        }
    }

    /// How long ago the newest buffer came; `None` before the first one.
    pub fn silent_for(&self) -> Option<Duration> {
        self.sessions()?.core(|core| core.timeline().silent_for(sessions::arrival()))
    }

    /// The sessions that still take frames that come.
    pub fn running(&self) -> Vec<SessionId> {
        self.sessions().map_or_else(Vec::new, |sessions| sessions.core(|core| core.running_sessions().collect()))
    }

    /// Whether the recording of a session has begun: its first frame is known.
    pub fn has_begun(&self, session: SessionId) -> bool {
        self.sessions().is_some_and(|sessions| sessions.core(|core| core.begins(session).is_some()))
    }

    /// How many sessions have no done or failed record yet.
    pub fn open_sessions(&self) -> usize {
        self.sessions().map_or(0, |sessions| sessions.open())
    }

    /// Media bytes of the cache, and how far back it reaches.
    pub fn cache(&self) -> (usize, Duration) {
        let figures = |core: &mut SourceCore<_, _>| (core.cached_bytes(), core.history());
        self.sessions().map_or((0, Duration::ZERO), |sessions| sessions.core(figures))
    }

    /// Ends all sessions with what they have, for good.
    pub fn end(&self, reason: EndReason) {
        if let Some(sessions) = self.sessions() {
            sessions.end(reason);
        }
    }

    /// Waits until no session is left and all threads of the recordbin have ended. False if that takes longer than
    /// `limit`; then what is left has been answered as failed.
    pub fn wait_idle(&self, limit: Duration) -> bool {
        self.sessions().is_none_or(|sessions| sessions.wait_idle(limit))
    }

    fn sessions(&self) -> Option<&Arc<Sessions>> {
        self.imp().sessions()
    }
}
