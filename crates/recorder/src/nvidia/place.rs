//! Where a file of the library lies in the source's time: its last frames are found among those that have arrived, by
//! their sizes. The library says nothing about that, and its files begin at zero.
//! Reading files is left to `file`, what has arrived to the core.

use super::file::Track;
use crate::core::RunningTime;

/// A frame that has arrived: its start and its size in bytes.
pub(super) type Arrived = (RunningTime, u64);

/// Nanoseconds from the file's own time to the source's. `arrived` is what came lately, in decoding order, and `stop` how
/// many of that had come when the library was told to stop. Where the same sizes come again and again, since the
/// picture stands still, those near the stop are meant: the library writes what has come until then. `None`: the file's
/// frames are not among them.
pub(super) fn offset(track: &Track, arrived: &[Arrived], stop: usize) -> Option<i64> {
    let tail = &track.tail;
    let ends_at = |end: &usize| {
        let length = tail.len().min(*end);
        let (ours, theirs) = (&arrived[end - length..*end], &tail[tail.len() - length..]);
        // A few frames at the edge of what is remembered prove nothing.
        length == tail.len() && ours.iter().zip(theirs).all(|((_, arrived), (_, held))| arrived == held)
    };
    let end = (1..=arrived.len()).filter(ends_at).min_by_key(|end| end.abs_diff(stop))?;
    let ((arrived, _), (held, _)) = (arrived.get(end - 1)?, tail.last()?);
    Some(arrived.0.saturating_sub(held.0))
}

#[cfg(test)]
mod tests {
    use super::*;
}
