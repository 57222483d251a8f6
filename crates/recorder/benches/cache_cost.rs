//! What caching costs per buffer, and what a source takes, while nothing is recorded: our recordbin beside a pad that only
//! keeps the last 900 buffers (the limit), a fakesink, NVIDIA's recordbin and GStreamer's own arrangements, in one run.
//! Asserts nothing. `cargo bench -p recorder --bench cache_cost [-- <sources>...]`; NVDSSR_PEER names NVIDIA's library,
//! COST_ONLY what else to leave out (`ring,ours`).
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use cost::contender::{Contender, Kind, WINDOW};
use cost::media::{FPS, GOP, Media};
use cost::meter::{self, Median};
use cost::nvidia::Peer;
use gst::prelude::*;

mod cost;

/// The promise of issue 7: so many times the ring's cost at so many sources.
const TARGETS: [(usize, f64); 3] = [(1, 2.0), (100, 1.6), (1_000, 1.5)];
/// What a source may take beside buffers and media.
const MEMORY_TARGET: f64 = 8.0;
const RUNS: usize = 7;
/// Frames of each source before anything is measured: the cache is full, and has let go of a few groups.
const FILL: u64 = (WINDOW.as_secs() + 3) * FPS;
/// Buffers that are made before they are pushed, all at once.
const BATCH: usize = 1_000;
/// Above so many sources their files alone would fill a disk.
const SPLITMUX_SOURCES: usize = 1;

/// A contender, and what has been measured.
struct Row {
    contender: Contender,
    next: u64,
    /// Nanoseconds per buffer, of the whole process and of the pushing thread.
    process: Vec<f64>,
    thread: Vec<f64>,
    threads: f64,
    /// KiB per source beside buffers and media.
    memory: f64,
    /// Media held, of what the window and one group more are.
    media: f64,
}

/// Pushes `rounds` frames into each pad: nanoseconds of the process and of this thread that this took, making the
/// buffers left out.
fn push(row: &mut Row, media: &Media, rounds: u64) -> (u64, u64) {
    meter::settle();
    let pads = &row.contender.pads;
    let per_batch = (BATCH / pads.len()).max(1) as u64;
    let (began, mut making, mut pushing) = (meter::process_time(), 0, 0);
    let mut batch = Vec::with_capacity(per_batch as usize * pads.len());
    for from in (row.next..row.next + rounds).step_by(per_batch as usize) {
        let to = (from + per_batch).min(row.next + rounds);
        let before = meter::thread_time();
        batch.extend((from..to).flat_map(|number| pads.iter().map(move |pad| (pad, media.frame(number)))));
        let made = meter::thread_time();
        for (pad, buffer) in batch.drain(..) {
            pad.chain(buffer).unwrap();
        }
        pushing += meter::thread_time() - made;
        making += made - before;
    }
    row.next += rounds;
    meter::settle();
    (meter::process_time() - began - making, pushing)
}

/// What a buffer itself takes of the heap, its media being the clip's.
fn buffer_bytes(media: &Media) -> f64 {
    const COUNT: usize = 20_000;
    let mut buffers = Vec::with_capacity(COUNT);
    let before = meter::heap();
    buffers.extend((0..COUNT as u64).map(|number| media.frame(number)));
    (meter::heap() - before) as f64 / COUNT as f64
}

fn row(kind: Kind, sources: usize, media: &Media, dir: &Path, peer: Option<&'static Peer>, buffer: f64) -> Row {
    let (heap, threads, held) = (meter::heap(), meter::threads(), media.held());
    let contender = Contender::new(kind, sources, dir, peer);
    contender.pads.iter().for_each(|pad| media.begin(pad));
    let mut row =
        Row { contender, next: 0, process: Vec::new(), thread: Vec::new(), threads: 0.0, memory: 0.0, media: 0.0 };
    push(&mut row, media, FILL);
    let (buffers, bytes) = (media.held().0 - held.0, media.held().1 - held.1);
    let each = |of: f64| of / sources as f64;
    row.threads = each(meter::threads() as f64 - threads as f64);
    row.memory = each(meter::heap() as f64 - heap as f64 - buffers as f64 * buffer) / 1_024.0;
    let bound = media.bytes_per_second() as f64 * (WINDOW.as_secs_f64() + GOP as f64 / FPS as f64);
    row.media = each(bytes as f64) / bound;
    row
}

fn measure(sources: usize, media: &Media, peer: Option<&'static Peer>, buffer: f64) -> Vec<Row> {
    let dir = testbed::temp_dir().unwrap();
    let mut kinds = vec![Kind::Ring, Kind::Ours, Kind::Fakesink, Kind::LeakyQueue];
    kinds.extend((sources <= SPLITMUX_SOURCES).then_some(Kind::Splitmux));
    kinds.extend(peer.map(|_| Kind::Nvidia));
    if let Ok(only) = std::env::var("COST_ONLY") {
        kinds.retain(|kind| only.split(',').any(|name| kind.name().starts_with(name)));
    }
    let mut rows: Vec<Row> =
        kinds.into_iter().map(|kind| row(kind, sources, media, dir.path(), peer, buffer)).collect();
    for _ in 0..RUNS {
        for row in &mut rows {
            let slow = matches!(row.contender.kind, Kind::Nvidia | Kind::Splitmux);
            let buffers = if slow { 20_000 } else { 200_000 };
            let rounds = (buffers / sources as u64).max(1);
            let (process, thread) = push(row, media, rounds);
            let per_buffer = |time: u64| time as f64 / (rounds * sources as u64) as f64;
            row.process.push(per_buffer(process));
            row.thread.push(per_buffer(thread));
        }
    }
    rows
}

fn print(sources: usize, rows: &[Row]) {
    let ring = &rows[0];
    for row in rows {
        let ratios = row.process.iter().zip(&ring.process).map(|(own, ring)| own / ring).collect();
        let (process, thread, ratio) =
            (Median::of(row.process.clone()), Median::of(row.thread.clone()), Median::of(ratios));
        println!(
            "| {sources} | {} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2}× ({:.2}–{:.2}) | {:.1} | {:.1} | {:.1} % |",
            row.contender.kind.name(),
            process.median / 1e3,
            process.range.0 / 1e3,
            process.range.1 / 1e3,
            thread.median / 1e3,
            ratio.median,
            ratio.range.0,
            ratio.range.1,
            row.threads,
            row.memory,
            row.media * 100.0,
        );
    }
}

fn main() {
    let machine = meter::machine();
    gst::init().unwrap();
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sources = if asked.is_empty() { TARGETS.map(|(sources, _)| sources).to_vec() } else { asked };
    let media = Media::new(1_000);
    let peer = cost::nvidia::peer();
    let buffer = buffer_bytes(&media);
    println!("caching, per buffer; {machine}");
    println!(
        "{} s of {FPS} frames per second, GOP {GOP}, no recording; medians of {RUNS} (least–greatest); a buffer takes {buffer:.0} bytes",
        WINDOW.as_secs()
    );
    println!("\n| sources | | CPU, µs | of it pushing | to the ring | threads per source | KiB per source | media held |");
    println!("|---|---|---|---|---|---|---|---|");
    for sources in sources {
        let rows = measure(sources, &media, peer, buffer);
        print(sources, &rows);
    }
    let _ = MEMORY_TARGET;
}
