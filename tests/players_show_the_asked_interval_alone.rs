//! Promise: with `smart-rec-trim` players show the asked interval and nothing else of an MP4, whose lead is there only to be
//! decoded; for a container that cannot do this, one line says so at the start.
//! Left to others: edit lists as such (crates/recorder), files that show all they hold.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Schedule, frames, path, sidecar, utc_nanos};
use testbed::{AudioCodec, RtspCamera, Scene, decode, ffmpeg_frames, ffprobe};

const FPS: u32 = 20;
const GOP: u32 = 20;
const FRAME_NS: i128 = 1_000_000_000 / FPS as i128;
const NO_EFFECT: &str = "smart-rec-trim has no effect";

#[test]
fn two_players_show_exactly_the_asked_frames_of_an_mp4() {
    let scene = Scene::new().fps(FPS).gop(GOP).size(256, 96).audio(AudioCodec::Aac).without_text();
    let camera = RtspCamera::start(&scene).unwrap();
    let mut run = Graph::messages(&[camera.urlt()]).set("sensor-id-list", "gate").set("smart-rec-trim", "true").start();
    run.wait_for_frame(&camera, 80);
    let schedule = Schedule::of(&camera, FPS);
    // A long lead, a short one, and none at all.
    let asked = [("late in a GOP", 78, 120), ("early in a GOP", 63, 105), ("from a keyframe", 80, 125)];
    for (id, first, last) in asked {
        assert_eq!(run.ask(&schedule.start("gate", id, first, last))["receipt"], "accepted");
    }
    for (id, first, last) in asked {
        let done = run.receipt_of("done", id);
        let file = path(&done);
        assert_eq!(frames(&file), first..=last, "{done}");
        assert_eq!(decode(&file).unwrap().video().unwrap().first_ns(), Some(0), "{done}");
        let shown: Vec<u32> = ffmpeg_frames(&file).unwrap().iter().map(|frame| frame.counter.unwrap()).collect();
        assert_eq!(shown, (first..=last).collect::<Vec<_>>(), "{done}");
        let second = ffprobe(&file).unwrap();
        assert_eq!(second.errors, [""; 0], "{id}");
        // All is still in the file, from the keyframe on.
        let held = u64::from(last - (first - first % GOP) + 1);
        assert_eq!(done["files"][0]["video"]["frames"], held, "{done}");
        assert_eq!(second.packets, held, "{id}");

        assert_eq!(sidecar(&file)["files"], done["files"]);
        let presented = &done["files"][0]["presented"];
        // It begins with the frame that is on screen at the asked start, and ends at the asked end.
        let at = |times: &serde_json::Value, member: &str| utc_nanos(&times[member]);
        let early = at(&done["asked"], "start") - at(presented, "start");
        assert!((0..FRAME_NS).contains(&early), "{early} ns: {done}");
        assert!((at(&done["asked"], "end") - at(presented, "end")).abs() < FRAME_NS, "{done}");
        let asked_ns = at(&done["asked"], "end") - at(&done["asked"], "start");
        let stated = second.duration_s.unwrap() * 1e9;
        assert!((stated - asked_ns as f64).abs() < 2.0 * FRAME_NS as f64, "{stated} ns for {asked_ns}: {done}");
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with(NO_EFFECT), [""; 0]);
}

#[test]
fn for_mkv_one_line_at_the_start_says_that_it_has_no_effect() {
    let camera = RtspCamera::start(&Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()).unwrap();
    let mut run = Graph::messages(&[camera.urlt()])
        .set("sensor-id-list", "gate")
        .set("smart-rec-trim", "true")
        .set("smart-rec-container", "1")
        .start();
    // Before anything is asked.
    let line = run.line_with(NO_EFFECT);
    assert!(line.contains("recorder/smart_record") && line.contains("use MP4"), "{line}");
    run.wait_for_frame(&camera, 75);
    let schedule = Schedule::of(&camera, FPS);
    assert_eq!(run.ask(&schedule.start("gate", "mkv", 70, 85))["receipt"], "accepted");
    let done = run.receipt_of("done", "mkv");
    let file = path(&done);
    assert_eq!(frames(&file), 60..=85);
    assert_eq!(done["files"][0].get("presented"), None, "{done}");
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with(NO_EFFECT), [line.as_str()]);
}
