//! Reads connection strings (`host;port;topic`, as DeepStream's adaptors have them) and checks topic names.
//! Several brokers stand in one string, separated by commas; `host:port` is as good as `host;port`.
//! It leaves connecting to the protocols.

use crate::{Error, quote::quote};

const ALLOWED: &str =
    "allowed: host;port or host;port;topic, and for Kafka several of host;port or host:port, with a comma between";

/// Where a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

/// A connection string, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnStr {
    /// At least one.
    pub(super) brokers: Vec<Address>,
    /// After the last broker.
    pub(super) topic: Option<String>,
}

impl ConnStr {
    /// # Errors
    /// [`Error::ConnStr`]: a part is missing, empty or too many, or a port is no number from 1 to 65535.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason: String| Error::ConnStr { found: quote(text), reason: format!("{reason} ({ALLOWED})") };
        let mut brokers = Vec::new();
        let mut topic = None;
        let count = text.split(',').count();
        for (index, broker) in text.split(',').enumerate() {
            let mut parts: Vec<&str> = broker.split(';').map(str::trim).collect();
            // An IPv6 address has colons of its own: in `::1;9092` they do not count.
            if let [only] = parts[..] {
                let (host, port) = only.rsplit_once(':').ok_or_else(|| refuse("the port is missing".into()))?;
                parts = vec![host, port];
            }
            if parts.iter().any(|part| part.is_empty()) {
                return Err(refuse("a part is empty".into()));
            }
            if parts.iter().any(|part| part.contains(|letter: char| letter.is_control() || letter.is_whitespace())) {
                return Err(refuse("a part holds a space or a control character".into()));
            }
            let (host, port) = match parts[..] {
                [host, port] => (host, port),
                [host, port, name] if index + 1 == count => {
                    topic = Some(name.to_owned());
                    (host, port)
                }
                _ => return Err(refuse("there are too many parts".into())),
            };
            let port = port.parse().ok().filter(|&port| port > 0);
            let port = port.ok_or_else(|| refuse("the port is no number from 1 to 65535".into()))?;
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            brokers.push(Address { host: host.to_owned(), port });
        }
        Ok(Self { brokers, topic })
    }

    /// The topics to subscribe to: those given, or the one in the connection string.
    ///
    /// # Errors
    /// [`Error::Topics`]: none at all, or one that cannot be a topic.
    pub(super) fn topics(&self, given: &[String]) -> Result<Vec<String>, Error> {
        let topics = if given.is_empty() { self.topic.clone().into_iter().collect() } else { given.to_vec() };
        check_topics(&topics)?;
        Ok(topics)
    }
}

/// At least one topic, and each can be one.
pub(super) fn check_topics(topics: &[String]) -> Result<(), Error> {
    if topics.is_empty() {
        return Err(Error::Topics { reason: "none is given (needed: at least one)".into() });
    }
    topics.iter().try_for_each(|topic| check_topic(topic))
}

/// # Errors
/// [`Error::Topics`]: what no protocol allows. The rest is for the broker to say.
pub(super) fn check_topic(topic: &str) -> Result<(), Error> {
    if topic.is_empty() || topic.contains('\0') {
        let reason = format!("{} is no topic (allowed: not empty, no NUL character)", quote(topic));
        return Err(Error::Topics { reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, u16)>, Option<String>) {
        let read = ConnStr::parse(text).unwrap();
        (read.brokers.into_iter().map(|broker| (broker.host, broker.port)).collect(), read.topic)
    }

    #[test]
    fn brokers_in_every_form() {
        let at = |host: &str, port| (host.to_owned(), port);
        assert_eq!(read("localhost;9092"), (vec![at("localhost", 9092)], None));
        assert_eq!(read("localhost;9092;events"), (vec![at("localhost", 9092)], Some("events".into())));
        assert_eq!(read("a:1, b:2"), (vec![at("a", 1), at("b", 2)], None));
        assert_eq!(read("a;1,b;2;events"), (vec![at("a", 1), at("b", 2)], Some("events".into())));
        assert_eq!(read("::1;9092"), (vec![at("::1", 9092)], None));
        assert_eq!(read("[::1]:9092"), (vec![at("::1", 9092)], None));
    }

    #[test]
    fn bad_ones_say_what_is_wrong() {
        for (text, reason) in [
            ("", "port is missing"),
            ("localhost", "port is missing"),
            ("localhost;", "a part is empty"),
            (";9092", "a part is empty"),
            ("localhost;http", "no number"),
            ("localhost;0", "no number"),
            ("localhost;65536", "no number"),
            ("a;1;t;x", "too many parts"),
            ("a;1;t,b;2", "too many parts"),
        ] {
            let error = ConnStr::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("host;port"), "{text}: {error}");
        }
    }

    #[test]
    fn the_connection_string_names_the_topic_if_nothing_else_does() {
        let with = ConnStr::parse("a;1;events").unwrap();
        assert_eq!(with.topics(&[]).unwrap(), ["events"]);
        assert_eq!(with.topics(&["other".into()]).unwrap(), ["other"]);
        assert!(ConnStr::parse("a;1").unwrap().topics(&[]).is_err());
        assert!(with.topics(&[String::new()]).is_err());
    }
}
