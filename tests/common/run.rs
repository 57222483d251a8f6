//! A running graph: messages go in, receipts and log lines come out, a signal ends it.
//! Every wait is for an event; a wait in vain shows what the program has written so far. Every receipt that is read, and
//! every sidecar that a run leaves, is held to its schema.
//! Left to others: what was to be run (`graph`), the schemas (`schema`).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use testbed::{JsonLines, Program, RtspCamera, TempDir};

use super::{check_receipt, check_sidecar};

/// How long a wait may last before the test is called hung: no measure of speed, but far more than any wait here takes
/// on a busy machine, and short enough to see what is wrong.
const HANG: Duration = Duration::from_secs(60);

/// A graph that runs.
pub struct Run {
    program: Program,
    receipts: Option<JsonLines>,
    messages: Option<File>,
    recordings: PathBuf,
    dir: TempDir,
}

/// A graph that has ended.
pub struct Outcome {
    /// Exit code; `None`: a signal ended it, which is a crash.
    pub code: Option<i32>,
    /// All it wrote, to stdout and stderr.
    pub lines: Vec<String>,
}

impl Outcome {
    /// The lines that contain `text`.
    pub fn lines_with(&self, text: &str) -> Vec<&str> {
        self.lines.iter().filter(|line| line.contains(text)).map(String::as_str).collect()
    }

    /// Everything, for messages.
    pub fn text(&self) -> String {
        format!("exit code {:?}\n{}", self.code, self.lines.join("\n"))
    }
}

impl Run {
    pub(super) fn new(
        program: Program,
        receipts: Option<JsonLines>,
        messages: Option<File>,
        recordings: PathBuf,
        dir: TempDir,
    ) -> Self {
        Self { program, receipts, messages, recordings, dir }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// The folder that recordings go to.
    pub fn recordings(&self) -> &Path {
        &self.recordings
    }

    /// The folder of this run.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Names of all files in the folder of recordings, sorted.
    pub fn file_names(&self) -> Vec<String> {
        names_in(&self.recordings)
    }

    /// Writes one message to the FIFO.
    pub fn send(&mut self, message: &Value) {
        self.send_bytes(format!("{message}\n").as_bytes());
    }

    /// Writes anything to the FIFO.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.messages.as_mut().expect("the graph takes messages").write_all(bytes).unwrap();
    }

    /// Waits until a camera has sent this frame to the graph; shows what the graph has written where it never does.
    pub fn wait_for_frame(&mut self, camera: &RtspCamera, counter: u32) {
        if let Err(error) = camera.frames().wait_for(counter, HANG) {
            self.fail(&error);
        }
    }

    /// Waits until each of these sensors can be recorded: until its source has sent a keyframe, which for a viewer that
    /// joins a running camera takes up to a GOP. Tries recordings, which are over afterwards; all of them watch
    /// `camera`, whose frames pace the attempts. Returns how many recordings that made.
    pub fn wait_until_recordable(&mut self, camera: &RtspCamera, sensors: &[&str]) -> usize {
        for sensor in sensors {
            for attempt in 0.. {
                let id = format!("attempt {attempt} of {sensor}");
                self.send(&json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id}));
                let is = |receipt: &Value, kinds: &[&str]| {
                    receipt["id"] == *id && kinds.iter().any(|kind| receipt["receipt"] == *kind)
                };
                let answer = self.receipt(&id, |receipt| is(receipt, &["accepted", "rejected"]));
                if answer["receipt"] == "accepted" {
                    self.send(&json!({"command": "stop-recording", "sensor": {"id": sensor}, "id": "attempt"}));
                    let end = self.receipt(&format!("the end of {id}"), |receipt| is(receipt, &["done", "failed"]));
                    if end["receipt"] == "done" {
                        break;
                    }
                }
                self.wait_for_frame(camera, camera.frames().len());
            }
        }
        sensors.len()
    }

    fn fail(&mut self, error: &testbed::Error) -> ! {
        let output = self.program.wait(Duration::ZERO).map(|status| status.to_string());
        let output = output.unwrap_or_else(|_| "still runs".into());
        panic!("{error}\nthe program: {output}\n{}", self.program.seen().join("\n"));
    }

    /// All receipts that have been read so far.
    pub fn receipts(&self) -> &[Value] {
        &self.receipts.as_ref().expect("the graph writes receipts").seen
    }

    /// The first receipt that is wanted, past or to come.
    pub fn receipt(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let receipts = self.receipts.as_mut().expect("the graph writes receipts");
        if let Some(receipt) = receipts.seen.iter().find(|receipt| wanted(receipt)) {
            return receipt.clone();
        }
        match receipts.wait_for(what, HANG, |receipt| {
            check_receipt(receipt).unwrap();
            wanted(receipt)
        }) {
            Ok(receipt) => receipt,
            Err(error) => self.fail(&error),
        }
    }

    /// The receipt of this kind with this event id, past or to come.
    pub fn receipt_of(&mut self, kind: &str, id: &str) -> Value {
        self.receipt(&format!("'{kind}' of {id}"), |receipt| receipt["receipt"] == kind && receipt["id"] == id)
    }

    /// Sends a message with an id, and waits for its answer: accepted, merged or rejected.
    pub fn ask(&mut self, message: &Value) -> Value {
        self.send(message);
        let id = &message["id"];
        let answers = ["accepted", "merged", "rejected"];
        self.receipt(&format!("an answer to {id}"), |receipt| {
            receipt["id"] == *id && answers.iter().any(|answer| receipt["receipt"] == *answer)
        })
    }

    /// Waits until this many receipts of this kind have come after the first `before` ones.
    pub fn wait_for_more_receipts(&mut self, before: usize, kind: &str, count: usize) {
        let mut index = 0;
        let mut found = 0;
        self.receipt(&format!("{count} receipts '{kind}'"), |receipt| {
            found += usize::from(index >= before && receipt["receipt"] == kind);
            index += 1;
            found == count
        });
    }

    /// The next log line that contains `text`.
    pub fn line_with(&mut self, text: &str) -> String {
        self.program.wait_for_line(&format!("a line with {text:?}"), HANG, |line| line.contains(text)).unwrap()
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end.
    pub fn interrupt(self) -> (Outcome, Ended) {
        self.program.interrupt().unwrap();
        self.wait()
    }

    /// Sends any signal and waits for the end.
    pub fn end_with(self, signal: Signal) -> (Outcome, Ended) {
        self.program.signal(signal).unwrap();
        self.wait()
    }

    /// Waits until the graph ends by itself.
    pub fn wait(mut self) -> (Outcome, Ended) {
        let status = self.program.wait(HANG).unwrap();
        let outcome = Outcome { code: status.code(), lines: self.program.seen().to_vec() };
        let mut receipts = Vec::new();
        if let Some(mut followed) = self.receipts.take() {
            // The file is complete now: reads what is left of it, and finds no further line.
            let _ = followed.wait_for("the end", Duration::ZERO, |_| false);
            receipts = followed.seen;
        }
        receipts.iter().for_each(|receipt| check_receipt(receipt).unwrap());
        check_sidecars(&self.recordings);
        (outcome, Ended { receipts, recordings: self.recordings, dir: self.dir })
    }
}

/// What a graph has left behind. Its folder is removed with this value.
pub struct Ended {
    /// All receipts.
    pub receipts: Vec<Value>,
    /// The folder of recordings.
    pub recordings: PathBuf,
    dir: TempDir,
}

impl Ended {
    /// Names of all files in the folder of recordings, sorted.
    pub fn file_names(&self) -> Vec<String> {
        names_in(&self.recordings)
    }

    /// The folder of the run.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }
}

/// Holds every sidecar in a folder to its schema.
fn check_sidecars(folder: &Path) {
    // A test may have taken the folder away.
    let names = if folder.is_dir() { names_in(folder) } else { Vec::new() };
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        let sidecar = std::fs::read(folder.join(name)).unwrap();
        let sidecar = serde_json::from_slice(&sidecar).unwrap_or_else(|error| panic!("{name}: {error}"));
        check_sidecar(&sidecar).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

/// Names of all files in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
