//! The way to a message broker: a subscription that brings messages in, a publisher that takes them out.
//! Kafka and MQTT are built in; any other protocol comes as a library with the C API nvds_msgapi, as DeepStream has them.
//! It leaves the meaning of a message to `message`, and log lines to whoever implements [`Listener`].

mod adaptor;
mod check;
mod client;
mod config_file;
mod conn_str;
mod kafka;
mod keeper;
mod mqtt;
mod outbox;
mod publisher;
mod subscription;

use std::path::PathBuf;

#[doc(hidden)]
pub use check::check;
pub use publisher::Publisher;
pub use subscription::Subscription;

use crate::Error;

/// How to talk to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Built in: librdkafka, linked statically.
    Kafka,
    /// Built in: MQTT 3.1.1 or 5.
    Mqtt,
    /// A protocol adaptor: a library with the C API nvds_msgapi. It is loaded once per process and never unloaded.
    Adaptor(PathBuf),
}

impl Protocol {
    /// From the parameter `proto-lib`: empty or `builtin:kafka`, `builtin:mqtt`, else the path of an adaptor.
    /// Whether the file is there is seen when it is loaded.
    ///
    /// # Errors
    /// [`Error::ProtoLib`]: `builtin:` and a name that is not built in.
    pub fn parse(proto_lib: &str) -> Result<Self, Error> {
        match proto_lib.trim() {
            "" | "builtin:kafka" => Ok(Self::Kafka),
            "builtin:mqtt" => Ok(Self::Mqtt),
            other if other.starts_with("builtin:") => Err(Error::ProtoLib { found: crate::quote::quote(other) }),
            path => Ok(Self::Adaptor(path.into())),
        }
    }
}

/// A broker, as a graph names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How to talk to it.
    pub protocol: Protocol,
    /// Where it is. Built-in protocols: `host;port`, optionally `;topic` after it. Kafka also takes several brokers of
    /// one cluster, separated by commas, each `host;port` or `host:port`. An adaptor gets it as it is.
    pub conn_str: String,
    /// Settings in the format of DeepStream's adaptors (`cfg_kafka.txt`, `cfg_mqtt.txt`): a group `[message-broker]`.
    /// A key that is not known there is an error. MQTT has two keys more: `mqtt-version` (3.1.1, the default, or 5) and
    /// `retained` (1: deliver retained messages too). An adaptor gets the path as it is.
    pub config_file: Option<PathBuf>,
}

/// Most bytes of a payload that are handed on: what Kafka's brokers allow by default, and eight times what a trigger may
/// have ([`crate::MAX_MESSAGE_BYTES`]). Memory stays bounded, whatever a broker sends.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// A message, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Where it was published.
    pub topic: String,
    /// Its bytes; none where there was no payload (a Kafka tombstone). A payload of more than [`MAX_PAYLOAD_BYTES`] is
    /// cut to that and one byte more: no message, but who reads it sees that it was too long.
    pub payload: Vec<u8>,
}

impl Arrived {
    /// Copies as much as is handed on.
    fn new(topic: String, payload: &[u8]) -> Self {
        Self { topic, payload: payload[..payload.len().min(MAX_PAYLOAD_BYTES + 1)].to_vec() }
    }
}

/// A change of a connection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The broker answered, and subscriptions stand: what is published from now on arrives.
    Connected,
    /// The broker is not there (any more). It is tried again, for ever.
    Lost {
        /// One line for a person.
        reason: String,
    },
}

/// Who is told. All functions are called from the connection's own thread, one call at a time; they may block, and
/// then no more is taken from the broker, but they must neither call back into the connection nor end it.
///
/// A connection that is blocked for longer than the broker allows is lost: MQTT after 1.5 times `keep-alive`, a Kafka
/// consumer group after `max.poll.interval.ms` (5 minutes by default).
pub trait Listener: Send + Sync + 'static {
    /// A message came. Publishers never call this.
    fn message(&self, message: Arrived);
    /// The state changed: once per change, the first time when the first attempt to connect ended.
    fn news(&self, news: News);
    /// Something is wrong that does not end the connection, such as a topic that does not exist: one line for a person.
    /// The same is not said twice in a row, but an adaptor may have a thousand things to say in a second.
    fn complaint(&self, text: String);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proto_lib_names_what_is_built_in_or_a_file() {
        assert_eq!(Protocol::parse("").unwrap(), Protocol::Kafka);
        assert_eq!(Protocol::parse(" builtin:kafka ").unwrap(), Protocol::Kafka);
        assert_eq!(Protocol::parse("builtin:mqtt").unwrap(), Protocol::Mqtt);
        assert_eq!(Protocol::parse("/lib/x.so").unwrap(), Protocol::Adaptor("/lib/x.so".into()));
        let refused = Protocol::parse("builtin:amqp").unwrap_err().to_string();
        assert!(refused.contains("\"builtin:amqp\"") && refused.contains("builtin:mqtt"), "{refused}");
    }
}
