//! Runs a graph in the real GXF runtime, in a process of its own, and keeps what it wrote.
//!
//! A process of its own because GXF's log, its loaded libraries and a crash belong to the process. A runtime that is
//! missing fails the test with the message that says where one was looked for.
#![allow(dead_code)] // Each test file uses a part.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The schedulers of GXF that run a graph. Why two of them have a timeout: gxf/README.md, "Schedulers".
pub const SCHEDULERS: [&str; 3] = [
    "nvidia::gxf::GreedyScheduler, parameters: {clock: clock}",
    "nvidia::gxf::MultiThreadScheduler, parameters: {clock: clock, worker_thread_number: 2, stop_on_deadlock_timeout: 100}",
    EVENT_BASED,
];

/// The one that also wakes an entity with an OrSchedulingTermCombiner when a message comes.
pub const EVENT_BASED: &str = "nvidia::gxf::EventBasedScheduler, parameters: {clock: clock, worker_thread_number: 2, stop_on_deadlock_timeout: 100}";

/// Far more than any graph here takes: only there so that a hang fails.
const HANG: Duration = Duration::from_secs(60);

/// What a graph left behind.
pub struct Outcome {
    pub success: bool,
    /// None if a signal ended the process.
    pub status: Option<i32>,
    pub log: String,
    pub stderr: String,
}

impl Outcome {
    /// How many lines of the log contain `text`.
    pub fn count(&self, text: &str) -> usize {
        self.log.lines().filter(|line| line.contains(text)).count()
    }

    /// Fails unless exactly one line of the log contains `text`.
    #[track_caller]
    pub fn says_once(&self, text: &str) {
        assert_eq!(self.count(text), 1, "lines with {text:?} in:\n{self}");
    }

    #[track_caller]
    pub fn succeeded(&self) {
        assert!(self.success, "the graph failed:\n{self}");
    }

    /// Fails unless the process reported the failure itself, and did not crash.
    #[track_caller]
    pub fn failed(&self) {
        assert_eq!(self.status, Some(1), "the graph should fail in order:\n{self}");
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "status {:?}\nstderr: {}\nlog:\n{}", self.status, self.stderr, self.log)
    }
}

/// The folder where cargo put the examples.
pub fn examples() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.parent().and_then(Path::parent).expect("cargo puts tests into <profile>/deps");
    profile.join("examples")
}

/// A graph to run.
#[derive(Default)]
pub struct Graph {
    yaml: String,
    overrides: Vec<String>,
    root: Option<PathBuf>,
    interrupt_after: Option<&'static str>,
    extensions: Option<Vec<String>>,
    without_standard: bool,
}

impl Graph {
    pub fn new(yaml: &str) -> Graph {
        Graph { yaml: yaml.to_owned(), ..Graph::default() }
    }

    /// Adds a scheduler and its clock.
    pub fn scheduler(mut self, scheduler: &str) -> Graph {
        let clock = "{name: clock, type: nvidia::gxf::RealtimeClock}";
        self.yaml += &format!("\n---\nname: scheduler\ncomponents:\n- {clock}\n- {{type: {scheduler}}}\n");
        self
    }

    pub fn parameter(mut self, text: &str) -> Graph {
        self.overrides.push(text.to_owned());
        self
    }

    /// Another folder for the runtime.
    pub fn root(mut self, root: &Path) -> Graph {
        self.root = Some(root.to_owned());
        self
    }

    /// These extensions of the examples, or with a whole path, in place of ping and probe, loaded in this order.
    pub fn extensions(mut self, libraries: &[&str]) -> Graph {
        self.extensions = Some(libraries.iter().map(|library| library.to_string()).collect());
        self
    }

    /// Without GXF's standard extension.
    pub fn without_standard(mut self) -> Graph {
        self.without_standard = true;
        self
    }

    /// Interrupts the graph once its log contains `text`.
    pub fn interrupted_after(mut self, text: &'static str) -> Graph {
        self.interrupt_after = Some(text);
        self
    }

    pub fn run(self) -> Outcome {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (graph, log) = (folder.path().join("graph.yaml"), folder.path().join("log"));
        std::fs::write(&graph, &self.yaml).expect("the graph can be written");
        let examples = examples();
        let mut command = Command::new(examples.join("run_graph"));
        if self.without_standard {
            command.arg("--without-standard");
        }
        for library in self.extensions.unwrap_or(vec!["libgxf_ping.so".into(), "libgxf_probe.so".into()]) {
            command.arg("--extension").arg(examples.join(library));
        }
        command.args(self.overrides.iter().flat_map(|text| ["--param", text]));
        if let Some(root) = &self.root {
            command.env("GXF_ROOT", root);
        }
        match self.interrupt_after {
            // The log stays on standard output, where it can be waited for.
            Some(_) => command.arg("--interrupt-on-input").stdin(Stdio::piped()).stdout(Stdio::piped()),
            None => command.arg("--log").arg(&log).stdin(Stdio::null()).stdout(Stdio::null()),
        };
        let mut child = command.arg(&graph).stderr(Stdio::piped()).spawn().expect("run_graph was built with the tests");
        let read = self.interrupt_after.map(|text| interrupt(&mut child, text));
        let (status, stderr, hung) = finish(child);
        let log = match read {
            Some(reader) => reader.join().expect("the reader does not panic"),
            None => std::fs::read_to_string(&log).unwrap_or_default(),
        };
        let outcome = Outcome { success: status == Some(0), status, log, stderr };
        assert!(!hung, "the graph hangs:\n{outcome}");
        outcome
    }
}

/// Reads the child's output to its end, and writes a line to its input once there is one with `text`.
fn interrupt(child: &mut Child, text: &'static str) -> JoinHandle<String> {
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut input = child.stdin.take();
    std::thread::spawn(move || {
        let mut log = String::new();
        for line in output.lines().map_while(Result::ok) {
            log += &line;
            log.push('\n');
            if line.contains(text)
                && let Some(mut input) = input.take()
            {
                input.write_all(b"now\n").expect("run_graph reads its input");
            }
        }
        log
    })
}

/// Waits for the end, or ends what hangs.
fn finish(child: Child) -> (Option<i32>, String, bool) {
    let id = child.id();
    let (done, waiting) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let output = child.wait_with_output().expect("a child can be waited for");
        let _ = done.send(());
        output
    });
    let hung = waiting.recv_timeout(HANG).is_err();
    if hung {
        let id = i32::try_from(id).expect("a process id is an i32");
        // SAFETY: the child was not waited for yet, so the id is still its own.
        unsafe { libc::kill(id, libc::SIGKILL) };
    }
    let output = waiter.join().expect("the waiter does not panic");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), hung)
}
