//! Promise: the fields of NvDsSRContext that programs read hold what they hold with NVIDIA's library, also where recordings
//! overlap, and no pointer among them is NULL or dangles while the context lives.
//! Read as programs do: under flowLock. One recording at a time is left to programs_run_unmodified.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, Parameters};
use gst::glib::translate::FromGlibPtrNone;
use gst::prelude::*;
use nvdssr_sys::NvDsSRContext;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Flags {
    got_key_frame: bool,
    record_on: bool,
    reset_done: bool,
    is_playing: bool,
}

/// Nothing is being recorded, and everything is complete.
const IDLE: Flags = Flags { got_key_frame: false, record_on: false, reset_done: true, is_playing: true };
/// A recording runs and has begun.
const RECORDING: Flags = Flags { got_key_frame: true, record_on: true, reset_done: false, is_playing: true };

fn fields(context: &Context) -> &NvDsSRContext {
    // SAFETY: the context lives; the flags are read under its lock, and what else is read never changes.
    unsafe { &*(context.address as *const NvDsSRContext) }
}

fn flags(context: &Context) -> Flags {
    let raw = context.address as *mut NvDsSRContext;
    // SAFETY: the context lives, and its lock is held while the flags are read.
    unsafe {
        gst::glib::ffi::g_mutex_lock(&raw mut (*raw).flowLock);
        let flags = Flags {
            got_key_frame: (&raw const (*raw).gotKeyFrame).read() != 0,
            record_on: (&raw const (*raw).recordOn).read() != 0,
            reset_done: (&raw const (*raw).resetDone).read() != 0,
            is_playing: (&raw const (*raw).isPlaying).read() != 0,
        };
        gst::glib::ffi::g_mutex_unlock(&raw mut (*raw).flowLock);
        flags
    }
}

#[test]
fn no_pointer_is_null() {
    let context = Context::paused_with(Parameters::default());
    let fields = fields(&context);
    let elements = [fields.recordbin, fields.recordQue, fields.encodebin, fields.filesink];
    for element in elements {
        assert!(!element.is_null());
        // SAFETY: elements of a context that lives.
        let element: gst::Element = unsafe { gst::Element::from_glib_none(element) };
        assert!(!element.name().is_empty());
    }
    assert!(!fields.resetThread.is_null() && !fields.privData.is_null());
    assert!(!fields.initParams.fileNamePrefix.is_null() && !fields.initParams.dirpath.is_null());
    context.destroy();
}

#[test]
fn playing_is_the_recordbins_state() {
    let context = Context::paused_with(Parameters::default());
    assert_eq!(flags(&context), Flags { is_playing: false, ..IDLE });
    context.play();
    assert_eq!(flags(&context), IDLE);
    context.destroy();
}

#[test]
fn recording_is_on_while_any_recording_runs() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(4.5);
    assert_eq!(flags(&context), IDLE);
    let first = camera.start(&context, 1, 60, 1);
    assert!(flags(&context).record_on && !flags(&context).reset_done, "{:?}", flags(&context));
    camera.run_to(5.5);
    assert_eq!(flags(&context), RECORDING);
    let second = camera.start(&context, 1, 60, 2);
    camera.run_to(6.0);
    camera.stop(&context, first.id);
    camera.run_to(6.5);
    assert_eq!(context.recorded().tag, 1);
    assert_eq!(flags(&context), RECORDING, "the second one runs");
    camera.stop(&context, second.id);
    let stopped = flags(&context);
    assert!(!stopped.record_on && !stopped.got_key_frame, "{stopped:?}");
    camera.run_to(7.0);
    assert_eq!(context.recorded().tag, 2);
    assert_eq!(flags(&context), IDLE);
    context.destroy();
}

/// Programs free what they gave along with the start that `uData` names.
#[test]
fn user_data_is_the_last_starts() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(2.0);
    for tag in 0..2 {
        let user_data = context.user_data(tag);
        common::api::start(context.address, 1, 60, user_data).unwrap();
        assert_eq!(fields(&context).uData, user_data);
    }
    assert_eq!(context.destroy().1.len(), 2);
}
