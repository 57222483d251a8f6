//! Messages on their way out: queued by any thread, taken by the keeper's, counted until the broker has them.
//! It is bounded, so that a broker that is away for a day does not take the memory.
//! It leaves sending, and sending again after a loss, to the protocols.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::Error;

/// Most bytes that may wait, payloads and topics.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most messages that may wait.
const MAX_MESSAGES: usize = 100_000;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

impl Outgoing {
    fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

#[derive(Debug, Default)]
struct Inside {
    queue: VecDeque<Outgoing>,
    /// Bytes in `queue`.
    bytes: usize,
    /// Taken, and neither delivered nor given up.
    sending: usize,
    /// Given up since the last flush.
    failed: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    inside: Mutex<Inside>,
    changed: Condvar,
}

impl Outbox {
    /// Queues a message.
    ///
    /// # Errors
    /// [`Error::OutboxFull`]; the message is not queued.
    pub(super) fn push(&self, message: Outgoing) -> Result<(), Error> {
        let mut inside = self.inside.lock();
        let waiting = inside.queue.len();
        if waiting >= MAX_MESSAGES || inside.bytes + message.bytes() > MAX_BYTES {
            return Err(Error::OutboxFull { waiting });
        }
        inside.bytes += message.bytes();
        inside.queue.push_back(message);
        drop(inside);
        self.changed.notify_all();
        Ok(())
    }

    /// The oldest message; waits for one for at most `limit`. It counts as being sent from here on.
    pub(super) fn take(&self, limit: Duration) -> Option<Outgoing> {
        let until = Instant::now() + limit;
        let mut inside = self.inside.lock();
        while inside.queue.is_empty() {
            if self.changed.wait_until(&mut inside, until).timed_out() {
                break;
            }
        }
        let message = inside.queue.pop_front()?;
        inside.bytes -= message.bytes();
        inside.sending += 1;
        Some(message)
    }

    /// Puts messages that were taken and not delivered back to the front, in their order.
    pub(super) fn put_back(&self, messages: impl DoubleEndedIterator<Item = Outgoing>) {
        let mut inside = self.inside.lock();
        for message in messages.rev() {
            inside.sending = inside.sending.saturating_sub(1);
            inside.bytes += message.bytes();
            inside.queue.push_front(message);
        }
    }

    /// A message that was taken is with the broker (`true`), or will never be.
    pub(super) fn settle(&self, delivered: bool) {
        let mut inside = self.inside.lock();
        inside.sending = inside.sending.saturating_sub(1);
        inside.failed += usize::from(!delivered);
        drop(inside);
        self.changed.notify_all();
    }

    /// How many were taken, and neither delivered nor given up.
    pub(super) fn sending(&self) -> usize {
        self.inside.lock().sending
    }

    /// Waits until nothing is on its way, at most `limit`. How many are still on their way or were given up since the
    /// last call.
    pub(super) fn flush(&self, limit: Duration) -> usize {
        let until = Instant::now() + limit;
        let mut inside = self.inside.lock();
        while inside.queue.len() + inside.sending > 0 {
            if self.changed.wait_until(&mut inside, until).timed_out() {
                break;
            }
        }
        inside.queue.len() + inside.sending + std::mem::take(&mut inside.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &str) -> Outgoing {
        Outgoing { topic: "t".into(), payload: payload.into() }
    }

    #[test]
    fn what_comes_back_is_sent_first_and_in_order() {
        let outbox = Outbox::default();
        for payload in ["a", "b", "c"] {
            outbox.push(message(payload)).unwrap();
        }
        let taken = [outbox.take(Duration::ZERO).unwrap(), outbox.take(Duration::ZERO).unwrap()];
        outbox.put_back(taken.into_iter());
        let order: Vec<_> = std::iter::from_fn(|| outbox.take(Duration::ZERO)).collect();
        assert_eq!(order, [message("a"), message("b"), message("c")]);
    }

    #[test]
    fn what_was_given_up_is_told_once() {
        let outbox = Outbox::default();
        for payload in ["a", "b", "c"] {
            outbox.push(message(payload)).unwrap();
        }
        outbox.take(Duration::ZERO).unwrap();
        outbox.settle(true);
        outbox.take(Duration::ZERO).unwrap();
        outbox.settle(false);
        assert_eq!(outbox.flush(Duration::ZERO), 2);
        assert_eq!(outbox.flush(Duration::ZERO), 1);
    }

    #[test]
    fn too_much_is_refused() {
        let outbox = Outbox::default();
        outbox.push(Outgoing { topic: String::new(), payload: vec![0; MAX_BYTES] }).unwrap();
        assert!(matches!(outbox.push(message("a")), Err(Error::OutboxFull { waiting: 1 })));
        let small = Outbox::default();
        for _ in 0..MAX_MESSAGES {
            small.push(message("")).unwrap();
        }
        assert!(matches!(small.push(message("")), Err(Error::OutboxFull { waiting: MAX_MESSAGES })));
    }
}
