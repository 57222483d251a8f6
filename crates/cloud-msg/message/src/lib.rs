//! [`NvDsMessage`]: what triggers and receipts travel as in a graph, a topic and bytes, in the layout of nvds_message.h.
//! Extensions that are built apart hand it to each other; its memory is freed by the one that filled it in.
//! What the bytes say is left to `trigger` and to whoever receives them.

use std::borrow::Cow;
use std::ffi::c_void;
use std::fmt;
use std::ptr;

use gxf::{ComponentInfo, SharedData, Tid};

/// The layout, as bindgen reads it in the header.
#[allow(missing_docs, non_snake_case, clippy::all)]
mod layout {
    include!(concat!(env!("OUT_DIR"), "/nvds_message.rs"));
}

/// The id under which `libgxf_nvds_smart_record.so` registers the type.
pub const SMART_RECORD_ID: &str = "f445a68b-de47-4e5c-aca2-d4838f36c0b9";
/// The id under which `libgxf_nvds_cloud_msg.so` registers the type.
pub const CLOUD_MSG_ID: &str = "1d8d3cbe-7f7b-4a0f-b2f9-5f1d0a6c9e37";

/// The type's name.
pub const TYPE_NAME: &str = "nvidia::deepstream::NvDsMessage";

/// A message.
#[repr(transparent)]
pub struct NvDsMessage(layout::NvDsMessage);

// SAFETY: the header lets any thread read and free it.
unsafe impl Send for NvDsMessage {}
// SAFETY: as above: nothing changes once it was made.
unsafe impl Sync for NvDsMessage {}

// SAFETY: the C struct of nvds_message.h, which is what both ids stand for; what it points to is freed by `release`, in
// the library that allocated it.
unsafe impl SharedData for NvDsMessage {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse(SMART_RECORD_ID),
        type_name: TYPE_NAME,
        display_name: "Message",
        brief: "A topic and bytes: a trigger on its way to a recorder, or a receipt on its way back",
        description: "Data component of the messages between broker, file and recorder. The payload of triggers is JSON as \
                      in DeepStream's smart record messages. C and C++ codelets read it through nvds_message.h.",
    };
    const TIDS: &'static [Tid] = &[Tid::parse(SMART_RECORD_ID), Tid::parse(CLOUD_MSG_ID)];

    fn empty() -> Self {
        Self(layout::NvDsMessage {
            topic: ptr::null(),
            topic_length: 0,
            payload: ptr::null(),
            payload_length: 0,
            release: None,
            owner: ptr::null_mut(),
        })
    }
}

/// What a message of ours points to.
type Content = (String, Vec<u8>);

impl NvDsMessage {
    /// A message with this topic (empty where there are no topics) and content.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        let content: Box<Content> = Box::new((topic.into(), payload.into()));
        let (topic, payload) = (&content.0, &content.1);
        let layout = layout::NvDsMessage {
            topic: topic.as_ptr().cast(),
            topic_length: topic.len(),
            payload: payload.as_ptr(),
            payload_length: payload.len(),
            release: Some(release),
            owner: ptr::null_mut(),
        };
        // The strings' own buffers do not move with the box.
        Self(layout::NvDsMessage { owner: Box::into_raw(content).cast(), ..layout })
    }

    /// Where it came from or goes to; what is not UTF-8 in it is replaced.
    pub fn topic(&self) -> Cow<'_, str> {
        // SAFETY: the header says that `topic` is null or `topic_length` bytes that live as long as the message.
        String::from_utf8_lossy(unsafe { bytes(self.0.topic.cast(), self.0.topic_length) })
    }

    /// Its content.
    pub fn payload(&self) -> &[u8] {
        // SAFETY: the header says that `payload` is null or `payload_length` bytes that live as long as the message.
        unsafe { bytes(self.0.payload, self.0.payload_length) }
    }
}

/// # Safety
/// `start` must be null or `length` readable bytes that do not change during `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, length) }
}

unsafe extern "C" fn release(owner: *mut c_void) {
    // SAFETY: `new` of this library set both, and `release` is called once, by the message's drop.
    drop(unsafe { Box::from_raw(owner.cast::<Content>()) });
}

impl Drop for NvDsMessage {
    fn drop(&mut self) {
        if let Some(release) = self.0.release.take() {
            // SAFETY: whoever set `release` expects it once, with this owner, when the message goes away.
            unsafe { release(self.0.owner) }
        }
    }
}

impl fmt::Debug for NvDsMessage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "message on '{}' of {} bytes", self.topic(), self.payload().len())
    }
}

#[cfg(test)]
mod tests;
