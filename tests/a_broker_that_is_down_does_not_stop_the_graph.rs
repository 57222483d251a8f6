//! Promise: a broker that is not there at the start, or goes away, costs a log line for each change and nothing else: the
//! graph runs on, and when the broker is back messages record again.
//! Left to others: how the connection is kept (`trigger::broker`), settings that are wrong (last test here).
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Run, Tansu, Topic, free_port};
use serde_json::json;
use testbed::{RtspCamera, Scene};

const TOPICS: [&str; 2] = ["smart-record", "smart-record-receipts"];

fn graph(conn_str: &str) -> Graph {
    Graph::shipped("kafka")
        .with_cloud_messages()
        .parameter("triggers", "broker", "conn-str", conn_str)
        .parameter("answers", "broker", "conn-str", conn_str)
}

/// Starts a recording over this broker, and waits for its receipts there.
fn records(run: &mut Run, camera: &RtspCamera, broker: &Tansu, receipts: &mut Topic, name: &str) {
    run.wait_for_frame(camera, 15);
    for attempt in 0.. {
        let id = format!("{name} {attempt}");
        let message = json!({"command": "start-recording", "sensor": {"id": "0"}, "id": id});
        broker.publish(TOPICS[0], message.to_string().as_bytes());
        let answer = receipts.message(&id, |receipt| receipt["id"] == *id);
        if answer["receipt"] == "accepted" {
            let end = receipts.message(&format!("the end of {id}"), |receipt| {
                receipt["id"] == *id && receipt["receipt"] != "accepted"
            });
            assert_eq!(end["receipt"], "done", "{end}");
            return;
        }
        run.wait_for_frame(camera, camera.frames().len());
    }
}

#[test]
fn it_comes_later_and_goes_and_comes_back() {
    let port = free_port();
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let mut run = graph(&format!("localhost;{port}"))
        .set("uri-list", &camera.url())
        .set("smart-rec-default-duration", "1")
        .start();
    run.line_with("triggers/broker: no connection to the broker");
    for round in ["late", "back"] {
        let broker = Tansu::start(port, &TOPICS);
        run.line_with("triggers/broker: connected to the broker");
        let mut receipts = broker.read(TOPICS[1]);
        records(&mut run, &camera, &broker, &mut receipts, round);
        drop(broker);
        run.line_with("triggers/broker: no connection to the broker");
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    let lines = |text: &str| outcome.lines_with(&format!("triggers/broker: {text}")).len();
    assert_eq!((lines("connected"), lines("no connection")), (2, 3), "{}", outcome.text());
}

/// What no waiting puts right is told at the start, with entity and component.
#[test]
fn settings_that_are_wrong_end_the_graph_with_a_clear_line() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("conn-str", "localhost", &["conn-str", "host;port"]),
        ("proto-lib", "builtin:amqp", &["proto-lib", "builtin:mqtt"]),
        ("topics", "", &["topic"]),
        ("config-file", "/no/such/file", &["/no/such/file"]),
        ("cfg-file", "/no/such/file", &["/no/such/file"]),
    ];
    for (key, value, words) in cases {
        let run = graph("localhost;1")
            .set("uri-list", "launch:videotestsrc is-live=true ! x264enc")
            .parameter("triggers", "broker", key, value)
            .start();
        let (outcome, _) = run.wait();
        assert_eq!(outcome.code, Some(1), "{key} = '{value}': {}", outcome.text());
        let says = |line: &&&str| words.iter().all(|word| line.contains(word));
        let lines = outcome.lines_with("triggers/broker: ");
        assert_eq!(lines.iter().filter(says).count(), 1, "{key} = '{value}': {}", outcome.text());
    }
}
