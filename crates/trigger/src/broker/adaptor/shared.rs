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
        // On the keeper's thread, waiting for the keeper would be for ever; adaptors hand over a message per call there.
        while !inside.closed
            && thread::current().id() != self.own
            && (inside.messages.len() >= count || inside.bytes >= bytes)
        {
            if self.changed.wait_until(&mut inside, until).timed_out() {
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

    /// An error came where a message was expected. It may pass: it is only kept as the reason for what follows.
    pub(super) fn note(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(&text[..text.len().min(MAX_REASON)]);
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        self.inside.lock().error = Some(text);
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
