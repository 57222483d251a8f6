//! Promise: a message on an MQTT topic records a camera, and the receipts go back on another topic, with graphs/mqtt.yaml as
//! it is.
//! Left to others: what a message may say (`every_message_has_its_receipts`), the protocol (`trigger::broker`).
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::path::Path;

use common::{Graph, Mosquitto, check_receipt, repository, start_until_accepted};
use serde_json::json;
use testbed::{RtspCamera, Scene, decode};

#[test]
fn a_start_on_one_topic_is_answered_on_another() {
    let broker = Mosquitto::start();
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let graph = Graph::shipped("mqtt").with_cloud_messages().file(&repository().join("graphs/mqtt.parameters.yaml"));
    let folder = format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display());
    let mut run = graph
        .override_with(&folder)
        .override_with("recorder/smart_record/smart-rec-default-duration=1")
        .override_with(&format!("recorder/smart_record/uri-list={}", camera.url()))
        .override_with(&format!("triggers/broker/conn-str={}", broker.conn_str()))
        .override_with(&format!("answers/broker/conn-str={}", broker.conn_str()))
        .start();
    run.line_with("triggers/broker: connected to the broker");
    let client = RefCell::new(broker.client("smart-record-receipts"));
    let receipt = |kinds: &[&str], id: &str| {
        let is = |kind: &serde_json::Value| kinds.iter().any(|wanted| kind == wanted);
        let found = client.borrow_mut().message(|receipt| receipt["id"] == id && is(&receipt["receipt"]));
        check_receipt(&found).unwrap();
        found
    };
    let send = |id: &str| {
        let message = json!({"command": "start-recording", "sensor": {"id": "0"}, "id": id});
        client.borrow().publish("smart-record", message.to_string().as_bytes());
    };
    let accepted = |id: &str| receipt(&["accepted", "rejected"], id)["receipt"] == "accepted";
    let id = start_until_accepted(&mut run, &camera, send, |_, id| accepted(id));
    let done = receipt(&["done", "failed"], &id);
    assert_eq!((&done["receipt"], &done["ended"]), (&json!("done"), &json!("end-reached")), "{done}");
    decode(Path::new(done["file"].as_str().unwrap())).unwrap().video().unwrap().check_unbroken().unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}
