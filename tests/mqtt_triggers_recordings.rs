//! Promise: a message on an MQTT topic records a camera, and the receipts go back on another topic, with graphs/mqtt.yaml as
//! it is; and one that hears its own receipts, as with a wildcard for all topics, does not answer them.
//! Left to others: what a message may say (`every_message_has_its_receipts`), the protocol (`trigger::broker`).
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use common::{Graph, Mosquitto, MqttClient, Run, check_receipt, repository, start_until_accepted};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene, decode};

/// graphs/mqtt.yaml with this broker and camera.
fn graph(broker: &Mosquitto, camera: &RtspCamera) -> Graph {
    let graph = Graph::shipped("mqtt").with_cloud_messages().file(&repository().join("graphs/mqtt.parameters.yaml"));
    let folder = format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display());
    graph
        .override_with(&folder)
        .override_with("recorder/smart_record/smart-rec-default-duration=1")
        .override_with(&format!("recorder/smart_record/uri-list={}", camera.url()))
        .override_with(&format!("triggers/broker/conn-str={}", broker.conn_str()))
        .override_with(&format!("answers/broker/conn-str={}", broker.conn_str()))
}

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap()
}

/// The other end of the topics.
struct Client(RefCell<MqttClient>);

impl Client {
    fn new(broker: &Mosquitto) -> Self {
        Self(RefCell::new(broker.client("smart-record-receipts")))
    }

    fn send(&self, id: &str) {
        let message = json!({"command": "start-recording", "sensor": {"id": "0"}, "id": id});
        self.0.borrow().publish("smart-record", message.to_string().as_bytes());
    }

    fn receipt(&self, kinds: &[&str], id: &str) -> Value {
        let is = |kind: &Value| kinds.iter().any(|wanted| kind == wanted);
        let found = self.0.borrow_mut().message(|receipt| receipt["id"] == id && is(&receipt["receipt"]));
        check_receipt(&found).unwrap();
        found
    }

    /// Records once, as soon as that can be, to its end.
    fn record(&self, run: &mut Run, camera: &RtspCamera) -> Value {
        let accepted = |id: &str| self.receipt(&["accepted", "rejected"], id)["receipt"] == "accepted";
        let id = start_until_accepted(run, camera, |id| self.send(id), |_, id| accepted(id));
        let done = self.receipt(&["done", "failed"], &id);
        assert_eq!((&done["receipt"], &done["ended"]), (&json!("done"), &json!("end-reached")), "{done}");
        done
    }
}

#[test]
fn a_start_on_one_topic_is_answered_on_another() {
    let (broker, camera) = (Mosquitto::start(), camera());
    let mut run = graph(&broker, &camera).start();
    run.line_with("triggers/broker: connected to the broker");
    let done = Client::new(&broker).record(&mut run, &camera);
    decode(Path::new(done["file"].as_str().unwrap())).unwrap().video().unwrap().check_unbroken().unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}

#[test]
fn receipts_that_come_back_as_messages_are_not_answered() {
    let (broker, camera) = (Mosquitto::start(), camera());
    let mut run = graph(&broker, &camera).parameter("triggers", "broker", "topics", "#").start();
    run.line_with("triggers/broker: connected to the broker");
    let client = Client::new(&broker);
    client.record(&mut run, &camera);
    // Rejected, and the rejection comes back, too. In order: whatever an answer to a receipt made would come before the last.
    for id in ["first", "last"] {
        let message = json!({"sensor": {"id": "nobody"}, "id": id}).to_string();
        client.0.borrow().publish("any/topic", message.as_bytes());
        client.receipt(&["rejected"], id);
    }
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for receipt in client.0.borrow().seen() {
        let text = |member: &str| receipt[member].as_str().unwrap().to_owned();
        kinds.entry(text("id")).or_default().push(text("receipt"));
    }
    for (id, kinds) in &kinds {
        assert!(kinds == &["rejected"] || kinds == &["accepted", "done"], "{id}: {kinds:?}");
    }
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("a receipt has come as a message").len(), 1, "{}", outcome.text());
    let files = ended.file_names().iter().filter(|name| name.ends_with(".mp4")).count();
    assert_eq!(files, 1, "{:?}", ended.file_names());
    assert_eq!(
        outcome.lines_with("receipts that came as messages and were ignored, in all").len(),
        1,
        "{}",
        outcome.text()
    );
}
