//! What benchmarks measure with, those of other packages too: processor time of a thread and of the process, threads,
//! open files; medians; the machine in a line. What is measured is left to the benchmarks, the heap to `heap`.
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

/// Lets threads end as soon as they have nothing to do, which GLib otherwise keeps for a while for whoever wants one:
/// they would be counted for somebody who does not need them, or not be counted for somebody who gets one of them.
pub fn keep_no_idle_threads() {
    gst::glib::ThreadPool::set_max_unused_threads(Some(0));
}

/// Threads of the process now.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// The same, once that number has stopped changing: a thread that finishes a file is gone soon.
pub fn settled_threads() -> usize {
    loop {
        let before = threads();
        std::thread::sleep(Duration::from_millis(300));
        if threads() == before {
            return before;
        }
    }
}

/// Files that the process has open now, sockets and the like among them.
pub fn files() -> usize {
    // One of them is the folder that is being read.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
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

    /// Of what the first is to the second, round by round: both had the machine as it was then.
    pub fn of_ratios(own: &[f64], floor: &[f64]) -> Self {
        Self::of(own.iter().zip(floor).map(|(own, floor)| own / floor).collect())
    }

    /// Of what was measured once.
    pub fn once(value: f64) -> Self {
        Self { median: value, range: (value, value) }
    }

    /// In another unit.
    pub fn times(self, factor: f64) -> Self {
        Self { median: self.median * factor, range: (self.range.0 * factor, self.range.1 * factor) }
    }
}

/// The machine and the software, in a line.
pub fn machine_alone() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores of {}, Linux {}, {}, recorder {}",
        model.unwrap_or("an unknown processor"),
        kernel.trim(),
        gst::version_string(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The same, and how busy it is before anything is measured.
pub fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{}, load before {}", machine_alone(), load.split(' ').next().unwrap_or("?"))
}
