//! The GOP cache of one stream (design.md, rule 2): whole groups of pictures, the last `window` of stream time.
//! It knows nothing of sessions; they hold their own references to what they write.
//! Where an access unit begins and which one is a keyframe is left to the parser upstream.

use std::collections::VecDeque;
use std::time::Duration;

use super::frame::Frame;
use super::time::RunningTime;

/// A group of pictures that has not ended is kept for this long beyond the window, and then dropped: it could only be
/// decoded from its first frame, so a shorter rest of it would be of no use. 60 s is three times the longest GOP
/// that cameras with "smart codecs" are known to send (facts/users-and-peers.md, row 18).
pub const MAX_OPEN_GOP: Duration = Duration::from_secs(60);

/// Bound of an open group in frames, for streams whose timestamps stand still: 80 s at 1,200 frames per second.
pub const MAX_OPEN_GOP_FRAMES: usize = 96_000;

/// The start of a group of pictures.
#[derive(Clone, Debug)]
pub struct Key<C> {
    /// Number of the keyframe, counted from the stream's first cached frame.
    pub number: u64,
    /// Presentation time of the keyframe.
    pub start: RunningTime,
    /// The stream's caps at the keyframe.
    pub caps: C,
}

/// The cached frames of one stream. A push is O(1) amortised, a search O(log GOPs).
#[derive(Debug)]
pub struct Track<P, C> {
    window: Duration,
    frames: VecDeque<Frame<P>>,
    keys: VecDeque<Key<C>>,
    /// Number of the frame at the front of `frames`.
    front: u64,
    newest: Option<RunningTime>,
}

impl<P, C: Clone> Track<P, C> {
    /// An empty cache of the last `window` of stream time.
    pub fn new(window: Duration) -> Self {
        Self { window, frames: VecDeque::new(), keys: VecDeque::new(), front: 0, newest: None }
    }

    /// Appends a frame. One that no cached keyframe precedes cannot be decoded and is not kept. Returns whether it
    /// was. Frames that are no longer needed go.
    pub fn push(&mut self, frame: Frame<P>, caps: &C) -> bool {
        self.newest = Some(self.newest.map_or(frame.start, |newest| newest.max(frame.start)));
        if frame.keyframe {
            let number = self.front + self.frames.len() as u64;
            self.keys.push_back(Key { number, start: frame.start, caps: caps.clone() });
        } else if self.keys.is_empty() {
            return false;
        }
        self.frames.push_back(frame);
        self.evict()
    }

    /// Drops whole groups that the window no longer needs. False if even the open group went.
    fn evict(&mut self) -> bool {
        let Some(newest) = self.newest else { return false };
        self.evict_to(newest - self.window);
        let open_too_long = self.keys.back().is_some_and(|key| {
            newest.since(key.start) > self.window + MAX_OPEN_GOP
                || self.front + self.frames.len() as u64 - key.number > MAX_OPEN_GOP_FRAMES as u64
        });
        if open_too_long {
            self.clear();
        }
        !self.keys.is_empty()
    }

    fn drop_first_group(&mut self) {
        self.keys.pop_front();
        let next = self.keys.front().map_or(self.front + self.frames.len() as u64, |key| key.number);
        while self.front < next {
            self.frames.pop_front();
            self.front += 1;
        }
    }

    /// Drops the groups that `[horizon, ...)` does not need, with a horizon other than the window's.
    pub(super) fn evict_to(&mut self, horizon: RunningTime) {
        while self.keys.len() > 1 && self.keys[1].start <= horizon {
            self.drop_first_group();
        }
    }

    /// Drops the groups that begin before `horizon`: for a stream whose frames are all keyframes and that follows
    /// another stream's cache (audio).
    pub(super) fn trim_before(&mut self, horizon: RunningTime) {
        while self.keys.front().is_some_and(|key| key.start < horizon) {
            self.drop_first_group();
        }
    }

    /// Time has stepped back: forgets everything, and what the newest frame was.
    pub fn restart(&mut self) {
        self.clear();
        self.newest = None;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.front += self.frames.len() as u64;
        self.frames.clear();
        self.keys.clear();
    }

    /// Start of the oldest cached group.
    pub fn oldest(&self) -> Option<RunningTime> {
        self.keys.front().map(|key| key.start)
    }

    /// The latest start of any frame that was pushed.
    pub fn newest(&self) -> Option<RunningTime> {
        self.newest
    }

    /// The last keyframe at or before `at`.
    pub fn key_at_or_before(&self, at: RunningTime) -> Option<&Key<C>> {
        let after = self.keys.partition_point(|key| key.start <= at);
        after.checked_sub(1).map(|index| &self.keys[index])
    }

    /// The first cached group of those that are in the format `caps` up to the newest one.
    pub fn run_of(&self, caps: &C) -> Option<&Key<C>>
    where
        C: PartialEq,
    {
        self.keys.iter().rev().take_while(|key| key.caps == *caps).last()
    }

    /// The cached frames from frame `number` on, in decoding order.
    pub fn frames_from(&self, number: u64) -> impl Iterator<Item = &Frame<P>> {
        let skip = usize::try_from(number.saturating_sub(self.front)).unwrap_or(usize::MAX);
        self.frames.range(skip.min(self.frames.len())..)
    }

    /// All cached frames, in decoding order.
    pub fn frames(&self) -> impl Iterator<Item = &Frame<P>> {
        self.frames.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn frame(seconds: i64, keyframe: bool) -> Frame<i64> {
        let start = RunningTime(seconds * SECOND);
        Frame { start, decode: start, duration: None, keyframe, bytes: 1, payload: seconds }
    }

    fn filled(window: u64, gop: i64, length: i64) -> Track<i64, ()> {
        let mut track = Track::new(Duration::from_secs(window));
        for second in 0..length {
            track.push(frame(second, second % gop == 0), &());
        }
        track
    }

    #[test]
    fn covers_the_window_and_at_most_one_group_more() {
        for gop in 1..12 {
            let track = filled(10, gop, 100);
            let oldest = track.oldest().unwrap().0 / SECOND;
            assert!(oldest <= 89 && oldest + gop > 89, "gop {gop}: begins at {oldest} s");
            assert_eq!(track.frames().count() as i64, 100 - oldest);
        }
    }

    #[test]
    fn frames_before_the_first_keyframe_are_not_kept() {
        let mut track = Track::new(Duration::from_secs(5));
        assert!(!track.push(frame(0, false), &()));
        assert!(track.push(frame(1, true), &()));
        assert_eq!(track.frames().count(), 1);
    }

    #[test]
    fn stays_bounded_without_keyframes() {
        let mut track = Track::new(Duration::from_secs(10));
        track.push(frame(0, true), &());
        for second in 1..70 {
            assert!(track.push(frame(second, false), &()), "still whole at {second} s");
        }
        track.push(frame(70, false), &());
        assert!(!track.push(frame(71, false), &()), "the open group is dropped");
        assert!(!track.push(frame(72, false), &()));
        assert!(track.push(frame(73, true), &()), "and a keyframe begins anew");
        assert_eq!(track.frames().count(), 1);
    }

    #[test]
    fn stays_bounded_when_time_stands_still() {
        let mut track = Track::new(Duration::from_secs(10));
        track.push(frame(0, true), &());
        for _ in 0..2 * MAX_OPEN_GOP_FRAMES {
            track.push(frame(1, false), &());
        }
        assert!(track.frames().count() <= MAX_OPEN_GOP_FRAMES);
    }

    #[test]
    fn finds_the_keyframe_at_or_before_a_moment() {
        let track = filled(10, 4, 30);
        let at = |second| track.key_at_or_before(RunningTime(second * SECOND)).map(|key| key.start.0 / SECOND);
        assert_eq!(at(28), Some(28));
        assert_eq!(at(27), Some(24));
        assert_eq!(at(15), None);
        let key = track.key_at_or_before(RunningTime(25 * SECOND)).unwrap().number;
        assert_eq!(track.frames_from(key).map(|frame| frame.payload).collect::<Vec<_>>(), [24, 25, 26, 27, 28, 29]);
    }
}
