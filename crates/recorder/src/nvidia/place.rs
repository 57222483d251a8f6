//! Where a file of the library lies in the source's time: its last frames are found among those that have arrived, by
//! their sizes. The library says nothing about that, and its files begin at zero.
//! Reading files is left to `file`, what has arrived to the core.

use crate::core::RunningTime;

/// A frame: its start and its size in bytes.
pub(super) type Sized = (RunningTime, u64);

/// Nanoseconds from the file's own time to the source's. `tail` is the file's last frames, `arrived` what came lately,
/// both in decoding order, and `stop` how many of the latter had come when the library was told to stop. Where the same
/// sizes come again and again, since the picture stands still, those near the stop are meant: the library writes what
/// has come until then. `None`: the file's frames are not among them.
pub(super) fn offset(tail: &[Sized], arrived: &[Sized], stop: usize) -> Option<i64> {
    let (held, _) = tail.last()?;
    // A part of the tail, at the edge of what is remembered, proves nothing.
    let runs = arrived.windows(tail.len()).enumerate();
    let same = runs.filter(|(_, run)| run.iter().zip(tail).all(|((_, arrived), (_, held))| arrived == held));
    let (_, run) = same.min_by_key(|(begin, _)| (begin + tail.len()).abs_diff(stop))?;
    let (arrived, _) = run.last()?;
    Some(arrived.0.saturating_sub(held.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of these sizes, one a nanosecond from `first` on.
    fn frames(first: i64, sizes: &[u64]) -> Vec<Sized> {
        (first..).zip(sizes).map(|(at, size)| (RunningTime(at), *size)).collect()
    }

    #[test]
    fn a_file_lies_where_its_last_frames_arrived() {
        let arrived = frames(1_000, &[9, 1, 2, 3, 8, 2, 1, 3]);
        assert_eq!(offset(&frames(0, &[1, 2, 3]), &arrived, 8), Some(1_001));
        assert_eq!(offset(&frames(5, &[2, 1]), &arrived, 7), Some(1_000));
        assert_eq!(offset(&frames(0, &[2, 4]), &arrived, 8), None);
        assert_eq!(offset(&frames(0, &[7, 9, 1]), &arrived, 8), None, "not all of it is remembered");
        assert_eq!(offset(&[], &arrived, 8), None);
    }

    #[test]
    fn of_a_still_picture_it_ends_at_the_stop() {
        let arrived = frames(0, &[9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 1]);
        assert_eq!(offset(&frames(0, &[9, 1, 1, 9, 1]), &arrived, 8), Some(3));
        assert_eq!(offset(&frames(0, &[9, 1, 1, 9, 1]), &arrived, 10), Some(6));
    }
}
