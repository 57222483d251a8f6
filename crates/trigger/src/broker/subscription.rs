//! Messages of some topics, handed to a listener for as long as the subscription lives.
//! Settings are checked at once; whether the broker is there is told later, as news.
//! It leaves the protocols to their modules and the connection to `keeper`.

use std::sync::Arc;

use super::{Endpoint, Listener, Protocol, adaptor, client::Client, kafka, keeper::Keeper, mqtt};
use crate::Error;

/// Brings messages in until it is dropped. Dropping waits for the connection's thread: for a call of the listener that
/// is under way, and at most about ten seconds for the broker.
#[derive(Debug)]
pub struct Subscription {
    _keeper: Keeper,
}

impl Subscription {
    /// Subscribes to `topics`, or, where there are none, to the topic in the connection string of a built-in protocol.
    /// Messages come from now on: what the broker kept from before is not delivered, unless the settings say so.
    ///
    /// Kafka: all partitions, and those added later, without a consumer group; with one if the settings name it.
    /// Order is kept within a partition. After a loss, it goes on where it stopped.
    /// MQTT: quality of service 1, a clean session: what is published while the connection is lost does not come.
    ///
    /// # Errors
    /// Wrong settings: [`Error::ConnStr`], [`Error::BrokerFile`], [`Error::BrokerFileUnreadable`], [`Error::Topics`],
    /// [`Error::Adaptor`], [`Error::BrokerClient`]. A broker that is down is no error.
    pub fn start(endpoint: &Endpoint, topics: &[String], listener: Arc<dyn Listener>) -> Result<Self, Error> {
        let client: Box<dyn Client> = match &endpoint.protocol {
            Protocol::Kafka => kafka::subscriber(endpoint, topics, Arc::clone(&listener))?,
            Protocol::Mqtt => mqtt::subscriber(endpoint, topics, Arc::clone(&listener))?,
            Protocol::Adaptor(path) => adaptor::subscriber(path, endpoint, topics, Arc::clone(&listener))?,
        };
        Ok(Self { _keeper: Keeper::start(client, listener)? })
    }
}
