//! A parameter of every type.
//!
//! Logs their values when it is initialised; nothing is checked here.

use gxf::{
    AnyParameter, BoxError, Clock, Codelet, Component, ComponentInfo, Context, FilePath, Handle, Parameter,
    ParameterType, Receiver, TickContext, Tid, Transmitter, log,
};

static U64: Parameter<u64> = Parameter::new("u64", "A u64", "Of 64 bits").default(u64::MAX).range(1, u64::MAX).step(2);
static I64: Parameter<i64> = Parameter::new("i64", "An i64", "Of 64 bits, signed").default(i64::MIN);
static U32: Parameter<u32> = Parameter::new("u32", "A u32", "Of 32 bits").default(30).range(1, 3600).dynamic();
static I32: Parameter<i32> = Parameter::new("i32", "An i32", "Of 32 bits, signed").default(-7).range(-10, 10);
static F64: Parameter<f64> = Parameter::new("f64", "An f64", "A ratio").default(0.5).range(0.0, 1.0);
static BOOL: Parameter<bool> = Parameter::new("bool", "A bool", "A switch").default(true);
static TEXT: Parameter<String> = Parameter::new("text", "A text", "Any text").default("a default");
static FILE: Parameter<FilePath> = Parameter::new("file", "A file", "Any path").default("/a/default");
static RX: Parameter<Handle<Receiver>> = Parameter::new("rx", "A receiver", "Any").optional();
static TX: Parameter<Handle<Transmitter>> = Parameter::new("tx", "A transmitter", "Any").optional();
static CLOCK: Parameter<Handle<Clock>> = Parameter::new("clock", "A clock", "Any").optional();
static UNSET: Parameter<i64> = Parameter::new("unset", "Unset", "Has no value unless a graph gives one").optional();
static UNSET_TEXT: Parameter<String> = Parameter::new("unset-text", "Unset text", "The same").optional().dynamic();

/// Logs its parameters.
pub struct Parameters;

impl Component for Parameters {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("7bf981dd-9c23-417c-b268-cf30253d0db7"),
        type_name: "probe::Parameters",
        display_name: "Parameters",
        brief: "Logs its parameters",
        description: "Has a parameter of every type and logs their values",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] =
        &[&U64, &I64, &U32, &I32, &F64, &BOOL, &TEXT, &FILE, &RX, &TX, &CLOCK, &UNSET, &UNSET_TEXT];

    fn new() -> Self {
        log::info!("made");
        Parameters
    }
}

impl Codelet for Parameters {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        log::info!("u64={}", context.get(&U64)?);
        log::info!("i64={}", context.get(&I64)?);
        log::info!("u32={}", context.get(&U32)?);
        log::info!("i32={}", context.get(&I32)?);
        log::info!("f64={}", context.get(&F64)?);
        log::info!("bool={}", context.get(&BOOL)?);
        log::info!("text={}", context.get(&TEXT)?);
        log::info!("file={}", context.get(&FILE)?.display());
        log::info!("rx={}", shown(context, &RX)?);
        log::info!("tx={}", shown(context, &TX)?);
        log::info!("clock={}", shown(context, &CLOCK)?);
        log::info!("unset={:?}", context.try_get(&UNSET)?);
        log::info!("unset-text={:?}", context.try_get(&UNSET_TEXT)?);
        log::info!("I am {}/{}", context.entity_name(), context.component_name());
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        log::info!("u32 at a tick={}", context.get(&U32)?);
        Ok(())
    }
}

/// Whether a handle is set; ids differ from run to run.
fn shown<T: gxf::HandleTarget>(context: &Context<'_>, key: &Parameter<Handle<T>>) -> Result<&'static str, gxf::Error>
where
    Handle<T>: ParameterType,
{
    Ok(if context.try_get(key)?.is_some() { "set" } else { "unset" })
}
