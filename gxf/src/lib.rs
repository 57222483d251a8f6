//! Write GXF extensions in Rust, and run GXF graphs from Rust.
//!
//! This file only says what is public. An extension implements [`Component`] and [`Codelet`] and lists its types in
//! [`extension!`]; a program loads the runtime with [`Runtime`]. Nothing here knows what an extension is for.
#![warn(missing_docs)]

mod code;
mod component;
mod context;
mod core;
mod error;
mod extension;
mod handle;
mod info;
mod instance;
mod limits;
pub mod log;
mod message;
mod parameter;
mod parameter_type;
mod probe;
mod quoted;
mod register;
mod registration;
mod release;
mod runtime;
mod settle;
mod shared_data;
mod stand_in;
mod sys;
mod tid;
mod trampoline;
mod waker;
mod watch;

pub use code::Code;
pub use component::{Codelet, Component, ComponentInfo, Data};
pub use context::{Context, TickContext};
pub use error::{BoxError, Error};
pub use handle::{Clock, Handle, HandleTarget, Receiver, Transmitter};
pub use info::{ComponentDescription, ExtensionDescription, ParameterDescription};
pub use message::Message;
pub use parameter::{AnyParameter, Parameter};
pub use parameter_type::{FilePath, Ordered, ParameterType, ParameterValue};
pub use quoted::quoted;
pub use runtime::{GraphContext, Interrupter, Runtime};
pub use shared_data::SharedData;
pub use stand_in::StandIn;
pub use tid::Tid;
pub use waker::Waker;

/// What [`extension!`] and [`log`]'s macros expand to. Not for people: no promise is made about it.
#[doc(hidden)]
pub mod __private {
    pub use crate::component::ComponentType;
    pub use crate::extension::{ExtensionTable, factory};
    pub use crate::info::ExtensionInfo;
    pub use crate::log::write;
}
