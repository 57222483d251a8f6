//! An extension that has a type called as the notes of `sender` are, with another id and another layout.
//!
//! It cannot be loaded beside them.

use gxf::{ComponentInfo, Data, Tid};

/// Not a note.
struct Impostor(#[allow(dead_code)] u8);

impl Data for Impostor {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("f7f1f5b4-43a1-4be0-9d79-e2c5e0a5c7ee"),
        type_name: "example::Note",
        display_name: "Note",
        brief: "A byte",
        description: "A byte that nobody else knows",
    };
}

gxf::extension! {
    uuid: "0d4a1c37-5b49-4f27-8f6f-6a6be3f0b1d4",
    name: "GxfImpostor",
    display_name: "Impostor",
    category: "Tests",
    brief: "Has a type of somebody else's name",
    description: "Has a type of somebody else's name",
    author: "Somebody",
    version: "1.0.0",
    license: "Apache-2.0",
    codelets: [],
    data: [Impostor],
}
