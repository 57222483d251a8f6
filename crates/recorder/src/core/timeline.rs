//! What "now" is in a stream's running time, and what UTC a running time has (design.md, rule 5).
//! It learns from each frame that arrives; it reads no clock itself.
//! Where a frame's UTC comes from is left to the recordbin.

use std::time::Duration;

use super::time::nanos;
use super::time::{Arrival, Interval, RunningTime, Utc, UtcInterval};

/// Whose clock a UTC mapping rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UtcOrigin {
    /// The sender's clock, from its RTCP sender reports (GstReferenceTimestampMeta).
    Sender,
    /// This machine's clock when the frame arrived, less the time it had been under way in the pipeline.
    Arrival,
}

/// Frames over which the mapping is averaged: about a second of video. RTP frames get their running time when they
/// arrive; a busy machine or network delays a few of them by tens of milliseconds, and their sender's time does not say.
const AVERAGED: i64 = 32;

/// A mapping that is further off than this has not jittered: one of the clocks was set.
const CLOCK_STEP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct UtcMap {
    /// UTC less running time, in nanoseconds.
    offset: i64,
    /// How many frames it is the average of, at most [`AVERAGED`].
    frames: i64,
    origin: UtcOrigin,
}

/// The clock of one source: built from its frames, asked about now and about UTC.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)] // What each push looks at stands first.
pub struct Timeline {
    newest: Option<(RunningTime, Arrival)>,
    /// Zero of a time that is used until the first frame tells the stream's own.
    provisional: Option<Arrival>,
    utc: Option<UtcMap>,
}

impl Timeline {
    /// Somebody needs a time now: where no frame has come yet, one that begins now is used until then.
    pub(super) fn need(&mut self, at: Arrival) {
        if self.newest.is_none() {
            self.provisional.get_or_insert(at);
        }
    }

    /// The first frame, of running time `at`, has arrived: how much later a moment is by the stream's own time than by the
    /// one that was used until now.
    pub(super) fn settle(&mut self, at: RunningTime, arrival: Arrival) -> Option<i64> {
        let origin = self.provisional.take()?;
        Some(at.0.saturating_sub((RunningTime::ZERO + (arrival - origin)).0))
    }

    /// A frame of running time `at` has arrived.
    pub fn observe(&mut self, at: RunningTime, arrival: Arrival) {
        self.newest = Some((at, arrival));
    }

    /// The frame of running time `at` was made at `utc`.
    pub fn observe_utc(&mut self, at: RunningTime, utc: Utc, origin: UtcOrigin) {
        let offset = utc.0.saturating_sub(at.0);
        self.utc = Some(match self.utc {
            Some(map) if map.origin == origin && map.offset.abs_diff(offset) < nanos(CLOCK_STEP) => {
                let frames = (map.frames + 1).min(AVERAGED);
                UtcMap { offset: map.offset + (offset - map.offset) / frames, frames, origin }
            }
            _ => UtcMap { offset, frames: 1, origin },
        });
    }

    /// Running time of the newest frame plus the time since it arrived; `None` before the first frame, unless a request
    /// has come before it.
    pub fn now(&self, at: Arrival) -> Option<RunningTime> {
        let provisional = || self.provisional.map(|origin| (RunningTime::ZERO, origin));
        self.newest.or_else(provisional).map(|(time, arrival)| time + (at - arrival))
    }

    /// The same, and `None` until the first frame has come, whoever has asked before.
    pub fn stream_now(&self, at: Arrival) -> Option<RunningTime> {
        self.newest.and_then(|_| self.now(at))
    }

    /// Time since the newest frame arrived; `None` before the first one.
    pub fn silent_for(&self, at: Arrival) -> Option<Duration> {
        self.newest.map(|(_, arrival)| at - arrival)
    }

    /// UTC of a running time; `None` before the first frame.
    pub fn utc(&self, at: RunningTime) -> Option<Utc> {
        self.utc.map(|map| Utc(map.offset.saturating_add(at.0)))
    }

    /// UTC of an interval; `None` before the first frame.
    pub fn utc_interval(&self, interval: Interval) -> Option<UtcInterval> {
        Some(UtcInterval { start: self.utc(interval.start)?, end: self.utc(interval.end)? })
    }

    /// Running time of a moment in UTC; `None` before the first frame.
    pub fn running_time(&self, utc: Utc) -> Option<RunningTime> {
        self.utc.map(|map| RunningTime(utc.0.saturating_sub(map.offset)))
    }

    /// How much later a moment is by a later state of this clock, in nanoseconds, if that is more than jitter: the first
    /// sender report has come in between, or the sender's clock was set.
    pub fn step_to(&self, later: &Self) -> Option<i64> {
        // By arrival it moves with whatever holds a source up, or lets it run ahead.
        let later = later.utc.filter(|map| map.origin == UtcOrigin::Sender)?;
        let step = later.offset.saturating_sub(self.utc?.offset);
        (step.unsigned_abs() >= nanos(CLOCK_STEP)).then_some(step)
    }

    /// Whose clock the UTC mapping rests on.
    pub fn utc_origin(&self) -> Option<UtcOrigin> {
        self.utc.map(|map| map.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_the_newest_frame_plus_the_time_since_it_came() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.now(Arrival(5)), None);
        timeline.observe(RunningTime(1_000), Arrival(50));
        assert_eq!(timeline.now(Arrival(80)), Some(RunningTime(1_030)));
    }

    #[test]
    fn a_late_frame_hardly_moves_the_mapping_and_a_set_clock_does() {
        let mut timeline = Timeline::default();
        let frame = |timeline: &mut Timeline, index: i64, late: i64, clock: i64| {
            let utc = Utc(clock + index * 33_000_000);
            timeline.observe_utc(RunningTime(index * 33_000_000 + late), utc, UtcOrigin::Sender);
        };
        (0..60).for_each(|index| frame(&mut timeline, index, 0, 1_000_000_000_000));
        (60..63).for_each(|index| frame(&mut timeline, index, 40_000_000, 1_000_000_000_000));
        let off = timeline.utc(RunningTime::ZERO).unwrap().0 - 1_000_000_000_000;
        assert!(off.abs() < 5_000_000, "{off} ns");
        frame(&mut timeline, 63, 0, 1_005_000_000_000);
        assert_eq!(timeline.utc(RunningTime::ZERO), Some(Utc(1_005_000_000_000)));
    }

    #[test]
    fn utc_and_running_time_are_each_other_s_inverse() {
        let mut timeline = Timeline::default();
        let noon = Utc(1_600_000_000_000_000_000);
        timeline.observe_utc(RunningTime(7_000), noon, UtcOrigin::Arrival);
        let later = RunningTime(7_000) + Duration::from_secs(3);
        let utc = timeline.utc(later).unwrap();
        assert_eq!(utc.0 - noon.0, 3_000_000_000);
        assert_eq!(timeline.running_time(utc), Some(later));
        assert!(timeline.running_time(Utc(0)).unwrap() < RunningTime::ZERO);
        assert_eq!(timeline.running_time(Utc(i64::MIN)), Some(RunningTime(i64::MIN)));
    }
}
