//! How fast 30 s that are in the cache already become a finished file: from the request to the done event, all of it
//! durable and hashed as ever. Beside it, in turn: `cp` of the same file in the same folder and `sync` of the copy.
//! Then 50 such requests at once, and 50 copies one after the other.
//! Asserts nothing. What the live stream notices of it is left to `chain_time`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fed::Fed;
use fed::clip::{Clip, Unit};
use meter::Median;
use recorder::Container;
use recorder::core::Stream;
use rows::{Row, Verdict, Who};

#[path = "../tests/fed/mod.rs"]
mod fed;
#[path = "cost/meter.rs"]
mod meter;
#[path = "cost/rows.rs"]
mod rows;

/// A camera's 1080p: 30 fps, a keyframe every 2 s, 8 Mbit/s; a picture of noise, so that the encoder needs all of them.
const CAMERA: &str = "videotestsrc pattern=snow num-buffers=120 ! video/x-raw,width=1920,height=1080,framerate=30/1 \
                      ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=8000 vbv-buf-capacity=500 key-int-max=60 \
                      ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
const BACK: Duration = Duration::from_secs(30);
const SESSIONS: usize = 50;
/// The promise is about medians of 7; one more round before warms up the caches.
const ROUNDS: usize = 7;
/// What is promised: this part of the speed of `cp` and `sync`.
const PROMISED: f64 = 0.6;

/// Fills the cache with the clip, again and again. Where it ends, in nanoseconds.
fn fill(fed: &Fed, clip: &[Unit]) -> i64 {
    let length = fed::clip::at(clip.len() as i64);
    let rounds = (BACK.as_secs() as i64 + 4) * fed::clip::FPS / clip.len() as i64;
    for round in 0..=rounds {
        for unit in clip {
            let later = |time: Option<i64>| time.map(|time| time + round * length);
            // Memory of its own for each buffer, as a camera's has.
            let media = unit.media.copy_deep().unwrap();
            fed.push(Stream::Video, &Unit { pts: later(unit.pts), dts: later(unit.dts), media, ..unit.clone() });
        }
    }
    (rounds + 1) * length
}

/// So many requests for the same past interval at once; until all are done. The files.
fn record(fed: &Fed, sessions: usize, end: i64) -> (Duration, Vec<PathBuf>) {
    let from = end - i64::try_from(BACK.as_nanos()).unwrap();
    let began = Instant::now();
    for _ in 0..sessions {
        fed.record(from, end, "door");
    }
    let done: Vec<_> = (0..sessions).map(|_| fed.done()).collect();
    let took = began.elapsed();
    for done in &done {
        assert!(done.missing_at_start_ns == 0 && done.missing_at_end_ns == 0, "{:?}", done.notes);
    }
    (took, done.into_iter().map(|done| done.file).collect())
}

/// `cp` and `sync` of the copy, so many times.
fn copy(file: &Path, times: usize) -> Duration {
    let copies: Vec<_> = (0..times).map(|number| file.with_extension(format!("copy{number}"))).collect();
    let began = Instant::now();
    for copy in &copies {
        assert!(Command::new("cp").arg(file).arg(copy).status().unwrap().success());
        assert!(Command::new("sync").arg(copy).status().unwrap().success());
    }
    let took = began.elapsed();
    copies.iter().for_each(|copy| std::fs::remove_file(copy).unwrap());
    took
}

fn remove(files: &[PathBuf]) {
    for file in files {
        std::fs::remove_file(file).unwrap();
        // Without the sidecar there is none.
        drop(std::fs::remove_file(file.with_extension("mp4.json")));
    }
}

/// A row of the table of `make bench`: speeds, and whether the promise is kept.
fn table_row(what: &str, bytes: u64, ours: &[Duration], floor: &[Duration]) {
    let speeds = |times: &[Duration]| times.iter().map(|time| bytes as f64 / time.as_secs_f64() / 1e6).collect();
    let (ours, floor): (Vec<f64>, Vec<f64>) = (speeds(ours), speeds(floor));
    let of_medians = Median::of(ours.clone()).median / Median::of(floor.clone()).median;
    let ratio = Median { median: of_medians, ..Median::of_ratios(&ours, &floor) };
    Row::at(what, 1)
        .figure(Who::Ours, Median::of(ours))
        .figure(Who::Floor("cp and sync"), Median::of(floor))
        .ratio(ratio)
        .verdict(Verdict { promised: &format!("at least {PROMISED}×"), kept: of_medians >= PROMISED, note: "" });
}

fn line(name: &str, bytes: u64, times: Vec<Duration>) -> f64 {
    let times = Median::of(times.iter().map(Duration::as_secs_f64).collect());
    let speed = bytes as f64 / times.median / 1e6;
    let [median, least, greatest] = [times.median, times.range.0, times.range.1].map(Duration::from_secs_f64);
    println!("{name:<44} {median:>10.1?} {least:>10.1?} {greatest:>10.1?} {speed:>8.0} MB/s");
    speed
}

fn main() {
    let profiled = std::env::args().any(|argument| argument == "--profile");
    let clip = Clip::of_description(CAMERA);
    let fed = Fed::new(Container::Mp4, &[Stream::Video], BACK.as_secs() + 4);
    fed.begin(Stream::Video, &clip.caps);
    // Past: what is asked for is in the cache from its first frame to its last.
    let end = fill(&fed, &clip.units) - fed::SECOND;

    let (_, first) = record(&fed, 1, end);
    let bytes = std::fs::metadata(&first[0]).unwrap().len();
    if profiled {
        // For a profiler: nothing but ours.
        for _ in 0..40 {
            remove(&record(&fed, 1, end).1);
        }
        return;
    }
    copy(&first[0], 1);
    let (mut ours, mut theirs, mut ours_many, mut theirs_many) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        theirs.push(copy(&first[0], 1));
        let (took, files) = record(&fed, 1, end);
        remove(&files);
        ours.push(took);
    }
    for _ in 0..ROUNDS {
        theirs_many.push(copy(&first[0], SESSIONS));
        let (took, files) = record(&fed, SESSIONS, end);
        remove(&files);
        ours_many.push(took);
    }
    println!(
        "{:.1} MB (30 s of {:.1} Mbit/s, MP4) on {}; medians of {ROUNDS}, in turn",
        bytes as f64 / 1e6,
        bytes as f64 * 8.0 / 30e6,
        fed.dir.path().display()
    );
    println!("{:<44} {:>10} {:>10} {:>10} {:>13}", "", "median", "least", "greatest", "speed");
    let many = bytes * SESSIONS as u64;
    table_row("a past interval of 30 s becomes a file, MB/s", bytes, &ours, &theirs);
    table_row(&format!("{SESSIONS} past intervals at once, MB/s"), many, &ours_many, &theirs_many);
    let verdict = |ratio: f64| if ratio >= PROMISED { "kept" } else { "NOT kept" };
    let floor = line("cp and sync", bytes, theirs);
    let one = line("request to done event", bytes, ours);
    let floors = line(&format!("{SESSIONS} times cp and sync"), bytes * SESSIONS as u64, theirs_many);
    let many = line(&format!("{SESSIONS} requests at once"), bytes * SESSIONS as u64, ours_many);
    println!(
        "one: {:.0} % of the speed of cp and sync; {} % are promised: {}",
        100.0 * one / floor,
        100.0 * PROMISED,
        verdict(one / floor)
    );
    println!("{SESSIONS}: {:.0} % of it: {}", 100.0 * many / floors, verdict(many / floors));
}
