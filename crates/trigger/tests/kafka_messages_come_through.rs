//! Messages of a real broker come through: from now on, in order, of all partitions and topics, tombstones too.
//! The broker is Tansu, the producer plain librdkafka.
//! It leaves losses to `kafka_broker_is_killed_again_and_again`.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Memory, free_port, kafka};
use trigger::broker::{Publisher, Subscription};

fn topics(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn from_now_on_and_nothing_old() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    let producer = kafka::Producer::new(port);
    // One batch of several: Tansu's ListOffsets points to its second message.
    kafka::create_topic(port, "events", 1);
    for number in 0..3 {
        producer.send("events", Some(0), Some(&format!("old {number}")));
    }
    producer.flush();
    for round in 0..3 {
        let memory = Memory::new();
        let subscription = Subscription::start(&kafka::endpoint(port), &topics(&["events"]), memory.clone()).unwrap();
        memory.wait_connected(1);
        let new: Vec<String> = (0..3).map(|number| format!("new {round}.{number}")).collect();
        for payload in &new {
            producer.send("events", Some(0), Some(payload));
        }
        producer.flush();
        let told = memory.wait("the last message", |told| told.payloads().contains(&new[2].as_str()));
        assert_eq!(told.payloads(), new);
        drop(subscription);
        assert_eq!(memory.told().lost(), [""; 0]);
        producer.deliver("events", "while nobody listens");
    }
}

#[test]
fn order_is_kept_within_a_partition() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "events", 4);
    let memory = Memory::new();
    let _subscription = Subscription::start(&kafka::endpoint(port), &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let producer = kafka::Producer::new(port);
    for number in 0..400 {
        producer.send("events", Some(number % 4), Some(&format!("{} {number}", number % 4)));
    }
    let told = memory.wait("all messages", |told| told.messages.len() >= 400);
    for partition in 0..4 {
        let expected: Vec<String> =
            (0..400).filter(|n| n % 4 == partition).map(|number| format!("{partition} {number}")).collect();
        let mut found = told.payloads();
        found.retain(|payload| payload.starts_with(&format!("{partition} ")));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_topic_that_comes_later_comes_whole() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "here", 1);
    let memory = Memory::new();
    let endpoint = kafka::endpoint(port);
    let _subscription = Subscription::start(&endpoint, &topics(&["here", "later"]), memory.clone()).unwrap();
    let told = memory.wait_connected(1);
    assert_eq!(told.complaints, ["the topic \"later\" does not exist; it is waited for"]);
    let producer = kafka::Producer::new(port);
    // Makes the topic, with four partitions.
    for number in 0..20 {
        producer.send("later", None, Some(&number.to_string()));
    }
    producer.deliver("here", "here");
    let told = memory.wait("all messages", |told| told.messages.len() >= 21);
    let mut later: Vec<u32> = told
        .messages
        .iter()
        .filter(|(topic, _)| topic == "later")
        .map(|(_, payload)| payload.parse().unwrap())
        .collect();
    later.sort_unstable();
    assert_eq!(later, (0..20).collect::<Vec<_>>());
    assert!(told.messages.contains(&("here".into(), "here".into())));
    assert_eq!(told.complaints.len(), 1);
}

#[test]
fn a_tombstone_is_an_empty_message() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    let memory = Memory::new();
    let _subscription = Subscription::start(&kafka::endpoint(port), &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let producer = kafka::Producer::new(port);
    producer.send("events", Some(0), None);
    producer.flush();
    producer.deliver("events", "after");
    assert_eq!(memory.wait("both", |told| told.messages.len() >= 2).payloads(), ["", "after"]);
}

#[test]
fn a_consumer_group_goes_on_where_it_was() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    let producer = kafka::Producer::new(port);
    producer.deliver("events", "old");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = kafka::configured(port, folder.path(), "consumer-group-id=recorders");
    for (wanted, missed) in [("first", "missed 1"), ("second", "missed 2")] {
        let memory = Memory::new();
        let subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
        memory.wait_connected(1);
        producer.deliver("events", wanted);
        let told = memory.wait(wanted, |told| told.payloads().contains(&wanted));
        let expected = if wanted == "first" { vec!["first"] } else { vec!["missed 1", "second"] };
        assert_eq!(told.payloads(), expected);
        drop(subscription);
        producer.deliver("events", missed);
    }
}

#[test]
fn a_consumer_group_loses_nothing_with_the_broker_s_memory() {
    let port = free_port();
    let mut broker = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    kafka::Producer::new(port).deliver("events", "old");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = kafka::configured(port, folder.path(), "consumer-group-id=recorders");
    let memory = Memory::new();
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    kafka::Producer::new(port).deliver("events", "before");
    memory.wait("the message", |told| told.payloads() == ["before"]);
    drop(broker);
    memory.wait("the loss", |told| told.lost().len() == 1);
    broker = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    // The group has not come together again by then.
    kafka::Producer::new(port).deliver("events", "after");
    memory.wait_connected(2);
    memory.wait("the message", |told| told.payloads() == ["before", "after"]);
    drop(broker);
}

#[test]
fn the_beginning_if_the_settings_say_so() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "events", 1);
    let producer = kafka::Producer::new(port);
    producer.deliver("events", "old");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = kafka::configured(port, folder.path(), "consumer-proto-cfg=\"auto.offset.reset=earliest\"");
    let memory = Memory::new();
    let _subscription = Subscription::start(&endpoint, &topics(&["events"]), memory.clone()).unwrap();
    memory.wait("the old message", |told| told.payloads() == ["old"]);
}

#[test]
fn a_publisher_delivers() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "done", 1);
    let memory = Memory::new();
    let _subscription = Subscription::start(&kafka::endpoint(port), &topics(&["done"]), memory.clone()).unwrap();
    memory.wait_connected(1);
    let about_publisher = Memory::new();
    let publisher = Publisher::start(&kafka::endpoint(port), about_publisher.clone()).unwrap();
    for number in 0..100 {
        publisher.publish("done", format!("{number}").into_bytes()).unwrap();
    }
    assert_eq!(publisher.flush(common::LIMIT), 0);
    let told = memory.wait("all messages", |told| told.messages.len() >= 100);
    assert_eq!(told.payloads(), (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(about_publisher.wait_connected(1).messages, []);
}

#[test]
fn a_publisher_says_what_it_could_not_deliver() {
    let port = free_port();
    let _tansu = kafka::tansu(port);
    kafka::create_topic(port, "done", 1);
    let folder = tempfile::tempdir().unwrap();
    let endpoint = kafka::configured(port, folder.path(), "producer-proto-cfg=\"message.max.bytes=1000\"");
    let publisher = Publisher::start(&endpoint, Memory::new()).unwrap();
    publisher.publish("done", vec![b'x'; 2000]).unwrap();
    publisher.publish("done", b"x".to_vec()).unwrap();
    assert_eq!(publisher.flush(common::LIMIT), 1);
    assert_eq!(publisher.flush(common::LIMIT), 0);
}
