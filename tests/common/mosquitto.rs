//! mosquitto, Debian's MQTT broker, and a plain client at the other end of a graph's topics.
//! It keeps nothing on disk: killed, it has lost everything.
//! Left to others: installing it (scripts/setup), and what messages say.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use testbed::{HANG_GUARD, TempDir, temp_dir};

use super::free_port;

/// A broker on this machine.
pub struct Mosquitto {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Mosquitto {
    /// Starts one and waits until it listens.
    pub fn start() -> Self {
        let (port, dir) = (free_port(), temp_dir().unwrap());
        let settings = dir.path().join("mosquitto.conf");
        // As a service it would give up root and could not read the folder.
        std::fs::write(&settings, format!("user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        // Debian has it where only root's PATH leads.
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("mosquitto: {error}; run scripts/setup"));
        let mut broker = Self { child, port, _dir: dir };
        let until = Instant::now() + HANG_GUARD;
        // It tells nobody when it listens.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(broker.child.try_wait().unwrap().is_none(), "mosquitto ended");
            assert!(Instant::now() < until, "mosquitto does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(5));
        }
        broker
    }

    /// As a graph names it.
    pub fn conn_str(&self) -> String {
        format!("localhost;{}", self.port)
    }

    /// A client that has subscribed to this topic.
    pub fn client(&self, topic: &str) -> MqttClient {
        let (client, mut connection) = Client::new(MqttOptions::new("test", "127.0.0.1", self.port), 16);
        client.subscribe(topic, QoS::AtLeastOnce).unwrap();
        let (sender, packets) = channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(packet)) => {
                        if sender.send(packet).is_err() {
                            return;
                        }
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(_) => return,
                }
            }
        });
        let client = MqttClient { client, packets, seen: Vec::new() };
        while !matches!(client.packet(), Packet::SubAck(_)) {}
        client
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON messages of a topic, and a way to publish on others.
pub struct MqttClient {
    client: Client,
    packets: Receiver<Packet>,
    seen: Vec<Value>,
}

impl MqttClient {
    /// Publishes a message.
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).unwrap();
    }

    /// All messages that have been read so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    fn packet(&self) -> Packet {
        let packet = self.packets.recv_timeout(HANG_GUARD);
        packet.unwrap_or_else(|error| panic!("mosquitto sends nothing more: {error}; messages: {:#?}", self.seen))
    }

    /// The first message that is wanted, past or to come.
    pub fn message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(message) = self.seen.iter().find(|message| wanted(message)) {
            return message.clone();
        }
        loop {
            let message = self.next();
            self.seen.push(message.clone());
            if wanted(&message) {
                return message;
            }
        }
    }

    /// The next message, which is not kept.
    pub fn next(&mut self) -> Value {
        loop {
            if let Packet::Publish(publish) = self.packet() {
                return serde_json::from_slice(&publish.payload).unwrap();
            }
        }
    }
}
