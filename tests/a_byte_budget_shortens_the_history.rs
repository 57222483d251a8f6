//! Promise: over a byte budget whole old GOPs leave the cache, of several sources the one that reaches back furthest gives
//! way, and the log and the receipts say which budget has cost how much.
//! Left to others: the cache as such (crates/recorder), a machine without memory.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Run, Schedule, frames, path};
use serde_json::Value;
use testbed::{RtspCamera, Scene, make_file, temp_dir};

const FPS: u32 = 20;
const GOP: u32 = 20;

fn scene(gop: u32) -> Scene {
    Scene::new().fps(FPS).gop(gop).size(256, 96).without_text()
}

/// How many bytes a second of a camera takes in the cache: as many as in a file of the same scene, whose index is small,
/// and what the engine counts for each frame beside its media.
fn bytes_per_second(scene: &Scene) -> u64 {
    const SECONDS: u32 = 16;
    const FRAME_COST: u64 = 1_400;
    let folder = temp_dir().unwrap();
    let file = folder.path().join("scene.mp4");
    make_file(&file, scene, SECONDS).unwrap();
    file.metadata().unwrap().len() / u64::from(SECONDS) + u64::from(FPS) * FRAME_COST
}

/// The time that a receipt's note or a log line has before ` s`, after these words.
fn seconds(text: &str, words: &str) -> f64 {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("{text} does not say {words:?}"));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks for frames that are no longer cached, checks that answer and record say why, and returns the record.
fn ask_too_far_back(run: &mut Run, message: &Value, key: &str) -> Value {
    let accepted = run.ask(message);
    assert_eq!(accepted["receipt"], "accepted", "{accepted}");
    let note = accepted["notes"][0].as_str().unwrap();
    assert!(note.ends_with(&format!("the byte budget {key} has shortened the cache")), "{accepted}");
    let late = seconds(note, "will begin ");
    let done = run.receipt_of("done", message["id"].as_str().unwrap());
    let missing = done["missing-at-start-ns"].as_f64().unwrap() / 1e9;
    // One counts in running time, the other in the camera's own.
    assert!((late - missing).abs() < 0.3, "{accepted} and {done}");
    done
}

#[test]
fn of_one_source() {
    const KEY: &str = "smart-rec-cache-bytes";
    let scene = scene(GOP);
    let camera = RtspCamera::start(&scene).unwrap();
    let mut run = Graph::messages(&[camera.urlt()])
        .set("sensor-id-list", "gate")
        .set(KEY, &(2 * bytes_per_second(&scene)).to_string())
        .start();
    let line = run.line_with(KEY);
    for words in ["recorder/smart_record", "source 0 (gate)", "instead of 30 s"] {
        assert!(line.contains(words), "{line}");
    }
    run.wait_for_frame(&camera, 130);
    let schedule = Schedule::of(&camera, FPS);
    // On a busy machine more of them have come by now.
    let now = camera.frames().len();
    let short = schedule.start("gate", "within", now - 5, now + 20);
    let accepted = run.ask(&short);
    assert_eq!((&accepted["receipt"], accepted.get("notes")), (&"accepted".into(), None), "{accepted}");
    let done = ask_too_far_back(&mut run, &schedule.start("gate", "too far back", 5, now + 30), KEY);
    let held = frames(&path(&done));
    // Of 6.5 s or more that have been seen about 2 are left (no picture is as large as another), and what was asked is
    // recorded to its end.
    assert!((now - 90..=now + 20).contains(held.start()) && held.start().is_multiple_of(GOP), "{held:?}, now {now}");
    assert_eq!(*held.end(), now + 30);
    assert_eq!(frames(&path(&run.receipt_of("done", "within"))), (now - 5) / GOP * GOP..=now + 20);
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    // Once a minute at most.
    assert_eq!(outcome.lines_with("keeps its cache at"), [line.as_str()]);
}

#[test]
fn of_all_sources_the_one_with_the_longest_history_gives_way() {
    const KEY: &str = "smart-rec-total-cache-bytes";
    const LONG_GOP: u32 = 8 * FPS;
    let scenes = [scene(GOP), scene(LONG_GOP)];
    let [short, long] = scenes.each_ref().map(|scene| RtspCamera::start(scene).unwrap());
    let [short_rate, long_rate] = scenes.each_ref().map(bytes_per_second);
    // A cache has its 4 s and a GOP more at most: up to 5 s of one camera, up to 12 s of the other. Together they are too
    // much when the latter has about 7.
    let mut run = Graph::messages(&[short.urlt(), long.urlt()])
        .set("sensor-id-list", "short;long")
        .set("smart-rec-cache", "4")
        .set(KEY, &(5 * short_rate + 7 * long_rate).to_string())
        .start();
    let line = run.line_with(KEY);
    assert!(line.contains("source 1 (long)") && line.contains("instead of 4 s"), "{line}");
    // Before its second keyframe it may have nothing left; shortly after any later one it has that, and nothing before.
    let key = loop {
        let (gop, frame) = (long.frames().len() / LONG_GOP, long.frames().len() % LONG_GOP);
        if gop > 0 && (5..GOP).contains(&frame) {
            break gop * LONG_GOP;
        }
        run.wait_for_frame(&long, (gop + u32::from(frame >= GOP || gop == 0)) * LONG_GOP + 5);
    };
    let of_long = Schedule::of(&long, FPS);
    let done = ask_too_far_back(&mut run, &of_long.start("long", "too far back", key - 30, key + 45), KEY);
    assert_eq!(frames(&path(&done)), key..=key + 45);

    let now = short.frames().len();
    let of_short = Schedule::of(&short, FPS);
    // About 3 s ago, in the middle of a GOP.
    let key = (now - 3 * FPS).next_multiple_of(GOP);
    let accepted = run.ask(&of_short.start("short", "untouched", key + GOP / 2, now + 10));
    assert_eq!((&accepted["receipt"], accepted.get("notes")), (&"accepted".into(), None), "{accepted}");
    assert_eq!(frames(&path(&run.receipt_of("done", "untouched"))), key..=now + 10);
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("keeps its cache at"), [line.as_str()]);
}
