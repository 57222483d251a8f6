//! Protocol adaptors of DeepStream (Kafka, MQTT, AMQP, Redis), or of anybody who provides the C API nvds_msgapi.
//! Each has its own manners: who calls back, and whether a loss is told a million times or never. This suits them all.
//! It leaves reconnecting to `keeper`: a lost connection is disconnected, and the next one is made anew.

mod ffi;
mod msgapi;
mod probe;
mod publisher;
mod registry;
mod session;
mod shared;
mod subscriber;

use std::{env, ffi::OsStr, path::Path, sync::Arc};

use super::{Endpoint, Listener, client::Client, outbox::Outbox};
use crate::Error;

/// With this set, NVIDIA's adaptor for Kafka connects to nothing and writes to a file; a handle of that kind cannot subscribe.
const DUMP: &str = "NVDS_JSON_DUMP_FILE";

/// A client that brings messages in.
pub(super) fn subscriber(
    path: &Path,
    endpoint: &Endpoint,
    topics: &[String],
    listener: Arc<dyn Listener>,
) -> Result<Box<dyn Client>, Error> {
    let adaptor = ffi::Adaptor::load(path)?;
    if !adaptor.subscribes() {
        let reason = "it cannot subscribe: there is no nvds_msgapi_subscribe (needed: an adaptor that receives)".into();
        return Err(Error::Adaptor { path: path.into(), reason });
    }
    check_environment(path, env::var_os(DUMP).as_deref())?;
    super::conn_str::check_topics(topics)?;
    let settings = session::Settings::new(endpoint)?;
    Ok(Box::new(subscriber::Subscriber::new(adaptor, settings, topics, listener)))
}

/// A client that takes messages out.
pub(super) fn publisher(path: &Path, endpoint: &Endpoint, outbox: Arc<Outbox>) -> Result<Box<dyn Client>, Error> {
    let adaptor = ffi::Adaptor::load(path)?;
    let settings = session::Settings::new(endpoint)?;
    Ok(Box::new(publisher::Publisher::new(adaptor, settings, outbox)))
}

fn check_environment(path: &Path, dump: Option<&OsStr>) -> Result<(), Error> {
    if dump.is_none() {
        return Ok(());
    }
    let reason = format!("it does not receive while the environment variable {DUMP} is set (needed: unset it)");
    Err(Error::Adaptor { path: path.into(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_messages_of_a_dump() {
        let path = Path::new("libx.so");
        assert!(check_environment(path, None).is_ok());
        let error = check_environment(path, Some(OsStr::new("/tmp/x"))).unwrap_err().to_string();
        assert!(error.contains("libx.so") && error.contains(DUMP), "{error}");
    }
}
