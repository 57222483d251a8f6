//! Promise: with a PeriodicSchedulingTerm beside an AsynchronousSchedulingTerm and no combiner, messages are answered.
//! Holoscan (3.6, 4.6) puts an asynchronous term into every entity of its own accord (examples/holoscan).
//! Left to others: the terms that the shipped graphs have (`every_message_has_its_receipts`).
#![allow(clippy::unwrap_used)]

mod common;

use common::Graph;
use serde_json::json;
use testbed::{RtspCamera, Scene};

/// The recorder's terms in messages-from-file.yaml.
const EITHER: &str = "\
- name: message
  type: nvidia::gxf::MessageAvailableSchedulingTerm
  parameters:
    receiver: msg_rx
    min_size: 1
- name: wake
  type: nvidia::gxf::AsynchronousSchedulingTerm
- name: message_or_wake
  type: nvidia::gxf::OrSchedulingTermCombiner
  parameters:
    terms: [message, wake]
";

/// Both of these must be met.
const BOTH: &str = "\
- name: period
  type: nvidia::gxf::PeriodicSchedulingTerm
  parameters:
    recess_period: 20ms
- name: wake
  type: nvidia::gxf::AsynchronousSchedulingTerm
";

#[test]
fn a_message_is_answered_though_nothing_else_happens() {
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let mut run = Graph::messages(&[camera.url()])
        .set("sensor-id-list", "door")
        .set("smart-rec-default-duration", "600")
        .replace(EITHER, BOTH)
        .start();
    run.wait_until_recordable(&camera, &["door"]);
    // A session without end: from here on no other event wakes the recorder.
    run.ask(&json!({"command": "start-recording", "sensor": {"id": "door"}, "id": "opened"}));
    let stopped = run.ask(&json!({"command": "stop-recording", "sensor": {"id": "door"}, "id": "closed"}));
    assert_eq!(stopped["receipt"], "accepted", "{stopped}");
    run.receipt_of("done", "opened");

    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("ticks by the nvidia::gxf::PeriodicSchedulingTerm").len(), 1, "{}", outcome.text());
}
