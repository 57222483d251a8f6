//! Messages of a real MQTT broker come through, in both versions of the protocol, with TLS and with passwords.
//! The broker is mosquitto; both sides are ours, and what the broker itself says decides.
//! It leaves a broker that is down at the start to `a_broker_that_is_not_there`.
#![allow(clippy::unwrap_used)]

mod common;

use std::{process::Command, time::Duration};

use common::{LIMIT, Memory, certificates, free_port, mosquitto};
use trigger::broker::{Endpoint, MAX_PAYLOAD_BYTES, Publisher, Subscription};

fn topics(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A publisher sends, a subscription gets it, in order.
fn comes_through(endpoint: &Endpoint) {
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let _subscription = Subscription::start(endpoint, &topics(&["events/+"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let publisher = Publisher::start(endpoint, about_publisher.clone()).unwrap();
    for number in 0..200 {
        publisher.publish("events/door", number.to_string().into_bytes()).unwrap();
    }
    publisher.publish("events/empty", Vec::new()).unwrap();
    publisher.publish("events/large", vec![b'x'; 1_000_000]).unwrap();
    publisher.publish("events/too-large", vec![b'x'; 3_000_000]).unwrap();
    assert_eq!(publisher.flush(LIMIT), 0);
    let told = memory.wait("all messages", |told| told.messages.len() >= 203);
    let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(told.payloads()[..200], expected);
    assert_eq!(told.messages[200], ("events/empty".into(), String::new()));
    assert_eq!((told.messages[201].0.as_str(), told.messages[201].1.len()), ("events/large", 1_000_000));
    // As much as shows that it is too large, and no more.
    assert_eq!(told.messages[202].1.len(), MAX_PAYLOAD_BYTES + 1);
    assert_eq!((told.lost(), about_publisher.told().lost()), (vec![], vec![]));
}

#[test]
fn in_both_versions() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let _broker = mosquitto::mosquitto(port, folder.path(), "");
    comes_through(&mosquitto::endpoint(port));
    comes_through(&mosquitto::configured(port, folder.path(), "mqtt-version=5"));
}

#[test]
fn nothing_retained_unless_the_settings_say_so() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let _broker = mosquitto::mosquitto(port, folder.path(), "");
    let mut options = rumqttc::MqttOptions::new("retainer", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.publish("events", rumqttc::QoS::AtLeastOnce, true, "old").unwrap();
    let acknowledged = |event: Result<_, _>| matches!(event, Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))));
    assert!(connection.iter().any(acknowledged));
    for (settings, expected) in [
        ("", vec!["new"]),
        ("mqtt-version=5", vec!["new"]),
        ("retained=1", vec!["old", "new"]),
        ("mqtt-version=5\nretained=1", vec!["old", "new"]),
    ] {
        let endpoint = mosquitto::configured(port, folder.path(), settings);
        let memory = Memory::new();
        let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
        memory.wait_connected(1);
        client.publish("events", rumqttc::QoS::AtLeastOnce, false, "new").unwrap();
        assert!(connection.iter().any(acknowledged));
        let told = memory.wait("the new message", |told| told.payloads().contains(&"new"));
        assert_eq!(told.payloads(), expected, "{settings}");
    }
}

#[test]
fn with_a_password_and_not_without() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let passwords = folder.path().join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["door", "4711"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let settings = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let _broker = mosquitto::mosquitto(port, folder.path(), &settings);
    for version in ["3.1.1", "5"] {
        let with = |password| format!("mqtt-version={version}\nusername=door\npassword={password}");
        comes_through(&mosquitto::configured(port, folder.path(), &with("4711")));
        let memory = Memory::new();
        let wrong = mosquitto::configured(port, folder.path(), &with("wrong"));
        let _subscription = Subscription::start(&wrong, &topics(&["events"]), memory.clone()).unwrap();
        let told = memory.wait("the refusal", |told| !told.lost().is_empty());
        assert!(told.lost()[0].contains("not authorized"), "{:?}", told.news);
    }
}

#[test]
fn over_tls_with_certificates_on_both_sides() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let path = folder.path();
    certificates::make(path, &["server", "client"]);
    let at = |name: &str| path.join(name).display().to_string();
    let [ca, certificate, key] = ["ca.pem", "server.pem", "server.key"].map(at);
    let listener =
        format!("cafile {ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\nallow_anonymous true");
    let _broker = mosquitto::mosquitto(port, path, &listener);
    let files = format!("tls-cafile={ca}\ntls-certfile={}\ntls-keyfile={}", at("client.pem"), at("client.key"));
    comes_through(&mosquitto::configured(port, path, &format!("enable-tls=1\n{files}")));
    comes_through(&mosquitto::configured(port, path, &format!("enable-tls=1\nmqtt-version=5\n{files}")));
    // Signed by nobody that the system knows.
    let memory = Memory::new();
    let stranger = mosquitto::configured(port, path, "enable-tls=1");
    let _subscription = Subscription::start(&stranger, &topics(&["events"]), memory.clone()).unwrap();
    let told = memory.wait("the refusal", |told| !told.lost().is_empty());
    assert!(told.lost()[0].contains("certificate"), "{:?}", told.news);
}

#[test]
fn a_publisher_delivers_over_restarts_of_the_broker() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let mut broker = mosquitto::mosquitto(port, folder.path(), "");
    let endpoint = mosquitto::endpoint(port);
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    let publisher = Publisher::start(&endpoint, about_publisher.clone()).unwrap();
    about_publisher.wait_connected(1);
    for round in 1..=3 {
        memory.wait_connected(round);
        publisher.publish("events", format!("up {round}").into_bytes()).unwrap();
        memory.wait("the message", |told| told.payloads().contains(&format!("up {round}").as_str()));
        // The broker's acknowledgement may come after the message; without it the message is one to be sent again.
        assert_eq!(publisher.flush(LIMIT), 0);
        drop(broker);
        about_publisher.wait("the loss", |told| told.lost().len() >= round);
        memory.wait("the loss", |told| told.lost().len() >= round);
        publisher.publish("events", format!("down {round}").into_bytes()).unwrap();
        assert_eq!(publisher.flush(Duration::ZERO), 1);
        broker = mosquitto::mosquitto(port, folder.path(), "");
        assert_eq!(publisher.flush(LIMIT), 0);
    }
    drop(broker);
}
