//! What an adaptor's callbacks leave for the keeper's thread: messages, completions, and that the connection is lost.
//! A callback copies and returns; it waits only where too many messages pile up, and never once the connection ends.
//! It leaves finding the connection that a callback belongs to to `registry`.

use std::{
    collections::VecDeque,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::super::Arrived;

/// Most messages, and bytes of payload, that may wait for the listener.
const MAX_WAITING: (usize, usize) = (10_000, 64 * 1024 * 1024);
/// How long a callback waits for room. NVIDIA's Kafka adaptor crashes if it is kept for max.poll.interval.ms (300 s).
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an adaptor's error text that are kept.
const MAX_REASON: usize = 500;

#[derive(Debug, Default)]
struct Inside {
    messages: VecDeque<Arrived>,
    /// Payload bytes in `messages`.
    bytes: usize,
    /// Number of a message that was sent, and whether it was delivered.
    completions: Vec<(usize, bool)>,
    lost: Option<String>,
    /// The last error that came instead of a message.
    error: Option<String>,
    /// `error` was taken.
    told: bool,
    closed: bool,
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Shared {
    /// The keeper's: an adaptor may call back on it, from within do_work.
    own: ThreadId,
    inside: Mutex<Inside>,
    changed: Condvar,
}

impl Shared {
    /// For a connection that is used on this thread.
    pub(super) fn new() -> Self {
        Self { own: thread::current().id(), inside: Mutex::default(), changed: Condvar::new() }
    }

    /// A message came. Any thread.
    pub(super) fn push(&self, message: Arrived) {
        let until = Instant::now() + PATIENCE;
        let (count, bytes) = MAX_WAITING;
        let mut inside = self.inside.lock();
        while !inside.closed && (inside.messages.len() >= count || inside.bytes >= bytes) {
            // On the keeper's thread, waiting for the keeper would be for ever. NVIDIA's adaptors hand over a single
            // message per do_work there.
            let own = thread::current().id() == self.own;
            if own || self.changed.wait_until(&mut inside, until).timed_out() {
                inside.lost.get_or_insert_with(|| "messages were dropped: too many wait to be handled".into());
                return;
            }
        }
        if !inside.closed {
            inside.bytes += message.payload.len();
            inside.messages.push_back(message);
            drop(inside);
            self.changed.notify_all();
        }
    }

    /// The next message; waits for one for at most `limit`, and not if the connection is lost.
    pub(super) fn pop(&self, limit: Duration) -> Option<Arrived> {
        let until = Instant::now() + limit;
        let mut inside = self.inside.lock();
        while inside.messages.is_empty() && inside.lost.is_none() {
            if self.changed.wait_until(&mut inside, until).timed_out() {
                break;
            }
        }
        let message = inside.messages.pop_front()?;
        inside.bytes -= message.payload.len();
        drop(inside);
        self.changed.notify_all();
        Some(message)
    }

    /// A message that was sent is done with. Any thread.
    pub(super) fn complete(&self, number: usize, delivered: bool) {
        self.inside.lock().completions.push((number, delivered));
    }

    pub(super) fn take_completions(&self) -> Vec<(usize, bool)> {
        std::mem::take(&mut self.inside.lock().completions)
    }

    /// The connection is lost. Any thread, any number of times.
    pub(super) fn lose(&self, reason: &str) {
        let mut inside = self.inside.lock();
        if inside.lost.is_none() {
            inside.lost = Some(reason.to_owned());
            drop(inside);
            self.changed.notify_all();
        }
    }

    /// An error came where a message was expected. It may pass, and may be the reason for what follows.
    pub(super) fn note(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(&text[..text.len().min(MAX_REASON)]);
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let mut inside = self.inside.lock();
        if inside.error.as_deref() != Some(text) {
            inside.error = Some(text.to_owned());
            inside.told = false;
        }
    }

    /// The last such error, if it is another one than before: an adaptor may repeat it for ever.
    pub(super) fn take_error(&self) -> Option<String> {
        let mut inside = self.inside.lock();
        if std::mem::replace(&mut inside.told, true) { None } else { inside.error.clone() }
    }

    /// Why the connection is lost, if it is.
    pub(super) fn lost(&self) -> Option<String> {
        let inside = self.inside.lock();
        let lost = inside.lost.as_ref()?;
        Some(inside.error.as_ref().map_or_else(|| lost.clone(), |error| format!("{lost} (before that: {error})")))
    }

    /// Nothing is taken any more, and nobody waits.
    pub(super) fn close(&self) {
        self.inside.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Arrived {
        Arrived { topic: String::new(), payload: vec![0; bytes] }
    }

    #[test]
    fn a_callback_on_the_keeper_s_own_thread_never_waits() {
        let shared = Shared::new();
        for _ in 0..MAX_WAITING.0 {
            shared.push(message(0));
        }
        assert_eq!(shared.lost(), None);
        shared.push(message(0));
        assert!(shared.lost().unwrap().contains("dropped"));
        assert_eq!(std::iter::from_fn(|| shared.pop(Duration::ZERO)).count(), MAX_WAITING.0);
    }

    #[test]
    fn a_callback_of_another_thread_waits_for_room_or_the_end() {
        let shared = Shared::new();
        shared.push(message(MAX_WAITING.1));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| shared.push(message(1)));
            assert_eq!(shared.pop(Duration::ZERO).unwrap().payload.len(), MAX_WAITING.1);
            waiting.join().unwrap();
            assert_eq!(shared.pop(Duration::ZERO).unwrap().payload.len(), 1);
            shared.push(message(MAX_WAITING.1));
            let waiting = scope.spawn(|| shared.push(message(1)));
            shared.close();
            waiting.join().unwrap();
        });
        assert_eq!((shared.lost(), shared.inside.lock().messages.len()), (None, 1));
    }

    #[test]
    fn the_last_error_is_the_reason_and_short() {
        let shared = Shared::new();
        shared.note(b"\x1b[31mfirst");
        shared.note(&[0xff; 5_000]);
        assert!(shared.take_error().unwrap().chars().count() <= MAX_REASON);
        for _ in 0..2 {
            shared.note(b"topic\nnot available");
            shared.note(b"");
        }
        assert_eq!((shared.take_error().as_deref(), shared.take_error()), (Some("topic not available"), None));
        shared.lose("gone");
        shared.lose("gone again");
        assert_eq!(shared.lost().unwrap(), "gone (before that: topic not available)");
    }
}
