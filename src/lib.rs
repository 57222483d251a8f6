//! `NvDsSmartRecordExt`: the table of what the extension registers with a GXF runtime.
//! One file per component; its name, UUID, version and texts come from extension.yaml (see build.rs).
//! Recording is left to the crate `recorder`, reading triggers to `trigger`, the dealings with GXF to `gxf`.

mod dispatch;
mod error;
mod local_triggers;
mod nvds_msg_file_receiver;
mod nvds_msg_file_transmitter;
mod nvds_smart_record;
mod outbox;
mod parameters;
mod receipt;
mod settings;

use nvds_message::NvDsMessage;
use nvds_msg_file_receiver::NvDsMsgFileReceiver;
use nvds_msg_file_transmitter::NvDsMsgFileTransmitter;
use nvds_smart_record::NvDsSmartRecord;

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
    codelets: [NvDsSmartRecord, NvDsMsgFileReceiver, NvDsMsgFileTransmitter],
    data: [],
    shared_data: [NvDsMessage = nvds_message::SMART_RECORD_ID],
}
