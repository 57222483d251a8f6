//! Takes messages from the outbox to an MQTT broker, and keeps each until the broker has acknowledged it.
//! After a loss, what was not acknowledged goes back to the front of the outbox: at least once, in order.
//! It leaves the connection to `link`.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        client::{Client, Ending},
        outbox::{Outbox, Outgoing},
    },
    link::{self, Broken, Happened, Link},
    settings::{MAX_PACKET, Settings},
};

/// Messages on their way at a time: fewer than rumqttc and brokers allow (100, and 65,535 or what the broker says).
const WINDOW: usize = 16;
/// How long a message may wait in the outbox before acknowledgements are looked for again, and the other way round.
const GLANCE: Duration = Duration::from_millis(10);
/// A poll of rumqttc that is shorter than this finds nothing.
const SHORTEST: Duration = Duration::from_millis(1);
/// An acknowledgement that takes longer than this does not come any more.
const ACKNOWLEDGE: Duration = Duration::from_secs(20);
/// Bytes of a packet beside topic and payload, generously.
const HEADER: usize = 64;

pub(super) struct Publisher {
    settings: Settings,
    outbox: Arc<Outbox>,
    /// In the order they were handed over; with their number from when they were sent.
    unacknowledged: VecDeque<(Option<u16>, Outgoing)>,
    /// When the last acknowledgement came, or the first message was handed over after nothing was on its way.
    progress: Instant,
    link: Option<Box<dyn Link>>,
}

impl Publisher {
    pub(super) fn new(settings: Settings, outbox: Arc<Outbox>) -> Self {
        Self { settings, outbox, unacknowledged: VecDeque::new(), progress: Instant::now(), link: None }
    }

    /// Hands messages over while there is room; waits for the first at most `wait`.
    fn fill(&mut self, link: &mut dyn Link, wait: Duration) {
        let mut wait = wait;
        while self.unacknowledged.len() < WINDOW {
            let Some(message) = self.outbox.take(wait) else { return };
            wait = Duration::ZERO;
            if message.topic.len() + message.payload.len() + HEADER > MAX_PACKET as usize
                || !link.publish(&message.topic, message.payload.clone())
            {
                self.outbox.settle(false);
                continue;
            }
            if self.unacknowledged.is_empty() {
                self.progress = Instant::now();
            }
            self.unacknowledged.push_back((None, message));
        }
    }

    fn take(&mut self, happened: &Happened) {
        match happened {
            Happened::Sent(number) => {
                if let Some((sent, _)) = self.unacknowledged.iter_mut().find(|(sent, _)| sent.is_none()) {
                    *sent = Some(*number);
                }
            }
            Happened::Acknowledged(number, taken) => {
                if let Some(at) = self.unacknowledged.iter().position(|(sent, _)| *sent == Some(*number)) {
                    self.unacknowledged.remove(at);
                    self.outbox.settle(*taken);
                    self.progress = Instant::now();
                }
            }
            _ => {}
        }
    }

    fn exchange(&mut self, link: &mut dyn Link) -> Result<(), Broken> {
        let idle = self.unacknowledged.is_empty();
        self.fill(link, if idle { GLANCE } else { Duration::ZERO });
        let mut wait = if self.unacknowledged.is_empty() { SHORTEST } else { GLANCE };
        while let Some(happened) = link.next(wait)? {
            self.take(&happened);
            wait = SHORTEST;
        }
        if !self.unacknowledged.is_empty() && self.progress.elapsed() > ACKNOWLEDGE {
            return Err(Broken::because(format!("no acknowledgement within {} s", ACKNOWLEDGE.as_secs())));
        }
        Ok(())
    }

    /// What a loss means for the messages on their way.
    fn recover(&mut self, too_large: bool) {
        if too_large && let Some(at) = self.unacknowledged.iter().position(|(sent, _)| sent.is_none()) {
            // It would end every connection: it is given up.
            self.unacknowledged.remove(at);
            self.outbox.settle(false);
        }
        self.outbox.put_back(self.unacknowledged.drain(..).map(|(_, message)| message));
    }
}

impl Client for Publisher {
    fn connect(&mut self, _: &Ending) -> Result<(), String> {
        self.link = Some(link::connect(&self.settings)?);
        Ok(())
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let Some(mut link) = self.link.take() else { return Err("there is no connection".into()) };
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if let Err(broken) = self.exchange(&mut *link) {
                self.recover(broken.too_large);
                return Err(broken.reason);
            }
        }
        self.link = Some(link);
        Ok(())
    }

    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            link::leave(link);
        }
        self.recover(false);
    }
}
