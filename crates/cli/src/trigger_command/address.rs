//! A topic of a broker in one word: `kafka://host:port/topic`, `mqtt://host:port/topic`.
//! Passwords are refused in it: a command line can be read by everyone on the machine.
//! It leaves connecting to `trigger::broker`, which checks hosts and ports, too.

use std::str::FromStr;

use ::trigger::broker::Protocol;

/// Where to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// How to talk to the broker.
    pub protocol: Protocol,
    /// As [`trigger::broker::Endpoint`] takes it.
    pub conn_str: String,
    /// Not empty.
    pub topic: String,
}

const FORM: &str = "allowed: kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC or mqtt://HOST[:PORT]/TOPIC";

impl FromStr for Address {
    type Err = String;

    /// # Errors
    /// What is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let (protocol, port) = match scheme.to_ascii_lowercase().as_str() {
            "kafka" => (Protocol::Kafka, 9092),
            "mqtt" => (Protocol::Mqtt, 1883),
            "kafkas" | "mqtts" => return Err(format!("TLS is switched on in --config-file ({FORM})")),
            _ => return Err(FORM.into()),
        };
        // A topic of MQTT has slashes of its own.
        let (hosts, topic) = rest.split_once('/').ok_or(FORM)?;
        if hosts.contains('@') {
            return Err(format!("user name and password belong into --config-file ({FORM})"));
        }
        if topic.is_empty() || hosts.split(',').any(|host| host.is_empty() || host.contains(';')) {
            return Err(FORM.into());
        }
        if protocol == Protocol::Mqtt && hosts.contains(',') {
            return Err(format!("MQTT has one broker ({FORM})"));
        }
        let with_port = |host: &str| match host.rsplit_once(']').map_or(host, |(_, rest)| rest).contains(':') {
            true => host.to_owned(),
            false => format!("{host}:{port}"),
        };
        let conn_str = hosts.split(',').map(with_port).collect::<Vec<_>>().join(",");
        Ok(Self { protocol, conn_str, topic: topic.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_topics() {
        for (text, protocol, conn_str, topic) in [
            ("kafka://localhost/events", Protocol::Kafka, "localhost:9092", "events"),
            ("KAFKA://a:1,b,[::1]:3,[::2]/t", Protocol::Kafka, "a:1,b:9092,[::1]:3,[::2]:9092", "t"),
            ("mqtt://10.0.0.1:1884/site/door", Protocol::Mqtt, "10.0.0.1:1884", "site/door"),
            ("mqtt://broker//x", Protocol::Mqtt, "broker:1883", "/x"),
        ] {
            let wanted = Address { protocol, conn_str: conn_str.into(), topic: topic.into() };
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_what_is_allowed() {
        for (text, words) in [
            ("", "kafka://HOST"),
            ("localhost:9092/events", "kafka://HOST"),
            ("amqp://h/t", "kafka://HOST"),
            ("kafka://host", "kafka://HOST"),
            ("kafka://host/", "kafka://HOST"),
            ("kafka:///t", "kafka://HOST"),
            ("kafka://a,,b/t", "kafka://HOST"),
            ("kafka://a;1/t", "kafka://HOST"),
            ("mqtts://h/t", "TLS is switched on in --config-file"),
            ("mqtt://user:pw@h/t", "belong into --config-file"),
            ("mqtt://a,b/t", "one broker"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(words) && !error.contains("pw"), "{text}: {error}");
        }
    }
}
