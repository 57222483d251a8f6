//! Promise: a recording holds what its message asked for, measured against the camera's own record of its frames.
//! Messages with UTC go through a FIFO into the graph; files are decoded, and every frame tells its number.
//! Left to others: the engine's own intervals (crates/recorder/tests), receipts, bad input.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Graph, Run, Schedule, utc, utc_nanos};
use serde_json::{Value, json};
use testbed::{AudioCodec, Codec, RtspCamera, Scene, decode, ffprobe};

const FPS: u32 = 30;
const GOP: u32 = 60;
const FRAME_NS: i64 = 1_000_000_000 / FPS as i64;
/// What rtspsrc's jitter buffer may move a stream by while it learns how evenly packets come.
const SKEW_NS: i64 = 100_000_000;

/// Asks for the frames on screen from `first` to `last`, in UTC.
fn ask(run: &mut Run, camera: &RtspCamera, id: &str, first: Option<u32>, last: u32) {
    let schedule = Schedule::of(camera, FPS);
    let mut message = json!({"command": "start-recording", "sensor": {"id": "gate"}, "id": id});
    message["end"] = utc(schedule.middle_of(last)).into();
    if let Some(first) = first {
        message["start"] = utc(schedule.middle_of(first)).into();
    }
    run.send(&message);
}

/// The first and the last frame that a recording must have.
fn expected(schedule: &Schedule, done: &Value) -> (u32, u32) {
    let at = |member: &str| schedule.on_screen(utc_nanos(&done["asked"][member]));
    let (start, end) = (at("start"), at("end"));
    // It begins with the last keyframe before the asked start.
    (start - start % GOP, end)
}

/// Checks a recording against the camera, against its record, and with a second decoder.
fn check(schedule: &Schedule, done: &Value, container: &Container) {
    let id = &done["id"];
    let path = Path::new(done["file"].as_str().unwrap());
    let decoded = decode(path).unwrap();
    assert_eq!(decoded.warnings, [""; 0], "{id}");
    assert_eq!(decoded.container, container.caps, "{id}");
    let video = decoded.video().unwrap();
    let counters = video.check_unbroken().unwrap_or_else(|error| panic!("{id}: {error}"));
    let (first, last) = expected(schedule, done);
    assert_eq!(*counters.end(), last, "{id}: the last frame; {done}");
    if done["missing-at-start-ns"] == 0 {
        assert_eq!(*counters.start(), first, "{id}: the first frame; {done}");
        assert!(done["lead-ns"].as_u64().unwrap() < u64::from(GOP) * FRAME_NS as u64, "{done}");
    }
    assert_eq!(done["ended"], "end-reached", "{done}");
    assert_eq!(done["missing-at-end-ns"], 0, "{done}");
    assert_eq!(done["gap-count"], 0, "{done}");
    assert_eq!(done["container"], container.name, "{done}");
    assert_eq!(done["files"][0]["video"]["codec"], container.video, "{done}");
    assert_eq!(done["files"][0]["video"]["frames"], video.frames.len(), "{done}");
    assert_eq!(
        (&done["files"][0]["video"]["width"], &done["files"][0]["video"]["height"]),
        (&json!(video.width), &json!(video.height))
    );
    assert_eq!(done["bytes"], std::fs::metadata(path).unwrap().len(), "{done}");

    let audio = decoded.audio().unwrap();
    assert_eq!(done["files"][0]["audio"]["codec"], container.audio, "{done}");
    assert_eq!(
        (&done["files"][0]["audio"]["channels"], &done["files"][0]["audio"]["rate"]),
        (&json!(audio.channels), &json!(audio.rate))
    );
    // An AAC frame is the longer one: 1024 samples.
    let audio_frame = 1024 * 1_000_000_000 / i64::from(audio.rate);
    let limit = i64::from(GOP) * FRAME_NS + audio_frame;
    assert!((audio.first_ns - video.first_ns().unwrap()).abs() <= limit, "{id}: {audio:?}");
    assert!((audio.end_ns - video.end_ns().unwrap()).abs() <= limit, "{id}: {audio:?}");
    // As many samples as the time between the first and the last of them: none is lost.
    let heard = audio.samples as i64 * 1_000_000_000 / i64::from(audio.rate);
    let slack = 2 * audio_frame + SKEW_NS;
    assert!((audio.end_ns - audio.first_ns - heard).abs() <= slack, "{id}: {audio:?}");

    let second = ffprobe(path).unwrap();
    assert_eq!(second.errors, [""; 0], "{id}");
    assert!(second.begins_with_keyframe, "{id}");
    assert_eq!(second.frames, video.frames.len() as u64, "{id}");
}

/// What the recordings of a run are in.
struct Container {
    parameter: &'static str,
    name: &'static str,
    caps: &'static str,
    video: &'static str,
    audio: &'static str,
}

fn requests_of_every_kind(scene: &Scene, container: &Container, url: impl Fn(&RtspCamera) -> String) {
    let camera = RtspCamera::start(scene).unwrap();
    let mut run = Graph::messages(&[url(&camera)])
        .set("sensor-id-list", "gate")
        .set("smart-rec-cache", "10")
        .set("smart-rec-container", container.parameter)
        .start();
    // About 5 s back and 5 s ahead.
    run.wait_for_frame(&camera, 215);
    ask(&mut run, &camera, "first", Some(65), 359);
    run.wait_for_frame(&camera, 270);
    ask(&mut run, &camera, "overlaps it", Some(130), 420);
    run.receipt_of("done", "first");
    // In the middle of a GOP, so that "now" has one keyframe before it whatever this test's own delay is.
    run.wait_for_frame(&camera, 380);
    ask(&mut run, &camera, "right after it", Some(230), 410);
    ask(&mut run, &camera, "from now", None, 450);
    run.receipt_of("done", "right after it");
    // The cache holds 10 s and at most a GOP more.
    run.wait_for_frame(&camera, 425);
    ask(&mut run, &camera, "older than the cache", Some(5), 440);

    let ids = ["first", "overlaps it", "right after it", "from now", "older than the cache"];
    let records = ids.map(|id| run.receipt_of("done", id));
    let schedule = Schedule::of(&camera, FPS);
    for done in &records {
        check(&schedule, done, container);
    }
    let [first, .., older] = &records;
    for done in records.iter().filter(|done| *done != older) {
        assert_eq!(done["missing-at-start-ns"], 0, "{done}");
    }
    assert!(older["missing-at-start-ns"].as_i64().unwrap() > 0, "{older}");
    assert!(older["notes"].to_string().contains("the cache did not reach further back"), "{older}");
    let accepted = run.receipt_of("accepted", "older than the cache");
    assert!(accepted["notes"].to_string().contains("the cache does not reach further back"), "{accepted}");

    // The sidecar says the same as the receipt.
    let sidecar = std::fs::read(format!("{}.json", first["file"].as_str().unwrap())).unwrap();
    let mut sidecar: Value = serde_json::from_slice(&sidecar).unwrap();
    sidecar["receipt"] = "done".into();
    assert_eq!(sidecar, *first);

    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}

#[test]
fn h264_with_aac_over_udp_into_mp4() {
    let scene = Scene::new().gop(GOP).audio(AudioCodec::Aac).without_text();
    let container = Container { parameter: "0", name: "mp4", caps: "video/quicktime", video: "H.264", audio: "AAC" };
    requests_of_every_kind(&scene, &container, RtspCamera::url);
}

#[test]
fn h265_with_opus_over_tcp_into_mkv() {
    let scene = Scene::new().gop(GOP).codec(Codec::H265).audio(AudioCodec::Opus).without_text();
    let container = Container { parameter: "1", name: "mkv", caps: "video/x-matroska", video: "H.265", audio: "Opus" };
    requests_of_every_kind(&scene, &container, RtspCamera::urlt);
}
