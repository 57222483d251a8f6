//! What caching costs per buffer, and what a source takes, while nothing is recorded: our recordbin beside a pad that
//! only keeps the last 900 buffers (the limit), a fakesink, NVIDIA's recordbin and GStreamer's own arrangements, in one
//! run. Asserts nothing. `cargo bench -p recorder --bench cache_cost [-- <sources>...]`; NVDSSR_PEER names NVIDIA's
//! library, COST_ONLY what is wanted alone (`ring;ours`), COST_SVG the file that the charts go to, BENCH_ROWS that of
//! the table's rows.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use cost::contender::{Contender, Kind, WINDOW};
use cost::heap;
use cost::media::{FPS, GOP, Media, tell};
use cost::meter::{self, Median};
use cost::nvidia::Peer;
use cost::plot::{self, Line};
use cost::rows::{Row as TableRow, Verdict, Who};
use gst::prelude::*;

mod cost;

/// The promise of issue 7: so many times the ring's cost at so many sources.
const TARGETS: [(usize, f64); 3] = [(1, 2.0), (100, 1.6), (1_000, 1.5)];
/// KiB that a source may take beside buffers and media.
const MEMORY_TARGET: f64 = 8.0;
const RUNS: usize = 7;
/// Frames of each source before anything is measured: the cache is full, and has let go of a few groups.
const FILL: u64 = (WINDOW.as_secs() + 3) * FPS;
/// Frames of each source in two turns of the window. A buffer gets the memory of the one that has left the cache last, and
/// so gets its place, near the next one's or far from it; that comes again and again with this period, and a part of it would
/// be cheaper or dearer than the whole, by half for the ring at 1,000 sources.
const TURNS: u64 = 2 * WINDOW.as_secs() * FPS;
/// Buffers that are made before they are pushed, all at once.
const BATCH: usize = 1_000;
/// Each has 5 MB of files and writes all the time: 0.5 GB on the disk at 100 sources; 1,000 would have 5 GB, 2,000
/// threads, and would measure the disk.
const SPLITMUX_SOURCES: usize = 100;

/// A contender, and what has been measured.
struct Row {
    contender: Contender,
    /// Of each source.
    _said: Vec<[gst::Event; 3]>,
    next: u64,
    /// Nanoseconds per buffer, of the whole process.
    process: Vec<f64>,
    /// The same with the making of the buffer, as a source has it.
    made: Vec<f64>,
    threads: f64,
    /// KiB per source beside buffers, media, and what the source has said.
    memory: f64,
    /// What it has said takes so many KiB, which its own pad keeps as well.
    events: f64,
    /// Media held, of what the window and one group more are.
    media: f64,
}

/// What the process spends on `rounds` frames for each pad, in nanoseconds. Each is pushed as soon as it is made, as by a
/// source.
fn push(row: &mut Row, media: &Media, rounds: u64) -> u64 {
    meter::settle();
    let began = meter::process_time();
    for number in row.next..row.next + rounds {
        for pad in &row.contender.pads {
            pad.chain(media.frame(number)).unwrap();
        }
    }
    row.next += rounds;
    meter::settle();
    meter::process_time() - began
}

/// The same without the making of the buffers: many are made before they are pushed.
fn push_alone(row: &mut Row, media: &Media, rounds: u64) -> u64 {
    meter::settle();
    let pads = &row.contender.pads;
    let per_batch = (BATCH / pads.len()).max(1) as u64;
    let (began, mut making) = (meter::process_time(), 0);
    let mut batch = Vec::with_capacity(per_batch as usize * pads.len());
    for from in (row.next..row.next + rounds).step_by(per_batch as usize) {
        let to = (from + per_batch).min(row.next + rounds);
        let before = meter::thread_time();
        batch.extend((from..to).flat_map(|number| pads.iter().map(move |pad| (pad, media.frame(number)))));
        making += meter::thread_time() - before;
        for (pad, buffer) in batch.drain(..) {
            pad.chain(buffer).unwrap();
        }
    }
    row.next += rounds;
    meter::settle();
    meter::process_time() - began - making
}

/// KiB per source of each contender beside the buffers it holds, and of what a source has said: in a process where nothing
/// that has been freed waits in GLib or with a thread for being used again, and counts as used meanwhile.
fn memories(sources: usize, kinds: &[Kind]) -> Vec<(f64, f64)> {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--memory", &sources.to_string()])
        .env("G_SLICE", "always-malloc")
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
        .env("COST_ONLY", names.join(";"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(child.status.success());
    let pair = |line: &str| line.split_once(' ').map(|(of, and)| (of.parse().unwrap(), and.parse().unwrap())).unwrap();
    String::from_utf8(child.stdout).unwrap().lines().map(pair).collect()
}

/// What a buffer itself takes of the heap, its media being the clip's.
fn buffer_bytes(media: &Media) -> f64 {
    const COUNT: usize = 20_000;
    let mut buffers = Vec::with_capacity(COUNT);
    let before = heap::heap();
    buffers.extend((0..COUNT as u64).map(|number| media.frame(number)));
    (heap::heap() - before) as f64 / COUNT as f64
}

fn row(kind: Kind, sources: usize, media: &Media, dir: &Path, peer: Option<&'static Peer>, buffer: f64) -> Row {
    // The sources are there before: what they have said is theirs.
    let without = heap::heap();
    let mut said = Vec::with_capacity(sources);
    said.extend((0..sources).map(|_| media.events()));
    let (heap, threads, held) = (heap::heap(), meter::settled_threads(), media.held());
    let contender = Contender::new(kind, sources, dir, peer);
    contender.pads.iter().zip(&said).for_each(|(pad, events)| tell(pad, events));
    let mut row = Row {
        contender,
        _said: said,
        next: 0,
        process: Vec::new(),
        made: Vec::new(),
        threads: 0.0,
        memory: 0.0,
        events: (heap - without) as f64 / sources as f64 / 1_024.0,
        media: 0.0,
    };
    push(&mut row, media, FILL);
    let (buffers, bytes) = (media.held().0 - held.0, media.held().1 - held.1);
    let each = |of: f64| of / sources as f64;
    row.threads = each(meter::settled_threads() as f64 - threads as f64);
    row.memory = each(heap::heap() as f64 - heap as f64 - buffers as f64 * buffer) / 1_024.0;
    let bound = media.bytes_per_second() as f64 * (WINDOW.as_secs_f64() + GOP as f64 / FPS as f64);
    row.media = each(bytes as f64) / bound;
    row
}

fn kinds(sources: usize, peer: Option<&'static Peer>) -> Vec<Kind> {
    let mut kinds = vec![Kind::Ring, Kind::Ours, Kind::Fakesink, Kind::LeakyQueue];
    kinds.extend((sources <= SPLITMUX_SOURCES).then_some(Kind::Splitmux));
    kinds.extend(peer.map(|_| Kind::Nvidia));
    if let Ok(only) = std::env::var("COST_ONLY") {
        kinds.retain(|kind| only.split(';').any(|name| kind.name().starts_with(name)));
    }
    kinds
}

/// All of them at once, in turn.
fn in_turn(sources: usize, kinds: &[Kind], media: &Media, dir: &Path, peer: Option<&'static Peer>) -> Vec<Row> {
    let mut rows: Vec<Row> = kinds.iter().map(|kind| row(*kind, sources, media, dir, peer, 0.0)).collect();
    for _ in 0..RUNS {
        for row in &mut rows {
            let (rounds, turns) = match row.contender.kind {
                // These take a hundred times as long, and what memory they get makes no difference to that.
                Kind::Nvidia | Kind::Splitmux => ((20_000 / sources as u64).max(1), (20_000 / sources as u64).max(1)),
                _ => ((200_000 / sources as u64).max(1), TURNS * (200_000 / sources as u64).div_ceil(TURNS)),
            };
            let per_buffer = |time: u64, rounds: u64| time as f64 / (rounds * sources as u64) as f64;
            let made = push(row, media, turns);
            row.made.push(per_buffer(made, turns));
            let alone = push_alone(row, media, rounds);
            row.process.push(per_buffer(alone, rounds));
        }
    }
    rows
}

/// Ours and the ring with nobody else in the process: others leave the heap and the processors' caches as neither would
/// find them alone, which is dearer for the ring at 1,000 sources than for ours.
fn alone(sources: usize, media: &Media) -> Option<String> {
    let dir = testbed::temp_dir().unwrap();
    let rows = in_turn(sources, &[Kind::Ring, Kind::Ours], media, dir.path(), None);
    let (_, target) = TARGETS.into_iter().find(|(at, _)| *at == sources)?;
    Some(judge_time("caching, ring and ours alone: a buffer made and pushed, µs of CPU", sources, &rows, target))
}

fn measure(sources: usize, media: &Media, peer: Option<&'static Peer>) -> Vec<Row> {
    let dir = testbed::temp_dir().unwrap();
    let kinds = kinds(sources, peer);
    let memories = memories(sources, &kinds);
    let mut rows = in_turn(sources, &kinds, media, dir.path(), peer);
    rows.iter_mut().zip(memories).for_each(|(row, memory)| (row.memory, row.events) = memory);
    rows
}

fn print(sources: usize, rows: &[Row]) {
    let ring = &rows[0];
    for row in rows {
        let (process, made) = (Median::of(row.process.clone()), Median::of(row.made.clone()));
        let (alone, whole) = (Median::of_ratios(&row.process, &ring.process), Median::of_ratios(&row.made, &ring.made));
        println!(
            "| {sources} | {} | {:.2} ({:.2}–{:.2}) | {:.2}× | {:.2} | {:.2}× ({:.2}–{:.2}) | {:.1} | {:.1} | {:.1} % |",
            row.contender.kind.name(),
            process.median / 1e3,
            process.range.0 / 1e3,
            process.range.1 / 1e3,
            alone.median,
            made.median / 1e3,
            whole.median,
            whole.range.0,
            whole.range.1,
            row.threads,
            row.memory,
            row.media * 100.0,
        );
    }
}

/// In the process that [`memories`] starts.
fn print_memories(sources: usize) {
    let (media, peer) = (Media::synthetic(4_000), cost::nvidia::peer());
    let dir = testbed::temp_dir().unwrap();
    let buffer = buffer_bytes(&media);
    for kind in kinds(sources, peer) {
        // What the process takes once, the first one has taken.
        let _first = row(kind, 1, &media, dir.path(), peer, buffer);
        let row = row(kind, sources, &media, dir.path(), peer, buffer);
        println!("{:.3} {:.3}", row.memory, row.events);
    }
}

fn main() {
    let machine = meter::machine();
    gst::init().unwrap();
    meter::keep_no_idle_threads();
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if std::env::args().any(|argument| argument == "--memory") {
        return print_memories(asked[0]);
    }
    let sources = if asked.is_empty() { TARGETS.map(|(sources, _)| sources).to_vec() } else { asked };
    let media = Media::new(1_000);
    let peer = cost::nvidia::peer();
    let mut verdicts = Vec::new();
    for sources in sources.iter().filter(|_| std::env::var_os("COST_ONLY").is_none()) {
        eprintln!("cache_cost: {sources} sources, ring and ours alone");
        verdicts.extend(alone(*sources, &media));
    }
    println!("caching, per buffer; {machine}");
    println!(
        "{} s of {FPS} frames per second, GOP {GOP}, no recording; medians of {RUNS} (least–greatest)",
        WINDOW.as_secs()
    );
    println!(
        "\n| sources | | pushed, µs | to the ring | made and pushed, µs | to the ring | threads per source | KiB per source \
         | media held |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut lines: Vec<Line> = Vec::new();
    for sources in sources {
        eprintln!("cache_cost: {sources} sources");
        let rows = measure(sources, &media, peer);
        print(sources, &rows);
        for row in &rows {
            let point = (sources as f64, Median::of(row.made.clone()).median / 1e3, row.memory);
            let name = row.contender.kind.name();
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name, points: vec![point] }),
            }
        }
        verdicts.extend(judge(sources, &rows));
    }
    println!();
    verdicts.iter().for_each(|verdict| println!("{verdict}"));
    if let Some(file) = std::env::var_os("COST_SVG") {
        plot::draw(Path::new(&file), &lines);
    }
}

/// A line of the table: all contenders' figures of one kind, and what was promised of ours.
fn table_row<'a>(what: &'a str, sources: usize, rows: &[Row], value: impl Fn(&Row) -> Median) -> TableRow<'a> {
    let line = TableRow::at(what, sources);
    for row in rows {
        let who = match row.contender.kind {
            Kind::Ours => Who::Ours,
            Kind::Ring => Who::Floor("ring"),
            other => Who::Other(other.name()),
        };
        line.figure(who, value(row));
    }
    line
}

/// What has been promised, and what has become of it: in words, and to the table.
fn judge(sources: usize, rows: &[Row]) -> Option<String> {
    let of = |kind: Kind| rows.iter().find(|row| row.contender.kind == kind);
    let (ring, ours) = (of(Kind::Ring)?, of(Kind::Ours)?);
    let (_, target) = TARGETS.into_iter().find(|(at, _)| *at == sources)?;
    let time = judge_time("caching, all in turn: a buffer made and pushed, µs of CPU", sources, rows, target);
    table_row("caching, all in turn: pushed alone, µs of CPU", sources, rows, |row| {
        Median::of(row.process.clone()).times(1e-3)
    })
    .ratio(Median::of_ratios(&ours.process, &ring.process));
    let no_thread = ours.threads <= 0.0;
    table_row("caching: threads per source", sources, rows, |row| Median::once(row.threads)).verdict(Verdict {
        promised: "none",
        kept: no_thread,
        note: "",
    });
    let line =
        table_row("caching: memory beside the buffers, KiB per source", sources, rows, |row| Median::once(row.memory));
    let note = format!("beside {:.1} of events, which the source's own pad keeps as well", ours.events);
    let kept = ours.memory <= MEMORY_TARGET;
    line.verdict(Verdict { promised: &format!("at most {MEMORY_TARGET}"), kept, note: &note });
    let memory = format!("{:.1}, {} ({note})", ours.memory, word(kept));
    let media = ours.media <= 1.05;
    table_row("caching: media held, % of the window and one group", sources, rows, |row| {
        Median::once(row.media * 100.0)
    })
    .verdict(Verdict { promised: "at most 105", kept: media, note: "" });
    Some(format!(
        "{time}; {MEMORY_TARGET} KiB per source beside the buffers: {memory}; no thread: {}; media of the window and one group \
         by 1.05: {}",
        word(no_thread),
        word(media),
    ))
}

/// The promise of processor time.
fn judge_time(what: &str, sources: usize, rows: &[Row], target: f64) -> String {
    let of = |kind: Kind| rows.iter().find(|row| row.contender.kind == kind).map_or(&[][..], |row| &row.made);
    let ratio = Median::of_ratios(of(Kind::Ours), of(Kind::Ring));
    let kept = ratio.median <= target;
    let promised = format!("at most {target:.1}×");
    table_row(what, sources, rows, |row| Median::of(row.made.clone()).times(1e-3)).ratio(ratio).verdict(Verdict {
        promised: &promised,
        kept,
        note: "",
    });
    format!("{what}, {sources} sources: {target}x the ring are promised: {:.2}x, {}", ratio.median, word(kept))
}

fn word(kept: bool) -> &'static str {
    if kept { "kept" } else { "NOT kept" }
}
