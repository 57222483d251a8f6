//! Promise: a recordbin is an element like others: it plays in an application's pipeline, passes the end of
//! its streams on to the bus, takes no elements into itself, and nothing of it is left behind.
//! What it records is left to other tests.
#![allow(clippy::unwrap_used)]

mod fed;

use std::time::Duration;

use fed::Fed;
use gst::glib::WeakRef;
use gst::prelude::*;
use recorder::core::Stream;
use recorder::{Container, Recordbin};

const CAMERA: &str = "videotestsrc num-buffers=60 ! video/x-raw,width=128,height=96,framerate=30/1 \
    ! x264enc speed-preset=ultrafast tune=zerolatency key-int-max=15 ! h264parse name=camera ! \
    video/x-h264,stream-format=avc,alignment=au ! identity name=out";

/// A camera's pipeline, and the pad that its pictures come from.
fn camera() -> (gst::Pipeline, gst::Pad) {
    let pipeline = gst::parse::launch(CAMERA).unwrap().downcast::<gst::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap().static_pad("src").unwrap();
    (pipeline, out)
}

/// Waits for the end of the streams.
fn play(pipeline: &gst::Pipeline) {
    pipeline.set_state(gst::State::Playing).unwrap();
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let message =
        pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::try_from(testbed::HANG_GUARD).ok(), &wanted);
    assert_eq!(message.unwrap().type_(), gst::MessageType::Eos);
}

#[test]
fn it_plays_ends_and_goes() {
    let fed = Fed::new(Container::Mp4, &[Stream::Video], 30);
    let (pipeline, out) = camera();
    pipeline.add(&fed.bin).unwrap();
    out.link(&fed.bin.pad(Stream::Video).unwrap()).unwrap();
    play(&pipeline);
    assert!(fed.bin.has_ended());
    let (bytes, history) = fed.bin.cache();
    assert!(bytes > 0);
    assert_eq!(
        history,
        Duration::from_nanos(59 * 1_000_000_000 / 30),
        "from the first frame's start to the last one's"
    );
    pipeline.set_state(gst::State::Null).unwrap();
    pipeline.remove(&fed.bin).unwrap();
    let bin: WeakRef<Recordbin> = fed.bin.downgrade();
    drop((fed, out, pipeline));
    assert!(bin.upgrade().is_none(), "nobody holds it any more");
}

#[test]
fn its_buffers_go_with_it() {
    let fed = Fed::new(Container::Mkv, &[Stream::Video], 30);
    let (pipeline, out) = camera();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let watched = seen.clone();
    out.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        watched.lock().unwrap().extend(info.buffer().cloned());
        gst::PadProbeReturn::Ok
    });
    pipeline.add(&fed.bin).unwrap();
    out.link(&fed.bin.pad(Stream::Video).unwrap()).unwrap();
    play(&pipeline);
    pipeline.set_state(gst::State::Null).unwrap();
    // Nobody else has one that can be written to.
    let cached = || seen.lock().unwrap().iter_mut().map(|buffer| buffer.get_mut().is_none()).filter(|is| *is).count();
    assert_eq!(cached(), 60);
    pipeline.remove(&fed.bin).unwrap();
    drop(fed);
    assert_eq!(cached(), 0);
}

#[test]
fn it_takes_no_elements() {
    let fed = Fed::new(Container::Mp4, &[Stream::Video], 30);
    let element = gst::ElementFactory::make("fakesink").build().unwrap();
    assert!(fed.bin.add(&element).is_err());
    assert!(element.parent().is_none());
    assert!(fed.bin.children().is_empty());
}
