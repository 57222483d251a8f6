//! Promise: a start while another recording of its source runs is joined with it, kept apart or rejected, as the policy
//! says; a message's own policy wins; each trigger gets its own answers, and the file has the frames of all of them.
//! Left to others: the policies on simulated time (crates/recorder), the cache's budgets.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ended, Graph, Run, Schedule, frames, path, sidecar};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene};

const FPS: u32 = 20;
const GOP: u32 = 20;

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()).unwrap()
}

fn graph(camera: &RtspCamera, policy: &str) -> Graph {
    Graph::messages(&[camera.urlt()]).set("sensor-id-list", "gate").set("smart-rec-overlap", policy)
}

fn now(id: &str) -> Value {
    json!({"command": "start-recording", "sensor": {"id": "gate"}, "id": id, "metadata": {"of": id}})
}

fn with(mut message: Value, member: &str, value: impl Into<Value>) -> Value {
    message[member] = value.into();
    message
}

/// Sends a start and checks its answer, which names the asked interval where the message does; returns it.
fn start(run: &mut Run, message: &Value, kind: &str) -> Value {
    let answer = run.ask(message);
    assert_eq!(answer["receipt"], kind, "{answer}");
    assert_eq!(answer.get("metadata"), message.get("metadata"), "{answer}");
    if kind != "rejected" {
        for member in ["start", "end"].into_iter().filter(|member| message.get(member).is_some()) {
            assert_eq!(answer["asked"][member], message[member], "{answer}");
        }
    }
    answer
}

/// Stops everything and ends the graph.
fn end(mut run: Run, ids: &[&str]) -> (Vec<Value>, Ended) {
    run.send(&json!({"command": "stop-recording", "sensor": {"id": "gate"}, "id": "stop"}));
    let records = ids.iter().map(|id| run.receipt_of("done", id)).collect();
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    for id in ids {
        let count = |receipt: &&Value| receipt["id"] == *id && receipt["receipt"] != "rejected";
        // Its answer and its end, and nothing else.
        assert_eq!(ended.receipts.iter().filter(count).count(), 2, "{id}: {:?}", ended.receipts);
    }
    (records, ended)
}

/// One trigger's own record, and the one in the sidecar's list of joined triggers.
fn check_joined(message: &Value, done: &Value, listed: &Value) {
    for record in [done, listed] {
        assert_eq!(record["id"], message["id"], "{record}");
        assert_eq!(record.get("metadata"), message.get("metadata"), "{record}");
        assert_eq!(record["asked"]["start"], message["start"], "{record}");
        assert_eq!(record["asked"]["end"], message["end"], "{record}");
    }
}

fn words(value: &Value, words: &[&str]) {
    let text = value.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text} does not say {words:?}");
}

#[test]
fn extend_goes_on_to_the_new_end_and_not_back_to_the_new_start() {
    let camera = camera();
    let mut run = graph(&camera, "extend").start();
    run.wait_for_frame(&camera, 90);
    let schedule = Schedule::of(&camera, FPS);
    let first = with(schedule.start("gate", "first", 70, 140), "metadata", json!({"plate": 1}));
    let second = with(schedule.start("gate", "second", 45, 160), "metadata", json!({"plate": 2}));
    let session = start(&mut run, &first, "accepted")["session"].clone();
    let merged = start(&mut run, &second, "merged");
    assert_eq!(merged["session"], session);
    words(&merged["notes"], &["will begin", "after the asked start", "the running session that it extends began then"]);
    // What a message says itself wins.
    let rejected = with(schedule.start("gate", "rejected", 100, 150), "overlap", "reject");
    words(&start(&mut run, &rejected, "rejected")["reason"], &[&format!("session {session}"), "reject"]);
    let apart = with(schedule.start("gate", "apart", 105, 120), "overlap", "separate");
    assert_ne!(start(&mut run, &apart, "accepted")["session"], session);
    for id in ["first", "second", "apart"] {
        run.receipt_of("done", id);
    }
    let (records, ended) = end(run, &["first", "second", "apart"]);
    let [of_first, of_second, of_apart] = &records[..] else { panic!("{records:?}") };

    let file = path(of_first);
    assert_eq!(path(of_second), file);
    assert_eq!(frames(&file), 60..=160);
    assert_eq!(frames(&path(of_apart)), 100..=120);
    assert_eq!(of_first["metadata"], first["metadata"], "{of_first}");
    assert_eq!((&of_first["missing-at-start-ns"], &of_first["missing-at-end-ns"]), (&json!(0), &json!(0)));
    assert!(of_second["missing-at-start-ns"].as_u64().unwrap() > 0, "{of_second}");
    assert_eq!(of_second["lead-ns"], 0, "{of_second}");
    let sidecar = sidecar(&file);
    assert_eq!((&sidecar["id"], &sidecar["metadata"]), (&first["id"], &first["metadata"]));
    assert_eq!(sidecar["merged"].as_array().unwrap().len(), 1, "{sidecar}");
    check_joined(&second, of_second, &sidecar["merged"][0]);
    assert_eq!(of_apart.get("merged"), None, "{of_apart}");
    // Two recordings and their sidecars; what was rejected has left nothing.
    assert_eq!(ended.file_names().len(), 4, "{:?}", ended.file_names());
}

#[test]
fn merge_goes_back_too_as_far_as_the_cache_does() {
    let camera = camera();
    let mut run = graph(&camera, "merge").set("smart-rec-cache", "2").start();
    run.wait_for_frame(&camera, 110);
    let schedule = Schedule::of(&camera, FPS);
    let first = schedule.start("gate", "first", 105, 170);
    let second = with(schedule.start("gate", "second", 95, 130), "metadata", json!({"plate": 2}));
    let third = schedule.start("gate", "third", 20, 180);
    let session = start(&mut run, &first, "accepted")["session"].clone();
    let merged = start(&mut run, &second, "merged");
    assert_eq!((&merged["session"], merged.get("notes")), (&session, None), "{merged}");
    let merged = start(&mut run, &third, "merged");
    assert_eq!(merged["session"], session, "{merged}");
    words(&merged["notes"], &["will begin", "the cache does not reach further back"]);
    for id in ["first", "second", "third"] {
        run.receipt_of("done", id);
    }
    let (records, ended) = end(run, &["first", "second", "third"]);
    let [of_first, of_second, of_third] = &records[..] else { panic!("{records:?}") };

    let file = path(of_first);
    assert_eq!((path(of_second), path(of_third)), (file.clone(), file.clone()));
    let held = frames(&file);
    // With 110 frames or some more seen, 2 s are 40 of them, and a GOP more at most.
    assert!((40..=80).contains(held.start()) && held.start().is_multiple_of(GOP), "{held:?}");
    assert_eq!(*held.end(), 180);
    assert_eq!(of_second["missing-at-start-ns"], 0, "{of_second}");
    assert!(of_third["missing-at-start-ns"].as_u64().unwrap() > 0, "{of_third}");
    let sidecar = sidecar(&file);
    check_joined(&second, of_second, &sidecar["merged"][0]);
    check_joined(&third, of_third, &sidecar["merged"][1]);
    // The one recording and its sidecar: what it was begun with before it went back is gone.
    assert_eq!(ended.file_names().len(), 2, "{:?}", ended.file_names());
}

#[test]
fn reject_rejects_and_a_message_may_ask_for_something_else() {
    let camera = camera();
    let mut run = graph(&camera, "reject").start();
    run.wait_for_frame(&camera, 30);
    let session = start(&mut run, &now("first"), "accepted")["session"].clone();
    words(&start(&mut run, &now("second"), "rejected")["reason"], &[&format!("session {session}"), "reject"]);
    for policy in ["merge", "extend"] {
        let joined = start(&mut run, &with(now(policy), "overlap", policy), "merged");
        assert_eq!(joined["session"], session, "{joined}");
    }
    let apart = start(&mut run, &with(now("separate"), "overlap", "separate"), "accepted");
    assert_ne!(apart["session"], session, "{apart}");
    run.wait_for_frame(&camera, camera.frames().len() + 5);
    let (records, ended) = end(run, &["first", "merge", "extend", "separate"]);
    let [first, merge, extend, separate] = &records[..] else { panic!("{records:?}") };
    assert_eq!([&merge["file"], &extend["file"]], [&first["file"]; 2]);
    assert_ne!(separate["file"], first["file"]);
    for done in &records {
        assert_eq!(done["metadata"]["of"], done["id"], "{done}");
        assert_eq!(done["ended"], "stopped", "{done}");
        frames(&path(done));
    }
    assert_eq!(ended.file_names().len(), 4, "{:?}", ended.file_names());
}

#[test]
fn separate_gives_each_its_own_file_unless_the_message_says_otherwise() {
    let camera = camera();
    let mut run = graph(&camera, "separate").start();
    run.wait_for_frame(&camera, 30);
    let first = start(&mut run, &now("first"), "accepted");
    let second = start(&mut run, &now("second"), "accepted");
    assert_ne!(first["session"], second["session"]);
    let joined = start(&mut run, &with(now("joined"), "overlap", "extend"), "merged");
    // The one that began first. *Now* is by the camera's frames: where one comes late, that may be the second.
    let begins = |accepted: &Value| accepted["asked"]["start-running-ns"].as_i64().unwrap();
    let turned = begins(&second) < begins(&first);
    let earlier = if turned { &second } else { &first };
    assert_eq!(joined["session"], earlier["session"], "{joined}");
    start(&mut run, &with(now("rejected"), "overlap", "reject"), "rejected");
    run.wait_for_frame(&camera, camera.frames().len() + 5);
    let (records, ended) = end(run, &["first", "second", "joined"]);
    let [of_first, of_second, of_joined] = &records[..] else { panic!("{records:?}") };
    assert_ne!(of_second["file"], of_first["file"]);
    let (of_earlier, of_other) = if turned { (of_second, of_first) } else { (of_first, of_second) };
    assert_eq!(of_joined["file"], of_earlier["file"]);
    assert_eq!(of_joined["metadata"], json!({"of": "joined"}));
    assert_eq!(sidecar(&path(of_earlier))["merged"][0]["id"], "joined");
    assert_eq!(sidecar(&path(of_other)).get("merged"), None);
    assert_eq!(ended.file_names().len(), 4, "{:?}", ended.file_names());
}
