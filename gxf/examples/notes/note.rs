//! What both extensions of this folder know: a text that one library allocates and another one reads and drops.
//!
//! Compiled into each of them, as two projects would that share a header.

use std::ffi::{CStr, CString, c_char};

use gxf::{ComponentInfo, SharedData, Tid};

/// The id under which `sender` registers notes.
pub const SENDERS: &str = "c3a36e13-9eb5-4a38-af4a-5cb4c2a5e58b";
/// The id under which `reader` registers notes.
pub const READERS: &str = "a0a9a1c7-e9f7-4f9f-98bb-65a0f3a4a0c4";

/// A text.
#[repr(C)]
pub struct Note {
    text: *mut c_char,
    /// Frees `text`, in the library that made it.
    release: Option<unsafe extern "C" fn(*mut c_char)>,
}

// SAFETY: the text belongs to the note alone, and freeing it is not bound to a thread.
unsafe impl Send for Note {}

// SAFETY: two pointers in C layout, under ids of their own; the text is freed where it was made.
unsafe impl SharedData for Note {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse(SENDERS),
        type_name: "example::Note",
        display_name: "Note",
        brief: "A text",
        description: "A text that two extensions know",
    };
    const TIDS: &'static [Tid] = &[Tid::parse(SENDERS), Tid::parse(READERS)];

    fn empty() -> Self {
        Note { text: std::ptr::null_mut(), release: None }
    }
}

#[allow(dead_code)] // Each extension uses a half.
impl Note {
    /// A note with this text.
    pub fn new(text: &str) -> Self {
        unsafe extern "C" fn release(text: *mut c_char) {
            gxf::log::info!("a note is freed where it was made");
            // SAFETY: `new` of this library made it with `into_raw`, and the note's drop calls this once.
            drop(unsafe { CString::from_raw(text) });
        }
        let text = CString::new(text).unwrap_or_default();
        Note { text: text.into_raw(), release: Some(release) }
    }

    /// Its text.
    pub fn text(&self) -> String {
        if self.text.is_null() {
            return String::new();
        }
        // SAFETY: not null, so `new` of some library made it of a C string; it lives as long as the note.
        unsafe { CStr::from_ptr(self.text) }.to_string_lossy().into_owned()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            // SAFETY: the library that set both expects this, once.
            unsafe { release(self.text) }
        }
    }
}
