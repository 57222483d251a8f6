//! Reads connection string and settings of a built-in protocol as a start would, from texts, and connects to nothing.
//! For the fuzz target and its short run: what reads foreign text must be within their reach.
//! It leaves what must hold for the outcome to `fuzz/checks/broker_settings.rs`.

use std::path::Path;

use super::{Protocol, config_file::ConfigFile, kafka, mqtt};
use crate::Error;

/// The brokers that are named, each with host and port. `settings` is what a `config-file` would hold. An adaptor reads
/// both itself: there it gives none.
///
/// # Errors
/// As [`super::Subscription::start`].
#[doc(hidden)]
pub fn check(protocol: &Protocol, conn_str: &str, settings: &str) -> Result<Vec<(String, u16)>, Error> {
    let file = |known: &[&str]| ConfigFile::parse(Path::new("settings"), settings.to_owned(), known);
    let conn_str = match protocol {
        Protocol::Kafka => kafka::check(conn_str, file)?,
        Protocol::Mqtt => mqtt::check(conn_str, file)?,
        Protocol::Adaptor(_) => return Ok(Vec::new()),
    };
    Ok(conn_str.brokers.into_iter().map(|broker| (broker.host, broker.port)).collect())
}
