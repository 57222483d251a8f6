//! A broker that is down at the start, or is no broker, keeps nobody waiting: it is tried again for ever, said once,
//! and stopping does not depend on it. What was published meanwhile arrives when it comes.
//! It leaves a broker that dies later to the tests of each protocol.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use common::{LIMIT, Memory, Program, double, drops, free_port, kafka, mosquitto};
use trigger::broker::{Endpoint, Publisher, Subscription};

fn events() -> Vec<String> {
    vec!["events".to_owned()]
}

/// Starts both while the broker is down; what `start` gives is kept until the end.
fn comes_later<T>(endpoint: &Endpoint, start: impl FnOnce() -> T) {
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let subscription = Subscription::start(endpoint, &events(), memory.clone()).unwrap();
    let publisher = Publisher::start(endpoint, about_publisher.clone()).unwrap();
    memory.wait("the loss", |told| told.lost().len() == 1);
    about_publisher.wait("the loss", |told| told.lost().len() == 1);
    publisher.publish("events", b"early".to_vec()).unwrap();
    assert_eq!(publisher.flush(Duration::ZERO), 1);
    let broker = start();
    memory.wait_connected(1);
    assert_eq!(publisher.flush(LIMIT), 0);
    publisher.publish("events", b"late".to_vec()).unwrap();
    let told = memory.wait("the message", |told| told.payloads().contains(&"late"));
    assert_eq!((told.lost().len(), told.connected()), (1, 1), "{:?}", told.news);
    assert!(!told.lost()[0].is_empty());
    drop((subscription, publisher));
    drop(broker);
}

#[test]
fn kafka_comes_later() {
    let port = free_port();
    comes_later(&kafka::endpoint(port), || {
        let broker = kafka::tansu(port);
        kafka::ensure_topic(port, "events", 1);
        broker
    });
}

#[test]
fn mqtt_comes_later() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    comes_later(&mosquitto::endpoint(port), || mosquitto::mosquitto(port, folder.path(), ""));
}

#[test]
fn an_adaptor_s_broker_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let file = folder.path().join("down");
    std::fs::write(&file, "").unwrap();
    comes_later(&double::endpoint(&path, &format!("refuse={}", file.display())), || {
        std::fs::remove_file(&file).unwrap()
    });
}

/// Stops both, and fails if that takes for ever.
fn stops(what: &str, endpoint: &Endpoint) {
    let memory = Memory::new();
    let subscription = Subscription::start(endpoint, &events(), memory.clone()).unwrap();
    let publisher = Publisher::start(endpoint, memory.clone()).unwrap();
    publisher.publish("events", b"never".to_vec()).unwrap();
    let told = memory.wait("both losses", |told| told.lost().len() == 2);
    assert_eq!(told.connected(), 0, "{what}");
    drops(what, (subscription, publisher));
}

fn stops_everywhere(what: &str, port: u16) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, settings: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("[message-broker]\n{settings}\n")).unwrap();
        Some(path)
    };
    let group = Endpoint { config_file: file("kafka", "consumer-group-id=g"), ..kafka::endpoint(port) };
    let newer = Endpoint { config_file: file("mqtt", "mqtt-version=5"), ..mosquitto::endpoint(port) };
    thread::scope(|scope| {
        scope.spawn(|| stops(&format!("Kafka, {what}"), &kafka::endpoint(port)));
        scope.spawn(|| stops(&format!("Kafka in a group, {what}"), &group));
        scope.spawn(|| stops(&format!("MQTT, {what}"), &mosquitto::endpoint(port)));
        scope.spawn(|| stops(&format!("MQTT 5, {what}"), &newer));
    });
}

#[test]
fn stopping_does_not_wait_for_a_broker_that_is_down() {
    stops_everywhere("nobody listens", free_port());
}

#[test]
fn stopping_does_not_wait_for_a_listener_that_is_no_broker() {
    // Connections are made by the system, and nobody ever answers.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    stops_everywhere("nobody answers", listener.local_addr().unwrap().port());
}

#[test]
fn stopping_does_not_wait_for_a_broker_that_died() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let broker = kafka::tansu(port);
    kafka::create_topic(port, "events", 4);
    let endpoint = kafka::configured(port, folder.path(), "consumer-group-id=g");
    let in_group = Subscription::start(&endpoint, &events(), memory.clone()).unwrap();
    let alone = Subscription::start(&kafka::endpoint(port), &events(), memory.clone()).unwrap();
    let publisher = Publisher::start(&kafka::endpoint(port), about_publisher.clone()).unwrap();
    memory.wait_connected(2);
    about_publisher.wait_connected(1);
    // The group has a place that it did not commit yet.
    kafka::Producer::new(port).deliver("events", "last");
    memory.wait("the message", |told| told.messages.len() == 2);
    drop(broker);
    publisher.publish("events", b"never".to_vec()).unwrap();
    drops("a broker that died", (in_group, alone, publisher));
}

#[test]
fn stopping_does_not_wait_for_a_broker_that_takes_nothing() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let broker = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    let endpoint = kafka::configured(port, folder.path(), "producer-proto-cfg=\"queue.buffering.max.messages=10\"");
    let memory = Memory::new();
    let publisher = Publisher::start(&endpoint, memory.clone()).unwrap();
    memory.wait_connected(1);
    // More than librdkafka has room for: they wait their turn.
    for _ in 0..500 {
        publisher.publish("events", b"x".to_vec()).unwrap();
    }
    assert_eq!(publisher.flush(LIMIT), 0);
    // It is alive, and does not answer.
    let stopped = Stopped::new(&broker);
    for _ in 0..500 {
        publisher.publish("events", b"x".to_vec()).unwrap();
    }
    assert_eq!(publisher.flush(Duration::from_millis(500)), 500);
    drops("a broker that takes nothing", publisher);
    drop(stopped);
}

/// A program that was told to stand still.
struct Stopped(rustix::process::Pid);

impl Stopped {
    fn new(program: &Program) -> Self {
        let pid = rustix::process::Pid::from_child(&program.0);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        // Until the last of its threads stands still, it may answer.
        let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED).unwrap();
        assert!(stopped.unwrap().1.stopped());
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // Fails only if it is gone.
        let _ = rustix::process::kill_process(self.0, rustix::process::Signal::CONT);
    }
}
