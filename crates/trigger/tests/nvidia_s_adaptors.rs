//! NVIDIA's own protocol adaptors, with a real broker: messages go out and come in, also after the broker was away.
//! They are not ours to ship: the test runs where NVDS_PROTO_LIB is the path of the one for Kafka or for MQTT, with
//! `cargo test -p trigger --test nvidia_s_adaptors -- --ignored`.
#![allow(clippy::unwrap_used)]

mod common;

use std::{env, path::PathBuf, thread, time::Duration};

use common::{LIMIT, Memory, Program, free_port, kafka, mosquitto};
use trigger::broker::{Endpoint, Protocol, Publisher, Subscription};

/// What one of them needs.
struct Setting {
    endpoint: Endpoint,
    start: Box<dyn Fn() -> Program>,
    /// It calls back when the broker is gone; the one for Kafka goes on by itself and says nothing.
    tells: bool,
}

fn setting(folder: &tempfile::TempDir) -> Setting {
    let path = PathBuf::from(env::var_os("NVDS_PROTO_LIB").expect("NVDS_PROTO_LIB is the path of an adaptor"));
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let port = free_port();
    let protocol = Protocol::Adaptor(path);
    if name.contains("mqtt") {
        let endpoint = mosquitto::configured(port, folder.path(), "loop-timeout=50");
        let at = folder.path().to_owned();
        let start = Box::new(move || mosquitto::mosquitto(port, &at, ""));
        Setting { endpoint: Endpoint { protocol, ..endpoint }, start, tells: true }
    } else if name.contains("kafka") {
        // Its group waits for half of the session's time-out at Tansu, and its own default is the topic's beginning.
        let settings = concat!(
            "consumer-proto-cfg=\"session.timeout.ms=3000;heartbeat.interval.ms=500;fetch.wait.max.ms=50;",
            "topic.metadata.refresh.interval.ms=1000\""
        );
        let endpoint = kafka::configured(port, folder.path(), settings);
        let start = Box::new(move || {
            let broker = kafka::tansu(port);
            kafka::ensure_topic(port, "events", 1);
            broker
        });
        Setting { endpoint: Endpoint { protocol, ..endpoint }, start, tells: false }
    } else {
        panic!("{name}: there is a broker here for Kafka's and MQTT's adaptor only");
    }
}

#[test]
#[ignore = "needs NVIDIA's adaptor for Kafka or MQTT, named by NVDS_PROTO_LIB"]
fn messages_come_through_and_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Setting { endpoint, start, tells } = setting(&folder);
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let subscription = Subscription::start(&endpoint, &["events".to_owned()], memory.clone()).unwrap();
    let publisher = Publisher::start(&endpoint, about_publisher.clone()).unwrap();
    memory.wait("the refusal", |told| told.lost().len() == 1);
    let mut broker = start();
    about_publisher.wait_connected(1);
    // What is built in brings its own client library into the same process.
    let built_in = Memory::new();
    let protocol = if tells { Protocol::Mqtt } else { Protocol::Kafka };
    let plain = Endpoint { protocol, conn_str: endpoint.conn_str.clone(), config_file: None };
    let beside = Subscription::start(&plain, &["events".to_owned()], built_in.clone()).unwrap();
    built_in.wait_connected(1);
    for round in 1..=2 {
        memory.wait_connected(if tells { round } else { 1 });
        // Until the subscription stands nobody can tell: the adaptors say that it does before it does.
        let wanted = format!("message {round}");
        let mut came = false;
        for _ in 0..600 {
            publisher.publish("events", wanted.clone().into_bytes()).unwrap();
            publisher.flush(LIMIT);
            thread::sleep(Duration::from_millis(100));
            came = memory.told().payloads().contains(&wanted.as_str());
            if came {
                break;
            }
        }
        assert!(came, "nothing came in round {round}: {:?}", memory.told().news);
        built_in.wait("the same", |told| told.payloads().contains(&wanted.as_str()));
        if round == 1 {
            drop(broker);
            if tells {
                memory.wait("the loss", |told| told.lost().len() >= 2);
            }
            broker = start();
            built_in.wait_connected(2);
        }
    }
    assert_eq!(publisher.flush(LIMIT), 0);
    drop((subscription, publisher, beside));
    drop(broker);
}
