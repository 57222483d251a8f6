//! How long a trigger takes: from a line written to the FIFO to the *accepted* receipt read from another FIFO, through
//! the real runtime, beside the floor in the same run: the same graph without a recorder, which only hands messages on.
//! Asserts nothing; prints medians, 99th percentiles and their difference, which is the recorder's share.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::time::{Duration, Instant};

use common::{Graph, Latency};

mod common;

const MESSAGES: usize = 500;

const ENDS: &str = "
---
name: messages
components:
- {name: file, type: nvidia::deepstream::NvDsMsgFileReceiver, parameters: {path: DIR/in, tx: tx}}
- {name: tx, type: nvidia::gxf::DoubleBufferTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: receipts
components:
- {name: rx, type: nvidia::gxf::DoubleBufferReceiver, parameters: {capacity: 64}}
- {name: file, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: DIR/out, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
name: scheduler
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::EventBasedScheduler, parameters: {clock: clock, stop_on_deadlock: false}}
";

const RECORDER: &str = "
---
name: recorder
components:
- name: smart_record
  type: nvidia::deepstream::NvDsSmartRecord
  parameters:
    uri-list: launch:videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency key-int-max=60
    smart-rec-dir-path: DIR
    smart-rec-sidecar: false
    msg-rx: rx
    done-tx: tx
- {name: rx, type: nvidia::gxf::DoubleBufferReceiver, parameters: {capacity: 64}}
- {name: tx, type: nvidia::gxf::DoubleBufferTransmitter, parameters: {capacity: 64}}
- {name: message, type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
- {name: wake, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::OrSchedulingTermCombiner, parameters: {terms: [message, wake]}}
---
components:
- {type: nvidia::gxf::Connection, parameters: {source: messages/tx, target: recorder/rx}}
---
components:
- {type: nvidia::gxf::Connection, parameters: {source: recorder/tx, target: receipts/rx}}
";

const STRAIGHT: &str = "
---
components:
- {type: nvidia::gxf::Connection, parameters: {source: messages/tx, target: receipts/rx}}
";

struct Loop {
    graph: Graph,
    input: File,
    output: Lines<BufReader<File>>,
}

impl Loop {
    fn start(middle: &str) -> Self {
        let graph = Graph::start(&format!("{middle}{ENDS}"), &["in", "out"]);
        let open = |name| OpenOptions::new().read(true).write(true).open(graph.dir.path().join(name)).unwrap();
        let (input, output) = (open("in"), BufReader::new(open("out")).lines());
        Self { graph, input, output }
    }

    /// Sends one message and waits for a line about it.
    fn round(&mut self, id: &str, wanted: &str) -> (Duration, bool) {
        let message = format!("{{\"command\":\"start-recording\",\"sensor\":{{\"id\":\"0\"}},\"id\":\"{id}\"}}\n");
        let began = Instant::now();
        self.input.write_all(message.as_bytes()).unwrap();
        loop {
            let line = self.output.next().unwrap().unwrap();
            if line.contains(&format!("\"id\":\"{id}\"")) {
                return (began.elapsed(), line.contains(wanted));
            }
        }
    }
}

fn measure(middle: &str, wanted: &str) -> Latency {
    let mut graph = Loop::start(middle);
    // Until the first frame has come, starts are rejected; then the runner is warm as well.
    let mut warm = 0;
    while !graph.round(&format!("warm-{warm}"), wanted).1 {
        warm += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut times = Vec::with_capacity(MESSAGES);
    for round in 0..MESSAGES {
        // Idle in between, as a graph that waits for events is.
        std::thread::sleep(Duration::from_millis(20));
        times.push(graph.round(&format!("event-{round}"), "").0);
    }
    graph.graph.stop();
    Latency::of(times)
}

fn main() {
    let floor = measure(STRAIGHT, "start-recording");
    let ours = measure(RECORDER, "accepted");
    println!("{MESSAGES} messages, FIFO to FIFO, EventBasedScheduler     median       p99");
    println!("messages handed on, no recorder (the floor)        {floor}");
    println!("message to receipt, recorder between               {ours}");
    println!("the recorder's share (median)                      {:>9.3} ms", ours.median() - floor.median());
    ours.rows("a message to its receipt, FIFO to FIFO, ms", "handed on, no recorder", &floor);
}
