//! One connection of an adaptor, from connect to disconnect, in the order that suits all adaptors.
//! Whatever ends it, callbacks are cut off first, and only then is the handle given back.
//! It leaves messages to `subscriber` and `publisher`.

use std::{
    ffi::CString,
    os::unix::ffi::OsStrExt,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::Endpoint,
    ffi::{Adaptor, Handle},
    registry,
    shared::Shared,
};
use crate::{Error, quote::quote};

/// A call of do_work that took less than this did not wait for anything by itself.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What an adaptor is told.
#[derive(Debug)]
pub(super) struct Settings {
    conn_str: CString,
    config_file: Option<CString>,
}

impl Settings {
    /// As it is; adaptors mostly want `host;port`.
    pub(super) fn conn_str(&self) -> std::borrow::Cow<'_, str> {
        self.conn_str.to_string_lossy()
    }

    /// # Errors
    /// [`Error::ConnStr`]: no C text. [`Error::BrokerFileUnreadable`]: the adaptors only say NULL to that.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let refused = |_| {
            let reason = "it holds a NUL character (allowed: what the adaptor understands, mostly host;port)".into();
            Error::ConnStr { found: quote(&endpoint.conn_str), reason }
        };
        let conn_str = CString::new(endpoint.conn_str.as_str()).map_err(refused)?;
        let Some(path) = &endpoint.config_file else { return Ok(Self { conn_str, config_file: None }) };
        let unreadable = |source| Error::BrokerFileUnreadable { path: path.clone(), source };
        std::fs::File::open(path).map_err(unreadable)?;
        let config_file = CString::new(path.as_os_str().as_bytes());
        Ok(Self { conn_str, config_file: Some(config_file.map_err(|error| unreadable(error.into()))?) })
    }
}

/// See the module.
pub(super) struct Session {
    pub(super) adaptor: Adaptor,
    pub(super) shared: Arc<Shared>,
    /// Under which callbacks find `shared`.
    number: usize,
    /// `None` once it was given back.
    handle: Option<Handle>,
    /// The adaptor may look at them until the end.
    topics: Vec<CString>,
}

impl Session {
    /// Connects. Blocks for as long as the adaptor takes.
    ///
    /// # Errors
    /// The reason, as far as it is known: an adaptor says no more than NULL.
    pub(super) fn connect(adaptor: Adaptor, settings: &Settings) -> Result<Self, String> {
        let shared = Arc::new(Shared::new());
        registry::connecting();
        let handle = adaptor.connect(&settings.conn_str, settings.config_file.as_deref());
        registry::connected(handle.as_ref().map(Handle::address), &shared);
        if handle.is_none() {
            return Err(
                "the adaptor could not connect (check conn-str and config-file, and the adaptor's own log)".into()
            );
        }
        let number = registry::enter(&shared);
        Ok(Self { adaptor, shared, number, handle, topics: Vec::new() })
    }

    /// Subscribes; once per connection, for not every adaptor allows a second time.
    pub(super) fn subscribe(&mut self, topics: Vec<CString>) -> Result<(), String> {
        self.topics = topics;
        match &self.handle {
            Some(handle) if self.adaptor.subscribe(handle, &self.topics, self.number) => Ok(()),
            _ => Err("the adaptor could not subscribe (check topics, and the adaptor's own log)".into()),
        }
    }

    /// Hands a message over; false: the adaptor refuses it. The number comes back with its completion.
    pub(super) fn send(&self, topic: &CString, payload: &[u8]) -> Option<usize> {
        let handle = self.handle.as_ref()?;
        let number = registry::enter(&self.shared);
        if self.adaptor.send(handle, topic, payload, number) {
            return Some(number);
        }
        registry::leave(number);
        None
    }

    /// Lets the adaptor work. True: it waited for something itself, as one does that has no thread of its own.
    pub(super) fn do_work(&self) -> bool {
        let began = Instant::now();
        if let Some(handle) = &self.handle {
            self.adaptor.do_work(handle);
        }
        began.elapsed() >= AT_ONCE
    }

    /// Gives the handle back. Completions may still come from within; nothing else does.
    pub(super) fn end(&mut self) {
        self.shared.close();
        registry::leave(self.number);
        if let Some(handle) = self.handle.take() {
            registry::disconnecting(handle.address());
            self.adaptor.disconnect(handle);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}
