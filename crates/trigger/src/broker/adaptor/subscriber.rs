//! Brings messages in through an adaptor.
//! Callbacks fill a queue, and this empties it: adaptors want their callbacks back at once.
//! It leaves the connection to `session`.

use std::{
    ffi::CString,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        Arrived, Listener,
        client::{Client, Ending},
    },
    ffi::Adaptor,
    probe::Probe,
    session::{Session, Settings},
};

/// How long to wait for messages of an adaptor that has its own thread, before it gets its next do_work.
const GLANCE: Duration = Duration::from_millis(10);

pub(super) struct Subscriber {
    adaptor: Adaptor,
    settings: Settings,
    topics: Vec<String>,
    listener: Arc<dyn Listener>,
    session: Option<Session>,
    probe: Probe,
}

impl Subscriber {
    pub(super) fn new(adaptor: Adaptor, settings: Settings, topics: &[String], listener: Arc<dyn Listener>) -> Self {
        Self { adaptor, settings, topics: topics.to_vec(), listener, session: None, probe: Probe::blind() }
    }

    fn take(&self, mut message: Arrived) {
        // An adaptor that does not say the topic: it can only be this one.
        if let (true, [only]) = (message.topic.is_empty(), &self.topics[..]) {
            message.topic.clone_from(only);
        }
        self.listener.message(message);
    }
}

impl Client for Subscriber {
    fn connect(&mut self, _: &Ending) -> Result<(), String> {
        let mut session = Session::connect(self.adaptor, &self.settings)?;
        let topics: Result<Vec<CString>, _> = self.topics.iter().map(|topic| CString::new(topic.as_str())).collect();
        session.subscribe(topics.map_err(|error| error.to_string())?)?;
        // Made after the adaptor's own attempt: a broker that is not there was found out by that.
        let reconnects = self.adaptor.reconnects();
        self.probe = if reconnects { Probe::blind() } else { Probe::new(&self.settings.conn_str()) };
        self.session = Some(session);
        Ok(())
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let until = Instant::now() + wait;
        while let Some(session) = &self.session {
            let waited = session.do_work();
            let mut limit = if waited { Duration::ZERO } else { GLANCE };
            let mut heard = false;
            while let Some(message) = session.shared.pop(limit) {
                self.take(message);
                limit = Duration::ZERO;
                heard = true;
                // An adaptor's thread may fill the queue faster than it is emptied: others want their turn too.
                if Instant::now() >= until {
                    break;
                }
            }
            if let Some(error) = session.shared.take_error() {
                self.listener.complaint(format!("the adaptor says: {error}"));
            }
            if let Some(reason) = session.shared.lost() {
                return Err(reason);
            }
            if heard {
                self.probe.heard();
            }
            // One that waits in do_work reads from its connection there, and tells a loss.
            if !waited {
                self.probe.look()?;
            }
            if Instant::now() >= until {
                return Ok(());
            }
        }
        Err("there is no connection".into())
    }

    fn disconnect(&mut self) {
        self.session = None;
    }
}
