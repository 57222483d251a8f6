//! Brings a source to a recordbin: a pipeline that turns a URI into parsed, encoded streams, built as often as needed.
//! RTSP, files and HTTP, and `launch:` descriptions each have a file; what they share, linking a stream, is in `link`.
//! Starting, watching and ending the pipelines is left to `supervisor`, when to do so to `reconnect`.

mod launch;
mod link;
mod location;
pub(crate) mod reconnect;
mod rtsp;
mod uri;

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;

use self::link::Linker;
pub use self::location::{Location, masked};
use self::reconnect::Input;
use crate::engine::Engine;
use crate::event::EventSink;
use crate::{Container, Error};

/// Which streams of a source are recorded (`smart-rec-mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Both, as far as the source has them.
    AudioAndVideo,
    /// Pictures alone.
    VideoOnly,
    /// Sound alone.
    AudioOnly,
}

impl Mode {
    /// Whether a stream is recorded.
    pub fn takes(self, stream: crate::core::Stream) -> bool {
        match (self, stream) {
            (Self::AudioAndVideo, _) => true,
            (Self::VideoOnly, stream) => stream == crate::core::Stream::Video,
            (Self::AudioOnly, stream) => stream == crate::core::Stream::Audio,
        }
    }
}

/// How RTP comes from a camera (`select-rtp-protocol`, DeepStream's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtpProtocol {
    /// UDP, UDP multicast, then TCP, whatever works first (0).
    Any,
    /// TCP alone (4).
    Tcp,
}

/// How sources are received.
#[derive(Clone, Copy, Debug)]
pub struct Reception {
    /// Which streams are recorded.
    pub mode: Mode,
    /// Jitter buffer of RTSP sources, in milliseconds.
    pub latency_ms: u32,
    /// How RTP comes.
    pub protocol: RtpProtocol,
    /// The longest pause before a lost RTSP source is tried again, and how long it may send nothing before it counts as
    /// lost (`rtsp-reconnect-interval`). `None`: a lost source ends.
    pub reconnect: Option<Duration>,
}

/// What the pipeline of a source is built from, each time it is built.
pub(crate) struct Blueprint {
    /// The source's place in the list.
    pub(crate) index: usize,
    /// Where it is.
    pub(crate) location: Location,
    /// How it is received.
    pub(crate) reception: Reception,
    /// What its recordings can hold.
    pub(crate) container: Container,
    /// Takes notices.
    pub(crate) events: EventSink,
    /// Takes what the pipeline shows of the connection.
    pub(crate) inputs: InputSink,
}

/// Takes what happens to a source, from any thread; returns soon.
pub(crate) type InputSink = Arc<dyn Fn(Input) + Send + Sync>;

impl Blueprint {
    /// [`Reception::reconnect`] for a source that can be connected again; `None` for one that ends when it is lost.
    pub(crate) fn reconnect(&self) -> Option<Duration> {
        self.reception.reconnect.filter(|_| matches!(self.location, Location::Rtsp(_)))
    }

    /// A pipeline with nothing but the recordbin in it.
    ///
    /// # Errors
    /// When the recordbin is in another pipeline.
    pub(crate) fn pipeline(&self, engine: &dyn Engine) -> Result<gst::Pipeline, Error> {
        let pipeline = gst::Pipeline::builder().name(format!("source{}", self.index)).build();
        add(&pipeline, &engine.element())?;
        if self.reconnect().is_some() {
            // By default a pipeline's running time begins anew with each start; this one's goes on.
            pipeline.use_clock(Some(&gst::SystemClock::obtain()));
            pipeline.set_start_time(gst::ClockTime::NONE);
        }
        Ok(pipeline)
    }

    /// Adds the source to a pipeline that has nothing but the recordbin in it, and is at rest.
    ///
    /// # Errors
    /// When the source cannot be understood or an element is missing.
    pub(crate) fn fill(&self, pipeline: &gst::Pipeline, engine: &Arc<dyn Engine>) -> Result<(), Error> {
        if self.reconnect().is_some() && engine.now().is_none() {
            // Running time is counted from the start of the first connection that brings frames.
            pipeline.set_base_time(gst::SystemClock::obtain().time());
        }
        let linker = Linker::new(self, pipeline, engine);
        match &self.location {
            Location::Rtsp(uri) => rtsp::add(pipeline, uri, self.reception, linker),
            Location::Uri(uri) => uri::add(pipeline, uri, linker),
            Location::Launch(description) => launch::add(self.index, pipeline, description, linker),
        }
    }
}

/// Takes a pipeline down and removes everything but the recordbin. May wait for the network; from any thread but those
/// of the pipeline itself.
pub(crate) fn empty(pipeline: &gst::Pipeline, engine: &dyn Engine) {
    engine.let_go();
    let kept = engine.element();
    // Going down to NULL fails only for broken elements, and there is nothing to do about them.
    let _ = pipeline.set_state(gst::State::Null);
    for element in pipeline.children().iter().filter(|element| **element != kept) {
        // One that was added while the pipeline went down may have missed it.
        let _ = element.set_state(gst::State::Null);
        // Only what is not in the pipeline cannot be removed from it.
        let _ = pipeline.remove(element);
    }
}

/// Makes an element, or says which package has it.
pub(super) fn make(element: &'static str, package: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(element).build().map_err(|_| Error::MissingElement { element, package })
}

fn add(pipeline: &gst::Pipeline, element: &impl IsA<gst::Element>) -> Result<(), Error> {
    // Only a name that is taken is refused; ours are new or made up by GStreamer.
    pipeline.add(element).map_err(|error| Error::Gstreamer(error.to_string()))
}
