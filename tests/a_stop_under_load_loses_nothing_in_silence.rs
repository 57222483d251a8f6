//! Promise: a graph that is stopped while messages pour in accounts for each of them: what was taken has its receipt on the
//! topic, or the log says how many receipts, and how many messages, came too late.
//! Left to others: a load that is let through to its end (`ten_thousand_messages_have_their_receipts`).
#![allow(clippy::unwrap_used)]

mod common;

use common::{Graph, Outcome, Tansu, free_port};
use serde_json::json;

const TOPICS: [&str; 2] = ["smart-record", "smart-record-receipts"];
const MESSAGES: usize = 4_000;

/// The numbers before `text` in the lines that have it, added up.
fn number(outcome: &Outcome, text: &str) -> usize {
    let lines = outcome.lines_with(text);
    let before = |line: &str| line.split(text).next().unwrap().trim_end().rsplit(' ').next().unwrap().parse::<usize>();
    lines.into_iter().map(|line| before(line).unwrap()).sum()
}

#[test]
fn every_message_is_accounted_for() {
    let broker = Tansu::start(free_port(), &TOPICS);
    let mut run = Graph::shipped("kafka")
        .with_cloud_messages()
        .set("uri-list", "launch:videotestsrc is-live=true ! x264enc")
        .parameter("triggers", "broker", "conn-str", &broker.conn_str())
        .parameter("answers", "broker", "conn-str", &broker.conn_str())
        .start();
    run.line_with("triggers/broker: connected to the broker");
    let mut receipts = broker.read(TOPICS[1]);
    let message =
        |number| json!({"sensor": {"id": "nobody"}, "id": format!("event {number}")}).to_string().into_bytes();
    let payloads: Vec<_> = (0..MESSAGES).map(message).collect();
    broker.publish_all(TOPICS[0], &payloads);
    for number in 0..300 {
        receipts.next(&format!("receipt {number}"));
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    broker.publish(TOPICS[1], b"{\"the\":\"end\"}");
    let mut arrived = 300;
    while receipts.next("the end")["the"] != "end" {
        arrived += 1;
    }
    let answered = outcome.lines_with("rejected: the sensor id \"nobody\"").len();
    let (late, undelivered) =
        (number(&outcome, "receipts came too late"), number(&outcome, "messages could not be delivered"));
    let lost = number(&outcome, "messages came too late");
    println!("answered {answered}, of these arrived {arrived}, late {late}, undelivered {undelivered}; lost {lost}");
    // What a flush gave up may yet have arrived.
    assert!((arrived + late..=arrived + late + undelivered).contains(&answered), "receipts: {}", outcome.text());
    assert!(answered + lost <= MESSAGES && lost > 0, "messages: {}", outcome.text());
}
