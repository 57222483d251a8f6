//! `nvidia::deepstream::NvDsMessage`: what triggers and receipts travel as in a graph, a topic and bytes.
//! What the bytes say is left to `trigger` and `receipt`.

use gxf::{ComponentInfo, Tid};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NvDsMessage {
    /// Where it came from or goes to; empty where there are no topics.
    pub(crate) topic: String,
    /// Its content, as a rule JSON.
    pub(crate) payload: Vec<u8>,
}

impl gxf::Data for NvDsMessage {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("f445a68b-de47-4e5c-aca2-d4838f36c0b9"),
        type_name: "nvidia::deepstream::NvDsMessage",
        display_name: "Message",
        brief: "A topic and bytes: a trigger on its way to a recorder, or a receipt on its way back",
        description: "Data component of the messages that NvDsMsgFileReceiver sends and NvDsSmartRecord receives and \
                      sends. The payload is JSON as in DeepStream's smart record messages.",
    };
}
