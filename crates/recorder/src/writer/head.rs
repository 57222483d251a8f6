//! The last step of an MP4: the muxer turns the fragments into one ordinary file by writing over its head, before it
//! writes the index that the new head needs (mp4mux 1.22.0). In between nothing could play the file. So what goes to the
//! head is held back here until the index is on disk, and then written at once.
//! The rest of a file's pipeline is in `file`.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use gst::prelude::*;
use parking_lot::Mutex;

/// The muxer's writes to the head are some bytes each, within what precedes the second fragment's media. More than this
/// between the first and the last of them is no head.
const MAX_HEAD: u64 = 16 << 20;

#[derive(Debug, Default)]
struct State {
    /// The muxer has been told that no more will come.
    ending: bool,
    /// Where the next buffer goes, and where the file ends.
    position: u64,
    end: u64,
    /// What goes before the end, in the muxer's order.
    held: Vec<(u64, gst::Buffer)>,
}

/// The writes that are held back.
#[derive(Clone, Debug, Default)]
pub(super) struct Head(Arc<Mutex<State>>);

impl Head {
    /// Watches what arrives at the file's sink. Runs in the pipeline's thread.
    pub(super) fn watch(&self, sink: &gst::Pad) {
        let state = self.0.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
        sink.add_probe(kinds, move |_, info| {
            let mut state = state.lock();
            if let Some(gst::EventView::Segment(segment)) = info.event().map(|event| event.view()) {
                let bytes = segment.segment().downcast_ref::<gst::format::Bytes>();
                if let Some(start) = bytes.and_then(|segment| segment.start()) {
                    state.position = *start;
                }
            } else if let Some(list) = info.buffer_list() {
                state.position += list.calculate_size() as u64;
            } else if let Some(size) = info.buffer().map(|buffer| buffer.size() as u64) {
                let at = state.position;
                state.position += size;
                if state.ending
                    && at < state.end
                    && let Some(gst::PadProbeData::Buffer(buffer)) = info.data.take()
                {
                    state.held.push((at, buffer));
                    // Dropped, it would be freed twice (gstreamer-rs 0.25 on GStreamer 1.22).
                    return gst::PadProbeReturn::Handled;
                }
            }
            state.end = state.end.max(state.position);
            gst::PadProbeReturn::Ok
        });
    }

    /// From here on what the muxer writes before the end is held back.
    pub(super) fn hold(&self) {
        self.0.lock().ending = true;
    }

    /// The pipeline has ended: makes what it has written durable, then writes the head in one piece.
    pub(super) fn write(&self, file: &std::fs::File) -> std::io::Result<()> {
        let held = std::mem::take(&mut self.0.lock().held);
        let Some(start) = held.iter().map(|(at, _)| *at).min() else { return Ok(()) };
        let end = held.iter().map(|(at, buffer)| at + buffer.size() as u64).max().unwrap_or(start);
        if end - start > MAX_HEAD {
            return Err(std::io::Error::other(format!("its head spans {} bytes", end - start)));
        }
        file.sync_data()?;
        // At most `MAX_HEAD`.
        let mut head = vec![0; (end - start) as usize];
        file.read_exact_at(&mut head, start)?;
        for (at, buffer) in held {
            let bytes = buffer.map_readable().map_err(std::io::Error::other)?;
            let from = (at - start) as usize;
            head[from..from + bytes.len()].copy_from_slice(&bytes);
        }
        file.write_all_at(&head, start)
    }
}
