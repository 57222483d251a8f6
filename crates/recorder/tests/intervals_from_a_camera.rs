//! Promise: what is asked of a camera's stream is in the file, to the frame, for every kind of request.
//! A real RTSP server on loopback sends frames that carry their number; each file is decoded and counted.
//! The GXF side is left to the tests at the top level.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::done;
use recorder::core::{EndReason, Moment, StartRequest};
use recorder::record::Trigger;
use recorder::{Container, DoneRecord, Recorder};
use testbed::{AudioCodec, Codec, RtspCamera, Scene, decode, ffprobe, temp_dir};

const FPS: i64 = 30;
const GOP: i64 = 60;
const FRAME_NS: i64 = 1_000_000_000 / FPS;

fn start(recorder: &Recorder, back: f64, on: f64, id: &str) {
    let request = StartRequest {
        start: Moment::Ago(Duration::from_secs_f64(back)),
        end: Some(Moment::In(Duration::from_secs_f64(on))),
        overlap: None,
    };
    let trigger = Trigger { id: Some(id.into()), metadata: None };
    recorder.start_session(0, request, trigger, |_| {}).unwrap();
}

/// Checks a file against its record, and returns the numbers of its first and last frame.
fn check(done: &DoneRecord, with_audio: bool) -> (i64, i64) {
    println!("{}", serde_json::to_string(done).unwrap());
    let decoded = decode(&done.file).unwrap();
    let video = decoded.video().unwrap();
    let counters = video.check_unbroken().unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    assert_eq!(done.files[0].video.as_ref().unwrap().frames, video.frames.len() as u64);
    assert_eq!(
        (done.files[0].video.as_ref().unwrap().width, done.files[0].video.as_ref().unwrap().height),
        (Some(320), Some(240))
    );
    assert_eq!(done.bytes, std::fs::metadata(&done.file).unwrap().len());
    let (asked, actual) = (done.header.asked, done.actual);
    let length = actual.end_running_ns - actual.start_running_ns;
    if done.missing_at_start_ns == 0 {
        assert!(actual.start_running_ns <= asked.start_running_ns);
        assert!(asked.start_running_ns - actual.start_running_ns < GOP * FRAME_NS + FRAME_NS, "lead under one GOP");
        assert_eq!(done.lead_ns as i64, asked.start_running_ns - actual.start_running_ns);
    }
    if done.ended == EndReason::EndReached {
        assert!(actual.end_running_ns >= asked.end_running_ns);
        // Camera time jitters by milliseconds; a whole frame more would be one too many.
        assert!(actual.end_running_ns - asked.end_running_ns < 2 * FRAME_NS);
    }
    // What the file shows is as long as what the record says.
    let shown = video.end_ns().unwrap() - video.first_ns().unwrap();
    assert!((shown - length).abs() < 2 * FRAME_NS, "shown {shown}, recorded {length}");
    let second = ffprobe(&done.file).unwrap();
    println!("{second:?}");
    if with_audio {
        let audio = decoded.audio().unwrap();
        assert!(done.files[0].audio.as_ref().unwrap().frames > 0);
        let gop = GOP * FRAME_NS;
        assert!((audio.first_ns - video.first_ns().unwrap()).abs() < gop, "{audio:?}");
        assert!((audio.end_ns - video.end_ns().unwrap()).abs() < gop, "{audio:?}");
    }
    assert_eq!(done.header.sensor.id, "gate");
    assert_eq!(i64::from(*counters.start()) % GOP, 0, "begins with a keyframe");
    (i64::from(*counters.start()), i64::from(*counters.end()))
}

fn requests_of_every_kind(scene: &Scene, container: Container, tcp: bool, with_audio: bool) {
    let camera = RtspCamera::start(scene).unwrap();
    let dir = temp_dir().unwrap();
    let url = if tcp { camera.urlt() } else { camera.url() };
    let (recorder, events) = common::start(&url, dir.path(), container);
    // The camera counts from its first viewer on.
    camera.wait_for_frame(7 * FPS as u32).unwrap();
    start(&recorder, 5.0, 5.0, "first");
    camera.wait_for_frame(9 * FPS as u32).unwrap();
    start(&recorder, 5.0, 5.0, "overlaps it");
    let first = done(&events);
    assert_eq!(first.header.id.as_deref(), Some("first"));
    // Right after the first has ended: its history is still there.
    start(&recorder, 5.0, 1.5, "right after");
    start(&recorder, 0.0, 3.0, "from now");
    start(&recorder, 30.0, 1.0, "older than the cache");
    let mut records = vec![first];
    records.extend((0..4).map(|_| done(&events)));
    let by_id = |id: &str| records.iter().find(|done| done.header.id.as_deref() == Some(id)).unwrap();
    let all: Vec<_> = records.iter().map(|done| (done.header.id.clone(), check(done, with_audio))).collect();
    println!("{all:?}");
    assert!(records.iter().all(|done| done.ended == EndReason::EndReached));
    let short = by_id("older than the cache");
    assert!(short.missing_at_start_ns > 0);
    assert!(short.notes.iter().any(|note| note.contains("cache did not reach")), "{:?}", short.notes);
    for id in ["first", "overlaps it", "right after", "from now"] {
        assert_eq!(by_id(id).missing_at_start_ns, 0, "{id}");
    }
    let sidecar = recorder::file_name::sidecar(&by_id("first").file);
    let sidecar: serde_json::Value = serde_json::from_slice(&std::fs::read(sidecar).unwrap()).unwrap();
    assert_eq!(sidecar["id"], "first");
    assert_eq!(recorder.stop(), [0usize; 0]);
    let leftovers: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(leftovers.len(), 10, "five recordings, five sidecars: {leftovers:?}");
}

#[test]
fn h264_with_aac_over_udp_into_mp4() {
    let scene = Scene::new().gop(GOP as u32).audio(AudioCodec::Aac);
    requests_of_every_kind(&scene, Container::Mp4, false, true);
}

#[test]
fn h265_with_opus_over_tcp_into_mkv() {
    let scene = Scene::new().gop(GOP as u32).codec(Codec::H265).audio(AudioCodec::Opus);
    requests_of_every_kind(&scene, Container::Mkv, true, true);
}
