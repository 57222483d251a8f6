//! Parameters of every type: read back from defaults, from YAML and from overrides.

mod common;
use common::{Graph, Outcome, SCHEDULERS};

const DEFAULTS: &str = "
name: reader
components:
- name: parameters
  type: probe::Parameters
  parameters: {} # An override needs the map to be there.
- type: nvidia::gxf::CountSchedulingTerm
  parameters: {count: 1}
";

fn expect(outcome: &Outcome, values: &[(&str, &str)]) {
    outcome.succeeded();
    for (key, value) in values {
        assert!(outcome.log.lines().any(|line| line.contains(&format!(": {key}={value}"))), "{key}={value}\n{outcome}");
    }
    assert_eq!(outcome.count("ERROR"), 0, "{outcome}");
}

#[test]
fn defaults() {
    let outcome = Graph::new(DEFAULTS).scheduler(SCHEDULERS[0]).run();
    expect(
        &outcome,
        &[
            ("u64", "18446744073709551615"),
            ("i64", "-9223372036854775808"),
            ("u32", "30"),
            ("i32", "-7"),
            ("f64", "0.5"),
            ("bool", "true"),
            ("text", "a default"),
            ("file", "/a/default"),
            ("rx", "unset"),
            ("tx", "unset"),
            ("clock", "unset"),
            ("unset", "None"),
            ("unset-text", "None"),
        ],
    );
    outcome.says_once("I am reader/parameters");
    // Once, for the component: not when the type was registered.
    outcome.says_once(": made");
}

#[test]
fn yaml() {
    let graph = "
name: reader
components:
- {name: in, type: nvidia::gxf::DoubleBufferReceiver}
- {name: out, type: nvidia::gxf::DoubleBufferTransmitter}
- name: parameters
  type: probe::Parameters
  parameters:
    u64: 1
    i64: -2
    u32: 3600
    i32: -10
    f64: 1.0
    bool: false
    text: 'ünïcode: with a colon'
    file: relative/path.mp4
    rx: in
    tx: reader/out
    clock: scheduler/clock
    unset: 0
    unset-text: ''
- type: nvidia::gxf::CountSchedulingTerm
  parameters: {count: 1}
";
    expect(
        &Graph::new(graph).scheduler(SCHEDULERS[0]).run(),
        &[
            ("u64", "1"),
            ("i64", "-2"),
            ("u32", "3600"),
            ("i32", "-10"),
            ("f64", "1"),
            ("bool", "false"),
            ("text", "ünïcode: with a colon"),
            ("file", "relative/path.mp4"),
            ("rx", "set"),
            ("tx", "set"),
            ("clock", "set"),
            ("unset", "Some(0)"),
            ("unset-text", "Some(\"\")"),
        ],
    );
}

#[test]
fn overrides() {
    let outcome = Graph::new(DEFAULTS)
        .scheduler(SCHEDULERS[0])
        .parameter("reader/parameters/u64=18446744073709551615")
        .parameter("reader/parameters/i64=9223372036854775807")
        .parameter("reader/parameters/u32=1")
        .parameter("reader/parameters/i32=10")
        .parameter("reader/parameters/f64=0.25")
        .parameter("reader/parameters/bool=false")
        .parameter("reader/parameters/text=hello")
        .parameter("reader/parameters/file=/x/y.mp4")
        .parameter("reader/parameters/clock=scheduler/clock")
        .run();
    expect(
        &outcome,
        &[
            ("u64", "18446744073709551615"),
            ("i64", "9223372036854775807"),
            ("u32", "1"),
            ("i32", "10"),
            ("f64", "0.25"),
            ("bool", "false"),
            ("text", "hello"),
            ("file", "/x/y.mp4"),
            ("clock", "set"),
        ],
    );
}
