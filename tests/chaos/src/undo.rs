//! What has to be undone on this machine: mounts, frozen disks, network namespaces, processes, folders.
//! Each is undone when its value is dropped, and all of them when a signal ends the program.
//! A SIGKILL leaves them; their names begin with `chaos-`. What they were good for is left to the cases.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Error;

/// To be held by whoever changes something on this machine. After a signal it never comes.
pub fn working() -> RwLockReadGuard<'static, ()> {
    CLOSED.read()
}

/// How something is undone.
#[derive(Clone, Debug)]
pub enum Undo {
    /// A call of a program; that it fails is no news where the thing is gone already.
    Call(Vec<String>),
    /// A folder with all that is in it.
    RemoveFolder(PathBuf),
}

static PENDING: Mutex<Vec<(u64, Undo)>> = Mutex::new(Vec::new());
/// Held for writing once a signal has come: from then on nothing is done that would have to be undone.
static CLOSED: RwLock<()> = RwLock::new(());
/// Held while something is undone: a disk must not go while its neighbour still thaws it.
static UNDOING: Mutex<()> = Mutex::new(());
static NEXT: AtomicU64 = AtomicU64::new(0);
static KEEP: AtomicBool = AtomicBool::new(false);

/// Leaves folders where they are, for people who want to look into them. (What is mounted there goes all the same.)
pub fn keep_folders(keep: bool) {
    KEEP.store(keep, Ordering::Relaxed);
}

/// Undoes one thing when it is dropped.
#[derive(Debug)]
pub struct Guard(u64);

impl Guard {
    /// To be undone from now on: made before the thing itself, so that there is no moment without it.
    pub fn new(undo: Undo) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        PENDING.lock().push((number, undo));
        Self(number)
    }

    /// Undone by calling a program.
    pub fn call(command: &[&str]) -> Self {
        Self::new(Undo::Call(command.iter().map(|&word| word.to_owned()).collect()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _undoing = UNDOING.lock();
        let mut pending = PENDING.lock();
        let found = pending.iter().position(|(number, _)| *number == self.0).map(|at| pending.remove(at).1);
        drop(pending);
        if let Some(undo) = found {
            undo.run();
        }
    }
}

impl Undo {
    fn run(&self) {
        match self {
            Self::Call(words) => {
                let Some((program, arguments)) = words.split_first() else { return };
                // See the variant.
                drop(Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status());
            }
            Self::RemoveFolder(_) if KEEP.load(Ordering::Relaxed) => {}
            // Gone already, or on a file system that is gone.
            Self::RemoveFolder(folder) => drop(std::fs::remove_dir_all(folder)),
        }
    }
}

/// Lets SIGINT, SIGTERM and SIGHUP undo everything, the newest first, before they end the program.
///
/// # Errors
/// When the system takes no signal handler or gives no thread.
pub fn on_signals() -> Result<(), Error> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| Error::setup("handle signals", e))?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("chaos: ended by signal {signal}; cleaning up");
            // A disk that is being frozen at this moment would stay so.
            let _closed = CLOSED.write();
            let _undoing = UNDOING.lock();
            let pending: Vec<_> = PENDING.lock().drain(..).collect();
            pending.iter().rev().for_each(|(_, undo)| undo.run());
            // As a shell says it.
            std::process::exit(128 + signal);
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait)
        .map(drop)
        .map_err(|e| Error::setup("start a thread for signals", e))
}
