//! Promise: no recording is longer than `smart-rec-max-duration`; answer, record and sidecar say what that cost, and what
//! would make a running one longer gets a file of its own.
//! Left to others: the policies themselves (`overlapping_starts_follow_the_policy`).
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Schedule, frames, path, sidecar};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene};

const FPS: u32 = 20;
const GOP: u32 = 20;
const SECOND_NS: u64 = 1_000_000_000;
/// Frames that an end in running time may be off: unlike UTC it has the jitter of the network, here of a busy machine.
const JITTER: u32 = 6;

/// Three seconds of what was asked, from its start, and what is missing at its end.
fn check_limited(done: &Value, start: u32, asked_end: u32) {
    assert_eq!(done["ended"], "max-duration", "{done}");
    let file = path(done);
    let (held, last) = (frames(&file), start + 3 * FPS);
    assert_eq!(*held.start(), start - start % GOP, "{done}");
    assert!(held.end().abs_diff(last) <= JITTER, "{held:?}, not {last}: {done}");
    let missing = done["missing-at-end-ns"].as_u64().unwrap();
    let expected = u64::from(asked_end - last) * SECOND_NS / u64::from(FPS);
    assert!(missing.abs_diff(expected) <= u64::from(JITTER) * SECOND_NS / u64::from(FPS), "{missing}: {done}");
    let notes = done["notes"].to_string();
    assert!(notes.contains("before the asked end") && notes.contains("smart-rec-max-duration"), "{notes}");
    let sidecar = sidecar(&file);
    assert_eq!((&sidecar["ended"], &sidecar["missing-at-end-ns"]), (&done["ended"], &done["missing-at-end-ns"]));
}

#[test]
fn a_longer_one_is_cut_and_an_extension_beyond_it_kept_apart() {
    let camera = RtspCamera::start(&Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()).unwrap();
    let mut run = Graph::messages(&[camera.urlt()])
        .set("sensor-id-list", "gate")
        .set("smart-rec-overlap", "extend")
        .set("smart-rec-max-duration", "3")
        .set("smart-rec-default-duration", "4")
        .start();
    run.wait_for_frame(&camera, 75);
    let schedule = Schedule::of(&camera, FPS);

    // 40 frames, then 55 together, then 80: that is too much.
    let first = run.ask(&schedule.start("gate", "first", 70, 110));
    assert_eq!(first["receipt"], "accepted", "{first}");
    let joined = run.ask(&schedule.start("gate", "joined", 80, 125));
    assert_eq!((&joined["receipt"], &joined["session"]), (&json!("merged"), &first["session"]), "{joined}");
    let apart = run.ask(&schedule.start("gate", "apart", 95, 150));
    assert_eq!((&apart["receipt"], apart.get("notes")), (&json!("accepted"), None), "{apart}");
    assert_ne!(apart["session"], first["session"], "{apart}");

    // 5 s are asked; 4 s, where nothing is said of the end.
    let mut long = schedule.start("gate", "long", 72, 172);
    let mut without_end = schedule.start("gate", "without end", 65, 0);
    without_end.as_object_mut().unwrap().remove("end");
    for message in [&mut long, &mut without_end] {
        message["overlap"] = "separate".into();
        let accepted = run.ask(message);
        assert_eq!(accepted["receipt"], "accepted", "{accepted}");
        let notes = accepted["notes"].to_string();
        assert!(notes.contains("before the asked end: smart-rec-max-duration"), "{accepted}");
    }
    let accepted = run.receipt_of("accepted", "long");
    assert_eq!(accepted["notes"], json!(["will end 2.000 s before the asked end: smart-rec-max-duration"]));

    let [of_first, of_joined, of_apart] = ["first", "joined", "apart"].map(|id| run.receipt_of("done", id));
    assert_eq!(of_joined["file"], of_first["file"]);
    assert_eq!(frames(&path(&of_first)), 60..=125);
    assert_eq!(frames(&path(&of_apart)), 80..=150);
    assert_eq!(of_joined["ended"], "end-reached", "{of_joined}");
    for done in [&of_first, &of_apart] {
        assert_eq!((&done["ended"], &done["missing-at-end-ns"]), (&json!("end-reached"), &json!(0)), "{done}");
    }
    check_limited(&run.receipt_of("done", "long"), 72, 172);
    let of_open = run.receipt_of("done", "without end");
    assert_eq!(of_open["ended"], "max-duration", "{of_open}");
    assert!(frames(&path(&of_open)).end().abs_diff(65 + 3 * FPS) <= JITTER, "{of_open}");
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}
