//! What a complete file holds, by reading it: streams, frames, their times and sizes, pauses. All of it is read once, on a
//! thread that gives way to the live pipelines.
//! Where that lies in the source's time is left to `place`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use parking_lot::Mutex;

use super::place::Sized;
use crate::container::codec_name;
use crate::core::{Frame, GapFinder, Gaps, RunningTime, Stream};
use crate::record::{AudioTrack, VideoTrack};
use crate::{Container, pipeline_error, writer};

/// Frames at the end of a file by which it is found among what has arrived.
const TAIL: usize = 64;

/// One stream of a file. Times are the file's own, in nanoseconds from wherever it counts.
#[derive(Debug)]
pub(super) struct Track {
    caps: gst::Caps,
    pub(super) frames: u64,
    /// The earliest frame that is shown.
    pub(super) first: RunningTime,
    /// When the frame that is shown last is over.
    pub(super) end: RunningTime,
    /// Start and size of the last frames, in decoding order.
    pub(super) tail: Vec<Sized>,
    pauses: GapFinder,
    /// Start of the frame that is shown last, and its duration if the file has it.
    last: (RunningTime, Option<Duration>),
}

impl Track {
    fn new(caps: gst::Caps) -> Self {
        let zero = RunningTime::ZERO;
        let pauses = GapFinder::default();
        Self { caps, frames: 0, first: zero, end: zero, tail: Vec::new(), pauses, last: (zero, None) }
    }

    fn add(&mut self, buffer: &gst::BufferRef) {
        let Some(start) = buffer.pts().or(buffer.dts()) else { return };
        let start = RunningTime::ZERO + start.into();
        self.first = if self.frames == 0 { start } else { self.first.min(start) };
        if self.frames == 0 || start >= self.last.0 {
            self.last = (start, buffer.duration().map(Into::into));
        }
        self.frames += 1;
        self.pauses.follow(&Frame::new(start, true, 0, ()));
        if self.tail.len() == TAIL {
            self.tail.remove(0);
        }
        self.tail.push((start, buffer.size() as u64));
    }

    fn ended(mut self) -> Self {
        let (start, duration) = self.last;
        self.end = start + duration.filter(|duration| !duration.is_zero()).unwrap_or(self.pauses.usual());
        self
    }

    /// Start of the frame that is shown last.
    pub(super) fn last_start(&self) -> RunningTime {
        self.last.0
    }

    /// Where it pauses, in the file's own time.
    pub(super) fn gaps(&self) -> &Gaps {
        &self.pauses.gaps
    }

    fn number(&self, field: &str) -> Option<i32> {
        self.caps.structure(0).and_then(|structure| structure.get(field).ok())
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    video: Option<Track>,
    audio: Option<Track>,
}

impl Content {
    /// Reads a file. Blocks until all of it has been read.
    ///
    /// # Errors
    /// In words, when it is none of its container, or holds nothing.
    pub(super) fn read(path: &Path, container: Container) -> Result<Self, String> {
        let content = writer::give_way(|| read(path, container))?;
        match content {
            Self { video: None, audio: None } => Err("it holds neither video nor audio".into()),
            content => Ok(content),
        }
    }

    /// One of its streams.
    pub(super) fn track(&self, stream: Stream) -> Option<&Track> {
        match stream {
            Stream::Video => self.video.as_ref(),
            Stream::Audio => self.audio.as_ref(),
        }
    }

    pub(super) fn video_track(&self) -> Option<VideoTrack> {
        let track = self.video.as_ref()?;
        let (width, height) = (track.number("width"), track.number("height"));
        Some(VideoTrack { codec: codec_name(&track.caps), width, height, frames: track.frames })
    }

    pub(super) fn audio_track(&self) -> Option<AudioTrack> {
        let track = self.audio.as_ref()?;
        let (channels, rate) = (track.number("channels"), track.number("rate"));
        Some(AudioTrack { codec: codec_name(&track.caps), channels, rate, frames: track.frames })
    }
}

fn read(path: &Path, container: Container) -> Result<Content, String> {
    let location = path.to_str().ok_or("its name is not UTF-8")?;
    let make = |element, package| crate::source::make(element, package).map_err(|error| error.to_string());
    let source = make("filesrc", "libgstreamer1.0-0")?;
    source.set_property("location", location);
    let demuxer = make(container.demuxer(), "gstreamer1.0-plugins-good")?;
    let pipeline = gst::Pipeline::new();
    let broken = |error: gst::glib::BoolError| error.to_string();
    pipeline.add_many([&source, &demuxer]).map_err(broken)?;
    source.link(&demuxer).map_err(broken)?;
    let tracks: Arc<Mutex<Vec<Arc<Mutex<Track>>>>> = Arc::default();
    let found = tracks.clone();
    demuxer.connect_pad_added(move |demuxer, pad| {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let track = Arc::new(Mutex::new(Track::new(caps)));
        found.lock().push(track.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                track.lock().add(buffer);
            }
            gst::PadProbeReturn::Ok
        });
        if let Err(error) = run_into_nowhere(demuxer, pad) {
            gst::element_error!(demuxer, gst::CoreError::Pad, ("a stream cannot be read: {error}"));
        }
    });
    let ended = play_to_the_end(&pipeline);
    // At rest nothing calls back any more. Going down to NULL cannot fail but by a broken element.
    let _ = pipeline.set_state(gst::State::Null);
    ended?;
    let mut content = Content::default();
    for track in std::mem::take(&mut *tracks.lock()) {
        let empty = Track::new(gst::Caps::new_empty());
        let track = std::mem::replace(&mut *track.lock(), empty).ended();
        let kind = track.caps.structure(0).map_or("", |structure| structure.name().as_str());
        let place = if kind.starts_with("audio/") { &mut content.audio } else { &mut content.video };
        if track.frames > 0 {
            place.get_or_insert(track);
        }
    }
    Ok(content)
}

fn run_into_nowhere(demuxer: &gst::Element, pad: &gst::Pad) -> Result<(), String> {
    let Some(pipeline) = demuxer.parent().and_downcast::<gst::Pipeline>() else { return Ok(()) };
    let sink = crate::source::make("fakesink", "libgstreamer1.0-0").map_err(|error| error.to_string())?;
    sink.set_property("sync", false);
    // It need not have a buffer before the others go on.
    sink.set_property("async", false);
    pipeline.add(&sink).map_err(|error| error.to_string())?;
    sink.sync_state_with_parent().map_err(|error| error.to_string())?;
    let target = sink.static_pad("sink").ok_or("fakesink has no pad")?;
    pad.link(&target).map(drop).map_err(|error| error.to_string())
}

fn play_to_the_end(pipeline: &gst::Pipeline) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("a pipeline has no bus")?;
    pipeline.set_state(gst::State::Playing).map_err(|error| error.to_string())?;
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(gst::ClockTime::NONE, &kinds).as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => Err(pipeline_error::text(error)),
        _ => Ok(()),
    }
}
