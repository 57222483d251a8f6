//! One of a source's two streams: its cache, its format, and its time, made continuous. Cameras restart, servers send old
//! times again, connections are lost: what follows goes on after what was, at the time at which it came.
//! What sessions make of it is left to `session`, which stream leads to `source_core`.

use std::time::Duration;

use super::cache::Track;
use super::frame::Frame;
use super::payload::Payload;
use super::time::{RunningTime, nanos};

/// A frame that begins so long before the newest one is no B-frame, which are reordered within a fraction of a second:
/// the stream has begun anew, or its newest frame had a wrong time.
const STEP_BACK: Duration = Duration::from_secs(2);

/// A frame that begins so long after the newest one, and so long after now, is either behind a gap of a source that is
/// faster than real time, or has a wrong time.
const STEP_AHEAD: Duration = Duration::from_secs(10);

/// The same in nanoseconds: they are compared with each frame's time.
const STEP_BACK_NS: i64 = STEP_BACK.as_nanos() as i64;
const STEP_AHEAD_NS: i64 = STEP_AHEAD.as_nanos() as i64;

/// A frame with a wrong time comes so long after the one before it.
const CORRECTED: Duration = Duration::from_millis(1);

/// A stream.
#[derive(Debug)]
#[repr(C)] // What each push looks at stands together: the cache has it first, so it comes last here.
pub(super) struct Lane<P: Payload, C> {
    pub(super) caps: Option<C>,
    /// Start of the first frame.
    pub(super) first: Option<RunningTime>,
    /// The stream is expected: its pad is linked.
    pub(super) linked: bool,
    pub(super) ended: bool,
    /// Frames come in decoding order but without decoding times (B-frames over RTP).
    pub(super) unordered: bool,
    /// A frame from far ahead: the next one will tell whether it was a gap or a wrong time.
    suspect: Option<Box<Frame<P>>>,
    time: Time,
    /// Decoding time of the newest frame.
    decode: Option<RunningTime>,
    pub(super) track: Track<P, C>,
}

/// How the stream's own time relates to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    /// Ours is so many nanoseconds ahead.
    Shifted(i64),
    /// It begins anew with the next frame.
    Anew { before: i64 },
    /// It has begun anew; what precedes the next keyframe cannot be decoded, and what comes before that time has been.
    Resumed { shift: i64, not_before: RunningTime },
}

impl Time {
    fn shift(self) -> i64 {
        match self {
            Self::Shifted(shift) | Self::Anew { before: shift } | Self::Resumed { shift, .. } => shift,
        }
    }
}

impl<P: Payload, C: Clone + PartialEq> Lane<P, C> {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            caps: None,
            suspect: None,
            time: Time::Shifted(0),
            decode: None,
            first: None,
            linked: false,
            ended: false,
            unordered: false,
            track: Track::new(window),
        }
    }

    /// A time of the stream as ours.
    pub(super) fn shifted(&self, time: RunningTime) -> RunningTime {
        RunningTime(time.0.saturating_add(self.time.shift()))
    }

    /// What comes next is not comparable in time with what was.
    pub(super) fn interrupt(&mut self) {
        self.time = Time::Anew { before: self.time.shift() };
    }

    /// Whether `frame`, as it comes, begins a new time: by itself, or because another stream of the source has, with
    /// `shift`, and it fits that one better. `now` is where the source is.
    pub(super) fn begins_anew(&self, frame: &Frame<P>, shift: i64, now: Option<RunningTime>) -> bool {
        let off = |shift: i64| now.map_or(u64::MAX, |now| now.0.abs_diff(frame.start.0.saturating_add(shift)));
        let other = shift != self.time.shift() && off(shift) < off(self.time.shift());
        match self.track.newest() {
            None => other,
            Some(newest) => {
                matches!(self.time, Time::Anew { .. })
                    || other
                    || newest.is_beyond(self.shifted(frame.start), STEP_BACK_NS)
            }
        }
    }

    /// The shift with which `frame` lies about `now`: its own one as before, or that of another stream of the source, which
    /// has begun anew with it.
    pub(super) fn fitting_shift(&self, frame: &Frame<P>, shift: i64, now: Option<RunningTime>) -> Option<i64> {
        let now = now?;
        let start = |shift: i64| RunningTime(frame.start.0.saturating_add(shift));
        let off = |shift: &i64| now.0.abs_diff(start(*shift).0);
        let fits = |shift: &i64| {
            let goes_on = self.track.newest().is_none_or(|newest| newest.since(start(*shift)) <= STEP_BACK);
            goes_on && off(shift) <= nanos(STEP_BACK)
        };
        [self.time.shift(), shift].into_iter().filter(fits).min_by_key(off)
    }

    /// Goes on with `shift`.
    pub(super) fn resume(&mut self, shift: i64) {
        let not_before = self.track.newest().unwrap_or(RunningTime(i64::MIN));
        self.time = Time::Resumed { shift, not_before };
        self.track.shift(shift);
        self.decode = None;
    }

    /// Whether `frame`, as it comes, is the next picture of the newest group and nothing more: it needs only be
    /// [appended](Self::append). Whatever else may be so is looked at by [`push`](Self::push).
    #[inline]
    pub(super) fn goes_on(&self, frame: &Frame<P>, shift: i64) -> bool {
        let start = self.shifted(frame.start);
        !frame.keyframe
            && frame.decode == frame.start
            && self.time == Time::Shifted(shift)
            && self.suspect.is_none()
            && self.track.goes_on(start, STEP_AHEAD_NS)
    }

    /// Takes a frame that [goes on](Self::goes_on) into the cache; its time, being ours.
    #[inline]
    pub(super) fn append(&mut self, mut frame: Frame<P>) -> RunningTime {
        let start = self.shifted(frame.start);
        (frame.start, frame.decode) = (start, start);
        self.decode = Some(start);
        self.track.append(frame);
        start
    }

    /// Takes a frame into the cache, its time being ours; which that is. `None` for one that cannot be used, or not yet.
    #[inline]
    pub(super) fn push(&mut self, mut frame: Frame<P>, now: Option<RunningTime>) -> Option<RunningTime> {
        let shift = self.time.shift();
        (frame.start, frame.decode) = (self.shifted(frame.start), self.shifted(frame.decode));
        if let Time::Resumed { not_before, .. } = self.time {
            if !frame.keyframe || frame.start <= not_before {
                return None;
            }
            (frame.discont, frame.plain) = (true, false);
            self.time = Time::Shifted(shift);
        }
        if let Some(mut suspect) = self.suspect.take() {
            let newest = self.track.newest().filter(|_| suspect.start.since(frame.start) > STEP_BACK);
            if let Some(newest) = newest {
                // Its time was wrong, it is not: what follows may be decoded from it.
                suspect.start = newest + CORRECTED;
                suspect.decode = suspect.start;
            }
            self.keep(*suspect);
        }
        let ahead_of = |time: Option<RunningTime>| time.is_some_and(|time| frame.start.is_beyond(time, STEP_AHEAD_NS));
        if ahead_of(self.track.newest()) && ahead_of(now) {
            // By then the stream may be read in another way.
            self.suspect = Some(Box::new(Frame { plain: false, ..frame }));
            return None;
        }
        self.keep(frame)
    }

    #[inline]
    fn keep(&mut self, frame: Frame<P>) -> Option<RunningTime> {
        self.unordered |= self.decode.is_some_and(|before| frame.decode < before);
        self.decode = Some(frame.decode);
        let start = frame.start;
        self.first.get_or_insert(start);
        self.caps.as_ref()?;
        self.track.push(frame);
        Some(start)
    }

    /// Nothing more will come for now.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.settle();
    }

    /// The stream's format from the next frame on.
    pub(super) fn format(&mut self, caps: C) {
        if self.caps.as_ref() != Some(&caps) {
            self.settle();
            self.unordered = false;
            self.track.format(caps.clone());
            self.caps = Some(caps);
        }
    }

    /// What waits for the next frame waits no longer.
    fn settle(&mut self) {
        if let Some(suspect) = self.suspect.take() {
            self.keep(*suspect);
        }
    }
}
