//! Promise: a trigger reaches a topic of a real broker, and `--wait` ends with the receipt that answers it.
//! In place of a recorder a subscriber that answers as it is told to; and, once, the real one with graphs/kafka.yaml.
//! Left to others: which receipt means what (unit tests), and brokers that die (tests of the crate `trigger`).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex, mpsc},
};

use common::{
    brokers::{Broker, free_port},
    built::{BINARY, GXF, manifest},
};
use serde_json::{Value, json};
use testbed::{HANG_GUARD, Program, RtspCamera, Scene};
use trigger::{
    Message,
    broker::{Arrived, Listener, News, Publisher, Subscription},
};

const TRIGGERS: &str = "triggers";
const RECEIPTS: &str = "receipts";

fn smart_record(arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("trigger").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Answers each trigger with these kinds of receipts.
struct Recorder {
    kinds: Vec<&'static str>,
    publisher: Publisher,
    triggers: Mutex<mpsc::Sender<Value>>,
    connected: Mutex<mpsc::Sender<()>>,
}

impl Listener for Recorder {
    fn message(&self, message: Arrived) {
        let trigger: Value = serde_json::from_slice(&message.payload).unwrap();
        Message::parse(&message.payload).unwrap();
        let others = [json!("no receipt"), json!({"receipt": "done", "id": "another"}), json!({"receipt": "done"})];
        let ours = self.kinds.iter().map(|kind| json!({"receipt": kind, "id": trigger["id"], "session": 7}));
        for receipt in others.into_iter().chain(ours) {
            self.publisher.publish(RECEIPTS, receipt.to_string().into_bytes()).unwrap();
        }
        self.triggers.lock().unwrap().send(trigger).unwrap();
    }

    fn complaint(&self, text: String) {
        println!("about the subscription: {text}");
    }

    fn news(&self, news: News) {
        if news == News::Connected {
            self.connected.lock().unwrap().send(()).unwrap();
        }
    }
}

struct Nobody;

impl Listener for Nobody {
    fn message(&self, _: Arrived) {}
    fn news(&self, _: News) {}
    fn complaint(&self, text: String) {
        println!("about the publisher: {text}");
    }
}

/// What came on the triggers' topic, and what keeps the recorder there.
fn recorder(broker: &Broker, kinds: &[&'static str]) -> (mpsc::Receiver<Value>, Subscription) {
    let (triggers, came) = mpsc::channel();
    let (connected, ready) = mpsc::channel();
    let recorder = Recorder {
        kinds: kinds.to_vec(),
        publisher: Publisher::start(&broker.endpoint(), Arc::new(Nobody)).unwrap(),
        triggers: Mutex::new(triggers),
        connected: Mutex::new(connected),
    };
    let subscription = Subscription::start(&broker.endpoint(), &[TRIGGERS.into()], Arc::new(recorder)).unwrap();
    ready.recv_timeout(HANG_GUARD).unwrap();
    (came, subscription)
}

fn each_broker() -> [Broker; 2] {
    [Broker::kafka(&[TRIGGERS, RECEIPTS]), Broker::mqtt()]
}

#[test]
fn a_trigger_reaches_its_topic() {
    for broker in each_broker() {
        let (came, _recorder) = recorder(&broker, &[]);
        let output = smart_record(&["start", "gate", "--id=door-1", "--to", &broker.address(TRIGGERS)]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()), "{output:?}");
        let message = came.recv_timeout(HANG_GUARD).unwrap();
        assert_eq!(message, json!({"command": "start-recording", "sensor": {"id": "gate"}, "id": "door-1"}));
    }
}

#[test]
fn a_broker_may_be_named_as_in_a_graph() {
    let broker = Broker::mqtt();
    let dir = testbed::temp_dir().unwrap();
    let settings = dir.path().join("cfg_mqtt.txt");
    std::fs::write(&settings, "[message-broker]\nclient-id = command-line\n").unwrap();
    let (came, _recorder) = recorder(&broker, &[]);
    let (conn_str, settings) = (broker.conn_str(), settings.to_str().unwrap().to_owned());
    let named =
        ["--conn-str", &conn_str, "--proto-lib", "builtin:mqtt", "--topic", TRIGGERS, "--config-file", &settings];
    let output = smart_record(&[&["stop", "gate", "--session=3"][..], &named[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(came.recv_timeout(HANG_GUARD).unwrap()["session"], 3);
}

#[test]
fn the_wait_ends_with_the_recording() {
    for broker in each_broker() {
        for (kinds, status) in [
            (&["accepted", "done"][..], 0),
            (&["merged", "recovered"], 0),
            (&["accepted", "failed"], 1),
            (&["rejected"], 1),
        ] {
            let (came, _recorder) = recorder(&broker, kinds);
            let output =
                smart_record(&["start", "gate", "--wait", "--receipts", RECEIPTS, "--to", &broker.address(TRIGGERS)]);
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            let id = came.recv_timeout(HANG_GUARD).unwrap()["id"].clone();
            assert!(id.as_str().unwrap().starts_with("trigger-"), "{id}");
            // The last on standard output, what came before on standard error, with a sentence if it came to nothing.
            let [last, before] = [&output.stdout, &output.stderr].map(|bytes| text(bytes));
            let (sentences, before): (Vec<_>, Vec<_>) = before.lines().partition(|line| !line.starts_with('{'));
            let (kind, reason) = (kinds[kinds.len() - 1], "smart-record trigger: the trigger has ");
            match status {
                0 => assert_eq!(sentences, [""; 0]),
                _ => assert!(sentences.len() == 1 && sentences[0].starts_with(reason) && sentences[0].contains(kind)),
            }
            let receipts: Vec<Value> =
                last.lines().chain(before).map(|line| serde_json::from_str(line).unwrap()).collect();
            let wanted: Vec<Value> =
                kinds.iter().rev().map(|kind| json!({"receipt": kind, "id": id, "session": 7})).collect();
            assert_eq!(receipts, wanted);
        }
    }
}

#[test]
fn a_stop_waits_for_its_acceptance() {
    let broker = Broker::mqtt();
    let (_came, _recorder) = recorder(&broker, &["accepted"]);
    let address = broker.address(TRIGGERS);
    let output = smart_record(&["stop", "gate", "--id=s", "--wait", "--receipts", RECEIPTS, "--to", &address]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("\"accepted\""));
}

#[test]
fn what_does_not_come_in_time_is_status_2() {
    let broker = Broker::mqtt();
    let (came, _recorder) = recorder(&broker, &["accepted"]);
    let wait = ["--wait", "--receipts", RECEIPTS, "--timeout=500ms"];
    let address = broker.address(TRIGGERS);
    let output = smart_record(&[&["start", "gate", "--to", &address][..], &wait[..]].concat());
    came.recv_timeout(HANG_GUARD).unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("time-out: no receipt came that ends the wait"), "{output:?}");

    for scheme in ["mqtt", "kafka"] {
        let nowhere = format!("{scheme}://127.0.0.1:{}/t", free_port());
        for (wait, words) in [
            (&wait[..], "time-out: the broker is not there"),
            (&wait[3..], "time-out: the broker did not take the message"),
        ] {
            let output = smart_record(&[&["start", "gate", "--to", &nowhere][..], wait].concat());
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert!(text(&output.stderr).lines().last().unwrap().contains(words), "{output:?}");
        }
    }
}

#[test]
fn a_broker_that_is_down_is_told_before_the_time_is_over() {
    for scheme in ["mqtt", "kafka"] {
        let mut command = Command::new(BINARY);
        command.args(["trigger", "stop", "gate", "--timeout=1h", "--to"]);
        command.arg(format!("{scheme}://127.0.0.1:{}/t", free_port()));
        let mut waiting = Program::start(&mut command).unwrap();
        let words = "smart-record trigger: the broker is not there, and is tried again: ";
        waiting.wait_for_line("the line", HANG_GUARD, |line| line.starts_with(words)).unwrap();
        // Ctrl-C ends it at once.
        waiting.interrupt().unwrap();
        assert_eq!(waiting.wait(HANG_GUARD).unwrap().signal(), Some(2));
    }
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let to = "kafka://localhost/t";
    for (arguments, words) in [
        (&["--to", "localhost"][..], "kafka://HOST"),
        (&["--to", "mqtt://user:secret@h/t"], "belong into --config-file"),
        (&["--conn-str", "user:secret@h;1", "--topic", "t"], "belong into --config-file"),
        (&["--conn-str", "h", "--topic", "t"], "conn-str \"h\": the port is missing"),
        (&["--to", "kafka://h:http/t"], "the port is no number"),
        (&["--conn-str", "h;1", "--topic", ""], "\"\" is no topic"),
        (&["--timeout", "1s"], "required"),
        (&["--to", to, "--to-file", "x"], "cannot be used with"),
        (&["--to", to, "--conn-str", "a;1", "--topic", "t"], "cannot be used with"),
        (&["--to", to, "--topic", "t"], "cannot be used with"),
        (&["--to", to, "--proto-lib", "builtin:mqtt"], "cannot be used with"),
        (&["--topic", "t"], "--conn-str"),
        (&["--conn-str", "a;1"], "--topic"),
        (&["--conn-str", "a;1", "--topic", "t", "--proto-lib", "builtin:amqp"], "builtin:mqtt"),
        (&["--to", to, "--wait"], "--receipts"),
        (&["--to", to, "--receipts", "r"], "--wait"),
        (&["--wait", "--receipts", "r"], "required"),
        (&["--config-file", "x"], "required"),
        (&["--to", to, "--timeout", "0s"], "more than 0"),
    ] {
        let output = smart_record(&[&["start", "gate"][..], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words) && said.lines().count() == 1 && !said.contains("secret"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_real_recorder_answers_through_kafka() {
    let broker = Broker::kafka(&["smart-record", "smart-record-receipts"]);
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let dir = testbed::temp_dir().unwrap();
    std::fs::write(dir.path().join("manifest.yaml"), manifest()).unwrap();
    let graphs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../graphs");
    let mut command = Command::new(BINARY);
    command.arg("gxe").arg(format!("-app={}", graphs.join("kafka.yaml").display())).arg("-manifest=manifest.yaml");
    for (place, value) in [
        ("recorder/smart_record/uri-list", camera.url()),
        ("triggers/broker/conn-str", broker.conn_str()),
        ("answers/broker/conn-str", broker.conn_str()),
    ] {
        command.arg(format!("--param={place}={value}"));
    }
    command.current_dir(dir.path()).env("GXF_ROOT", &*GXF).env_remove("GXF_LOG_LEVEL");
    let mut graph = Program::start(&mut command).unwrap();
    graph
        .wait_for_line("the broker", HANG_GUARD, |line| line.contains("triggers/broker: connected to the broker"))
        .unwrap();

    let address = broker.address("smart-record");
    let done = loop {
        let output = smart_record(&[
            "start",
            "0",
            "--for=1s",
            "--metadata=who=me",
            "--to",
            &address,
            "--wait",
            "--receipts",
            "smart-record-receipts",
            "--timeout=60s",
        ]);
        match output.status.code() {
            Some(0) => break output,
            // The camera has sent nothing yet.
            Some(1) => camera.wait_for_frame(camera.frames().len()).unwrap(),
            _ => panic!("{output:?}\n{:#?}", graph.seen()),
        };
    };
    let done: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&done["receipt"], &done["metadata"]["who"]), (&json!("done"), &json!("me")), "{done}");
    assert!(dir.path().join(done["file"].as_str().unwrap()).is_file(), "{done}");
    graph.interrupt().unwrap();
    assert_eq!(graph.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", graph.seen());
}
