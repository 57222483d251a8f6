//! Publishes a trigger on a broker and, if asked to, waits for the receipt that answers it.
//! The receipts' topic is subscribed to before the trigger goes out, so that no answer can be missed.
//! It leaves the connection to `trigger::broker`, and which receipt answers what to `answer`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use ::trigger::broker::{Arrived, Endpoint, Listener, News, Publisher, Subscription};
use serde_json::Value;

use super::answer::{Answer, Awaited};
use crate::{error::Error, import::one_line};

/// Messages that may wait for us before the broker's connection has to.
const ROOM: usize = 256;

/// The trigger and its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The broker.
    pub endpoint: &'a Endpoint,
    /// Where the trigger goes.
    pub topic: &'a str,
    /// The trigger.
    pub message: &'a str,
    /// Everything is to be over then.
    pub deadline: Instant,
}

/// The receipt to wait for.
#[derive(Debug)]
pub struct Wait<'a> {
    /// Where receipts come from.
    pub topic: &'a str,
    /// Id of the trigger.
    pub id: &'a str,
    /// Which one is the last.
    pub awaited: Awaited,
}

/// The last receipt, and whether it is what was waited for.
type Answered = (Value, Result<(), Error>);

/// What a connection tells.
enum Heard {
    Message(Vec<u8>),
    News(News),
}

struct Ear {
    heard: SyncSender<Heard>,
    /// A user who has to wait is told why, once.
    told: AtomicBool,
}

impl Listener for Ear {
    fn message(&self, message: Arrived) {
        // Fails only when nobody waits any more.
        let _ = self.heard.send(Heard::Message(message.payload));
    }

    fn news(&self, news: News) {
        if let News::Lost { reason } = &news
            && !self.told.swap(true, Ordering::Relaxed)
        {
            eprintln!("smart-record trigger: the broker is not there, and is tried again: {}", one_line(reason));
        }
        // Fails only when nobody waits any more.
        let _ = self.heard.send(Heard::News(news));
    }

    fn complaint(&self, text: String) {
        eprintln!("smart-record trigger: {}", one_line(&text));
    }
}

/// A connection's messages, until a deadline.
struct Hearing {
    heard: Receiver<Heard>,
    deadline: Instant,
    /// Why the broker is not there, as it was told last.
    lost: Option<String>,
}

impl Hearing {
    fn new(deadline: Instant) -> (Arc<Ear>, Self) {
        let (sender, heard) = mpsc::sync_channel(ROOM);
        (Arc::new(Ear { heard: sender, told: AtomicBool::new(false) }), Self { heard, deadline, lost: None })
    }

    /// # Errors
    /// [`Error::TimeOut`], with `what` was waited for.
    fn next(&mut self, what: &'static str) -> Result<Heard, Error> {
        match self.heard.recv_timeout(left(self.deadline)) {
            Ok(heard) => {
                match &heard {
                    Heard::News(News::Lost { reason }) => self.lost = Some(reason.clone()),
                    Heard::News(News::Connected) => self.lost = None,
                    Heard::Message(_) => {}
                }
                Ok(heard)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(self.time_out(what)),
        }
    }

    fn time_out(&mut self, what: &'static str) -> Error {
        for heard in self.heard.try_iter() {
            if let Heard::News(News::Lost { reason }) = heard {
                self.lost = Some(reason);
            }
        }
        Error::TimeOut { what, lost: self.lost.take().map(|reason| format!(": {reason}")).unwrap_or_default() }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Exchange<'_> {
    /// Publishes; returns when the broker has the message.
    ///
    /// # Errors
    /// [`Error::Broker`]: wrong settings. [`Error::TimeOut`]: the broker was not there in time.
    /// [`Error::NotDelivered`]: it was, and did not take the message.
    pub fn send(&self) -> Result<(), Error> {
        let (ear, mut hearing) = Hearing::new(self.deadline);
        let publisher = Publisher::start(self.endpoint, ear)?;
        publisher.publish(self.topic, self.message.as_bytes().to_vec())?;
        let outcome = match publisher.flush(left(self.deadline)) {
            0 => Ok(()),
            _ if left(self.deadline).is_zero() => Err(hearing.time_out("the broker did not take the message")),
            _ => Err(Error::NotDelivered { topic: self.topic.into() }),
        };
        // First: the connection may be waiting for us.
        drop(hearing);
        drop(publisher);
        outcome
    }

    /// Publishes and waits. The last receipt, and [`Error::NotRecorded`] if it is not what was waited for; those before
    /// it go to `underway`.
    ///
    /// # Errors
    /// As [`Exchange::send`]; [`Error::TimeOut`] also when no receipt came in time.
    pub fn send_and_wait(&self, wait: &Wait<'_>, mut underway: impl FnMut(&Value)) -> Result<Answered, Error> {
        let (ear, mut hearing) = Hearing::new(self.deadline);
        let subscription = Subscription::start(self.endpoint, &[wait.topic.to_owned()], ear)?;
        let outcome = self.answered(wait, &mut hearing, &mut underway);
        // First: the connection may be waiting for us.
        drop(hearing);
        drop(subscription);
        outcome
    }

    fn answered(
        &self,
        wait: &Wait<'_>,
        hearing: &mut Hearing,
        underway: &mut impl FnMut(&Value),
    ) -> Result<Answered, Error> {
        while !matches!(hearing.next("the broker is not there")?, Heard::News(News::Connected)) {}
        self.send()?;
        loop {
            let Heard::Message(message) = hearing.next("no receipt came that ends the wait")? else { continue };
            match wait.awaited.judge(wait.id, &message) {
                Answer::Other => {}
                Answer::Underway(receipt) => underway(&receipt),
                Answer::Good(receipt) => return Ok((receipt, Ok(()))),
                Answer::Bad(receipt) => {
                    let not_recorded = super::answer::not_recorded(&receipt);
                    return Ok((receipt, Err(not_recorded)));
                }
            }
        }
    }
}
