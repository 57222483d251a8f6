//! Feeds all sources: at their pace in real time, or, where real time does not hold, as fast as they come, on a clock
//! that is the frames' own time. What is measured meanwhile, beside the time spent in the pads, is left to the
//! benchmark.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::common::meter;
use super::source::{Clip, FPS, Source};

/// A frame that comes later than this after its time: real time does not hold.
pub const LATEST: Duration = Duration::from_secs(1);
/// Slices of a frame's time: cameras do not send all at the same moment.
const SLICES: u64 = 40;
/// As many sources' threads as there are processors.
const FEEDERS: usize = 2;

/// How frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each at its time by the machine's clock.
    RealTime,
    /// One after the other, without waiting: a second is 25 frames of each source.
    Simulated,
}

/// What feeding took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Processor time in the pads' chain functions.
    pub in_pads: Duration,
    /// Processor time of the feeders, with that.
    pub of_feeders: Duration,
    /// By how much the latest frame came after its time; zero if simulated.
    pub late: Duration,
}

impl Spent {
    /// Real time has held, or was not asked for.
    pub fn holds(&self) -> bool {
        self.late <= LATEST
    }
}

/// Feeds so many seconds, by the frames' time, to each source; less where real time does not hold.
pub fn feed(sources: &mut [Source], clip: &Clip, seconds: u64, pace: Pace) -> Spent {
    let slice = Duration::from_secs(1) / (FPS * SLICES) as u32;
    let share = sources.len().div_ceil(FEEDERS);
    let began = Instant::now();
    let (total, too_late) = (Mutex::new(Spent::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for sources in sources.chunks_mut(share) {
            let (total, too_late) = (&total, &too_late);
            scope.spawn(move || {
                let mut spent = Spent::default();
                for number in 0..seconds * FPS * SLICES {
                    let due = began + slice * number as u32;
                    if pace == Pace::RealTime {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                    let ready = sources.iter_mut().skip((number % SLICES) as usize).step_by(SLICES as usize);
                    let ready: Vec<_> = ready.map(|source| (source.next(clip), &source.pad)).collect();
                    // What a camera's thread does before is not ours.
                    let before = meter::thread_time();
                    for (buffer, pad) in ready {
                        pad.chain(buffer).unwrap();
                    }
                    spent.in_pads += Duration::from_nanos(meter::thread_time() - before);
                    if pace == Pace::RealTime {
                        spent.late = spent.late.max(due.elapsed());
                        too_late.fetch_or(!spent.holds(), Ordering::Relaxed);
                    }
                    if too_late.load(Ordering::Relaxed) {
                        break;
                    }
                }
                let mut total = total.lock().unwrap();
                *total = Spent {
                    in_pads: total.in_pads + spent.in_pads,
                    of_feeders: total.of_feeders + Duration::from_nanos(meter::thread_time()),
                    late: total.late.max(spent.late),
                };
            });
        }
    });
    total.into_inner().unwrap()
}
