//! What must hold for any text that comes as a broker's connection string and settings file.
//! The first line is the connection string, the rest is the file. Run by libFuzzer and by the tests of the crate `trigger`.
//! It leaves where the bytes come from to others.

use trigger::broker::{Protocol, check as settings};

/// Settings that make a client library open other files, or run what is in them: a generator is not to choose those.
const FILES: [&str; 5] = ["plugin", "location", "tls-", "keytab", "kinit"];

/// Panics where a promise is broken.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if FILES.iter().any(|word| text.contains(word)) {
        return;
    }
    let (conn_str, file) = text.split_once('\n').unwrap_or((&text, ""));
    for protocol in [Protocol::Kafka, Protocol::Mqtt] {
        match settings(&protocol, conn_str, file) {
            Ok(brokers) => {
                assert!(!brokers.is_empty() && (protocol == Protocol::Kafka || brokers.len() == 1));
                for (host, port) in brokers {
                    assert!(port > 0 && !host.is_empty() && conn_str.contains(&host), "{host:?} {port}");
                    assert!(!host.chars().any(|letter| letter.is_control() || letter.is_whitespace()), "{host:?}");
                }
            }
            // One line, and short: it goes into a log.
            Err(error) => {
                let text = error.to_string();
                assert!(!text.is_empty() && text.len() < 1_500 && !text.chars().any(char::is_control), "{text:?}");
            }
        }
    }
}
