//! Promise: of a camera's streams, `smart-rec-mode` chooses those that are recorded; the others are not even fetched.
//! A real RTSP camera with picture and sound; recordings are decoded.
//! Left to others: other sources, and what a container cannot hold (`what_a_container_cannot_hold_is_said`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::Graph;
use serde_json::{Value, json};
use testbed::{AudioCodec, Decoded, RtspCamera, Scene, decode, ffprobe};

const FPS: u32 = 15;

/// Records a second of a camera; returns the record, the recording, and how many frames of video the camera has made.
fn record(mode: &str) -> (Value, Decoded, u32) {
    let scene = Scene::new().fps(FPS).gop(FPS).size(256, 96).audio(AudioCodec::Aac).without_text();
    let camera = RtspCamera::start(&scene).unwrap();
    let mut run =
        Graph::messages(&[camera.url()]).set("smart-rec-mode", mode).set("smart-rec-default-duration", "1").start();
    // Until its first frame is here, each start is rejected, and each try has its own id.
    let mut tries = 0;
    let id = loop {
        let id = format!("try {tries}");
        run.send(&json!({"sensor": {"id": "0"}, "id": id}));
        let answer = run.receipt(&id, |receipt| receipt["id"] == *id);
        if answer["receipt"] == "accepted" {
            break id;
        }
        assert_eq!(answer["reason"], "the source has not sent anything yet", "{answer}");
        tries += 1;
    };
    let done = run.receipt_of("done", &id);
    let frames = camera.frames().len();
    let path = Path::new(done["file"].as_str().unwrap()).to_owned();
    assert_eq!(ffprobe(&path).unwrap().errors, [""; 0], "{done}");
    let decoded = decode(&path).unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    (done, decoded, frames)
}

#[test]
fn video_only() {
    let (done, decoded, _) = record("1");
    assert!(decoded.audio.is_none(), "{done}");
    assert!(done["files"][0]["audio"].is_null(), "{done}");
    decoded.video().unwrap().check_unbroken().unwrap();
}

#[test]
fn audio_only() {
    let (done, decoded, frames) = record("2");
    assert!(decoded.video.is_none(), "{done}");
    assert!(done["files"][0]["video"].is_null(), "{done}");
    // Its own first frames aside, the camera has had nobody to make video for.
    assert!(frames < FPS, "{frames} frames were fetched for nothing");
    let audio = decoded.audio().unwrap();
    assert_eq!(done["files"][0]["audio"]["codec"], "AAC");
    // Every AAC frame is a keyframe: the recording has its second, a lead of a frame or two, and the jitter of RTP time
    // stamps. By the times of what is heard: how many samples lie in a second depends on how evenly a busy machine sends.
    let seconds = (audio.end_ns - audio.first_ns) as f64 / 1e9;
    assert!((0.95..1.25).contains(&seconds), "{seconds} s: {done}");
    assert!(audio.samples > u64::from(audio.rate) / 2, "{} samples: {done}", audio.samples);
}
