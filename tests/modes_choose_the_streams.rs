//! Promise: `smart-rec-mode` chooses what is recorded, and sound that a container cannot hold is left out with a word.
//! Sources are GStreamer descriptions and cameras; recordings are decoded.
//! Left to others: which frames are in a recording.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Graph, Outcome};
use serde_json::{Value, json};
use testbed::{AudioCodec, Decoded, RtspCamera, Scene, decode, ffprobe};

/// Records a second or so of a source, and returns the record, the recording and what the program wrote.
fn record(graph: Graph) -> (Value, Decoded, Outcome) {
    let mut run = graph.set("smart-rec-default-duration", "1").start();
    // Such a source begins at once, but not before its first frame: each refusal comes with its receipt.
    let mut attempt = 0;
    let id = loop {
        let id = format!("attempt {attempt}");
        run.send(&json!({"sensor": {"id": "0"}, "id": id}));
        if run.receipt(&id, |receipt| receipt["id"] == *id)["receipt"] == "accepted" {
            break id;
        }
        attempt += 1;
    };
    let done = run.receipt_of("done", &id);
    let path = Path::new(done["file"].as_str().unwrap()).to_owned();
    assert_eq!(ffprobe(&path).unwrap().errors, [""; 0], "{done}");
    let decoded = decode(&path).unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    (done, decoded, outcome)
}

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).audio(AudioCodec::Aac).without_text()).unwrap()
}

#[test]
fn video_only() {
    let camera = camera();
    let (done, decoded, _) = record(Graph::messages(&[camera.url()]).set("smart-rec-mode", "1"));
    assert!(decoded.audio.is_none(), "{done}");
    assert!(done["audio"].is_null(), "{done}");
    decoded.video().unwrap().check_unbroken().unwrap();
}

#[test]
fn audio_only() {
    let camera = camera();
    let (done, decoded, _) = record(Graph::messages(&[camera.url()]).set("smart-rec-mode", "2"));
    assert!(decoded.video.is_none(), "{done}");
    assert!(done["video"].is_null(), "{done}");
    let audio = decoded.audio().unwrap();
    assert_eq!(done["audio"]["codec"], "AAC");
    // Every AAC frame is a keyframe: the recording has its second, a lead of a frame or two, and the jitter of
    // RTP time stamps.
    let seconds = audio.samples as f64 / f64::from(audio.rate);
    assert!((0.95..1.25).contains(&seconds), "{seconds} s: {done}");
}

/// A picture, and sound as telephones and many cameras have it, which MP4 cannot hold.
const WITH_G711: &str = "launch:videotestsrc is-live=true ! video/x-raw,width=128,height=96,framerate=15/1 \
                         ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 \
                         audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc";

#[test]
fn sound_that_mp4_cannot_hold_is_left_out_with_a_warning() {
    let (done, decoded, outcome) = record(Graph::messages(&[WITH_G711]).set("smart-rec-container", "0"));
    assert!(decoded.audio.is_none(), "{done}");
    assert!(done["audio"].is_null(), "{done}");
    assert!(!decoded.video().unwrap().frames.is_empty());
    let warnings: Vec<_> = outcome.lines.iter().filter(|line| line.contains("records without sound")).collect();
    assert_eq!(warnings.len(), 1, "{}", outcome.text());
    for word in ["WARN", "source 0", "MP4", "G.711", "smart-rec-container", "smart-rec-mode"] {
        assert!(warnings[0].contains(word), "{word} is not in: {}", warnings[0]);
    }
}

#[test]
fn mkv_holds_the_same_sound() {
    let (done, decoded, outcome) = record(Graph::messages(&[WITH_G711]).set("smart-rec-container", "1"));
    assert_eq!(done["audio"]["codec"], "G.711 mu-law", "{done}");
    let audio = decoded.audio().unwrap();
    assert_eq!((audio.channels, audio.rate), (1, 8000));
    assert!(audio.samples > 0);
    assert!(!decoded.video().unwrap().frames.is_empty());
    assert!(outcome.lines_with("without sound").is_empty(), "{}", outcome.text());
}
