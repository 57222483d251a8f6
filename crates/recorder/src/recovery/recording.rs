//! Recordings for this module's tests: written by the real muxer with its real settings into a real `filesink`, with a
//! log of every write, so that the file can be had as it was at any instant.
//! What is done with them is left to the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gst::prelude::*;
use parking_lot::Mutex;

use super::{Finished, Leftover, Recovered, all};
use crate::Container;

/// Where a write went, and what was written.
type Write = (u64, Vec<u8>);

/// A finished recording and how it came about.
pub(super) struct Recording {
    pub(super) container: Container,
    /// In order.
    pub(super) writes: Vec<Write>,
    /// As the muxer finished it.
    pub(super) finished: Vec<u8>,
}

/// H.264 with B-frames and AAC.
pub(super) const PICTURE_AND_SOUND: &str = "videotestsrc num-buffers=200 ! video/x-raw,width=160,height=120,framerate=25/1 \
     ! x264enc bframes=2 b-adapt=false key-int-max=25 bitrate=200 speed-preset=ultrafast ! h264parse ! mux. \
     audiotestsrc num-buffers=375 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! mux.";

impl Recording {
    /// Runs `description`, whose streams end in `mux.`, to its end.
    pub(super) fn make(container: Container, description: &str) -> Self {
        Self::with(container, &muxer(container), description)
    }

    /// The same with another muxer, or other settings.
    pub(super) fn with(container: Container, mux: &gst::Element, description: &str) -> Self {
        let dir = testbed::temp_dir().unwrap();
        let path = dir.path().join("recording");
        let writes = Self::write(mux, description, &path, |_| {});
        let finished = std::fs::read(&path).unwrap();
        let recording = Self { container, writes, finished };
        assert_eq!(recording.after(usize::MAX), recording.finished, "the log of writes is complete");
        recording
    }

    /// Writes a file with the muxer and its settings; returns the log of its writes. `muxed` is called for each buffer
    /// that the muxer takes.
    pub(super) fn write(
        mux: &gst::Element,
        description: &str,
        path: &Path,
        muxed: impl Fn(&gst::BufferRef) + Clone + Send + Sync + 'static,
    ) -> Vec<Write> {
        let pipeline = gst::Pipeline::new();
        // Unbuffered: what the log says is what a killed process leaves.
        let sink = gst::ElementFactory::make("filesink")
            .property("location", path)
            .property_from_str("buffer-mode", "unbuffered")
            .build()
            .unwrap();
        pipeline.add_many([mux, &sink]).unwrap();
        mux.link(&sink).unwrap();
        for branch in description.split("mux.").filter(|branch| !branch.trim().is_empty()) {
            let branch = format!("{branch} queue name=out max-size-time=0 max-size-buffers=0 max-size-bytes=0");
            let bin = gst::parse::bin_from_description(&branch, false).unwrap();
            let output = bin.by_name("out").unwrap().static_pad("src").unwrap();
            bin.add_pad(&gst::GhostPad::with_target(&output).unwrap()).unwrap();
            pipeline.add(&bin).unwrap();
            bin.link(mux).unwrap();
            let muxed = muxed.clone();
            output.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                info.buffer().inspect(|buffer| muxed(buffer));
                gst::PadProbeReturn::Ok
            });
        }
        let writes = log_writes(&sink.static_pad("sink").unwrap());
        pipeline.set_state(gst::State::Playing).unwrap();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let guard = gst::ClockTime::try_from(testbed::HANG_GUARD).unwrap();
        let message = pipeline.bus().unwrap().timed_pop_filtered(guard, &kinds).unwrap();
        assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
        pipeline.set_state(gst::State::Null).unwrap();
        std::mem::take(&mut writes.lock())
    }

    /// Bytes that were written, in all writes together.
    pub(super) fn written(&self) -> usize {
        self.writes.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// The file when this many bytes had been written.
    pub(super) fn after(&self, mut written: usize) -> Vec<u8> {
        let mut file = Vec::new();
        for (at, bytes) in &self.writes {
            let bytes = &bytes[..bytes.len().min(written)];
            let at = usize::try_from(*at).unwrap();
            file.resize(file.len().max(at + bytes.len()), 0);
            file[at..at + bytes.len()].copy_from_slice(bytes);
            written -= bytes.len();
            if written == 0 {
                break;
            }
        }
        file
    }

    /// The last state before the muxer began to finalise: when it had last written to the end of the file.
    pub(super) fn unfinished(&self) -> Vec<u8> {
        let finalising = self.finalisation();
        self.after(self.writes[..finalising].iter().map(|(_, bytes)| bytes.len()).sum())
    }

    /// The index of the first write of the finalisation.
    pub(super) fn finalisation(&self) -> usize {
        let wanted: &[u8] = match self.container {
            Container::Mp4 => b"h",
            Container::Mkv => &[0x1C, 0x53, 0xBB, 0x6B],
        };
        let found = self.writes.iter().position(|(_, bytes)| match self.container {
            Container::Mp4 => bytes == wanted,
            Container::Mkv => bytes.starts_with(wanted),
        });
        found.expect("the muxer finalises as it did when this was written")
    }
}

/// The muxer with the settings of the product.
pub(super) fn muxer(container: Container) -> gst::Element {
    gst::init().unwrap();
    container.muxer().unwrap()
}

fn log_writes(pad: &gst::Pad) -> Arc<Mutex<Vec<Write>>> {
    let writes = Arc::new(Mutex::new(Vec::new()));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    let position = Arc::new(Mutex::new(0_u64));
    let log = writes.clone();
    pad.add_probe(mask, move |_, info| {
        let append = |buffer: &gst::BufferRef| {
            let bytes = buffer.map_readable().unwrap().to_vec();
            let mut position = position.lock();
            log.lock().push((*position, bytes.clone()));
            *position += bytes.len() as u64;
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => append(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(append),
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Segment(segment) = event.view()
                    && let Some(bytes) = segment.segment().downcast_ref::<gst::format::Bytes>()
                {
                    *position.lock() = bytes.start().map_or(0, |start| *start);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    writes
}

/// A name of ours in a folder, without `.part`.
pub(super) fn target(dir: &Path, container: Container) -> PathBuf {
    dir.join(format!("Smart_Record_00001_20261123-050000_1.{}", container.extension()))
}

/// Puts a leftover into a folder and finds it.
pub(super) fn leave(dir: &Path, container: Container, bytes: &[u8]) -> Leftover {
    let target = target(dir, container);
    std::fs::write(crate::file_name::temporary(&target), bytes).unwrap();
    let mut found = all(dir).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Finishes it, whatever comes of it.
pub(super) fn finish(leftover: &Leftover) -> Option<Recovered> {
    match leftover.finish(&AtomicBool::new(false)).unwrap() {
        Finished::Recording(recovered) => Some(recovered),
        Finished::Empty => None,
    }
}
