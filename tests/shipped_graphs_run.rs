//! Promise: the graphs in graphs/ run as they are, with their parameter files and with `--param`.
//! The shipped files are loaded unchanged; the FIFO, folder and cameras of the test come by `--param`.
//! Left to others: local-events.yaml (`local_events_record_by_themselves`), those with a broker (`kafka_triggers_recordings`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Graph, Run, repository};
use serde_json::{Value, json};
use testbed::{DirWatch, HANG_GUARD, RtspCamera, Scene, decode};

/// A shipped graph with its parameter file, and a FIFO.
fn with_parameter_file(name: &str) -> Graph {
    let graph = Graph::shipped(name)
        .file(&repository().join("graphs").join(format!("{name}.parameters.yaml")))
        .with_fifo_of_its_own();
    // The last word: over the graph and over its parameter file.
    let over = [
        format!("messages/file/path={}", graph.fifo().display()),
        format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display()),
    ];
    over.iter().fold(graph, |graph, text| graph.override_with(text))
}

/// As a user does in a shell.
fn echo(message: &Value, fifo: &Path) {
    let status = Command::new("sh").args(["-c", "echo \"$0\" > \"$1\""]).arg(message.to_string()).arg(fifo).status();
    assert!(status.unwrap().success());
}

#[test]
fn messages_from_file_with_its_parameter_file() {
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let graph = with_parameter_file("messages-from-file")
        .override_with(&format!("recorder/smart_record/uri-list={}", camera.url()))
        .override_with("recorder/smart_record/smart-rec-default-duration=1");
    let fifo = graph.fifo();
    let mut run = graph.start();
    // Until the source has sent something: its first frame comes a moment after the camera's.
    let accepted = |run: &mut Run| run.line_with("event 'by echo'").contains("accepted");
    run.wait_for_frame(&camera, 15);
    loop {
        echo(&json!({"command": "start-recording", "sensor": {"id": "0"}, "id": "by echo"}), &fifo);
        if accepted(&mut run) {
            break;
        }
        run.wait_for_frame(&camera, camera.frames().len());
    }
    let sidecars = DirWatch::new(run.recordings()).unwrap().wait_for_files("json", 1, HANG_GUARD).unwrap();
    let record: Value = serde_json::from_slice(&std::fs::read(&sidecars[0]).unwrap()).unwrap();
    assert_eq!((&record["id"], &record["ended"]), (&json!("by echo"), &json!("end-reached")));
    decode(Path::new(record["file"].as_str().unwrap())).unwrap().video().unwrap().check_unbroken().unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}

#[test]
fn four_cameras_by_their_names() {
    // Each camera has a size of its own, so that a recording tells whose it is.
    const CAMERAS: [(&str, u32); 4] = [("door", 96), ("gate", 112), ("yard", 128), ("dock", 144)];
    let scene = |height| Scene::new().fps(15).gop(15).size(256, height).without_text();
    let cameras = CAMERAS.map(|(_, height)| RtspCamera::start(&scene(height)).unwrap());
    let urls: Vec<String> = cameras.iter().map(RtspCamera::url).collect();
    let mut run = with_parameter_file("four-cameras")
        .receipts()
        .override_with(&format!("recorder/smart_record/uri-list={}", urls.join(";")))
        .override_with("recorder/smart_record/smart-rec-default-duration=1")
        .start();
    let mut attempts = 0;
    for (camera, (name, _)) in cameras.iter().zip(CAMERAS) {
        attempts += run.wait_until_recordable(camera, &[name]);
    }
    for (name, _) in CAMERAS {
        run.send(&json!({"command": "start-recording", "sensor": {"id": name}, "id": format!("at the {name}")}));
    }
    for (source, (name, height)) in CAMERAS.into_iter().enumerate() {
        let done = run.receipt_of("done", &format!("at the {name}"));
        assert_eq!((&done["source"], &done["sensor"]["id"]), (&json!(source), &json!(name)));
        let file = PathBuf::from(done["file"].as_str().unwrap());
        assert!(file.file_name().unwrap().to_string_lossy().starts_with(&format!("Smart_Record_{source}_")), "{done}");
        let decoded = decode(&file).unwrap();
        let video = decoded.video().unwrap();
        video.check_unbroken().unwrap();
        assert_eq!((video.width, video.height), (256, height), "the picture of {name}");
    }
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    let recordings = ended.file_names().iter().filter(|name| name.ends_with(".mp4")).count();
    assert_eq!(recordings, CAMERAS.len() + attempts);
}

/// The paths in graphs/manifest.yaml are relative to the top of the repository: what they name must be what is built
/// and set up there.
#[test]
fn the_manifest_names_what_is_built() {
    let text = std::fs::read_to_string(repository().join("graphs/manifest.yaml")).unwrap();
    let paths: Vec<&Path> = text.lines().filter_map(|line| line.strip_prefix("- ")).map(Path::new).collect();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
    let parts = common::built();
    let built =
        [&parts.gxf_std, &parts.extension, &parts.cloud_msg].map(|path| path.file_name().unwrap().to_string_lossy());
    assert_eq!(names, built);
    assert!(paths.iter().all(|path| path.is_relative()), "{paths:?}");
}
