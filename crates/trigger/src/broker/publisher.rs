//! Sends messages to a broker, now or when it is back, and says how many it could not.
//! Messages wait in a bounded queue; nobody who publishes waits for the broker.
//! It leaves the protocols to their modules and the connection to `keeper`.

use std::{sync::Arc, time::Duration};

use super::{
    Endpoint, Listener, Protocol, adaptor, client::Client, kafka, keeper::Keeper, mqtt, outbox::Outbox,
    outbox::Outgoing,
};
use crate::Error;

/// Takes messages out until it is dropped: call [`Publisher::flush`] before, for what still waits then is lost.
/// Dropping waits at most about ten seconds for the broker.
#[derive(Debug)]
pub struct Publisher {
    outbox: Arc<Outbox>,
    _keeper: Keeper,
}

impl Publisher {
    /// Connects, and stays connected. The listener only gets news.
    /// A Kafka message has the key that `partition-key` of the settings names in it (default `sensor.id`), if it is there.
    /// An adaptor that works only in do_work, as NVIDIA's for MQTT, may keep a message for its `loop-timeout` (2 s).
    ///
    /// # Errors
    /// Wrong settings, as for [`super::Subscription::start`]. A broker that is down is no error.
    pub fn start(endpoint: &Endpoint, listener: Arc<dyn Listener>) -> Result<Self, Error> {
        let outbox = Arc::new(Outbox::default());
        let client: Box<dyn Client> = match &endpoint.protocol {
            Protocol::Kafka => kafka::publisher(endpoint, Arc::clone(&outbox))?,
            Protocol::Mqtt => mqtt::publisher(endpoint, Arc::clone(&outbox))?,
            Protocol::Adaptor(path) => adaptor::publisher(path, endpoint, Arc::clone(&outbox))?,
        };
        Ok(Self { outbox, _keeper: Keeper::start(client, listener)? })
    }

    /// Queues a message. Never blocks. At least once: a message whose acknowledgement was lost is sent again.
    ///
    /// # Errors
    /// [`Error::Topics`]: the topic is empty or holds a NUL. [`Error::OutboxFull`]: 100,000 messages or 64 MiB wait.
    /// In both cases the message is not queued.
    pub fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), Error> {
        super::conn_str::check_topic(topic)?;
        self.outbox.push(Outgoing { topic: topic.to_owned(), payload })
    }

    /// Waits until the broker has acknowledged everything, at most `limit`. How many messages were not delivered: still
    /// on their way (they may yet arrive), or given up since the last call. 0: all arrived.
    pub fn flush(&self, limit: Duration) -> usize {
        self.outbox.flush(limit)
    }
}
