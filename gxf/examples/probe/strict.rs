//! Parameters that a graph must set, and set well.
//!
//! Does nothing else.

use std::path::Path;

use gxf::{
    AnyParameter, BoxError, Codelet, Component, ComponentInfo, FilePath, Handle, Parameter, Receiver, TickContext, Tid,
};

static NEEDED: Parameter<u32> = Parameter::new("needed", "Needed", "Mandatory, with a range").range(1, 10);
static NEEDED_TEXT: Parameter<String> = Parameter::new("needed-text", "Needed text", "Mandatory, with a validation")
    .validate(|text| match text {
        "" => Err("must not be empty".to_owned()),
        "panic" => panic!("a validation that panics"),
        _ => Ok(()),
    });
static SIGNED: Parameter<i32> = Parameter::new("signed", "Signed", "With a default").default(0);
static SWITCH: Parameter<bool> = Parameter::new("switch", "Switch", "With a default").default(false);
static RATIO: Parameter<f64> = Parameter::new("ratio", "Ratio", "With a range").default(1.0).range(0.0, 1.0);
static FILE: Parameter<FilePath> =
    Parameter::new("file", "File", "Must end in .mp4").default("a.mp4").validate(|path: &Path| {
        if path.extension().is_some_and(|extension| extension == "mp4") {
            Ok(())
        } else {
            Err("must end in .mp4".to_owned())
        }
    });
static NEEDED_RX: Parameter<Handle<Receiver>> = Parameter::new("needed-rx", "Needed receiver", "Mandatory");

/// Wants its parameters right.
pub struct Strict;

impl Component for Strict {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("affb7358-2828-4b1d-8d6f-c14634caf14b"),
        type_name: "probe::Strict",
        display_name: "Strict",
        brief: "Wants its parameters right",
        description: "Has mandatory parameters, ranges and validations",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] =
        &[&NEEDED, &NEEDED_TEXT, &SIGNED, &SWITCH, &RATIO, &FILE, &NEEDED_RX];

    fn new() -> Self {
        Strict
    }
}

impl Codelet for Strict {
    fn tick(&mut self, _context: &TickContext<'_>) -> Result<(), BoxError> {
        Ok(())
    }
}
