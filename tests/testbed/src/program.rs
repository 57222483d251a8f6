//! Runs a program under test: its output line by line, its signals, its end.
//! Two threads read its stdout and stderr; a program that is still there when the value is dropped is killed.
//! Left to others: which program, and what its lines mean.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::Error;

/// A running program.
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// Starts the program with both outputs captured; its stdin stays as the command says.
    ///
    /// # Errors
    /// [`Error::Tool`] when it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        let name = Path::new(command.get_program())
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| {
            let reason = format!("{} cannot be run: {e}", command.get_program().display());
            Error::Tool { tool: name.clone(), reason }
        })?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        Ok(Self { name, child, lines, seen: Vec::new() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's stdin, where the command piped it; the caller's from now on.
    pub fn take_stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Every line read so far, of both outputs.
    pub fn seen(&self) -> &[String] {
        &self.seen
    }

    /// Reads on until `wanted` says yes to a line of either output, and returns that line.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first, [`Error::Tool`] when the outputs end first.
    pub fn wait_for_line(
        &mut self,
        what: &str,
        guard: Duration,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> Result<String, Error> {
        let deadline = Instant::now() + guard;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return Ok(line);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => return Err(self.hung(what, guard)),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(Error::Tool {
                        tool: self.name.clone(),
                        reason: format!("ended without {what}:\n{}", self.seen.join("\n")),
                    });
                }
            }
        }
    }

    /// Sends SIGINT, as Ctrl-C does.
    ///
    /// # Errors
    /// [`Error::Tool`] when the process is gone.
    pub fn interrupt(&self) -> Result<(), Error> {
        self.signal(Signal::INT)
    }

    /// Sends any signal.
    ///
    /// # Errors
    /// [`Error::Tool`] when the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|e| self.fail(e.to_string()))
    }

    /// Waits for the end of the program; the rest of its output is in [`Program::seen`] afterwards.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first; the program then still runs.
    pub fn wait(&mut self, guard: Duration) -> Result<ExitStatus, Error> {
        let handle =
            pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).map_err(|e| self.fail(e.to_string()))?;
        let guard_spec = Timespec::try_from(guard).map_err(|e| self.fail(e.to_string()))?;
        let mut waiting = [PollFd::new(&handle, PollFlags::IN)];
        let ended = poll(&mut waiting, Some(&guard_spec)).map_err(|e| self.fail(e.to_string()))?;
        if ended == 0 {
            self.seen.extend(self.lines.try_iter());
            return Err(self.hung("its end", guard));
        }
        let status = self.child.wait().map_err(|e| self.fail(e.to_string()))?;
        // Bounded: a grandchild that keeps the outputs open must not hold the test.
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        Ok(status)
    }

    fn fail(&self, reason: String) -> Error {
        Error::Tool { tool: self.name.clone(), reason }
    }

    fn hung(&self, what: &str, waited: Duration) -> Error {
        let what = format!("{what} ({})", self.name);
        Error::Hung { what, waited, seen: self.seen.join("\n") }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only where the process has ended and been waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each line on until the output ends or nobody listens.
fn forward(output: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Bytes, not text: a program's output need not be UTF-8, and must be drained all the same.
        while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if lines.send(text).is_err() {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_exit_status_arrive() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let mut program = Program::start(&mut command).unwrap();
        program.wait_for_line("two", crate::HANG_GUARD, |line| line == "two").unwrap();
        assert_eq!(program.wait(crate::HANG_GUARD).unwrap().code(), Some(3));
        assert!(program.seen().contains(&"one".to_owned()));
    }

    #[test]
    fn a_signal_reaches_the_program() {
        // Not SIGINT: a shell cannot trap it where whoever runs the tests has it ignored (nohup, CI).
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.1; done"]);
        let mut program = Program::start(&mut command).unwrap();
        program.wait_for_line("ready", crate::HANG_GUARD, |line| line == "ready").unwrap();
        program.signal(Signal::TERM).unwrap();
        assert!(program.wait(crate::HANG_GUARD).unwrap().success());
        assert!(program.seen().contains(&"caught".to_owned()));
    }
}
