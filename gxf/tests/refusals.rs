//! Values that a component refuses: the graph does not run, and one line says what is allowed.

mod common;
use common::{Graph, Outcome, SCHEDULERS};

/// Runs `probe::Strict` with good values, of which `replaced` are replaced (an empty value: left out).
fn strict(replaced: &[(&str, &str)]) -> Outcome {
    let mut parameters = String::new();
    for (key, good) in [("needed", "5"), ("needed-text", "hello"), ("needed-rx", "in")] {
        let value = replaced.iter().find(|(name, _)| *name == key).map_or(good, |(_, value)| value);
        if !value.is_empty() {
            parameters += &format!("    {key}: {value}\n");
        }
    }
    for (key, value) in replaced.iter().filter(|(key, _)| !key.starts_with("needed")) {
        parameters += &format!("    {key}: {value}\n");
    }
    let graph = format!(
        "name: camera\ncomponents:\n- {{name: in, type: nvidia::gxf::DoubleBufferReceiver}}\n\
         - name: checker\n  type: probe::Strict\n  parameters:\n{parameters}\
         - {{type: nvidia::gxf::CountSchedulingTerm, parameters: {{count: 1}}}}\n",
    );
    Graph::new(&graph).scheduler(SCHEDULERS[0]).run()
}

fn refuses(key: &str, value: &str, line: &str) {
    let outcome = strict(&[(key, value)]);
    outcome.failed();
    outcome.says_once(&format!("camera/checker: parameter '{key}' = {line}"));
}

#[test]
fn good_values_pass() {
    strict(&[]).succeeded();
    strict(&[("needed", "1"), ("signed", "-3"), ("switch", "true"), ("ratio", "0"), ("file", "x.mp4")]).succeeded();
}

#[test]
fn a_mandatory_parameter_that_is_not_set() {
    for key in ["needed", "needed-text", "needed-rx"] {
        let outcome = strict(&[(key, "")]);
        outcome.failed();
        // The runtime's own words, which name key, component and entity.
        outcome.says_once(&format!("Mandatory parameter [{key}] not set in component [checker]"));
        assert!(outcome.stderr.contains("GXF_PARAMETER_MANDATORY_NOT_SET"), "{outcome}");
    }
}

#[test]
fn out_of_range() {
    refuses("needed", "0", "0 is refused: it must be a whole number from 1 to 10");
    refuses("needed", "11", "11 is refused: it must be a whole number from 1 to 10");
    refuses("ratio", "1.5", "1.5 is refused: it must be a number from 0 to 1");
    refuses("ratio", ".nan", "NaN is refused: it must be a number from 0 to 1");
}

#[test]
fn failed_validation() {
    refuses("needed-text", "''", "'' is refused: must not be empty");
    refuses("file", "a.avi", "'a.avi' is refused: must end in .mp4");
    refuses("needed-text", "panic", "(a value) is refused: its validation panicked");
}

#[test]
fn a_text_for_a_number() {
    refuses("needed", "ten", "'ten' is refused: it must be a whole number from 1 to 10");
    refuses("signed", "1x", "'1x' is refused: it must be a whole number from -2147483648 to 2147483647");
    refuses("ratio", "half", "'half' is refused: it must be a number from 0 to 1");
    refuses("switch", "perhaps", "'perhaps' is refused: it must be true or false");
}

#[test]
fn a_number_that_does_not_fit() {
    refuses("needed", "-1", "'-1' is refused: it must be a whole number from 1 to 10");
    refuses("needed", "4294967297", "'4294967297' is refused: it must be a whole number from 1 to 10");
    refuses("needed", "2.5", "'2.5' is refused: it must be a whole number from 1 to 10");
    refuses("needed", "[1]", "'[1]' is refused: it must be a whole number from 1 to 10");
    refuses("signed", "2147483648", "'2147483648' is refused: it must be a whole number from -2147483648");
}

#[test]
fn a_handle_to_nothing() {
    let outcome = strict(&[("needed-rx", "nobody")]);
    outcome.failed();
    assert!(outcome.log.contains("nobody") && outcome.log.contains("needed-rx"), "{outcome}");
}
