//! Runs a graph for a benchmark: the real runner and extension of the same build, in a folder of its own.
//! What is measured is left to the benchmarks.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running graph.
#[allow(dead_code)] // Each benchmark uses its own part of it.
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
