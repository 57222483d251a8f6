//! RTSP cameras: `rtspsrc`, over UDP or TCP.
//! What a stream is and where it goes is left to `link`.

use gst::prelude::*;

use super::link::{Linker, Pace};
use super::{Reception, RtpProtocol, make};
use crate::Error;
use crate::core::Stream;

/// The most that two frames may come closer to each other while sound and pictures are brought together: less than any
/// frame is long.
const OFFSET_STEP: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// Adds the camera to the pipeline.
pub(super) fn add(pipeline: &gst::Pipeline, uri: &str, reception: Reception, linker: Linker) -> Result<(), Error> {
    let source = make("rtspsrc", "gstreamer1.0-plugins-good")?;
    source.set_property("location", uri);
    source.set_property("latency", reception.latency_ms);
    if reception.protocol == RtpProtocol::Tcp {
        source.set_property_from_str("protocols", "tcp");
    }
    // The first sender reports tell how sound and pictures lie to each other. Without a limit, what comes next is shifted
    // by all of it at once, back in time by 146 ms in one case seen (1.22, a camera that started slowly): pictures out of
    // their order. With it the streams find together within seconds.
    source.set_property("max-ts-offset-adjustment", OFFSET_STEP.nseconds());
    // Since GStreamer 1.22: the sender's clock on each buffer (facts/gstreamer.md).
    if source.has_property("add-reference-timestamp-meta") {
        source.set_property("add-reference-timestamp-meta", true);
    }
    let wanted = linker.clone();
    source.connect("select-stream", false, move |arguments| {
        let caps = arguments.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let stream = caps.as_ref().and_then(media);
        // The others (ONVIF metadata and the like) would cost a connection for nothing.
        Some(stream.is_some_and(|stream| wanted.wants(stream)).to_value())
    });
    let answered = linker.clone();
    source.connect("on-sdp", false, move |_| {
        answered.answered();
        None
    });
    source.connect_pad_added(move |_, pad| {
        if pad.direction() == gst::PadDirection::Src {
            linker.parse(pad, Pace::AsItComes);
        }
    });
    super::add(pipeline, &source)
}

fn media(caps: &gst::Caps) -> Option<Stream> {
    match caps.structure(0)?.get::<&str>("media").ok()? {
        "video" => Some(Stream::Video),
        "audio" => Some(Stream::Audio),
        _ => None,
    }
}
