//! What is wrong with a broker's settings is said at once, with file, key and what is allowed; no password is repeated.
//! A broker need not be there for that.
//! It leaves adaptors to `adaptors_of_every_kind_work`.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Memory, free_port, kafka, mosquitto};
use trigger::{
    Error,
    broker::{Endpoint, Protocol, Publisher, Subscription},
};

fn refusal(endpoint: &Endpoint) -> String {
    let error: Error = Subscription::start(endpoint, &["events".to_owned()], Memory::new()).unwrap_err();
    error.to_string()
}

#[test]
fn connection_strings() {
    for protocol in [Protocol::Kafka, Protocol::Mqtt] {
        for conn_str in ["", "localhost", "localhost;port", "a;1;b;2;c"] {
            let endpoint = Endpoint { protocol: protocol.clone(), conn_str: conn_str.into(), config_file: None };
            let (error, other) = (refusal(&endpoint), Publisher::start(&endpoint, Memory::new()).unwrap_err());
            assert!(error.starts_with("conn-str \"") && error.contains("host;port"), "{error}");
            assert_eq!(other.to_string(), error);
        }
    }
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    for (settings, words) in [
        ("proto-cgf=\"a=b\"", ["cfg_kafka.txt, proto-cgf", "allowed: proto-cfg"]),
        ("proto-cfg=\"no.such.setting=1\"", ["cfg_kafka.txt, proto-cfg", "\"no.such.setting\""]),
        ("consumer-proto-cfg=\"session.timeout.ms=hunter2\"", ["consumer-proto-cfg", "\"session.timeout.ms\""]),
        ("proto-cfg=\"hunter2\"", ["cfg_kafka.txt, proto-cfg", "name=value"]),
        // Each is right, and together they are not.
        (
            "consumer-proto-cfg=\"session.timeout.ms=6000;max.poll.interval.ms=1000\"",
            ["Kafka client", "max.poll.interval.ms"],
        ),
    ] {
        let error = refusal(&kafka::configured(port, folder.path(), settings));
        assert!(words.iter().all(|word| error.contains(word)), "{settings}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let missing = Endpoint { config_file: Some("/nowhere/cfg.txt".into()), ..kafka::endpoint(port) };
    assert!(refusal(&missing).contains("/nowhere/cfg.txt"));
    let error = refusal(&mosquitto::configured(port, folder.path(), "enable-tls=1\ntls-cafile=/nowhere/ca.pem"));
    assert!(error.contains("tls-cafile") && error.contains("/nowhere/ca.pem"), "{error}");
}

#[test]
fn topics() {
    let port = free_port();
    for endpoint in [kafka::endpoint(port), mosquitto::endpoint(port)] {
        for topics in [vec![], vec![String::new()], vec!["a".to_owned(), "b\0".to_owned()]] {
            let error = Subscription::start(&endpoint, &topics, Memory::new()).unwrap_err().to_string();
            assert!(error.starts_with("topics: "), "{error}");
        }
        let publisher = Publisher::start(&endpoint, Memory::new()).unwrap();
        assert!(publisher.publish("", b"x".to_vec()).unwrap_err().to_string().starts_with("topics: "));
    }
    let filter = Subscription::start(&mosquitto::endpoint(port), &["a/#/b".to_owned()], Memory::new());
    assert!(filter.unwrap_err().to_string().contains("topic filter"));
}
