//! When to record: trigger messages, sensor names, lines from a FIFO, brokers, local events.
//! Bytes and a `now` come in, decisions come out; only [`FifoReader`] and [`broker`] touch the outside world.
//! It leaves recording to `recorder`, receipts to the extension, and knows neither GXF nor GStreamer.
// Allowed in two modules only: the calls into protocol adaptors, and one function of librdkafka.
#![deny(unsafe_code)]

pub mod broker;
mod error;
mod fifo_reader;
mod lines;
mod local_events;
mod message;
mod quote;
mod rate;
mod sensors;
mod utc;

pub use error::{Error, MessageError};
pub use fifo_reader::{FifoReader, Finish, Stop, follow};
pub use lines::{Counters, Line, LineSplitter, MAX_LINE_BYTES};
pub use local_events::{LocalEvent, LocalEvents, Poll};
pub use message::{
    Command, MAX_ID_BYTES, MAX_MESSAGE_BYTES, MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_SENSOR_BYTES, Message,
    Overlap,
};
pub use rate::Throttle;
pub use sensors::Sensors;
pub use utc::Utc;
