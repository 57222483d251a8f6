//! The `report` program: reads sidecars, decodes recordings, and says when one does not hold what it should.
//! Runs the real binary on made files.
//! Left to others: sidecars of the real recorder (the demo shows those).
// The helpers of a test fail as the test does.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::json;
use testbed::{AudioCodec, HANG_GUARD, Program, Scene, make_file};

fn sidecar(recording: &Path, actual_end: &str) {
    let sidecar = json!({
        "id": "door-1",
        "asked": { "start": "2026-01-02T03:04:05.500Z", "end": "2026-01-02T03:04:06.500Z" },
        "actual": { "start": "2026-01-02T03:04:05Z", "end": actual_end },
        "lead-ns": 500_000_000,
        "notes": ["ended: asked end"],
    });
    std::fs::write(format!("{}.json", recording.display()), sidecar.to_string()).unwrap();
}

fn report(folder: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_report"));
    let mut program = Program::start(command.arg(folder).args(["--wait-for", "1"])).unwrap();
    let status = program.wait(HANG_GUARD).unwrap();
    (status.success(), program.seen().join("\n"))
}

#[test]
fn a_sound_recording_is_shown_with_its_counters() {
    let folder = testbed::temp_dir().unwrap();
    let recording = folder.path().join("a.mp4");
    make_file(&recording, &Scene::new().audio(AudioCodec::Aac), 2).unwrap();
    sidecar(&recording, "2026-01-02T03:04:07Z");
    let (sound, text) = report(folder.path());
    assert!(sound, "{text}");
    for wanted in ["door-1", "03:04:05.500 to 03:04:06.500 (1.000 s)", "60 (0 to 59, none missing)", "a.mp4"] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
}

#[test]
fn a_recording_that_is_too_short_fails() {
    let folder = testbed::temp_dir().unwrap();
    let recording = folder.path().join("a.mkv");
    make_file(&recording, &Scene::new(), 1).unwrap();
    sidecar(&recording, "2026-01-02T03:04:06Z");
    let (sound, text) = report(folder.path());
    assert!(!sound);
    assert!(text.contains("does not cover the asked interval"), "{text}");
}

#[test]
fn garbage_beside_a_recording_is_explained() {
    let folder = testbed::temp_dir().unwrap();
    std::fs::write(folder.path().join("a.mp4.json"), "no").unwrap();
    let (sound, text) = report(folder.path());
    assert!(!sound);
    assert!(text.contains("a.mp4.json: not a sidecar"), "{text}");
}
