//! A type that stands for one of the standard extension: the runtime takes it for that one, under its own name.
#![allow(clippy::unwrap_used)]

mod common;
use common::{EVENT_BASED, Graph, SCHEDULERS, examples};
use gxf::{GraphContext, Runtime};

/// Notes from one entity to the other, through stand-ins alone.
const NOTES: &str = "
name: sender
components:
- {name: out, type: example::Outbox, parameters: {capacity: 2}}
- {name: notes, type: example::NoteTx, parameters: {tx: out}}
- {type: nvidia::gxf::CountSchedulingTerm, parameters: {count: 5}}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: out, min_size: 1}}
---
name: reader
components:
- {name: in, type: example::Inbox, parameters: {capacity: 3}}
- {name: notes, type: example::NoteRx, parameters: {rx: in}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: in, min_size: 1}}
---
components:
- {type: example::Wire, parameters: {source: sender/out, target: reader/in}}
";

const BOTH: [&str; 2] = ["libgxf_note_sender.so", "libgxf_note_reader.so"];

#[test]
fn messages_take_their_way_through_stand_ins_under_every_scheduler() {
    for scheduler in SCHEDULERS {
        let outcome = Graph::new(NOTES).scheduler(scheduler).extensions(&BOTH).run();
        outcome.succeeded();
        for number in 0..5 {
            outcome.says_once(&format!("read: note {number}"));
        }
    }
}

#[test]
fn a_stand_in_has_the_parameters_of_its_base_and_their_checks() {
    let mistaken = NOTES.replace("capacity: 3", "capacity: many");
    let outcome = Graph::new(&mistaken).scheduler(EVENT_BASED).extensions(&BOTH).run();
    outcome.failed();
    assert!(outcome.stderr.contains("GXF_PARAMETER_PARSER_ERROR"), "{outcome}");
}

#[test]
fn without_the_standard_extension_a_line_says_what_to_list() {
    let outcome = Graph::new(NOTES).without_standard().extensions(&["libgxf_note_sender.so"]).run();
    outcome.failed();
    outcome.says_once("List libgxf_std.so before GxfNoteSender");
    // An extension with nothing but stand-ins.
    let outcome = Graph::new(NOTES).without_standard().extensions(&["libgxf_stand_ins_only.so"]).run();
    outcome.failed();
    outcome.says_once("example::Alone stands for nvidia::gxf::DoubleBufferReceiver: list libgxf_std.so before");
}

/// What tools see: the stand-in's own name and texts, its base, and the base's parameters with texts of their own.
#[test]
fn the_runtime_describes_a_stand_in() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let libraries = [runtime.library("libgxf_std.so").unwrap(), examples().join("libgxf_note_sender.so")];
    let none: &[&str] = &[];
    graph.load_extensions(&libraries, none, None).unwrap();
    for (name, base) in [
        ("example::Outbox", "nvidia::gxf::DoubleBufferTransmitter"),
        ("example::Inbox", "nvidia::gxf::DoubleBufferReceiver"),
        ("example::Wire", "nvidia::gxf::Connection"),
    ] {
        is_described(&graph, name, base);
    }
    graph.destroy().unwrap();
}

fn is_described(graph: &GraphContext, name: &str, base: &str) {
    let (tid, base_tid) = (graph.type_id(name).unwrap(), graph.type_id(base).unwrap());
    assert_ne!(tid, base_tid);
    let (component, original) = (graph.component_info(tid).unwrap(), graph.component_info(base_tid).unwrap());
    assert_eq!((component.type_name.as_str(), component.base_name.as_str()), (name, base));
    assert_eq!(component.display_name, "A stand-in");
    assert_eq!(component.parameters, original.parameters);
    assert!(!component.parameters.is_empty());
    for key in &component.parameters {
        let (ours, original) = (graph.parameter_info(tid, key).unwrap(), graph.parameter_info(base_tid, key).unwrap());
        assert!(!ours.headline.is_empty() && !ours.description.is_empty(), "{name} {key}");
        let texts = gxf::ParameterDescription { headline: String::new(), description: String::new(), ..ours };
        let original = gxf::ParameterDescription { headline: String::new(), description: String::new(), ..original };
        assert_eq!(texts, original, "{name} {key}");
    }
}
