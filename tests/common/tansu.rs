//! Tansu, a broker that speaks Kafka's protocol, with its memory as storage: killed, it has lost everything.
//! And plain librdkafka at the other end of a graph's topics, which knows nothing of ours.
//! Left to others: fetching the program (scripts/setup), and what messages say.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;
use testbed::HANG_GUARD;

use super::repository;

/// A broker on this machine.
pub struct Tansu {
    child: Child,
    port: u16,
}

/// $TANSU, or where scripts/setup puts it.
fn program() -> PathBuf {
    let path = std::env::var_os("TANSU").map_or_else(|| repository().join(".tansu/tansu"), PathBuf::from);
    assert!(path.is_file(), "no Tansu at {}: run scripts/setup, or set TANSU to the program", path.display());
    path
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Tansu {
    /// Starts a broker with these topics, of one partition each, and waits until it has them.
    pub fn start(port: u16, topics: &[&str]) -> Self {
        let url = format!("tcp://127.0.0.1:{port}");
        let mut command = Command::new(program());
        command.args(["broker", "--listener-url", &url, "--advertised-listener-url", &url]);
        command.args(["--storage-engine", "memory://tansu/"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut broker = Self { child: command.spawn().unwrap(), port };
        let until = Instant::now() + HANG_GUARD;
        // It tells nobody when it listens.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(broker.child.try_wait().unwrap().is_none(), "Tansu ended");
            assert!(Instant::now() < until, "Tansu does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(5));
        }
        for topic in topics {
            let mut command = Command::new(program());
            command.args(["topic", "create", topic, "--broker", &url, "--partitions", "1"]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        broker
    }

    /// As a graph names it.
    pub fn conn_str(&self) -> String {
        format!("localhost;{}", self.port)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", format!("127.0.0.1:{}", self.port));
        config
    }

    /// Publishes a message and waits until the broker has it.
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        let producer: BaseProducer = self.client().set("linger.ms", "0").create().unwrap();
        producer.send(BaseRecord::<(), _>::to(topic).payload(payload)).map_err(|(error, _)| error).unwrap();
        producer.flush(HANG_GUARD).unwrap();
    }

    /// Publishes many messages as fast as it goes, and waits until the broker has them.
    pub fn publish_all(&self, topic: &str, payloads: &[Vec<u8>]) {
        let producer: BaseProducer = self.client().create().unwrap();
        for payload in payloads {
            producer.send(BaseRecord::<(), _>::to(topic).payload(payload)).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(HANG_GUARD).unwrap();
    }

    /// Reads a topic from its beginning.
    pub fn read(&self, topic: &str) -> Topic {
        let mut config = self.client();
        config.set("group.id", "reader").set("fetch.wait.max.ms", "20").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&place).unwrap();
        Topic { consumer, seen: Vec::new() }
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON messages of a topic.
pub struct Topic {
    consumer: BaseConsumer,
    seen: Vec<Value>,
}

impl Topic {
    /// The first message that is wanted, past or to come.
    pub fn message(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(message) = self.seen.iter().find(|message| wanted(message)) {
            return message.clone();
        }
        let until = Instant::now() + HANG_GUARD;
        while let Some(message) = self.poll(until) {
            self.seen.push(message.clone());
            if wanted(&message) {
                return message;
            }
        }
        panic!("{what} did not arrive; what did: {:#?}", self.seen);
    }

    /// The next message, which is not kept.
    pub fn next(&mut self, what: &str) -> Value {
        self.poll(Instant::now() + HANG_GUARD).unwrap_or_else(|| panic!("{what} did not arrive"))
    }

    fn poll(&mut self, until: Instant) -> Option<Value> {
        while Instant::now() < until {
            // Errors of the connection are no messages; the limit tells that none came.
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            return Some(serde_json::from_slice(message.payload().unwrap_or_default()).unwrap());
        }
        None
    }
}
