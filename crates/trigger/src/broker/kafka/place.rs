//! Where a subscription stands in one partition, and whether a message is new, old, a duplicate, or from another log.
//! A broker that lost its memory numbers messages from 0 again: equal offsets are the same message only if the contents are.
//! It is pure: it leaves fetching and seeking to `subscriber`.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

use rdkafka::{Message, Offset};

/// Messages that are remembered, 16 bytes each. One is enough to know a log again after a loss; a consumer group delivers
/// again what it had not committed, at most what came within a second or so.
const REMEMBERED: usize = 32_768;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Hand it over.
    New,
    /// It was there before the subscription.
    Old,
    /// It was handed over already.
    Duplicate,
    /// The log began anew, and messages before this one were not seen: fetch again from the beginning.
    Rewind,
}

/// A place in one partition.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Messages before this offset are old.
    from: i64,
    /// Offset and fingerprint of the last messages, ascending.
    seen: VecDeque<(i64, u64)>,
    /// The partition was assigned and no message of it came since: the first one shows whether the log is the same.
    probing: bool,
}

impl Place {
    /// Everything before `from` is old.
    pub(super) fn new(from: i64) -> Self {
        Self { from, ..Self::default() }
    }

    /// Where to fetch from, after the partition was assigned (again): the last message that is known comes once more.
    pub(super) fn assign(&mut self) -> Offset {
        self.probing = true;
        match self.seen.back() {
            Some(&(offset, _)) => Offset::Offset(offset),
            None if self.from == 0 => Offset::Beginning,
            None => Offset::Offset(self.from),
        }
    }

    /// Where to look, if the log has this end: `None` where it still holds the last message that is known, else the last
    /// one that it has, by which it is known whether it is the same log. Some brokers (Tansu) say nothing to an offset that
    /// they do not have, and it would be waited for until the new log is as long as the old one was.
    pub(super) fn look_back(&mut self, end: i64) -> Option<Offset> {
        let last = self.seen.back().map_or(self.from - 1, |&(offset, _)| offset);
        if end > last || end == 0 {
            return None;
        }
        self.probing = true;
        Some(Offset::Offset(end - 1))
    }

    /// Sorts a message in.
    pub(super) fn judge(&mut self, offset: i64, fingerprint: u64) -> Verdict {
        let probing = std::mem::take(&mut self.probing);
        if probing && self.seen.is_empty() && offset < self.from {
            // Asked for from `from` on, and it has no such offset: another log, and this is the earliest of it.
            self.from = 0;
        }
        let known = self.seen.binary_search_by_key(&offset, |&(offset, _)| offset);
        match known {
            Ok(index) if self.seen[index].1 == fingerprint => return Verdict::Duplicate,
            // After the last one.
            Err(index) if index == self.seen.len() => {}
            // An offset that is taken by another message, or that was passed without one: another log.
            _ => {
                self.seen.clear();
                self.from = 0;
                if probing && offset > 0 {
                    return Verdict::Rewind;
                }
            }
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((offset, fingerprint));
        if offset < self.from { Verdict::Old } else { Verdict::New }
    }
}

/// A number that two different messages share only by a chance of one in 2^64.
pub(super) fn fingerprint(message: &impl Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.timestamp().to_millis().hash(&mut hasher);
    message.key().hash(&mut hasher);
    message.payload().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use Verdict::{Duplicate, New, Old, Rewind};

    use super::*;

    /// Feeds `(offset, fingerprint)` and collects the verdicts.
    fn judge(place: &mut Place, messages: &[(i64, u64)]) -> Vec<Verdict> {
        messages.iter().map(|&(offset, fingerprint)| place.judge(offset, fingerprint)).collect()
    }

    #[test]
    fn what_was_there_before_is_old() {
        let mut place = Place::new(3);
        assert_eq!(judge(&mut place, &[(1, 11), (2, 12), (3, 13)]), [Old, Old, New]);
    }

    #[test]
    fn the_same_log_goes_on_where_it_stopped() {
        let mut place = Place::new(0);
        assert_eq!(place.assign(), Offset::Beginning);
        judge(&mut place, &[(0, 10), (1, 11)]);
        assert_eq!(place.assign(), Offset::Offset(1));
        assert_eq!(judge(&mut place, &[(1, 11), (2, 12)]), [Duplicate, New]);
    }

    #[test]
    fn a_log_that_began_anew_and_is_shorter_is_new_from_its_beginning() {
        let mut place = Place::new(5);
        judge(&mut place, &[(4, 14), (5, 15), (6, 16)]);
        place.assign();
        // The broker has no offset 6: librdkafka goes back to the beginning.
        assert_eq!(judge(&mut place, &[(0, 20), (1, 21), (4, 24)]), [New, New, New]);
    }

    #[test]
    fn a_log_that_began_anew_and_is_longer_is_fetched_from_its_beginning() {
        let mut place = Place::new(5);
        judge(&mut place, &[(4, 14), (5, 15)]);
        place.assign();
        assert_eq!(judge(&mut place, &[(5, 25), (0, 20), (5, 25)]), [Rewind, New, New]);
    }

    #[test]
    fn the_first_message_of_a_new_log_is_taken_at_once() {
        let mut place = Place::new(0);
        judge(&mut place, &[(0, 10)]);
        place.assign();
        assert_eq!(judge(&mut place, &[(0, 20), (1, 21)]), [New, New]);
    }

    #[test]
    fn a_log_that_began_anew_before_anything_of_the_old_one_came_is_new() {
        let mut place = Place::new(5);
        assert_eq!(place.assign(), Offset::Offset(5));
        assert_eq!(judge(&mut place, &[(0, 20), (1, 21), (5, 25)]), [New, New, New]);
    }

    #[test]
    fn a_shorter_log_is_looked_at_and_may_be_the_same() {
        let mut place = Place::new(5);
        judge(&mut place, &[(4, 14), (5, 15), (6, 16)]);
        assert_eq!([place.look_back(7), place.look_back(0)], [None, None]);
        // A follower that became the leader, and did not know yet that the last one was committed.
        assert_eq!(place.look_back(6), Some(Offset::Offset(5)));
        assert_eq!(judge(&mut place, &[(5, 15), (6, 16), (7, 17)]), [Duplicate, Duplicate, New]);
        // A broker that lost its memory.
        assert_eq!(place.look_back(3), Some(Offset::Offset(2)));
        assert_eq!(judge(&mut place, &[(2, 22), (0, 20), (1, 21), (2, 22)]), [Rewind, New, New, New]);
        let mut nothing_seen = Place::new(5);
        assert_eq!((nothing_seen.look_back(5), nothing_seen.look_back(1)), (None, Some(Offset::Offset(0))));
        assert_eq!(judge(&mut nothing_seen, &[(0, 20), (1, 21)]), [New, New]);
    }

    #[test]
    fn gaps_are_no_other_log() {
        let mut place = Place::new(0);
        judge(&mut place, &[(0, 10), (1, 11)]);
        place.assign();
        // Compaction took offset 1, a transaction's mark has 2.
        assert_eq!(judge(&mut place, &[(3, 13)]), [New]);
    }

    #[test]
    fn a_group_that_delivers_again_triggers_once() {
        let mut place = Place::new(0);
        judge(&mut place, &[(7, 17), (8, 18), (9, 19)]);
        assert_eq!(judge(&mut place, &[(8, 18), (9, 19), (10, 20)]), [Duplicate, Duplicate, New]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut place = Place::new(0);
        for offset in 0..100_000 {
            assert_eq!(place.judge(offset, 1), New);
        }
        assert_eq!(place.seen.len(), REMEMBERED);
    }
}
