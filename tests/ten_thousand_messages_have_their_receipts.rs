//! Promise: of ten thousand messages at full speed for sixteen sensors, one in a hundred of them malformed, each start has
//! exactly one done record and each malformed message one rejection, and the memory of the process stays as it was. Over Kafka,
//! and with fewer over MQTT.
//! Starts join what is being recorded (`extend`), so that some hundreds of files are written: the promise is about receipts.
//! Left to others: what is in the files, and brokers that go away.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use common::{Graph, Mosquitto, Tansu, check_receipt, free_port, repository};
use serde_json::{Value, json};

const SENSORS: usize = 16;
const MESSAGES: usize = 10_000;
/// As many as fill whatever grows with the load: inboxes and outboxes, the clients' queues, the heap.
const WARM_UP: usize = 4_000;

/// What the process may have grown by after the warm-up. One message's receipts are 3 KiB of JSON, and on their way to the
/// broker each takes 5 KiB of librdkafka's: kept, ten thousand of either would be 30 MiB and more. A heap that hundreds of
/// recordings have passed through is less than that larger: between 6 and 16 MiB were seen.
const GROWTH_KIB: u64 = 24 << 10;
/// A few more loads, until one of them leaves the memory as it was, to so much: 0.4 KiB a message. What is kept of each
/// message shows in every load; what the heap still grows by, to fit the largest burst so far, is over after one or two.
const MORE: [&str; 4] = ["more", "still more", "yet more", "even more"];
const MORE_MESSAGES: usize = 2_500;
const FLAT_KIB: u64 = 1 << 10;
/// One heap for all threads. Otherwise each processor brings eight of them, all with holes of their own, and the bound would
/// depend on the machine.
const ONE_HEAP: (&str, &str) = ("MALLOC_ARENA_MAX", "1");

const TOPIC: &str = "smart-record";
const RECEIPTS: &str = "smart-record-receipts";

/// Ten small pictures a second, a keyframe every half second.
const SOURCE: &str = "launch:videotestsrc is-live=true pattern=blue ! video/x-raw,width=64,height=64,framerate=10/1 \
                      ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=5";

/// What a message asks for, and so which receipts it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Stop,
    /// Rejected with this id.
    Malformed,
    /// Not even the id can be read.
    Unreadable,
}

/// Message `number` of a load; `id` is its event.
fn message(number: usize, id: &str) -> (Kind, Vec<u8>) {
    let sensor = format!("camera-{}", number % SENSORS);
    let start =
        json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id, "metadata": {"number": number}});
    let with = |member: &str, value: Value| {
        let mut message = start.clone();
        message[member] = value;
        (Kind::Malformed, message.to_string().into_bytes())
    };
    match (number % 100, number / 100 % 6) {
        (99, 0) => with("sensor", json!({"id": "nobody"})),
        (99, 1) => with("command", json!("record")),
        (99, 2) => with("start", json!("yesterday")),
        (99, 3) => with("sensor", Value::Null),
        (99, 4) => (Kind::Unreadable, b"\xff\xfe no JSON".to_vec()),
        (99, _) => (Kind::Unreadable, start.to_string().as_bytes()[..40].to_vec()),
        // So that each sensor has its turn.
        (50, _) if (number / 100).is_multiple_of(2) => stop(number / 200, id),
        _ => (Kind::Start, start.to_string().into_bytes()),
    }
}

fn stop(sensor: usize, id: &str) -> (Kind, Vec<u8>) {
    let sensor = format!("camera-{}", sensor % SENSORS);
    (Kind::Stop, json!({"command": "stop-recording", "sensor": {"id": sensor}, "id": id}).to_string().into_bytes())
}

/// Receipts by event, those without an id under an empty one.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<String, Vec<String>>,
    receipts: usize,
}

impl Tally {
    fn count(&mut self, receipt: &Value) {
        // One in so many: all of a kind are made the same way, and a schema takes its time.
        if self.receipts.is_multiple_of(50) {
            check_receipt(receipt).unwrap();
        }
        self.receipts += 1;
        let text = |member: &str| receipt[member].as_str().unwrap_or_default().to_owned();
        self.kinds.entry(text("id")).or_default().push(text("receipt"));
    }
}

/// A load: what was sent.
struct Load {
    prefix: &'static str,
    kinds: Vec<Kind>,
}

impl Load {
    /// So many messages.
    fn new(prefix: &'static str, count: usize) -> (Self, Vec<Vec<u8>>) {
        let (kinds, payloads) = (0..count).map(|number| message(number, &format!("{prefix} {number}"))).unzip();
        (Self { prefix, kinds }, payloads)
    }

    fn of(&self, kind: Kind) -> usize {
        self.kinds.iter().filter(|of| **of == kind).count()
    }

    /// How many receipts that makes.
    fn receipts(&self) -> usize {
        self.kinds.len() + self.of(Kind::Start)
    }

    /// Each message has its receipts, and no others.
    fn check(&self, tally: &Tally) {
        for (number, kind) in self.kinds.iter().enumerate() {
            let id = format!("{} {number}", self.prefix);
            let found = tally.kinds.get(&id).map(Vec::as_slice).unwrap_or_default();
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            let good = match kind {
                Kind::Start => matches!(found[..], ["accepted" | "merged", "done"]),
                // Nothing to be stopped is an answer, too.
                Kind::Stop => matches!(found[..], ["accepted" | "rejected"]),
                Kind::Malformed => found == ["rejected"],
                Kind::Unreadable => found.is_empty(),
            };
            assert!(good, "{id}, {kind:?}: {found:?}");
        }
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Until each sensor's source has sent its first keyframe a start is rejected; the answers pace the attempts.
fn wait_until_recordable(publish: impl Fn(&[u8]), mut receipt: impl FnMut(&str, &[&str]) -> Value) {
    let mut accepted = Vec::new();
    for sensor in 0..SENSORS {
        for attempt in 0.. {
            let id = format!("attempt {attempt} of {sensor}");
            let start = json!({"command": "start-recording", "sensor": {"id": format!("camera-{sensor}")}, "id": id});
            publish(start.to_string().as_bytes());
            if receipt(&id, &["accepted", "rejected"])["receipt"] == "accepted" {
                accepted.push(id);
                break;
            }
        }
    }
    for id in accepted {
        receipt(&id, &["done"]);
    }
}

fn is(receipt: &Value, id: &str, kinds: &[&str]) -> bool {
    receipt["id"] == id && kinds.iter().any(|kind| receipt["receipt"] == *kind)
}

/// A shipped graph with sixteen sensors.
fn graph(name: &str, conn_str: &str) -> Graph {
    let names: Vec<_> = (0..SENSORS).map(|sensor| format!("camera-{sensor}")).collect();
    Graph::shipped(name)
        .with_cloud_messages()
        .file(&repository().join("graphs").join(format!("{name}.parameters.yaml")))
        .sources(&[SOURCE; SENSORS])
        .set("sensor-id-list", &names.join(";"))
        .set("smart-rec-cache", "2")
        .set("smart-rec-default-duration", "1")
        .set("smart-rec-overlap", "extend")
        // A session takes a hundred further starts, then the next one begins.
        .set("smart-rec-max-sessions", "1000")
        .environment(ONE_HEAP)
        .parameter("triggers", "broker", "conn-str", conn_str)
        .parameter("answers", "broker", "conn-str", conn_str)
}

/// Each message of these loads has its receipts; and there is no other receipt.
fn check(loads: &[&Load], tally: &Tally) {
    loads.iter().for_each(|load| load.check(tally));
    let unreadable: usize = loads.iter().map(|load| load.of(Kind::Unreadable)).sum();
    assert_eq!(tally.kinds[""], vec!["rejected"; unreadable]);
    assert_eq!(tally.receipts, loads.iter().map(|load| load.receipts()).sum::<usize>());
}

/// What the memory grew by in the last load, in KiB.
fn grew(loads: &[(Load, u64)]) -> u64 {
    let resident = |back: usize| loads[loads.len() - back].1;
    resident(1).saturating_sub(resident(2))
}

#[test]
fn ten_thousand_messages_at_full_speed() {
    let broker = Tansu::start(free_port(), &[TOPIC, RECEIPTS]);
    let mut run = graph("kafka", &broker.conn_str()).start();
    run.line_with("triggers/broker: connected to the broker");
    let mut receipts = broker.read(RECEIPTS);
    let publish = |message: &[u8]| broker.publish(TOPIC, message);
    wait_until_recordable(publish, |id, kinds| receipts.message(id, |receipt| is(receipt, id, kinds)));

    let mut tally = Tally::default();
    let mut loads: Vec<(Load, u64)> = Vec::new();
    let plan =
        [("warm-up", WARM_UP), ("event", MESSAGES)].into_iter().chain(MORE.map(|prefix| (prefix, MORE_MESSAGES)));
    for (prefix, count) in plan {
        let (load, payloads) = Load::new(prefix, count);
        broker.publish_all(TOPIC, &payloads);
        let wanted = tally.receipts + load.receipts();
        while tally.receipts < wanted {
            tally.count(&receipts.next(&format!("receipt {} of {wanted}", tally.receipts)));
        }
        loads.push((load, resident_kib(run.id())));
        if loads.len() > 2 && grew(&loads) <= FLAT_KIB {
            break;
        }
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{:#?}", outcome.lines_with("ERROR"));
    assert_eq!(outcome.lines_with("could not be delivered"), [""; 0]);
    // Whatever else it had to say is on the topic now.
    broker.publish(RECEIPTS, json!({"receipt": "end of test"}).to_string().as_bytes());
    let mut more = receipts.next("the end");
    while more["receipt"] != "end of test" {
        tally.count(&more);
        more = receipts.next("the end");
    }
    check(&loads.iter().map(|(load, _)| load).collect::<Vec<_>>(), &tally);
    let resident: Vec<u64> = loads.iter().map(|(_, resident)| *resident).collect();
    println!("resident memory in KiB after each load: {resident:?}");
    // AddressSanitizer's allocator (scripts/sanitize) keeps what is freed: what the process has then says nothing of us.
    if std::env::var_os("ASAN_OPTIONS").is_some() {
        return;
    }
    assert!(
        resident[1] <= resident[0] + GROWTH_KIB,
        "after the warm-up and ten thousand messages, in KiB: {resident:?}"
    );
    assert!(grew(&loads) <= FLAT_KIB, "the memory grows with every load, in KiB: {resident:?}");
}

/// Over MQTT fewer: mosquitto drops what waits for a subscriber beyond a thousand messages.
#[test]
fn eight_hundred_messages_at_full_speed_over_mqtt() {
    let broker = Mosquitto::start();
    let mut run = graph("mqtt", &broker.conn_str()).start();
    run.line_with("triggers/broker: connected to the broker");
    let client = RefCell::new(broker.client(RECEIPTS));
    let publish = |message: &[u8]| client.borrow().publish(TOPIC, message);
    wait_until_recordable(publish, |id, kinds| client.borrow_mut().message(|receipt| is(receipt, id, kinds)));
    let (load, payloads) = Load::new("event", 800);
    payloads.iter().for_each(|payload| publish(payload));
    let mut tally = Tally::default();
    while tally.receipts < load.receipts() {
        tally.count(&client.borrow_mut().next());
    }
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{:#?}", outcome.lines_with("ERROR"));
    client.borrow().publish(RECEIPTS, json!({"receipt": "end of test"}).to_string().as_bytes());
    let mut more = client.borrow_mut().next();
    while more["receipt"] != "end of test" {
        tally.count(&more);
        more = client.borrow_mut().next();
    }
    check(&[&load], &tally);
}
