//! `nvidia::deepstream::NvDsMsgRelayTransmitter`, `NvDsMsgRelayReceiver` and `NvDsMsgRelay`: the ends of a way of messages
//! and the way itself, as NVIDIA's graphs name them. They stand for GXF's own transmitter, receiver and connection, so
//! that any codelet, scheduling term and connection can be at the other end. What travels is left to the codelets.

use gxf::{ComponentInfo, StandIn, Tid};

/// Where messages leave an entity.
pub(crate) const TRANSMITTER: StandIn = StandIn {
    info: ComponentInfo {
        tid: Tid::parse("2acd287f-8585-4c17-b7e8-19daf7ab98a0"),
        type_name: "nvidia::deepstream::NvDsMsgRelayTransmitter",
        display_name: "Message Relay Transmitter",
        brief: "Sends messages to a message relay receiver",
        description: "The same as nvidia::gxf::DoubleBufferTransmitter, under the name that DeepStream's graphs use. Name it \
                      as tx of an NvDsMsgBrokerC2DReceiver or done-tx of an NvDsSmartRecord, and as source of an \
                      NvDsMsgRelay.",
    },
    base: "nvidia::gxf::DoubleBufferTransmitter",
    parameters: gxf::standard::QUEUE,
};

/// Where messages enter an entity.
pub(crate) const RECEIVER: StandIn = StandIn {
    info: ComponentInfo {
        tid: Tid::parse("02f9a201-98ca-4ae4-a382-3d3fd77db0d8"),
        type_name: "nvidia::deepstream::NvDsMsgRelayReceiver",
        display_name: "Message Relay Receiver",
        brief: "Receives messages of a message relay transmitter",
        description: "The same as nvidia::gxf::DoubleBufferReceiver, under the name that DeepStream's graphs use. Name it as \
                      msg-rx of an NvDsSmartRecord or rx of an NvDsMsgBrokerD2CTransmitter, and as target of an \
                      NvDsMsgRelay.",
    },
    base: "nvidia::gxf::DoubleBufferReceiver",
    parameters: gxf::standard::QUEUE,
};

/// The way from one to the other.
pub(crate) const RELAY: StandIn = StandIn {
    info: ComponentInfo {
        tid: Tid::parse("17efc17d-c058-486d-aec6-7557ba9f3526"),
        type_name: "nvidia::deepstream::NvDsMsgRelay",
        display_name: "Message Relay",
        brief: "Joins a message relay transmitter to a message relay receiver",
        description: "The same as nvidia::gxf::Connection, under the name that DeepStream's graphs use: messages of source \
                      arrive in target.",
    },
    base: "nvidia::gxf::Connection",
    parameters: gxf::standard::CONNECTION,
};
