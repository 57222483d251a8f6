//! MQTT 5 with rumqttc's types.
//! It polls rumqttc's event loop on the thread that calls it.
//! It leaves what to do with the events to `subscriber` and `publisher`.

use std::time::Duration;

use rumqttc::{
    Outgoing,
    v5::{
        Client, Connection, ConnectionError, Event, MqttOptions, RecvTimeoutError, StateError,
        mqttbytes::{
            QoS,
            v5::{Filter, Packet, PubAckReason, RetainForwardRule, SubscribeReasonCode},
        },
    },
};

use super::{
    super::Arrived,
    link::{Broken, Happened, Link, QUEUE, words},
    settings::{MAX_PACKET, Settings},
};

pub(super) struct V5 {
    client: Client,
    connection: Connection,
    /// Retained messages are wanted.
    retained: bool,
}

impl V5 {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut options = MqttOptions::new(&settings.client_id, &settings.address.host, settings.address.port);
        options.set_keep_alive(settings.keep_alive).set_clean_start(true).set_transport(settings.transport());
        options.set_max_packet_size(Some(MAX_PACKET));
        if let Some((user, password)) = &settings.credentials {
            options.set_credentials(user, password);
        }
        let (client, connection) = Client::new(options, QUEUE);
        Self { client, connection, retained: settings.retained }
    }
}

impl Link for V5 {
    fn next(&mut self, wait: Duration) -> Result<Option<Happened>, Broken> {
        match self.connection.recv_timeout(wait) {
            Ok(Ok(event)) => happened(event),
            Ok(Err(error)) => Err(broken(&error)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Broken::because("the connection was closed")),
        }
    }

    fn subscribe(&mut self, topics: &[String]) -> bool {
        let filters = topics.iter().map(|topic| {
            let mut filter = Filter::new(topic.clone(), QoS::AtLeastOnce);
            if !self.retained {
                filter.retain_forward_rule = RetainForwardRule::Never;
            }
            filter
        });
        self.client.try_subscribe_many(filters).is_ok()
    }

    fn publish(&mut self, topic: &str, payload: Vec<u8>) -> bool {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).is_ok()
    }

    fn leave(&mut self) {
        // Fails only if the queue is full: then the broker sees the connection end.
        let _ = self.client.try_disconnect();
    }
}

fn happened(event: Event) -> Result<Option<Happened>, Broken> {
    Ok(Some(match event {
        Event::Outgoing(Outgoing::Publish(number)) => Happened::Sent(number),
        Event::Incoming(Packet::ConnAck(_)) => Happened::Connected,
        Event::Incoming(Packet::PubAck(answer)) => {
            let taken = matches!(answer.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
            Happened::Acknowledged(answer.pkid, taken)
        }
        Event::Incoming(Packet::SubAck(answer)) => {
            let refused = answer.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            Happened::Subscribed(
                refused
                    .map_or(Ok(()), |code| Err(format!("the broker refuses a topic: {}", words(&format!("{code:?}"))))),
            )
        }
        Event::Incoming(Packet::Publish(message)) => Happened::Message {
            message: Arrived::new(String::from_utf8_lossy(&message.topic).into_owned(), &message.payload),
            retained: message.retain,
        },
        Event::Incoming(Packet::Disconnect(farewell)) => {
            let reason = words(&format!("{:?}", farewell.reason_code));
            return Err(Broken::because(format!("the broker ended the connection: {reason}")));
        }
        Event::Incoming(_) | Event::Outgoing(_) => Happened::Other,
    }))
}

fn broken(error: &ConnectionError) -> Broken {
    let reason = match error {
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses: {}", words(&format!("{code:?}"))),
        ConnectionError::NotConnAck(_) => "the broker does not speak MQTT 5".into(),
        other => other.to_string(),
    };
    let too_large = matches!(error, ConnectionError::MqttState(StateError::OutgoingPacketTooLarge { .. }));
    Broken { reason, too_large }
}
