//! Kafka, by librdkafka: a subscriber that starts at "now" and never loses its place, and a publisher.
//! Needs librdkafka 2.2 or newer (the crate brings its own): older ones cannot talk to every broker of today.
//! It leaves reconnecting to `keeper`: every connection of a subscriber is a consumer of its own.

mod place;
mod publisher;
mod reports;
mod settings;
mod subscriber;
mod watermark;

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
    Ok(Box::new(subscriber::Subscriber::new(&settings, topics, listener)?))
}

/// See [`super::check`].
pub(super) fn check(conn_str: &str, file: impl FnOnce(&[&str]) -> Result<ConfigFile, Error>) -> Result<ConnStr, Error> {
    let settings = settings::Settings::new(conn_str, file)?;
    settings.consumer()?;
    settings.producer()?;
    settings.partition_key();
    Ok(settings.conn_str)
}

/// A client that takes messages out.
pub(super) fn publisher(endpoint: &Endpoint, outbox: Arc<Outbox>) -> Result<Box<dyn Client>, Error> {
    let settings = settings::Settings::read(endpoint)?;
    Ok(Box::new(publisher::Publisher::new(&settings, outbox)?))
}
