//! An extension that sends notes, and whose queues and connection stand for those of the standard extension.
//!
//! `reader` is the other end. Both may be loaded, in any order: they share the type of what they send.

mod note;

use gxf::standard::{CONNECTION, QUEUE};
use gxf::{
    AnyParameter, BoxError, Codelet, Component, ComponentInfo, Handle, Message, Parameter, StandIn, TickContext, Tid,
    Transmitter,
};
use note::Note;

static TX: Parameter<Handle<Transmitter>> =
    Parameter::new("tx", "Notes", "The transmitter that the notes leave through");

/// Sends a numbered note at each tick.
struct NoteTx {
    next: u64,
}

impl Component for NoteTx {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("15c16a2d-5a8b-4c0c-8a7e-43e6a6f5a9e0"),
        type_name: "example::NoteTx",
        display_name: "Note transmitter",
        brief: "Sends a note at each tick",
        description: "Sends a numbered note at each tick; a CountSchedulingTerm says how many",
    };
    const PARAMETERS: &'static [&'static dyn gxf::AnyParameter] = &[&TX];

    fn new() -> Self {
        NoteTx { next: 0 }
    }
}

impl Codelet for NoteTx {
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let message = Message::new(context)?;
        message.add_shared(Note::new(&format!("note {}", self.next)))?;
        context.publish(&context.get(&TX)?, message)?;
        self.next += 1;
        Ok(())
    }
}

type Parameters = &'static [&'static dyn AnyParameter];

const fn stand_in(tid: &'static str, type_name: &'static str, base: &'static str, parameters: Parameters) -> StandIn {
    StandIn {
        info: ComponentInfo {
            tid: Tid::parse(tid),
            type_name,
            display_name: "A stand-in",
            brief: "Stands for a type of the standard extension",
            description: "The same as the type that it stands for, under another name",
        },
        base,
        parameters,
    }
}

gxf::extension! {
    uuid: "5dfb8b4c-6f53-4a54-8b33-ec17d3a9b6de",
    name: "GxfNoteSender",
    display_name: "Note sender",
    category: "Tests",
    brief: "Sends notes",
    description: "A codelet that sends notes, and stand-ins",
    author: "The NvDsSmartRecord founders",
    version: "1.0.0",
    license: "Apache-2.0",
    codelets: [NoteTx],
    data: [],
    shared_data: [Note = note::SENDERS],
    stand_ins: [
        stand_in("7d0c1f0e-4f8e-4f0b-8f43-2d6f0b6f1a11", "example::Outbox", "nvidia::gxf::DoubleBufferTransmitter", QUEUE),
        stand_in("7d0c1f0e-4f8e-4f0b-8f43-2d6f0b6f1a12", "example::Inbox", "nvidia::gxf::DoubleBufferReceiver", QUEUE),
        stand_in("7d0c1f0e-4f8e-4f0b-8f43-2d6f0b6f1a13", "example::Wire", "nvidia::gxf::Connection", CONNECTION),
    ],
}
