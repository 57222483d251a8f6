//! The limit: a pad whose chain function keeps the last buffers in a ring, and does nothing else.
//! Feeding it is left to the benchmarks.

use std::collections::VecDeque;

use gst::glib::ffi::gpointer;
use gst::glib::translate::ToGlibPtr;
use gst::prelude::*;

use super::media::FPS;

/// As many buffers as 30 s of the stream.
pub const BUFFERS: usize = 30 * FPS as usize;

/// A pad with a ring behind it.
pub fn pad() -> gst::Pad {
    let pad = gst::Pad::builder(gst::PadDirection::Sink).name("sink").event_function(|_, _, _| true).build();
    let ring: Box<VecDeque<gst::Buffer>> = Box::new(VecDeque::with_capacity(BUFFERS));
    // SAFETY: `chain` takes its data to be such a ring, which `free` frees when the pad is no more.
    unsafe {
        gst::ffi::gst_pad_set_chain_function_full(
            pad.to_glib_none().0,
            Some(chain),
            Box::into_raw(ring).cast(),
            Some(free),
        );
    }
    pad.set_active(true).unwrap();
    pad
}

unsafe extern "C" fn chain(
    pad: *mut gst::ffi::GstPad,
    _parent: *mut gst::ffi::GstObject,
    buffer: *mut gst::ffi::GstBuffer,
) -> gst::ffi::GstFlowReturn {
    // SAFETY: the data is the ring of `pad`; a pad's chain function runs under its stream lock, so nobody else has it.
    let ring = unsafe { &mut *(*pad).chaindata.cast::<VecDeque<gst::Buffer>>() };
    // SAFETY: the chain function is given the buffer.
    let buffer = unsafe { gst::glib::translate::from_glib_full(buffer) };
    if ring.len() == BUFFERS {
        ring.pop_front();
    }
    ring.push_back(buffer);
    gst::ffi::GST_FLOW_OK
}

unsafe extern "C" fn free(ring: gpointer) {
    // SAFETY: it was made by `Box::into_raw`, and the pad is no more.
    drop(unsafe { Box::from_raw(ring.cast::<VecDeque<gst::Buffer>>()) });
}
