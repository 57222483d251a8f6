//! Promise: whatever bytes come as a message, a sensor list or a broker's settings, they are read or refused with one line, and nothing breaks.
//! The short run of `make fuzz`: the same corpus, the same checks, a fixed number of mutations.
//! Left to others: configurations (tests of the command line), and the search for new paths (libFuzzer).
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

#[path = "../fuzz/checks/broker_settings.rs"]
mod broker_settings;
#[path = "../fuzz/checks/message.rs"]
mod message;
#[path = "../fuzz/checks/mutations.rs"]
mod mutations;
#[path = "../fuzz/checks/sensor_list.rs"]
mod sensor_list;

/// A few seconds in a debug build.
const MUTATIONS: u32 = 5_000;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn messages() {
    mutations::run(&corpus("message"), MUTATIONS, message::check);
}

#[test]
fn sensor_lists() {
    mutations::run(&corpus("sensor_list"), MUTATIONS, sensor_list::check);
}

#[test]
fn settings_of_brokers() {
    // Each makes some dozen configurations of librdkafka.
    mutations::run(&corpus("broker_settings"), MUTATIONS / 5, broker_settings::check);
}
