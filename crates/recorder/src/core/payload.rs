//! What a frame's media says of the frame by itself, so that the cache need not keep it a second time.
//! How it says so is left to whoever brings the media, keeping frames to `store`.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::{RunningTime, Utc};

/// What there is to know of a frame, times as its stream has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// See [`Frame::start`](super::Frame::start).
    pub start: RunningTime,
    /// See [`Frame::decode`](super::Frame::decode).
    pub decode: RunningTime,
    /// See [`Frame::duration`](super::Frame::duration).
    pub duration: Option<Duration>,
    /// See [`Frame::utc`](super::Frame::utc).
    pub utc: Option<Utc>,
    /// See [`Frame::keyframe`](super::Frame::keyframe).
    pub keyframe: bool,
    /// See [`Frame::bytes`](super::Frame::bytes).
    pub bytes: usize,
}

/// A frame's media; clones must be cheap (a reference).
pub trait Payload: Clone {
    /// What is needed to understand its times; the same for many frames of a stream.
    type Times: Clone + Default + std::fmt::Debug;
    /// What many of them are kept in: there may be thousands of caches with a thousand each.
    type Queue: Queue<Self>;

    /// What it says of its frame; `None` if that is not all there is to know. Always the same with the same `times`.
    fn facts(&self, times: &Self::Times) -> Option<Facts>;
}

/// Payloads, oldest first.
pub trait Queue<P>: Default + std::fmt::Debug {
    /// Appends one.
    fn push(&mut self, payload: P);

    /// Drops the oldest one. False if there is none.
    fn pop(&mut self) -> bool;

    /// A clone of one, counted from the oldest.
    fn get(&self, index: usize) -> Option<P>;
}

impl<P: Clone + std::fmt::Debug> Queue<P> for VecDeque<P> {
    #[inline]
    fn push(&mut self, payload: P) {
        grow(self, 8);
        self.push_back(payload);
    }

    #[inline]
    fn pop(&mut self) -> bool {
        self.pop_front().is_some()
    }

    fn get(&self, index: usize) -> Option<P> {
        self.get(index).cloned()
    }
}

/// A full list grows by this part, not twofold: there may be thousands of them.
const GROWTH: usize = 64;

/// Makes place for one more, and for `more` where there is none.
#[inline]
pub(crate) fn grow<T>(list: &mut VecDeque<T>, more: usize) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / GROWTH + more);
    }
}

/// Numbers in the place of media, as simulations and notes of frames have them, say nothing.
macro_rules! say_nothing {
    ($($payload:ty),*) => {$(
        impl Payload for $payload {
            type Times = ();
            type Queue = VecDeque<Self>;

            fn facts(&self, (): &()) -> Option<Facts> {
                None
            }
        }
    )*};
}

say_nothing!(u64);
#[cfg(test)]
say_nothing!(i64, (), std::sync::Arc<()>);
