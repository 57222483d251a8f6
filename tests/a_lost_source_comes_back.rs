//! Promise: a camera that goes away and comes back costs the frames in between and nothing else: its recording goes on,
//! its cache is kept, the other camera notices nothing, and the log says it in two lines.
//! The real program with real cameras; a network that is cut is left to others, what cannot be reached at all to
//! `bad_input_gives_a_clear_line`.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::Graph;
use serde_json::{Value, json};
use testbed::{AudioCodec, RtspCamera, Scene, decode, unreachable_url};

const FPS: u32 = 15;

fn scene() -> Scene {
    Scene::new().fps(FPS).gop(FPS).size(256, 96).without_text()
}

/// The numbers of the frames in a recording.
fn counters(done: &Value) -> Vec<u32> {
    let decoded = decode(Path::new(done["file"].as_str().unwrap())).unwrap();
    decoded.video().unwrap().frames.iter().map(|frame| frame.counter.unwrap()).collect()
}

#[test]
fn a_recording_goes_on_after_a_restart_of_its_camera() {
    let scene = scene().audio(AudioCodec::Aac);
    let (gate, yard) = (RtspCamera::start(&scene).unwrap(), RtspCamera::start(&scene).unwrap());
    let mut run = Graph::messages(&[gate.urlt(), yard.urlt()])
        .set("sensor-id-list", "gate;yard")
        .set("smart-rec-default-duration", "600")
        .set("rtsp-reconnect-interval", "2")
        .start();
    run.wait_until_recordable(&gate, &["gate"]);
    run.wait_until_recordable(&yard, &["yard"]);
    for sensor in ["gate", "yard"] {
        run.send(&json!({"sensor": {"id": sensor}, "id": sensor}));
        run.receipt_of("accepted", sensor);
    }
    run.wait_for_frame(&gate, gate.frames().len() + 2 * FPS);
    let port = gate.port();
    drop(gate);
    run.line_with("is lost: ");
    // While it is away, a recording of what is cached can begin.
    run.send(&json!({"sensor": {"id": "gate"}, "id": "while it is away"}));
    run.receipt_of("accepted", "while it is away");
    let gate = RtspCamera::start_on_port(&scene, port).unwrap();
    run.line_with("is back after ");
    run.wait_for_frame(&gate, gate.frames().len() + 3 * FPS);
    for sensor in ["gate", "yard"] {
        run.send(&json!({"command": "stop-recording", "sensor": {"id": sensor}, "id": "stop"}));
    }
    for id in ["gate", "while it is away", "yard"] {
        let done = run.receipt_of("done", id);
        assert_eq!(done["ended"], "stopped", "{done}");
        let counters = counters(&done);
        let steps: Vec<usize> = (1..counters.len()).filter(|at| counters[*at] != counters[at - 1] + 1).collect();
        if id == "yard" {
            assert_eq!(steps, [0usize; 0], "{counters:?}");
            continue;
        }
        let [restart] = steps[..] else { panic!("{id}: one restart, not {steps:?}: {counters:?}") };
        assert!(counters[restart].is_multiple_of(FPS), "goes on with a keyframe: {counters:?}");
        assert!(counters.len() - restart >= FPS as usize, "{counters:?}");
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    for (words, level) in [("is lost: ", "WARN"), ("is back after ", "INFO")] {
        let lines = outcome.lines_with(words);
        assert_eq!(lines.len(), 1, "{}", outcome.text());
        assert!(lines[0].contains("recorder/smart_record: source 0 (rtspt://"), "{}", lines[0]);
        assert!(lines[0].contains(level), "{}", lines[0]);
    }
    assert_eq!(outcome.lines_with("CRITICAL"), [""; 0], "{}", outcome.text());
}

#[test]
fn a_camera_that_is_not_there_yet_does_not_end_the_graph() {
    let url = unreachable_url().unwrap();
    let mut run = Graph::messages(&[&url])
        .set("sensor-id-list", "gate")
        .set("rtsp-reconnect-interval", "1")
        .ends_by_itself()
        .start();
    let line = run.line_with("is lost: ");
    assert!(line.contains(&url) && line.contains("connect") && line.contains("; trying again"), "{line}");
    run.send(&json!({"sensor": {"id": "gate"}, "id": "too early"}));
    assert_eq!(run.receipt_of("rejected", "too early")["reason"], "the source has not sent anything yet");
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0.parse().unwrap();
    let camera = RtspCamera::start_on_port(&scene(), port).unwrap();
    run.line_with("is back after ");
    run.wait_until_recordable(&camera, &["gate"]);
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("is lost").len(), 1, "{}", outcome.text());
}
