//! Brings a source to a recordbin: a pipeline that turns a URI into parsed, encoded streams.
//! RTSP, files and HTTP, and `launch:` descriptions each have a file; what they share, linking a stream, is in `link`.
//! Starting, watching and ending the pipelines is left to `recorder`.

mod launch;
mod link;
mod location;
mod rtsp;
mod uri;

use gst::prelude::*;

use self::link::Linker;
pub use self::location::{Location, masked};
use crate::event::EventSink;
use crate::{Container, Error, Recordbin};

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
}

/// A pipeline from `location` into `bin`, still at rest.
///
/// # Errors
/// When the source cannot be understood or an element is missing.
pub(crate) fn build(
    index: usize,
    location: &Location,
    reception: Reception,
    container: Container,
    bin: &Recordbin,
    events: &EventSink,
) -> Result<gst::Pipeline, Error> {
    let pipeline = gst::Pipeline::builder().name(format!("source{index}")).build();
    add(&pipeline, bin)?;
    let linker = Linker::new(index, location.to_string(), &pipeline, reception.mode, container, bin, events);
    match location {
        Location::Rtsp(uri) => rtsp::add(&pipeline, uri, reception, linker)?,
        Location::Uri(uri) => uri::add(&pipeline, uri, linker)?,
        Location::Launch(description) => launch::add(index, &pipeline, description, linker)?,
    }
    Ok(pipeline)
}

/// Makes an element, or says which package has it.
pub(super) fn make(element: &'static str, package: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(element).build().map_err(|_| Error::MissingElement { element, package })
}

fn add(pipeline: &gst::Pipeline, element: &impl IsA<gst::Element>) -> Result<(), Error> {
    // Only a name that is taken is refused; ours are new or made up by GStreamer.
    pipeline.add(element).map_err(|error| Error::Gstreamer(error.to_string()))
}
