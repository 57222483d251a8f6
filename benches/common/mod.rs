//! What the benchmarks of this package share: here a graph that runs, with the real runner and extension of the same
//! build, in a folder of its own; the meters and the table's rows are the engine's benchmarks'. What is measured is
//! left to the benchmarks.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses its own part.

#[path = "../../crates/recorder/benches/cost/meter.rs"]
pub mod meter;
#[path = "../../crates/recorder/benches/cost/rows.rs"]
pub mod rows;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use meter::Median;
use rows::{Row, Who};
use tempfile::TempDir;

/// How long something took, many times.
pub struct Latency {
    /// In milliseconds, the shortest first.
    times: Vec<f64>,
}

impl Latency {
    /// Of at least one.
    pub fn of(times: Vec<Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        Self { times }
    }

    fn at(&self, percent: usize) -> f64 {
        self.times[self.times.len() * percent / 100]
    }

    /// In milliseconds.
    pub fn median(&self) -> f64 {
        self.at(50)
    }

    /// The 99th percentile, in milliseconds.
    fn late(&self) -> f64 {
        self.at(99)
    }

    /// The median, and what half of all lie between.
    fn middle(&self) -> Median {
        Median { median: self.median(), range: (self.at(25), self.at(75)) }
    }

    /// The table's rows of what this is, beside a floor of that name.
    pub fn rows(&self, what: &str, name: &str, floor: &Self) {
        Row::new(&format!("{what}, median (middle half)"))
            .figure(Who::Ours, self.middle())
            .figure(Who::Floor(name), floor.middle())
            .ratio(Median::once(self.median() / floor.median()));
        Row::new(&format!("{what}, 99th percentile"))
            .figure(Who::Ours, Median::once(self.late()))
            .figure(Who::Floor(name), Median::once(floor.late()));
    }
}

impl std::fmt::Display for Latency {
    /// Median and 99th percentile.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{:>6.3} ms {:>6.3} ms", self.median(), self.late())
    }
}

/// A running graph.
pub struct Graph {
    /// The runner.
    pub runner: Child,
    /// Its folder; `DIR` in the graph's text.
    pub dir: TempDir,
}

impl Graph {
    /// Starts a graph. `fifos` are made in its folder first.
    pub fn start(text: &str, fifos: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for fifo in fifos {
            assert!(Command::new("mkfifo").arg(at(fifo)).status().unwrap().success());
        }
        std::fs::write(at("graph.yaml"), text.replace("DIR", dir.path().to_str().unwrap())).unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = built();
        let manifest = format!(
            "extensions:\n- {}\n- {}\n- {}\n",
            top.join(".gxf/lib/libgxf_std.so").display(),
            built.join("libgxf_nvds_smart_record.so").display(),
            built.join("libgxf_nvds_cloud_msg.so").display()
        );
        std::fs::write(at("manifest.yaml"), manifest).unwrap();
        let runner = Command::new(built.join("smart-record"))
            .current_dir(top)
            .args(["gxe", "-severity", "1", "-app"])
            .arg(at("graph.yaml"))
            .arg("-manifest")
            .arg(at("manifest.yaml"))
            .stdin(Stdio::null())
            .spawn()
            .expect("the runner is built by `make bench` before");
        Self { runner, dir }
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(mut self) {
        let pid = self.runner.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
        self.runner.wait().unwrap();
    }
}

/// The folder of the programs that were built with this benchmark.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().into()
}
