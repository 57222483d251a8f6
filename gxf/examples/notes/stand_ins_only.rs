//! An extension with a stand-in and nothing else.
//!
//! Whose type it stands for comes from the standard extension, which must be there.

use gxf::{ComponentInfo, StandIn, Tid};

gxf::extension! {
    uuid: "3f2c8d4b-7e0d-4a5d-9f3c-6a7d0b1f9c21",
    name: "GxfStandInsOnly",
    display_name: "Stand-in",
    category: "Tests",
    brief: "Has a stand-in",
    description: "Has a stand-in",
    author: "The NvDsSmartRecord founders",
    version: "1.0.0",
    license: "Apache-2.0",
    codelets: [],
    data: [],
    stand_ins: [StandIn {
        info: ComponentInfo {
            tid: Tid::parse("3f2c8d4b-7e0d-4a5d-9f3c-6a7d0b1f9c22"),
            type_name: "example::Alone",
            display_name: "Alone",
            brief: "A queue",
            description: "A queue of the standard extension's",
        },
        base: "nvidia::gxf::DoubleBufferReceiver",
        parameters: gxf::standard::QUEUE,
    }],
}
