//! What a file holds so far: counts, first and last frame; and the gaps of a session over all its files. Values only.
//! When a file begins and ends is left to `session`.

use std::ops::Range;
use std::time::Duration;

use super::bound::Bound;
use super::frame::{Frame, Stream};
use super::time::{Interval, RunningTime, Utc, UtcInterval};

/// A hole in the delivered video (or in the audio, where there is no video): nothing came for much longer than usual, or
/// the source was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Start of the last frame before the hole.
    pub after: RunningTime,
    /// Start of the first frame after it.
    pub until: RunningTime,
}

/// A pause between two frames is a gap from this length on, if it is also `GAP_RATIO` times the usual one: below a
/// second people do not notice, and a time-lapse of one frame in 5 s has no gaps.
const GAP_MIN: Duration = Duration::from_secs(1);
const GAP_RATIO: u32 = 4;
/// More gaps than this are counted but not listed, so that a broken camera cannot fill a record.
const GAPS_LISTED: usize = 100;

/// The gaps of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// At most 100 of them.
    pub listed: Vec<Gap>,
    /// All of them.
    pub count: u64,
    /// How many of them are interruptions: the source was lost, or its time began anew.
    pub interruptions: u64,
}

/// Finds gaps while a session runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapFinder {
    pub(crate) gaps: Gaps,
    last: Option<RunningTime>,
    usual: Duration,
}

impl GapFinder {
    /// The main stream goes on with `frame`.
    pub(crate) fn follow<P>(&mut self, frame: &Frame<P>) {
        if let Some(last) = self.last.filter(|last| *last < frame.start) {
            let step = frame.start.since(last);
            if frame.discont || (step >= GAP_MIN && !self.usual.is_zero() && step > self.usual * GAP_RATIO) {
                self.gaps.count += 1;
                self.gaps.interruptions += u64::from(frame.discont);
                if self.gaps.listed.len() < GAPS_LISTED {
                    self.gaps.listed.push(Gap { after: last, until: frame.start });
                }
            } else {
                // A slow average, so that a frame rate may change without each frame being a gap.
                self.usual = if self.usual.is_zero() { step } else { (self.usual * 7 + step) / 8 };
            }
        }
        self.last = Some(self.last.map_or(frame.start, |last| last.max(frame.start)));
    }

    /// The usual time from one frame to the next; zero while unknown.
    pub(crate) fn usual(&self) -> Duration {
        self.usual
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// First frame's start to last frame's end, of the main stream (video where there is video).
    pub interval: Interval,
    /// The same by the sender's own clock, where the frames say it.
    pub utc: Option<UtcInterval>,
    /// From when to when of it was asked for, counted from its first frame.
    pub asked: Range<Duration>,
    /// Pictures.
    pub video_frames: u64,
    /// Access units of sound.
    pub audio_frames: u64,
}

/// A moment of the stream on both clocks, as a frame has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) running: RunningTime,
    pub(super) utc: Option<Utc>,
}

impl Seen {
    /// When `frame` begins.
    pub(super) fn of<P>(frame: &Frame<P>) -> Self {
        Self { running: frame.start, utc: frame.utc }
    }

    fn plus(self, duration: Duration) -> Self {
        Self { running: self.running + duration, utc: self.utc.map(|utc| utc + duration) }
    }
}

/// Collects [`Delivered`] while a file is written.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    first: Seen,
    last: Option<Seen>,
    last_duration: Option<Duration>,
    video_frames: u64,
    audio_frames: u64,
    /// The stream has B-frames: what follows in decoding order is not what is shown next.
    reordered: bool,
}

impl Progress {
    /// Nothing delivered yet; the file will begin at `first`.
    pub(super) fn new(first: Seen) -> Self {
        Self { first, last: None, last_duration: None, video_frames: 0, audio_frames: 0, reordered: false }
    }

    /// Where the file begins.
    pub(super) fn first(&self) -> Seen {
        self.first
    }

    /// Start of the last frame of the main stream so far.
    pub(super) fn last(&self) -> Option<RunningTime> {
        self.last.map(|last| last.running)
    }

    /// `frame` goes to the writer.
    pub(super) fn add<P>(&mut self, stream: Stream, is_main: bool, frame: &Frame<P>) {
        match stream {
            Stream::Video => self.video_frames += 1,
            Stream::Audio => self.audio_frames += 1,
        }
        if is_main {
            self.reordered |= frame.decode < frame.start;
            self.last_duration = frame.duration;
            if self.last.is_none_or(|last| last.running <= frame.start) {
                self.last = Some(Seen::of(frame));
            }
        }
    }

    /// The figures, the last frame being shown until the next one at `next`, or if none came for its own duration or the
    /// `usual` one. Also the end by itself. `asked` is what the session was asked for.
    pub(super) fn finish(self, next: Option<Seen>, usual: Duration, asked: (Bound, Bound)) -> (Delivered, Seen) {
        let end = self.last.map_or(self.first, |last| {
            let own = last.plus(self.last_duration.unwrap_or(usual));
            match next {
                Some(next) if self.reordered && own.running > last.running && own.running < next.running => own,
                Some(next) => next,
                None => own,
            }
        });
        let utc = self.first.utc.zip(end.utc).map(|(start, end)| UtcInterval { start, end });
        let interval = Interval { start: self.first.running, end: end.running };
        let from_first = |bound: Bound| {
            let nanos = bound.to(self.first.running, self.first.utc).saturating_neg();
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)).min(end.running.since(self.first.running))
        };
        let asked = from_first(asked.0)..from_first(asked.1);
        let Self { video_frames, audio_frames, .. } = self;
        (Delivered { interval, utc, asked, video_frames, audio_frames }, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(millis: i64) -> Frame<()> {
        Frame::new(RunningTime(millis * 1_000_000), true, 10, ())
    }

    fn follow(times: &[i64]) -> (Progress, GapFinder) {
        let (mut progress, mut finder) = (Progress::new(Seen::of(&frame(times[0]))), GapFinder::default());
        for millis in times {
            progress.add(Stream::Video, true, &frame(*millis));
            finder.follow(&frame(*millis));
        }
        (progress, finder)
    }

    #[test]
    fn a_long_pause_is_a_gap_and_a_slow_stream_is_not() {
        let (progress, finder) = follow(&[0, 40, 80, 120, 3_120, 3_160]);
        assert_eq!(finder.gaps.listed, [Gap { after: frame(120).start, until: frame(3_120).start }]);
        let asked = (Bound::running(frame(100).start), Bound::running(frame(9_000).start));
        let (delivered, end) = progress.finish(None, finder.usual(), asked);
        assert_eq!(delivered.asked, Duration::from_millis(100)..Duration::from_millis(3_200));
        assert_eq!((delivered.interval.end, end.running), (frame(3_200).start, frame(3_200).start));
        assert_eq!(delivered.video_frames, 6);
        assert_eq!(follow(&[0, 5_000, 10_000, 15_000]).1.gaps.count, 0);
    }

    #[test]
    fn an_interruption_is_a_gap_however_short() {
        let (_, mut finder) = follow(&[0, 40, 80]);
        finder.follow(&Frame { discont: true, ..frame(200) });
        assert_eq!((finder.gaps.count, finder.gaps.interruptions), (1, 1));
    }

    #[test]
    fn the_end_is_by_the_sender_s_clock_too() {
        let at = |millis: i64| Frame { utc: Some(Utc(7_000_000_000 + millis * 1_000_000)), ..frame(millis) };
        let mut progress = Progress::new(Seen::of(&at(0)));
        progress.add(Stream::Video, true, &at(0));
        let asked = (Bound::running(frame(0).start), Bound::running(frame(40).start));
        let (delivered, _) = progress.finish(None, Duration::from_millis(40), asked);
        assert_eq!(delivered.utc, Some(UtcInterval { start: Utc(7_000_000_000), end: Utc(7_040_000_000) }));
    }
}
