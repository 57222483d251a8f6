//! A synthetic source: a recordbin, and 1080p25 of 4 Mbit/s for its pad, the same encoded group of pictures again and
//! again. When its frames come is left to `feed`.

use std::path::Path;
use std::time::Duration;

use gst::prelude::*;
use recorder::core::{Config, Overlap, Stream};
use recorder::event::EventSink;
use recorder::file_name::FileNames;
use recorder::record::SourceName;
use recorder::recordbin::Setup;
use recorder::{Container, Recordbin};

/// Frames per second.
pub const FPS: u64 = 25;
/// Seconds that a recordbin keeps.
pub const CACHE: u64 = 30;
/// Seconds of a group of pictures.
pub const GOP: u64 = 2;

const CAMERA: &str = "videotestsrc pattern=snow num-buffers=50 ! video/x-raw,width=1920,height=1080,framerate=25/1 \
                      ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=4000 vbv-buf-capacity=500 key-int-max=50 \
                      ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! appsink name=out sync=false";

/// The encoded frames of one group, and their format.
pub struct Clip {
    caps: gst::Caps,
    /// What is in them, there for ever, and their flags.
    frames: Vec<(&'static [u8], gst::BufferFlags)>,
    /// Each buffer has a copy of the media, as a camera's has; else a memory of its own around the clip's.
    pub own_media: bool,
}

impl Clip {
    /// From a real encoder.
    pub fn new(own_media: bool) -> Self {
        let pipeline = gst::parse::launch(CAMERA).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("out").unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let pull = || sink.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]);
        let samples: Vec<gst::Sample> = std::iter::from_fn(pull).collect();
        pipeline.set_state(gst::State::Null).unwrap();
        let frame = |sample: &gst::Sample| {
            let buffer = sample.buffer().unwrap();
            let bytes = Vec::leak(buffer.map_readable().unwrap().to_vec());
            (&*bytes, buffer.flags() & gst::BufferFlags::DELTA_UNIT)
        };
        let frames: Vec<_> = samples.iter().map(frame).collect();
        assert_eq!(frames.len() as u64, GOP * FPS);
        Self { caps: samples[0].caps_owned().unwrap(), frames, own_media }
    }

    /// Bytes of a second.
    pub fn bytes_per_second(&self) -> f64 {
        self.frames.iter().map(|(bytes, _)| bytes.len()).sum::<usize>() as f64 / GOP as f64
    }
}

/// One source.
pub struct Source {
    /// What caches and records it.
    pub bin: Recordbin,
    /// Where its frames go.
    pub pad: gst::Pad,
    sent: u64,
}

impl Source {
    /// Its files go to `dir`.
    pub fn new(index: usize, dir: &Path, clip: &Clip, events: EventSink) -> Self {
        let setup = Setup {
            source: SourceName { index, sensor: format!("camera{index}") },
            config: Config {
                window: Duration::from_secs(CACHE),
                cache_bytes: 0,
                default_duration: Duration::from_secs(10),
                max_duration: Duration::ZERO,
                max_sessions: 16,
                max_pending: 256 << 20,
                overlap: Overlap::Separate,
                both: false,
                early: false,
            },
            container: Container::Mp4,
            names: FileNames { dir: dir.into(), prefix: "Smart_Record".into(), source: Some(index) },
            sidecar: true,
            trim: false,
            // Shared media is counted as if it were each source's own.
            total_cache_bytes: usize::MAX,
        };
        let bin = Recordbin::new(setup, events).unwrap();
        bin.set_state(gst::State::Playing).unwrap();
        let pad = bin.pad(Stream::Video).unwrap();
        assert!(pad.send_event(gst::event::StreamStart::new("video")));
        assert!(pad.send_event(gst::event::Caps::new(&clip.caps)));
        assert!(pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
        Self { bin, pad: pad.upcast(), sent: 0 }
    }

    /// Its next frame, 40 ms after the last one by its own time.
    pub fn next(&mut self, clip: &Clip) -> gst::Buffer {
        let (bytes, flags) = clip.frames[(self.sent % clip.frames.len() as u64) as usize];
        // Never one memory in many buffers: it counts those that hold it, and 65,535 are the most.
        let mut buffer =
            if clip.own_media { gst::Buffer::from_slice(bytes.to_vec()) } else { gst::Buffer::from_slice(bytes) };
        let header = buffer.get_mut().unwrap();
        header.set_flags(flags);
        let at = gst::ClockTime::from_nseconds(self.sent * 1_000_000_000 / FPS);
        header.set_pts(at);
        header.set_dts(at);
        self.sent += 1;
        buffer
    }
}
