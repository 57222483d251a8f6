//! Parameters of types in GXF's standard extension, for [`crate::StandIn`]s: what their objects take, in words of ours.
//!
//! Source of keys, types and defaults: `GxfGetParameterInfo` of the releases, which a test compares with these.

use crate::{AnyParameter, Handle, Parameter, Receiver, Transmitter};

static CAPACITY: Parameter<u64> = Parameter::new(
    "capacity",
    "Capacity (messages)",
    "How many messages have room here at the same time. One more is dealt with as 'policy' says",
)
.default(1);

static POLICY: Parameter<u64> = Parameter::new(
    "policy",
    "When it is full",
    "What becomes of a message that has no room. 0: it takes the place of the oldest. 1: it is dropped. 2: it is an error, \
     and dropped",
)
.default(2);

static SOURCE: Parameter<Handle<Transmitter>> =
    Parameter::new("source", "Source", "Transmitter whose messages are passed on, as ENTITY/COMPONENT");

static TARGET: Parameter<Handle<Receiver>> =
    Parameter::new("target", "Target", "Receiver that gets the messages, as ENTITY/COMPONENT");

/// Of `nvidia::gxf::DoubleBufferReceiver` and `nvidia::gxf::DoubleBufferTransmitter`.
pub static QUEUE: &[&dyn AnyParameter] = &[&CAPACITY, &POLICY];

/// Of `nvidia::gxf::Connection`.
pub static CONNECTION: &[&dyn AnyParameter] = &[&SOURCE, &TARGET];
