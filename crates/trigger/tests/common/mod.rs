//! What the tests of the brokers share: a listener that remembers, a free port, programs that are stopped at the end.
//! Waiting is for an event, with a limit that only a failure reaches.
//! It leaves each broker to its own module.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

pub mod certificates;
pub mod double;
pub mod front;
pub mod kafka;
pub mod mosquitto;

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use trigger::broker::{Arrived, Listener, News};

/// Longer than anything takes here, also on a machine that is busy.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What came, in its order.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub messages: Vec<(String, String)>,
    pub news: Vec<News>,
    pub complaints: Vec<String>,
}

impl Told {
    pub fn payloads(&self) -> Vec<&str> {
        self.messages.iter().map(|(_, payload)| payload.as_str()).collect()
    }

    pub fn connected(&self) -> usize {
        self.news.iter().filter(|news| **news == News::Connected).count()
    }

    pub fn lost(&self) -> Vec<&str> {
        let reason = |news: &'_ News| matches!(news, News::Lost { .. });
        let lost = self.news.iter().filter(|news| reason(news));
        lost.map(|news| if let News::Lost { reason } = news { reason.as_str() } else { "" }).collect()
    }
}

/// A listener that remembers everything.
#[derive(Debug, Default)]
pub struct Memory {
    told: Mutex<Told>,
    changed: Condvar,
}

impl Memory {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until it is so, and gives what was told by then.
    pub fn wait(&self, what: &str, so: impl FnMut(&Told) -> bool) -> Told {
        self.wait_and(what, so, Told::clone)
    }

    /// The same, for many messages: only what is asked for is copied.
    pub fn wait_and<T>(&self, what: &str, mut so: impl FnMut(&Told) -> bool, then: impl FnOnce(&Told) -> T) -> T {
        let until = Instant::now() + LIMIT;
        let mut told = self.told.lock().unwrap();
        while !so(&told) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain for: {what}\nnews: {:?}\ncomplaints: {:?}\n{} messages",
                told.news,
                told.complaints,
                told.messages.len()
            );
            told = self.changed.wait_timeout(told, left).unwrap().0;
        }
        then(&told)
    }

    pub fn wait_connected(&self, times: usize) -> Told {
        self.wait("connected", |told| told.connected() >= times)
    }

    pub fn connected(&self) -> usize {
        self.told.lock().unwrap().connected()
    }

    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }
}

impl Listener for Memory {
    fn message(&self, message: Arrived) {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        self.told.lock().unwrap().messages.push((message.topic, payload));
        self.changed.notify_all();
    }

    fn news(&self, news: News) {
        self.told.lock().unwrap().news.push(news);
        self.changed.notify_all();
    }

    fn complaint(&self, text: String) {
        self.told.lock().unwrap().complaints.push(text);
        self.changed.notify_all();
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Drops it on a thread of its own, and fails if that takes for ever.
pub fn drops(what: &str, thing: impl Send + 'static) {
    let (done, wait) = mpsc::channel();
    let dropping = thread::spawn(move || {
        drop(thing);
        done.send(()).unwrap();
    });
    wait.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{what}: stopping takes for ever"));
    dropping.join().unwrap();
}

/// Waits until it is so, where nothing tells.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !so() {
        assert!(Instant::now() < until, "waited in vain for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A program that is killed at the end.
#[derive(Debug)]
pub struct Program(pub Child);

impl Program {
    /// Starts a broker and waits until it accepts connections.
    pub fn broker(command: &mut Command, port: u16) -> Self {
        let name = format!("{command:?}");
        let mut program = Self(command.spawn().unwrap_or_else(|error| panic!("{name}: {error}")));
        wait_until(&name, || {
            assert!(program.0.try_wait().unwrap().is_none(), "{name} ended");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
