//! Promise: a message on a Kafka topic records a camera, and the receipts go back on another topic, with the shipped graphs
//! as they are: kafka.yaml, and the message half of a deepstream-test5 graph.
//! Left to others: what a message may say (`every_message_has_its_receipts`), brokers that are not there.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{Graph, Outcome, Tansu, Topic, check_receipt, free_port, repository, start_until_accepted};
use serde_json::{Value, json};
use testbed::{DirWatch, HANG_GUARD, RtspCamera, Scene, decode, temp_dir};

fn with_parameter_file(name: &str) -> Graph {
    let graph = Graph::shipped(name).with_cloud_messages();
    let parameters = repository().join("graphs").join(format!("{name}.parameters.yaml"));
    let folder = format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display());
    graph.file(&parameters).override_with("recorder/smart_record/smart-rec-default-duration=1").override_with(&folder)
}

fn scene(height: u32) -> Scene {
    Scene::new().fps(15).gop(15).size(256, height).without_text()
}

fn receipt(receipts: &mut Topic, kinds: &[&str], id: &str) -> Value {
    let is = |receipt: &Value| receipt["id"] == id && kinds.iter().any(|kind| receipt["receipt"] == *kind);
    let found = receipts.message(&format!("{kinds:?} of {id}"), is);
    check_receipt(&found).unwrap();
    found
}

#[test]
fn a_start_on_one_topic_is_answered_on_another() {
    let broker = Tansu::start(free_port(), &["smart-record", "smart-record-receipts"]);
    let camera = RtspCamera::start(&scene(96)).unwrap();
    let mut run = with_parameter_file("kafka")
        .override_with(&format!("recorder/smart_record/uri-list={}", camera.url()))
        .override_with(&format!("triggers/broker/conn-str={}", broker.conn_str()))
        .override_with(&format!("answers/broker/conn-str={}", broker.conn_str()))
        // A name that may be wrong is told, and costs the other topic nothing.
        .override_with("triggers/broker/topics=smart-record;nowhere")
        .start();
    run.line_with("triggers/broker: connected to the broker");
    let mut receipts = broker.read("smart-record-receipts");
    let send = |id: &str| {
        let message = json!({"command": "start-recording", "sensor": {"id": "0"}, "id": id});
        broker.publish("smart-record", message.to_string().as_bytes());
    };
    let id = start_until_accepted(&mut run, &camera, send, |_, id| {
        receipt(&mut receipts, &["accepted", "rejected"], id)["receipt"] == "accepted"
    });
    let done = receipt(&mut receipts, &["done", "failed"], &id);
    assert_eq!((&done["receipt"], &done["ended"]), (&json!("done"), &json!("end-reached")), "{done}");
    let file = PathBuf::from(done["file"].as_str().unwrap());
    decode(&file).unwrap().video().unwrap().check_unbroken().unwrap();
    // Not JSON, and JSON that is no message: answered, and the graph runs on.
    broker.publish("smart-record", b"\xff not JSON");
    broker.publish(
        "smart-record",
        json!({"command": "start-recording", "sensor": {"id": "nobody"}, "id": "x"}).to_string().as_bytes(),
    );
    assert_eq!(receipt(&mut receipts, &["rejected"], "x")["sensor"]["id"], "nobody");
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("connected to the broker").len(), 2, "{}", outcome.text());
    assert_eq!(outcome.lines_with("the topic \"nowhere\" does not exist").len(), 1, "{}", outcome.text());
}

/// The message half of a deepstream-test5 graph records the second of two cameras, with these parameters of its receiver.
/// Returns its files in memory, too (/proc/PID/maps).
fn the_message_half_records(receiver: &[(&str, &str)]) -> (Outcome, String) {
    let broker = Tansu::start(free_port(), &["test5-sr"]);
    // Each camera has a size of its own, so that a recording tells whose it is.
    let cameras = [96, 112].map(|height| RtspCamera::start(&scene(height)).unwrap());
    let urls = cameras.each_ref().map(RtspCamera::url).join(";");
    let mut graph = with_parameter_file("deepstream-test5-messages")
        .override_with(&format!("recorder/smart_record/uri-list={urls}"))
        .override_with(&format!("cloud_to_device/receiver/conn-str={}", broker.conn_str()));
    for (key, value) in receiver {
        graph = graph.override_with(&format!("cloud_to_device/receiver/{key}={value}"));
    }
    let mut run = graph.start();
    run.line_with("cloud_to_device/receiver: connected to the broker");
    // The second one, as DeepStream's messages name it; without an id, as they are.
    let send = |id: &str| {
        let message = json!({"command": "start-recording", "sensor": {"id": "gate"}, "id": id});
        broker.publish("test5-sr", message.to_string().as_bytes());
    };
    start_until_accepted(&mut run, &cameras[1], send, |run, id| {
        run.line_with(&format!("event '{id}'")).contains("accepted")
    });
    let sidecars = DirWatch::new(run.recordings()).unwrap().wait_for_files("json", 1, HANG_GUARD).unwrap();
    let record: Value = serde_json::from_slice(&std::fs::read(&sidecars[0]).unwrap()).unwrap();
    assert_eq!((&record["source"], &record["sensor"]["id"]), (&json!(1), &json!("gate")));
    let decoded = decode(Path::new(record["file"].as_str().unwrap())).unwrap();
    assert_eq!(decoded.video().unwrap().height, 112);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", run.id())).unwrap();
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    (outcome, maps)
}

#[test]
fn the_message_half_of_deepstream_test5() {
    the_message_half_records(&[]);
}

/// As a graph of DeepStream's names its adaptor and its settings, on a machine that has neither.
#[test]
fn the_message_half_of_deepstream_test5_without_deepstream() {
    let folder = temp_dir().unwrap();
    let adaptor = folder.path().join("deepstream/lib/libnvds_kafka_proto.so").display().to_string();
    let settings = folder.path().join("cfg_kafka.txt");
    std::fs::write(&settings, "[message-broker]\nproto-cfg = \"fetch.wait.max.ms=20\"\n#partition-key = sensor.id\n")
        .unwrap();
    let settings = settings.display().to_string();
    let (outcome, _) = the_message_half_records(&[("proto-lib", &adaptor), ("cfg-file", &settings)]);
    let line = format!("parameter 'proto-lib' = '{adaptor}': there is no such file; builtin:kafka takes its place");
    assert_eq!(outcome.lines_with(&line).len(), 1, "{}", outcome.text());
}

/// With NVIDIA's own adaptor, which is not ours to ship: `cargo test --test kafka_triggers_recordings -- --ignored`, with
/// NVDS_PROTO_LIB the path of a libnvds_kafka_proto.so and the libraries that it needs in LD_LIBRARY_PATH.
#[test]
#[ignore = "needs NVIDIA's adaptor for Kafka, named by NVDS_PROTO_LIB"]
fn the_message_half_of_deepstream_test5_with_nvidia_s_adaptor() {
    let adaptor = std::env::var("NVDS_PROTO_LIB").expect("NVDS_PROTO_LIB is the path of NVIDIA's adaptor for Kafka");
    let folder = temp_dir().unwrap();
    let settings = folder.path().join("cfg_kafka.txt");
    // Tansu keeps a group waiting for half of the session's time-out.
    let consumer = "session.timeout.ms=3000;heartbeat.interval.ms=500;fetch.wait.max.ms=50";
    std::fs::write(&settings, format!("[message-broker]\nconsumer-proto-cfg = \"{consumer}\"\n")).unwrap();
    let settings = settings.display().to_string();
    let (_, maps) = the_message_half_records(&[("proto-lib", &adaptor), ("cfg-file", &settings)]);
    assert!(maps.contains(&adaptor), "{maps}");
}
