//! A running victim, seen from outside: commands go in, what it tells comes out, a signal ends it.
//! Every wait is for a line of the victim; all lines are kept, with what had reached the engine and when.
//! What the victim does with commands is left to `victim`.

use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use testbed::{HANG_GUARD, Program};

use crate::Error;
use crate::victim::{self, RecorderPlan};

/// A running victim. It is killed when this is dropped.
pub struct Victim {
    program: Program,
    stdin: Option<ChildStdin>,
    /// All that it has told so far.
    pub told: Vec<Value>,
}

/// What had reached a recordbin at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When, nanoseconds since 1970.
    pub at_ns: u64,
    /// Frames until then.
    pub frames: u64,
    /// The longest that any of them was held by the recordbin.
    pub longest: Duration,
    /// Memory of the process.
    pub resident_kib: u64,
}

impl Victim {
    /// Starts one and waits until its recorders run.
    ///
    /// # Errors
    /// When they do not; with the victim's own words.
    pub fn start(plans: &[RecorderPlan]) -> Result<Self, Error> {
        let own = std::env::current_exe().map_err(|e| Error::io("find this program", "chaos", e))?;
        let plan = serde_json::to_string(plans).map_err(|e| Error::setup("write a plan", e))?;
        let mut program = Program::start(Command::new(own).args(["victim", &plan]).stdin(Stdio::piped()))?;
        let stdin = program.take_stdin();
        let mut victim = Self { program, stdin, told: Vec::new() };
        victim.wait_for("its recorders", HANG_GUARD, |line| line.get("ready").is_some())?;
        Ok(victim)
    }

    /// The process: its recordings have its number in their names.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Gives a command.
    ///
    /// # Errors
    /// When the victim is gone.
    pub fn tell(&mut self, command: &victim::Command) -> Result<(), Error> {
        let line = serde_json::to_string(command).map_err(|e| Error::setup("write a command", e))?;
        let stdin = self.stdin.as_mut().ok_or_else(|| Error::Victim("has no stdin".into()))?;
        writeln!(stdin, "{line}")
            .and_then(|()| stdin.flush())
            .map_err(|error| Error::Victim(format!("takes no commands any more: {error}")))
    }

    /// Starts a session and returns how many frames had reached the engine when it was accepted.
    ///
    /// # Errors
    /// When it is rejected or not answered.
    pub fn start_session(&mut self, recorder: usize, back: f64, on: f64, id: &str) -> Result<u64, Error> {
        self.tell(&victim::Command::Start { recorder, back, on, id: id.to_owned() })?;
        let is_answer =
            |line: &Value| line["id"] == id && (line.get("accepted").is_some() || line.get("rejected").is_some());
        let answer = self.wait_for("the answer to a start", HANG_GUARD, is_answer)?;
        answer["frames"].as_u64().ok_or_else(|| Error::Victim(format!("rejects session {id}: {}", answer["reason"])))
    }

    /// The first line that is wanted, past or to come.
    ///
    /// # Errors
    /// When there is none within `guard`, or the victim ends.
    pub fn wait_for(
        &mut self,
        what: &str,
        guard: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value, Error> {
        if let Some(line) = self.told.iter().find(|line| wanted(line)) {
            return Ok(line.clone());
        }
        self.wait_for_next(what, guard, wanted)
    }

    /// The next line to come that is wanted.
    ///
    /// # Errors
    /// When there is none within `guard`, or the victim ends.
    pub fn wait_for_next(
        &mut self,
        what: &str,
        guard: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value, Error> {
        let mut found = None;
        let told = &mut self.told;
        let waited = self.program.wait_for_line(what, guard, |line| {
            let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
            if wanted(&line) {
                found = Some(line.clone());
            }
            told.push(line);
            found.is_some()
        });
        match (waited, found) {
            (Ok(_), Some(found)) => Ok(found),
            (Err(testbed::Error::Hung { .. }), _) => {
                Err(Error::Victim(format!("did not tell {what} within {} s; {}", guard.as_secs(), self.summary())))
            }
            _ => Err(Error::Victim(format!("ended without {what}; {}", self.summary()))),
        }
    }

    /// The end of a session: its record, and whether it is done rather than failed.
    ///
    /// # Errors
    /// When it does not end within `guard`.
    pub fn end_of(&mut self, id: &str, guard: Duration) -> Result<(bool, Value), Error> {
        let is_end = |line: &Value| line["id"] == id && (line.get("done").is_some() || line.get("failed").is_some());
        let mut line = self.wait_for(&format!("the end of session {id}"), guard, is_end)?;
        Ok((line.get("done").is_some(), line["record"].take()))
    }

    /// Waits until so many frames have reached a recorder, all in all.
    ///
    /// # Errors
    /// When they do not within `guard`, or the source ends.
    pub fn wait_for_frames(&mut self, recorder: usize, frames: u64, guard: Duration) -> Result<(), Error> {
        let what = format!("frame {frames} of recorder {recorder}");
        let line = self.wait_for(&what, guard, |line| {
            line["source-ended"] == recorder || line["progress"][recorder]["frames"].as_u64() >= Some(frames)
        })?;
        match line.get("source-ended") {
            Some(_) => Err(Error::Victim(format!("has lost its source {recorder} for good: {}", line["error"]))),
            None => Ok(()),
        }
    }

    /// The newest figures that were told.
    pub fn newest(&self, recorder: usize) -> Progress {
        self.all_progress(recorder).last().unwrap_or_default()
    }

    /// The newest figures of `at_ns` or before.
    pub fn progress_at(&self, recorder: usize, at_ns: u64) -> Progress {
        self.all_progress(recorder).take_while(|progress| progress.at_ns <= at_ns).last().unwrap_or_default()
    }

    /// All figures, oldest first.
    pub fn all_progress(&self, recorder: usize) -> impl Iterator<Item = Progress> {
        self.told.iter().filter_map(move |line| {
            let figures = line.get("progress")?.get(recorder)?;
            Some(Progress {
                at_ns: line["at"].as_u64()?,
                frames: figures["frames"].as_u64()?,
                longest: Duration::from_micros(figures["longest-us"].as_u64()?),
                resident_kib: line["rss-kib"].as_u64().unwrap_or_default(),
            })
        })
    }

    /// Reads what has been told since the last wait.
    pub fn catch_up(&mut self) {
        let now = victim::clock_ns();
        // Where the victim is gone there is nothing newer to come.
        drop(self.wait_for_next("its progress", Duration::from_secs(5), |line| line["at"].as_u64() >= Some(now)));
    }

    /// SIGKILL. Returns when it was sent, nanoseconds since 1970; all that was told before is in `told`.
    ///
    /// # Errors
    /// When the victim has ended before, or does not end.
    pub fn kill(&mut self) -> Result<u64, Error> {
        let at = victim::clock_ns();
        self.program.signal(Signal::KILL)?;
        self.program.wait(HANG_GUARD)?;
        // `seen` has every line, those after the last wait included.
        self.told = self.program.seen().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(at)
    }

    /// Lets it finish everything and end.
    ///
    /// # Errors
    /// When it does not, or finishes with an error.
    pub fn quit(&mut self) -> Result<(), Error> {
        self.tell(&victim::Command::Quit)?;
        let status = self.program.wait(HANG_GUARD)?;
        self.told = self.program.seen().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        match status.success() {
            true => Ok(()),
            false => Err(Error::Victim(format!("ended with {status}; {}", self.summary()))),
        }
    }

    /// What it told, without the progress, and whatever else it wrote.
    fn summary(&self) -> String {
        let lines: Vec<_> = self.program.seen().iter().filter(|line| !line.contains("\"progress\"")).collect();
        let from = lines.len().saturating_sub(12);
        let lines: Vec<_> = lines[from..].iter().map(|line| line.as_str()).collect();
        format!("last it wrote: {}", lines.join(" | "))
    }
}
