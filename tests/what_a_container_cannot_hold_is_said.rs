//! Promise: the streams that were asked for are recorded, and what a container cannot hold is refused with a line that
//! says what to change.
//! Sources are descriptions with test sounds and pictures; what the recordings hold is decoded.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Outcome};
use serde_json::{Value, json};
use testbed::{Decoded, decode};

const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1 \
                     ! x264enc tune=zerolatency key-int-max=15";
const AAC: &str = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_aac";
const G711: &str = "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc";

/// Records a second of a source and returns the done receipt, the decoded file, and what the runner wrote.
fn record(source: &str, parameters: &[(&str, &str)]) -> (Value, Decoded, Outcome) {
    let mut graph = Graph::messages(&[format!("launch:{source}")]).set("smart-rec-default-duration", "1");
    for (key, value) in parameters {
        graph = graph.set(key, value);
    }
    let mut run = graph.start();
    // Before its first frame a source rejects starts; each try has its own id.
    let mut tries = 0;
    let id = loop {
        let id = format!("try {tries}");
        run.send(&json!({"command": "start-recording", "sensor": {"id": "0"}, "id": id}));
        let answer = run.receipt("an answer", |receipt| receipt["id"] == id.as_str());
        match answer["receipt"].as_str().unwrap() {
            "accepted" => break id,
            _ => assert_eq!(answer["reason"], "the source has not sent anything yet"),
        }
        tries += 1;
    };
    let done = run.receipt("the end", |receipt| receipt["id"] == id.as_str() && receipt["receipt"] != "accepted");
    assert_eq!(done["receipt"], "done", "{done}");
    let decoded = decode(done["file"].as_str().unwrap().as_ref()).unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    (done, decoded, outcome)
}

#[test]
fn video_only() {
    let (done, decoded, _) = record(&format!("{VIDEO} {AAC}"), &[("smart-rec-mode", "1")]);
    assert_eq!((&done["files"][0]["video"]["codec"], &done["files"][0]["audio"]), (&json!("H.264"), &Value::Null));
    assert!(decoded.audio.is_none() && !decoded.video.unwrap().frames.is_empty());
}

#[test]
fn audio_only() {
    let (done, decoded, _) = record(&format!("{VIDEO} {AAC}"), &[("smart-rec-mode", "2")]);
    assert_eq!((&done["files"][0]["audio"]["codec"], &done["files"][0]["video"]), (&json!("AAC"), &Value::Null));
    assert_eq!(
        (&done["files"][0]["audio"]["rate"], &done["files"][0]["audio"]["channels"]),
        (&json!(48_000), &json!(2))
    );
    assert!(decoded.video.is_none() && decoded.audio.unwrap().samples > 0);
}

#[test]
fn sound_that_mp4_cannot_hold_is_left_out_with_advice() {
    let (done, decoded, outcome) = record(&format!("{VIDEO} {G711}"), &[]);
    assert_eq!(done["files"][0]["audio"], Value::Null);
    assert!(decoded.audio.is_none() && decoded.video.is_some());
    let lines = outcome.lines_with("MP4 cannot hold the audio stream (G.711 mu-law)");
    assert_eq!(lines.len(), 1, "{}", outcome.text());
    assert!(lines[0].contains("WARN") && lines[0].contains("recorder/smart_record: source 0"), "{}", lines[0]);
    assert!(lines[0].contains("smart-rec-container to 1 (MKV) or smart-rec-mode to 1"), "{}", lines[0]);
}

#[test]
fn mkv_holds_it() {
    let (done, decoded, _) = record(&format!("{VIDEO} {G711}"), &[("smart-rec-container", "1")]);
    assert_eq!((&done["container"], &done["files"][0]["audio"]["codec"]), (&json!("mkv"), &json!("G.711 mu-law")));
    assert_eq!(decoded.audio.unwrap().rate, 8_000);
}

#[test]
fn pictures_that_mp4_cannot_hold_end_the_source_with_advice() {
    let source = "launch:videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1 ! jpegenc";
    let outcome = Graph::messages(&[source]).start().wait().0;
    assert_eq!(outcome.code, Some(1), "{}", outcome.text());
    let lines = outcome.lines_with("MP4 cannot hold the video stream (JPEG): set smart-rec-container to 1 (MKV)");
    assert!(!lines.is_empty(), "{}", outcome.text());
}
