//! When each frame left a camera: the bridge between a frame's counter and the clock of the machine.
//! Shared by a camera's streaming thread (writes) and tests (read, wait); the lock is held for one push or look-up.
//! Left to others: drawing the counter.

use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::Error;

/// The frames that a source has produced since its stream began.
#[derive(Debug, Default)]
pub struct FrameLog {
    times: Mutex<Vec<SystemTime>>,
    /// Each frame's time in the stream, in nanoseconds.
    stream_ns: Mutex<Vec<u64>>,
    grown: Condvar,
}

impl FrameLog {
    /// Forgets everything: a new stream begins at frame 0.
    pub(crate) fn restart(&self) {
        self.times.lock().clear();
        self.stream_ns.lock().clear();
    }

    /// Enters the next frame with the present time and its time in the stream, and returns its counter.
    pub(crate) fn push(&self, stream_ns: u64) -> u32 {
        self.stream_ns.lock().push(stream_ns);
        let mut times = self.times.lock();
        times.push(SystemTime::now());
        self.grown.notify_all();
        // Cannot wrap in a test's life: u32 frames at 60 fps are more than two years.
        (times.len() - 1) as u32
    }

    /// Frames produced so far; the newest frame's counter is one less.
    pub fn len(&self) -> u32 {
        self.times.lock().len() as u32
    }

    /// Whether no frame was produced yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// UTC at which frame `counter` was drawn, just before it was encoded. None: not yet.
    pub fn time_of(&self, counter: u32) -> Option<SystemTime> {
        self.times.lock().get(counter as usize).copied()
    }

    /// From the first frame to frame `counter` in the stream's own time, which does not jitter. None: not yet.
    pub fn since_first(&self, counter: u32) -> Option<Duration> {
        let stream = self.stream_ns.lock();
        Some(Duration::from_nanos(stream.get(counter as usize)?.saturating_sub(*stream.first()?)))
    }

    /// Waits until frame `counter` exists and returns its UTC time. Any thread.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first.
    pub fn wait_for(&self, counter: u32, guard: Duration) -> Result<SystemTime, Error> {
        let deadline = Instant::now() + guard;
        let mut times = self.times.lock();
        loop {
            if let Some(time) = times.get(counter as usize) {
                return Ok(*time);
            }
            if self.grown.wait_until(&mut times, deadline).timed_out() {
                return Err(Error::Hung {
                    what: format!("frame {counter} of the camera"),
                    waited: guard,
                    seen: format!("{} frames", times.len()),
                });
            }
        }
    }
}
