//! What the benchmarks of cost measure with: processor time of a thread and of the process, heap in use, threads; medians.
//! What is measured is left to the benchmarks.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; one that cannot measure fails.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

fn time(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Processor time of the calling thread so far, in nanoseconds.
pub fn thread_time() -> u64 {
    time(ClockId::ThreadCPUTime)
}

/// Processor time of all threads of the process so far, in nanoseconds.
pub fn process_time() -> u64 {
    time(ClockId::ProcessCPUTime)
}

/// Waits until the other threads of the process have nothing to do any more.
pub fn settle() {
    let idle = |before: u64| process_time() - before < 300_000;
    loop {
        let before = process_time();
        std::thread::sleep(Duration::from_millis(3));
        if idle(before) {
            return;
        }
    }
}

/// Bytes of heap in use, in all of malloc's arenas and in mappings of its own.
pub fn heap() -> usize {
    // SAFETY: it takes nothing, returns numbers by value, and takes malloc's own locks.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

/// Threads of the process now.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// A median and what it lies between.
#[derive(Clone, Copy, Debug)]
pub struct Median {
    /// Of an odd number of values.
    pub median: f64,
    /// The least and the greatest of them.
    pub range: (f64, f64),
}

impl Median {
    /// Of at least one value.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], range: (values[0], values[values.len() - 1]) }
    }
}

/// The machine, in a line.
pub fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores of {}, Linux {}, {}, recorder {}, load before {load}",
        model.unwrap_or("an unknown processor"),
        kernel.trim(),
        gst::version_string(),
        env!("CARGO_PKG_VERSION"),
    )
}
