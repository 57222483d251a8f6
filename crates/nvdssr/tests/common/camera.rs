//! A camera that sends into a pad of a recordbin as fast as the test wants: stream time passes with each picture.
//! Its clip begins again at its end; picture n of the stream carries n modulo the clip's length.
//! Left to others: when to start and stop recordings.

use std::sync::LazyLock;
use std::time::Instant;

use gst::prelude::*;

use super::clip::Clip;
use super::{Asked, Context, api};

/// Frames from keyframe to keyframe.
pub const GOP: i64 = 30;

/// 40 s of H.264, a keyframe each second.
pub static PICTURES: LazyLock<Clip> = LazyLock::new(|| {
    let encoder = format!(
        "x264enc speed-preset=ultrafast tune=zerolatency key-int-max={GOP} bitrate=500 option-string=scenecut=0 \
         ! h264parse ! video/x-h264,stream-format=avc,alignment=au"
    );
    Clip::pictures(&encoder, 1200)
});

/// 40 s of AAC: stereo, 48 kHz.
pub static SOUND: LazyLock<Clip> =
    LazyLock::new(|| Clip::sound("rate=48000,channels=2", 1024, 1875, "avenc_aac ! aacparse"));

/// A stream into a recordbin.
pub struct Camera {
    context: usize,
    pad: gst::Pad,
    clip: &'static Clip,
    next: usize,
    /// Just before the newest unit was sent.
    sent: Instant,
}

impl Camera {
    /// A stream of pictures that begins now, at running time 0.
    pub fn pictures(context: &Context) -> Self {
        Self::begin(context, "sink", &PICTURES)
    }

    /// A stream of sound that begins now, at running time 0.
    pub fn sound(context: &Context) -> Self {
        Self::begin(context, "asink", &SOUND)
    }

    fn begin(context: &Context, pad: &str, clip: &'static Clip) -> Self {
        let id = pad;
        let pad = context.pad(pad);
        assert!(pad.send_event(gst::event::StreamStart::new(id)));
        assert!(pad.send_event(gst::event::Caps::new(&clip.caps)), "{} is taken", clip.caps);
        assert!(pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
        Self { context: context.address, pad, clip, next: 0, sent: Instant::now() }
    }

    /// The stream ends.
    pub fn end(&self) {
        self.pad.send_event(gst::event::Eos::new());
    }

    /// Sends what is shown before `seconds`.
    pub fn run_to(&mut self, seconds: f64) {
        let end = (seconds * 1e9) as i64;
        while self.time(self.next) < end {
            self.send();
        }
    }

    /// Sends one unit.
    pub fn send(&mut self) {
        let mut buffer = self.clip.units[self.next % self.clip.units.len()].media.copy();
        let (start, end) = (self.time(self.next), self.time(self.next + 1));
        let header = buffer.get_mut().unwrap();
        header.set_pts(gst::ClockTime::from_nseconds(start as u64));
        header.set_dts(gst::ClockTime::NONE);
        header.set_duration(gst::ClockTime::from_nseconds((end - start) as u64));
        self.sent = Instant::now();
        self.pad.chain(buffer).unwrap();
        self.next += 1;
    }

    /// Starts a recording, and says what that asks for in the stream's time.
    pub fn start(&self, context: &Context, start: u32, duration: u32, tag: u64) -> Asked {
        assert_eq!(context.address, self.context);
        let id = context.start(start, duration, tag).unwrap();
        Asked { id, ..self.asked(start, duration) }
    }

    /// What a start that has just been called asks for: "now" is the newest picture's time and what has passed since.
    pub fn asked(&self, start: u32, duration: u32) -> Asked {
        let newest = self.next.checked_sub(1).map_or(0, |newest| self.time(newest));
        let passed = self.sent.elapsed().as_nanos() as i64;
        let from = newest - i64::from(start) * 1_000_000_000;
        let to = newest + i64::from(duration) * 1_000_000_000;
        Asked { id: 0, from: from.max(0)..=(from + passed).max(0), to: to..=to + passed }
    }

    /// Stops a recording; returns when that is in the stream's time.
    pub fn stop(&self, context: &Context, id: u32) -> std::ops::RangeInclusive<i64> {
        context.stop(id).unwrap();
        self.asked(0, 0).to
    }

    /// When a unit is shown, in nanoseconds.
    fn time(&self, index: usize) -> i64 {
        let units = &self.clip.units;
        let first = units[0].start();
        let last = &units[units.len() - 1];
        let length = last.start() + last.duration.unwrap() - first;
        units[index % units.len()].start() - first + (index / units.len()) as i64 * length
    }
}
