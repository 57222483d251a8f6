//! A dropped camera leaves no thread: many tests in one process must not pile up servers.
//! Alone in its file, because it counts the threads of its process.
//! Left to others: what a camera streams.
// The helpers of a test fail as the test does.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use gst::prelude::*;
use testbed::{AudioCodec, HANG_GUARD, RtspCamera, Scene};

fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.flat_map(|task| std::fs::read_to_string(task.path().join("comm")));
    names.map(|name| name.trim().to_owned()).collect()
}

fn watch_and_drop() {
    let camera = RtspCamera::start(&Scene::new().audio(AudioCodec::Aac)).unwrap();
    let play = format!("rtspsrc location={} ! decodebin ! fakesink", camera.urlt());
    let viewer = gst::parse::launch(&play).unwrap();
    viewer.set_state(gst::State::Playing).unwrap();
    camera.wait_for_frame(30).unwrap();
    // The camera goes first, as a lost one does.
    drop(camera);
    viewer.set_state(gst::State::Null).unwrap();
}

#[test]
fn threads_do_not_pile_up() {
    // The first one brings GLib's own pools, which stay.
    watch_and_drop();
    let before = threads();
    for _ in 0..3 {
        watch_and_drop();
    }
    // GLib ends pool threads in its own time and tells nobody, so this must look again and again.
    let deadline = Instant::now() + HANG_GUARD;
    while threads().len() > before.len() {
        assert!(Instant::now() < deadline, "before {before:?}, after {:?}", threads());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
