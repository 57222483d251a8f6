//! What a recording cannot cost less than: `appsrc ! mp4mux ! filesink` alone.
//! What is measured of it is left to the benchmarks.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; a pipeline that fails fails it.

use std::path::Path;

use gst::prelude::*;

use super::media::Media;

/// Writes a file of these buffers, and removes it. `fragmented`: with mp4mux set as ours is, so that a crash costs no more
/// than the last second.
pub fn write(media: &Media, buffers: Vec<gst::Buffer>, file: &Path, fragmented: bool) {
    let pipeline = gst::Pipeline::new();
    let source = gst_app::AppSrc::builder().caps(&media.caps).format(gst::Format::Time).max_bytes(0).build();
    let muxer = gst::ElementFactory::make("mp4mux").build().unwrap();
    if fragmented {
        muxer.set_property("fragment-duration", 500u32);
        muxer.set_property_from_str("fragment-mode", "first-moov-then-finalise");
    }
    let sink = gst::ElementFactory::make("filesink").property("location", file.to_str().unwrap()).build().unwrap();
    pipeline.add_many([source.upcast_ref(), &muxer, &sink]).unwrap();
    let input = muxer.request_pad_simple("video_%u").unwrap();
    source.static_pad("src").unwrap().link(&input).unwrap();
    muxer.link(&sink).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    buffers.into_iter().for_each(|buffer| assert!(source.push_buffer(buffer).is_ok()));
    source.end_of_stream().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::NONE, &end).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    std::fs::remove_file(file).unwrap();
}
