//! Promise: a call that makes no sense is refused with the status that NVIDIA's header gives it, and changes nothing.
//! Contexts are looked up, never dereferenced unseen: any address may be given.
//! Calls at the same time as others are left to calls_from_many_threads.rs.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::api::{self, ERROR, INVALID_OP, INVALID_VAL};
use common::{Camera, Context, Parameters, raw};
use nvdssr_sys::NvDsSRContainerType;

#[test]
fn null_pointers_are_invalid() {
    let context = Context::new();
    assert_eq!(api::create(None), Err(INVALID_VAL));
    assert_eq!(api::create_nowhere(&mut raw(&Parameters::default(), Path::new("."))), Err(INVALID_VAL));
    assert_eq!(api::start(0, 0, 1, std::ptr::null_mut()), Err(INVALID_VAL));
    assert_eq!(api::start_nowhere(context.address), Err(INVALID_VAL));
    assert_eq!(api::stop(0, 0), Err(INVALID_VAL));
    assert_eq!(api::destroy(0), Err(INVALID_VAL));
    context.destroy();
}

#[test]
fn parameters_out_of_range_are_invalid() {
    gst::init().unwrap();
    let mut unknown = raw(&Parameters::default(), Path::new("."));
    unknown.containerType = NvDsSRContainerType(2);
    assert_eq!(api::create(Some(&mut unknown)), Err(ERROR), "no such container: as with NVIDIA's library");
    for prefix in ["", "folder/", "two\nlines"] {
        let mut nameless = raw(&Parameters { prefix: Some(prefix), ..Parameters::default() }, Path::new("."));
        assert_eq!(api::create(Some(&mut nameless)), Err(INVALID_VAL), "'{prefix}' is no file name");
    }
}

#[test]
fn an_unknown_context_is_invalid() {
    // An address that is mapped, and one that is not.
    let something = Box::new([0_u64; 64]);
    for address in [(&raw const *something) as usize, 0x10] {
        assert_eq!(api::start(address, 0, 1, std::ptr::null_mut()), Err(INVALID_VAL));
        assert_eq!(api::stop(address, 0), Err(INVALID_VAL));
        assert_eq!(api::destroy(address), Err(INVALID_VAL));
    }
}

#[test]
fn what_does_not_run_cannot_be_stopped() {
    let context = Context::new();
    assert_eq!(context.stop(0), Err(INVALID_OP), "nothing has been started");
    let mut camera = Camera::pictures(&context);
    camera.run_to(2.0);
    let asked = camera.start(&context, 1, 60, 1);
    for unknown in [1, 77, u32::MAX] {
        assert_eq!(context.stop(unknown), Err(INVALID_OP), "{unknown} does not run");
    }
    camera.run_to(3.0);
    let asked = asked.clone().until(camera.stop(&context, asked.id));
    assert_eq!(context.stop(asked.id), Err(INVALID_OP), "it has been stopped");
    camera.run_to(3.5);
    asked.check(&context.recorded());
    assert_eq!(context.stop(asked.id), Err(INVALID_OP), "it has ended");
    assert!(context.destroy().1.is_empty());
}

#[test]
fn nothing_can_be_started_after_the_stream_has_ended() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(2.0);
    camera.start(&context, 1, 60, 1);
    camera.end();
    let recording = context.recorded();
    assert_eq!(recording.pictures(), 0..=59, "what was there until the end");
    assert_eq!(context.start(1, 1, 2), Err(INVALID_OP));
    assert!(context.destroy().1.is_empty());
}
