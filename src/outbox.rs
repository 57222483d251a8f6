//! What waits to be told: receipts on their way to `done-tx`, and how many sessions and sources are still under way.
//! Filled from any thread, emptied by the codelet's ticks.
//! What a receipt says is left to `receipt`, when to tick to the waker.

use std::collections::VecDeque;

use gxf::Waker;
use parking_lot::Mutex;
use recorder::event::Event;

use crate::receipt::Receipt;

/// More receipts than this do not wait: the codelet takes no further messages until some have left.
const FULL: usize = 1_024;

/// See the module.
pub(crate) struct Outbox {
    /// Entity and component, for the log.
    name: String,
    state: Mutex<State>,
    /// Receipts are queued only where somebody takes them.
    publishes: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
struct State {
    receipts: VecDeque<Receipt>,
    /// Answers to starts, and ends of sessions, that are still to come; and the end of the recovery.
    open: usize,
    sources: usize,
    failures: Vec<String>,
}

/// How the sources have ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Some still send, or something is still to be told.
    NotYet,
    /// All of them, and at least one of them just ended.
    All,
    /// All of them failed; the last reason.
    AllFailed(String),
}

impl Outbox {
    pub(crate) fn new(name: String, sources: usize, publishes: bool, waker: Option<Waker>) -> Self {
        Self {
            name,
            state: Mutex::new(State { sources, open: usize::from(sources > 0), ..State::default() }),
            publishes,
            waker,
        }
    }

    /// Entity and component, for the log.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Logs a receipt and queues it.
    pub(crate) fn put(&self, receipt: Receipt) {
        self.settle(receipt, 0);
    }

    /// A session is about to be asked for: its answer is open, and its end. Counted first, so that neither can come
    /// before it counts.
    pub(crate) fn session_asked(&self) {
        self.state.lock().open += 2;
    }

    /// The answer: with a session, whose end is still open, or without one.
    pub(crate) fn put_answer(&self, receipt: Receipt, session: bool) {
        self.settle(receipt, if session { 1 } else { 2 });
    }

    /// Queues a receipt that settles so much of what is open, in one step: between two, a tick would find nothing open
    /// and nothing to send, take that for the end, and never send it.
    fn settle(&self, receipt: Receipt, settled: usize) {
        receipt.log(&self.name);
        {
            let mut state = self.state.lock();
            state.open = state.open.saturating_sub(settled);
            if self.publishes {
                state.receipts.push_back(receipt);
            }
        }
        self.wake();
    }

    /// Takes what the engine tells.
    pub(crate) fn event(&self, event: Event) {
        match event {
            Event::Recovered(Ok(done)) => {
                done.for_each_trigger().for_each(|done| self.settle(Receipt::Recovered(Box::new(done)), 0));
            }
            Event::Recovered(Err(failed)) => {
                failed.for_each_trigger().for_each(|failed| self.settle(Receipt::Failed(Box::new(failed)), 0));
            }
            Event::RecoveryEnded => {
                let mut state = self.state.lock();
                state.open = state.open.saturating_sub(1);
                drop(state);
                self.wake();
            }
            // Each trigger of a session gets its own.
            Event::Done(done) => done.for_each_trigger().for_each(|done| self.settle(Receipt::Done(Box::new(done)), 1)),
            Event::Failed(failed) => {
                failed.for_each_trigger().for_each(|failed| self.settle(Receipt::Failed(Box::new(failed)), 1));
            }
            Event::SourceEnded { source, error } => {
                match &error {
                    Some(error) => gxf::log::error!("{}: {error}", self.name),
                    None => gxf::log::info!("{}: source {source} has ended", self.name),
                }
                let mut state = self.state.lock();
                state.sources = state.sources.saturating_sub(1);
                state.failures.extend(error);
                drop(state);
                self.wake();
            }
            Event::SourceLost { text, .. } => gxf::log::warning!("{}: {text}", self.name),
            Event::SourceBack { text, .. } => gxf::log::info!("{}: {text}", self.name),
            Event::Notice(text) => gxf::log::warning!("{}: {text}", self.name),
            Event::SessionsChanged | Event::Playing(_) => {}
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }

    /// No more messages are to be taken for now.
    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().receipts.len() >= FULL
    }

    /// The oldest receipt.
    pub(crate) fn take(&self) -> Option<Receipt> {
        self.state.lock().receipts.pop_front()
    }

    /// How many receipts have not been sent.
    pub(crate) fn unsent(&self) -> usize {
        self.state.lock().receipts.len()
    }

    /// It could not be sent: the next tick tries again.
    pub(crate) fn put_back(&self, receipt: Receipt) {
        self.state.lock().receipts.push_front(receipt);
    }

    /// Ticks again if something is left to be sent.
    pub(crate) fn wake_for_the_rest(&self) {
        if !self.state.lock().receipts.is_empty() {
            self.wake();
        }
    }

    /// Whether there is nothing left to do, of `total` sources.
    pub(crate) fn ended(&self, total: usize) -> Ended {
        let state = self.state.lock();
        if state.sources > 0 || state.open > 0 || !state.receipts.is_empty() {
            return Ended::NotYet;
        }
        match state.failures.last() {
            Some(last) if state.failures.len() == total => Ended::AllFailed(last.clone()),
            _ => Ended::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_comes_after_the_last_source_session_and_receipt() {
        let outbox = Outbox::new("recorder/smart_record".into(), 2, true, None);
        outbox.session_asked();
        outbox.event(Event::RecoveryEnded);
        outbox.event(Event::SourceEnded { source: 0, error: Some("gone".into()) });
        assert_eq!(outbox.ended(2), Ended::NotYet);
        outbox.event(Event::SourceEnded { source: 1, error: None });
        assert_eq!(outbox.ended(2), Ended::NotYet);
        // The answer, with a session; then the session's end. Neither is the end before it has been taken.
        let receipt = || Receipt::unreadable(None, recorder::record::Trigger::default(), "x".into());
        outbox.put_answer(receipt(), true);
        assert!(outbox.take().is_some());
        assert_eq!(outbox.ended(2), Ended::NotYet);
        outbox.settle(receipt(), 1);
        assert_eq!(outbox.ended(2), Ended::NotYet);
        assert!(outbox.take().is_some());
        assert_eq!(outbox.ended(2), Ended::All);
        outbox.event(Event::SourceEnded { source: 1, error: Some("late".into()) });
        assert_eq!(outbox.ended(2), Ended::AllFailed("late".into()));
    }
}
