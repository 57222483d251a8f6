//! An edge of an asked interval, and where a frame lies to it: in the sender's own time where both carry it, else in
//! running time.
//! Which frames follow from that is left to `session`.

use std::time::Duration;

use super::frame::Frame;
use super::time::{RunningTime, Utc, nanos};

/// A frame's own UTC and the mapping of its running time may differ by the jitter of its way here. More than this is no
/// jitter: the sender's clock has been set since the request was made, and running time alone still means something.
const JITTER: Duration = Duration::from_secs(1);

/// RTCP has the sender's time in units of 2^-32 s, and each conversion on the way rounds it down: a frame of 12:00:00.040
/// comes out some nanoseconds earlier. What differs by less is the same moment; a tick of video's RTP clock is 11 µs.
const ROUNDING: Duration = Duration::from_micros(1);

/// The start or the end of an asked interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// In the stream's running time, as the clocks stood when the request came.
    pub(super) running: RunningTime,
    /// As the request named it, if it did so in UTC.
    pub(super) utc: Option<Utc>,
}

impl Bound {
    /// A moment in running time alone.
    pub(super) fn running(running: RunningTime) -> Self {
        Self { running, utc: None }
    }

    /// Nanoseconds from this moment to one of the stream, negative before it. `utc` is the sender's own time for the
    /// latter.
    pub(super) fn to(self, running: RunningTime, utc: Option<Utc>) -> i64 {
        let by_running = running.0.saturating_sub(self.running.0);
        match (self.utc, utc) {
            (Some(named), Some(own)) => {
                let by_utc = own.0.saturating_sub(named.0);
                match by_utc.abs_diff(by_running) <= nanos(JITTER) {
                    true if by_utc.unsigned_abs() < nanos(ROUNDING) => 0,
                    true => by_utc,
                    false => by_running,
                }
            }
            _ => by_running,
        }
    }

    /// Whether `frame` begins before this moment.
    pub(super) fn is_after<P>(self, frame: &Frame<P>) -> bool {
        self.to(frame.start, frame.utc) < 0
    }

    /// Whether `frame` is decoded before this moment.
    pub(super) fn is_after_decoding<P>(self, frame: &Frame<P>) -> bool {
        let ahead = frame.start.0.saturating_sub(frame.decode.0);
        self.to(frame.decode, frame.utc.map(|utc| Utc(utc.0.saturating_sub(ahead)))) < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_s_time_decides_unless_its_clock_was_set() {
        let bound = Bound { running: RunningTime(1_000_000_000), utc: Some(Utc(500_000_000_000)) };
        assert_eq!(bound.to(RunningTime(1_040_000_000), None), 40_000_000);
        assert_eq!(bound.to(RunningTime(1_040_000_000), Some(Utc(499_999_000_000))), -1_000_000);
        assert_eq!(bound.to(RunningTime(1_040_000_000), Some(Utc(0))), 40_000_000);
        assert_eq!(bound.to(RunningTime(1_040_000_000), Some(Utc(499_999_999_998))), 0, "rounded on its way");
        assert_eq!(Bound::running(RunningTime(5)).to(RunningTime(7), Some(Utc(0))), 2);
    }
}
