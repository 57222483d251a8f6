//! Promise: with `smart-record: 2` recordings come by themselves, every interval, each with the seconds before it.
//! Runs graphs/local-events.yaml as it is, changed only as its own comment says: by `--param`.
//! Left to others: recordings that messages ask for.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Graph, Run, Schedule, utc_nanos};
use serde_json::Value;
use testbed::{DirWatch, HANG_GUARD, RtspCamera, Scene, decode, ffprobe};

const INTERVAL_NS: i64 = 4_000_000_000;
const BEFORE_NS: i64 = 2_000_000_000;
const AFTER_NS: i64 = 1_000_000_000;

/// local-events.yaml with shorter times, so that recordings of 3 s come every 4 s.
fn graph() -> Graph {
    Graph::shipped("local-events")
        .override_with("recorder/smart_record/smart-rec-interval=4")
        .override_with("recorder/smart_record/smart-rec-start-time=2")
        .override_with("recorder/smart_record/smart-rec-duration=1")
}

/// The records of the first two recordings, in their order.
fn two_records(run: &Run) -> [Value; 2] {
    let watch = DirWatch::new(run.recordings()).unwrap();
    let sidecars = watch.wait_for_files("json", 2, HANG_GUARD).unwrap();
    [0, 1].map(|n| serde_json::from_slice(&std::fs::read(&sidecars[n]).unwrap()).unwrap())
}

fn check_schedule(records: &[Value; 2]) {
    let at = |record: &Value, end: &str| record["asked"][end].as_i64().unwrap();
    for record in records {
        assert_eq!(record["ended"], "end-reached", "{record}");
        assert_eq!(record["missing-at-start-ns"], 0, "{record}");
        assert_eq!(at(record, "end-running-ns") - at(record, "start-running-ns"), BEFORE_NS + AFTER_NS, "{record}");
        assert!(record["id"].as_str().unwrap().starts_with("local-event-"), "{record}");
    }
    // In stream time; a busy machine may notice the second event late, but never early.
    let apart = at(&records[1], "start-running-ns") - at(&records[0], "start-running-ns");
    assert!((INTERVAL_NS / 2..2 * INTERVAL_NS).contains(&apart), "{apart} ns apart: {records:?}");
}

#[test]
fn the_test_picture_of_the_shipped_graph() {
    let run = graph().start();
    let records = two_records(&run);
    check_schedule(&records);
    for record in &records {
        let path = Path::new(record["file"].as_str().unwrap());
        let probe = ffprobe(path).unwrap();
        assert_eq!(probe.errors, [""; 0]);
        assert!(probe.begins_with_keyframe);
        // 3 s at 30 fps, and a lead of less than a GOP of 60.
        assert!((90..90 + 61).contains(&probe.frames), "{probe:?}: {record}");
        assert_eq!(record["files"][0]["video"]["frames"], probe.frames);
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}

#[test]
fn a_camera_named_on_the_command_line() {
    const FPS: u32 = 15;
    const GOP: u32 = 15;
    let camera = RtspCamera::start(&Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()).unwrap();
    let run = graph().override_with(&format!("recorder/smart_record/uri-list={}", camera.url())).start();
    let records = two_records(&run);
    check_schedule(&records);
    let schedule = Schedule::of(&camera, FPS);
    for record in &records {
        let decoded = decode(Path::new(record["file"].as_str().unwrap())).unwrap();
        let counters = decoded.video().unwrap().check_unbroken().unwrap();
        let [start, end] = ["start", "end"].map(|end| schedule.on_screen(utc_nanos(&record["asked"][end])));
        // The asked moments lie anywhere in a frame's time, also where one frame goes over into the next: there the
        // last bit of the clocks' agreement decides, so one frame more or less is right.
        assert!(counters.end().abs_diff(end) <= 1, "{counters:?}, asked to {end}: {record}");
        assert_eq!(counters.start() % GOP, 0, "{record}");
        assert!(*counters.start() <= start && start - counters.start() <= GOP, "{counters:?}, asked from {start}");
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}
