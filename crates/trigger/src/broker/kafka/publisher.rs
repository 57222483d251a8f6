//! Takes messages from the outbox to Kafka. librdkafka keeps them over a loss and sends them again by itself.
//! A message that it could not deliver within `message.timeout.ms` (5 minutes by default) is given up and counted.
//! It leaves the queue and the counting to `outbox`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::{
    super::{
        client::{Client, Ending},
        outbox::{Outbox, Outgoing},
    },
    reports::{Reports, words},
    settings::Settings,
};
use crate::Error;

/// How long an attempt to reach a broker takes at most, and how often it looks whether it shall end.
const CONNECT: (Duration, u32) = (Duration::from_millis(250), 40);
/// How long a message may wait in the outbox before delivery reports are looked for again.
const GLANCE: Duration = Duration::from_millis(10);

pub(super) struct Publisher {
    producer: BaseProducer<Reports>,
    reports: Reports,
    outbox: Arc<Outbox>,
    /// Where in a message its key is.
    key: Vec<String>,
}

impl Publisher {
    pub(super) fn new(settings: &Settings, outbox: Arc<Outbox>) -> Result<Self, Error> {
        let reports = Reports::of_producer(Arc::clone(&outbox));
        let producer = settings
            .producer()?
            .create_with_context(reports.clone())
            .map_err(|error| Error::BrokerClient { protocol: "Kafka", reason: words(&error) })?;
        Ok(Self { producer, reports, outbox, key: settings.partition_key() })
    }

    /// Hands one message to librdkafka, which copies it. False: it has no room for more, and the message waits.
    fn send(&self, message: Outgoing) -> bool {
        let key = key_of(&message.payload, &self.key);
        let mut record: BaseRecord<'_, String, Vec<u8>> = BaseRecord::to(&message.topic).payload(&message.payload);
        if let Some(key) = &key {
            record = record.key(key);
        }
        match self.producer.send(record) {
            Ok(()) => true,
            // Its queue drains while it is polled.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                self.outbox.put_back(std::iter::once(message));
                self.producer.poll(GLANCE);
                false
            }
            // Too large, or the like: no later attempt would do better.
            Err(_) => {
                self.outbox.settle(false);
                true
            }
        }
    }

    /// Takes all delivery reports that are there. One poll takes one batch, and without lingering a batch may be a single
    /// message: fewer polls than messages, and those that were delivered pile up.
    fn serve(&self) {
        let mut before = self.outbox.sending();
        loop {
            self.producer.poll(Duration::ZERO);
            let sending = self.outbox.sending();
            if sending == before {
                return;
            }
            before = sending;
        }
    }
}

impl Client for Publisher {
    fn connect(&mut self, ending: &Ending) -> Result<(), String> {
        self.reports.clear();
        let (slice, slices) = CONNECT;
        for _ in 0..slices {
            let answer = self.producer.client().fetch_metadata(None, slice);
            self.producer.poll(Duration::ZERO);
            match answer {
                Ok(_) => {
                    self.reports.clear();
                    return Ok(());
                }
                Err(_) if ending.asked() || self.reports.down().is_some() => break,
                Err(_) => {}
            }
        }
        Err(self.reports.reason("no broker answers"))
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let until = Instant::now() + wait;
        loop {
            let mut next = self.outbox.take(GLANCE);
            while let Some(message) = next {
                let room = self.send(message);
                self.serve();
                // Whoever publishes without a pause, or a broker that takes nothing, must not keep the keeper here.
                next = if room && Instant::now() < until { self.outbox.take(Duration::ZERO) } else { None };
            }
            self.serve();
            if let Some(reason) = self.reports.down() {
                return Err(reason);
            }
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }

    fn disconnect(&mut self) {}
}

/// The value at a path of members, if the message is JSON and has one there.
fn key_of(payload: &[u8], path: &[String]) -> Option<String> {
    let message: serde_json::Value = serde_json::from_slice(payload).ok()?;
    match path.iter().try_fold(&message, |value, name| value.get(name))? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_sensor_have_one_key() {
        let path = ["sensor".to_owned(), "id".to_owned()];
        let key = |text: &str| key_of(text.as_bytes(), &path);
        assert_eq!(key(r#"{"sensor":{"id":"door"}}"#), Some("door".into()));
        assert_eq!(key(r#"{"sensor":{"id":7}}"#), Some("7".into()));
        assert_eq!(key(r#"{"sensor":{"id":null}}"#), None);
        assert_eq!(key(r#"{"sensor":7}"#), None);
        assert_eq!(key("no JSON"), None);
    }
}
