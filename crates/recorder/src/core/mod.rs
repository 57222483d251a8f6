//! The pure core: values and a `now` come in, actions come out. No GStreamer, no threads, no clock, no locks.
//! It decides what is cached and what each session's file holds. Muxing, files and pads are left to the
//! writer and the recordbin.

mod action;
mod answers;
mod bound;
mod cache;
#[cfg(test)]
mod early_test;
mod frame;
#[cfg(test)]
mod generated_test;
mod lane;
mod payload;
mod progress;
#[cfg(test)]
mod quiet_test;
mod recording;
mod request;
#[cfg(test)]
mod reviewed_test;
#[cfg(test)]
mod rules_test;
mod session;
mod source_core;
mod store;
#[cfg(test)]
mod streams_test;
mod time;
mod timeline;

pub use action::{Action, EndReason, Ended, FailReason};
pub use cache::{Key, Track};
pub use frame::{Frame, Stream};
pub(crate) use payload::grow;
pub use payload::{Facts, Payload, Queue};
pub(crate) use progress::GapFinder;
pub use progress::{Delivered, Gap, Gaps};
pub use request::{Accepted, Budget, Config, Late, Moment, Overlap, Rejection, StartRequest};
pub use session::SessionId;
pub use source_core::{Pushed, STALL, SourceCore};
pub(crate) use time::nanos;
pub use time::{Arrival, Interval, RunningTime, Utc, UtcInterval};
pub use timeline::{Timeline, UtcOrigin};
