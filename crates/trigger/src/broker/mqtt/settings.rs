//! What an MQTT connection needs to know: `conn-str` and the `config-file` with the keys of DeepStream's MQTT adaptor.
//! Files are read and checked at the start, so that a wrong one is an error and no lost connection.
//! It leaves the conversion to rumqttc's options to `v3` and `v5`.

use std::{env, fs, path::Path, time::Duration};

use native_tls::{Certificate, Identity, TlsConnector};
use rumqttc::{TlsConfiguration, Transport};

use super::super::{
    Endpoint,
    config_file::{self, ConfigFile},
    conn_str::{Address, ConnStr},
};
use crate::{Error, quote::quote};

/// What DeepStream's cfg_mqtt.txt may hold, then ours. `share-connection`, `loop-timeout` and `set-threaded` have no effect.
const KEYS: &[&str] = &[
    "username",
    "password",
    "client-id",
    "enable-tls",
    "tls-cafile",
    "tls-capath",
    "tls-certfile",
    "tls-keyfile",
    "keep-alive",
    "share-connection",
    "loop-timeout",
    "set-threaded",
    "mqtt-version",
    "retained",
];

/// As in DeepStream's adaptor.
const KEEP_ALIVE_SECONDS: u64 = 60;

/// Largest packet in bytes, in and out; a larger one ends the connection. The protocol's own limit is 256 MiB.
pub(super) const MAX_PACKET: u32 = 16 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 3.1.1, the default: every broker knows it.
    V3,
    V5,
}

/// Read and checked.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) conn_str: ConnStr,
    pub(super) address: Address,
    pub(super) version: Version,
    pub(super) client_id: String,
    /// User and password.
    pub(super) credentials: Option<(String, String)>,
    pub(super) keep_alive: Duration,
    /// Retained messages are wanted.
    pub(super) retained: bool,
    tls: Option<TlsConnector>,
}

impl Settings {
    /// # Errors
    /// See [`super::super::Subscription::start`].
    pub(super) fn read(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::new(&endpoint.conn_str, |known| ConfigFile::read(endpoint.config_file.as_deref(), known))
    }

    /// The file comes from `file`, which is told what may be in it.
    pub(super) fn new(conn_str: &str, file: impl FnOnce(&[&str]) -> Result<ConfigFile, Error>) -> Result<Self, Error> {
        let text = conn_str;
        let conn_str = ConnStr::parse(text)?;
        let [address] = &conn_str.brokers[..] else {
            let reason = "MQTT has one broker (allowed: host;port or host;port;topic)".into();
            return Err(Error::ConnStr { found: quote(text), reason });
        };
        let file = file(KEYS)?;
        let version = match file.get("mqtt-version") {
            None | Some("3.1.1") => Version::V3,
            Some("5") => Version::V5,
            Some(other) => {
                return Err(file.refuse(Some("mqtt-version"), format!("{} (allowed: 3.1.1 or 5)", quote(other))));
            }
        };
        Ok(Self {
            address: address.clone(),
            version,
            client_id: client_id(&file),
            credentials: credentials(&file, |name| env::var(name).ok()),
            keep_alive: keep_alive(&file)?,
            retained: file.flag("retained", false)?,
            tls: if file.flag("enable-tls", false)? { Some(tls(&file)?) } else { None },
            conn_str,
        })
    }

    pub(super) fn transport(&self) -> Transport {
        match &self.tls {
            Some(connector) => Transport::tls_with_config(TlsConfiguration::NativeConnector(connector.clone())),
            None => Transport::tcp(),
        }
    }
}

/// Two connections of one name would throw each other out for ever: without a name, each gets its own.
fn client_id(file: &ConfigFile) -> String {
    file.get("client-id").map_or_else(|| format!("nvds-smart-record-{:016x}", fastrand::u64(..)), str::to_owned)
}

/// The environment wins, as with DeepStream's adaptor.
fn credentials(file: &ConfigFile, environment: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let value =
        |name, key| environment(name).filter(|value| !value.is_empty()).or_else(|| file.get(key).map(str::to_owned));
    let user = value("USER_MQTT", "username")?;
    Some((user, value("PASSWORD_MQTT", "password").unwrap_or_default()))
}

fn keep_alive(file: &ConfigFile) -> Result<Duration, Error> {
    let Some(text) = file.get("keep-alive") else { return Ok(Duration::from_secs(KEEP_ALIVE_SECONDS)) };
    // The packet has 16 bits for it; rumqttc allows no less than a second.
    match text.parse() {
        Ok(seconds @ 1..=65535) => Ok(Duration::from_secs(seconds)),
        _ => Err(file.refuse(Some("keep-alive"), format!("{} (allowed: 1 to 65535 seconds)", quote(text)))),
    }
}

fn tls(file: &ConfigFile) -> Result<TlsConnector, Error> {
    let mut builder = TlsConnector::builder();
    for (key, path) in authorities(file)? {
        builder.disable_built_in_roots(true);
        let pem = read(file, key, path.as_ref())?;
        let wrong = |error| file.refuse(Some(key), format!("{}: no certificates in PEM form: {error}", quote(&path)));
        for certificate in Certificate::stack_from_pem(&pem).map_err(wrong)? {
            builder.add_root_certificate(certificate);
        }
    }
    match (file.get("tls-certfile"), file.get("tls-keyfile")) {
        (Some(certificate), Some(key)) => {
            let certificate = read(file, "tls-certfile", certificate.as_ref())?;
            let key = read(file, "tls-keyfile", key.as_ref())?;
            let identity = Identity::from_pkcs8(&certificate, &key).map_err(|error| {
                let reason = format!("certificate and key do not fit: {error} (needed: PEM, the key as PKCS #8)");
                file.refuse(Some("tls-keyfile"), reason)
            })?;
            builder.identity(identity);
        }
        (None, None) => {}
        _ => {
            let reason = "set without the other (needed: both tls-certfile and tls-keyfile, or neither)";
            let key = if file.get("tls-certfile").is_some() { "tls-certfile" } else { "tls-keyfile" };
            return Err(file.refuse(Some(key), reason.into()));
        }
    }
    builder.build().map_err(|error| Error::BrokerClient { protocol: "MQTT", reason: error.to_string() })
}

/// The files of trusted certificates, each with the key that named it. None: those of the system.
fn authorities(file: &ConfigFile) -> Result<Vec<(&'static str, String)>, Error> {
    let mut paths: Vec<_> = file.get("tls-cafile").map(|path| ("tls-cafile", path.to_owned())).into_iter().collect();
    if let Some(folder) = file.get("tls-capath") {
        let unreadable = |error| file.refuse(Some("tls-capath"), format!("{}: cannot be read: {error}", quote(folder)));
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                paths.push(("tls-capath", path.display().to_string()));
            }
        }
    }
    Ok(paths)
}

fn read(file: &ConfigFile, key: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let refuse = |error| file.refuse(Some(key), format!("{}: cannot be read: {error}", quote(&path.to_string_lossy())));
    config_file::bytes(path).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Protocol;

    fn read(conn_str: &str, text: &str) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cfg_mqtt.txt");
        fs::write(&path, format!("[message-broker]\n{text}\n")).unwrap();
        Settings::read(&Endpoint { protocol: Protocol::Mqtt, conn_str: conn_str.into(), config_file: Some(path) })
    }

    #[test]
    fn defaults_are_deepstream_s() {
        let settings = read("host;1883", "").unwrap();
        assert_eq!((settings.keep_alive.as_secs(), settings.version, settings.retained), (60, Version::V3, false));
        assert!(settings.client_id.len() > 20 && settings.client_id != read("host;1883", "").unwrap().client_id);
        assert_eq!(read("host;1883", "client-id=x\nmqtt-version=5").unwrap().version, Version::V5);
    }

    #[test]
    fn the_environment_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cfg");
        fs::write(&path, "[message-broker]\nusername=a\npassword=b\n").unwrap();
        let file = ConfigFile::read(Some(&path), KEYS).unwrap();
        let set = |name: &str| (name == "USER_MQTT").then(|| "c".to_owned());
        assert_eq!(credentials(&file, set), Some(("c".into(), "b".into())));
        assert_eq!(credentials(&file, |_| None), Some(("a".into(), "b".into())));
        assert_eq!(credentials(&ConfigFile::default(), |_| None), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (conn_str, text, words) in [
            ("a:1,b:2", "", "one broker"),
            ("a;1", "mqtt-version=4", "3.1.1 or 5"),
            ("a;1", "keep-alive=0", "1 to 65535"),
            ("a;1", "enable-tls=1\ntls-cafile=/nowhere/ca.pem", "/nowhere/ca.pem"),
            ("a;1", "enable-tls=1\ntls-certfile=/x", "both tls-certfile and tls-keyfile"),
            ("a;1", "user=x", "username"),
        ] {
            let error = read(conn_str, text).err().unwrap().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
