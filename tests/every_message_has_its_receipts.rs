//! Promise: every message is answered at once by *accepted* or *rejected*, and every recording ends with one *done*.
//! Messages go through a FIFO into the graph, receipts come back through another codelet as lines of a file.
//! Left to others: what is in the recordings, and lines that are no messages (`bad_input_gives_a_clear_line`).
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use common::{Graph, Run};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene, decode};

fn small_camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap()
}

fn start(sensor: &str, id: &str) -> Value {
    json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id})
}

fn stop(sensor: &str, id: &str) -> Value {
    json!({"command": "stop-recording", "sensor": {"id": sensor}, "id": id})
}

/// The first answer to a message, which names its sensor.
fn answer(run: &mut Run, message: &Value) -> Value {
    run.send(message);
    let id = &message["id"];
    run.receipt(&format!("an answer to {id}"), |receipt| receipt["id"] == *id && receipt["receipt"] != "done")
}

#[test]
fn a_burst_of_160_messages_for_8_sources() {
    const SENSORS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const EACH: usize = 20;
    const RUNNING: usize = 16;
    let camera = small_camera();
    let mut run = Graph::messages(&SENSORS.map(|_| camera.url()))
        .set("sensor-id-list", &SENSORS.join(";"))
        .set("smart-rec-max-sessions", &RUNNING.to_string())
        .set("smart-rec-default-duration", "600")
        .start();
    run.wait_until_recordable(&camera, &SENSORS);
    let before = run.receipts().len();

    let messages: Vec<Value> = (0..EACH)
        .flat_map(|n| {
            SENSORS.map(|sensor| {
                let mut message = start(sensor, &format!("{sensor}-{n}"));
                message["metadata"] = json!({"event": [sensor, n]});
                message
            })
        })
        .collect();
    let burst: Vec<String> = messages.iter().map(|message| format!("{message}\n")).collect();
    run.send_bytes(burst.concat().as_bytes());
    // Each session ends only when its source's sessions are stopped, so the first 16 of each source are accepted.
    run.wait_for_more_receipts(before, "accepted", SENSORS.len() * RUNNING);
    run.wait_for_more_receipts(before, "rejected", SENSORS.len() * (EACH - RUNNING));
    for sensor in SENSORS {
        let stopped = answer(&mut run, &stop(sensor, &format!("stop {sensor}")));
        assert_eq!(stopped["receipt"], "accepted");
        assert_eq!(stopped["command"], "stop-recording");
        let sessions: HashSet<_> = stopped["sessions"].as_array().unwrap().iter().collect();
        assert_eq!(sessions.len(), RUNNING, "{stopped}");
    }
    run.wait_for_more_receipts(before, "done", SENSORS.len() * RUNNING);
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());

    let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for receipt in &ended.receipts[before..] {
        by_id.entry(receipt["id"].as_str().unwrap()).or_default().push(receipt);
    }
    assert_eq!(by_id.len(), messages.len() + SENSORS.len(), "as many ids as messages");
    let mut files = HashSet::new();
    for message in &messages {
        let receipts = &by_id[message["id"].as_str().unwrap()];
        for receipt in receipts {
            assert_eq!(receipt["metadata"], message["metadata"], "{receipt}");
            assert_eq!(receipt["sensor"], message["sensor"], "{receipt}");
        }
        let kinds: Vec<_> = receipts.iter().map(|receipt| receipt["receipt"].as_str().unwrap()).collect();
        match kinds[..] {
            ["accepted", "done"] => {
                assert_eq!(receipts[0]["session"], receipts[1]["session"]);
                assert_eq!(receipts[1]["ended"], "stopped", "{}", receipts[1]);
                assert!(files.insert(receipts[1]["file"].as_str().unwrap()), "{}: its file twice", receipts[1]);
            }
            ["rejected"] => {
                assert!(receipts[0]["reason"].as_str().unwrap().contains("smart-rec-max-sessions"), "{}", receipts[0]);
            }
            _ => panic!("{message} was answered by {kinds:?}"),
        }
    }
    assert_eq!(files.len(), SENSORS.len() * RUNNING);
    for source in 0..SENSORS.len() {
        let of_source = |file: &&&str| file.contains(&format!("/Smart_Record_{source}_"));
        assert_eq!(files.iter().filter(of_source).count(), RUNNING);
        let one = files.iter().find(of_source).unwrap();
        decode(Path::new(one)).unwrap().video().unwrap().check_unbroken().unwrap();
    }
}

#[test]
fn sessions_are_stopped_one_by_one_or_all() {
    let camera = small_camera();
    let mut run =
        Graph::messages(&[camera.url()]).set("sensor-id-list", "gate").set("smart-rec-default-duration", "600").start();
    run.wait_until_recordable(&camera, &["gate"]);
    let nothing = answer(&mut run, &stop("gate", "nothing runs"));
    assert_eq!((&nothing["receipt"], &nothing["command"]), (&json!("rejected"), &json!("stop-recording")));
    assert_eq!(nothing["reason"], "no session of this source runs");

    // A sensor's index names it, too.
    let sessions = [("gate", "first"), ("0", "second"), ("gate", "third")].map(|(sensor, id)| {
        let accepted = answer(&mut run, &start(sensor, id));
        assert_eq!(accepted["receipt"], "accepted", "{accepted}");
        assert_eq!(accepted["sensor"]["id"], "gate");
        accepted["session"].as_u64().unwrap()
    });
    let mut one = stop("gate", "stop the second");
    one["session"] = sessions[1].into();
    assert_eq!(answer(&mut run, &one)["sessions"], json!([sessions[1]]));
    let done = run.receipt_of("done", "second");
    assert_eq!((&done["session"], &done["ended"]), (&json!(sessions[1]), &json!("stopped")));
    one["id"] = "stop the second again".into();
    let again = answer(&mut run, &one);
    assert_eq!(again["receipt"], "rejected");
    assert!(again["reason"].as_str().unwrap().contains("does not run"), "{again}");
    assert!(!run.receipts().iter().any(|receipt| receipt["receipt"] == "done" && receipt["id"] == "first"));

    assert_eq!(answer(&mut run, &stop("gate", "stop all"))["sessions"], json!([sessions[0], sessions[2]]));
    for id in ["first", "third"] {
        assert_eq!(run.receipt_of("done", id)["ended"], "stopped");
    }
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    let done = |id: &str| ended.receipts.iter().filter(|r| r["receipt"] == "done" && r["id"] == id).count();
    assert_eq!(["first", "second", "third"].map(done), [1, 1, 1]);
}

#[test]
fn policies_and_messages_that_are_refused() {
    let camera = small_camera();
    let mut run = Graph::messages(&[camera.url(), camera.url()])
        .set("sensor-id-list", "gate;door")
        .set("smart-rec-overlap", "reject")
        .set("smart-rec-default-duration", "600")
        .start();
    let attempts = run.wait_until_recordable(&camera, &["gate", "door"]);
    let kind = |answer: &Value| answer["receipt"].as_str().unwrap().to_owned();

    assert_eq!(kind(&answer(&mut run, &start("gate", "first"))), "accepted");
    let by_parameter = answer(&mut run, &start("gate", "by parameter"));
    assert_eq!(kind(&by_parameter), "rejected");
    assert!(by_parameter["reason"].as_str().unwrap().contains("overlap policy is 'reject'"), "{by_parameter}");
    // A message's own policy wins, and another source's session is no overlap.
    let mut separate = start("gate", "separate");
    separate["overlap"] = "separate".into();
    assert_eq!(kind(&answer(&mut run, &separate)), "accepted");
    let mut reject = start("door", "reject");
    reject["overlap"] = "reject".into();
    assert_eq!(kind(&answer(&mut run, &reject)), "accepted");
    reject["id"] = "reject again".into();
    assert_eq!(kind(&answer(&mut run, &reject)), "rejected");

    // What is wrong with each of these, in the words of its receipt; its id and sensor come back where it has them.
    let refused = [
        (json!({"id": "unknown sensor", "sensor": {"id": "yard"}}), ["yard", "gate"]),
        (json!({"id": "unknown index", "sensor": {"id": "2"}}), ["2", "door"]),
        (json!({"id": "no sensor", "command": "start-recording"}), ["sensor", "missing"]),
        (json!({"id": "command", "command": "record", "sensor": {"id": "gate"}}), ["record", "start-recording"]),
        (json!({"id": "policy", "overlap": "prolong", "sensor": {"id": "gate"}}), ["prolong", "separate, extend"]),
        (json!({"id": "start", "start": "yesterday", "sensor": {"id": "gate"}}), ["yesterday", "start"]),
        (
            json!({"id": "end", "sensor": {"id": "gate"},
                   "start": "2020-05-18T20:02:02.851Z", "end": "2020-05-18T20:02:00.051Z"}),
            ["2020-05-18T20:02:00.051Z", "not after"],
        ),
        (
            json!({"id": "long ago", "sensor": {"id": "gate"}, "overlap": "separate",
                   "start": "2020-05-18T20:02:00.051Z", "end": "2020-05-18T20:02:02.851Z"}),
            ["before the cache", "gone"],
        ),
    ];
    for (message, words) in refused {
        let rejected = answer(&mut run, &message);
        assert_eq!(kind(&rejected), "rejected", "{rejected}");
        let reason = rejected["reason"].as_str().unwrap();
        assert!(words.iter().all(|word| reason.contains(word)), "{message}: {reason:?} does not say {words:?}");
        if message.get("sensor").is_some() {
            assert_eq!(rejected["sensor"], message["sensor"], "{rejected}");
        }
    }
    for (sensor, ids) in [("gate", &["first", "separate"][..]), ("door", &["reject"])] {
        answer(&mut run, &stop(sensor, &format!("stop {sensor}")));
        for id in ids {
            run.receipt_of("done", id);
        }
    }
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    // Counted: 'yard' and '2'.
    let unknown = outcome.lines_with("messages for unknown sensors, in all: 2");
    assert_eq!(unknown.len(), 1, "{}", outcome.text());
    // What was refused has left no file.
    let finished: Vec<_> = ended.file_names().into_iter().filter(|name| name.ends_with(".mp4")).collect();
    assert_eq!(finished.len(), 3 + attempts, "{finished:?}");
}
