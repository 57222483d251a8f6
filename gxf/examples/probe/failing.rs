//! A codelet that fails where it is told to.
//!
//! By an error, or by a panic.

use gxf::{AnyParameter, BoxError, Codelet, Component, ComponentInfo, Context, Parameter, TickContext, Tid, log};

static AT: Parameter<String> =
    Parameter::new("at", "At", "initialize, start, tick, stop, deinitialize or thread").default("");
static BY: Parameter<String> = Parameter::new("by", "By", "error, panic, display or code").default("error");

/// Fails.
pub struct Failing;

impl Component for Failing {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("8f945b2f-ea96-44c5-9dd9-8b53116be78f"),
        type_name: "probe::Failing",
        display_name: "Failing",
        brief: "Fails where it is told to",
        description: "Fails where it is told to, by an error or by a panic",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&AT, &BY];

    fn new() -> Self {
        Failing
    }
}

fn reach(context: &Context<'_>, place: &str) -> Result<(), BoxError> {
    log::info!("reached {place}");
    if context.get(&AT)? != place {
        return Ok(());
    }
    match context.get(&BY)?.as_str() {
        "panic" => panic!("no way\nout of {place}"),
        "code" => Err(gxf::Error::Gxf { doing: place.to_owned(), code: gxf::Code::NOT_IMPLEMENTED }.into()),
        "display" => Err(Box::new(Unspeakable)),
        _ => Err(format!("no way out of {place}").into()),
    }
}

impl Codelet for Failing {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        if context.get(&AT)? == "thread" {
            let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(|| panic!("alone"))?;
            return thread.join().map_err(|_| "the thread panicked".into());
        }
        reach(context, "initialize")
    }

    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        reach(context, "start")
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        reach(context, "tick")
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        reach(context, "stop")
    }

    fn deinitialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        reach(context, "deinitialize")
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        log::info!("dropped");
    }
}

/// An error that panics when it is shown.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words for it")
    }
}

impl std::error::Error for Unspeakable {}
