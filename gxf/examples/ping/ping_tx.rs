//! The sending codelet.
//!
//! When it sends is the business of the scheduling terms in its entity; when it has sent enough it does nothing.

use gxf::{BoxError, Codelet, Component, ComponentInfo, Handle, Message, Parameter, TickContext, Tid, Transmitter};

use crate::ping::Ping;

static SIGNAL: Parameter<Handle<Transmitter>> =
    Parameter::new("signal", "Signal", "The transmitter that the messages leave through");

/// Sends one [`Ping`] per tick.
pub struct PingTx {
    next: u64,
}

impl Component for PingTx {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("826a2275-ccd2-472e-9925-ea4d59eba89d"),
        type_name: "example::PingTx",
        display_name: "Ping transmitter",
        brief: "Sends a numbered message at each tick",
        description: "Sends a numbered message at each tick; a CountSchedulingTerm says how many",
    };
    const PARAMETERS: &'static [&'static dyn gxf::AnyParameter] = &[&SIGNAL];

    fn new() -> Self {
        PingTx { next: 0 }
    }
}

impl Codelet for PingTx {
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let message = Message::new(context)?;
        message.add(Ping { number: self.next })?;
        context.publish(&context.get(&SIGNAL)?, message)?;
        self.next += 1;
        Ok(())
    }
}
