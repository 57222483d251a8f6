//! What an idle recorder costs: CPU time of the runner with one camera that nobody triggers, by thread, beside the floor
//! at the same time, the same camera received by gst-launch-1.0 into a fakesink.
//! Asserts nothing. The camera is a process of its own and is not counted.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::Graph;
use common::meter::Median;
use common::rows::{Row, Who};
use testbed::{RtspCamera, Scene};

mod common;

const ROUNDS: usize = 7;
/// Of a round.
const PERIOD: Duration = Duration::from_secs(3);
/// Until connections stand and caches are warm.
const SETTLED: Duration = Duration::from_secs(4);

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

/// CPU per thread name in a second of wall time between two looks, in nanoseconds.
fn spent(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let of = |(name, time): (&String, &u64)| {
        (name.clone(), (time - before.get(name).copied().unwrap_or(0).min(*time)) / PERIOD.as_secs())
    };
    after.iter().map(of).collect()
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
    let graph = Graph::start(&GRAPH.replace("URL", &url), &[]);
    std::thread::sleep(SETTLED);
    let look = || (threads(floor.id()), threads(graph.runner.id()));
    let mut looks = vec![look()];
    for _ in 0..ROUNDS {
        std::thread::sleep(PERIOD);
        looks.push(look());
    }
    graph.stop();
    floor.kill().unwrap();
    floor.wait().unwrap();

    let percent = |times: BTreeMap<String, u64>| times.values().sum::<u64>() as f64 / 1e7;
    let theirs: Vec<f64> = looks.windows(2).map(|pair| percent(spent(&pair[0].0, &pair[1].0))).collect();
    let ours: Vec<f64> = looks.windows(2).map(|pair| percent(spent(&pair[0].1, &pair[1].1))).collect();
    let ratio = Median::of_ratios(&ours, &theirs);
    let (ours, theirs) = (Median::of(ours), Median::of(theirs));
    let line = |name: &str, value: Median| {
        println!("{name:<48} {:>8.3} ({:.3}–{:.3})", value.median, value.range.0, value.range.1);
    };
    println!("one idle camera, 320x240 at 30 fps, % of a core, medians of {ROUNDS} times {PERIOD:?}");
    line("gst-launch-1.0 rtspsrc … ! fakesink (the floor)", theirs);
    line("smart-record gxe, cache 30 s, no trigger", ours);
    println!("of it, by thread, in the last round:");
    let [.., (_, before), (_, after)] = &looks[..] else { return };
    for (name, time) in spent(before, after) {
        println!("  {name:<46} {:>8.3}", time as f64 / 1e7);
    }
    Row::at("an idle camera over RTSP in a graph, % of a core", 1)
        .figure(Who::Ours, ours)
        .figure(Who::Floor("gst-launch-1.0 to a fakesink"), theirs)
        .ratio(ratio);
}
