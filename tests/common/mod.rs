//! Runs graphs as a user does: the real `smart-record gxe`, the real GXF runtime, a real FIFO, receipts in a file.
//! A test makes a [`Graph`], starts it, writes messages, and waits for receipts, lines or files.
//! Left to others: cameras and judging recordings (`testbed`), and what a test asserts.
#![allow(dead_code, unused_imports, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

mod built;
mod graph;
mod mosquitto;
mod recording;
mod run;
mod schedule;
mod schema;
mod start;
mod tansu;
mod text;
mod time;

pub use built::{Built, built, repository};
pub use graph::Graph;
pub use mosquitto::{Mosquitto, MqttClient};
pub use recording::{frames, path, sidecar};
pub use run::{Ended, Outcome, Run};
pub use schedule::Schedule;
pub use schema::{check_receipt, check_sidecar};
pub use start::start_until_accepted;
pub use tansu::{Tansu, Topic, free_port};
pub use text::{run_text, start_text};
pub use time::{system_nanos, utc, utc_millis, utc_nanos};
