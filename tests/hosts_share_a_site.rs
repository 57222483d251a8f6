//! Promise: a site's cameras are shared out over hosts, one graph each, which all read one topic: with unknown-sensor: ignore
//! each trigger is answered by the host that has the sensor, exactly once, and recorded there (docs/scale.md).
//! Left to others: several recorders in one graph (`several_recorders_share_their_messages`), brokers that are not there.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Graph, Run, Tansu, Topic, check_receipt, free_port, start_until_accepted};
use serde_json::{Value, json};
use testbed::{RtspCamera, Scene};

const TRIGGERS: &str = "smart-record";
const RECEIPTS: &str = "smart-record-receipts";
const HOSTS: usize = 3;
const CAMERAS: usize = 3;
const EVENTS: usize = 45;

fn sensor(host: usize, camera: usize) -> String {
    format!("host{host}-camera{camera}")
}

/// A host: a process of its own, with its own cameras and its own folder.
fn host(number: usize, broker: &Tansu, camera: &RtspCamera) -> Run {
    let graph = Graph::shipped("kafka").with_cloud_messages();
    let folder = format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display());
    let names = (0..CAMERAS).map(|camera| sensor(number, camera)).collect::<Vec<_>>().join(";");
    let mut run = graph
        .override_with(&folder)
        .override_with(&format!("recorder/smart_record/uri-list={}", vec![camera.url(); CAMERAS].join(";")))
        .override_with(&format!("recorder/smart_record/sensor-id-list={names}"))
        .override_with("recorder/smart_record/unknown-sensor=ignore")
        .override_with("recorder/smart_record/smart-rec-default-duration=1")
        .override_with(&format!("triggers/broker/conn-str={}", broker.conn_str()))
        .override_with(&format!("answers/broker/conn-str={}", broker.conn_str()))
        .start();
    run.line_with("triggers/broker: connected to the broker");
    run
}

fn start(sensor: &str, id: &str) -> Vec<u8> {
    json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id}).to_string().into_bytes()
}

fn wait_until_recordable(run: &mut Run, camera: &RtspCamera, broker: &Tansu, receipts: &mut Topic, sensor: &str) {
    let id_of = |attempt: &str| format!("{sensor} {attempt}");
    start_until_accepted(
        run,
        camera,
        |attempt| broker.publish(TRIGGERS, &start(sensor, &id_of(attempt))),
        |_, attempt| {
            let answer = |receipt: &Value| {
                receipt["id"] == id_of(attempt)
                    && (receipt["receipt"] == "accepted" || receipt["receipt"] == "rejected")
            };
            receipts.message(&id_of(attempt), answer)["receipt"] == "accepted"
        },
    );
}

#[test]
fn each_trigger_is_answered_once_by_the_host_that_has_the_sensor() {
    let broker = Tansu::start(free_port(), &[TRIGGERS, RECEIPTS]);
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let mut hosts: Vec<Run> = (0..HOSTS).map(|number| host(number, &broker, &camera)).collect();
    let mut receipts = broker.read(RECEIPTS);
    for (number, run) in hosts.iter_mut().enumerate() {
        for index in 0..CAMERAS {
            wait_until_recordable(run, &camera, &broker, &mut receipts, &sensor(number, index));
        }
    }
    // All at once, each host's among the others'.
    let events: Vec<(String, String)> =
        (0..EVENTS).map(|event| (format!("event {event}"), sensor(event % HOSTS, event / HOSTS % CAMERAS))).collect();
    let messages: Vec<_> = events.iter().map(|(id, sensor)| start(sensor, id)).collect();
    broker.publish_all(TRIGGERS, &messages);
    for (id, _) in &events {
        receipts.message(&format!("the end of {id}"), |receipt| {
            receipt["id"] == **id && (receipt["receipt"] == "done" || receipt["receipt"] == "failed")
        });
    }
    let folders: Vec<_> = hosts.iter().map(|run| run.recordings().canonicalize().unwrap()).collect();
    // A host that has ended has sent all that it had to send; what comes after that is this.
    for run in hosts {
        let (outcome, _) = run.interrupt();
        assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    }
    broker.publish(RECEIPTS, b"{\"id\":\"the end\"}");
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut topic = broker.read(RECEIPTS);
    loop {
        let receipt = topic.next("the end of the receipts");
        if receipt["id"] == "the end" {
            break;
        }
        check_receipt(&receipt).unwrap();
        all.entry(receipt["id"].as_str().unwrap().to_owned()).or_default().push(receipt);
    }
    for (number, (id, sensor)) in events.iter().enumerate() {
        let of_it = &all[id];
        let kinds: Vec<_> = of_it.iter().map(|receipt| receipt["receipt"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["accepted", "done"], "{id} of {sensor}: {of_it:#?}");
        assert_eq!(of_it[1]["sensor"]["id"], **sensor);
        let file = Path::new(of_it[1]["file"].as_str().unwrap());
        assert_eq!(file.parent(), Some(&*folders[number % HOSTS]), "recorded where the camera is");
    }
}
