//! The judge: demuxes and decodes a recording from beginning to end and reads the counter out of every frame.
//! What it returns is what is in the file, damaged frames included; helper checks say whether a run of frames is unbroken.
//! Left to others: what was asked of the recording; a second opinion (`ffprobe`).

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gst::prelude::*;
use gst_pbutils::prelude::*;
use gst_video::prelude::*;
use parking_lot::Mutex;

use crate::counter;
use crate::decode::{Branch, decode_file};
use crate::{Error, HANG_GUARD};

/// A recording, decoded.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The file.
    pub path: PathBuf,
    /// Caps name of the container, such as `video/quicktime` or `video/x-matroska`.
    pub container: String,
    /// Duration that the container states, in nanoseconds. None: it states none.
    pub duration_ns: Option<u64>,
    /// The first video stream.
    pub video: Option<DecodedVideo>,
    /// The first audio stream.
    pub audio: Option<DecodedAudio>,
    /// What the demuxer and the decoders complained about.
    pub warnings: Vec<String>,
}

/// The video of a recording.
#[derive(Debug, Clone)]
pub struct DecodedVideo {
    /// Caps name of the codec, such as `video/x-h264`.
    pub codec: String,
    /// Picture width in pixels.
    pub width: u32,
    /// Picture height in pixels.
    pub height: u32,
    /// Every decoded frame, in the order of display.
    pub frames: Vec<Frame>,
}

/// One decoded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// When it is shown: nanoseconds from the recording's own zero (running time of the playback).
    pub pts_ns: i64,
    /// How long the container says it is shown, in nanoseconds; 0: it does not say.
    pub duration_ns: u64,
    /// The number burnt in, or why it cannot be read.
    pub counter: Result<u32, counter::Unreadable>,
}

/// The audio of a recording.
#[derive(Debug, Clone)]
pub struct DecodedAudio {
    /// Caps name of the codec, such as `audio/mpeg` (AAC) or `audio/x-opus`.
    pub codec: String,
    /// Channels.
    pub channels: u32,
    /// Sample rate in hertz.
    pub rate: u32,
    /// When the first sample is heard, on the time line of [`Frame::pts_ns`], in nanoseconds.
    pub first_ns: i64,
    /// When the last sample has been heard.
    pub end_ns: i64,
    /// Samples per channel that were decoded.
    pub samples: u64,
    /// The widest hole or overlap between two decoded buffers, in nanoseconds.
    pub widest_gap_ns: u64,
}

impl Decoded {
    /// The video, or an error that names the file.
    ///
    /// # Errors
    /// [`Error::Recording`] when the recording has no video.
    pub fn video(&self) -> Result<&DecodedVideo, Error> {
        self.video.as_ref().ok_or_else(|| self.fault("no video in it"))
    }

    /// The audio, or an error that names the file.
    ///
    /// # Errors
    /// [`Error::Recording`] when the recording has no audio.
    pub fn audio(&self) -> Result<&DecodedAudio, Error> {
        self.audio.as_ref().ok_or_else(|| self.fault("no audio in it"))
    }

    fn fault(&self, fault: &str) -> Error {
        Error::Recording { path: self.path.clone(), fault: fault.to_owned() }
    }
}

impl DecodedVideo {
    /// Checks that each frame's counter is one more than its predecessor's and each is shown later; returns the counters.
    ///
    /// # Errors
    /// [`Error::Frames`] names the first frame that is missing, doubled, unreadable or not shown after its predecessor.
    pub fn check_unbroken(&self) -> Result<RangeInclusive<u32>, Error> {
        let counters = self.check_counters()?;
        match self.frames.windows(2).position(|pair| pair[1].pts_ns <= pair[0].pts_ns) {
            Some(index) => Err(Error::Frames(format!(
                "frame {} is shown at {} ns, not after its predecessor at {} ns",
                index + 1,
                self.frames[index + 1].pts_ns,
                self.frames[index].pts_ns
            ))),
            None => Ok(counters),
        }
    }

    /// Checks that each frame's counter is one more than its predecessor's, whatever the time stamps; returns the counters.
    ///
    /// # Errors
    /// [`Error::Frames`] names the first frame that is missing, doubled, unreadable or out of order.
    pub fn check_counters(&self) -> Result<RangeInclusive<u32>, Error> {
        let (Some(first), Some(last)) = (self.frames.first(), self.frames.last()) else {
            return Err(Error::Frames("there are none".to_owned()));
        };
        for (index, pair) in self.frames.windows(2).enumerate() {
            let (before, after) = (readable(index, &pair[0])?, readable(index + 1, &pair[1])?);
            if after != before.wrapping_add(1) {
                return Err(Error::Frames(format!(
                    "frame {} has counter {after} after {before}: {}",
                    index + 1,
                    if after > before { "frames are missing" } else { "doubled or out of order" }
                )));
            }
        }
        Ok(readable(0, first)?..=readable(self.frames.len() - 1, last)?)
    }

    /// When the first frame is shown. None: no frames.
    pub fn first_ns(&self) -> Option<i64> {
        self.frames.first().map(|frame| frame.pts_ns)
    }

    /// When the last frame's time is over. None: no frames.
    pub fn end_ns(&self) -> Option<i64> {
        self.frames.last().map(|frame| frame.pts_ns + frame.duration_ns as i64)
    }
}

fn readable(index: usize, frame: &Frame) -> Result<u32, Error> {
    frame.counter.map_err(|why| Error::Frames(format!("frame {index} (at {} ns) has no counter: {why}", frame.pts_ns)))
}

/// Demuxes and decodes the whole file.
///
/// # Errors
/// [`Error::Gst`] when it cannot be decoded to its end, [`Error::Hung`] when decoding never ends.
pub fn decode(path: &Path) -> Result<Decoded, Error> {
    gst::init().map_err(|e| Error::gst("initialise", e))?;
    let found = discover(path)?;
    let frames = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::new(Mutex::new(None));
    let warnings = decode_file(
        path,
        vec![
            Branch {
                kind: "video/",
                filter: "videoconvert ! video/x-raw,format=I420".to_owned(),
                sample: Box::new({
                    let frames = Arc::clone(&frames);
                    move |sample| frames.lock().extend(read_frame(sample))
                }),
            },
            Branch {
                kind: "audio/",
                filter: "audioconvert ! audio/x-raw,format=F32LE,layout=interleaved".to_owned(),
                sample: Box::new({
                    let heard = Arc::clone(&heard);
                    move |sample| hear(&mut heard.lock(), sample)
                }),
            },
        ],
    )?;
    let frames = std::mem::take(&mut *frames.lock());
    let video = found.video.map(|(codec, width, height)| DecodedVideo { codec, width, height, frames });
    let heard = heard.lock().take();
    let audio = found.audio.zip(heard).map(|(codec, heard): (String, Heard)| DecodedAudio {
        codec,
        channels: heard.channels,
        rate: heard.rate,
        first_ns: heard.first_ns,
        end_ns: heard.end_ns,
        samples: heard.samples,
        widest_gap_ns: heard.widest_gap_ns,
    });
    let Discovered { container, duration_ns, .. } = found;
    Ok(Decoded { path: path.to_owned(), container, duration_ns, video, audio, warnings })
}

/// What the container and the streams' headers say.
struct Discovered {
    container: String,
    duration_ns: Option<u64>,
    video: Option<(String, u32, u32)>,
    audio: Option<String>,
}

fn discover(path: &Path) -> Result<Discovered, Error> {
    let fail = |e: &dyn std::fmt::Display| Error::gst(path.display().to_string(), e);
    let absolute = std::path::absolute(path).map_err(|e| Error::io("find the recording", path, e))?;
    let uri = gst::glib::filename_to_uri(&absolute, None).map_err(|e| fail(&e))?;
    let guard = gst::ClockTime::try_from(HANG_GUARD).map_err(|e| fail(&e))?;
    let info = gst_pbutils::Discoverer::new(guard)
        .and_then(|discoverer| discoverer.discover_uri(&uri))
        .map_err(|e| fail(&e))?;
    let name = |info: &gst_pbutils::DiscovererStreamInfo| {
        let caps = info.caps();
        caps.and_then(|c| c.structure(0).map(|s| s.name().to_string())).unwrap_or_default()
    };
    Ok(Discovered {
        container: info.stream_info().map(|info| name(&info)).unwrap_or_default(),
        duration_ns: info.duration().map(gst::ClockTime::nseconds),
        video: info.video_streams().first().map(|video| (name(video.upcast_ref()), video.width(), video.height())),
        audio: info.audio_streams().first().map(|audio| name(audio.upcast_ref())),
    })
}

/// A buffer's time on the playback's time line, in nanoseconds.
fn running_time(sample: &gst::Sample) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time_full(sample.buffer()?.pts()?)?;
    let ns = i64::try_from(time.abs().nseconds()).ok()?;
    Some(if time.is_negative() { -ns } else { ns })
}

/// None: a buffer without time or not the picture that its caps promise; it then is missing from the run of frames.
fn read_frame(sample: &gst::Sample) -> Option<Frame> {
    let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let buffer = sample.buffer()?;
    let picture = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
    let stride = *picture.plane_stride().first()? as usize;
    Some(Frame {
        pts_ns: running_time(sample)?,
        duration_ns: buffer.duration().map_or(0, gst::ClockTime::nseconds),
        counter: counter::read(picture.plane_data(0).ok()?, stride),
    })
}

/// What has been heard of the audio so far.
struct Heard {
    channels: u32,
    rate: u32,
    first_ns: i64,
    end_ns: i64,
    samples: u64,
    widest_gap_ns: u64,
}

fn hear(heard: &mut Option<Heard>, sample: &gst::Sample) {
    let Some((channels, rate)) = sample.caps().and_then(|caps| {
        let format = caps.structure(0)?;
        let value = |name: &str| u32::try_from(format.get::<i32>(name).ok()?).ok();
        Some((value("channels")?, value("rate")?))
    }) else {
        return;
    };
    let (Some(start), Some(buffer)) = (running_time(sample), sample.buffer()) else { return };
    // F32LE: four bytes a sample.
    let samples = buffer.size() as u64 / (4 * u64::from(channels));
    let end = start + (samples * 1_000_000_000 / u64::from(rate)) as i64;
    match heard {
        None => {
            *heard = Some(Heard { channels, rate, first_ns: start, end_ns: end, samples, widest_gap_ns: 0 });
        }
        Some(heard) => {
            heard.widest_gap_ns = heard.widest_gap_ns.max(start.abs_diff(heard.end_ns));
            heard.end_ns = end;
            heard.samples += samples;
        }
    }
}
