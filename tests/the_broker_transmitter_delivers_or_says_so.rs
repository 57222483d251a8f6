//! Promise: what a graph sends to a broker arrives there, unchanged, on its topic, and what does not is counted in the log.
//! Over Kafka, and through a protocol adaptor in both directions.
//! Left to others: receipts (`kafka_triggers_recordings`), the broker's protocol (`trigger::broker`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Tansu, built, free_port, repository, run_text, start_text};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use testbed::{HANG_GUARD, JsonLines, temp_dir};

/// The lines of a file to a broker; messages of a file carry no topic.
const OUT: &str = "
name: file
components:
- {name: reader, type: nvidia::deepstream::NvDsMsgFileReceiver, parameters: {path: IN, tx: tx}}
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: out
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 16}}
- {name: broker, type: nvidia::deepstream::NvDsMsgBrokerD2CTransmitter, parameters: {conn-str: BROKER, rx: rx, topic: 'TOPIC', debug: true}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: file/tx, target: out/rx}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";

/// A broker's messages to a file.
const IN: &str = "
name: in
components:
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {name: broker, type: nvidia::deepstream::NvDsMsgBrokerC2DReceiver, parameters: {conn-str: BROKER, topics: 'other;TOPIC', tx: tx}}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: file
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 16}}
- {name: writer, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: OUT, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: in/tx, target: file/rx}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";

/// The graph that sends these lines.
fn out(folder: &Path, lines: &str, broker: &str, topic: &str) -> String {
    let input = folder.join("in");
    std::fs::write(&input, lines).unwrap();
    OUT.replace("IN", &input.display().to_string()).replace("BROKER", broker).replace("TOPIC", topic)
}

fn extensions(parts: &common::Built) -> [&Path; 2] {
    [&parts.extension, &parts.cloud_msg]
}

#[test]
fn a_thousand_messages_from_graph_to_graph_over_kafka() {
    const COUNT: usize = 1_000;
    let parts = built();
    let broker = Tansu::start(free_port(), &["events", "other"]);
    let folders = [temp_dir().unwrap(), temp_dir().unwrap()];
    let output: PathBuf = folders[0].path().join("out");
    let into = IN.replace("OUT", &output.display().to_string()).replace("BROKER", &broker.conn_str());
    let mut receiver = start_text(folders[0].path(), &into.replace("TOPIC", "events"), &extensions(&parts));
    receiver.wait_for_line("the subscription", HANG_GUARD, |line| line.contains("in/broker: connected")).unwrap();
    let mut arrived = JsonLines::follow(&output).unwrap();
    let lines: String = (0..COUNT).map(|number| format!("{{\"number\":{number}}}\n")).collect();
    let sender = out(folders[1].path(), &lines, &broker.conn_str(), "events");
    let (code, log) = run_text(folders[1].path(), &sender, &extensions(&parts));
    assert_eq!(code, Some(0), "{log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("out/broker: sent on 'events'")).count(), COUNT);
    arrived.wait_for("the last message", HANG_GUARD, |message| message["number"] == COUNT - 1).unwrap();
    let numbers: Vec<_> = arrived.seen.iter().map(|message| message["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..COUNT as u64).collect::<Vec<_>>());
    receiver.interrupt().unwrap();
    assert_eq!(receiver.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", receiver.seen());
}

#[test]
fn what_a_broker_that_is_down_did_not_get() {
    let folder = temp_dir().unwrap();
    // Nothing listens on port 1.
    let graph = out(folder.path(), "{}\n{}\n{}\n", "localhost;1", "events");
    let (code, log) = run_text(folder.path(), &graph, &extensions(&built()));
    assert_eq!(code, Some(0), "{log:#?}");
    let says = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!(says("out/broker: 3 messages could not be delivered to the broker"), 1, "{log:#?}");
    assert_eq!(says("out/broker: no connection to the broker"), 1, "{log:#?}");
}

#[test]
fn messages_without_a_topic_need_one() {
    let folder = temp_dir().unwrap();
    let graph = out(folder.path(), "{}\n{}\n", "localhost;1", "");
    let (code, log) = run_text(folder.path(), &graph, &extensions(&built()));
    assert_eq!(code, Some(0), "{log:#?}");
    let says = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!(says("it carries no topic, and the parameter 'topic' names none"), 1, "{log:#?}");
    assert_eq!(says("out/broker: 2 messages in all could not be sent"), 1, "{log:#?}");
}

/// Our own adaptor in C: what is sent through it comes back to all of the process who subscribed. One graph with both ends.
fn adaptor(folder: &Path) -> PathBuf {
    let sources = repository().join("crates/trigger");
    let path = folder.join("libdouble.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-pthread", "-o"]).arg(&path).arg("-I").arg(sources.join("abi"));
    let output = command.arg(sources.join("tests/double/adaptor.c")).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

#[test]
fn through_a_protocol_adaptor_in_and_out() {
    let folder = temp_dir().unwrap();
    let output = folder.path().join("out");
    let library = adaptor(folder.path()).display().to_string();
    let sender = out(folder.path(), "", "thread", "events");
    let fifo = folder.path().join("messages.fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let sender = sender.replace(&folder.path().join("in").display().to_string(), &fifo.display().to_string());
    let receiver =
        IN.replace("OUT", &output.display().to_string()).replace("BROKER", "thread").replace("TOPIC", "events");
    // The second entity of this name is another's, and one scheduler is enough.
    let receiver = receiver.replace("name: file\n", "name: written\n").replace("target: file/rx", "target: written/rx");
    let receiver = receiver.rsplit_once("---").unwrap().0;
    let graph = format!("{receiver}---{sender}")
        .replace("conn-str: thread", &format!("conn-str: thread, proto-lib: {library}"));
    let mut program = start_text(folder.path(), &graph, &extensions(&built()));
    // In either order.
    let mut connected = 0;
    let both = |line: &str| {
        connected += usize::from(line.contains("/broker: connected to the broker"));
        connected == 2
    };
    program.wait_for_line("both ends connected", HANG_GUARD, both).unwrap();
    let mut arrived = JsonLines::follow(&output).unwrap();
    std::fs::write(&fifo, "{\"number\":1}\n{\"number\":2}\n").unwrap();
    arrived.wait_for("the second message", HANG_GUARD, |message| message["number"] == 2).unwrap();
    assert_eq!(arrived.seen.len(), 2);
    program.interrupt().unwrap();
    assert_eq!(program.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", program.seen());
}
