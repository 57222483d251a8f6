//! Promise: several recorders of one graph, with settings of their own, get the same messages of a broker; with
//! unknown-sensor: ignore each does what concerns its sensors and says nothing about the others'.
//! Left to others: one recorder alone (every other test), writing such graphs (`smart-record import`).
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write;

use common::{Tansu, built, check_receipt, free_port, start_text};
use serde_json::{Value, json};
use testbed::{HANG_GUARD, JsonLines, Program, RtspCamera, Scene, temp_dir};

const TOPIC: &str = "smart-record";

const RECEIVER: &str = "
name: triggers
components:
- {name: broker, type: nvidia::deepstream::NvDsMsgBrokerC2DReceiver, parameters: {conn-str: BROKER, topics: smart-record, tx: tx}}
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::EventBasedScheduler, parameters: {clock: clock, stop_on_deadlock: false}}
";

/// One recorder, its way from the receiver, and its receipts in a file.
const RECORDER: &str = "---
name: NAME
components:
- name: smart_record
  type: nvidia::deepstream::NvDsSmartRecord
  parameters: {uri-list: URI, sensor-id-list: SENSOR, smart-rec-default-duration: 1, smart-rec-dir-path: FOLDER, unknown-sensor: ANSWER, smart-rec-container: CONTAINER, msg-rx: msg_rx, done-tx: done_tx}
- {name: msg_rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 4}}
- {name: done_tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {name: message, type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: msg_rx, min_size: 1}}
- {name: wake, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::OrSchedulingTermCombiner, parameters: {terms: [message, wake]}}
---
name: NAME_receipts
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 256}}
- {name: file, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: FOLDER/NAME.jsonl, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: triggers/tx, target: NAME/msg_rx}}
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: NAME/done_tx, target: NAME_receipts/rx}}
";

/// Recorders, each with one camera and the name of it.
struct Recorders {
    program: Program,
    receipts: [JsonLines; 2],
    cameras: [RtspCamera; 2],
    broker: Tansu,
    _dir: testbed::TempDir,
}

const NAMES: [&str; 2] = ["door", "gate"];

impl Recorders {
    fn start(answer: &str) -> Self {
        let (dir, broker) = (temp_dir().unwrap(), Tansu::start(free_port(), &[TOPIC]));
        let scene = Scene::new().fps(15).gop(15).size(256, 96).without_text();
        let cameras = [&scene; 2].map(|scene| RtspCamera::start(scene).unwrap());
        let folder = dir.path().display().to_string();
        let mut graph = RECEIVER.replace("BROKER", &broker.conn_str());
        for (index, (name, camera)) in NAMES.iter().zip(&cameras).enumerate() {
            let recorder = RECORDER.replace("NAME", name).replace("SENSOR", name).replace("FOLDER", &folder);
            let recorder = recorder.replace("CONTAINER", &index.to_string()).replace("ANSWER", answer);
            write!(graph, "{}", recorder.replace("URI", &camera.url())).unwrap();
        }
        let receipts = NAMES.map(|name| JsonLines::follow(&dir.path().join(format!("{name}.jsonl"))).unwrap());
        let parts = built();
        let mut program = start_text(dir.path(), &graph, &[&parts.extension, &parts.cloud_msg]);
        program
            .wait_for_line("the subscription", HANG_GUARD, |line| line.contains("triggers/broker: connected"))
            .unwrap();
        Self { program, receipts, cameras, broker, _dir: dir }
    }

    fn send(&self, sensor: &str, id: &str) {
        let message = json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id});
        self.broker.publish(TOPIC, message.to_string().as_bytes());
    }

    /// The receipt of this event that recorder `index` sent.
    fn receipt(&mut self, index: usize, kinds: &[&str], id: &str) -> Value {
        let is = |receipt: &Value| receipt["id"] == id && kinds.iter().any(|kind| receipt["receipt"] == *kind);
        if let Some(found) = self.receipts[index].seen.iter().find(|receipt| is(receipt)) {
            return found.clone();
        }
        let found = self.receipts[index].wait_for(&format!("{kinds:?} of {id}"), HANG_GUARD, is);
        found.unwrap_or_else(|error| panic!("{error}\n{:#?}", self.program.seen()))
    }

    /// Records each camera once, as soon as it can be recorded; the event ids.
    fn record_each(&mut self) -> [String; 2] {
        [0, 1].map(|index| {
            self.cameras[index].frames().wait_for(15, HANG_GUARD).unwrap();
            for attempt in 0.. {
                let id = format!("{} {attempt}", NAMES[index]);
                self.send(NAMES[index], &id);
                if self.receipt(index, &["accepted", "rejected"], &id)["receipt"] == "accepted" {
                    assert_eq!(self.receipt(index, &["done", "failed"], &id)["receipt"], "done");
                    return id;
                }
                let frames = self.cameras[index].frames();
                frames.wait_for(frames.len(), HANG_GUARD).unwrap();
            }
            unreachable!("attempts do not end")
        })
    }

    /// All lines, and all receipts of each.
    fn end(mut self) -> (Vec<String>, [Vec<Value>; 2]) {
        self.program.interrupt().unwrap();
        assert_eq!(self.program.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", self.program.seen());
        let receipts = self.receipts.map(|mut receipts| {
            let _ = receipts.wait_for("the end", std::time::Duration::ZERO, |_| false);
            receipts.seen.iter().for_each(|receipt| check_receipt(receipt).unwrap());
            receipts.seen
        });
        (self.program.seen().to_vec(), receipts)
    }
}

/// The number that a text begins with; what follows may be a terminal's colours.
fn number(text: &str) -> usize {
    text[..text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len())].parse().unwrap()
}

#[test]
fn each_answers_for_its_own_sensors_only() {
    let mut recorders = Recorders::start("ignore");
    let ids = recorders.record_each();
    // Malformed, but whose it is can be read; for nobody; for whom, nobody can read. Each is more than a queue holds.
    let start = |sensor: &str, id: String| json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id});
    let mut payloads = Vec::new();
    for number in 0..20 {
        let mut malformed = start("door", format!("dance {number}"));
        malformed["command"] = json!("dance");
        payloads.extend([
            malformed.to_string(),
            start("yard", format!("nobody's {number}")).to_string(),
            "no JSON".into(),
        ]);
    }
    recorders.broker.publish_all(TOPIC, &payloads.into_iter().map(String::into_bytes).collect::<Vec<_>>());
    // Messages arrive in order: when both have answered the last one, they have had all.
    recorders.send("door", "last of door");
    recorders.send("gate", "last of gate");
    for (index, name) in NAMES.iter().enumerate() {
        recorders.receipt(index, &["done", "failed"], &format!("last of {name}"));
    }
    let (lines, receipts) = recorders.end();
    for (index, (name, id)) in NAMES.iter().zip(&ids).enumerate() {
        let of = |wanted: &dyn Fn(&str) -> bool| {
            receipts[index].iter().filter(|receipt| wanted(receipt["id"].as_str().unwrap_or_default())).count()
        };
        assert_eq!(of(&|id| id.is_empty()), 20, "unreadable, {name}: {:#?}", receipts[index]);
        assert_eq!(of(&|id| id.starts_with("dance")), [20, 0][index], "malformed, {name}: {:#?}", receipts[index]);
        assert_eq!(of(&|id| id.starts_with("nobody")), 0, "{name}");
        assert_eq!(of(&|other| other == id), 2, "{name}: {:#?}", receipts[index]);
        let other = NAMES[1 - index];
        assert!(receipts[index].iter().all(|receipt| receipt["sensor"]["id"] != other), "{:#?}", receipts[index]);
        let file = receipts[index].iter().find_map(|receipt| receipt["file"].as_str()).unwrap();
        assert!(file.ends_with([".mp4", ".mkv"][index]), "{file}");
    }
    assert!(!lines.iter().any(|line| line.contains("is not known")), "{lines:#?}");
    // The other's attempts and last one, twenty for nobody, and for the gate the malformed ones of the door.
    let attempts = ids.each_ref().map(|id| id.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap() + 1);
    let ignored = [20 + attempts[1] + 1, 40 + attempts[0] + 1];
    for (name, ignored) in NAMES.iter().zip(ignored) {
        let line = format!("{name}/smart_record: messages for sensors of other recorders, ignored, in all: ");
        let counts: Vec<_> =
            lines.iter().filter_map(|text| text.split_once(&line)).map(|(_, count)| number(count)).collect();
        assert_eq!(counts, [ignored], "{line}: {lines:#?}");
    }
}

#[test]
fn by_default_each_rejects_what_it_does_not_know() {
    let mut recorders = Recorders::start("reject");
    let ids = recorders.record_each();
    for (index, id) in ids.iter().enumerate() {
        let answer = recorders.receipt(1 - index, &["rejected"], id);
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains(NAMES[index]) && reason.contains(NAMES[1 - index]), "{reason}");
    }
    let (lines, _) = recorders.end();
    for (name, other) in [("door", "gate"), ("gate", "door")] {
        let line = format!("{name}/smart_record: messages for unknown sensors, in all: ");
        assert_eq!(lines.iter().filter(|text| text.contains(&line)).count(), 1, "{lines:#?}");
        let known = format!(
            "sensor '{other}': trigger message rejected: the sensor id \"{other}\" is not known (known: \"{name}\")"
        );
        assert!(lines.iter().any(|text| text.contains(&known)), "{known}: {lines:#?}");
    }
}
