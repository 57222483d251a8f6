//! What recording adds per buffer and session: our recordbin with sessions that run, less the same without, beside the
//! floor in the same run, `appsrc ! mp4mux ! filesink` alone with the same buffers, both as fast as they come. Asserts
//! nothing. `cargo bench -p recorder --bench session_cost`; the promise is the floor and 20 %.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cost::contender;
use cost::floor;
use cost::media::{FPS, Media};
use cost::meter::{self, Median};
use cost::rows::{Row, Verdict, Who};
use gst::prelude::*;
use recorder::Recordbin;
use recorder::core::{Moment, StartRequest, Stream};
use recorder::event::Event;
use recorder::record::Trigger;

mod cost;

/// Both write to the disk, and vary with what else it does.
const RUNS: usize = 21;
/// Of most frames; that makes 4 Mbit/s.
const BYTES: usize = 15_000;
const TARGET: f64 = 1.2;
/// Buffers of a recording: two minutes.
const LENGTH: u64 = 120 * FPS;
/// And those after it, with which it ends.
const AFTER: u64 = 2 * FPS;

/// `appsrc ! mp4mux ! filesink`: nanoseconds of the process for each of `LENGTH` buffers.
fn floor(media: &Media, dir: &Path, fragmented: bool) -> f64 {
    meter::settle();
    let began = meter::process_time();
    let before = meter::thread_time();
    let buffers: Vec<_> = (0..LENGTH).map(|number| media.frame(number)).collect();
    let making = meter::thread_time() - before;
    floor::write(media, buffers, &dir.join("floor.mp4"), fragmented);
    (meter::process_time() - began - making) as f64 / LENGTH as f64
}

/// Our recordbin with a full cache.
struct Ours {
    bin: Recordbin,
    pad: gst::Pad,
    events: Receiver<Event>,
    next: u64,
}

impl Ours {
    fn new(media: &Media, dir: &Path) -> Self {
        let (sender, events) = channel();
        let sender = std::sync::Mutex::new(sender);
        let sink = Arc::new(move |event| drop(sender.lock().unwrap().send(event)));
        let bin = contender::recordbin(dir, sink);
        bin.set_state(gst::State::Playing).unwrap();
        let pad = bin.pad(Stream::Video).unwrap();
        media.begin(&pad);
        let mut ours = Self { bin, pad, events, next: 0 };
        ours.push(media, 33 * FPS);
        ours
    }

    /// Pushes so many buffers: what making them took.
    fn push(&mut self, media: &Media, buffers: u64) -> u64 {
        let before = meter::thread_time();
        let batch: Vec<_> = (self.next..self.next + buffers).map(|number| media.frame(number)).collect();
        let making = meter::thread_time() - before;
        self.next += buffers;
        batch.into_iter().for_each(|buffer| assert!(self.pad.chain(buffer).is_ok()));
        making
    }

    /// Nanoseconds of the process for the buffers of a recording, while so many sessions record them.
    fn record(&mut self, media: &Media, sessions: usize) -> f64 {
        meter::settle();
        let began = meter::process_time();
        for _ in 0..sessions {
            let length = Duration::from_nanos(Media::at(LENGTH).nseconds());
            let request =
                StartRequest { start: Moment::Ago(Duration::ZERO), end: Some(Moment::In(length)), overlap: None };
            self.bin.start(request, Trigger::default(), |_| {}).unwrap();
        }
        let making = self.push(media, LENGTH + AFTER);
        let mut left = sessions;
        let mut files = Vec::new();
        while left > 0 {
            match self.events.recv().unwrap() {
                Event::Done(done) => {
                    left -= 1;
                    files.push(done.file.clone());
                }
                Event::Failed(failed) => panic!("{}", failed.reason),
                _ => {}
            }
        }
        assert!(self.bin.wait_idle(Duration::from_secs(60)));
        let cost = meter::process_time() - began - making;
        files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
        cost as f64 / LENGTH as f64
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // What cannot be stopped has said so on standard error.
        let _ = self.bin.set_state(gst::State::Null);
    }
}

fn main() {
    let machine = meter::machine();
    gst::init().unwrap();
    let media = Media::synthetic(BYTES);
    let dir = testbed::temp_dir().unwrap();
    let mut ours = Ours::new(&media, dir.path());
    let counts = [1, 4];
    let (mut plain, mut fragmented) = (Vec::new(), Vec::new());
    let mut added = counts.map(|_| Vec::new());
    for run in 0..=RUNS {
        let floors = (floor(&media, dir.path(), false), floor(&media, dir.path(), true));
        let without = ours.record(&media, 0);
        let with = counts.map(|sessions| (ours.record(&media, sessions) - without) / sessions as f64);
        // The first round warms up.
        if run > 0 {
            plain.push(floors.0);
            fragmented.push(floors.1);
            added.iter_mut().zip(with).for_each(|(all, with)| all.push(with));
        }
    }
    println!("recording, per buffer and session; {machine}");
    println!(
        "{LENGTH} buffers of {} bytes, {FPS} per second; medians of {RUNS} (least–greatest)",
        media.bytes_per_second() / FPS as usize
    );
    println!("\n| | CPU, µs | to appsrc ! mp4mux ! filesink |\n|---|---|---|");
    let print = |name: &str, values: &[f64]| {
        let (own, ratio) = (Median::of(values.to_vec()), Median::of_ratios(values, &plain));
        let (least, most) = own.range;
        println!(
            "| {name} | {:.2} ({:.2}–{:.2}) | {:.2}× ({:.2}–{:.2}) |",
            own.median / 1e3,
            least / 1e3,
            most / 1e3,
            ratio.median,
            ratio.range.0,
            ratio.range.1
        );
        ratio
    };
    print("appsrc ! mp4mux ! filesink (floor)", &plain);
    print("the same, with fragments of half a second, as ours has", &fragmented);
    let micros = |values: &[f64]| Median::of(values.to_vec()).times(1e-3);
    let promised = format!("at most {TARGET}×");
    for (sessions, added) in counts.iter().zip(&added) {
        let ratio = print(&format!("ours, {sessions} at once"), added);
        let kept = ratio.median <= TARGET;
        println!("\npromise at {sessions}: {TARGET}×, {}\n", if kept { "kept" } else { "NOT kept" });
        let name = format!("recording, {sessions} at once: a buffer and session, µs of CPU");
        let row = Row::at(&name, 1).figure(Who::Ours, micros(added));
        row.figure(Who::Floor("appsrc ! mp4mux ! filesink"), micros(&plain)).ratio(ratio).verdict(Verdict {
            promised: &promised,
            kept,
            note: "",
        });
    }
    Row::at("recording, beside the floor with fragments of 0.5 s, as ours has them, µs", 1)
        .figure(Who::Ours, micros(&added[0]))
        .figure(Who::Floor("the same in fragments"), micros(&fragmented))
        .ratio(Median::of_ratios(&added[0], &fragmented));
}
