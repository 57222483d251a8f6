//! Promise: every format that a container takes is recorded as it is, to the frame; one that it does not take is
//! refused in words that say what to do.
//! Clips of real encoders go straight into a recordbin, or through a recorder where a form has to be changed first.
#![allow(clippy::unwrap_used)]

mod common;
mod fed;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use fed::clip::{Clip, at};
use fed::judge::{actual, holds_pictures, holds_sound, only_file, packets, pictures, rule};
use fed::{Fed, SECOND};
use recorder::core::{EndReason, Moment, StartRequest, Stream};
use recorder::event::Event;
use recorder::record::Trigger;
use recorder::{Container, DoneRecord, container};
use testbed::{Codec, Scene, TempDir, make_file, temp_dir};

const H264: &str = "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 bitrate=1000 \
                    option-string=scenecut=0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";

/// Asks for 1.25 s from the middle of a GOP, across a keyframe, of four seconds that come one after the other.
const FROM: i64 = 1_500_000_000;
const TO: i64 = 2_750_000_000;

/// Feeds the clip, and asks in the middle of it.
fn record(container: Container, clip: &Clip) -> (Fed, Box<DoneRecord>) {
    let fed = Fed::new(container, &[Stream::Video], 10);
    fed.begin(Stream::Video, &clip.caps);
    let (before, after) = clip.units.split_at(clip.units.len() / 2);
    fed.push_all(Stream::Video, before);
    fed.record(FROM, TO, "middle");
    fed.push_all(Stream::Video, after);
    let done = fed.done();
    assert_eq!((done.ended, done.missing_at_start_ns, done.missing_at_end_ns), (EndReason::EndReached, 0, 0));
    (fed, done)
}

fn recorded_to_the_frame(container: Container, clip: &Clip) {
    let (_fed, done) = record(container, clip);
    let (held, end) = rule(&clip.units, FROM, TO, i64::MAX);
    holds_pictures(only_file(&done), &held, end);
}

fn both(clip: &Clip) {
    recorded_to_the_frame(Container::Mp4, clip);
    recorded_to_the_frame(Container::Mkv, clip);
}

/// A test file of the codec, four seconds long.
fn source_file(codec: Codec) -> (TempDir, std::path::PathBuf) {
    let dir = temp_dir().unwrap();
    let path = dir.path().join("source.mp4");
    make_file(&path, &Scene::new().codec(codec).size(256, 96).without_text(), 4).unwrap();
    (dir, path)
}

static H264_FILE: LazyLock<(TempDir, std::path::PathBuf)> = LazyLock::new(|| source_file(Codec::H264));
static H265_FILE: LazyLock<(TempDir, std::path::PathBuf)> = LazyLock::new(|| source_file(Codec::H265));

#[test]
fn h264_as_avc() {
    both(&Clip::pictures(H264, 120));
}

#[test]
fn h264_with_parameter_sets_in_the_stream() {
    both(&Clip::pictures(&H264.replace("=avc", "=avc3"), 120));
}

#[test]
fn h264_with_b_frames() {
    let encoder = "x264enc speed-preset=ultrafast bframes=2 b-adapt=false key-int-max=30 bitrate=1000 \
                   option-string=scenecut=0:open-gop=0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
    both(&Clip::pictures(encoder, 120));
}

#[test]
fn h264_with_open_gops() {
    // The B-frames that follow a keyframe and are shown before it need the GOP before: no file can begin with them.
    let encoder = "x264enc speed-preset=ultrafast bframes=2 b-adapt=false key-int-max=30 bitrate=1000 \
                   option-string=scenecut=0:open-gop=1 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
    let clip = Clip::pictures(encoder, 120);
    for container in [Container::Mp4, Container::Mkv] {
        let (_fed, done) = record(container, &clip);
        let (held, end) = rule(&clip.units, FROM, TO, i64::MAX);
        let file = only_file(&done);
        assert_eq!(actual(file), (at(30), end));
        assert_eq!(pictures(file), held.len());
        let packets = packets(&file.file, "v:0");
        assert_eq!(packets.len(), held.len());
        assert_eq!(packets.iter().min(), packets.first(), "nothing is shown before the keyframe");
        // FFmpeg complains about references of the GOP before, rightly; the pictures are whole.
        let shown = testbed::decode(&file.file).unwrap().video.unwrap();
        let numbers: Vec<_> = shown.frames.iter().map(|frame| frame.counter.unwrap()).collect();
        assert_eq!(numbers[..53], (30..83).collect::<Vec<_>>());
    }
}

#[test]
fn h265_as_hvc1() {
    both(&Clip::of_file(&H265_FILE.1, "qtdemux ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au"));
}

#[test]
fn h265_as_hev1() {
    both(&Clip::of_file(&H265_FILE.1, "qtdemux ! h265parse ! video/x-h265,stream-format=hev1,alignment=au"));
}

#[test]
fn av1() {
    both(&Clip::pictures(
        "av1enc cpu-used=10 usage-profile=realtime keyframe-max-dist=30 target-bitrate=500 lag-in-frames=0 \
         ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
        120,
    ));
}

#[test]
fn vp8_in_mkv() {
    let clip = Clip::pictures("vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=800000", 120);
    recorded_to_the_frame(Container::Mkv, &clip);
}

#[test]
fn vp9() {
    both(&Clip::pictures("vp9enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=800000 ! vp9parse", 120));
}

#[test]
fn motion_jpeg_in_mkv() {
    recorded_to_the_frame(Container::Mkv, &Clip::pictures("jpegenc", 120));
}

#[test]
fn h264_with_keyframes_only() {
    both(&Clip::pictures(&H264.replace("key-int-max=30", "key-int-max=1"), 120));
}

#[test]
fn a_keyframe_every_twenty_seconds() {
    let clip = Clip::pictures(&H264.replace("key-int-max=30", "key-int-max=600"), 1_300);
    for container in [Container::Mp4, Container::Mkv] {
        // The window is far shorter than the GOP.
        let fed = Fed::new(container, &[Stream::Video], 5);
        fed.begin(Stream::Video, &clip.caps);
        fed.push_all(Stream::Video, &clip.units[..1_190]);
        let (from, to) = (38 * SECOND, 41 * SECOND);
        fed.record(from, to, "before the next keyframe");
        fed.push_all(Stream::Video, &clip.units[1_190..]);
        let done = fed.done();
        assert_eq!(done.lead_ns as i64, from - at(600), "all of the GOP so far");
        let (held, end) = rule(&clip.units, from, to, i64::MAX);
        assert_eq!(held[0].number, 600);
        holds_pictures(only_file(&done), &held, end);
    }
}

/// Sound without pictures: each unit is one to begin with.
fn sound_alone(container: Container, clip: &Clip) {
    let fed = Fed::new(container, &[Stream::Audio], 10);
    fed.begin(Stream::Audio, &clip.caps);
    let (before, after) = clip.units.split_at(clip.units.len() / 2);
    fed.push_all(Stream::Audio, before);
    fed.record(FROM, TO, "sound");
    fed.push_all(Stream::Audio, after);
    let done = fed.done();
    let file = only_file(&done);
    assert_eq!((done.ended, done.missing_at_start_ns, done.missing_at_end_ns), (EndReason::EndReached, 0, 0));
    assert!(file.video.is_none());
    let (held, end) = rule(&clip.units, FROM, TO, i64::MAX);
    assert_eq!(actual(file), (held[0].start(), end));
    holds_sound(file, &held, 0);
}

#[test]
fn aac_alone() {
    let clip = Clip::sound("rate=48000,channels=2", 1_024, 188, "avenc_aac ! aacparse ! audio/mpeg,stream-format=raw");
    sound_alone(Container::Mp4, &clip);
    sound_alone(Container::Mkv, &clip);
}

#[test]
fn opus_alone() {
    let clip = Clip::sound("rate=48000,channels=1", 960, 200, "opusenc ! opusparse");
    sound_alone(Container::Mp4, &clip);
    sound_alone(Container::Mkv, &clip);
}

#[test]
fn g711_alone_in_mkv() {
    sound_alone(Container::Mkv, &Clip::sound("rate=8000,channels=1", 160, 200, "mulawenc"));
    sound_alone(Container::Mkv, &Clip::sound("rate=8000,channels=1", 160, 200, "alawenc"));
}

/// The format is refused on the recordbin's pad, in words that name it and say what to do.
fn refused(container: Container, stream: Stream, caps: &str, advice: &[&str]) {
    gst::init().unwrap();
    let caps: gst::Caps = caps.parse().unwrap();
    let fed = Fed::new(container, &[stream], 10);
    assert!(fed.event(stream, gst::event::StreamStart::new("odd")));
    assert!(!fed.event(stream, gst::event::Caps::new(&caps)), "{container} does not take {caps}");
    let text = container::refusal(container, stream, &caps);
    assert!(advice.iter().all(|words| text.contains(words)), "{text}");
}

#[test]
fn what_mp4_cannot_hold_is_refused_with_advice() {
    let jpeg = "image/jpeg,width=256,height=96,framerate=30/1";
    refused(Container::Mp4, Stream::Video, jpeg, &["JPEG", "smart-rec-container to 1 (MKV)"]);
    refused(Container::Mp4, Stream::Video, "video/x-vp8,width=256,height=96", &["VP8", "(MKV)"]);
    refused(Container::Mp4, Stream::Audio, "audio/x-mulaw,rate=8000,channels=1", &["mu-law", "(MKV)"]);
}

#[test]
fn raw_media_is_refused_with_advice() {
    let pcm = "audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved";
    refused(Container::Mkv, Stream::Audio, pcm, &["audio/x-raw", "smart-rec-mode to 1"]);
}

/// A file of the testbed through a recorder, as a stream of bytes without a container around its pictures: the
/// recorder has to parse it.
fn through_a_recorder(container: Container, file: &Path, form: &str) {
    let dir = temp_dir().unwrap();
    // In real time: a request for "now" needs a source that still sends.
    let description = format!("launch:filesrc location={} ! {form} ! clocksync", file.display());
    let (recorder, events) = common::start(&description, dir.path(), container);
    let began = std::time::Instant::now();
    while recorder.now(0).is_none_or(|now| now.0 < 3 * SECOND / 2) {
        assert!(began.elapsed() < testbed::HANG_GUARD, "the source does not send");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let request = StartRequest {
        start: Moment::Ago(Duration::from_secs(1)),
        end: Some(Moment::In(Duration::from_secs(1))),
        overlap: None,
    };
    recorder.start_session(0, request, Trigger::default(), |_| {}).unwrap();
    let done = common::done(&events);
    assert_eq!((done.ended, done.missing_at_start_ns), (EndReason::EndReached, 0));
    let (asked_from, asked_to) = (done.header.asked.start_running_ns, done.header.asked.end_running_ns);
    // The pipeline's running time and the file's own times differ by what starting took.
    let (first, last) = (done.actual.start_running_ns, done.actual.end_running_ns);
    assert!(first <= asked_from && asked_from - first <= SECOND + at(1), "begins with the keyframe before");
    assert!(last >= asked_to && last - asked_to <= at(1), "ends with the frame on screen");
    let file = only_file(&done);
    let video = testbed::decode(&file.file).unwrap().video.unwrap();
    let numbers = video.check_unbroken().unwrap();
    assert_eq!(numbers.start() % 30, 0, "begins with a keyframe");
    let frames = numbers.count() as u64;
    assert_eq!(((last - first) * 30 + SECOND / 2) / SECOND, frames as i64, "as many as the interval has");
    assert_eq!(pictures(file) as u64, frames);
    let judged = testbed::ffprobe(&file.file).unwrap();
    assert_eq!((judged.errors, judged.frames, judged.packets), (Vec::new(), frames, frames));
    recorder.stop();
    assert!(events.try_iter().all(|event| !matches!(event, Event::Failed(_))));
}

#[test]
fn h264_as_byte_stream_through_a_recorder() {
    let form = "qtdemux ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au";
    through_a_recorder(Container::Mp4, &H264_FILE.1, form);
}

#[test]
fn h264_out_of_mpeg_ts_through_a_recorder() {
    // tsdemux hands on what it finds, one NAL unit or picture after the other, with times on some of them only.
    let (dir, _) = &*H264_FILE;
    let path = dir.path().join("source.ts");
    make_file(&path, &Scene::new().size(256, 96).without_text(), 4).unwrap();
    through_a_recorder(Container::Mkv, &path, "tsdemux ! h264parse ! video/x-h264,alignment=au");
}

#[test]
fn h265_as_byte_stream_through_a_recorder() {
    let form = "qtdemux ! h265parse ! video/x-h265,stream-format=byte-stream,alignment=au";
    through_a_recorder(Container::Mp4, &H265_FILE.1, form);
    through_a_recorder(Container::Mkv, &H265_FILE.1, form);
}
