//! The second, independent judge: FFmpeg's opinion of a recording.
//! FFmpeg shares no code with GStreamer's demuxers; it decodes everything and must have nothing to complain about.
//! Left to others: the counters in the picture (`judge`).

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Error;

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

fn parse(path: &Path, json: &str) -> Result<Report, Error> {
    serde_json::from_str(json).map_err(|e| Error::Tool {
        tool: "ffprobe".to_owned(),
        reason: format!("{}: unreadable report: {e}", path.display()),
    })
}

/// Runs a tool on the file; returns what it wrote to stdout, and to stderr line by line.
fn run(tool: &str, before: &[&str], path: &Path, after: &[&str]) -> Result<(String, Vec<String>), Error> {
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
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), errors))
}
