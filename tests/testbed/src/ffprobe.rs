//! The second, independent judge: FFmpeg's opinion of a recording.
//! FFmpeg shares no code with GStreamer's demuxers; it decodes everything and must have nothing to complain about.
//! Left to others: the counters in the picture (`judge`).

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::{Error, Frame, counter};

/// What FFmpeg finds in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Ffprobe {
    /// Frames of the first video stream that could be decoded; 0 without video.
    pub frames: u64,
    /// Packets of the first video stream.
    pub packets: u64,
    /// Duration of the container in seconds. None: it states none.
    pub duration_s: Option<f64>,
    /// Codec of the first video stream in FFmpeg's words, such as `h264` or `hevc`.
    pub video_codec: Option<String>,
    /// Codec of the first audio stream, such as `aac` or `opus`.
    pub audio_codec: Option<String>,
    /// Whether the first video packet is a keyframe. False without video.
    pub begins_with_keyframe: bool,
    /// Every line that FFmpeg wrote at level `error` while it decoded and remuxed all streams: empty for a sound file.
    pub errors: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    packets: Vec<Packet>,
    #[serde(default)]
    frames: Vec<ShownFrame>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: String,
    codec_name: Option<String>,
    nb_read_frames: Option<String>,
    nb_read_packets: Option<String>,
}

#[derive(Deserialize)]
struct Packet {
    codec_type: String,
    flags: String,
}

#[derive(Deserialize)]
struct ShownFrame {
    pts_time: Option<String>,
    pkt_duration_time: Option<String>,
}

#[derive(Deserialize)]
struct Format {
    duration: Option<String>,
}

/// Reads and decodes the whole file with `ffprobe` and `ffmpeg`.
///
/// # Errors
/// [`Error::Tool`] when one of them is not there or cannot read the file at all; decoding errors are in
/// [`Ffprobe::errors`] instead.
pub fn ffprobe(path: &Path) -> Result<Ffprobe, Error> {
    let (json, mut errors) = run(
        "ffprobe",
        &["-v", "error", "-count_frames", "-count_packets", "-show_streams", "-show_format"],
        path,
        &["-of", "json"],
    )?;
    let (packets, _) = run(
        "ffprobe",
        &["-v", "error", "-read_intervals", "%+#64", "-show_entries", "packet=codec_type,flags"],
        path,
        &["-of", "json"],
    )?;
    // Copied, not decoded (ffprobe did that): this checks the order of the time stamps, and re-encoding to the
    // nominal frame rate would blame the jitter of a live source on the file.
    let (_, remuxing) =
        run("ffmpeg", &["-nostdin", "-v", "error", "-i"], path, &["-map", "0", "-c", "copy", "-f", "null", "-"])?;
    errors.extend(remuxing);

    let report = parse(path, &json)?;
    let first = |kind: &str| report.streams.iter().find(|stream| stream.codec_type == kind);
    let video = first("video");
    let count = |text: Option<&String>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Ffprobe {
        frames: count(video.and_then(|stream| stream.nb_read_frames.as_ref())),
        packets: count(video.and_then(|stream| stream.nb_read_packets.as_ref())),
        duration_s: report.format.and_then(|format| format.duration?.parse().ok()),
        video_codec: video.and_then(|stream| stream.codec_name.clone()),
        audio_codec: report
            .streams
            .iter()
            .find(|stream| stream.codec_type == "audio")
            .and_then(|stream| stream.codec_name.clone()),
        begins_with_keyframe: parse(path, &packets)?
            .packets
            .iter()
            .find(|packet| packet.codec_type == "video")
            .is_some_and(|packet| packet.flags.starts_with('K')),
        errors,
    })
}

/// What FFmpeg's own players show of the first video stream, in the order of display: edit lists are obeyed.
///
/// # Errors
/// [`Error::Tool`] when FFmpeg cannot be run, cannot read the file, has something to complain about, or states times for
/// another number of frames than it decodes.
pub fn ffmpeg_frames(path: &Path) -> Result<Vec<Frame>, Error> {
    let fail = |reason: String| Error::Tool { tool: "ffmpeg".to_owned(), reason };
    let (json, mut errors) = run(
        "ffprobe",
        &["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time,pkt_duration_time"],
        path,
        &["-of", "json"],
    )?;
    // The counter's corner alone, as bytes of luma, each frame once, however close it follows its predecessor.
    let corner = format!("crop={}:{}:0:0,format=gray", counter::MIN_WIDTH, counter::MIN_HEIGHT);
    let (pictures, complaints) = run_raw(
        "ffmpeg",
        &["-nostdin", "-v", "error", "-i"],
        path,
        &["-map", "0:v:0", "-vf", &corner, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo", "-"],
    )?;
    errors.extend(complaints);
    if !errors.is_empty() {
        return Err(fail(format!("{}: {}", path.display(), errors.join("; "))));
    }
    let times = parse(path, &json)?.frames;
    let (pictures, _) = pictures.as_chunks::<{ counter::MIN_WIDTH * counter::MIN_HEIGHT }>();
    if times.len() != pictures.len() {
        return Err(fail(format!("{}: {} times for {} frames", path.display(), times.len(), pictures.len())));
    }
    times
        .iter()
        .zip(pictures)
        .map(|(time, picture)| {
            let pts_ns = nanos(time.pts_time.as_ref());
            Ok(Frame {
                pts_ns: pts_ns.ok_or_else(|| fail(format!("{}: a frame without time", path.display())))?,
                duration_ns: nanos(time.pkt_duration_time.as_ref()).map_or(0, i64::unsigned_abs),
                counter: counter::read(picture, counter::MIN_WIDTH),
            })
        })
        .collect()
}

/// What FFmpeg's own players let hear of the first audio stream: when it begins, in nanoseconds, and its samples, mixed
/// to mono, at the stream's own rate: edit lists are obeyed.
///
/// # Errors
/// [`Error::Tool`] when FFmpeg cannot be run, cannot read the file or has something to complain about.
pub fn ffmpeg_sound(path: &Path) -> Result<(i64, Vec<f32>), Error> {
    let fail = |reason: String| Error::Tool { tool: "ffmpeg".to_owned(), reason };
    let (json, mut errors) = run(
        "ffprobe",
        &["-v", "error", "-select_streams", "a:0", "-show_entries", "frame=pts_time"],
        path,
        &["-of", "json"],
    )?;
    let (samples, complaints) = run_raw(
        "ffmpeg",
        &["-nostdin", "-v", "error", "-i"],
        path,
        &["-map", "0:a:0", "-ac", "1", "-f", "f32le", "-"],
    )?;
    errors.extend(complaints);
    if !errors.is_empty() {
        return Err(fail(format!("{}: {}", path.display(), errors.join("; "))));
    }
    let (samples, _) = samples.as_chunks();
    let first = parse(path, &json)?.frames.first().and_then(|frame| nanos(frame.pts_time.as_ref()));
    let first = first.ok_or_else(|| fail(format!("{}: nothing to hear", path.display())))?;
    Ok((first, samples.iter().copied().map(f32::from_le_bytes).collect()))
}

fn nanos(seconds: Option<&String>) -> Option<i64> {
    seconds?.parse::<f64>().ok().map(|seconds| (seconds * 1e9).round() as i64)
}

fn parse(path: &Path, json: &str) -> Result<Report, Error> {
    serde_json::from_str(json).map_err(|e| Error::Tool {
        tool: "ffprobe".to_owned(),
        reason: format!("{}: unreadable report: {e}", path.display()),
    })
}

/// Runs a tool on the file; returns what it wrote to stdout, and to stderr line by line.
fn run(tool: &str, before: &[&str], path: &Path, after: &[&str]) -> Result<(String, Vec<String>), Error> {
    run_raw(tool, before, path, after).map(|(output, errors)| (String::from_utf8_lossy(&output).into_owned(), errors))
}

/// As [`run`], where the output is no text.
fn run_raw(tool: &str, before: &[&str], path: &Path, after: &[&str]) -> Result<(Vec<u8>, Vec<String>), Error> {
    let fail = |reason: String| Error::Tool { tool: tool.to_owned(), reason };
    let output = Command::new(tool)
        .args(before)
        .arg(path)
        .args(after)
        .output()
        .map_err(|e| fail(format!("cannot be run: {e}; `make setup` installs ffmpeg")))?;
    let errors: Vec<String> = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    if !output.status.success() {
        return Err(fail(format!("{}: {}", path.display(), errors.join("; "))));
    }
    Ok((output.stdout, errors))
}
