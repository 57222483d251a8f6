//! `nvidia::deepstream::NvDsMsgBrokerC2DReceiver`: a codelet that sends each message of a broker's topics into the graph.
//! A broker that is down does not stop the graph: `trigger::broker` tries again, and the log says so.
//! What messages ask for is left to whoever receives them.

use std::sync::Arc;

use gxf::{
    AnyParameter, BoxError, ComponentInfo, Context, Handle, Message, Parameter, TickContext, Tid, Transmitter, Waker,
};
use nvds_message::NvDsMessage;
use trigger::broker::{Arrived, Endpoint, Listener, News, Subscription};

use crate::broker_parameters::{CFG_FILE, CONFIG_FILE, CONN_STR, DEBUG, PROTO_LIB, endpoint};
use crate::connection_log::ConnectionLog;
use crate::error::Error;
use crate::inbox::Inbox;

static TOPICS: Parameter<String> = Parameter::new(
    "topics",
    "Topics",
    "The topics whose messages come, joined by ';'. With MQTT each may have wildcards. Empty: the topic in conn-str, after \
     host and port",
)
.default("");

static TX: Parameter<Handle<Transmitter>> = Parameter::new(
    "tx",
    "Messages",
    "Transmitter of the messages, each an entity with an NvDsMessage: an NvDsMsgRelayTransmitter or any other",
);

/// The codelet.
#[derive(Default)]
pub(crate) struct NvDsMsgBrokerC2DReceiver {
    initialized: Option<Initialized>,
    started: Option<Started>,
}

struct Initialized {
    endpoint: Endpoint,
    topics: Vec<String>,
    debug: bool,
    tx: Handle<Transmitter>,
    waker: Waker,
}

struct Started {
    incoming: Arc<Incoming>,
    /// Its end waits for the connection's thread.
    _subscription: Subscription,
}

impl Drop for Started {
    /// However the codelet ends: the connection's thread may wait for room, and the subscription would wait for that thread.
    fn drop(&mut self) {
        self.incoming.inbox.close();
    }
}

/// What the connection's thread calls.
struct Incoming {
    inbox: Inbox,
    waker: Waker,
    log: ConnectionLog,
}

impl Listener for Incoming {
    fn message(&self, message: Arrived) {
        self.log.content("received", &message.topic, &message.payload);
        // Closed only when the codelet stops.
        if self.inbox.put(message) {
            self.waker.wake();
        }
    }

    fn news(&self, news: News) {
        self.log.news(&news);
    }

    fn complaint(&self, text: String) {
        self.log.complaint(&text);
    }
}

impl gxf::Component for NvDsMsgBrokerC2DReceiver {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("80f5a88c-b972-48c5-9aca-8987179e9065"),
        type_name: "nvidia::deepstream::NvDsMsgBrokerC2DReceiver",
        display_name: "Message Broker C2D Receiver",
        brief: "Sends the messages of a broker's topics into the graph",
        description: "Subscribes to topics of a Kafka, MQTT or other broker and sends each message as an NvDsMessage, for \
                      example to NvDsSmartRecord. While the broker is down the graph runs on, and it is tried again. Give \
                      its entity an AsynchronousSchedulingTerm, and a DownstreamReceptiveSchedulingTerm on tx so that a \
                      burst waits until the receiver has room.",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] =
        &[&CONN_STR, &PROTO_LIB, &TOPICS, &CONFIG_FILE, &CFG_FILE, &DEBUG, &TX];

    fn new() -> Self {
        Self::default()
    }
}

impl gxf::Codelet for NvDsMsgBrokerC2DReceiver {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        self.initialized = Some(Initialized {
            endpoint: endpoint(context)?,
            topics: split(&context.get(&TOPICS)?),
            debug: context.get(&DEBUG)?,
            tx: context.get(&TX)?,
            waker: context.waker()?,
        });
        Ok(())
    }

    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let initialized = self.initialized.as_ref().ok_or(Error::Order("start"))?;
        let name = format!("{}/{}", context.entity_name(), context.component_name());
        let incoming = Arc::new(Incoming {
            inbox: Inbox::default(),
            waker: initialized.waker.clone(),
            log: ConnectionLog::new(name, initialized.debug),
        });
        let subscription =
            Subscription::start(&initialized.endpoint, &initialized.topics, incoming.clone()).map_err(Error::Broker)?;
        self.started = Some(Started { incoming, _subscription: subscription });
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let initialized = self.initialized.as_ref().ok_or(Error::Order("tick"))?;
        let started = self.started.as_ref().ok_or(Error::Order("tick"))?;
        // One message a tick: a transmitter's queue, of whatever capacity, is empty again when the tick is over.
        if let Some((Arrived { topic, payload }, more)) = started.incoming.inbox.take() {
            let message = Message::new(context)?;
            message.add_shared(NvDsMessage::new(topic, payload))?;
            context.publish(&initialized.tx, message)?;
            if more {
                initialized.waker.wake();
            }
        }
        Ok(())
    }

    fn stop(&mut self, _: &Context<'_>) -> Result<(), BoxError> {
        let Some(started) = self.started.take() else { return Ok(()) };
        let incoming = started.incoming.clone();
        // From here on nothing comes any more: what does until then is counted.
        drop(started);
        let lost = incoming.inbox.lost();
        if lost > 0 {
            gxf::log::warning!(
                "{}: {lost} messages came too late, since the graph has stopped, and are lost",
                incoming.log.name()
            );
        }
        Ok(())
    }
}

fn split(topics: &str) -> Vec<String> {
    topics.split(';').map(str::trim).filter(|topic| !topic.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_joined_by_semicolons() {
        assert_eq!(split("events; doors;"), ["events", "doors"]);
        assert_eq!(split(" "), [""; 0]);
    }
}
