//! Parameters that are set through the C API while the graph runs.
//!
//! One test, in the process itself: it sets them from outside of the graph.

mod common;
use common::examples;
use gxf::ParameterValue::{Signed, Text, Unsigned};
use gxf::Runtime;
use gxf::log::Severity;

const GRAPH: &str = "
name: reader
components:
- {name: parameters, type: probe::Parameters}
- {type: nvidia::gxf::PeriodicSchedulingTerm, parameters: {recess_period: 1ms}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";

#[test]
fn a_new_value_is_checked_and_seen_by_the_next_tick() {
    let folder = tempfile::tempdir().unwrap();
    let (yaml, log) = (folder.path().join("graph.yaml"), folder.path().join("log"));
    std::fs::write(&yaml, GRAPH).unwrap();
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let mut graph = runtime.context().unwrap();
    graph.set_log_file(&log).unwrap();
    graph.set_severity(Some(Severity::Info)).unwrap();
    let libraries = [runtime.library("libgxf_std.so").unwrap(), examples().join("libgxf_probe.so")];
    let none: &[&str] = &[];
    graph.load_extensions(&libraries, none, None).unwrap();
    graph.load_graph_file(&yaml, none).unwrap();
    graph.activate().unwrap();
    graph.run_async().unwrap();

    let set = |key, value| graph.set_parameter("reader", "parameters", key, &value);
    set("u32", Unsigned(77)).unwrap();
    for (key, value, code) in [
        ("u32", Unsigned(3601), "GXF_PARAMETER_OUT_OF_RANGE"),
        ("u32", Unsigned(0), "GXF_PARAMETER_OUT_OF_RANGE"),
        ("i32", Signed(11), "GXF_PARAMETER_OUT_OF_RANGE"),
        ("u32", Text("77".to_owned()), "GXF_PARAMETER_INVALID_TYPE"),
        ("nothing", Unsigned(1), "GXF_PARAMETER_NOT_FOUND"),
    ] {
        let error = set(key, value).unwrap_err().to_string();
        assert!(error.contains(code), "{error}");
    }
    let read = || std::fs::read_to_string(&log).unwrap();
    while !read().contains("u32 at a tick=77") {
        std::thread::yield_now(); // The log is what the next tick is seen by.
    }
    graph.interrupter().interrupt().unwrap();
    graph.wait().unwrap();
    graph.deactivate().unwrap();
    let log = read();
    for line in [
        "reader/parameters: parameter 'u32' = 3601 is refused: it must be a whole number from 1 to 3600",
        "reader/parameters: parameter 'u32' = 0 is refused: it must be a whole number from 1 to 3600",
        "reader/parameters: parameter 'i32' = 11 is refused: it must be a whole number from -10 to 10",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}\n{log}");
    }
    assert!(!log.contains("u32 at a tick=0") && !log.contains("u32 at a tick=3601"), "{log}");
    let interrupter = graph.interrupter();
    graph.destroy().unwrap();
    interrupter.interrupt().unwrap(); // Harmless.
}
