//! Waiting for a thread that may hang with its disk: no longer than until a moment.
//! What the thread does, and what its being late means, is left to whoever has started it.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a thread is looked at; there is nothing to be told by when it ends.
const PERIOD: Duration = Duration::from_millis(5);

/// Waits for the end of `thread`. False if it has not come by `deadline`: then the thread is left to itself.
pub fn join_by(thread: JoinHandle<()>, deadline: Instant) -> bool {
    while !thread.is_finished() && Instant::now() < deadline {
        std::thread::park_timeout(PERIOD);
    }
    let finished = thread.is_finished();
    if finished {
        // Panics have been caught and told by the thread itself.
        drop(thread.join());
    }
    finished
}
