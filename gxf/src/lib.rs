//! Write extensions for NVIDIA's GXF in safe Rust, and run GXF graphs from Rust.
//!
//! GXF is the runtime under Graph Composer, DeepStream and Holoscan. A graph (YAML) is made of entities; an entity
//! of components: queues, scheduling terms, and *codelets*, which do the work. An extension is a shared library that
//! brings component types along. This crate makes one of a few Rust types. No header of NVIDIA's is needed to build
//! it, and one and the same library runs on every GXF release from 4.0 on.
//!
//! # An extension
//!
//! A codelet is a type with [`Component`] (who it is, its parameters) and [`Codelet`] (what it does); what travels
//! between codelets is [`Data`] in a [`Message`]; [`extension!`] lists the types. The crate is a `cdylib`:
//!
//! ```rust,no_run,standalone_crate
//! use gxf::{
//!     AnyParameter, BoxError, Codelet, Component, ComponentInfo, Handle, Message, Parameter, TickContext, Tid,
//!     Transmitter, log,
//! };
//!
//! static TX: Parameter<Handle<Transmitter>> =
//!     Parameter::new("tx", "Numbers", "Transmitter that the numbers leave by");
//! static FIRST: Parameter<u32> =
//!     Parameter::new("first", "First number", "The others follow it").default(1).range(0, 1000);
//!
//! struct Number(u32);
//!
//! impl gxf::Data for Number {
//!     const INFO: ComponentInfo = ComponentInfo {
//!         tid: Tid::parse("9b1f4b8e-6d0c-4d53-8f43-d5cf2b3a0a11"), // from `uuidgen`, once and for ever
//!         type_name: "my::Number",
//!         display_name: "Number",
//!         brief: "A number",
//!         description: "A number that a counter has sent",
//!     };
//! }
//!
//! struct Counter {
//!     sent: u32,
//! }
//!
//! impl Component for Counter {
//!     const INFO: ComponentInfo = ComponentInfo {
//!         tid: Tid::parse("3f2c6a57-1f0e-4a0c-9a52-6c2f0b1d7e22"),
//!         type_name: "my::Counter",
//!         display_name: "Counter",
//!         brief: "Sends numbers",
//!         description: "Sends a number at each tick; the scheduling terms of its entity say when that is",
//!     };
//!     const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&TX, &FIRST];
//!
//!     fn new() -> Self {
//!         Counter { sent: 0 }
//!     }
//! }
//!
//! impl Codelet for Counter {
//!     fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
//!         let number = context.get(&FIRST)? + self.sent;
//!         let message = Message::new(context)?;
//!         message.add(Number(number))?;
//!         context.publish(&context.get(&TX)?, message)?;
//!         self.sent += 1;
//!         log::info!("{}: {number}", context.entity_name());
//!         Ok(())
//!     }
//! }
//!
//! gxf::extension! {
//!     uuid: "5d7e3c1a-0b7f-4c60-8a43-1de9b6f40c33",
//!     name: "MyExt",
//!     display_name: "Mine",
//!     category: "Examples",
//!     brief: "Counts",
//!     description: "Counts, as an example",
//!     author: "Me",
//!     version: "1.0.0",
//!     license: "Apache-2.0",
//!     codelets: [Counter],
//!     data: [Number],
//! }
//! ```
//!
//! The README has a whole one, with its graph; `smart-record new-extension NAME` writes a crate to begin with.
//!
//! # A program that runs graphs
//!
//! ```no_run
//! # fn main() -> Result<(), gxf::Error> {
//! use std::path::Path;
//!
//! let runtime = gxf::Runtime::load(None)?;
//! let graph = runtime.context()?;
//! let manifests: &[&Path] = &[];
//! graph.load_extensions(&[runtime.library("libgxf_std.so")?, "libgxf_my.so".into()], manifests, None)?;
//! graph.load_graph_file(Path::new("graph.yaml"), &["counter/counter/first=5"])?;
//! graph.activate()?;
//! graph.run_async()?;
//! graph.wait()?;
//! graph.deactivate()?;
//! graph.destroy()
//! # }
//! ```
//!
//! # What holds
//!
//! * **Listing has no side effects.** The runtime and the registry tool make every component once just to learn its
//!   parameters; [`Component::new`] is not called for that.
//! * **Errors and panics stay inside.** What a callback returns as an error, or a panic in it, becomes a GXF result
//!   and one line in GXF's log ([`log`]). Do not build with `panic = "abort"`.
//! * **Parameters are checked where they are set** ([`Parameter`]): a value of another type, out of its range or
//!   refused by the author's own check never reaches the codelet.
//! * **Threads.** The callbacks of one codelet never run at the same time, but on different threads. A [`Waker`] makes
//!   a codelet tick from any thread.
//! * **No symbols of GXF are needed at load time**, and only `GxfExtensionFactory` is exported; the runtime is found
//!   in whoever loads the library.
//!
//! # Building
//!
//! A C++17 compiler and libclang (for bindgen) are needed; on Debian and Ubuntu `apt-get install g++ libclang-dev`.
//! Linux on x86-64; for aarch64 it builds, and GXF has loaded the result under emulation only. Tests of extensions need a
//! GXF runtime at run time, which [`Runtime::load`] finds.
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
pub mod limits;
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
pub mod standard;
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

/// The complete example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What [`extension!`] and [`log`]'s macros expand to. Not for people: no promise is made about it.
#[doc(hidden)]
pub mod __private {
    pub use crate::component::ComponentType;
    pub use crate::extension::{ExtensionTable, factory};
    pub use crate::info::ExtensionInfo;
    pub use crate::log::write;
}
