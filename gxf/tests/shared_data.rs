//! A data type that two extensions know: whichever is loaded, in whatever order, messages cross from one to the other.

mod common;
use common::{EVENT_BASED, Graph, SCHEDULERS, examples};
use gxf::{Runtime, Tid};

const NOTES: &str = "
name: sender
components:
- {name: out, type: nvidia::gxf::DoubleBufferTransmitter}
- {name: notes, type: example::NoteTx, parameters: {tx: out}}
- {type: nvidia::gxf::CountSchedulingTerm, parameters: {count: 3}}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: out, min_size: 1}}
---
name: reader
components:
- {name: in, type: nvidia::gxf::DoubleBufferReceiver}
- {name: notes, type: example::NoteRx, parameters: {rx: in}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: in, min_size: 1}}
---
components:
- {type: nvidia::gxf::Connection, parameters: {source: sender/out, target: reader/in}}
";

const SENDER: &str = "libgxf_note_sender.so";
const READER: &str = "libgxf_note_reader.so";

#[test]
fn messages_cross_in_either_order_of_loading() {
    for libraries in [[SENDER, READER], [READER, SENDER]] {
        let outcome = Graph::new(NOTES).scheduler(EVENT_BASED).extensions(&libraries).run();
        outcome.succeeded();
        for number in 0..3 {
            outcome.says_once(&format!("read: note {number}"));
        }
        assert_eq!(outcome.count("a note is freed where it was made"), 3, "{outcome}");
        assert_eq!(outcome.count("ERROR"), 0, "{outcome}");
    }
}

#[test]
fn one_of_them_is_enough() {
    // Nobody reads: the notes wait in the receiver until the graph ends.
    let unread = NOTES.replace("- {name: notes, type: example::NoteRx, parameters: {rx: in}}\n", "");
    let unread = unread.replace("DoubleBufferReceiver", "DoubleBufferReceiver, parameters: {capacity: 8}");
    let outcome = Graph::new(&unread).scheduler(SCHEDULERS[0]).extensions(&[SENDER]).run();
    outcome.succeeded();
    assert_eq!(outcome.count("a note is freed where it was made"), 3, "{outcome}");
}

#[test]
fn a_type_of_the_same_name_that_is_another() {
    let outcome = Graph::new(NOTES).scheduler(EVENT_BASED).extensions(&["libgxf_impostor.so", SENDER]).run();
    outcome.failed();
    outcome.says_once(
        "registering example::Note: GxfImpostor by Somebody, which is loaded already, has it too. List either GxfImpostor \
         or GxfNoteSender, not both",
    );
}

/// Tools ask for each component of each extension: the type shows up once, where it was registered.
#[test]
fn the_type_belongs_to_the_one_that_was_loaded_first() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let libraries = [runtime.library("libgxf_std.so").unwrap(), examples().join(READER), examples().join(SENDER)];
    let none: &[&str] = &[];
    graph.load_extensions(&libraries, none, None).unwrap();
    let components = |uuid| {
        let extension = graph.extension_info(Tid::parse(uuid)).unwrap();
        let names = extension.components.iter().map(|tid| graph.component_info(*tid).unwrap().type_name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(components("c6e0c4ef-3a8e-4a7b-96c9-0e2c6b8d2f7a"), ["example::NoteRx", "example::Note"]);
    assert_eq!(
        components("5dfb8b4c-6f53-4a54-8b33-ec17d3a9b6de"),
        ["example::NoteTx", "example::Outbox", "example::Inbox", "example::Wire"]
    );
    assert_eq!(graph.type_id("example::Note").unwrap().to_string(), "a0a9a1c7-e9f7-4f9f-98bb-65a0f3a4a0c4");
    graph.destroy().unwrap();
}
