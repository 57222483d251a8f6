//! A broker that is killed twenty times under load, and loses its memory each time: what it acknowledged after it came
//! back arrives, once. A message that is acknowledged and not yet fetched dies with it: only those are not counted.
//! It leaves a broker that is down at the start to `a_broker_that_is_not_there`.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use common::{Memory, Told, free_port, kafka, wait_until};
use trigger::broker::Subscription;

const KILLS: usize = 20;

/// Keeps a broker under load until it is dropped. No message is ever sent twice.
struct Load {
    acknowledged: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<usize>>,
}

impl Load {
    fn start(port: u16) -> Self {
        let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (list, ask) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let run = move || {
            let told = Arc::new(move |payload| list.lock().unwrap().push(payload));
            // What fails is not sent again: the next log would hold it a second time.
            let settings = [("message.send.max.retries", "0"), ("message.timeout.ms", "500")];
            let producer = kafka::Producer::telling(port, &settings, told);
            let mut number = 0;
            while !ask.load(Ordering::Relaxed) {
                producer.send("events", None, Some(&number.to_string()));
                producer.poll();
                number += 1;
            }
            number
        };
        Self { acknowledged, stop, thread: Some(thread::spawn(run)) }
    }

    /// How many messages the broker acknowledged so far.
    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    fn acknowledged_after(&self, count: usize) -> Vec<String> {
        self.acknowledged.lock().unwrap()[count..].to_vec()
    }

    fn stop(&mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// What did not come yet; a test that fails says what it was.
struct Missing(HashSet<String>);

impl Drop for Missing {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut numbers: Vec<u32> = self.0.iter().map(|payload| payload.parse().unwrap_or_default()).collect();
            numbers.sort_unstable();
            eprintln!("{} did not come: {:?} to {:?}", numbers.len(), numbers.first(), numbers.last());
        }
    }
}

/// Waits until all these came.
fn wait_for(memory: &Memory, wanted: Vec<String>) {
    let all = wanted.len();
    let mut missing = Missing(wanted.into_iter().collect());
    let mut looked_at = 0;
    let all_came = |told: &Told| {
        for (_, payload) in &told.messages[looked_at..] {
            missing.0.remove(payload);
        }
        looked_at = told.messages.len();
        missing.0.is_empty()
    };
    memory.wait_and(&format!("all {all} that were acknowledged"), all_came, |_| ());
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    let port = free_port();
    let mut broker = kafka::tansu(port);
    kafka::create_topic(port, "events", 4);
    let memory = Memory::new();
    let subscription = Subscription::start(&kafka::endpoint(port), &["events".to_owned()], memory.clone()).unwrap();
    memory.wait_connected(1);
    let mut load = Load::start(port);
    for _ in 0..KILLS {
        let before = load.count();
        wait_until("acknowledged messages", || load.count() > before + 50);
        wait_for(&memory, load.acknowledged_after(before));
        drop(broker);
        // Not one may be counted for the next life that the last one acknowledged: the loss is known by then.
        let connected = memory.connected();
        memory.wait_and("the loss", |told| told.lost().len() >= connected, |_| ());
        broker = kafka::tansu(port);
        // Tansu acknowledges what it is sent for a topic that it does not have, and drops it.
        kafka::ensure_topic(port, "events", 4);
    }
    // The last life ends when all is over: whatever it acknowledged must come.
    let before = load.count();
    wait_until("acknowledged messages", || load.count() > before + 50);
    let sent = load.stop();
    wait_for(&memory, load.acknowledged_after(before));
    drop(subscription);
    let told = memory.told();
    let mut times = HashMap::new();
    for payload in told.payloads() {
        *times.entry(payload).or_insert(0) += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{} of {sent} came more than once: {twice:?}", twice.len());
    assert!(told.connected() >= KILLS, "{:?}", told.news);
    drop(broker);
}
