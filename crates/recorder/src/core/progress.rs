//! What a session has delivered so far: counts, first and last frame, gaps. Values only.
//! When a session begins and ends is left to `session`.

use std::time::Duration;

use super::frame::{Frame, Stream};
use super::time::{Interval, RunningTime};

/// A hole in the delivered video (or in the audio, where there is no video): nothing came for much longer than usual.
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

/// Figures of one stream of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames that were handed to the writer.
    pub frames: u64,
    /// Their media bytes.
    pub bytes: u64,
}

/// What a session has delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// First frame's start to last frame's end, of the main stream (video where there is video).
    pub interval: Interval,
    /// Figures of the video stream.
    pub video: Count,
    /// Figures of the audio stream.
    pub audio: Count,
    /// Where the main stream paused, at most 100 of them.
    pub gaps: Vec<Gap>,
    /// All gaps, listed or not.
    pub gap_count: u64,
}

/// Collects [`Delivered`] while a session runs.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    delivered: Delivered,
    last: Option<RunningTime>,
    last_duration: Duration,
    usual: Duration,
    /// The stream has B-frames: what follows in decoding order is not what is shown next.
    reordered: bool,
}

impl Progress {
    /// Nothing delivered yet; the file will begin at `first`.
    pub(super) fn new(first: RunningTime) -> Self {
        Self {
            delivered: Delivered {
                interval: Interval { start: first, end: first },
                video: Count::default(),
                audio: Count::default(),
                gaps: Vec::new(),
                gap_count: 0,
            },
            last: None,
            last_duration: Duration::ZERO,
            usual: Duration::ZERO,
            reordered: false,
        }
    }

    /// Where the file begins.
    pub(super) fn first(&self) -> RunningTime {
        self.delivered.interval.start
    }

    /// Start of the last frame of the main stream so far.
    pub(super) fn last(&self) -> Option<RunningTime> {
        self.last
    }

    /// `frame` goes to the writer.
    pub(super) fn add<P>(&mut self, stream: Stream, is_main: bool, frame: &Frame<P>) {
        let count = match stream {
            Stream::Video => &mut self.delivered.video,
            Stream::Audio => &mut self.delivered.audio,
        };
        count.frames += 1;
        count.bytes += frame.bytes as u64;
        if is_main {
            self.follow(frame);
        }
    }

    fn follow<P>(&mut self, frame: &Frame<P>) {
        if let Some(last) = self.last.filter(|last| *last < frame.start) {
            let step = frame.start.since(last);
            if step >= GAP_MIN && !self.usual.is_zero() && step > self.usual * GAP_RATIO {
                self.delivered.gap_count += 1;
                if self.delivered.gaps.len() < GAPS_LISTED {
                    self.delivered.gaps.push(Gap { after: last, until: frame.start });
                }
            } else {
                // A slow average, so that a frame rate may change without each frame being a gap.
                self.usual = if self.usual.is_zero() { step } else { (self.usual * 7 + step) / 8 };
            }
        }
        self.reordered |= frame.decode < frame.start;
        self.last_duration = frame.duration.unwrap_or(self.usual);
        self.last = Some(self.last.map_or(frame.start, |last| last.max(frame.start)));
    }

    /// The figures, the last frame being shown until the next one at `next`, or for its own duration if none came.
    pub(super) fn finish(mut self, next: Option<RunningTime>) -> Delivered {
        if let Some(last) = self.last {
            let own = last + self.last_duration;
            self.delivered.interval.end = match next {
                Some(next) if self.reordered && !self.last_duration.is_zero() => next.min(own),
                Some(next) => next,
                None => own,
            };
        }
        self.delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(millis: i64) -> Frame<()> {
        let start = RunningTime(millis * 1_000_000);
        Frame { start, decode: start, duration: None, keyframe: true, bytes: 10, payload: () }
    }

    #[test]
    fn a_long_pause_is_a_gap_and_a_slow_stream_is_not() {
        let mut progress = Progress::new(RunningTime::ZERO);
        for millis in [0, 40, 80, 120, 3_120, 3_160] {
            progress.add(Stream::Video, true, &frame(millis));
        }
        let delivered = progress.finish(None);
        assert_eq!(delivered.gaps, [Gap { after: frame(120).start, until: frame(3_120).start }]);
        assert_eq!(delivered.interval.end, frame(3_200).start);
        assert_eq!((delivered.video.frames, delivered.video.bytes), (6, 60));

        let mut progress = Progress::new(RunningTime::ZERO);
        for millis in [0, 5_000, 10_000, 15_000] {
            progress.add(Stream::Video, true, &frame(millis));
        }
        assert_eq!(progress.finish(Some(frame(20_000).start)).gap_count, 0);
    }
}
