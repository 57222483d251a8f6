//! What many sources cost while nothing is recorded: processor time, memory, threads and files of 1 to 4,000
//! recordbins, each fed 1080p25 of 4 Mbit/s at its pace, what each recording adds, and what ends first on this machine.
//! Each number of sources has a process of its own. Where frames come over a second late, three times, real time does
//! not hold, and it is measured once more on a clock that is the frames' own time. Asserts nothing. Receiving (RTSP)
//! comes on top and is measured by `idle_cpu`; what follows for a site is in docs/scale.md.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::meter::{self, Median};
use common::rows::{Row, Who};
use feed::{Pace, feed};
use gst::prelude::*;
use limits::Resources;
use recorder::Recordbin;
use recorder::core::{Moment, StartRequest};
use recorder::event::Event;
use recorder::record::Trigger;
use serde_json::{Value, json};
use source::{CACHE, Clip, FPS, GOP, Source};

mod common;
#[path = "scale/feed.rs"]
mod feed;
#[path = "scale/limits.rs"]
mod limits;
#[path = "scale/source.rs"]
mod source;

const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 4_000];
/// The first argument of a process for one number of sources, which is the second.
const SOURCES: &str = "--sources";
/// Seconds, as long as nothing is dropped: the cache and its one group more.
const FILL: u64 = CACHE + GOP + 2;
/// Up to so many sources each buffer has memory of its own; beyond, the media is shared, and what it would need is
/// added.
const OWN_MEDIA: usize = 100;
/// Seconds that processor time is measured for.
const PERIOD: u64 = 5;
/// A machine that stands still for a moment, as a virtual one may, is no sign that real time cannot hold: it has so
/// many.
const ATTEMPTS: usize = 3;
const RECORDINGS: usize = 10;
/// Seconds of each.
const RECORDED: u64 = 10;
/// Seconds, by the frames' time, that recordings have to begin or to become files: with many times more, something is
/// wrong.
const PATIENCE: u64 = 60;

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

/// What a recording adds while it goes on.
struct Recorded {
    each: Resources,
    /// So many are files in the end.
    complete: usize,
}

/// Recordings of `RECORDED` seconds and what they need to begin and to end: how much they take, and what becomes of
/// them.
fn record(sources: &mut [Source], clip: &Clip, pace: Pace, events: &Receiver<Event>) -> Recorded {
    let (threads, files, processors) = (meter::settled_threads(), meter::files(), meter::process_time());
    let recordings = sources.len().min(RECORDINGS);
    let bins: Vec<_> = sources[..recordings].iter().map(|source| source.bin.clone()).collect();
    let start = |bin: &Recordbin| {
        let end = Some(Moment::In(Duration::from_secs(3_600)));
        bin.start(StartRequest { start: Moment::Now, end, overlap: None }, Trigger::default(), |_| {}).unwrap().session
    };
    let sessions: Vec<_> = bins.iter().map(start).collect();
    let (mut fed, mut of_feeders) = (0, Duration::ZERO);
    // A second at a time, until something is so.
    let mut feed_until = |so: &mut dyn FnMut(u64) -> bool| {
        let before = fed;
        while !so(fed - before) {
            assert!(fed - before < PATIENCE, "a recording has neither begun nor ended in {PATIENCE} s of frames");
            of_feeders += feed(sources, clip, 1, pace).of_feeders;
            fed += 1;
        }
    };
    feed_until(&mut |_| bins.iter().zip(&sessions).all(|(bin, session)| bin.has_begun(*session)));
    feed_until(&mut |seconds| seconds == RECORDED);
    let each = |now: usize, before: usize| (now as f64 - before as f64) / recordings as f64;
    let (threads, files) = (each(meter::threads(), threads), each(meter::files(), files));
    for bin in &bins {
        bin.stop(None).unwrap();
    }
    let (mut ended, mut complete) = (0, 0);
    feed_until(&mut |_| {
        for event in events.try_iter() {
            match event {
                Event::Done(done) => {
                    ended += 1;
                    complete += usize::from(std::fs::metadata(&done.file).is_ok_and(|file| file.len() > 0));
                }
                Event::Failed(failed) => {
                    eprintln!("{}", failed.reason);
                    ended += 1;
                }
                _ => {}
            }
        }
        ended == recordings
    });
    assert!(bins.iter().all(|bin| bin.wait_idle(Duration::from_secs(PATIENCE))));
    let processors = Duration::from_nanos(meter::process_time() - processors).saturating_sub(of_feeders);
    let processors = processors.as_secs_f64() * 1e6 / recordings as f64 / RECORDED as f64;
    Recorded { each: Resources { processors, memory: 0.0, threads, files }, complete }
}

/// Measures this many sources.
fn measure(count: usize) -> Value {
    gst::init().unwrap();
    meter::keep_no_idle_threads();
    let clip = Clip::new(count <= OWN_MEDIA);
    let dir = tempfile::tempdir().unwrap();
    let machine = Resources::of_the_machine();
    let (memory, threads, files) = (resident_bytes(), meter::settled_threads(), meter::files());
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let sink: recorder::event::EventSink = Arc::new(move |event| drop(sender.lock().unwrap().send(event)));
    let mut sources: Vec<_> = (0..count).map(|index| Source::new(index, dir.path(), &clip, sink.clone())).collect();
    let idle = resident_bytes() - memory;
    feed(&mut sources, &clip, FILL, Pace::Simulated);
    let filled = resident_bytes() - memory;
    let mut pace = Pace::RealTime;
    let mut spent = feed(&mut sources, &clip, PERIOD, pace);
    for _ in 1..ATTEMPTS {
        if !spent.holds() {
            spent = feed(&mut sources, &clip, PERIOD, pace);
        }
    }
    if !spent.holds() {
        pace = Pace::Simulated;
        spent = feed(&mut sources, &clip, PERIOD, pace);
    }
    // A thread of the encoder may have ended late.
    let own_threads = meter::settled_threads().saturating_sub(threads);
    let own_files = meter::files().saturating_sub(files);
    let recorded = record(&mut sources, &clip, pace, &events);
    for source in &sources {
        source.bin.set_state(gst::State::Null).unwrap();
    }
    let each = |of: f64| of / count as f64;
    let media = if clip.own_media { 0.0 } else { clip.bytes_per_second() * (CACHE + GOP) as f64 };
    let source = Resources {
        processors: each(spent.in_pads.as_secs_f64() * 1e6 / PERIOD as f64),
        memory: each(filled) + media,
        threads: each(own_threads as f64),
        files: each(own_files as f64),
    };
    let held = |each: Resources| json!(machine.hold(each));
    json!({
        "mbits": clip.bytes_per_second() * 8.0 / 1e6,
        "simulated": pace == Pace::Simulated,
        "own_media": clip.own_media,
        "processors": source.processors,
        "memory": source.memory,
        "late": spent.late.as_secs_f64(),
        "idle": each(idle),
        "beside": each(filled),
        "threads": own_threads, "files": own_files,
        "recording_processors": recorded.each.processors,
        "recording_threads": recorded.each.threads, "recording_files": recorded.each.files,
        "recordings": count.min(RECORDINGS), "complete": recorded.complete,
        "idle_limits": held(source),
        "recording_limits": held(source.plus(recorded.each)),
    })
}

/// The first limit, for people.
fn first(limits: &Value) -> String {
    format!("{} at {:.0}", limits[0][0].as_str().unwrap(), limits[0][1].as_f64().unwrap())
}

fn print(count: usize, figures: &Value) {
    let number = |name: &str| figures[name].as_f64().unwrap();
    let simulated = figures["simulated"] == true;
    let time = if simulated { "simulated".to_owned() } else { format!("real, {:.0} ms late", number("late") * 1e3) };
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let memory = if figures["own_media"] == true {
        format!("{:.1} MiB", mib(number("memory")))
    } else {
        format!("{:.2} MiB and {:.1} of media*", mib(number("beside")), mib(number("memory") - number("beside")))
    };
    println!(
        "| {count} | {time} | {:.0} | {:.0} KiB | {memory} | {}, {} | {:.0} µs a second, {:.1} threads, {:.1} files; {} of {} complete | {} | {} |",
        number("processors"),
        number("idle") / 1_024.0,
        figures["threads"],
        figures["files"],
        number("recording_processors"),
        number("recording_threads"),
        number("recording_files"),
        figures["complete"],
        figures["recordings"],
        first(&figures["idle_limits"]),
        first(&figures["recording_limits"]),
    );
    let simulated = if simulated { ", simulated" } else { "" };
    Row::at(&format!("scale: processor time of a source and second{simulated}, µs"), count)
        .figure(Who::Ours, Median::once(number("processors")));
    Row::at("scale: memory of a source with a full cache, MiB", count)
        .figure(Who::Ours, Median::once(mib(number("memory"))));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, count] = &arguments[..]
        && first == SOURCES
    {
        println!("{}", measure(count.parse().unwrap()));
        return;
    }
    let asked: Vec<usize> = arguments.iter().map(|count| count.parse().expect("a number of sources")).collect();
    let counts = if asked.is_empty() { COUNTS.to_vec() } else { asked };
    println!("{}; {}.", jiff::Zoned::now().date(), meter::machine());
    println!("Recordbins that cache {CACHE} s of 1080p{FPS}; {PERIOD} s after a quick fill.\n");
    println!(
        "| sources | time | processor, µs per source and second | memory before the first frame | memory with a full cache \
         | threads, files | a recording adds | first limit, nothing recorded | first limit, all recorded |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut last = Value::Null;
    let mut held = None;
    for count in counts {
        eprintln!("scale: {count} sources");
        let mut program = Command::new(std::env::current_exe().unwrap());
        let output = program.args([SOURCES, &count.to_string()]).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{count} sources: see above");
        last = serde_json::from_slice(&output.stdout).unwrap();
        print(count, &last);
        if last["simulated"] == false {
            held = Some(count);
        }
    }
    let mbits = last["mbits"].as_f64().unwrap();
    println!("\n\\*: the media is shared by the sources and counted as if it were not ({mbits:.2} Mbit/s).\n");
    match held {
        Some(count) => println!("- Real time held (no frame over {:?} late) up to {count} sources.", feed::LATEST),
        None => println!("- Real time did not hold."),
    }
    for (state, limits) in [("nothing recorded", "idle_limits"), ("all recorded", "recording_limits")] {
        let limits = last[limits].as_array().unwrap().iter();
        let all: Vec<String> = limits.map(|limit| first(&json!([limit]))).collect();
        println!("- By the last line, {state}: {}.", all.join(", "));
    }
}
