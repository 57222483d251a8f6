//! Promise: a message names its interval in UTC with milliseconds, wherever that lies: what is past is served at once from
//! the cache, what spans now or lies ahead is recorded to its end, and what can no longer or never be had is rejected.
//! Left to others: codecs and containers (`recordings_cover_their_intervals`), cameras with a clock of their own.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Schedule, frames, path, sidecar, utc_millis};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene};

const FPS: u32 = 20;
const GOP: u32 = 20;
const FRAME_NS: u64 = 1_000_000_000 / FPS as u64;

/// The recording of an interval has its frames, from the last keyframe before it, and its records name it to the
/// millisecond.
fn check(message: &Value, done: &Value, first: u32, last: u32) {
    let id = &message["id"];
    let file = path(done);
    assert_eq!(frames(&file), first - first % GOP..=last, "{id}: {done}");
    for record in [done, &sidecar(&file)] {
        assert_eq!(record["asked"]["start"], message["start"], "{record}");
        assert_eq!(record["asked"]["end"], message["end"], "{record}");
        assert_eq!(record["ended"], "end-reached", "{record}");
        assert_eq!(record["utc-origin"], "sender", "{record}");
    }
    assert_eq!((&done["missing-at-start-ns"], &done["missing-at-end-ns"]), (&json!(0), &json!(0)), "{done}");
    assert!(done["lead-ns"].as_u64().unwrap() < u64::from(GOP) * FRAME_NS, "{done}");
}

#[test]
fn past_present_and_future() {
    let camera = RtspCamera::start(&Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()).unwrap();
    let mut run = Graph::messages(&[camera.urlt()]).set("sensor-id-list", "gate").set("smart-rec-cache", "4").start();
    run.wait_for_frame(&camera, 130);
    let schedule = Schedule::of(&camera, FPS);
    let spanning = schedule.start("gate", "spanning now", 112, 165);
    let ahead = schedule.start("gate", "ahead", 172, 188);
    for message in [&spanning, &ahead] {
        let accepted = run.ask(message);
        assert_eq!((&accepted["receipt"], accepted.get("notes")), (&json!("accepted"), None), "{accepted}");
        assert_eq!(accepted["asked"]["start"], message["start"], "{accepted}");
        assert_eq!(accepted["asked"]["end"], message["end"], "{accepted}");
    }

    let mut empty = schedule.start("gate", "empty", 120, 120);
    let backwards = schedule.start("gate", "backwards", 121, 120);
    let far = std::time::Duration::from_secs(25 * 3600);
    let mut too_far = schedule.start("gate", "too far ahead", 140, 150);
    too_far["start"] = utc_millis(schedule.middle_of(140) + far).into();
    too_far["end"] = utc_millis(schedule.middle_of(150) + far).into();
    // The same moment, with another offset.
    empty["end"] = empty["end"].as_str().unwrap().replace('Z', "+00:00").into();
    for (message, words) in [
        (&schedule.start("gate", "gone", 2, 15), ["before the cache begins", "gone"]),
        (&empty, ["\"end\"", "is not after \"start\""]),
        (&backwards, [backwards["end"].as_str().unwrap(), "is not after"]),
        (&too_far, ["more than 24 hours ahead", "the source's time"]),
    ] {
        let rejected = run.ask(message);
        assert_eq!(rejected["receipt"], "rejected", "{rejected}");
        let reason = rejected["reason"].as_str().unwrap();
        assert!(words.iter().all(|word| reason.contains(word)), "{reason:?} does not say {words:?}");
    }

    check(&spanning, &run.receipt_of("done", "spanning now"), 112, 165);
    check(&ahead, &run.receipt_of("done", "ahead"), 172, 188);

    // From a camera that says nothing any more: all of it comes out of the cache.
    run.wait_for_frame(&camera, 195);
    camera.set_silent(true);
    let past = schedule.start("gate", "past", 145, 180);
    assert_eq!(run.ask(&past)["receipt"], "accepted");
    check(&past, &run.receipt_of("done", "past"), 145, 180);
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    // Three recordings and their sidecars.
    assert_eq!(ended.file_names().len(), 6, "{:?}", ended.file_names());
}
