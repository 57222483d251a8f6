//! What librdkafka is told: our defaults, then the `config-file` in the format of DeepStream's Kafka adaptor.
//! A setting that librdkafka does not know is an error here, where the adaptor only logs it.
//! It leaves the topics' places to `place`.

use rdkafka::{ClientConfig, config::RDKafkaLogLevel, error::KafkaError};

use super::super::{Endpoint, config_file::ConfigFile, conn_str::ConnStr};
use crate::{Error, quote::quote};

/// What DeepStream's cfg_kafka.txt may hold. `share-connection` has no effect: every component has its own connection.
const KEYS: &[&str] = &[
    "proto-cfg",
    "consumer-proto-cfg",
    "producer-proto-cfg",
    "consumer-group-id",
    "partition-key",
    "share-connection",
];

/// Both sides.
const COMMON: &[(&str, &str)] = &[
    ("client.id", "nvds-smart-record"),
    // A broker that is back is to be found at once; the keeper's own pauses spare it.
    ("reconnect.backoff.max.ms", "1000"),
    ("socket.keepalive.enable", "true"),
];

/// Latency before throughput. Tansu, a broker for tests, polls in steps of fetch.wait and holds a group's join for half
/// of the session's time-out (measured: 8 to 28 ms, and 3 s, with these).
const CONSUMER: &[(&str, &str)] = &[
    ("fetch.wait.max.ms", "50"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "5000"),
    ("auto.offset.reset", "latest"),
    // What waits in this process, and one answer of each broker over it; the default would be 64 MiB.
    ("queued.max.messages.kbytes", "8192"),
    // A message counts as taken when the listener has it.
    ("enable.auto.offset.store", "false"),
    ("auto.commit.interval.ms", "1000"),
];

/// What waits in librdkafka comes on top of the outbox; the default would be 1 GiB.
const PRODUCER: &[(&str, &str)] = &[("linger.ms", "0"), ("queue.buffering.max.kbytes", "65536")];

/// Where an unset `partition-key` finds a message's key, as in DeepStream's adaptor.
const PARTITION_KEY: &str = "sensor.id";

/// Connection string and file, read.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) conn_str: ConnStr,
    file: ConfigFile,
}

impl Settings {
    pub(super) fn read(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::new(&endpoint.conn_str, |known| ConfigFile::read(endpoint.config_file.as_deref(), known))
    }

    /// The file comes from `file`, which is told what may be in it.
    pub(super) fn new(conn_str: &str, file: impl FnOnce(&[&str]) -> Result<ConfigFile, Error>) -> Result<Self, Error> {
        Ok(Self { conn_str: ConnStr::parse(conn_str)?, file: file(KEYS)? })
    }

    /// A consumer's settings. `group.id` is set if and only if the file names one.
    ///
    /// # Errors
    /// [`Error::BrokerFile`]: librdkafka does not know a setting, or not its value.
    pub(super) fn consumer(&self) -> Result<ClientConfig, Error> {
        let mut config = self.common(CONSUMER, &["proto-cfg", "consumer-proto-cfg"])?;
        if let Some(group) = self.file.get("consumer-group-id")
            && config.get("group.id").is_none()
        {
            config.set("group.id", group);
        }
        Ok(config)
    }

    /// A producer's settings.
    ///
    /// # Errors
    /// As for [`Self::consumer`].
    pub(super) fn producer(&self) -> Result<ClientConfig, Error> {
        self.common(PRODUCER, &["proto-cfg", "producer-proto-cfg"])
    }

    /// Where in a message its key is: names of JSON members, from the outside in.
    pub(super) fn partition_key(&self) -> Vec<String> {
        self.file.get("partition-key").unwrap_or(PARTITION_KEY).split('.').map(|name| name.trim().to_owned()).collect()
    }

    fn common(&self, defaults: &[(&str, &str)], keys: &[&str]) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new();
        // librdkafka's own lines have nowhere to go; reasons come from its errors.
        config.set_log_level(RDKafkaLogLevel::Emerg);
        for (name, value) in COMMON.iter().chain(defaults) {
            config.set(*name, *value);
        }
        let brokers: Vec<String> = self
            .conn_str
            .brokers
            .iter()
            .map(|broker| {
                let colon = broker.host.contains(':');
                if colon {
                    format!("[{}]:{}", broker.host, broker.port)
                } else {
                    format!("{}:{}", broker.host, broker.port)
                }
            })
            .collect();
        config.set("bootstrap.servers", brokers.join(","));
        for key in keys {
            for (name, value) in self.file.pairs(key)? {
                self.check(key, &name, &value)?;
                config.set(name, value);
            }
        }
        Ok(config)
    }

    /// librdkafka knows this setting and takes this value.
    fn check(&self, key: &str, name: &str, value: &str) -> Result<(), Error> {
        let mut alone = ClientConfig::new();
        alone.set(name, value);
        let reason = match alone.create_native_config() {
            Ok(_) => return Ok(()),
            // Its text would repeat the value, which may be a password.
            Err(KafkaError::ClientConfig(rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
                format!("librdkafka knows no setting {}", quote(name))
            }
            Err(_) => format!("librdkafka does not take the value of {} (see its CONFIGURATION.md)", quote(name)),
        };
        Err(self.file.refuse(Some(key), reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Protocol;

    fn settings(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cfg_kafka.txt");
        std::fs::write(&path, text).unwrap();
        let conn_str = "a;9092,[::1]:9093".into();
        Settings::read(&Endpoint { protocol: Protocol::Kafka, conn_str, config_file: Some(path) }).unwrap()
    }

    #[test]
    fn the_file_goes_before_the_defaults_and_the_special_before_the_common() {
        let settings = settings(concat!(
            "[message-broker]\nproto-cfg=\"fetch.wait.max.ms=7;client.id=mine\"\n",
            "consumer-proto-cfg=\"fetch.wait.max.ms=8\"\nconsumer-group-id=g\npartition-key=a.b\n"
        ));
        let consumer = settings.consumer().unwrap();
        let get = |name| consumer.get(name).unwrap();
        assert_eq!(get("fetch.wait.max.ms"), "8");
        assert_eq!([get("client.id"), get("group.id"), get("session.timeout.ms")], ["mine", "g", "6000"]);
        assert_eq!(get("bootstrap.servers"), "a:9092,[::1]:9093");
        assert_eq!(settings.producer().unwrap().get("group.id"), None);
        assert_eq!(settings.partition_key(), ["a", "b"]);
    }

    #[test]
    fn what_librdkafka_does_not_take_is_named_without_its_value() {
        let unknown = settings("[message-broker]\nproto-cfg=\"fetch.wait=7\"\n").consumer().unwrap_err().to_string();
        assert!(unknown.contains("cfg_kafka.txt, proto-cfg") && unknown.contains("\"fetch.wait\""), "{unknown}");
        let bad = settings("[message-broker]\nconsumer-proto-cfg=\"fetch.wait.max.ms=secret\"\n");
        let bad = bad.consumer().unwrap_err().to_string();
        assert!(bad.contains("\"fetch.wait.max.ms\"") && !bad.contains("secret"), "{bad}");
    }

    #[test]
    fn tls_and_passwords_are_built_in() {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let settings = settings(&format!(
                "[message-broker]\nproto-cfg=\"security.protocol=sasl_ssl;sasl.mechanism={mechanism};\
                 sasl.username=a;sasl.password=b;compression.type=gzip\"\n"
            ));
            let made: Result<rdkafka::producer::BaseProducer, _> = settings.producer().unwrap().create();
            made.unwrap();
        }
    }
}
