//! What an idle recorder costs: CPU time of the runner with one camera that nobody triggers, by thread, beside the floor
//! in the same run, the same camera received by gst-launch-1.0 into a fakesink.
//! Asserts nothing. The camera is a process of its own and is not counted.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::Graph;
use testbed::{RtspCamera, Scene};

mod common;

/// Long enough for hundreds of clock ticks' worth of differences to be seen.
const PERIOD: Duration = Duration::from_secs(15);

const GRAPH: &str = "
---
name: recorder
components:
- name: smart_record
  type: nvidia::deepstream::NvDsSmartRecord
  parameters: {uri-list: 'URL', smart-rec-dir-path: DIR, msg-rx: rx}
- {name: rx, type: nvidia::gxf::DoubleBufferReceiver, parameters: {capacity: 64}}
- {name: message, type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
- {name: wake, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::OrSchedulingTermCombiner, parameters: {terms: [message, wake]}}
---
name: scheduler
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::EventBasedScheduler, parameters: {clock: clock, stop_on_deadlock: false}}
";

/// CPU time of each thread so far in nanoseconds, by the thread's name.
fn threads(pid: u32) -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let task = task.unwrap().path();
        // A thread may end while it is looked at.
        let (Ok(name), Ok(times_of)) =
            (std::fs::read_to_string(task.join("comm")), std::fs::read_to_string(task.join("schedstat")))
        else {
            continue;
        };
        let cpu: u64 = times_of.split_whitespace().next().unwrap().parse().unwrap();
        *times.entry(name.trim().to_owned()).or_default() += cpu;
    }
    times
}

/// CPU per thread name in a second of wall time, in nanoseconds, once the process has settled.
fn measure(pid: u32) -> BTreeMap<String, u64> {
    std::thread::sleep(Duration::from_secs(4));
    let before = threads(pid);
    std::thread::sleep(PERIOD);
    let after = threads(pid);
    let spent = |(name, time): (&String, &u64)| {
        (name.clone(), (time - before.get(name).copied().unwrap_or(0).min(*time)) / PERIOD.as_secs())
    };
    after.iter().map(spent).collect()
}

fn main() {
    let camera = RtspCamera::start(&Scene::new().without_text()).unwrap();
    let url = camera.url();
    let location = format!("location={url}");
    let mut floor = Command::new("gst-launch-1.0")
        .args(["-q", "rtspsrc", &location, "latency=100", "!", "parsebin", "!", "h264parse", "!", "fakesink"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let theirs = measure(floor.id());
    floor.kill().unwrap();
    floor.wait().unwrap();

    let graph = Graph::start(&GRAPH.replace("URL", &url), &[]);
    let ours = measure(graph.runner.id());
    graph.stop();

    let percent = |nanos: u64| nanos as f64 / 1e7;
    let total = |times: &BTreeMap<String, u64>| percent(times.values().sum());
    println!("one idle camera, 320x240 at 30 fps, {} s         % of a core", PERIOD.as_secs());
    println!("gst-launch-1.0 rtspsrc … ! fakesink (the floor)  {:>8.3}", total(&theirs));
    println!("smart-record gxe, cache 30 s, no trigger         {:>8.3}", total(&ours));
    println!("of it, by thread:");
    for (name, time) in &ours {
        println!("  {name:<46} {:>8.3}", percent(*time));
    }
}
