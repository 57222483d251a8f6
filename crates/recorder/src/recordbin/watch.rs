//! Looks after running sessions whose source, or whose disk, has fallen silent: one thread for all recordbins of the
//! process, which is there only while sessions are.
//! What becomes of such a session is left to `sessions`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::sessions::Sessions;

/// How often sessions are looked at.
const PERIOD: Duration = Duration::from_millis(500);

static WATCH: Watch = Watch { watched: Mutex::new(Watched { bins: Vec::new(), runs: false }), idle: Condvar::new() };

struct Watch {
    watched: Mutex<Watched>,
    /// A recordbin's last session has ended.
    idle: Condvar,
}

struct Watched {
    bins: Vec<Weak<Sessions>>,
    /// The thread is there.
    runs: bool,
}

/// A session of `bin` has begun: from now on it is looked at, until none is left.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn watch(bin: &Arc<Sessions>) -> std::io::Result<()> {
    let mut watched = WATCH.watched.lock();
    let bin = Arc::downgrade(bin);
    if !watched.bins.iter().any(|known| known.ptr_eq(&bin)) {
        watched.bins.push(bin);
    }
    if !watched.runs {
        std::thread::Builder::new().name("srec-watch".into()).spawn(run)?;
        watched.runs = true;
    }
    Ok(())
}

/// A recordbin has no session any more.
pub(super) fn idle() {
    WATCH.idle.notify_all();
}

fn run() {
    loop {
        let watched: Vec<_> = WATCH.watched.lock().bins.iter().filter_map(Weak::upgrade).collect();
        for sessions in watched {
            sessions.advance();
        }
        let mut watched = WATCH.watched.lock();
        watched.bins.retain(|bin| bin.upgrade().is_some_and(|sessions| sessions.open() > 0));
        if watched.bins.is_empty() {
            watched.runs = false;
            return;
        }
        WATCH.idle.wait_for(&mut watched, PERIOD);
    }
}
