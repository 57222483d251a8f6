//! The recording engine, in three rings: `core` (pure values), `writer` (the I/O of one session), `recordbin`
//! (the only GObject code), and around them `source` and `recorder`, which bring cameras to recordbins.
//! What asks for a recording, and everything of GXF, is left to others.

mod buffer_queue;
pub mod completion;
pub mod container;
pub mod control_group;
pub mod core;
mod engine;
mod error;
pub mod event;
pub mod file_name;
mod intake;
pub mod join;
mod mp4;
mod nvidia;
pub mod parser;
mod pipeline_error;
pub mod record;
pub mod recordbin;
pub mod recorder;
pub mod recovery;
pub mod source;
mod supervisor;
mod writer;

pub use container::Container;
pub use error::Error;
pub use event::Event;
pub use record::{DoneRecord, FailedRecord};
pub use recordbin::Recordbin;
pub use recorder::Recorder;
