//! The receiving codelet.
//!
//! Checks that no message is lost or out of order, and says at the end how many there were.

use gxf::{BoxError, Codelet, Component, ComponentInfo, Context, Handle, Parameter, Receiver, TickContext, Tid, log};

use crate::ping::Ping;

static SIGNAL: Parameter<Handle<Receiver>> =
    Parameter::new("signal", "Signal", "The receiver that the messages arrive in");

/// Receives one [`Ping`] per tick.
pub struct PingRx {
    expected: u64,
}

impl Component for PingRx {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("2d6bdc30-da73-4d61-a273-f2a2d409df8a"),
        type_name: "example::PingRx",
        display_name: "Ping receiver",
        brief: "Receives and counts numbered messages",
        description: "Receives numbered messages, fails if one is missing, and logs how many there were",
    };
    const PARAMETERS: &'static [&'static dyn gxf::AnyParameter] = &[&SIGNAL];

    fn new() -> Self {
        PingRx { expected: 0 }
    }
}

impl Codelet for PingRx {
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let Some(message) = context.receive(&context.get(&SIGNAL)?)? else { return Ok(()) };
        let ping = message.get::<Ping>().ok_or("a message without a Ping")?;
        if ping.number != self.expected {
            return Err(format!("expected ping {}, received {}", self.expected, ping.number).into());
        }
        self.expected += 1;
        log::debug!("{}: ping {}", context.entity_name(), ping.number);
        Ok(())
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        log::info!("{}/{}: {} pings received", context.entity_name(), context.component_name(), self.expected);
        Ok(())
    }
}
