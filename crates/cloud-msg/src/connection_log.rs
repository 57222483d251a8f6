//! The log lines of a connection: one for each change of its state, and, if a graph asks for it, one for each message.
//! When the state changes is decided in `trigger::broker`.

use std::time::Instant;

use parking_lot::Mutex;
use trigger::Throttle;
use trigger::broker::{Listener, News};

/// Most bytes of a message that a log line shows.
const SHOWN: usize = 2_048;

/// Writes for one codelet.
pub(crate) struct ConnectionLog {
    /// Entity and component.
    name: String,
    /// The parameter `debug`.
    debug: bool,
    complaints: Mutex<Throttle>,
    began: Instant,
}

impl ConnectionLog {
    pub(crate) fn new(name: String, debug: bool) -> Self {
        Self { name, debug, complaints: Mutex::default(), began: Instant::now() }
    }

    /// Entity and component.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The state has changed.
    pub(crate) fn news(&self, news: &News) {
        let name = &self.name;
        match news {
            News::Connected => gxf::log::info!("{name}: connected to the broker"),
            News::Lost { reason } => {
                gxf::log::warning!(
                    "{name}: no connection to the broker: {reason}. The graph runs on, and it is tried again"
                );
            }
        }
    }

    /// Something is wrong that does not end the connection.
    pub(crate) fn complaint(&self, text: &str) {
        let name = &self.name;
        let allowed = self.complaints.lock().allow(self.began.elapsed());
        match allowed {
            Some(0) => gxf::log::warning!("{name}: {text}"),
            Some(more) => gxf::log::warning!("{name}: {text} (and {more} more of the kind since the last line)"),
            None => {}
        }
    }

    /// A message has come or goes.
    pub(crate) fn content(&self, way: &str, topic: &str, payload: &[u8]) {
        if self.debug {
            let text = String::from_utf8_lossy(&payload[..payload.len().min(SHOWN)]);
            let rest = if payload.len() > SHOWN { " and more" } else { "" };
            gxf::log::info!(
                "{}: {way} on {}, {} bytes: {}{rest}",
                self.name,
                gxf::quoted(topic),
                payload.len(),
                gxf::quoted(&text)
            );
        }
    }
}

/// For publishers, which get no messages.
impl Listener for ConnectionLog {
    fn message(&self, _: trigger::broker::Arrived) {}

    fn news(&self, news: News) {
        ConnectionLog::news(self, &news);
    }

    fn complaint(&self, text: String) {
        ConnectionLog::complaint(self, &text);
    }
}
