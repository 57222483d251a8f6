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

    /// Something comes out of the muxer: whether it goes on to the sink by itself, or waits here; and what is to be written
    /// before that.
    fn next(&mut self, info: &mut gst::PadProbeInfo<'_>) -> (bool, Vec<gst::Buffer>) {
        if info.buffer().is_none_or(|buffer| std::mem::take(&mut self.moved) || is_index(buffer)) {
            self.moved |= info.event().is_some_and(|event| event.type_() == gst::EventType::Segment);
            return (true, self.take());
        }
        if let Some(gst::PadProbeData::Buffer(buffer)) = info.data.take() {
            self.bytes += buffer.size();
            self.buffers.push(buffer);
        }
        (false, if self.is_full() { self.take() } else { Vec::new() })
    }
}

/// An index, which makes what comes before it readable. Media that looks like one is written early, and no harm done.
fn is_index(buffer: &gst::BufferRef) -> bool {
    let mut head = [0; 8];
    // The size first: copying more than there is panics.
    buffer.size() >= head.len()
        && buffer.copy_to_slice(0, &mut head).is_ok()
        && matches!(&head[4..], b"ftyp" | b"moov" | b"moof")
}

/// Gathers what an MP4 muxer sends out of its pad `source` to `sink`. Runs in the muxer's thread.
pub(super) fn gather(source: &gst::Pad, sink: &gst::Pad) {
    let waiting = Mutex::new(Waiting { moved: true, ..Waiting::default() });
    let sink = sink.downgrade();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    source.add_probe(kinds, move |_, info| {
        // Taken down: nothing is written any more.
        let Some(sink) = sink.upgrade() else { return gst::PadProbeReturn::Ok };
        let (goes_on, batch) = waiting.lock().next(info);
        let written = write(&sink, batch);
        match (written, goes_on) {
            (Ok(_), true) => gst::PadProbeReturn::Ok,
            // An event has no result: a sink that fails tells the pipeline, and refuses what follows.
            (Err(_), true) if info.event().is_some() => gst::PadProbeReturn::Ok,
            (Err(_), true) => refuse(info, written),
            (written, false) => {
                info.flow_res = written;
                gst::PadProbeReturn::Handled
            }
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;

    /// A muxer's pad, and what reaches the sink behind it, a write each; a segment is a write of nothing.
    fn pads() -> (gst::Pad, gst::Pad, Arc<Mutex<Vec<Vec<u8>>>>) {
        gst::init().unwrap();
        let writes = Arc::new(Mutex::new(Vec::new()));
        let bytes = |buffer: &gst::BufferRef| buffer.map_readable().unwrap().to_vec();
        let (one, many, moves) = (writes.clone(), writes.clone(), writes.clone());
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                one.lock().push(bytes(&buffer));
                Ok(gst::FlowSuccess::Ok)
            })
            .chain_list_function(move |_, _, list| {
                many.lock().push(list.iter().flat_map(bytes).collect());
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(move |_, _, event| {
                if event.type_() == gst::EventType::Segment {
                    moves.lock().push(Vec::new());
                }
                true
            })
            .build();
        let source = gst::Pad::new(gst::PadDirection::Src);
        source.link(&sink).unwrap();
        sink.set_active(true).unwrap();
        source.set_active(true).unwrap();
        gather(&source, &sink);
        assert!(source.push_event(gst::event::StreamStart::new("muxer")));
        go_to(&source, 0);
        (source, sink, writes)
    }

    fn go_to(source: &gst::Pad, position: u64) {
        let mut segment = gst::FormattedSegment::<gst::format::Bytes>::new();
        segment.set_start(gst::format::Bytes::from_u64(position));
        assert!(source.push_event(gst::event::Segment::new(&segment)));
    }

    fn push(source: &gst::Pad, bytes: &[u8]) {
        source.push(gst::Buffer::from_slice(bytes.to_vec())).unwrap();
    }

    #[test]
    fn media_waits_for_its_index_and_nothing_else_does() {
        let (source, _sink, writes) = pads();
        push(&source, b"\0\0\0\x08ftyp");
        // Of every length: what is shorter than the head of an index is media, too.
        for length in 1..=9 {
            push(&source, &b"123456789"[..length]);
        }
        assert_eq!(*writes.lock(), [&b""[..], b"\0\0\0\x08ftyp"]);
        push(&source, b"\0\0\0\x0amoof..");
        let media = (1..=9).flat_map(|length| b"123456789"[..length].to_vec()).collect::<Vec<_>>();
        assert_eq!(writes.lock()[2..], [&media[..], b"\0\0\0\x0amoof.."]);
        // Back to the head: first what waits, then the move, then what is written there, short as it is.
        push(&source, b"tail");
        go_to(&source, 4);
        push(&source, b"size");
        assert_eq!(writes.lock()[4..], [&b"tail"[..], b"", b"size"]);
        push(&source, b"last");
        assert!(source.push_event(gst::event::Eos::new()));
        assert_eq!(writes.lock()[7..], [b"last"]);
    }

    #[test]
    fn no_more_waits_than_is_written_at_once() {
        let (source, _sink, writes) = pads();
        push(&source, b"head");
        for _ in 0..PIECES {
            push(&source, b"x");
        }
        assert_eq!(writes.lock().last().unwrap().len(), PIECES);
        push(&source, &vec![0; AT_ONCE]);
        assert_eq!(writes.lock().last().unwrap().len(), AT_ONCE);
    }

    #[test]
    fn a_sink_that_fails_is_told_to_the_muxer() {
        let (source, sink, _writes) = pads();
        push(&source, b"head");
        push(&source, b"waits");
        sink.set_active(false).unwrap();
        let moof = gst::Buffer::from_slice(b"\0\0\0\x08moof");
        assert!(source.push(moof).is_err());
    }
}
