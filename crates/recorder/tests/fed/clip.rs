//! Encoded media for tests: clips whose every picture carries its number, made once by a real encoder.
//! Times are the stream's running time; `retimed` rewrites them, as cameras with odd clocks would.
//! Where a clip goes and what must come out is left to the tests.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; an encoder that fails fails its test.

use std::path::Path;

use gst::prelude::*;

/// Frames per second of every clip of pictures.
pub const FPS: i64 = 30;
/// Large enough for the testbed's counter, small enough to encode at a thousand frames per second.
pub const SIZE: (u32, u32) = (256, 96);

/// When picture `number` of a regular clip is shown, in nanoseconds.
pub fn at(number: i64) -> i64 {
    number * 1_000_000_000 / FPS
}

/// An access unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The number burnt into the picture; of sound: its position in the clip.
    pub number: u32,
    /// Presentation time in nanoseconds of running time.
    pub pts: Option<i64>,
    /// Decoding time; `None` where the encoder gives none.
    pub dts: Option<i64>,
    /// In nanoseconds.
    pub duration: Option<i64>,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// The media; its own times are of no account.
    pub media: gst::Buffer,
}

impl Unit {
    /// Its presentation time, in tests where each unit has one.
    pub fn start(&self) -> i64 {
        self.pts.unwrap()
    }
}

/// Encoded units in decoding order.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Their format.
    pub caps: gst::Caps,
    /// In decoding order.
    pub units: Vec<Unit>,
}

impl Clip {
    /// `frames` numbered pictures through `encoder`, a description that ends in a parser and perhaps a caps filter.
    pub fn pictures(encoder: &str, frames: u32) -> Self {
        Self::pictures_of(encoder, frames, SIZE)
    }

    /// The same in another size (even, and large enough for the counter).
    pub fn pictures_of(encoder: &str, frames: u32, (width, height): (u32, u32)) -> Self {
        let description = format!(
            "appsrc name=in format=time caps=video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1 \
             max-bytes=0 ! {encoder}"
        );
        Self::run(&description, |pipeline| {
            let source = pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().unwrap();
            for number in 0..frames {
                source.push_buffer(picture(number, width as usize, height as usize)).unwrap();
            }
            source.end_of_stream().unwrap();
        })
    }

    /// `buffers` of a tone through `encoder`; `format` are the raw caps' fields.
    pub fn sound(format: &str, samples: u32, buffers: u32, encoder: &str) -> Self {
        let description =
            format!("audiotestsrc num-buffers={buffers} samplesperbuffer={samples} ! audio/x-raw,{format} ! {encoder}");
        Self::of_description(&description)
    }

    /// What a file of the testbed holds, through `demuxer` and whatever follows it.
    pub fn of_file(path: &Path, demuxer: &str) -> Self {
        Self::of_description(&format!("filesrc location={} ! {demuxer}", path.display()))
    }

    /// What comes out of a description that ends by itself.
    pub fn of_description(description: &str) -> Self {
        Self::run(description, |_| {})
    }

    fn run(description: &str, feed: impl FnOnce(&gst::Pipeline)) -> Self {
        gst::init().unwrap();
        let pipeline = gst::parse::launch(&format!("{description} ! appsink name=out sync=false")).unwrap();
        let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        feed(&pipeline);
        let mut clip = Self { caps: gst::Caps::new_empty(), units: Vec::new() };
        while let Ok(sample) = sink.pull_sample() {
            clip.caps = sample.caps_owned().unwrap();
            let number = clip.units.len() as u32;
            clip.units.push(unit(&sample, number));
        }
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(!clip.units.is_empty(), "nothing came out of {description}");
        // Pictures come in decoding order, their numbers in the order of display.
        if !clip.caps.structure(0).unwrap().name().starts_with("audio/") {
            for unit in &mut clip.units {
                unit.number = ((unit.start() * FPS + 500_000_000) / 1_000_000_000) as u32;
            }
        }
        clip
    }

    /// The same media at other times: `time` says when picture number n is shown. Decoding times and durations go,
    /// as they do where a camera sends over RTP.
    pub fn retimed(&self, time: impl Fn(u32) -> i64) -> Vec<Unit> {
        let at = |unit: &Unit| Unit { pts: Some(time(unit.number)), dts: None, duration: None, ..unit.clone() };
        self.units.iter().map(at).collect()
    }

    /// The same media, all times later by `by` nanoseconds.
    pub fn shifted(&self, by: i64) -> Vec<Unit> {
        let later = |time: Option<i64>| time.map(|time| time + by);
        let at = |unit: &Unit| Unit { pts: later(unit.pts), dts: later(unit.dts), ..unit.clone() };
        self.units.iter().map(at).collect()
    }
}

fn unit(sample: &gst::Sample, number: u32) -> Unit {
    let (buffer, segment) = (sample.buffer().unwrap(), sample.segment().unwrap());
    let segment = segment.downcast_ref::<gst::ClockTime>().unwrap();
    let running = |time: Option<gst::ClockTime>| {
        let time = segment.to_running_time_full(time?)?;
        let nanos = time.abs().nseconds() as i64;
        Some(if time.is_negative() { -nanos } else { nanos })
    };
    Unit {
        number,
        pts: running(buffer.pts()),
        dts: running(buffer.dts()),
        duration: buffer.duration().map(|duration| duration.nseconds() as i64),
        keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        media: sample.buffer_owned().unwrap(),
    }
}

/// A grey picture with a bar that moves and the testbed's counter.
fn picture(number: u32, width: usize, height: usize) -> gst::Buffer {
    let mut planes = vec![128_u8; width * height * 3 / 2];
    let bar = number as usize * 4 % (width - 16);
    for row in planes[..width * height].chunks_mut(width).skip(testbed::counter::MIN_HEIGHT) {
        row[bar..bar + 16].fill(200);
    }
    testbed::counter::draw(&mut planes[..width * height], width, number).unwrap();
    let mut buffer = gst::Buffer::from_mut_slice(planes);
    let header = buffer.get_mut().unwrap();
    let time = |number: u32| gst::ClockTime::from_nseconds(at(i64::from(number)) as u64);
    header.set_pts(time(number));
    header.set_duration(time(number + 1) - time(number));
    buffer
}
