//! Promise: when all sources have ended, running recordings end with them, and then the graph ends by itself.
//! Files are played in real time by the real program; recordings are decoded and counted.
//! Left to others: ends by a signal (`stop_finishes_every_recording`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::Graph;
use serde_json::{Value, json};
use testbed::{AudioCodec, Codec, RtspCamera, Scene, decode, ffprobe, make_file, temp_dir};

const FPS: u32 = 30;
const SECONDS: u32 = 4;

#[test]
fn files_end_and_so_do_their_recordings_and_the_graph() {
    let dir = temp_dir().unwrap();
    let scene = Scene::new().fps(FPS).gop(FPS).size(256, 96).without_text();
    let sources = [("a.mp4", scene.clone().audio(AudioCodec::Aac)), ("b.mkv", scene.codec(Codec::H265))];
    let uris = sources.map(|(name, scene)| {
        let path = dir.path().join(name);
        make_file(&path, &scene, SECONDS).unwrap();
        format!("file://{}", path.display())
    });
    // The messages come from a file, which ends at once; local events start recordings that would last ten minutes.
    let messages = dir.path().join("messages.jsonl");
    std::fs::write(&messages, json!({"sensor": {"id": "yard"}, "id": "from a file"}).to_string()).unwrap();
    let (outcome, ended) = Graph::messages(&uris)
        .parameter("messages", "file", "path", &messages.display().to_string())
        .set("sensor-id-list", "a;b")
        .set("smart-record", "2")
        .set("smart-rec-interval", "2")
        .set("smart-rec-start-time", "1")
        .set("smart-rec-duration", "600")
        .ends_by_itself()
        .start()
        .wait();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());

    let of = |kind: &str| ended.receipts.iter().filter(|receipt| receipt["receipt"] == kind).collect::<Vec<_>>();
    let rejected = of("rejected");
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(rejected[0]["id"], "from a file");
    for sensor in ["a", "b"] {
        let mine = |receipt: &&Value| receipt["sensor"]["id"] == sensor;
        let accepted: Vec<_> = of("accepted").into_iter().filter(mine).map(|receipt| &receipt["id"]).collect();
        let done: Vec<_> = of("done").into_iter().filter(mine).collect();
        assert!(!accepted.is_empty(), "local events of {sensor}: {}", outcome.text());
        assert_eq!(done.len(), accepted.len(), "each session of {sensor} has ended: {}", outcome.text());
        for record in done {
            assert_eq!(record["ended"], "end-of-stream", "{record}");
            let path = Path::new(record["file"].as_str().unwrap());
            let decoded = decode(path).unwrap();
            let counters = decoded.video().unwrap().check_unbroken().unwrap();
            assert_eq!(*counters.end(), FPS * SECONDS - 1, "to the last frame of the source: {record}");
            let asked = record["asked"]["start-running-ns"].as_u64().unwrap();
            let asked = u32::try_from(asked * u64::from(FPS) / 1_000_000_000).unwrap();
            assert_eq!(*counters.start(), asked - asked % FPS, "from the keyframe before the asked start: {record}");
            assert_eq!(decoded.audio.is_some(), sensor == "a");
            assert_eq!(ffprobe(path).unwrap().errors, [""; 0]);
        }
    }
    let names = ended.file_names();
    assert!(names.iter().all(|name| name.ends_with(".mp4") || name.ends_with(".mp4.json")), "{names:?}");
}

#[test]
fn a_camera_that_ends_ends_its_recording() {
    const FRAMES: u32 = 90;
    let scene = Scene::new().fps(FPS).gop(FPS).size(256, 96).without_text();
    let camera = RtspCamera::start_finite(&scene, FRAMES).unwrap();
    // Over TCP, which keeps the last frame before the camera's goodbye. Over UDP, on a busy machine, the last frame is
    // missing in every second run or so.
    let mut run = Graph::messages(&[camera.urlt()])
        .set("sensor-id-list", "gate")
        .set("smart-rec-default-duration", "600")
        // By default a camera that has ended is tried again.
        .set("rtsp-reconnect-interval", "0")
        .start();
    run.wait_until_recordable(&camera, &["gate"]);
    run.send(&json!({"sensor": {"id": "gate"}, "id": "until its end"}));
    let done = run.receipt_of("done", "until its end");
    assert_eq!(done["ended"], "end-of-stream", "{done}");
    assert!(done["notes"].to_string().contains("end of stream"), "{done}");
    let decoded = decode(Path::new(done["file"].as_str().unwrap())).unwrap();
    assert_eq!(*decoded.video().unwrap().check_unbroken().unwrap().end(), FRAMES - 1, "{done}");
    // The FIFO is still there, but nothing can be recorded any more.
    run.send(&json!({"sensor": {"id": "gate"}, "id": "too late"}));
    assert_eq!(run.receipt_of("rejected", "too late")["reason"], "the source has ended");
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}
