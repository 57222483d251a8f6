//! Promise: with `recordbin-lib` a graph records with NVIDIA's library, or one like it, and says the same words as ever: one
//! receipt for each trigger, a sidecar for each file, and the library's own limits where it has them.
//! Left to others: what such a file holds, to the frame (crates/recorder/tests/recordings_run_on_another_recordbin).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Graph, path, sidecar};
use serde_json::json;
use testbed::{RtspCamera, Scene, decode, ffprobe, recordbin_libs, temp_dir};

const FPS: u32 = 20;

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(FPS).gop(FPS).size(256, 96).without_text()).unwrap()
}

fn record_with(library: &Path) {
    let cameras = [camera(), camera()];
    let name = library.file_name().unwrap().to_str().unwrap();
    let mut run = Graph::messages(&[cameras[0].url(), cameras[1].url()])
        .set("sensor-id-list", "gate;door")
        .set("recordbin-lib", library.to_str().unwrap())
        .set("smart-rec-file-prefix", "event")
        .set("smart-rec-default-duration", "600")
        .set("smart-rec-overlap", "extend")
        .set("smart-rec-trim", "true")
        .start();
    let line = run.line_with("without effect");
    assert!([name, "smart-rec-trim, smart-rec-overlap"].iter().all(|word| line.contains(word)), "{line}");
    cameras.iter().for_each(|camera| run.wait_for_frame(camera, 3 * FPS));

    let start = |sensor: &str, id: &str| json!({"sensor": {"id": sensor}, "id": id, "metadata": {"of": id}});
    let accepted = run.ask(&start("gate", "first"));
    assert_eq!(accepted["receipt"], "accepted", "{accepted}");
    let rejected = run.ask(&start("gate", "second"));
    assert_eq!((&rejected["receipt"], &rejected["source"]), (&json!("rejected"), &json!(0)));
    let reason = rejected["reason"].as_str().unwrap();
    assert!(reason.contains("recordbin-lib") && reason.contains("one at a time"), "{reason}");
    // Another source is another matter.
    assert_eq!(run.ask(&start("door", "other"))["receipt"], "accepted");
    cameras.iter().for_each(|camera| run.wait_for_frame(camera, camera.frames().len() + 2 * FPS));

    let stopped = run.ask(&json!({"command": "stop-recording", "sensor": {"id": "gate"}, "id": "stop"}));
    assert_eq!(stopped["sessions"], json!([accepted["session"]]), "{stopped}");
    let first = run.receipt_of("done", "first");
    assert_eq!(first["ended"], "stopped", "{first}");
    let third = run.ask(&start("gate", "third"));
    assert_eq!(third["receipt"], "accepted", "{third}");
    run.wait_for_frame(&cameras[0], cameras[0].frames().len() + 2 * FPS);

    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    let names = ended.file_names();
    let recordings: Vec<_> = names.iter().filter(|name| name.ends_with(".mp4")).collect();
    assert_eq!((recordings.len(), names.len()), (3, 6), "each with its sidecar: {names:?}");
    for (source, count) in [("event_0_0", 2), ("event_1_0", 1)] {
        assert_eq!(recordings.iter().filter(|name| name.starts_with(source)).count(), count, "{names:?}");
    }
    for file in recordings {
        let file = ended.recordings.join(file);
        let record = sidecar(&file);
        assert_eq!(path(&record), file);
        assert_eq!(record["metadata"]["of"], record["id"], "{record}");
        if record["id"] == "first" {
            let same = |member: &str| assert_eq!(record[member], first[member], "{member}");
            ["files", "asked", "actual", "ended", "notes", "missing-at-start-ns", "lead-ns"].into_iter().for_each(same);
        } else {
            assert_eq!(record["ended"], "shutdown", "{record}");
        }
        let decoded = decode(&file).unwrap();
        let video = decoded.video().unwrap();
        video.check_counters().unwrap();
        assert_eq!(record["files"][0]["video"]["frames"], video.frames.len(), "{record}");
        assert_eq!(ffprobe(&file).unwrap().errors, [""; 0]);
        // The log says the same, with the file's name.
        assert_eq!(outcome.lines_with(&format!("'{}'", file.display())).len(), 1, "{}", outcome.text());
    }
}

#[test]
fn a_graph_records_with_a_library() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        record_with(&library);
    }
}
