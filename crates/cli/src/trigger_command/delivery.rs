//! Where a trigger goes: the options, and which of the destinations they name.
//! Contradictions between options are refused by clap.
//! It leaves addresses to `address`, and sending to `file_sink` and `exchange`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ::trigger::broker::{Endpoint, Protocol};

use super::{address::Address, values};
use crate::error::Error;

/// Options that say where the message goes, and whether to wait for what comes of it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where to (standard output, if nothing is said)")]
pub struct Delivery {
    /// Write it as a line to this FIFO, or append it to this file; both must exist.
    #[arg(long, value_name = "PATH", group = "place", conflicts_with = "broker")]
    to_file: Option<PathBuf>,
    /// Publish it: kafka://HOST[:PORT][,HOST[:PORT]...]/TOPIC or mqtt://HOST[:PORT]/TOPIC, with the ports 9092 and 1883
    /// where none is named.
    #[arg(long, value_name = "ADDRESS", groups = ["broker", "place"])]
    // Read later: clap would repeat a value that it refuses, with the password that has no place in it.
    to: Option<String>,
    /// Publish it to the broker that a graph calls so: HOST;PORT.
    #[arg(long, value_name = "HOST;PORT", groups = ["broker", "place"], requires = "topic")]
    conn_str: Option<String>,
    /// Protocol for --conn-str: builtin:kafka, builtin:mqtt, or the path of a protocol adaptor of DeepStream.
    #[arg(long, value_name = "PROTOCOL", default_value = "builtin:kafka", requires = "conn_str",
          conflicts_with_all = ["to", "to_file"])]
    proto_lib: String,
    /// Topic for --conn-str.
    #[arg(long, value_name = "TOPIC", requires = "conn_str", conflicts_with_all = ["to", "to_file"])]
    topic: Option<String>,
    /// The broker's settings, such as user name, password and TLS, in the format of DeepStream's adaptors (cfg_kafka.txt).
    #[arg(long, value_name = "FILE", requires = "broker")]
    config_file: Option<PathBuf>,
    /// Wait until the recording is complete, and print its receipt: one line of JSON. A stop is complete when it is accepted.
    #[arg(long, requires = "receipts")]
    wait: bool,
    /// Topic on the same broker that the graph sends its receipts to.
    #[arg(long, value_name = "TOPIC", requires_all = ["wait", "broker"])]
    receipts: Option<String>,
    /// How long to wait for the broker, or for room in the FIFO; with --wait also for the receipt, from the end of the
    /// interval, if it has one.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = values::length, requires = "place")]
    timeout: Duration,
}

/// One of the places.
#[derive(Debug)]
pub enum Destination<'a> {
    /// One line on standard output.
    Stdout,
    /// One line to a FIFO or a file.
    File {
        /// Both must exist.
        path: &'a Path,
        /// How long to wait for room.
        timeout: Duration,
    },
    /// A message on a topic.
    Broker {
        /// The broker.
        endpoint: Endpoint,
        /// Where to publish.
        topic: String,
        /// Where receipts come from, if they are waited for.
        receipts: Option<&'a str>,
        /// How long to wait.
        timeout: Duration,
    },
}

impl Delivery {
    /// The place that the options name.
    ///
    /// # Errors
    /// [`Error::BadTrigger`]: no such address, or the protocol is neither built in nor a path.
    pub fn destination(&self) -> Result<Destination<'_>, Error> {
        if let Some(path) = &self.to_file {
            return Ok(Destination::File { path, timeout: self.timeout });
        }
        let address = match (&self.to, &self.conn_str, &self.topic) {
            (Some(address), ..) => {
                address.parse().map_err(|reason| Error::BadTrigger(format!("not an address for --to: {reason}")))?
            }
            (None, Some(conn_str), Some(topic)) => {
                if conn_str.contains('@') {
                    let reason = "--conn-str has an \"@\" in it (user name and password belong into --config-file)";
                    return Err(Error::BadTrigger(reason.into()));
                }
                let protocol =
                    Protocol::parse(&self.proto_lib).map_err(|error| Error::BadTrigger(error.to_string()))?;
                Address { protocol, conn_str: conn_str.clone(), topic: topic.clone() }
            }
            _ => return Ok(Destination::Stdout),
        };
        let Address { protocol, conn_str, topic } = address;
        Ok(Destination::Broker {
            endpoint: Endpoint { protocol, conn_str, config_file: self.config_file.clone() },
            topic,
            receipts: self.receipts.as_deref(),
            timeout: self.timeout,
        })
    }
}
