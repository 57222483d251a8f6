//! Large writes: what an MP4 muxer writes frame by frame reaches the file many frames at a time, without being copied.
//! Only what nobody could read yet waits, the media of the fragment that is being written: its index comes when it is
//! complete, and whatever the muxer does between two frames of media goes on at once. What is written where, and when it
//! is durable, is left to `file` and `head`.

use gst::prelude::*;
use parking_lot::Mutex;

/// So much is written at once, in bytes. Page by page ext4 takes twice as long (6.18: 14 ms for 32 MB in pieces of 36 kB,
/// 7 ms in such of 256 KiB and more; `benches/past_interval.rs`).
const AT_ONCE: usize = 1 << 20;
/// And so many pieces: a call to the system takes 1,024 (IOV_MAX).
const PIECES: usize = 512;

#[derive(Default)]
struct Waiting {
    buffers: Vec<gst::Buffer>,
    bytes: usize,
    /// The muxer has gone elsewhere in the file: what comes next is no media.
    moved: bool,
}

impl Waiting {
    fn take(&mut self) -> Vec<gst::Buffer> {
        self.bytes = 0;
        std::mem::take(&mut self.buffers)
    }

    fn is_full(&self) -> bool {
        self.bytes >= AT_ONCE || self.buffers.len() >= PIECES
    }
}

/// An index, which makes what comes before it readable. Media that looks like one is written early, and no harm done.
fn is_index(buffer: &gst::BufferRef) -> bool {
    let mut head = [0; 8];
    buffer.copy_to_slice(0, &mut head).is_ok() && matches!(&head[4..], b"ftyp" | b"moov" | b"moof")
}

/// Gathers what an MP4 muxer sends out of its pad `source` to `sink`. Runs in the muxer's thread.
pub(super) fn gather(source: &gst::Pad, sink: &gst::Pad) {
    let waiting = Mutex::new(Waiting { moved: true, ..Waiting::default() });
    let sink = sink.downgrade();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    source.add_probe(kinds, move |_, info| {
        // Taken down: nothing is written any more.
        let Some(sink) = sink.upgrade() else { return gst::PadProbeReturn::Ok };
        let mut waiting = waiting.lock();
        let goes_on = info.buffer().is_none_or(|buffer| std::mem::take(&mut waiting.moved) || is_index(buffer));
        if goes_on {
            waiting.moved |= info.event().is_some_and(|event| event.type_() == gst::EventType::Segment);
            // An event has no result: a sink that fails tells the pipeline, and refuses what follows.
            return match (write(&sink, waiting.take()), info.event().is_some()) {
                (Ok(_), _) | (Err(_), true) => gst::PadProbeReturn::Ok,
                (failed, false) => refuse(info, failed),
            };
        }
        if let Some(gst::PadProbeData::Buffer(buffer)) = info.data.take() {
            waiting.bytes += buffer.size();
            waiting.buffers.push(buffer);
        }
        if waiting.is_full() {
            info.flow_res = write(&sink, waiting.take());
        }
        gst::PadProbeReturn::Handled
    });
}

fn write(sink: &gst::Pad, mut buffers: Vec<gst::Buffer>) -> Result<gst::FlowSuccess, gst::FlowError> {
    match (buffers.pop(), buffers.is_empty()) {
        (None, _) => Ok(gst::FlowSuccess::Ok),
        (Some(only), true) => sink.chain(only),
        (Some(last), false) => sink.chain_list(buffers.into_iter().chain([last]).collect()),
    }
}

/// The muxer learns that the sink has failed.
fn refuse(info: &mut gst::PadProbeInfo<'_>, failed: Result<gst::FlowSuccess, gst::FlowError>) -> gst::PadProbeReturn {
    info.data = None;
    info.flow_res = failed;
    gst::PadProbeReturn::Handled
}
