//! Tansu, a broker that speaks Kafka's protocol, with its memory as storage: killed, it has lost everything.
//! And a producer that knows nothing of ours.
//! It leaves fetching the program to scripts/setup.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext},
};
use trigger::broker::{Endpoint, Protocol};

use super::{LIMIT, Program};

/// $TANSU, or where scripts/setup puts it.
fn program() -> PathBuf {
    let at_home = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tansu/tansu");
    let path = env::var_os("TANSU").map_or_else(at_home, PathBuf::from);
    assert!(path.is_file(), "no Tansu at {} (run scripts/setup, or set TANSU to the program)", path.display());
    path
}

/// Starts a broker with an empty memory.
pub fn tansu(port: u16) -> Program {
    tansu_with(port, port, &[])
}

/// The same, for clients that come by another port, and with other arguments.
pub fn tansu_with(port: u16, advertised: u16, arguments: &[&str]) -> Program {
    let mut command = Command::new(program());
    command.args(["broker", "--listener-url", &format!("tcp://127.0.0.1:{port}")]);
    command.args(["--advertised-listener-url", &format!("tcp://127.0.0.1:{advertised}")]).args(arguments);
    command.args(["--storage-engine", "memory://tansu/"]).stdout(Stdio::null()).stderr(Stdio::null());
    Program::broker(&mut command, port)
}

/// Makes a topic.
pub fn create_topic(port: u16, topic: &str, partitions: u32) {
    let output = try_topic(port, topic, partitions);
    assert!(output.status.success(), "topic {topic}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a topic, unless a producer just did.
pub fn ensure_topic(port: u16, topic: &str, partitions: u32) {
    let output = try_topic(port, topic, partitions);
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // Tansu has two ways of saying so.
    let is_there = text.contains("AlreadyExists") || text.contains("already exists");
    assert!(output.status.success() || is_there, "topic {topic}: {text}");
}

fn try_topic(port: u16, topic: &str, partitions: u32) -> Output {
    let url = format!("tcp://127.0.0.1:{port}");
    let mut command = Command::new(program());
    command.args(["topic", "create", topic, "--broker", &url, "--partitions", &partitions.to_string()]);
    command.output().unwrap()
}

pub fn endpoint(port: u16) -> Endpoint {
    Endpoint { protocol: Protocol::Kafka, conn_str: format!("127.0.0.1;{port}"), config_file: None }
}

/// The same with a settings file in `folder`.
pub fn configured(port: u16, folder: &Path, settings: &str) -> Endpoint {
    let path = folder.join("cfg_kafka.txt");
    std::fs::write(&path, format!("[message-broker]\n{settings}\n")).unwrap();
    Endpoint { config_file: Some(path), ..endpoint(port) }
}

/// Called with each message that the broker acknowledged.
type OnDelivered = dyn Fn(String) + Send + Sync;

struct Context(Arc<OnDelivered>);

impl ClientContext for Context {
    fn error(&self, _: rdkafka::error::KafkaError, _: &str) {}
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(message) = result {
            let payload = rdkafka::Message::payload(message).unwrap_or_default();
            (self.0)(String::from_utf8_lossy(payload).into_owned());
        }
    }
}

/// Plain librdkafka.
pub struct Producer(BaseProducer<Context>);

impl Producer {
    pub fn new(port: u16) -> Self {
        Self::telling(port, &[], Arc::new(|_| ()))
    }

    pub fn telling(port: u16, settings: &[(&str, &str)], delivered: Arc<OnDelivered>) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", format!("127.0.0.1:{port}")).set("linger.ms", "0");
        config.set("reconnect.backoff.max.ms", "200");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        Self(config.create_with_context(Context(delivered)).unwrap())
    }

    /// Queues; partition `None` leaves it to librdkafka.
    pub fn send(&self, topic: &str, partition: Option<i32>, payload: Option<&str>) {
        let mut record: BaseRecord<'_, str, str> = BaseRecord::to(topic);
        record.partition = partition;
        record.payload = payload;
        record.key = payload.is_none().then_some("key");
        self.0.send(record).map_err(|(error, _)| error).unwrap();
    }

    pub fn poll(&self) {
        self.0.poll(Duration::from_millis(1));
    }

    /// Until the broker has all.
    pub fn flush(&self) {
        self.0.flush(LIMIT).unwrap();
    }

    /// One message in a batch of its own, acknowledged.
    pub fn deliver(&self, topic: &str, payload: &str) {
        self.send(topic, None, Some(payload));
        self.flush();
    }
}
