//! MQTT 3.1.1 with rumqttc's types.
//! It polls rumqttc's event loop on the thread that calls it.
//! It leaves what to do with the events to `subscriber` and `publisher`.

use std::time::Duration;

use rumqttc::{
    Client, Connection, ConnectionError, Event, MqttOptions, Outgoing, Packet, QoS, RecvTimeoutError, SubscribeFilter,
    SubscribeReasonCode,
};

use super::{
    super::Arrived,
    link::{Broken, Happened, Link, QUEUE, words},
    settings::{MAX_PACKET, Settings},
};

pub(super) struct V3 {
    client: Client,
    connection: Connection,
}

impl V3 {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut options = MqttOptions::new(&settings.client_id, &settings.address.host, settings.address.port);
        options.set_keep_alive(settings.keep_alive).set_clean_session(true).set_transport(settings.transport());
        options.set_max_packet_size(MAX_PACKET as usize, MAX_PACKET as usize);
        if let Some((user, password)) = &settings.credentials {
            options.set_credentials(user, password);
        }
        let (client, connection) = Client::new(options, QUEUE);
        Self { client, connection }
    }
}

impl Link for V3 {
    fn next(&mut self, wait: Duration) -> Result<Option<Happened>, Broken> {
        match self.connection.recv_timeout(wait) {
            Ok(Ok(event)) => Ok(Some(happened(event))),
            Ok(Err(error)) => Err(broken(&error)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Broken::because("the connection was closed")),
        }
    }

    fn subscribe(&mut self, topics: &[String]) -> bool {
        let filters = topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
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

fn happened(event: Event) -> Happened {
    match event {
        Event::Outgoing(Outgoing::Publish(number)) => Happened::Sent(number),
        Event::Incoming(Packet::ConnAck(_)) => Happened::Connected,
        Event::Incoming(Packet::PubAck(answer)) => Happened::Acknowledged(answer.pkid, true),
        Event::Incoming(Packet::SubAck(answer)) => {
            let refused = answer.return_codes.contains(&SubscribeReasonCode::Failure);
            Happened::Subscribed(if refused { Err("the broker refuses a topic".into()) } else { Ok(()) })
        }
        Event::Incoming(Packet::Publish(message)) => {
            Happened::Message { message: Arrived::new(message.topic, &message.payload), retained: message.retain }
        }
        Event::Incoming(_) | Event::Outgoing(_) => Happened::Other,
    }
}

fn broken(error: &ConnectionError) -> Broken {
    let reason = match error {
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses: {}", words(&format!("{code:?}"))),
        ConnectionError::NotConnAck(_) => "the broker does not speak MQTT".into(),
        other => other.to_string(),
    };
    // This version has no way to tell how large a message may be.
    Broken::because(reason)
}
