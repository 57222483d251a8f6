//! Promise: whatever is wrong with a graph, a source or a message, one clear line says so, and nothing crashes.
//! Each case runs the real program and reads its exit code and its lines.
//! Left to others: messages that are JSON but refused (`every_message_has_its_receipts`).
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Outcome, Run};
use serde_json::json;
use testbed::{RtspCamera, Scene, temp_dir, unreachable_url};

const PICTURE: &str = "launch:videotestsrc is-live=true ! video/x-raw,width=128,height=96,framerate=15/1 \
                       ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15";

/// No crash, and nothing that only a Rust programmer could read.
fn check_clear(outcome: &Outcome) -> Result<(), String> {
    if outcome.code.is_none() {
        return Err(format!("it crashed: {}", outcome.text()));
    }
    let unclear = ["panicked", "Some(", "Err(", "Os {", "Error {", " { kind", "RUST_BACKTRACE", ".c("];
    match outcome.lines.iter().find(|line| unclear.iter().any(|mark| line.contains(mark))) {
        Some(line) => Err(format!("not for a user: {line}")),
        None => Ok(()),
    }
}

/// A parameter with a bad value must end the program with exit code 1 and exactly one line with all these words.
fn check_refused(key: &str, value: &str, allowed: &[&str]) -> Result<(), String> {
    let graph = Graph::shipped("local-events").set("uri-list", PICTURE).set(key, value);
    let (outcome, ended) = graph.start().wait();
    check_clear(&outcome)?;
    if outcome.code != Some(1) {
        return Err(format!("not exit code 1: {}", outcome.text()));
    }
    let words: Vec<&str> =
        ["recorder", "smart_record", key, value].into_iter().chain(allowed.iter().copied()).collect();
    let lines = outcome.lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
    if lines != 1 {
        return Err(format!("{lines} lines with {words:?}: {}", outcome.text()));
    }
    match ended.file_names()[..] {
        [] => Ok(()),
        _ => Err(format!("it left {:?}", ended.file_names())),
    }
}

#[test]
fn bad_parameter_values() {
    let dir = temp_dir().unwrap();
    let missing = dir.path().join("missing").display().to_string();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let file = file.display().to_string();
    let text = dir.path().join("text.so");
    std::fs::write(&text, "This is no library.\n".repeat(100)).unwrap();
    let text = text.display().to_string();
    // A library, and one that every graph has.
    let other = common::built().gxf_std.display().to_string();
    let cases: &[(&str, &str, &[&str])] = &[
        ("uri-list", " ; ", &["at least one source"]),
        ("uri-list", "camera.mp4", &["rtsp://", "file://", "launch:"]),
        ("uri-list", "ftp://camera/stream", &["rtsp://", "file://", "launch:"]),
        ("uri-list", "launch:nosuchelement", &["GStreamer"]),
        ("uri-list", "launch:fakesink", &["open end"]),
        ("sensor-id-list", "gate;door", &["1"]),
        ("sensor-list-file", &missing, &["cannot be read"]),
        ("unknown-sensor", "drop", &["reject and ignore"]),
        ("smart-record", "3", &["0", "2"]),
        ("smart-record", "-1", &["0", "2"]),
        ("smart-record", "often", &["0", "2"]),
        ("smart-rec-cache", "86401", &["0", "86400"]),
        ("smart-rec-cache", "long", &["0", "86400"]),
        ("smart-rec-cache", "4294967306", &["0", "86400"]),
        ("smart-rec-container", "2", &["0", "1"]),
        ("smart-rec-mode", "3", &["0", "2"]),
        ("smart-rec-default-duration", "86401", &["0", "86400"]),
        ("smart-rec-duration", "86401", &["0", "86400"]),
        ("smart-rec-start-time", "11", &["smart-rec-cache", "10 s"]),
        ("smart-rec-start-time", "86401", &["0", "86400"]),
        ("smart-rec-interval", "86401", &["0", "86400"]),
        ("smart-rec-file-prefix", "../door", &["'/'"]),
        ("smart-rec-file-prefix", "", &["1 to 180 bytes"]),
        ("smart-rec-dir-path", &missing, &["exists", "written"]),
        ("smart-rec-dir-path", &file, &["exists", "written"]),
        ("smart-rec-max-sessions", "0", &["1", "1000"]),
        ("smart-rec-max-sessions", "1001", &["1", "1000"]),
        ("smart-rec-overlap", "sometimes", &["separate, extend, merge, reject"]),
        ("smart-rec-max-duration", "86401", &["0", "86400"]),
        ("smart-rec-max-pending-bytes", "1000", &["1048576"]),
        ("smart-rec-cache-bytes", "-1", &["whole number"]),
        ("smart-rec-sidecar", "maybe", &["true", "false"]),
        ("recordbin-lib", &missing, &["there is no such file", "libnvdsgst_smartrecord.so"]),
        ("recordbin-lib", &text, &["cannot be loaded", "libnvdsgst_smartrecord.so"]),
        ("recordbin-lib", &other, &["does not have the symbols", "NvDsSRCreate"]),
        ("rtsp-reconnect-interval", "86401", &["0", "86400"]),
        ("latency", "60001", &["0", "60000"]),
        ("select-rtp-protocol", "1", &["0", "4"]),
        ("select-rtp-protocol", "5", &["0", "4"]),
        ("msg-rx", "nowhere", &[]),
        ("done-tx", "nowhere", &[]),
    ];
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|(key, value, allowed)| {
            check_refused(key, value, allowed).err().map(|fault| format!("== {key} = {value:?}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {} are not clear:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn a_camera_that_cannot_be_reached() {
    // By default it would be tried again: `a_lost_source_comes_back`.
    let graph = |sources: &[&str]| Graph::messages(sources).set("rtsp-reconnect-interval", "0");
    let missing = unreachable_url().unwrap();
    let (outcome, _) = graph(&[&missing]).start().wait();
    check_clear(&outcome).unwrap();
    assert_eq!(outcome.code, Some(1), "the only source: {}", outcome.text());
    let told = |outcome: &Outcome| outcome.lines_with(&missing).iter().any(|line| line.contains("connect"));
    assert!(told(&outcome), "{}", outcome.text());

    // One of two: the other one goes on.
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let mut run = graph(&[&missing, &camera.url()]).set("sensor-id-list", "gone;gate").start();
    run.wait_until_recordable(&camera, &["gate"]);
    run.send(&json!({"sensor": {"id": "gone"}, "id": "of the missing one"}));
    run.receipt_of("rejected", "of the missing one");
    let (outcome, _) = run.interrupt();
    check_clear(&outcome).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert!(told(&outcome), "{}", outcome.text());
}

#[test]
fn files_that_are_no_video() {
    let dir = temp_dir().unwrap();
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "This is a text, and no video at all.\n".repeat(1000)).unwrap();
    let cut = dir.path().join("cut.mp4");
    testbed::make_file(&cut, &Scene::new().size(256, 96).without_text(), 1).unwrap();
    let whole = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let missing = dir.path().join("missing.mp4");
    for path in [&text, &cut, &missing, &dir.path().to_owned()] {
        let uri = format!("file://{}", path.display());
        let (outcome, _) = Graph::messages(&[&uri]).start().wait();
        check_clear(&outcome).unwrap();
        assert_eq!(outcome.code, Some(1), "{}", outcome.text());
        let lines = outcome.lines_with(&uri);
        assert!(lines.iter().any(|line| line.contains("ERROR") && line.contains("source 0")), "{}", outcome.text());
    }
}

/// The next good message still works.
fn check_still_works(run: &mut Run, id: &str) {
    run.send(&json!({"sensor": {"id": "gate"}, "id": id}));
    run.receipt_of("accepted", id);
}

#[test]
fn garbage_on_the_fifo() {
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let mut run = Graph::messages(&[camera.url()]).set("sensor-id-list", "gate").start();
    run.wait_until_recordable(&camera, &["gate"]);

    let binary: Vec<u8> = (0..=255).cycle().take(4096).filter(|byte| *byte != b'\n').chain([b'\n']).collect();
    let too_long = format!("{{\"id\": \"{}\"}}\n", "x".repeat(70 * 1024));
    let not_json = ["hello\n", "[1, 2]\n", "{\"command\": \"start-rec\n", "{}{}\n", "\"text\"\n", "17\n"];
    run.send_bytes(&binary);
    check_still_works(&mut run, "after binary");
    run.send_bytes(too_long.as_bytes());
    check_still_works(&mut run, "after a line too long");
    for line in not_json {
        run.send_bytes(line.as_bytes());
    }
    check_still_works(&mut run, "after lines that are not JSON");
    // A message in two writes is one message.
    run.send_bytes(b"{\"sensor\": {\"id\": \"gate\"}, ");
    run.send_bytes(b"\"id\": \"in two halves\"}\r\n\n\n");
    run.receipt_of("accepted", "in two halves");
    for _ in 0..500 {
        run.send_bytes(b"garbage\n");
    }
    check_still_works(&mut run, "after a flood");

    let (outcome, ended) = run.interrupt();
    check_clear(&outcome).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    // Binary, six others, the flood.
    let skipped = outcome.lines_with("were skipped in all");
    assert_eq!(skipped.len(), 1, "{}", outcome.text());
    assert!(skipped[0].contains("508 lines") && skipped[0].contains("1 too long and 507 not JSON"), "{skipped:?}");
    check_throttled(&outcome);
    // A line that is skipped is no message, so it has no receipt.
    assert!(!ended.receipts.iter().any(|receipt| receipt["receipt"] == "rejected" && receipt["id"].is_null()));
}

/// The lines about skipped lines are at least a second apart, by their own time stamps.
fn check_throttled(outcome: &Outcome) {
    let stamp = |line: &str| -> jiff::civil::DateTime {
        let begin = line.find("20").unwrap();
        line[begin..begin + "2026-11-23 03:36:18.269".len()].replace(' ', "T").parse().unwrap()
    };
    let stamps: Vec<_> = outcome.lines_with("is skipped (").into_iter().map(stamp).collect();
    assert!(!stamps.is_empty(), "{}", outcome.text());
    for pair in stamps.windows(2) {
        let apart = pair[1].duration_since(pair[0]);
        // Stamped after the throttle has decided, so up to some milliseconds off.
        assert!(apart.as_millis() > 900, "{apart:?} apart: {}", outcome.text());
    }
}
