//! The frames of one stream, by their numbers. Of most frames only the payload is kept, four bytes of a buffer: the rest is
//! read from it when it is asked for. What a payload does not say itself is kept beside it.
//! Which frames are kept, and for how long, is left to `cache`.

use std::collections::VecDeque;

use super::frame::Frame;
use super::payload::{Facts, Payload, Queue, grow};
use super::time::RunningTime;

/// A stretch of frames that are read in one way, in one format.
#[derive(Clone, Debug)]
struct Run<T, C> {
    /// Number of its first frame.
    from: u64,
    caps: C,
    times: T,
    /// Our time is so many nanoseconds ahead of the stream's.
    shift: i64,
}

/// What a frame's payload does not say.
#[derive(Debug)]
struct Odd {
    number: u64,
    facts: Facts,
    discont: bool,
}

/// See the module. A push is O(1) amortised, a look O(log) of what is odd.
#[derive(Debug)]
#[repr(C)] // What each push looks at stands first.
pub(super) struct Store<P: Payload, C> {
    payloads: P::Queue,
    /// Number of the frame at the front, and of the next one that comes.
    base: u64,
    next: u64,
    /// Once frames up to this number have gone, something of `odd` or `runs` goes too.
    forget_at: u64,
    /// What is said below of frames that come is so for the newest run.
    current: bool,
    odd: VecDeque<Odd>,
    runs: VecDeque<Run<P::Times, C>>,
    /// How frames that come are to be read, and in which format they are.
    caps: Option<C>,
    times: P::Times,
    shift: i64,
}

impl<P: Payload, C: Clone + PartialEq> Store<P, C> {
    pub(super) fn new() -> Self {
        Self {
            payloads: P::Queue::default(),
            base: 0,
            next: 0,
            forget_at: u64::MAX,
            current: false,
            odd: VecDeque::new(),
            runs: VecDeque::new(),
            caps: None,
            times: P::Times::default(),
            shift: 0,
        }
    }

    /// The format of the frames that come.
    pub(super) fn format(&mut self, caps: C) {
        self.caps = Some(caps);
        self.current = false;
    }

    /// How the frames that come are to be read.
    pub(super) fn read_with(&mut self, times: P::Times) {
        self.times = times;
        self.current = false;
    }

    /// How far the times of the frames that come are ahead of what their payloads say.
    pub(super) fn shift(&mut self, shift: i64) {
        self.current &= self.shift == shift;
        self.shift = shift;
    }

    /// Appends a frame. Without a format it cannot be kept.
    #[inline]
    pub(super) fn push(&mut self, frame: Frame<P>) {
        if !self.current && !self.begin_run() {
            return;
        }
        let number = self.next();
        if !frame.plain {
            self.odd.push_back(Odd { number, facts: frame.facts(), discont: frame.discont });
            self.see_forgotten();
        }
        debug_assert!(
            !frame.plain || self.read(&frame.payload, number) == Some(frame.facts()) && !frame.discont,
            "a plain frame is read as it came"
        );
        self.payloads.push(frame.payload);
        self.next += 1;
    }

    /// From the next frame on. False without a format.
    #[cold]
    fn begin_run(&mut self) -> bool {
        let Some(caps) = self.caps.clone() else { return false };
        grow(&mut self.runs, 1);
        self.runs.push_back(Run { from: self.next, caps, times: self.times.clone(), shift: self.shift });
        self.current = true;
        self.see_forgotten();
        true
    }

    fn read(&self, payload: &P, number: u64) -> Option<Facts> {
        let run = self.run(number)?;
        let facts = payload.facts(&run.times)?;
        let shifted = |time: RunningTime| RunningTime(time.0.saturating_add(run.shift));
        Some(Facts { start: shifted(facts.start), decode: shifted(facts.decode), ..facts })
    }

    fn run(&self, number: u64) -> Option<&Run<P::Times, C>> {
        let after = self.runs.partition_point(|run| run.from <= number);
        self.runs.get(after.checked_sub(1)?)
    }

    /// Drops the oldest frame. False if there is none.
    #[inline]
    pub(super) fn pop(&mut self) -> bool {
        if !self.payloads.pop() {
            return false;
        }
        self.base += 1;
        if self.base >= self.forget_at {
            self.forget();
        }
        true
    }

    /// Of what is odd, and of the runs, some are needed no more.
    #[cold]
    fn forget(&mut self) {
        while self.odd.front().is_some_and(|odd| odd.number < self.base) {
            self.odd.pop_front();
        }
        while self.runs.get(1).is_some_and(|second| second.from <= self.base) {
            self.runs.pop_front();
        }
        self.see_forgotten();
    }

    fn see_forgotten(&mut self) {
        let odd = self.odd.front().map_or(u64::MAX, |odd| odd.number + 1);
        let run = self.runs.get(1).map_or(u64::MAX, |second| second.from);
        self.forget_at = odd.min(run);
    }

    /// Number of the first frame that is here.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Number that the next frame will have.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Frame `number`; `None` before it has come and after it has gone.
    pub(super) fn frame(&self, number: u64) -> Option<Frame<P>> {
        let payload = self.payloads.get(usize::try_from(number.checked_sub(self.base)?).ok()?)?;
        let odd = self.odd.binary_search_by_key(&number, |odd| odd.number).ok().map(|index| &self.odd[index]);
        let facts = odd.map_or_else(|| self.read(&payload, number), |odd| Some(odd.facts))?;
        let (discont, plain) = (odd.is_some_and(|odd| odd.discont), odd.is_none());
        Some(Frame::of(facts, discont, plain, payload))
    }

    /// The format of frame `number`.
    pub(super) fn caps(&self, number: u64) -> Option<&C> {
        self.run(number).map(|run| &run.caps)
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }
}
