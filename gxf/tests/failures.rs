//! Errors and panics in callbacks: a GXF error, one log line, and a process that is still there.

mod common;
use common::{Graph, Outcome, SCHEDULERS};

fn fail(at: &str, by: &str) -> Outcome {
    let graph = format!(
        "name: camera\ncomponents:\n- {{name: failing, type: probe::Failing, parameters: {{at: {at}, by: {by}}}}}\n\
         - {{type: nvidia::gxf::CountSchedulingTerm, parameters: {{count: 2}}}}\n",
    );
    let outcome = Graph::new(&graph).scheduler(SCHEDULERS[0]).run();
    outcome.failed();
    outcome
}

#[test]
fn an_error_is_one_line() {
    for at in ["initialize", "start", "tick", "deinitialize"] {
        let outcome = fail(at, "error");
        outcome.says_once(&format!("camera/failing: no way out of {at}"));
        assert!(outcome.stderr.contains("GXF_FAILURE"), "{outcome}");
    }
}

#[test]
fn a_panic_is_one_line_and_says_where() {
    for at in ["initialize", "start", "tick", "deinitialize"] {
        let outcome = fail(at, "panic");
        outcome.says_once("panicked at ");
        outcome.says_once(&format!("failing.rs:35: no way\\nout of {at}"));
        assert!(outcome.stderr.contains("GXF_FAILURE"), "{outcome}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    }
}

#[test]
fn an_error_that_panics_when_shown_is_one_line() {
    for at in ["initialize", "start", "tick", "deinitialize"] {
        let outcome = fail(at, "display");
        outcome.says_once("camera/failing: panicked at ");
        outcome.says_once("no words for it");
        assert!(outcome.stderr.contains("GXF_FAILURE"), "{outcome}");
    }
}

#[test]
fn an_error_with_a_code_keeps_its_code() {
    let outcome = fail("tick", "code");
    assert!(outcome.stderr.contains("GXF_NOT_IMPLEMENTED"), "{outcome}");
}

#[test]
fn a_panic_in_a_thread_is_one_line() {
    let outcome = fail("thread", "panic");
    outcome.says_once("thread worker panicked at ");
    outcome.says_once("camera/failing: the thread panicked");
}

#[test]
fn the_life_of_a_codelet() {
    let graph = "name: camera\ncomponents:\n- {name: failing, type: probe::Failing}\n\
                 - {type: nvidia::gxf::CountSchedulingTerm, parameters: {count: 2}}\n";
    for scheduler in SCHEDULERS {
        let outcome = Graph::new(graph).scheduler(scheduler).run();
        outcome.succeeded();
        let steps: Vec<&str> =
            outcome.log.lines().filter_map(|line| line.split("reached ").nth(1)).map(|line| &line[..4]).collect();
        assert_eq!(steps, ["init", "star", "tick", "tick", "stop", "dein"], "{outcome}");
        outcome.says_once(": dropped");
    }
}
