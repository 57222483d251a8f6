//! Promise: cameras that are lost together are told once each, and a stop ends all that is under way and every thread.
//! Alone in its file, because it counts the threads of its process.
//! Left to others: cameras that come back (`a_source_comes_back`).
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::start_all;
use recorder::{Container, Event};
use testbed::{HANG_GUARD, temp_dir, unreachable_url};

/// Of each kind.
const SOURCES: usize = 40;

/// Threads of this process that are not the tests' own.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.flat_map(|task| std::fs::read_to_string(task.path().join("comm")));
    names.map(|name| name.trim().to_owned()).collect()
}

/// GLib keeps the threads of its pools for a while; told to, it lets them go at once.
fn threads_without_idle_ones() -> Vec<String> {
    gst::glib::ThreadPool::set_max_idle_time(1);
    gst::glib::ThreadPool::stop_unused_threads();
    threads()
}

fn lose_all_and_stop() {
    let dir = temp_dir().unwrap();
    // The system accepts connections to it, and nobody ever says a word: an attempt hangs until it is given up.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mute_url, gone_url) = (format!("rtsp://{}/", mute.local_addr().unwrap()), unreachable_url().unwrap());
    let urls: Vec<&str> = [mute_url.as_str(), &gone_url].into_iter().cycle().take(2 * SOURCES).collect();
    let (recorder, events) = start_all(&urls, dir.path(), Container::Mp4, Some(Duration::from_secs(1)));
    let mut lost = BTreeSet::new();
    while lost.len() < urls.len() {
        match events.recv_timeout(HANG_GUARD).unwrap() {
            Event::SourceLost { source, text } => assert!(lost.insert(source), "told twice: {text}"),
            other => panic!("{other:?}"),
        }
    }
    // Some are going down, some pause, some are tried.
    assert_eq!(recorder.stop(), [0usize; 0]);
    assert!(events.try_iter().next().is_none(), "attempts are not told");
}

#[test]
fn a_stop_leaves_no_thread() {
    // The first one brings GLib's own threads, which stay.
    lose_all_and_stop();
    let before = threads_without_idle_ones();
    lose_all_and_stop();
    // A thread that has ended leaves the list a moment later, and nothing tells when.
    let guard = Instant::now() + HANG_GUARD;
    while threads_without_idle_ones().len() > before.len() {
        assert!(Instant::now() < guard, "before {before:?}, after {:?}", threads());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
