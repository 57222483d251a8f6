//! How long a trigger takes through Kafka: from a message produced to its *accepted* receipt, which is made out when the
//! session has begun, beside the floor in the same run: plain librdkafka's message produced to message there.
//! Asserts nothing; prints medians and 99th percentiles. A graph's receipts leave through a FIFO, not through the broker, so
//! that the way back does not count.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Lines};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Graph, Latency};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

mod common;

const MESSAGES: usize = 200;
const TOPIC: &str = "smart-record";

const GRAPH: &str = "
---
name: triggers
components:
- name: broker
  type: nvidia::deepstream::NvDsMsgBrokerC2DReceiver
  parameters: {conn-str: 127.0.0.1;PORT, topics: smart-record, tx: tx}
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: recorder
components:
- name: smart_record
  type: nvidia::deepstream::NvDsSmartRecord
  parameters:
    uri-list: launch:videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency key-int-max=60
    smart-rec-dir-path: DIR
    smart-rec-sidecar: false
    smart-rec-overlap: extend
    smart-rec-max-sessions: 100
    msg-rx: rx
    done-tx: tx
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 16}}
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {name: message, type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
- {name: wake, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::OrSchedulingTermCombiner, parameters: {terms: [message, wake]}}
---
name: receipts
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 256}}
- {name: file, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: DIR/out, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: triggers/tx, target: recorder/rx}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: recorder/tx, target: receipts/rx}}
---
name: scheduler
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::EventBasedScheduler, parameters: {clock: clock, stop_on_deadlock: false}}
";

/// Tansu, killed when dropped.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start() -> Self {
        let named = std::env::var_os("TANSU").map(PathBuf::from);
        let program = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".tansu/tansu"));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let url = format!("tcp://127.0.0.1:{port}");
        let mut command = Command::new(&program);
        command.args(["broker", "--listener-url", &url, "--advertised-listener-url", &url]);
        command.args(["--storage-engine", "memory://tansu/"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut broker = Self { child: command.spawn().expect("scripts/setup fetches Tansu into .tansu/"), port };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(broker.child.try_wait().unwrap().is_none(), "Tansu ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        let topic = ["topic", "create", TOPIC, "--broker", &url, "--partitions", "1"];
        assert!(Command::new(program).args(topic).stdout(Stdio::null()).status().unwrap().success());
        broker
    }

    fn producer(&self) -> BaseProducer {
        self.client().set("linger.ms", "0").create().unwrap()
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", format!("127.0.0.1:{}", self.port));
        config
    }

    /// Reads the topic from its beginning, with these settings beside librdkafka's own.
    fn consumer(&self, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", "floor").set("enable.auto.commit", "false");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer = config.create().unwrap();
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
        consumer.assign(&place).unwrap();
        consumer
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Idle in between, as cameras that wait for events are: 20 to 120 ms, of all lengths, since the broker looks for messages
/// at intervals and would always be met at the same moment.
fn idle(number: usize) {
    std::thread::sleep(Duration::from_millis(20 + (number as u64 * 37) % 101));
}

fn produce(producer: &BaseProducer, payload: &str) -> Instant {
    let began = Instant::now();
    producer.send(BaseRecord::<(), _>::to(TOPIC).payload(payload)).map_err(|(error, _)| error).unwrap();
    producer.poll(Duration::ZERO);
    began
}

/// Produces messages one by one; `arrived` waits until one is there and says whether it counts.
fn measure(producer: &BaseProducer, mut arrived: impl FnMut(&str) -> bool) -> Latency {
    let mut warm = 0;
    let mut round = |id: &str| {
        let start = format!("{{\"command\":\"start-recording\",\"sensor\":{{\"id\":\"0\"}},\"id\":\"{id}\"}}");
        let began = produce(producer, &start);
        let counts = arrived(id);
        (began.elapsed(), counts)
    };
    while !round(&format!("warm-{warm}")).1 {
        warm += 1;
        idle(warm);
    }
    let mut times = Vec::with_capacity(MESSAGES);
    for number in 0..MESSAGES {
        idle(number);
        times.push(round(&format!("event-{number}")).0);
    }
    Latency::of(times)
}

/// Plain librdkafka with these settings of its consumer.
fn floor(settings: &[(&str, &str)]) -> Latency {
    let broker = Broker::start();
    let consumer = broker.consumer(settings);
    let producer = broker.producer();
    let times = measure(&producer, |id| {
        loop {
            let Some(Ok(message)) = consumer.poll(Duration::from_secs(5)) else { continue };
            if String::from_utf8_lossy(message.payload().unwrap()).contains(&format!("\"{id}\"")) {
                return true;
            }
        }
    });
    producer.flush(Duration::from_secs(5)).unwrap();
    times
}

/// The receipts' lines, read by this process.
fn receipts(graph: &Graph) -> Lines<BufReader<File>> {
    // Both directions: opening does not wait for the graph.
    let fifo = OpenOptions::new().read(true).write(true).open(graph.dir.path().join("out")).unwrap();
    BufReader::new(fifo).lines()
}

fn ours() -> Latency {
    let broker = Broker::start();
    let graph = Graph::start(&GRAPH.replace("PORT", &broker.port.to_string()), &["out"]);
    let mut lines = receipts(&graph);
    let producer = broker.producer();
    // Until the graph listens nothing answers: a message every now and then, until one is.
    let (first, begun) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let line = lines.next().unwrap().unwrap();
        first.send(line).unwrap();
        lines
    });
    while begun.recv_timeout(Duration::from_millis(200)).is_err() {
        produce(&producer, "{\"command\":\"stop-recording\",\"sensor\":{\"id\":\"0\"},\"id\":\"anyone\"}");
    }
    let mut lines = reader.join().unwrap();
    let times = measure(&producer, |id| {
        loop {
            let line = lines.next().unwrap().unwrap();
            if line.contains(&format!("\"id\":\"{id}\"")) && !line.contains("\"receipt\":\"done\"") {
                return line.contains("accepted") || line.contains("merged");
            }
        }
    });
    graph.stop();
    times
}

fn main() {
    let tuned = floor(&[("fetch.wait.max.ms", "50")]);
    let plain = floor(&[]);
    let ours = ours();
    println!("{MESSAGES} messages through Tansu 0.6 on this machine                 median       p99");
    println!("plain librdkafka as it comes, produced to there      {plain}");
    println!("the same with our fetch.wait.max.ms of 50 (floor)    {tuned}");
    println!("produced to session begun, the graph between         {ours}");
    println!("the graph's share (median)                           {:>9.3} ms", ours.median() - tuned.median());
    ours.rows("a message through Kafka to a session begun, ms", "librdkafka alone", &tuned);
}
