//! Takes messages from the outbox to an adaptor, and keeps each until the adaptor has called back for it.
//! After a loss, what was not called back for goes to the front of the outbox again: at least once, in order.
//! It leaves the connection to `session`.

use std::{
    collections::VecDeque,
    ffi::CString,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        client::{Client, Ending},
        outbox::{Outbox, Outgoing},
    },
    ffi::Adaptor,
    registry,
    session::{Session, Settings},
};

/// Messages on their way at a time.
const WINDOW: usize = 64;
/// How long a message may wait in the outbox before the adaptor gets its next do_work.
const GLANCE: Duration = Duration::from_millis(10);
/// A callback that takes longer than this does not come: some adaptors say nothing when the broker is gone.
const COMPLETE: Duration = Duration::from_secs(30);

pub(super) struct Publisher {
    adaptor: Adaptor,
    settings: Settings,
    outbox: Arc<Outbox>,
    /// In the order they were handed over, with their number.
    unfinished: VecDeque<(usize, Outgoing)>,
    /// When the last completion came, or the first message was handed over after nothing was on its way.
    progress: Instant,
    session: Option<Session>,
}

impl Publisher {
    pub(super) fn new(adaptor: Adaptor, settings: Settings, outbox: Arc<Outbox>) -> Self {
        Self { adaptor, settings, outbox, unfinished: VecDeque::new(), progress: Instant::now(), session: None }
    }

    /// Hands messages over while there is room; waits for the first at most `wait`.
    fn fill(&mut self, session: &Session, wait: Duration) {
        let mut wait = wait;
        while self.unfinished.len() < WINDOW && session.shared.lost().is_none() {
            let Some(message) = self.outbox.take(wait) else { return };
            wait = Duration::ZERO;
            let topic = CString::new(message.topic.as_str());
            match topic.ok().and_then(|topic| session.send(&topic, &message.payload)) {
                Some(number) => {
                    if self.unfinished.is_empty() {
                        self.progress = Instant::now();
                    }
                    self.unfinished.push_back((number, message));
                }
                // Refused because the broker is gone: it can go later. Else it never can.
                None if session.shared.lost().is_some() => self.outbox.put_back(std::iter::once(message)),
                None => self.outbox.settle(false),
            }
        }
    }

    fn collect(&mut self, completions: Vec<(usize, bool)>) {
        for (number, delivered) in completions {
            if let Some(at) = self.unfinished.iter().position(|(unfinished, _)| *unfinished == number) {
                self.unfinished.remove(at);
                self.outbox.settle(delivered);
                self.progress = Instant::now();
            }
        }
    }

    fn exchange(&mut self, session: &Session) -> Result<(), String> {
        let wait = if self.unfinished.is_empty() { GLANCE } else { Duration::from_millis(1) };
        self.fill(session, wait);
        session.do_work();
        self.collect(session.shared.take_completions());
        if let Some(reason) = session.shared.lost() {
            return Err(reason);
        }
        if !self.unfinished.is_empty() && self.progress.elapsed() > COMPLETE {
            return Err(format!("the adaptor did not say within {} s that a message was sent", COMPLETE.as_secs()));
        }
        Ok(())
    }
}

impl Client for Publisher {
    fn connect(&mut self, _: &Ending) -> Result<(), String> {
        self.session = Some(Session::connect(self.adaptor, &self.settings)?);
        Ok(())
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let Some(session) = self.session.take() else { return Err("there is no connection".into()) };
        let until = Instant::now() + wait;
        let mut result = Ok(());
        while result.is_ok() && Instant::now() < until {
            result = self.exchange(&session);
        }
        self.session = Some(session);
        result
    }

    fn disconnect(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.end();
            // An adaptor may have sent the rest at the last moment; if not, its failures are no reason to give up.
            let delivered = session.shared.take_completions().into_iter().filter(|(_, delivered)| *delivered).collect();
            self.collect(delivered);
        }
        for (number, _) in &self.unfinished {
            registry::leave(*number);
        }
        self.outbox.put_back(self.unfinished.drain(..).map(|(_, message)| message));
    }
}
