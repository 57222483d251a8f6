//! The settings of `proto-cfg` reach librdkafka: TLS, SASL PLAIN and SASL SCRAM work, and what fails is said clearly.
//! Behind the front that speaks TLS and PLAIN is Tansu, which knows SCRAM itself.
//! It leaves messages and their order to `kafka_messages_come_through`.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{LIMIT, Memory, certificates, free_port, front::Front, kafka};
use trigger::broker::{Endpoint, Publisher, Subscription};

fn events() -> Vec<String> {
    vec!["events".to_owned()]
}

/// The first reason why there is no connection.
fn reason(endpoint: &Endpoint) -> String {
    let memory = Memory::new();
    let _subscription = Subscription::start(endpoint, &events(), memory.clone()).unwrap();
    let told = memory.wait("the refusal", |told| !told.lost().is_empty());
    assert_eq!(told.connected(), 0);
    let reason = told.lost()[0].to_owned();
    assert!(!reason.contains("hunter2") && !reason.contains("4711"), "{reason}");
    reason
}

fn secured(port: u16, folder: &Path, more: &str) -> Endpoint {
    let user = "security.protocol=sasl_ssl;sasl.mechanism=PLAIN;sasl.username=door";
    kafka::configured(port, folder, &format!("proto-cfg=\"{user};{more}\""))
}

#[test]
fn over_tls_and_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certificates::make(path, &["server"]);
    let port = free_port();
    let front = Front::start(path, port);
    let _tansu = kafka::tansu_with(port, front.port, &[]);
    kafka::create_topic(port, "events", 1);
    let authority = format!("ssl.ca.location={}", path.join("ca.pem").display());

    let endpoint = secured(front.port, path, &format!("sasl.password=4711;{authority}"));
    let memory = Memory::new();
    let subscription = Subscription::start(&endpoint, &events(), memory.clone()).unwrap();
    let publisher = Publisher::start(&endpoint, Memory::new()).unwrap();
    memory.wait_connected(1);
    publisher.publish("events", b"over TLS".to_vec()).unwrap();
    assert_eq!(publisher.flush(LIMIT), 0);
    assert_eq!(memory.wait("the message", |told| !told.messages.is_empty()).payloads(), ["over TLS"]);
    drop((subscription, publisher));

    let wrong = reason(&secured(front.port, path, &format!("sasl.password=hunter2;{authority}")));
    assert!(wrong.contains("SASL authentication error: no such user, or another password"), "{wrong}");
    // The system knows no such authority.
    let stranger = reason(&secured(front.port, path, "sasl.password=4711"));
    assert!(stranger.contains("certificate") && stranger.contains("ssl.ca.location"), "{stranger}");
    let missing = secured(front.port, path, "sasl.password=4711;ssl.ca.location=/nowhere/ca.pem");
    let missing = Subscription::start(&missing, &events(), Memory::new()).unwrap_err().to_string();
    assert!(missing.contains("ssl.ca.location") && !missing.contains("4711"), "{missing}");
    // One side only: the other hangs up without a word, and librdkafka may have none of its own.
    let plain = reason(&secured(port, path, &format!("sasl.password=4711;{authority}")));
    let refused = reason(&kafka::endpoint(front.port));
    let words = ["SSL handshake failed", "Disconnected", "Broker transport failure"];
    for said in [plain, refused] {
        assert!(words.iter().any(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn scram_is_spoken_with_the_broker() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let _tansu = kafka::tansu_with(port, port, &["--authentication"]);
    let user = "security.protocol=sasl_plaintext;sasl.username=door;sasl.password=hunter2";
    let with = |mechanism: &str| {
        let settings = format!("proto-cfg=\"{user};sasl.mechanism={mechanism}\"");
        reason(&kafka::configured(port, folder.path(), &settings))
    };
    // The broker takes part in the exchange, and knows nobody.
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let unknown = with(mechanism);
        assert!(unknown.contains("SCRAM") && unknown.contains("unknown-user"), "{unknown}");
    }
    let none = Subscription::start(
        &kafka::configured(port, folder.path(), &format!("proto-cfg=\"{user};sasl.mechanism=NONE\"")),
        &events(),
        Memory::new(),
    );
    let none = none.unwrap_err().to_string();
    assert!(none.contains("NONE") && !none.contains("hunter2"), "{none}");
}
