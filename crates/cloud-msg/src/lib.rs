//! `NvDsOpenCloudMsgExt`: the table of what the extension registers with a GXF runtime, under the names of NVIDIA's closed
//! NvDsCloudMsgExt. One file per component; its name, UUID, version and texts come from extension.yaml (see build.rs).
//! Brokers are left to the crate `trigger`, the layout of a message to `nvds-message`, the dealings with GXF to `gxf`.

mod broker_parameters;
mod connection_log;
mod error;
mod inbox;
mod nvds_msg_broker_c2d_receiver;
mod nvds_msg_broker_d2c_transmitter;
mod nvds_msg_relay;

use nvds_message::NvDsMessage;
use nvds_msg_broker_c2d_receiver::NvDsMsgBrokerC2DReceiver;
use nvds_msg_broker_d2c_transmitter::NvDsMsgBrokerD2CTransmitter;

gxf::extension! {
    uuid: env!("EXTENSION_UUID"),
    name: env!("EXTENSION_NAME"),
    display_name: env!("EXTENSION_DISPLAY_NAME"),
    category: env!("EXTENSION_CATEGORY"),
    brief: env!("EXTENSION_BRIEF"),
    description: env!("EXTENSION_DESCRIPTION"),
    author: env!("EXTENSION_AUTHOR"),
    version: env!("EXTENSION_VERSION"),
    license: env!("EXTENSION_LICENSE"),
    codelets: [NvDsMsgBrokerC2DReceiver, NvDsMsgBrokerD2CTransmitter],
    data: [],
    shared_data: [NvDsMessage = nvds_message::CLOUD_MSG_ID],
    stand_ins: [nvds_msg_relay::TRANSMITTER, nvds_msg_relay::RECEIVER, nvds_msg_relay::RELAY],
}
