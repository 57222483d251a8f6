//! An extension that reads the notes of `sender`: built apart, with nothing in common but the layout of a note.
//!
//! What it reads it logs, for the tests.

mod note;

use gxf::{BoxError, Codelet, Component, ComponentInfo, Handle, Parameter, Receiver, TickContext, Tid};
use note::Note;

static RX: Parameter<Handle<Receiver>> = Parameter::new("rx", "Notes", "The receiver that the notes arrive in");

/// Logs every note.
struct NoteRx;

impl Component for NoteRx {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("a7b2a6bd-94ab-4b3f-83ae-1c0a3f6a2a55"),
        type_name: "example::NoteRx",
        display_name: "Note receiver",
        brief: "Logs notes",
        description: "Logs the text of each note",
    };
    const PARAMETERS: &'static [&'static dyn gxf::AnyParameter] = &[&RX];

    fn new() -> Self {
        NoteRx
    }
}

impl Codelet for NoteRx {
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        while let Some(message) = context.receive(&context.get(&RX)?)? {
            match message.get_shared::<Note>() {
                Some(note) => gxf::log::info!("read: {}", note.text()),
                None => return Err("a message without a note".into()),
            }
        }
        Ok(())
    }
}

gxf::extension! {
    uuid: "c6e0c4ef-3a8e-4a7b-96c9-0e2c6b8d2f7a",
    name: "GxfNoteReader",
    display_name: "Note reader",
    category: "Tests",
    brief: "Reads notes",
    description: "A codelet that reads notes",
    author: "The NvDsSmartRecord founders",
    version: "1.0.0",
    license: "Apache-2.0",
    codelets: [NoteRx],
    data: [],
    shared_data: [Note = note::READERS],
}
