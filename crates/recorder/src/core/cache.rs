//! The frames of one stream: the GOP cache (design.md, rule 2), whole groups of pictures of the last `window` of stream
//! time, and what sessions have still to read. Sessions read it by frame numbers; what they have not read yet is *held*
//! beyond the cache.
//! Which frames a session wants is left to `session`, where an access unit begins to the parser upstream.

use std::collections::VecDeque;
use std::time::Duration;

use super::bound::Bound;
use super::frame::Frame;
use super::payload::{Payload, grow};
use super::store::Store;
use super::time::{RunningTime, Utc};

/// A group of pictures that has not ended is kept for this long beyond the window, and then dropped: it could only be
/// decoded from its first frame, so a shorter rest of it would be of no use. 60 s is three times the longest GOP
/// that cameras with "smart codecs" are known to send (facts/users-and-peers.md, row 18).
pub const MAX_OPEN_GOP: Duration = Duration::from_secs(60);

/// Bound of an open group in frames, for streams whose timestamps stand still: 80 s at 1,200 frames per second.
pub const MAX_OPEN_GOP_FRAMES: usize = 96_000;

/// Frames that nobody needs any more go one by one as others come, so that no push pays for a whole group, and memory is
/// given back in the order in which it was taken, which is what allocators and processors' caches are fastest at. Where
/// more of them wait to go than the group that has left last, so many more go at once.
const FREED_AT_ONCE: u64 = 4;
/// A full list of groups grows by at least so many.
const GROUPS: usize = 2;
/// Where many wait to go, since a session has held them, this part of them goes too.
const FREED_PART: u64 = 32;

/// Nanoseconds; what is longer than 292 years is as good as for ever.
fn signed(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// After all frames.
const NEVER: RunningTime = RunningTime(i64::MAX);

/// The start of a cached group of pictures.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Number of the keyframe, counted from the stream's first frame.
    pub number: u64,
    /// Presentation time of the keyframe.
    pub start: RunningTime,
    /// When the sender made it.
    pub utc: Option<Utc>,
}

/// A group of pictures. When it begins is what its keyframe says.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Number of its keyframe.
    number: u64,
    /// Media bytes of the group.
    bytes: usize,
}

/// The frames of one stream. A push is O(1) amortised, a search O(GOPs).
#[derive(Debug)]
#[repr(C)] // What each push looks at stands together, see docs/performance.md; the rest comes last.
pub struct Track<P: Payload, C> {
    newest: Option<RunningTime>,
    /// When the sender made that frame.
    newest_utc: Option<Utc>,
    /// The oldest frame that a session has still to read; from it on nothing goes.
    pin: Option<u64>,
    cached_bytes: usize,
    /// What a push asks for about the groups, so that it need not look at them.
    edges: Edges,
    frames: Store<P, C>,
    /// In nanoseconds.
    window: i64,
    /// So long a group may be before it is dropped, in nanoseconds.
    open_limit: i64,
    left_bytes: usize,
    /// So many of the groups have left the cache, and not all of their frames have gone.
    left: usize,
    /// These, and after them those of the cache.
    groups: VecDeque<Group>,
}

/// See [`Track::edges`].
#[derive(Clone, Copy, Debug)]
#[repr(C)] // As in `Track`.
struct Edges {
    /// Number of the first cached frame.
    front: Option<u64>,
    /// Before that no group leaves the cache, however many frames come; in the past where none is there.
    quiet_until: RunningTime,
    /// The newest cached group, and its media bytes so far: the list has them when the next one comes.
    newest: Group,
    /// When that begins.
    newest_start: RunningTime,
    /// Number of the group that has left last; and of the frame with which the first of them has gone.
    left: Option<(u64, u64)>,
    /// Start of the first cached frame.
    oldest: Option<RunningTime>,
    /// Start of the second cached group: once the window begins there, the first one leaves.
    second: RunningTime,
}

impl<P: Payload, C: Clone + PartialEq> Track<P, C> {
    /// An empty cache of the last `window` of stream time.
    pub fn new(window: Duration) -> Self {
        Self {
            newest: None,
            newest_utc: None,
            pin: None,
            cached_bytes: 0,
            edges: Edges {
                front: None,
                oldest: None,
                second: NEVER,
                quiet_until: RunningTime(i64::MIN),
                newest: Group { number: 0, bytes: 0 },
                newest_start: NEVER,
                left: None,
            },
            frames: Store::new(),
            window: signed(window),
            open_limit: signed(window + MAX_OPEN_GOP),
            left_bytes: 0,
            left: 0,
            groups: VecDeque::new(),
        }
    }

    /// The format of the frames that come. Before it is known, none can be kept.
    pub fn format(&mut self, caps: C) {
        self.frames.format(caps);
    }

    /// How plain frames that come are to be read.
    pub(super) fn read_with(&mut self, times: P::Times) {
        self.frames.read_with(times);
    }

    /// How far plain frames that come are ahead of what their payloads say, in nanoseconds.
    pub(super) fn shift(&mut self, shift: i64) {
        self.frames.shift(shift);
    }

    /// Whether a picture that is no keyframe, and begins at `start`, goes on where the newest one ends: it belongs to the
    /// newest group, and nothing leaves the cache for it. `step` is how far from the last one it may be, in nanoseconds.
    #[inline]
    pub(super) fn goes_on(&self, start: RunningTime, step: i64) -> bool {
        self.newest.is_some_and(|newest| newest <= start && !start.is_beyond(newest, step))
            && start < self.edges.quiet_until
            && self.next() - self.edges.newest.number < MAX_OPEN_GOP_FRAMES as u64
            && self.pin.is_none()
    }

    /// Appends a frame that [goes on](Self::goes_on).
    #[inline]
    pub(super) fn append(&mut self, frame: Frame<P>) {
        (self.newest, self.newest_utc) = (Some(frame.start), frame.utc);
        self.edges.newest.bytes += frame.bytes;
        self.cached_bytes += frame.bytes;
        self.frames.push(frame);
        match self.edges.left {
            // The rest of the last group that has left goes, one with each frame that comes.
            Some((last, gone)) if self.base() >= last => {
                self.frames.pop();
                if self.base() >= gone {
                    self.forget_left();
                }
            }
            _ => self.free(),
        }
    }

    /// Appends a frame. One that no cached keyframe precedes cannot be decoded and is kept only for a session that has
    /// what precedes it. Frames that are no longer needed go.
    #[inline]
    pub fn push(&mut self, frame: Frame<P>) {
        if self.newest.is_none_or(|newest| newest <= frame.start) {
            (self.newest, self.newest_utc) = (Some(frame.start), frame.utc);
        }
        if frame.keyframe {
            self.begin_group(frame.start);
        } else if self.edges.front.is_none() && self.pin.is_none() {
            self.free();
            return;
        }
        if self.edges.front.is_some() {
            self.edges.newest.bytes += frame.bytes;
            self.cached_bytes += frame.bytes;
            self.frames.push(frame);
        } else {
            self.add(Group { number: self.next(), bytes: frame.bytes });
            self.left_bytes += frame.bytes;
            self.frames.push(frame);
            self.left += 1;
            self.see_left();
        }
        self.evict();
        self.free();
    }

    /// The groups of the cache. Frames before the first of them are only held.
    fn cached(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.range(self.left..)
    }

    fn add(&mut self, group: Group) {
        grow(&mut self.groups, GROUPS);
        self.groups.push_back(group);
    }

    fn begin_group(&mut self, start: RunningTime) {
        if self.edges.front.is_some()
            && let Some(last) = self.groups.back_mut()
        {
            last.bytes = self.edges.newest.bytes;
        }
        let group = Group { number: self.next(), bytes: 0 };
        self.add(group);
        (self.edges.newest, self.edges.newest_start) = (group, start);
        match self.groups.len() - self.left {
            1 => (self.edges.front, self.edges.oldest) = (Some(group.number), Some(start)),
            2 => self.edges.second = start,
            _ => {}
        }
        self.see_quiet();
        self.see_left();
    }

    /// The first or the newest group is another one than before.
    fn see_quiet(&mut self) {
        let evicts = self.edges.second.0.saturating_add(self.window);
        let too_long = self.edges.newest_start.0.saturating_add(self.open_limit);
        self.edges.quiet_until = RunningTime(self.edges.front.map_or(i64::MIN, |_| evicts.min(too_long)));
    }

    /// What has left is other than before, or what comes after it.
    fn see_left(&mut self) {
        let gone = self.groups.get(1).map_or(self.next(), |next| next.number);
        let last = self.left.checked_sub(1).and_then(|last| self.groups.get(last));
        self.edges.left = last.map(|last| (last.number, gone));
    }

    /// Takes whole groups out of the cache that the window no longer needs.
    fn evict(&mut self) {
        let Some(newest) = self.newest else { return };
        self.evict_to(RunningTime(newest.0.saturating_sub(self.window)));
        let open = self.edges.newest;
        let open_too_long = newest.0.saturating_sub(self.edges.newest_start.0) > self.open_limit
            || self.next() - open.number > MAX_OPEN_GOP_FRAMES as u64;
        if self.edges.front.is_some() && open_too_long {
            while self.evict_group() {}
        }
    }

    /// Takes the oldest group out of the cache. False if there is none.
    pub(super) fn evict_group(&mut self) -> bool {
        let (left, last) = (self.left, self.left + 1 == self.groups.len());
        let Some(group) = self.groups.get_mut(left) else { return false };
        if last {
            group.bytes = self.edges.newest.bytes;
        }
        self.cached_bytes -= group.bytes;
        self.left_bytes += group.bytes;
        self.left += 1;
        let (front, second) = {
            let mut cached = self.cached();
            (cached.next().map(|group| group.number), cached.next().and_then(|group| self.key(group)))
        };
        self.edges.front = front;
        self.edges.oldest = front.map(|_| self.edges.second);
        self.edges.second = second.map_or(NEVER, |second| second.start);
        self.see_quiet();
        self.see_left();
        true
    }

    /// Takes out the groups that `[horizon, ...)` does not need, with a horizon other than the window's.
    pub(super) fn evict_to(&mut self, horizon: RunningTime) {
        while self.edges.second <= horizon {
            self.evict_group();
        }
    }

    /// Takes out the groups that begin before `horizon`: for a stream whose frames are all keyframes and that follows
    /// another stream's cache (audio).
    pub(super) fn trim_before(&mut self, horizon: RunningTime) {
        while self.edges.oldest.is_some_and(|oldest| oldest < horizon) {
            self.evict_group();
        }
    }

    /// Drops some of the frames that neither the cache nor a session needs.
    fn free(&mut self) {
        let front = self.front();
        let unneeded = self.pin.map_or(front, |pin| pin.min(front)).saturating_sub(self.base());
        if unneeded == 0 {
            return;
        }
        let (last, gone) = self.edges.left.unwrap_or((front, u64::MAX));
        let last = front.saturating_sub(last);
        let more = match unneeded.saturating_sub(last) {
            0 => 0,
            excess => FREED_AT_ONCE + excess / FREED_PART,
        };
        for _ in 0..unneeded.min(1 + more) {
            self.frames.pop();
        }
        if self.base() >= gone {
            self.forget_left();
        }
    }

    /// Of the groups that have left, some have gone.
    fn forget_left(&mut self) {
        // The first of them is all gone where the next one has begun to go.
        while let Some((_, gone)) = self.edges.left
            && gone <= self.base()
            && let Some(group) = self.groups.pop_front()
        {
            self.left_bytes -= group.bytes;
            self.left -= 1;
            self.see_left();
        }
    }

    /// The oldest frame that a session has still to read.
    pub(super) fn pin(&mut self, pin: Option<u64>) {
        self.pin = pin;
        self.free();
    }

    /// Drops all frames that neither the cache nor a session needs: where no push may come that would do so.
    pub(super) fn free_all(&mut self) {
        let front = self.front();
        let needed = self.pin.map_or(front, |pin| pin.min(front));
        while self.base() < needed {
            self.free();
        }
    }

    /// Number of the first frame that is here.
    pub(super) fn base(&self) -> u64 {
        self.frames.base()
    }

    /// Number of the first cached frame; that of the next one if none is cached.
    pub(super) fn front(&self) -> u64 {
        self.edges.front.unwrap_or(self.next())
    }

    /// Number that the next frame will have.
    pub fn next(&self) -> u64 {
        self.frames.next()
    }

    /// Media bytes of the cache.
    pub fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }

    /// Media bytes that are here beyond the cache, since sessions have still to read them.
    pub fn held_bytes(&self) -> usize {
        // What is about to go is not held.
        if self.pin.is_some_and(|pin| pin < self.front()) { self.left_bytes } else { 0 }
    }

    /// The oldest cached group.
    pub(super) fn first_key(&self) -> Option<Key> {
        self.cached().find_map(|group| self.key(group))
    }

    /// The start of a group; there is one as long as the group is cached.
    fn key(&self, group: &Group) -> Option<Key> {
        let frame = self.frame(group.number)?;
        Some(Key { number: group.number, start: frame.start, utc: frame.utc })
    }

    /// Start of the oldest cached group.
    pub fn oldest(&self) -> Option<RunningTime> {
        self.edges.oldest
    }

    /// How far back from the newest frame the cache reaches.
    pub fn history(&self) -> Duration {
        self.newest.zip(self.oldest()).map_or(Duration::ZERO, |(newest, oldest)| newest.since(oldest))
    }

    /// The latest start of any frame that was pushed.
    pub fn newest(&self) -> Option<RunningTime> {
        self.newest
    }

    /// A frame that begins at or after a moment has come. By the frame's own time, as everything else about the moment is.
    pub(super) fn has_reached(&self, at: Bound) -> bool {
        self.newest.is_some_and(|newest| at.to(newest, self.newest_utc) >= 0)
    }

    /// The last cached keyframe at or before a moment; the first one of all if they come later.
    pub(super) fn key_for(&self, at: Bound) -> Option<Key> {
        // From the back and one by one: where time has jumped back a little, they are not sorted.
        let mut keys = self.cached().rev().filter_map(|group| self.key(group));
        keys.find(|key| at.to(key.start, key.utc) <= 0).or_else(|| self.first_key())
    }

    /// The first keyframe from frame `number` on, cached or held.
    pub(super) fn key_from(&self, number: u64) -> Option<(u64, Frame<P>)> {
        let mut frames = (number.max(self.base())..self.next()).map(|number| (number, self.frame(number)));
        frames.find_map(|(number, frame)| Some((number, frame.filter(|frame| frame.keyframe)?)))
    }

    /// Number of the first cached keyframe that begins at or after `at`; that of the next frame to come if none does.
    pub(super) fn first_at_or_after(&self, at: RunningTime) -> u64 {
        let earlier = |group: &Group| self.key(group).is_none_or(|key| key.start < at);
        let index = self.groups.partition_point(earlier).max(self.left);
        self.groups.get(index).map_or(self.next(), |group| group.number)
    }

    /// Frame `number`; `None` before it has come and after it has gone.
    pub fn frame(&self, number: u64) -> Option<Frame<P>> {
        self.frames.frame(number)
    }

    /// The format of frame `number`.
    pub(super) fn caps(&self, number: u64) -> Option<&C> {
        self.frames.caps(number)
    }

    /// All cached frames, in decoding order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<P>> {
        (self.front()..self.next()).filter_map(|number| self.frame(number))
    }
}

#[cfg(test)]
mod tests;
