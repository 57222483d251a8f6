//! [`Inbox`]: messages between the connection's thread, which fills it, and the ticks, which empty it. Bounded: a broker that
//! is faster than the graph is kept waiting.
//! Waking the codelet is left to whoever fills it.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use trigger::broker::Arrived;

/// Most messages that wait.
const MESSAGES: usize = 1_024;
/// Most bytes that wait; one message alone may be longer.
const BYTES: usize = 16 << 20;

/// See the module.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Arrived>,
    bytes: usize,
    closed: bool,
    /// Came too late.
    lost: usize,
}

impl State {
    fn has_room_for(&self, message: &Arrived) -> bool {
        self.messages.is_empty() || (self.messages.len() < MESSAGES && self.bytes + size(message) <= BYTES)
    }
}

fn size(message: &Arrived) -> usize {
    message.topic.len() + message.payload.len()
}

impl Inbox {
    /// Puts a message in as soon as there is room. False: the inbox is closed, and the message is gone.
    pub(crate) fn put(&self, message: Arrived) -> bool {
        let mut state = self.state.lock();
        self.room.wait_while(&mut state, |state| !state.closed && !state.has_room_for(&message));
        if state.closed {
            state.lost += 1;
            return false;
        }
        state.bytes += size(&message);
        state.messages.push_back(message);
        true
    }

    /// The oldest message, and whether there are more.
    pub(crate) fn take(&self) -> Option<(Arrived, bool)> {
        let mut state = self.state.lock();
        let message = state.messages.pop_front()?;
        state.bytes -= size(&message);
        let more = !state.messages.is_empty();
        drop(state);
        self.room.notify_one();
        Some((message, more))
    }

    /// Takes no more, lets go of whoever waits, and drops what is left.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.bytes = 0;
        state.lost += std::mem::take(&mut state.messages).len();
        drop(state);
        self.room.notify_all();
    }

    /// How many messages nobody took: those left when it was closed, and those that came later.
    pub(crate) fn lost(&self) -> usize {
        self.state.lock().lost
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn message(bytes: usize) -> Arrived {
        Arrived { topic: String::new(), payload: vec![7; bytes] }
    }

    #[test]
    fn messages_leave_in_order() {
        let inbox = Inbox::default();
        assert!(inbox.take().is_none());
        (1..=3).for_each(|bytes| assert!(inbox.put(message(bytes))));
        let left: Vec<_> = std::iter::from_fn(|| inbox.take()).map(|(m, more)| (m.payload.len(), more)).collect();
        assert_eq!(left, [(1, true), (2, true), (3, false)]);
    }

    /// A thread that puts; says so each time it could.
    fn writer(inbox: &Arc<Inbox>, sizes: Vec<usize>) -> (std::sync::mpsc::Receiver<bool>, thread::JoinHandle<()>) {
        let (done, ready) = channel();
        let inbox = inbox.clone();
        let thread = thread::spawn(move || {
            for bytes in sizes {
                done.send(inbox.put(message(bytes))).unwrap();
            }
        });
        (ready, thread)
    }

    #[test]
    fn a_full_inbox_keeps_the_writer_waiting_until_a_message_has_left() {
        let inbox = Arc::new(Inbox::default());
        let (ready, thread) = writer(&inbox, vec![0; MESSAGES + 1]);
        (0..MESSAGES).for_each(|_| assert!(ready.recv().unwrap()));
        assert!(ready.try_recv().is_err());
        assert!(inbox.take().is_some());
        assert!(ready.recv().unwrap());
        thread.join().unwrap();
        inbox.close();
        assert_eq!(inbox.lost(), MESSAGES);
    }

    #[test]
    fn bytes_count_too_but_one_message_always_fits() {
        let inbox = Arc::new(Inbox::default());
        let (ready, thread) = writer(&inbox, vec![BYTES + 1, 1, BYTES - 1, 1]);
        assert!(ready.recv().unwrap());
        assert!(ready.try_recv().is_err());
        assert_eq!(inbox.take().unwrap().0.payload.len(), BYTES + 1);
        assert!(ready.recv().unwrap() && ready.recv().unwrap());
        assert_eq!(inbox.take().unwrap().0.payload.len(), 1);
        assert!(ready.recv().unwrap());
        thread.join().unwrap();
    }

    #[test]
    fn closing_lets_go_of_a_writer_that_waits() {
        let inbox = Arc::new(Inbox::default());
        let (ready, thread) = writer(&inbox, vec![BYTES, 1, 1]);
        assert!(ready.recv().unwrap());
        inbox.close();
        assert!(!ready.recv().unwrap() && !ready.recv().unwrap());
        thread.join().unwrap();
        assert!(inbox.take().is_none());
        assert_eq!(inbox.lost(), 3);
    }
}
