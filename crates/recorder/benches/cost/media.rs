//! Access units to push: a short clip from a real encoder, again and again, its times going on. Each buffer has a memory of
//! its own, as a camera's have, around bytes that all of them share; who holds how many is counted.
//! Where they go is left to `contender`.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; an encoder that fails fails its benchmark.

use std::sync::atomic::{AtomicUsize, Ordering};

use gst::glib::ffi::gpointer;
use gst::glib::translate::from_glib_full;
use gst::prelude::*;

/// Frames per second.
pub const FPS: u64 = 30;
/// Pictures from one keyframe to the next, and of the clip.
pub const GOP: u64 = 30;

struct Unit {
    bytes: Vec<u8>,
    flags: gst::BufferFlags,
    /// Buffers of it that are there.
    held: AtomicUsize,
}

impl Unit {
    fn buffer(&'static self) -> gst::Buffer {
        self.held.fetch_add(1, Ordering::Relaxed);
        let size = self.bytes.len();
        // SAFETY: the bytes are there for ever and, as the flag says, are not written to; `let_go` takes a unit.
        let memory: gst::Memory = unsafe {
            from_glib_full(gst::ffi::gst_memory_new_wrapped(
                gst::ffi::GST_MEMORY_FLAG_READONLY,
                self.bytes.as_ptr().cast_mut().cast(),
                size,
                0,
                size,
                std::ptr::from_ref(self).cast_mut().cast(),
                Some(let_go),
            ))
        };
        let mut buffer = gst::Buffer::new();
        let header = buffer.get_mut().unwrap();
        header.append_memory(memory);
        header.set_flags(self.flags);
        buffer
    }
}

/// Tells a pad what its source has said.
pub fn tell(pad: &gst::Pad, events: &[gst::Event]) {
    assert!(events.iter().all(|event| pad.send_event(event.clone())));
}

unsafe extern "C" fn let_go(unit: gpointer) {
    // SAFETY: `Unit::buffer` has passed a unit that is there for ever.
    unsafe { &*unit.cast::<Unit>() }.held.fetch_sub(1, Ordering::Relaxed);
}

/// The clip; it is never freed.
pub struct Media {
    /// H.264, one access unit per buffer, in the form that MP4 holds.
    pub caps: gst::Caps,
    units: Vec<&'static Unit>,
}

impl Media {
    /// One group of pictures of so many bits per second.
    pub fn new(kbits: u32) -> Self {
        let description = format!(
            "videotestsrc num-buffers={GOP} pattern=ball ! video/x-raw,width=640,height=360,framerate={FPS}/1 \
             ! x264enc speed-preset=ultrafast tune=zerolatency bitrate={kbits} key-int-max={GOP} option-string=scenecut=0 \
             ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! appsink name=out sync=false"
        );
        let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let mut media = Self { caps: gst::Caps::new_empty(), units: Vec::new() };
        while let Ok(sample) = sink.pull_sample() {
            media.caps = sample.caps_owned().unwrap();
            let from = sample.buffer().unwrap();
            let bytes = from.map_readable().unwrap().to_vec();
            let flags = from.flags() & gst::BufferFlags::DELTA_UNIT;
            media.units.push(Box::leak(Box::new(Unit { bytes, flags, held: AtomicUsize::new(0) })));
        }
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(media.units.len() as u64, GOP);
        media
    }

    /// The same without an encoder, for where each of its instructions would count: nobody looks into these.
    /// A keyframe is four times as large as the other frames of `bytes`.
    pub fn synthetic(bytes: usize) -> Self {
        let configuration =
            gst::Buffer::from_slice([1, 0x64, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 30, 1, 0, 2, 0x68, 0xee]);
        let caps = gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("codec_data", configuration)
            .field("width", 640)
            .field("height", 360)
            .field("framerate", gst::Fraction::new(FPS as i32, 1))
            .build();
        let unit = |index: u64| {
            let (size, flags) = match index {
                0 => (4 * bytes, gst::BufferFlags::empty()),
                _ => (bytes, gst::BufferFlags::DELTA_UNIT),
            };
            &*Box::leak(Box::new(Unit { bytes: vec![0; size], flags, held: AtomicUsize::new(0) }))
        };
        Self { caps, units: (0..GOP).map(unit).collect() }
    }

    /// When frame `number` is shown.
    pub fn at(number: u64) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(number * 1_000_000_000 / FPS)
    }

    /// Frame `number` of a stream that does not end.
    pub fn frame(&self, number: u64) -> gst::Buffer {
        let mut buffer = self.units[(number % GOP) as usize].buffer();
        let header = buffer.get_mut().unwrap();
        header.set_pts(Self::at(number));
        header.set_dts(Self::at(number));
        header.set_duration(Self::at(number + 1) - Self::at(number));
        buffer
    }

    /// Bytes of a second.
    pub fn bytes_per_second(&self) -> usize {
        self.units.iter().map(|unit| unit.bytes.len()).sum::<usize>() * (FPS / GOP) as usize
    }

    /// Buffers that somebody holds, and their media's bytes.
    pub fn held(&self) -> (usize, usize) {
        let held = |unit: &&Unit| {
            let held = unit.held.load(Ordering::Relaxed);
            (held, held * unit.bytes.len())
        };
        self.units.iter().map(held).fold((0, 0), |sum, held| (sum.0 + held.0, sum.1 + held.1))
    }

    /// What a source says before its first buffer. Its own pad keeps these as well, for as long as it is there.
    pub fn events(&self) -> [gst::Event; 3] {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        [gst::event::StreamStart::new("camera"), gst::event::Caps::new(&self.caps), gst::event::Segment::new(&segment)]
    }

    /// Tells a pad what comes.
    pub fn begin(&self, pad: &gst::Pad) {
        tell(pad, &self.events());
    }
}
