//! How long a buffer stays inside the recordbin's chain function, while nothing is recorded and while 50 sessions start
//! at once: the promise is a 99.9th percentile within three times of that without sessions.
//! Asserts nothing. Rounds without and with sessions alternate, so that whatever else runs on the machine hits both.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fed::Fed;
use fed::clip::{Clip, Unit};
use gst::prelude::*;
use meter::Median;
use recorder::Container;
use recorder::core::{Moment, StartRequest, Stream};
use recorder::record::Trigger;
use rows::{Row, Verdict, Who};

#[path = "../tests/fed/mod.rs"]
mod fed;
#[path = "cost/meter.rs"]
mod meter;
#[path = "cost/rows.rs"]
mod rows;

/// A camera's 1080p: 30 fps, a keyframe every 2 s, about 5 Mbit/s.
const CAMERA: &str = "videotestsrc pattern=smpte num-buffers=120 ! video/x-raw,width=1920,height=1080,framerate=30/1 \
                      ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=5000 key-int-max=60 \
                      ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
/// How much faster than real time the stream is fed: 300 buffers a second.
const SPEED: u32 = 10;
const SESSIONS: usize = 50;
const ROUNDS: usize = 12;
/// Of so many rounds a percentile is taken by itself, which tells how much it varies.
const PART: usize = 4;
/// The promise: so many times the 99.9th percentile without sessions.
const TARGET: f64 = 3.0;
/// Buffers of a round without sessions.
const IDLE: usize = 500;
/// What each session asks for: so much from the cache, and so much that is still to come.
const BACK: Duration = Duration::from_secs(30);
const ON: Duration = Duration::from_secs(5);

/// The stream: the clip again and again, its times going on.
struct Stream1080 {
    fed: Fed,
    clip: Vec<Unit>,
    sent: usize,
    due: Instant,
}

/// What one buffer took: all of it, and how that is made up.
#[derive(Clone, Copy)]
struct Sample {
    wall: Duration,
    processor: Duration,
    /// Ready to run, while other threads had the processors.
    queued: Duration,
}

impl Sample {
    /// Neither running nor ready: another thread has the lock.
    fn blocked(&self) -> Duration {
        self.wall.saturating_sub(self.processor + self.queued)
    }
}

/// How long this thread has been ready without a processor: the second number of schedstat (Linux, proc(5)).
fn queued_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().nth(1).unwrap().parse().unwrap())
}

fn processor_time() -> Duration {
    Duration::from_nanos(meter::thread_time())
}

impl Stream1080 {
    /// The next buffer of the stream.
    fn next(&mut self) -> gst::Buffer {
        let length = fed::clip::at(self.clip.len() as i64);
        let (round, index) = (self.sent / self.clip.len(), self.sent % self.clip.len());
        self.sent += 1;
        let mut unit = self.clip[index].clone();
        let later = |time: Option<i64>| time.map(|time| time + round as i64 * length);
        (unit.pts, unit.dts) = (later(unit.pts), later(unit.dts));
        self.fed.buffer(Stream::Video, &unit)
    }

    /// Sends one buffer at its time.
    fn send(&mut self) -> Sample {
        let buffer = self.next();
        let pad = self.fed.bin.pad(Stream::Video).unwrap();
        self.due += Duration::from_secs(1) / (fed::clip::FPS as u32 * SPEED);
        // A feeder that was held up does not make up for it: cameras do not either.
        self.due = self.due.max(Instant::now());
        std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
        let queued = queued_time();
        let (began, processor) = (Instant::now(), processor_time());
        pad.chain(buffer).unwrap();
        let (processor, wall) = (processor_time() - processor, began.elapsed());
        Sample { wall, processor, queued: queued_time() - queued }
    }
}

/// Sends while 50 sessions start at once and until all of them have their files.
fn with_sessions(stream: &mut Stream1080) -> Vec<Sample> {
    let bin = stream.fed.bin.clone();
    let started = AtomicBool::new(false);
    let mut samples = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..SESSIONS {
                let request = StartRequest { start: Moment::Ago(BACK), end: Some(Moment::In(ON)), overlap: None };
                bin.start(request, Trigger::default(), |_| {}).unwrap();
            }
            started.store(true, Ordering::Release);
        });
        while !started.load(Ordering::Acquire) || bin.open_sessions() > 0 {
            samples.push(stream.send());
        }
    });
    for _ in 0..SESSIONS {
        let done = stream.fed.done();
        assert_eq!(done.missing_at_start_ns, 0, "{:?}", done.notes);
        std::fs::remove_file(&done.file).unwrap();
    }
    samples
}

/// The 99.9th percentile of all rounds, and between what those of parts of them lie, in microseconds of wall time.
fn tail(rounds: &[Vec<Sample>]) -> Median {
    let of = |rounds: &[Vec<Sample>]| {
        let mut times: Vec<_> = rounds.iter().flatten().map(|sample| sample.wall).collect();
        times.sort();
        times[times.len() * 999 / 1_000].as_secs_f64() * 1e6
    };
    let parts = Median::of(rounds.chunks(PART).map(of).collect());
    Median { median: of(rounds), ..parts }
}

/// Prints a line for each part of what the buffers took.
fn print(name: &str, samples: &[Sample]) {
    let line = |name: &str, mut times: Vec<Duration>| {
        times.sort();
        let at = |per_mille: usize| times[times.len() * per_mille / 1_000];
        let last = times.last().unwrap();
        println!(
            "{name:<44} {:>7} {:>11.1?} {:>11.1?} {:>11.1?} {last:>11.1?}",
            times.len(),
            at(500),
            at(990),
            at(999)
        );
    };
    line(name, samples.iter().map(|sample| sample.wall).collect());
    line("  of it on a processor", samples.iter().map(|sample| sample.processor).collect());
    line("  of it ready, waiting for a processor", samples.iter().map(|sample| sample.queued).collect());
    line("  of it waiting for the lock", samples.iter().map(Sample::blocked).collect());
}

fn main() {
    let machine = meter::machine();
    let clip = Clip::of_description(CAMERA);
    let bytes: usize = clip.units.iter().map(|unit| unit.media.size()).sum();
    let fed = Fed::new(Container::Mp4, &[Stream::Video], BACK.as_secs() + 2);
    fed.begin(Stream::Video, &clip.caps);
    let mut stream = Stream1080 { fed, clip: clip.units, sent: 0, due: Instant::now() };
    // Fills the cache, as a camera has that has run for a while.
    while stream.sent < (fed::clip::FPS as usize) * (BACK.as_secs() as usize + 4) {
        let buffer = stream.next();
        stream.fed.bin.pad(Stream::Video).unwrap().chain(buffer).unwrap();
    }
    stream.due = Instant::now();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push((0..IDLE).map(|_| stream.send()).collect::<Vec<_>>());
        with.push(with_sessions(&mut stream));
    }
    let bitrate = bytes as f64 * 8.0 / 4.0 / 1e6;
    println!("time of a buffer in the chain function; {machine}");
    println!(
        "H.264 of {bitrate:.1} Mbit/s, GOP 60, {} buffers/s; MP4 on {}",
        30 * SPEED,
        stream.fed.dir.path().display()
    );
    println!(
        "{:<44} {:>7} {:>11} {:>11} {:>11} {:>11}",
        format!("{ROUNDS} rounds in turn"),
        "buffers",
        "p50",
        "p99",
        "p99.9",
        "max"
    );
    print("no session", &without.concat());
    print(&format!("{SESSIONS} sessions of 30 s + 5 s start at once"), &with.concat());
    let (floor, ours) = (tail(&without), tail(&with));
    // Of all rounds: a part of them has too few buffers for a ratio of such percentiles.
    let ratio = Median::once(ours.median / floor.median);
    let kept = ratio.median <= TARGET;
    let verdict = if kept { "kept" } else { "NOT kept" };
    println!("p99.9 with sessions is {:.2} times that without; {TARGET} times is promised: {verdict}", ratio.median);
    Row::at(&format!("live chain while {SESSIONS} sessions start, 99.9th percentile, µs"), 1)
        .figure(Who::Ours, ours)
        .figure(Who::Floor("no session"), floor)
        .ratio(ratio)
        .verdict(Verdict { promised: &format!("at most {TARGET}×"), kept, note: "" });
}
