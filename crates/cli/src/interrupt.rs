//! Ctrl-C and SIGTERM while a graph runs: the first ends it in order, the second kills the process.
//! The second acts in the signal handler itself, so that it works whatever the graph is doing.
//! It leaves what ending in order means to the caller.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::{Handle, Signals},
};

const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The signals, no longer left to their default. Those that come before [`Caught::forward`] wait.
#[derive(Debug)]
pub struct Caught(Signals);

impl Caught {
    /// Catches SIGINT and SIGTERM from here on, for the rest of the process.
    ///
    /// # Errors
    /// The system refuses the handlers or the pipe behind them.
    pub fn catch() -> io::Result<Self> {
        let armed = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS {
            // In this order a signal finds what the one before it has set.
            flag::register_conditional_default(signal, Arc::clone(&armed))?;
            flag::register(signal, Arc::clone(&armed))?;
        }
        Signals::new(SIGNALS).map(Self)
    }

    /// Calls `interrupt` on a thread of its own when a signal has come or comes, until the result is dropped.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn forward(mut self, mut interrupt: impl FnMut() + Send + 'static) -> io::Result<Forwarding> {
        let handle = self.0.handle();
        let thread = std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in self.0.forever() {
                interrupt();
            }
        })?;
        Ok(Forwarding { handle, thread: Some(thread) })
    }
}

/// A thread waits for signals. Dropping it ends the thread and waits for a running call.
#[derive(Debug)]
pub struct Forwarding {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // If it panicked, that has been printed, and nothing else depends on it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command, sync::mpsc};

    use testbed::{HANG_GUARD, Program};

    use super::*;

    /// Set in the process that this test starts of itself, to send signals to.
    const CHILD: &str = "SMART_RECORD_TEST_CHILD";

    /// What that process does: it says what happens to it, and ends only by a signal.
    fn child() -> ! {
        let caught = Caught::catch().unwrap();
        let (sender, interrupted) = mpsc::channel();
        let forwarding = caught.forward(move || sender.send(()).unwrap()).unwrap();
        println!("ready");
        interrupted.recv().unwrap();
        println!("interrupted");
        drop(forwarding);
        println!("no longer forwarding");
        loop {
            std::thread::park();
        }
    }

    fn start_child(test: &str) -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
        let mut child = Program::start(&mut command).unwrap();
        // The test harness prints the test's name first, on the same line.
        child.wait_for_line("ready", HANG_GUARD, |line| line.ends_with("ready")).unwrap();
        child
    }

    #[test]
    fn the_first_signal_is_forwarded_and_the_second_kills() {
        if std::env::var_os(CHILD).is_some() {
            child();
        }
        let mut child = start_child("interrupt::tests::the_first_signal_is_forwarded_and_the_second_kills");
        child.interrupt().unwrap();
        child.wait_for_line("the call", HANG_GUARD, |line| line == "interrupted").unwrap();
        let ended = |line: &str| line == "no longer forwarding";
        child.wait_for_line("the thread's end", HANG_GUARD, ended).unwrap();
        child.interrupt().unwrap();
        assert_eq!(child.wait(HANG_GUARD).unwrap().signal(), Some(SIGINT));
    }
}
