//! A protocol adaptor may behave in every way that NVIDIA's do, and in some more: messages come through.
//! The adaptor is a double in C; what it does is in tests/double/adaptor.c.
//! It leaves NVIDIA's own to `nvidia_s_adaptors`.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    time::Duration,
};

use common::{LIMIT, Memory, double, drops};
use trigger::broker::{MAX_PAYLOAD_BYTES, Publisher, Subscription};

fn topics(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Sends messages on one connection; they come in on another that behaves so.
fn comes_through(path: &Path, behaviour: &str) {
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let endpoint = double::endpoint(path, behaviour);
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let publisher = Publisher::start(&double::endpoint(path, "plain"), about_publisher.clone()).unwrap();
    for number in 0..500 {
        publisher.publish("events", number.to_string().into_bytes()).unwrap();
    }
    publisher.publish("events", Vec::new()).unwrap();
    // Neither terminated nor text.
    publisher.publish("events", vec![0, 255]).unwrap();
    assert_eq!(publisher.flush(LIMIT), 0, "{behaviour}");
    let told = memory.wait("all messages", |told| told.messages.len() >= 502);
    let mut expected: Vec<(String, String)> = (0..500).map(|number| ("events".into(), number.to_string())).collect();
    expected.push(("events".into(), String::new()));
    expected.push(("events".into(), "\0\u{fffd}".into()));
    assert_eq!(told.messages, expected, "{behaviour}");
    let complaints = if behaviour.contains("error-first") { 1 } else { 0 };
    assert_eq!(told.complaints, vec!["the adaptor says: a passing error"; complaints], "{behaviour}");
}

#[test]
fn whoever_calls_back_and_whatever_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    for behaviour in ["plain", "thread", "thread;no-topic", "error-first", "slow;thread;error-first;no-topic"] {
        comes_through(&path, behaviour);
    }
}

#[test]
fn adaptors_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let adaptor = |tag: &str| {
        let own = folder.path().join(tag);
        std::fs::create_dir(&own).unwrap();
        double::compile(&own, &[&format!("-DTAG=\"{tag}\"")])
    };
    // Each exports the same function that is no part of the API, and calls it.
    for tag in ["first", "second"] {
        let endpoint = double::endpoint(&adaptor(tag), "thread");
        let memory = Memory::new();
        let _subscription = Subscription::start(&endpoint, &topics(&["tag"]), memory.clone()).unwrap();
        memory.wait_connected(1);
        let publisher = Publisher::start(&endpoint, Memory::new()).unwrap();
        publisher.publish("tag", b"whose".to_vec()).unwrap();
        assert_eq!(memory.wait("the answer", |told| !told.messages.is_empty()).payloads(), [tag]);
    }
}

#[test]
fn a_payload_is_bounded_and_a_flood_keeps_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let memory = Memory::new();
    let _subscription =
        Subscription::start(&double::endpoint(&path, "thread"), &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let publisher = Publisher::start(&double::endpoint(&path, "plain"), Memory::new()).unwrap();
    publisher.publish("events", vec![b'x'; 2 * MAX_PAYLOAD_BYTES]).unwrap();
    let told = memory.wait("the message", |told| !told.messages.is_empty());
    assert_eq!(told.messages[0].1.len(), MAX_PAYLOAD_BYTES + 1);

    // An adaptor that calls back without a pause is stopped all the same.
    let memory = Memory::new();
    let endpoint = double::endpoint(&path, "thread;flood");
    let flooded = Subscription::start(&endpoint, &topics(&["flood"]), memory.clone()).unwrap();
    memory.wait_and("many messages", |told| told.messages.len() > 20_000, |_| ());
    drops("a flood", flooded);
}

#[test]
fn a_broker_that_falls_silent_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = broker.local_addr().unwrap();
    let memory = Memory::new();
    let endpoint = double::endpoint(&path, &format!("127.0.0.1;{};thread", address.port()));
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    // The double goes on without a word, as NVIDIA's for AMQP.
    drop(broker);
    let told = memory.wait("the loss", |told| !told.lost().is_empty());
    assert!(told.lost()[0].contains(&address.to_string()), "{:?}", told.news);
    memory.wait_connected(2);
}

#[test]
fn a_storm_of_losses_is_one_loss_and_then_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let endpoint = double::endpoint(&path, "thread");
    let (memory, about_publisher) = (Memory::new(), Memory::new());
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    let publisher = Publisher::start(&double::endpoint(&path, "plain"), about_publisher.clone()).unwrap();
    for round in 1..=3 {
        memory.wait_connected(round);
        publisher.publish("control", b"lose".to_vec()).unwrap();
        memory.wait_connected(round + 1);
        assert_eq!(memory.told().lost().len(), round, "{:?}", memory.told().news);
        publisher.publish("events", round.to_string().into_bytes()).unwrap();
        memory.wait("the message", |told| told.payloads().contains(&round.to_string().as_str()));
        // One that came, and whose completion did not, would be sent again after the next loss.
        assert_eq!(publisher.flush(LIMIT), 0);
    }
    assert_eq!(memory.told().payloads(), ["1", "2", "3"]);
    assert_eq!(about_publisher.told().lost().len(), 3);
}

#[test]
fn a_loss_that_comes_before_the_handle_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let memory = Memory::new();
    let endpoint = double::endpoint(&path, "early-down");
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(2);
    assert_eq!(memory.told().lost().len(), 1);
}

#[test]
fn ghosts_are_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let (old, new) = (Memory::new(), Memory::new());
    for round in 0..5 {
        let endpoint = double::endpoint(&path, "late;thread");
        let subscription = Subscription::start(&endpoint, &topics(&["events"]), old.clone()).unwrap();
        old.wait_connected(round + 1);
        drop(subscription);
    }
    // While the old ones still call, a new one is only told of itself.
    let _subscription =
        Subscription::start(&double::endpoint(&path, "thread"), &topics(&["events"]), new.clone()).unwrap();
    new.wait_connected(1);
    let publisher = Publisher::start(&double::endpoint(&path, "plain"), Memory::new()).unwrap();
    for _ in 0..100 {
        publisher.publish("events", b"new".to_vec()).unwrap();
        assert_eq!(publisher.flush(LIMIT), 0);
    }
    let told = new.wait("all messages", |told| told.messages.len() >= 100);
    assert!(told.payloads().iter().all(|payload| *payload == "new"), "{told:?}");
    assert_eq!((told.news.len(), old.told().messages.len()), (1, 0));
}

#[test]
fn what_could_not_be_sent_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = double::compile(folder.path(), &[]);
    let publisher = Publisher::start(&double::endpoint(&path, "plain"), Memory::new()).unwrap();
    publisher.publish("refused", b"x".to_vec()).unwrap();
    publisher.publish("events", b"x".to_vec()).unwrap();
    assert_eq!(publisher.flush(LIMIT), 1);
    publisher.publish("control", b"fail".to_vec()).unwrap();
    publisher.publish("events", b"x".to_vec()).unwrap();
    assert_eq!(publisher.flush(LIMIT), 2);
    assert_eq!(publisher.flush(LIMIT), 0);
}

#[test]
fn what_is_no_adaptor_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |options: &[&str]| {
        let own = tempfile::tempdir_in(folder.path()).unwrap();
        let endpoint = double::endpoint(&double::compile(own.path(), options), "plain");
        let error = Subscription::start(&endpoint, &topics(&["events"]), Memory::new()).unwrap_err().to_string();
        assert!(error.contains("libdouble.so"), "{error}");
        error
    };
    assert!(refusal(&["-DVERSION=\"9.1\""]).contains("\"9.1\""));
    assert!(refusal(&["-DVERSION=\"\""]).contains("allowed: 1 to 4"));
    assert!(refusal(&["-DVERSION=NULL"]).contains("does not tell its version"));
    assert!(refusal(&["-DNO_DO_WORK"]).contains("nvds_msgapi_do_work"));
    assert!(refusal(&["-DNO_SUBSCRIBE"]).contains("nvds_msgapi_subscribe"));

    let missing = double::endpoint(Path::new("/nowhere/libx.so"), "plain");
    let error = Subscription::start(&missing, &topics(&["events"]), Memory::new()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/libx.so") && error.contains("No such file"), "{error}");

    let path = double::compile(folder.path(), &[]);
    let none = Subscription::start(&double::endpoint(&path, "plain"), &[], Memory::new()).unwrap_err().to_string();
    assert!(none.contains("topics"), "{none}");
    let mut unreadable = double::endpoint(&path, "plain");
    unreadable.config_file = Some("/nowhere/cfg.txt".into());
    let error = Publisher::start(&unreadable, Memory::new()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/cfg.txt"), "{error}");
    // One that cannot subscribe can still send.
    let own = tempfile::tempdir_in(folder.path()).unwrap();
    let sender = double::endpoint(&double::compile(own.path(), &["-DNO_SUBSCRIBE"]), "plain");
    let publisher = Publisher::start(&sender, Memory::new()).unwrap();
    publisher.publish("events", b"x".to_vec()).unwrap();
    assert_eq!(publisher.flush(Duration::from_secs(60)), 0);
}
