//! Real brokers on ports of their own: Tansu, which speaks Kafka's protocol, and mosquitto for MQTT.
//! Both keep everything in memory and are killed when the value is dropped.
//! Left to others: fetching and installing them (scripts/setup).

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testbed::{HANG_GUARD, TempDir};
use trigger::broker::{Endpoint, Protocol};

/// A broker that runs.
pub struct Broker {
    child: Child,
    port: u16,
    protocol: Protocol,
    _dir: TempDir,
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// $TANSU, or where scripts/setup puts it.
fn tansu() -> PathBuf {
    let at_home = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tansu/tansu");
    let path = std::env::var_os("TANSU").map_or_else(at_home, PathBuf::from);
    assert!(path.is_file(), "no Tansu at {}: run scripts/setup, or set TANSU to the program", path.display());
    path
}

impl Broker {
    /// Tansu with these topics, of one partition each.
    pub fn kafka(topics: &[&str]) -> Self {
        let port = free_port();
        let url = format!("tcp://127.0.0.1:{port}");
        let mut command = Command::new(tansu());
        command.args(["broker", "--listener-url", &url, "--advertised-listener-url", &url]);
        command.args(["--storage-engine", "memory://tansu/"]);
        let broker = Self::start(command, port, Protocol::Kafka, testbed::temp_dir().unwrap());
        for topic in topics {
            let mut command = Command::new(tansu());
            command.args(["topic", "create", topic, "--broker", &url, "--partitions", "1"]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        broker
    }

    /// mosquitto, open to everyone on this machine.
    pub fn mqtt() -> Self {
        let port = free_port();
        let dir = testbed::temp_dir().unwrap();
        let config = dir.path().join("mosquitto.conf");
        // As a service it would give up root and could not read the folder.
        std::fs::write(&config, format!("user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        // Debian has it where only root's PATH leads.
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(config);
        Self::start(command, port, Protocol::Mqtt, dir)
    }

    fn start(mut command: Command, port: u16, protocol: Protocol, dir: TempDir) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut broker = Self { child, port, protocol, _dir: dir };
        let until = Instant::now() + HANG_GUARD;
        // Neither tells when it listens.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(broker.child.try_wait().unwrap().is_none(), "{command:?} ended");
            assert!(Instant::now() < until, "{command:?} does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(5));
        }
        broker
    }

    /// For our own end.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { protocol: self.protocol.clone(), conn_str: self.conn_str(), config_file: None }
    }

    /// As a graph names it.
    pub fn conn_str(&self) -> String {
        format!("127.0.0.1;{}", self.port)
    }

    /// The file name of DeepStream's adaptor for it.
    pub fn adaptor(&self) -> &'static str {
        if self.protocol == Protocol::Mqtt { "libnvds_mqtt_proto.so" } else { "libnvds_kafka_proto.so" }
    }

    /// As the command line names one of its topics.
    pub fn address(&self, topic: &str) -> String {
        let scheme = if self.protocol == Protocol::Mqtt { "mqtt" } else { "kafka" };
        format!("{scheme}://127.0.0.1:{}/{topic}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
