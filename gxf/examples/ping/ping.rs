//! What a ping carries.
//!
//! A data component: a plain value that GXF transports without knowing what it is.

use gxf::{ComponentInfo, Data, Tid};

/// A number, counted up by the sender.
#[repr(C)]
pub struct Ping {
    /// 0 for the first message.
    pub number: u64,
}

impl Data for Ping {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("3bcda18e-45e5-4ef2-9bda-5ff00fedde1e"),
        type_name: "example::Ping",
        display_name: "Ping",
        brief: "A number",
        description: "A number, counted up by the sender",
    };
}
