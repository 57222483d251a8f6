//! Promise: Ctrl-C or SIGTERM ends a graph in order: every recording is finished, and nothing is left behind.
//! Signals go to the real program; threads are counted in a process that runs the graph itself, through `gxf::Runtime`.
//! Left to others: ends that come by themselves (`the_graph_ends_with_its_sources`).
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Graph, built};
use rustix::process::Signal;
use serde_json::{Value, json};
use testbed::{AudioCodec, DirWatch, HANG_GUARD, Program, RtspCamera, Scene, decode, ffprobe};

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().gop(30).size(256, 96).audio(AudioCodec::Aac).without_text()).unwrap()
}

/// Names of the recordings that are being written.
const UNFINISHED: &str = "part";

fn a_signal_finishes_both_recordings(signal: Signal, container: &str, ending: &str) {
    let camera = camera();
    let mut run = Graph::messages(&[camera.url()])
        .set("sensor-id-list", "gate")
        .set("smart-rec-container", container)
        .set("smart-rec-default-duration", "600")
        .start();
    let attempts = run.wait_until_recordable(&camera, &["gate"]);
    let watch = DirWatch::new(run.recordings()).unwrap();
    run.send(&json!({"sensor": {"id": "gate"}, "id": "first"}));
    run.receipt_of("accepted", "first");
    run.wait_for_frame(&camera, camera.frames().len() + 20);
    run.send(&json!({"sensor": {"id": "gate"}, "id": "second", "metadata": {"door": 4}}));
    run.receipt_of("accepted", "second");
    watch.wait_for_files(UNFINISHED, 2, HANG_GUARD).unwrap();
    run.wait_for_frame(&camera, camera.frames().len() + 20);

    let (outcome, ended) = run.end_with(signal);
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    let names = ended.file_names();
    let recordings: Vec<_> = names.iter().filter(|name| name.ends_with(ending)).collect();
    let sidecars: Vec<_> = names.iter().filter(|name| name.ends_with(".json")).collect();
    assert_eq!((recordings.len(), sidecars.len()), (2 + attempts, 2 + attempts), "{names:?}");
    assert_eq!(names.len(), recordings.len() + sidecars.len(), "nothing temporary is left: {names:?}");

    let records: Vec<Value> = sidecars
        .iter()
        .map(|name| serde_json::from_slice(&std::fs::read(ended.recordings.join(name)).unwrap()).unwrap())
        .collect();
    for id in ["first", "second"] {
        let record = records.iter().find(|record| record["id"] == id).unwrap();
        assert_eq!(record["ended"], "shutdown", "{record}");
        assert!(record["notes"].to_string().contains("the graph stopped"), "{record}");
        assert!(record["missing-at-end-ns"].as_u64().unwrap() > 0, "it was asked for ten minutes: {record}");
        // The log says the same, with the file's name: nobody reads receipts any more.
        let file = record["file"].as_str().unwrap();
        assert_eq!(outcome.lines_with("done: ").iter().filter(|line| line.contains(file)).count(), 1, "{record}");
        let decoded = decode(Path::new(file)).unwrap();
        let video = decoded.video().unwrap();
        video.check_unbroken().unwrap();
        assert_eq!(record["files"][0]["video"]["frames"], video.frames.len(), "{record}");
        assert!(decoded.audio().unwrap().samples > 0);
        assert_eq!(ffprobe(Path::new(file)).unwrap().errors, [""; 0]);
    }
    assert_eq!(records.iter().find(|record| record["id"] == "second").unwrap()["metadata"], json!({"door": 4}));
}

#[test]
fn sigint_finishes_both_mp4_recordings() {
    a_signal_finishes_both_recordings(Signal::INT, "0", ".mp4");
}

#[test]
fn sigterm_finishes_both_mkv_recordings() {
    a_signal_finishes_both_recordings(Signal::TERM, "1", ".mkv");
}

/// Tells a process started by [`no_thread_is_left`] that it is the one that runs the graph, and which one.
const GRAPH: &str = "SMART_RECORD_TEST_GRAPH";

/// Threads that GLib and GStreamer start once for the whole process and keep; by name, with the reason.
const SINGLETONS: [(&str, &str); 4] = [
    ("pool-spawner", "GLib: starts the threads of all thread pools, for as long as the process lives"),
    ("gmain", "GLib: the worker of the default main context"),
    ("dconf worker", "GIO: reads the proxy settings for rtspsrc's connections, where dconf is installed"),
    ("gdbus", "GIO: the connection to the session bus, where there is one; dconf uses it"),
];

#[test]
fn no_thread_is_left() {
    if let Some(graph) = std::env::var_os(GRAPH) {
        run_in_this_process(Path::new(&graph));
        return;
    }
    let camera = camera();
    let graph = Graph::shipped("local-events")
        .sources(&[camera.url()])
        .set("smart-rec-interval", "1")
        .set("smart-rec-start-time", "1")
        .set("smart-rec-duration", "600");
    // Writes the files of the graph; the program that the command names is not run.
    drop(graph.command());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["no_thread_is_left", "--exact", "--nocapture"]).env(GRAPH, graph.folder());
    let mut child = Program::start(&mut command).unwrap();
    let status = child.wait(HANG_GUARD).unwrap();
    assert!(status.success(), "{}", child.seen().join("\n"));
    assert!(child.seen().iter().any(|line| line.contains("threads at the end")), "{}", child.seen().join("\n"));
}

/// Activates the graph, lets it record, interrupts and deactivates it, and compares the threads of this process.
fn run_in_this_process(folder: &Path) {
    let parts = built();
    let runtime = gxf::Runtime::load(None).unwrap();
    let graph = runtime.context().unwrap();
    graph.load_extensions(&[parts.gxf_std, parts.extension], &[] as &[&Path], None).unwrap();
    for file in [common::repository().join("graphs/local-events.yaml"), folder.join("test.parameters.yaml")] {
        graph.load_graph_file(&file, &[] as &[&str]).unwrap();
    }
    // The watch has a thread of its own, which is there before and after.
    let watch = DirWatch::new(&folder.join("recordings")).unwrap();
    let before = threads();
    graph.activate().unwrap();
    graph.run_async().unwrap();
    watch.wait_for_files(UNFINISHED, 2, HANG_GUARD).unwrap();
    let during = threads();
    assert!(during.keys().any(|name| name.starts_with("srec-")), "the recorder has threads: {during:?}");
    graph.interrupter().interrupt().unwrap();
    graph.wait().unwrap();
    graph.deactivate().unwrap();
    let unfinished = testbed::watch::files_with_extension(&folder.join("recordings"), UNFINISHED);
    assert!(unfinished.is_empty(), "{unfinished:?}");

    // GLib keeps the threads of GStreamer's tasks for 15 s for whoever needs one next; told to, it lets them go at once.
    gst::glib::ThreadPool::set_max_idle_time(1);
    gst::glib::ThreadPool::stop_unused_threads();
    // A thread that has ended leaves the list a moment later, and nothing tells when.
    let guard = Instant::now() + Duration::from_secs(30);
    let left = loop {
        let left = more(&threads(), &before);
        if left.is_empty() || Instant::now() > guard {
            break left;
        }
        std::thread::yield_now();
    };
    println!("threads at the end: {:?}, at the beginning {before:?}, while recording {during:?}", threads());
    assert!(left.is_empty(), "left: {left:?}");
    graph.destroy().unwrap();
}

/// Names of this process's threads, and how many have each of them.
fn threads() -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        // One that ends meanwhile has no name.
        if let Ok(name) = std::fs::read_to_string(task.unwrap().path().join("comm")) {
            *names.entry(name.trim_end().to_owned()).or_default() += 1;
        }
    }
    names
}

/// What is in `after` and not in `before`, the singletons left out.
fn more(after: &BTreeMap<String, usize>, before: &BTreeMap<String, usize>) -> Vec<String> {
    let known = |name: &str| SINGLETONS.iter().any(|(singleton, _)| *singleton == name);
    after
        .iter()
        .filter(|(name, count)| **count > before.get(*name).copied().unwrap_or(0) && !known(name))
        .map(|(name, _)| name.clone())
        .collect()
}
