//! What one protocol must be able to do so that `keeper` can look after its connection: connect, work, disconnect.
//! All of it happens on the keeper's thread.
//! It leaves to the keeper when to try again, and what the listener is told of the connection.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Says that a connection shall end, and wakes who waits for that.
#[derive(Debug, Default)]
pub(super) struct Ending {
    asked: Mutex<bool>,
    wake: Condvar,
}

impl Ending {
    /// Asks for the end; it stays asked.
    pub(super) fn ask(&self) {
        *self.asked.lock() = true;
        self.wake.notify_all();
    }

    pub(super) fn asked(&self) -> bool {
        *self.asked.lock()
    }

    /// Waits until the end is asked for, at most `limit`. True: it is.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut asked = self.asked.lock();
        while !*asked {
            if self.wake.wait_until(&mut asked, until).timed_out() {
                break;
            }
        }
        *asked
    }
}

/// A connection of one protocol. An error is the reason, one line for a person, in which passwords never occur.
pub(super) trait Client: Send {
    /// Tries to connect, once, for at most about ten seconds; returns early when `ending` is asked for.
    fn connect(&mut self, ending: &Ending) -> Result<(), String>;

    /// Works for about `wait`: hands over what came, sends what waits. An error: the connection is lost.
    fn work(&mut self, wait: Duration) -> Result<(), String>;

    /// Lets go of a connection, or of what a failed attempt left. Bounded, also when the broker is dead.
    fn disconnect(&mut self);
}
