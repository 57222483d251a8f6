//! Brings messages of topics in, for as long as one MQTT connection lasts.
//! The session is clean: the broker keeps nothing for us while we are away, so nothing comes twice.
//! It leaves the connection to `link`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        Listener,
        client::{Client, Ending},
    },
    link::{self, Happened, Link},
    settings::Settings,
};
use crate::Error;

pub(super) struct Subscriber {
    settings: Settings,
    topics: Vec<String>,
    listener: Arc<dyn Listener>,
    link: Option<Box<dyn Link>>,
}

impl Subscriber {
    pub(super) fn new(settings: Settings, topics: &[String], listener: Arc<dyn Listener>) -> Result<Self, Error> {
        let topics = settings.conn_str.topics(topics)?;
        if let Some(bad) = topics.iter().find(|topic| !rumqttc::valid_filter(topic)) {
            let reason = format!("{} is no MQTT topic filter (allowed: as in a/+/b or a/#)", crate::quote::quote(bad));
            return Err(Error::Topics { reason });
        }
        Ok(Self { settings, topics, listener, link: None })
    }

    fn take(&self, happened: Happened) {
        if let Happened::Message { message, retained } = happened
            && (self.settings.retained || !retained)
        {
            self.listener.message(message);
        }
    }
}

impl Client for Subscriber {
    fn connect(&mut self, _: &Ending) -> Result<(), String> {
        let mut link = link::connect(&self.settings)?;
        if !link.subscribe(&self.topics) {
            return Err("the topics cannot be subscribed to".into());
        }
        link::wait_for(&mut *link, "answer the subscription", |happened| match happened {
            Happened::Subscribed(answer) => Some(answer),
            // A message may overtake the answer.
            other => {
                self.take(other);
                None
            }
        })?;
        self.link = Some(link);
        Ok(())
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let until = Instant::now() + wait;
        while let Some(link) = &mut self.link {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if let Some(happened) = link.next(left).map_err(|broken| broken.reason)? {
                self.take(happened);
            }
        }
        Err("there is no connection".into())
    }

    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            link::leave(link);
        }
    }
}
