//! `nvidia::deepstream::NvDsMsgBrokerD2CTransmitter`: a codelet that sends the graph's messages to a broker, such as receipts.
//! A broker that is down does not stop the graph: messages wait in `trigger::broker`, and the log says what was lost.
//! What the messages say is left to whoever sends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gxf::{AnyParameter, BoxError, ComponentInfo, Context, Handle, Message, Parameter, Receiver, TickContext, Tid};
use nvds_message::NvDsMessage;
use trigger::Throttle;
use trigger::broker::Publisher;

use crate::broker_parameters::{CFG_FILE, CONFIG_FILE, CONN_STR, DEBUG, PROTO_LIB, endpoint};
use crate::connection_log::ConnectionLog;
use crate::error::Error;

/// How long a graph that stops waits for the broker to take what is on its way.
const AT_STOP: Duration = Duration::from_secs(5);

static TOPIC: Parameter<String> = Parameter::new(
    "topic",
    "Topic",
    "Where messages go that carry no topic themselves. Those of NvDsSmartRecord carry one: smart-record-receipts",
)
.default("");

static RX: Parameter<Handle<Receiver>> = Parameter::new(
    "rx",
    "Messages",
    "Receiver of the messages, each an entity with an NvDsMessage: an NvDsMsgRelayReceiver or any other",
);

/// The codelet.
#[derive(Default)]
pub(crate) struct NvDsMsgBrokerD2CTransmitter {
    started: Option<Started>,
}

struct Started {
    rx: Handle<Receiver>,
    topic: String,
    publisher: Publisher,
    log: Arc<ConnectionLog>,
    throttle: Throttle,
    began: Instant,
    /// Messages that the publisher did not take.
    refused: u64,
}

impl gxf::Component for NvDsMsgBrokerD2CTransmitter {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("c2f1c4df-5565-42ea-a950-740284a699a7"),
        type_name: "nvidia::deepstream::NvDsMsgBrokerD2CTransmitter",
        display_name: "Message Broker D2C Transmitter",
        brief: "Sends the graph's messages to a broker",
        description: "Publishes each NvDsMessage on its topic at a Kafka, MQTT or other broker, for example the receipts of \
                      NvDsSmartRecord. While the broker is down messages wait; what cannot be delivered is told in the log. \
                      Give its entity a MessageAvailableSchedulingTerm on rx.",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] =
        &[&CONN_STR, &PROTO_LIB, &TOPIC, &CONFIG_FILE, &CFG_FILE, &DEBUG, &RX];

    fn new() -> Self {
        Self::default()
    }
}

impl gxf::Codelet for NvDsMsgBrokerD2CTransmitter {
    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let endpoint = endpoint(context)?;
        let name = format!("{}/{}", context.entity_name(), context.component_name());
        let log = Arc::new(ConnectionLog::new(name, context.get(&DEBUG)?));
        self.started = Some(Started {
            rx: context.get(&RX)?,
            topic: context.get(&TOPIC)?,
            publisher: Publisher::start(&endpoint, log.clone()).map_err(Error::Broker)?,
            log,
            throttle: Throttle::new(),
            began: Instant::now(),
            refused: 0,
        });
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let started = self.started.as_mut().ok_or(Error::Order("tick"))?;
        while let Some(message) = context.receive(&started.rx)? {
            started.take(&message);
        }
        Ok(())
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let Some(mut started) = self.started.take() else { return Ok(()) };
        let left = started.take_left(context);
        let undelivered = started.publisher.flush(AT_STOP);
        if undelivered > 0 {
            gxf::log::error!("{}: {undelivered} messages could not be delivered to the broker", started.log.name());
        }
        if started.refused > 0 {
            gxf::log::error!("{}: {} messages in all could not be sent", started.log.name(), started.refused);
        }
        Ok(left?)
    }
}

impl Started {
    fn take(&mut self, message: &Message) {
        match message.get_shared::<NvDsMessage>() {
            Some(message) => self.publish(message),
            None => self.refuse(&format!("it carries no {}", nvds_message::TYPE_NAME)),
        }
    }

    /// What has come since the last tick, which no tick will take any more.
    fn take_left(&mut self, context: &Context<'_>) -> Result<(), gxf::Error> {
        while let Some(message) = context.receive_left(&self.rx)? {
            self.take(&message);
        }
        Ok(())
    }

    fn publish(&mut self, message: &NvDsMessage) {
        let topic = message.topic();
        let topic = if topic.is_empty() { self.topic.as_str() } else { topic.as_ref() };
        if topic.is_empty() {
            return self.refuse("it carries no topic, and the parameter 'topic' names none");
        }
        match self.publisher.publish(topic, message.payload().to_vec()) {
            Ok(()) => self.log.content("sent", topic, message.payload()),
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    fn refuse(&mut self, fault: &str) {
        self.refused += 1;
        if let Some(others) = self.throttle.allow(self.began.elapsed()) {
            let name = self.log.name();
            gxf::log::error!("{name}: a message is not sent: {fault} ({others} more since the last such line)");
        }
    }
}
