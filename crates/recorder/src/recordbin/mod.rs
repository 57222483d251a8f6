//! The recordbin: a GstBin with pads `sink` (video) and `asink` (audio) that caches and records (design.md, Words).
//! It turns pad events into inputs of the core and the core's actions into calls on writers.
//! What to cache and to record is left to the core, where streams come from to `source`.

mod imp;

use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::Error;
use crate::container::Container;
use crate::core::{Accepted, Config, EndReason, Rejection, RunningTime, SessionId, StartRequest, Stream};
use crate::event::EventSink;
use crate::file_name::FileNames;
use crate::record::{SourceName, Trigger};

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
}

impl Recordbin {
    /// A recordbin that tells `events` of the ends of sessions and of the stream.
    ///
    /// # Errors
    /// When GStreamer or the container's muxer is not there.
    pub fn new(setup: Setup, events: EventSink) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Gstreamer(error.to_string()))?;
        let bin: Self = glib::Object::new();
        bin.imp().set_up(setup, events)?;
        Ok(bin)
    }

    /// The pad for a stream.
    pub fn pad(&self, stream: Stream) -> Option<gst::Pad> {
        self.static_pad(match stream {
            Stream::Video => "sink",
            Stream::Audio => "asink",
        })
    }

    /// Starts a session. From any thread; returns at once. `answer` is called, without a lock, before any event of the
    /// session can come.
    ///
    /// # Errors
    /// Why the request does not become a session.
    pub fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: impl FnOnce(&Accepted),
    ) -> Result<Accepted, Rejection> {
        self.imp().start(request, trigger, answer)
    }

    /// Ends one session, or all, now. From any thread; returns at once, the done records follow as events.
    ///
    /// # Errors
    /// When there is nothing to stop.
    pub fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        self.imp().stop(session)
    }

    /// The stream's running time now; `None` before the first frame.
    pub fn now(&self) -> Option<RunningTime> {
        self.imp().now()
    }

    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.imp().has_ended()
    }

    /// The source is lost: what arrives next is of a new connection, and its time begins anew. Cache and sessions stay.
    pub fn interrupt(&self) {
        self.imp().interrupt();
    }

    /// How long ago the newest buffer came; `None` before the first one.
    pub fn silent_for(&self) -> Option<Duration> {
        self.imp().silent_for()
    }

    /// Closes sessions whose source has fallen silent; to be called about once a second while sessions run.
    pub fn advance(&self) {
        self.imp().advance();
    }

    /// How many sessions have no done or failed record yet.
    pub fn sessions(&self) -> usize {
        self.imp().sessions()
    }

    /// Ends all sessions with what they have, for good.
    pub fn end(&self, reason: EndReason) {
        self.imp().end(reason);
    }

    /// Waits until no session is left and all threads of the recordbin have ended. False if that takes longer than
    /// `limit`.
    pub fn wait_idle(&self, limit: Duration) -> bool {
        self.imp().wait_idle(limit)
    }
}
