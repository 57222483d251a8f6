//! What two independent players show of a presented file: GStreamer's demuxer and decoders, and FFmpeg's.
//! Both read the number out of every frame that they show, and both play the beeps of the sound.
//! What they have to show is left to the tests.

use std::ops::Range;
use std::path::Path;

use gst::prelude::*;
use testbed::{Frame, counter, decode, ffmpeg_frames, ffmpeg_sound, ffprobe};

/// Time stamps are rounded to the media's time scale: 3000 a second at 30 fps; FFmpeg's are printed in microseconds.
const ROUNDING_NS: i64 = 340_000;
const RATE: usize = 48_000;

/// The players of one file.
pub(super) struct Players<'a>(pub(super) &'a Path);

impl Players<'_> {
    /// Both show exactly the frames `numbers`, the first of them `delay` after the beginning and each one for `step`
    /// nanoseconds, and say that all lasts `lasts` nanoseconds.
    pub(super) fn show(&self, numbers: Range<u64>, delay: i64, step: f64, lasts: u64) {
        let warnings = self.show_with_warnings(numbers, delay, step, lasts);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    /// As [`Self::show`], but GStreamer may have something to complain about, which is returned.
    pub(super) fn show_with_warnings(&self, numbers: Range<u64>, delay: i64, step: f64, lasts: u64) -> Vec<String> {
        let gstreamer = decode(self.0).unwrap();
        let said = gstreamer.duration_ns.unwrap();
        assert!(said.abs_diff(lasts) <= 1_000, "GStreamer says {said} ns, not {lasts}");
        check(&gstreamer.video().unwrap().frames, &numbers, delay, step, "GStreamer");
        check(&ffmpeg_frames(self.0).unwrap(), &numbers, delay, step, "FFmpeg");
        self.ffmpeg_says(lasts);
        gstreamer.warnings
    }

    pub(super) fn ffmpeg_says(&self, lasts: u64) {
        let ffmpeg = ffprobe(self.0).unwrap();
        let said = (ffmpeg.duration_s.unwrap() * 1e9) as u64;
        assert!(said.abs_diff(lasts) <= 1_000, "FFmpeg says {said} ns, not {lasts}");
        assert!(ffmpeg.errors.is_empty(), "{:?}", ffmpeg.errors);
    }

    /// When sound is to be heard, in nanoseconds, by GStreamer and by FFmpeg.
    pub(super) fn sound(&self) -> [Sound; 2] {
        let heard = decode(self.0).unwrap();
        let span = heard.audio().unwrap();
        let played = play(self.0);
        let (first, samples) = ffmpeg_sound(self.0).unwrap();
        [Sound::new(span.first_ns, &played), Sound::new(first, &samples)]
    }

    /// The number of the frame that GStreamer shows after a seek to `to` nanoseconds.
    pub(super) fn gstreamer_seeks(&self, to: u64) -> u32 {
        let pipeline = pipeline(self.0, "video", "videoconvert ! video/x-raw,format=GRAY8");
        pipeline.set_state(gst::State::Paused).unwrap();
        wait(&pipeline, gst::MessageType::AsyncDone);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        pipeline.seek_simple(flags, gst::ClockTime::from_nseconds(to)).unwrap();
        wait(&pipeline, gst::MessageType::AsyncDone);
        let sample = sink(&pipeline).pull_preroll().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        let map = sample.buffer().unwrap().map_readable().unwrap();
        let width: i32 = sample.caps().unwrap().structure(0).unwrap().get("width").unwrap();
        counter::read(&map, width as usize).unwrap()
    }
}

/// What is to be heard.
pub(super) struct Sound {
    pub(super) from: i64,
    pub(super) until: i64,
    /// When the beeps begin.
    pub(super) beeps: Vec<i64>,
}

impl Sound {
    fn new(from: i64, samples: &[f32]) -> Self {
        let at = |sample: usize| from + (sample * 1_000_000_000 / RATE) as i64;
        let mut beeps = Vec::new();
        let mut quiet = RATE;
        for (index, sample) in samples.iter().enumerate() {
            if sample.abs() > 0.1 {
                // A beep lasts for ten periods of 440 Hz; one that was cut has no beginning.
                if quiet > RATE / 10 && index > 0 {
                    beeps.push(at(index));
                }
                quiet = 0;
            } else {
                quiet += 1;
            }
        }
        Self { from, until: at(samples.len()), beeps }
    }
}

fn check(frames: &[Frame], numbers: &Range<u64>, delay: i64, step: f64, player: &str) {
    let shown: Vec<_> = frames.iter().map(|frame| frame.counter.map(u64::from)).collect();
    let wanted: Vec<_> = numbers.clone().map(Ok).collect();
    assert_eq!(shown, wanted, "{player} shows other frames than {numbers:?}");
    for (index, frame) in frames.iter().enumerate() {
        let due = delay + (index as f64 * step) as i64;
        assert!((frame.pts_ns - due).abs() <= ROUNDING_NS, "{player}: frame {index} at {} ns, not {due}", frame.pts_ns);
    }
}

/// GStreamer's sound, in mono.
fn play(path: &Path) -> Vec<f32> {
    let pipeline = pipeline(path, "audio", "audioconvert ! audio/x-raw,format=F32LE,channels=1");
    let sink = sink(&pipeline);
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut heard = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        heard.extend(map.as_chunks().0.iter().copied().map(f32::from_le_bytes));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    heard
}

fn pipeline(path: &Path, kind: &str, filter: &str) -> gst::Pipeline {
    gst::init().unwrap();
    let demuxed = format!("filesrc location={} ! qtdemux name=demux demux.{kind}_0", path.display());
    let description = format!("{demuxed} ! queue ! decodebin ! {filter} ! appsink name=out sync=false");
    gst::parse::launch(&description).unwrap().downcast().unwrap()
}

fn sink(pipeline: &gst::Pipeline) -> gst_app::AppSink {
    pipeline.by_name("out").unwrap().downcast().unwrap()
}

fn wait(pipeline: &gst::Pipeline, kind: gst::MessageType) {
    let kinds = [kind, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(120), &kinds).unwrap();
    assert_eq!(message.type_(), kind, "{message:?}");
}
