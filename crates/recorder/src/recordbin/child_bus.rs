//! The bus on which a GstBin hears of its children. A recordbin has none: each recording is in a pipeline of its own.
//! With thousands of sources that bus was a tenth of what each takes beside its buffers (docs/performance.md).
//! That nobody adds an element is left to `imp`.

use gst::glib::translate::ToGlibPtr;
use gst::prelude::*;

/// Gives the bus of `bin` back, which has no children and will have none.
pub(super) fn give_back(bin: &gst::Bin) {
    let raw: *mut gst::ffi::GstBin = bin.to_glib_none().0;
    let _lock = bin.object_lock();
    // SAFETY: the bin is there. GstBin reads `child_bus`, a documented field, where an element is added, and replaces it
    // with nothing under this lock when it is disposed of (gstbin.c of GStreamer 1.22 to 1.29); nothing else does.
    unsafe { gst::ffi::gst_object_replace((&raw mut (*raw).child_bus).cast(), std::ptr::null_mut()) };
}
