//! The ping example under each scheduler: no message is lost, doubled or out of order.

mod common;
use common::{Graph, examples};

fn ping(graph: &str) {
    let path = format!("{}/examples/ping/{graph}", env!("CARGO_MANIFEST_DIR"));
    let yaml = std::fs::read_to_string(path).expect("the graph is in the repository");
    for pings in [10, 500] {
        let outcome = Graph::new(&yaml).parameter(&format!("tx/pings/count={pings}")).run();
        outcome.succeeded();
        outcome.says_once(&format!("rx/ping: {pings} pings received"));
        assert_eq!(outcome.count("ERROR"), 0, "{outcome}");
    }
}

#[test]
fn greedy_scheduler() {
    ping("ping_greedy.yaml");
}

#[test]
fn multi_thread_scheduler() {
    ping("ping_multi_thread.yaml");
}

#[test]
fn event_based_scheduler() {
    ping("ping_event_based.yaml");
}

/// The dispatcher of EventBasedScheduler misses the end of a graph once in a while; see src/settle.rs.
#[test]
fn event_based_scheduler_ends_every_time() {
    for _ in 0..40 {
        ping("ping_event_based.yaml");
    }
}

#[test]
fn an_extension_exports_its_factory_and_nothing_else() {
    for library in ["libgxf_ping.so", "libgxf_probe.so"] {
        let nm = std::process::Command::new("nm").args(["-D", "--defined-only"]).arg(examples().join(library)).output();
        let output = String::from_utf8(nm.expect("binutils is installed").stdout).unwrap();
        let names: Vec<&str> = output.lines().filter_map(|line| line.split(' ').next_back()).collect();
        assert_eq!(names, ["GxfExtensionFactory"], "{library}");
    }
}
