//! What many sources cost while nothing is recorded: processor time, memory, threads and files of 1 to 4,000 recordbins,
//! each fed 1080p25 of 4 Mbit/s at its pace, and what each recording adds. Each number of sources has a process of its own.
//! Asserts nothing. Receiving (RTSP) comes on top and is measured by `idle_cpu`; what follows for a site is in docs/scale.md.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use recorder::core::{Config, Moment, Overlap, StartRequest, Stream};
use recorder::file_name::FileNames;
use recorder::record::{SourceName, Trigger};
use recorder::recordbin::Setup;
use recorder::{Container, Recordbin};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 4_000];
/// The first argument of a process for one number of sources, which is the second.
const SOURCES: &str = "--sources";
const CAMERA: &str = "videotestsrc pattern=snow num-buffers=50 ! video/x-raw,width=1920,height=1080,framerate=25/1 \
                      ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=4000 vbv-buf-capacity=500 key-int-max=50 \
                      ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! appsink name=out sync=false";
const FPS: u64 = 25;
const CACHE: u64 = 30;
/// As long as nothing is dropped: the cache and its one GOP more.
const FILL: u64 = CACHE + 4;
/// Up to so many sources each buffer has memory of its own, as a camera's has; beyond, the media is shared, and what it
/// would need is added.
const OWN_MEDIA: usize = 100;
/// How long each measurement goes on.
const PERIOD: Duration = Duration::from_secs(5);
/// Slices of a frame's time: cameras do not send all at the same moment.
const SLICES: usize = 40;
/// As many sources' threads as there are processors.
const FEEDERS: usize = 2;
const RECORDINGS: usize = 10;

fn frame_time(number: u64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(number * 1_000_000_000 / FPS)
}

/// The encoded frames of one GOP, and their format.
fn clip() -> (gst::Caps, Vec<gst::Buffer>) {
    let pipeline = gst::parse::launch(CAMERA).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let pull = || sink.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]);
    let samples: Vec<gst::Sample> = std::iter::from_fn(pull).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    (samples[0].caps_owned().unwrap(), samples.iter().map(|sample| sample.buffer_owned().unwrap()).collect())
}

struct Source {
    bin: Recordbin,
    pad: gst::Pad,
    sent: u64,
}

impl Source {
    fn new(index: usize, dir: &std::path::Path, caps: &gst::Caps) -> Self {
        let setup = Setup {
            source: SourceName { index, sensor: format!("camera{index}") },
            config: Config {
                window: Duration::from_secs(CACHE),
                cache_bytes: 0,
                default_duration: Duration::from_secs(10),
                max_duration: Duration::ZERO,
                max_sessions: 16,
                max_pending: 256 << 20,
                overlap: Overlap::Separate,
                both: false,
                early: false,
            },
            container: Container::Mp4,
            names: FileNames { dir: dir.into(), prefix: "Smart_Record".into(), source: Some(index) },
            sidecar: true,
            trim: false,
            // Shared media is counted as if it were each source's own.
            total_cache_bytes: usize::MAX,
        };
        let bin = Recordbin::new(setup, Arc::new(|_| {})).unwrap();
        bin.set_state(gst::State::Playing).unwrap();
        let pad = bin.pad(Stream::Video).unwrap();
        assert!(pad.send_event(gst::event::StreamStart::new("video")));
        assert!(pad.send_event(gst::event::Caps::new(caps)));
        assert!(pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
        Self { bin, pad: pad.upcast(), sent: 0 }
    }

    fn next(&mut self, clip: &[gst::Buffer], own_media: bool) -> gst::Buffer {
        let unit = &clip[(self.sent % clip.len() as u64) as usize];
        let mut buffer = if own_media { unit.copy_deep().unwrap() } else { unit.copy() };
        let header = buffer.get_mut().unwrap();
        header.set_pts(frame_time(self.sent));
        header.set_dts(frame_time(self.sent));
        self.sent += 1;
        buffer
    }
}

/// Processor time of the calling thread so far.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Feeds all sources at their pace. Processor time in the pads of a second, and by how much the latest frame was late.
fn pace(sources: &mut [Source], clip: &[gst::Buffer], own_media: bool) -> (Duration, Duration) {
    let (slice, slices) =
        (Duration::from_secs(1) / (FPS as u32 * SLICES as u32), PERIOD.as_secs() * FPS * SLICES as u64);
    let share = sources.len().div_ceil(FEEDERS);
    let began = Instant::now();
    let totals = std::sync::Mutex::new((Duration::ZERO, Duration::ZERO));
    std::thread::scope(|scope| {
        for sources in sources.chunks_mut(share) {
            let totals = &totals;
            scope.spawn(move || {
                let (mut spent, mut worst) = (Duration::ZERO, Duration::ZERO);
                for number in 0..slices {
                    let due = began + slice * u32::try_from(number).unwrap();
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let at = (number % SLICES as u64) as usize;
                    let ready = sources.iter_mut().skip(at).step_by(SLICES);
                    let ready: Vec<_> = ready.map(|source| (source.next(clip, own_media), &source.pad)).collect();
                    // What a camera's thread does before is not ours.
                    let before = thread_time();
                    for (buffer, pad) in ready {
                        pad.chain(buffer).unwrap();
                    }
                    spent += thread_time() - before;
                    worst = worst.max(due.elapsed());
                }
                let mut totals = totals.lock().unwrap();
                *totals = (totals.0 + spent, totals.1.max(worst));
            });
        }
    });
    let (spent, late) = totals.into_inner().unwrap();
    (spent / PERIOD.as_secs() as u32, late)
}

/// Measures this many sources and prints a line of JSON.
fn measure(count: usize) -> Value {
    gst::init().unwrap();
    let (caps, clip) = clip();
    let media: usize = clip.iter().map(|buffer| buffer.size()).sum();
    let own_media = count <= OWN_MEDIA;
    let dir = tempfile::tempdir().unwrap();
    let (memory, threads, files) = (resident_bytes(), entries("/proc/self/task"), entries("/proc/self/fd"));
    let mut sources: Vec<_> = (0..count).map(|index| Source::new(index, dir.path(), &caps)).collect();
    let idle = resident_bytes() - memory;
    for source in &mut sources {
        for _ in 0..FILL * FPS {
            let buffer = source.next(&clip, own_media);
            source.pad.chain(buffer).unwrap();
        }
    }
    let filled = resident_bytes() - memory;
    let (spent, late) = pace(&mut sources, &clip, own_media);
    let (threads_now, files_now) = (entries("/proc/self/task"), entries("/proc/self/fd"));
    // Recordings that go on for as long as they are looked at.
    let recordings = count.min(RECORDINGS);
    for source in &sources[..recordings] {
        let in_an_hour = Some(Moment::In(Duration::from_secs(3_600)));
        let request = StartRequest { start: Moment::Now, end: in_an_hour, overlap: None };
        source.bin.start(request, Trigger::default(), |_| {}).unwrap();
    }
    pace(&mut sources[..recordings], &clip, own_media);
    let per_recording = |now: usize, before: usize| now.saturating_sub(before) as f64 / recordings as f64;
    let recording_threads = per_recording(entries("/proc/self/task"), threads_now);
    let recording_files = per_recording(entries("/proc/self/fd"), files_now);
    for source in &sources {
        source.bin.set_state(gst::State::Null).unwrap();
    }
    json!({
        "bitrate": media as f64 * 8.0 * FPS as f64 / clip.len() as f64,
        "own_media": own_media,
        "cpu_us": spent.as_secs_f64() * 1e6 / count as f64,
        "late_ms": late.as_secs_f64() * 1e3,
        "idle_kib": idle / 1024.0 / count as f64,
        "filled_mib": filled / count as f64 / f64::from(1 << 20),
        "threads": threads_now.saturating_sub(threads), "files": files_now.saturating_sub(files),
        "recording_threads": recording_threads, "recording_files": recording_files,
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, count] = &arguments[..]
        && first == SOURCES
    {
        println!("{}", measure(count.parse().unwrap()));
        return;
    }
    println!(
        "recordbins that cache {CACHE} s of 1080p25 and record nothing; real time for {PERIOD:?} after a quick fill"
    );
    println!(
        "{:>7} {:>10} {:>9} {:>11} {:>12} {:>8} {:>6} {:>21}",
        "sources", "CPU µs/s", "late ms", "idle KiB", "filled MiB", "threads", "files", "per recording"
    );
    let mut last = Value::Null;
    for count in COUNTS {
        let output =
            Command::new(std::env::current_exe().unwrap()).args([SOURCES, &count.to_string()]).output().unwrap();
        assert!(output.status.success(), "{count}: {}", String::from_utf8_lossy(&output.stderr));
        let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |name: &str| figures[name].as_f64().unwrap();
        let shared = if figures["own_media"] == true { "" } else { "*" };
        println!(
            "{count:>7} {:>10.1} {:>9.1} {:>11.1} {:>11.2}{shared:1} {:>8} {:>6} {:>7.1} thr {:>5.1} files",
            number("cpu_us"),
            number("late_ms"),
            number("idle_kib"),
            number("filled_mib"),
            figures["threads"],
            figures["files"],
            number("recording_threads"),
            number("recording_files"),
        );
        last = figures;
    }
    let number = |name: &str| last[name].as_f64().unwrap();
    let media = number("bitrate") / 8.0 * (CACHE + 2) as f64 / f64::from(1 << 20);
    println!("*: media shared; {media:.1} MiB a source come on top ({:.2} Mbit/s)", number("bitrate") / 1e6);
    let cores = std::thread::available_parallelism().unwrap().get() as f64;
    println!(
        "limits at {} sources: processors at {:.0}, memory (a GiB) at {:.0}",
        COUNTS[COUNTS.len() - 1],
        cores * 1e6 / number("cpu_us"),
        1024.0 / (media + number("filled_mib"))
    );
}
