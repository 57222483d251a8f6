//! The bin around a library's recordbin: what arrives is seen before the library gets it, and the library's pads stay linked
//! through all connections of the source (NVIDIA's asks its muxer for another pad each time one is linked).
//! What follows from what is seen is left to `sessions`.

use std::sync::{Arc, Weak};

use gst::prelude::*;
use parking_lot::Mutex;

use super::library::Library;
use super::sessions::Sessions;
use crate::core::Stream;
use crate::recordbin::arrival;
use crate::{Container, Error, container};

/// The name of a stream's pad, here and in the library's recordbin.
pub(super) fn pad_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Video => "sink",
        Stream::Audio => "asink",
    }
}

/// A bin with pads `sink` and `asink` around `recordbin`, which tells `sessions` of what arrives.
///
/// # Errors
/// When an element is missing, or the recordbin is in another bin.
pub(super) fn around(
    recordbin: &gst::Element,
    library: &'static Library,
    sessions: &Weak<Sessions>,
) -> Result<gst::Bin, Error> {
    let broken = |error: gst::glib::BoolError| Error::Gstreamer(error.to_string());
    let bin = gst::Bin::new();
    bin.add(recordbin).map_err(broken)?;
    for stream in Stream::BOTH {
        // It is only a pad that stays linked.
        let entry = crate::source::make("identity", "libgstreamer1.0-0")?;
        bin.add(&entry).map_err(broken)?;
        let (Some(sink), Some(out)) = (entry.static_pad("sink"), entry.static_pad("src")) else {
            return Err(Error::Gstreamer("identity has not both its pads".into()));
        };
        let pad = gst::GhostPad::builder_with_target(&sink).map_err(broken)?.name(pad_name(stream)).build();
        let (sessions, target) = (sessions.clone(), recordbin.static_pad(pad_name(stream)));
        watch(&sink, stream, bin.downgrade(), sessions.clone());
        let out = Mutex::new(Some(out));
        pad.connect_linked(move |pad, _| {
            if let Some(sessions) = sessions.upgrade() {
                sessions.linked(stream);
            }
            // A stream that never comes must not be linked: the library's muxer would wait for it.
            let Some(out) = out.lock().take() else { return };
            let linked = target.as_ref().is_some_and(|target| out.link(target).is_ok());
            if let Some(bin) = pad.parent().and_downcast::<gst::Bin>().filter(|_| !linked) {
                gst::element_error!(
                    bin,
                    gst::CoreError::Pad,
                    ("{library} does not let its pad for {} be linked", stream.name())
                );
            }
        });
        bin.add_pad(&pad).map_err(broken)?;
    }
    Ok(bin)
}

/// Shows `sessions` what arrives on a pad, before it goes on.
fn watch(pad: &gst::Pad, stream: Stream, bin: gst::glib::WeakRef<gst::Bin>, sessions: Weak<Sessions>) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(kinds, move |_, info| {
        let (Some(bin), Some(sessions)) = (bin.upgrade(), sessions.upgrade()) else {
            return gst::PadProbeReturn::Ok;
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => sessions.frame(stream, buffer.clone(), arrival(), &bin),
            Some(gst::PadProbeData::BufferList(list)) => {
                list.iter_owned().for_each(|buffer| sessions.frame(stream, buffer, arrival(), &bin));
            }
            Some(gst::PadProbeData::Event(event)) => return see(event, stream, &bin, &sessions),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// With `Drop` the bindings keep the event, and GStreamer 1.22 complains that it has none to free.
const DROPPED: gst::PadProbeReturn = gst::PadProbeReturn::Handled;

fn see(event: &gst::Event, stream: Stream, bin: &gst::Bin, sessions: &Arc<Sessions>) -> gst::PadProbeReturn {
    let container: Container = sessions.setup.container;
    match event.view() {
        gst::EventView::Caps(caps) if !container.accepts(stream).is_ok_and(|all| all.can_intersect(caps.caps())) => {
            let text = container::refusal(container, stream, caps.caps());
            gst::element_error!(bin, gst::StreamError::Format, ("{text}"));
        }
        gst::EventView::Caps(caps) => sessions.format(stream, caps.caps_owned()),
        gst::EventView::Segment(segment) if !sessions.intake.lock().segment(stream, segment.segment()) => {
            gst::element_error!(
                bin,
                gst::StreamError::Format,
                ("the {} stream is not timed: its segment is not in time format", stream.name())
            );
        }
        gst::EventView::StreamStart(_) => sessions.linked(stream),
        gst::EventView::FlushStop(flush) if flush.resets_time() => sessions.flushed(stream),
        gst::EventView::Segment(_) | gst::EventView::FlushStart(_) | gst::EventView::FlushStop(_) => {}
        gst::EventView::Eos(_) => {
            // The library would end its file by itself, and not say what for.
            sessions.end_of_stream(stream);
            return DROPPED;
        }
        // Each event that has waited its turn in a GStreamer queue takes along all that waits behind it, whatever the queue's
        // threshold (seen with 1.22.0). NVIDIA's cache is such a queue: the tags that h264parse sends whenever a bit rate
        // changes would empty it all the time.
        _ if event.is_serialized() => return DROPPED,
        _ => {}
    }
    gst::PadProbeReturn::Ok
}
