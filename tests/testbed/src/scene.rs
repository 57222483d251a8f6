//! What a test source shows and how it is encoded: moving picture, counters, clock, beeps.
//! Builds the GStreamer descriptions that the RTSP camera and the file maker share, and draws into their frames.
//! Left to others: where the encoded stream goes.

use std::sync::Arc;

use gst::prelude::*;
use gst_video::prelude::*;

use crate::counter;
use crate::{Error, FrameLog};

/// Audio sample rate in hertz: the one that Opus knows, and common for AAC.
pub const AUDIO_RATE: u32 = 48_000;
/// Name of the text element through which every raw frame passes.
const LABEL: &str = "frame-label";
/// Name of the H.265 encoder, whose first buffer needs mending.
const H265_ENCODER: &str = "h265-encoder";

/// How the picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// H.264 by x264.
    H264,
    /// H.265 by x265.
    H265,
}

/// How the beeps are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AudioCodec {
    /// MPEG-4 AAC-LC.
    Aac,
    /// Opus.
    Opus,
}

/// A picture of a moving ball with counters and a clock, perhaps with a beep each second.
///
/// Frame n carries n in its blocks ([`counter`]) and as text; a keyframe comes exactly every `gop` frames; no B-frames
/// unless they are asked for.
#[derive(Debug, Clone)]
pub struct Scene {
    codec: Codec,
    fps: u32,
    gop: u32,
    b_frames: u32,
    width: u32,
    height: u32,
    audio: Option<AudioCodec>,
    text: bool,
}

impl Default for Scene {
    /// H.264, 320×240 at 30 fps, a keyframe each second, no audio, text on.
    fn default() -> Self {
        Self { codec: Codec::H264, fps: 30, gop: 30, b_frames: 0, width: 320, height: 240, audio: None, text: true }
    }
}

impl Scene {
    /// The default scene.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the video codec.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Frames per second, 1 to 120.
    pub fn fps(mut self, fps: u32) -> Self {
        self.fps = fps;
        self
    }

    /// Frames from keyframe to keyframe, 1 to 10 000.
    pub fn gop(mut self, frames: u32) -> Self {
        self.gop = frames;
        self
    }

    /// So many B-frames between two others, 0 to 16; H.264 only. The camera's latency grows by as many frames.
    pub fn b_frames(mut self, b_frames: u32) -> Self {
        self.b_frames = b_frames;
        self
    }

    /// Picture size in pixels: even, at least [`counter::MIN_WIDTH`] wide and 96 high.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.width = width;
        self.height = height;
        self
    }

    /// Adds a beep each second (stereo, 48 kHz) in this codec.
    pub fn audio(mut self, codec: AudioCodec) -> Self {
        self.audio = Some(codec);
        self
    }

    /// Leaves the text out: cheaper where many cameras run and nobody looks.
    pub fn without_text(mut self) -> Self {
        self.text = false;
        self
    }

    /// Frames per second.
    pub fn frame_rate(&self) -> u32 {
        self.fps
    }

    pub(crate) fn video_codec(&self) -> Codec {
        self.codec
    }

    pub(crate) fn audio_codec(&self) -> Option<AudioCodec> {
        self.audio
    }

    /// Refuses what the encoders or the counter cannot do.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |what: &str| Err(Error::Scene(what.to_owned()));
        if !(1..=120).contains(&self.fps) {
            return refuse("the frame rate must be 1 to 120 fps");
        }
        if !(1..=10_000).contains(&self.gop) {
            return refuse("the GOP must be 1 to 10000 frames");
        }
        if self.b_frames > 16 || (self.b_frames > 0 && self.codec != Codec::H264) {
            return refuse("B-frames are 0 to 16, and of H.264 alone");
        }
        if (self.width as usize) < counter::MIN_WIDTH || self.height < 96 {
            return refuse("the picture must be at least 256x96 for its counter");
        }
        if !self.width.is_multiple_of(2) || !self.height.is_multiple_of(2) {
            return refuse("width and height must be even");
        }
        Ok(())
    }

    /// Description of the video branch up to a parsed, encoded stream. `frames`: its length, None: endless.
    pub(crate) fn video(&self, live: Live, frames: Option<u32>) -> String {
        let Self { fps, gop, b_frames, width, height, .. } = self;
        let tune = if *b_frames == 0 { "tune=zerolatency" } else { "rc-lookahead=0 sync-lookahead=0 b-adapt=false" };
        let live = live == Live::Yes;
        let limit = frames.map(|n| format!("num-buffers={n}")).unwrap_or_default();
        let clock = if self.text {
            "! clockoverlay halignment=right valignment=bottom font-desc=\"Sans 16\" \
             time-format=\"%F %T\""
        } else {
            ""
        };
        // Without text the element still is the place where the counter is drawn.
        let label = if self.text {
            format!("textoverlay name={LABEL} halignment=left valignment=bottom font-desc=\"Sans 16\"")
        } else {
            format!("identity name={LABEL}")
        };
        // Scene cuts and open GOPs off: keyframes come from the GOP length alone, and each starts afresh.
        let encoder = match self.codec {
            Codec::H264 => format!(
                "x264enc {tune} speed-preset=ultrafast bframes={b_frames} bitrate=1500 threads=1 \
                 key-int-max={gop} option-string=\"scenecut=0:keyint-min=1:open-gop=0\" \
                 ! h264parse"
            ),
            Codec::H265 => format!(
                "x265enc name={H265_ENCODER} tune=zerolatency speed-preset=ultrafast bitrate=1500 log-level=none \
                 key-int-max={gop} \
                 option-string=\"bframes=0:scenecut=0:open-gop=0:repeat-headers=1:info=0:\
                 frame-threads=1\" \
                 ! h265parse"
            ),
        };
        format!(
            "videotestsrc pattern=ball is-live={live} {limit} \
             ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
             {clock} ! {label} ! {encoder}"
        )
    }

    /// Description of the audio branch up to a parsed, encoded stream, if the scene has one; as long as `frames` frames.
    pub(crate) fn sound(&self, live: Live, frames: Option<u32>) -> Option<String> {
        // One buffer per frame makes the sound exactly as long as the picture (where the rate divides evenly).
        let samples = AUDIO_RATE / self.fps;
        let limit = frames.map(|n| format!("num-buffers={n}")).unwrap_or_default();
        let live = live == Live::Yes;
        let encoder = match self.audio? {
            // Not avenc_aac: once in some hundred streams it makes a frame of these ticks that ffmpeg itself cannot decode
            // ("error in spectral data, ESC overflow").
            AudioCodec::Aac => "voaacenc ! aacparse",
            AudioCodec::Opus => "opusenc ! opusparse",
        };
        Some(format!(
            "audiotestsrc wave=ticks is-live={live} samplesperbuffer={samples} {limit} \
             ! audio/x-raw,rate={AUDIO_RATE},channels=2 ! audioconvert ! {encoder}"
        ))
    }

    /// Makes every frame of a bin built from [`Scene::video`] carry its number, and `log` know its time.
    pub(crate) fn number_frames(bin: &gst::Bin, log: Arc<FrameLog>) -> Result<(), Error> {
        let missing = || Error::gst("number the frames", "the pipeline has no label element");
        let label = bin.by_name(LABEL).ok_or_else(missing)?;
        let pad = label.static_pad("video_sink").or_else(|| label.static_pad("sink")).ok_or_else(missing)?;
        let has_text = label.has_property_with_type("text", String::static_type());
        let element = label.downgrade();
        log.restart();
        let probe = pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
            let counter = log.push(buffer.pts().map_or(0, gst::ClockTime::nseconds));
            if has_text && let Some(label) = element.upgrade() {
                label.set_property("text", format!("frame {counter}"));
            }
            if draw(pad, buffer.make_mut(), counter).is_none()
                && let Some(label) = element.upgrade()
            {
                gst::element_error!(label, gst::StreamError::Failed, ["cannot draw the counter"]);
            }
            gst::PadProbeReturn::Ok
        });
        probe.map(drop).ok_or_else(missing)?;
        if let Some(encoder) = bin.by_name(H265_ENCODER) {
            mend_first_buffer(&encoder).ok_or_else(missing)?;
        }
        Ok(())
    }
}

/// Whether a source keeps the pace of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    /// As a camera does.
    Yes,
    /// As fast as the machine can.
    No,
}

/// x265enc 1.22 puts the encoder's headers before the first frame, and sometimes they are damaged: h265parse then takes
/// the first picture for two. They are not needed (`repeat-headers`): this cuts them off. None: no such pad.
fn mend_first_buffer(encoder: &gst::Element) -> Option<()> {
    let first = |_: &gst::Pad, info: &mut gst::PadProbeInfo| {
        if let Some(buffer) = info.buffer_mut() {
            let start = buffer.map_readable().ok().and_then(|bytes| last_vps(&bytes)).unwrap_or(0);
            if let Ok(mut mended) = buffer.copy_region(gst::BufferCopyFlags::all(), start..) {
                // A region that does not begin at 0 comes without its times.
                let timed = mended.make_mut();
                timed.set_pts(buffer.pts());
                timed.set_dts(buffer.dts());
                timed.set_duration(buffer.duration());
                *buffer = mended;
            }
        }
        gst::PadProbeReturn::Remove
    };
    encoder.static_pad("src")?.add_probe(gst::PadProbeType::BUFFER, first).map(drop)
}

/// Where the last video parameter set begins: start code and NAL unit type 32 (H.265, 7.3.1.2 and annex B).
fn last_vps(stream: &[u8]) -> Option<usize> {
    const VPS: [u8; 6] = [0, 0, 0, 1, 32 << 1, 1];
    stream.windows(VPS.len()).rposition(|bytes| bytes == VPS)
}

/// Draws the counter into a raw I420 frame. None: the frame is not what the caps promise.
fn draw(pad: &gst::Pad, buffer: &mut gst::BufferRef, counter: u32) -> Option<()> {
    let caps = pad.current_caps()?;
    let info = gst_video::VideoInfo::from_caps(&caps).ok()?;
    let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, &info).ok()?;
    let stride = *frame.plane_stride().first()? as usize;
    counter::draw(frame.plane_data_mut(0).ok()?, stride, counter).ok()?;
    // No colour under the blocks: chroma planes have half the luma's resolution.
    for plane in [1, 2] {
        let stride = *frame.plane_stride().get(plane as usize)? as usize;
        let data = frame.plane_data_mut(plane).ok()?;
        for row in data.chunks_mut(stride).take(counter::MIN_HEIGHT / 2) {
            row.get_mut(..counter::MIN_WIDTH / 2)?.fill(128);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_parameter_set_is_found() {
        let stream = [&[0, 0, 0, 1, 64, 1, 9, 9][..], &[0, 0, 0, 1, 78, 1, 5], &[0, 0, 0, 1, 64, 1, 9]].concat();
        assert_eq!(last_vps(&stream), Some(15));
        assert_eq!(last_vps(&stream[1..8]), None);
    }
}
