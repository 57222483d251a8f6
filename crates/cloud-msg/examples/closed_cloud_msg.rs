//! A test double of NVIDIA's closed NvDsCloudMsgExt: its name, its id and the ids of two of its types, as its public
//! manual states them, and nothing behind them. Beside it our extensions must say which one to list.

use gxf::{ComponentInfo, Data, Tid};

/// A message of another layout.
struct ClosedMessage(#[allow(dead_code)] u8);

impl Data for ClosedMessage {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("45d73bc1-7ffb-43af-b11f-c3202fde0902"),
        type_name: "nvidia::deepstream::NvDsMessage",
        display_name: "Message",
        brief: "A message of another layout",
        description: "Stands for the closed type of this name",
    };
}

/// The name of a receiver.
struct ClosedReceiver;

impl Data for ClosedReceiver {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("88ff8361-8045-4457-b257-5f19db143409"),
        type_name: "nvidia::deepstream::NvDsMsgBrokerC2DReceiver",
        display_name: "Receiver",
        brief: "The name of a receiver",
        description: "Stands for the closed type of this name",
    };
}

gxf::extension! {
    uuid: "d16b1366-dba2-47f6-95fc-b09b39f885de",
    name: "NvDsCloudMsgExt",
    display_name: "A test double",
    category: "Tests",
    brief: "Type names of NvDsCloudMsgExt",
    description: "Type names of NvDsCloudMsgExt, for tests",
    author: "NVIDIA",
    version: "1.6.0",
    license: "Apache-2.0",
    codelets: [],
    data: [ClosedMessage, ClosedReceiver],
}
