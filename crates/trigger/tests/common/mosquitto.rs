//! mosquitto, Debian's MQTT broker, with the configuration that a test asks for.
//! It keeps nothing on disk: killed, it has lost everything.
//! It leaves installing it to scripts/setup.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use trigger::broker::{Endpoint, Protocol};

use super::Program;

/// Starts a broker on this port; `more` are lines of mosquitto.conf, which its listener comes before.
pub fn mosquitto(port: u16, folder: &Path, more: &str) -> Program {
    let path = folder.join("mosquitto.conf");
    let anonymous = if more.contains("allow_anonymous") { "" } else { "allow_anonymous true\n" };
    // Started by root, it would give root up and could not read the folder.
    let text = format!("user root\nlistener {port} 127.0.0.1\n{anonymous}{more}\n");
    std::fs::write(&path, text).unwrap();
    // Debian has it where only root's PATH leads.
    let mut command = Command::new("/usr/sbin/mosquitto");
    command.arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
    Program::broker(&mut command, port)
}

pub fn endpoint(port: u16) -> Endpoint {
    Endpoint { protocol: Protocol::Mqtt, conn_str: format!("127.0.0.1;{port}"), config_file: None }
}

/// The same with a settings file in `folder`.
pub fn configured(port: u16, folder: &Path, settings: &str) -> Endpoint {
    let path = folder.join(format!("cfg_mqtt_{port}.txt"));
    std::fs::write(&path, format!("[message-broker]\n{settings}\n")).unwrap();
    Endpoint { config_file: Some(path), ..endpoint(port) }
}
