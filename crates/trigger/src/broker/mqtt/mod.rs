//! MQTT 3.1.1 and 5, by rumqttc: quality of service 1, a clean session, TLS by the system's OpenSSL.
//! Retained messages are old triggers: they are dropped unless the settings ask for them.
//! It leaves reconnecting to `keeper`: every connection is a client of its own.

mod link;
mod publisher;
mod settings;
mod subscriber;
mod v3;
mod v5;

use std::sync::Arc;

use super::{Endpoint, Listener, client::Client, config_file::ConfigFile, conn_str::ConnStr, outbox::Outbox};
use crate::Error;

/// A client that brings messages in.
pub(super) fn subscriber(
    endpoint: &Endpoint,
    topics: &[String],
    listener: Arc<dyn Listener>,
) -> Result<Box<dyn Client>, Error> {
    let settings = settings::Settings::read(endpoint)?;
    Ok(Box::new(subscriber::Subscriber::new(settings, topics, listener)?))
}

/// See [`super::check`].
pub(super) fn check(conn_str: &str, file: impl FnOnce(&[&str]) -> Result<ConfigFile, Error>) -> Result<ConnStr, Error> {
    Ok(settings::Settings::new(conn_str, file)?.conn_str)
}

/// A client that takes messages out.
pub(super) fn publisher(endpoint: &Endpoint, outbox: Arc<Outbox>) -> Result<Box<dyn Client>, Error> {
    Ok(Box::new(publisher::Publisher::new(settings::Settings::read(endpoint)?, outbox)))
}
