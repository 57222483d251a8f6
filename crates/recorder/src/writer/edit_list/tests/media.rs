//! Makes the files that the tests of edit lists present: numbered frames with or without B-frames, ticking audio.
//! They are written as the engine writes its own, by the muxer that it uses.
//! Left to others: what of them is to be shown.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gst::prelude::*;
use parking_lot::Mutex;
use testbed::{TempDir, counter, temp_dir};

/// Frames from keyframe to keyframe.
const GOP: u64 = 60;
const WIDTH: usize = 320;
const HEIGHT: usize = 96;

pub(super) const AAC: &str = "voaacenc ! aacparse";
pub(super) const OPUS: &str = "opusenc ! opusparse";

/// Files that have been made already: encoding takes longer than what is tested.
static MADE: LazyLock<Mutex<HashMap<Media, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// What a test file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Media {
    /// Frames of video, and B-frames between two others. `None`: no video.
    pub(super) video: Option<(u64, u32)>,
    /// Frames that are shown before a keyframe are decoded after it.
    pub(super) open_gop: bool,
    /// Frames per second as caps have it.
    pub(super) rate: (i32, i32),
    /// By how much frames come early or late at most, in nanoseconds, as a camera's do.
    pub(super) jitter: u64,
    /// When the video begins, in milliseconds.
    pub(super) video_from: u64,
    /// Encoder of the audio.
    pub(super) audio: Option<&'static str>,
    /// When the audio begins, in milliseconds, and how long it is.
    pub(super) audio_from: u64,
    pub(super) audio_length: u64,
}

impl Media {
    /// Ten seconds of video without B-frames and no audio.
    pub(super) const PLAIN: Self = Self {
        video: Some((300, 0)),
        open_gop: false,
        rate: (30, 1),
        jitter: 0,
        video_from: 0,
        audio: None,
        audio_from: 0,
        audio_length: 10_000,
    };
    /// The same with B-frames.
    pub(super) const REORDERED: Self = Self { video: Some((300, 2)), ..Self::PLAIN };

    /// When frame `number` is shown first, in nanoseconds from the first one.
    pub(super) fn frame_ns(&self, number: u64) -> u64 {
        let even = number * 1_000_000_000 * self.rate.1 as u64 / self.rate.0 as u64;
        // Never before the first one; scattered by a multiplicative hash (Knuth's constant).
        even + if number == 0 { 0 } else { number * 2_654_435_769 % 1_000 * self.jitter / 1_000 }
    }

    /// Which frames a player shows from one moment to another, in nanoseconds from the first one.
    pub(super) fn frames_in(&self, part: Range<u64>) -> Range<u64> {
        let rate = (self.rate.0 as u64, self.rate.1 as u64 * 1_000_000_000);
        part.start * rate.0 / rate.1..(part.end * rate.0).div_ceil(rate.1)
    }

    /// Writes it to a folder of its own.
    pub(super) fn make(&self) -> (TempDir, PathBuf) {
        let folder = temp_dir().unwrap();
        let path = folder.path().join("made.mp4");
        let made = MADE.lock().get(self).cloned();
        if let Some(made) = made {
            std::fs::write(&path, made).unwrap();
        } else {
            self.write(&path);
            MADE.lock().insert(*self, std::fs::read(&path).unwrap());
        }
        (folder, path)
    }

    fn write(&self, path: &Path) {
        let mut description = format!(
            "mp4mux name=mux fragment-duration=500 fragment-mode=first-moov-then-finalise \
             ! filesink location={}",
            path.display()
        );
        if let Some((_, between)) = self.video {
            let tune = if between == 0 { "tune=zerolatency" } else { "" };
            description += &format!(
                " appsrc name=frames format=time \
                 ! x264enc {tune} speed-preset=ultrafast bitrate=500 threads=1 bframes={between} b-adapt=false \
                 key-int-max={GOP} option-string=scenecut=0:keyint-min={GOP}:open-gop={} \
                 ! h264parse ! queue max-size-time=0 ! mux.video_0",
                u8::from(self.open_gop)
            );
        }
        if let Some(encoder) = self.audio {
            description += &format!(
                " audiotestsrc wave=ticks samplesperbuffer=480 num-buffers={} timestamp-offset={} \
                 ! audio/x-raw,rate=48000,channels=2 ! {encoder} ! queue max-size-time=0 ! mux.audio_0",
                self.audio_length / 10,
                self.audio_from * 1_000_000
            );
        }
        run(&description, |pipeline| {
            if let (Some((frames, _)), Some(source)) = (self.video, pipeline.by_name("frames")) {
                self.push(&source.downcast().unwrap(), frames);
            }
        });
    }

    fn push(&self, source: &gst_app::AppSrc, frames: u64) {
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", WIDTH as i32)
            .field("height", HEIGHT as i32)
            .field("framerate", gst::Fraction::new(self.rate.0, self.rate.1))
            .build();
        source.set_caps(Some(&caps));
        for number in 0..frames {
            let mut picture = vec![128; WIDTH * HEIGHT * 3 / 2];
            counter::draw(&mut picture, WIDTH, number as u32).unwrap();
            let mut buffer = gst::Buffer::from_mut_slice(picture);
            let header = buffer.get_mut().unwrap();
            let start = self.frame_ns(number);
            header.set_pts(gst::ClockTime::from_mseconds(self.video_from) + gst::ClockTime::from_nseconds(start));
            header.set_duration(gst::ClockTime::from_nseconds(self.frame_ns(number + 1) - start));
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
    }
}

/// Runs a pipeline to its end; `feed` pushes what it is to be fed with.
pub(super) fn run(description: &str, feed: impl FnOnce(&gst::Pipeline)) {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    feed(&pipeline);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(120), &ends);
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(matches!(end.unwrap().view(), gst::MessageView::Eos(_)), "{description}");
}
