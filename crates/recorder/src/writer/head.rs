//! The last step of an MP4: the muxer turns the fragments into one ordinary file by writing over its head, before it
//! writes the index that the new head needs (mp4mux 1.22.0). In between nothing could play the file. So what goes to the
//! head is held back here until the index is on disk, and then written at once.
//! The rest of a file's pipeline is in `file`.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use gst::prelude::*;
use parking_lot::Mutex;

#[derive(Debug, Default)]
struct State {
    /// Streams of which the muxer does not know yet that no more will come.
    open_inputs: usize,
    /// Where the header of the first mdat is: the first place that the muxer goes back to.
    first_mdat: Option<u64>,
    /// What is held back, in the muxer's order.
    held: Vec<(u64, gst::Buffer)>,
}

/// The writes that are held back.
#[derive(Clone, Debug, Default)]
pub(super) struct Head(Arc<Mutex<State>>);

impl Head {
    /// What the muxer writes at `at`, before the file's end, is held back or comes back. Runs in the pipeline's thread.
    pub(super) fn hold(&self, at: u64, buffer: gst::Buffer) -> Option<gst::Buffer> {
        let mut state = self.0.lock();
        // Going back it completes a fragment's header, which is needed at once, but for the first one's at the end; and it
        // changes one letter of the first moov's name.
        let is_head = buffer.size() == 1 || state.first_mdat == Some(at);
        state.first_mdat.get_or_insert(at);
        if !is_head || state.open_inputs > 0 {
            return Some(buffer);
        }
        state.held.push((at, buffer));
        None
    }

    /// Watches the muxer's input: once all of it has ended, what the muxer writes before the file's end is held back.
    pub(super) fn watch_input(&self, input: &gst::Pad) {
        self.0.lock().open_inputs += 1;
        let state = self.0.clone();
        input.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
                let mut state = state.lock();
                state.open_inputs = state.open_inputs.saturating_sub(1);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// The muxer knows that no more will come: where it goes back from here on, it makes the file's head.
    pub(super) fn is_being_made(&self) -> bool {
        self.0.lock().open_inputs == 0
    }

    /// The pipeline has ended: what is still to be written, and where. It is for [`Held::write`].
    pub(super) fn take(&self) -> Held {
        // The file is [mdat][moov] and fragments. The mdat is to become one over all of that, which makes the index behind
        // it the only one; only then the first moov may lose its name.
        let mut held = std::mem::take(&mut self.0.lock().held);
        held.sort_by_key(|(at, _)| *at);
        Held(held)
    }
}

/// What was held back, in the order in which it is to be written.
#[derive(Default)]
pub(super) struct Held(Vec<(u64, gst::Buffer)>);

impl Held {
    /// Puts into `bytes`, which are at `from` in the file, what will be there.
    pub(super) fn overlay(&self, from: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        for (at, buffer) in &self.0 {
            let patch = buffer.map_readable().map_err(std::io::Error::other)?;
            let start = from.max(*at);
            let end = (from + bytes.len() as u64).min(at + patch.len() as u64);
            // Offsets within slices that are in memory.
            if start < end
                && let Some(there) = bytes.get_mut((start - from) as usize..(end - from) as usize)
                && let Some(new) = patch.get((start - at) as usize..(end - at) as usize)
            {
                there.copy_from_slice(new);
            }
        }
        Ok(())
    }

    /// Makes what the pipeline has written durable, then writes what was held back. After each of these writes the file
    /// can be played.
    pub(super) fn write(&self, file: &std::fs::File) -> std::io::Result<()> {
        self.write_each(file, || ())
    }

    /// The same, with a call before each write.
    fn write_each(&self, file: &std::fs::File, mut before: impl FnMut()) -> std::io::Result<()> {
        file.sync_data()?;
        for (at, buffer) in &self.0 {
            before();
            file.write_all_at(&buffer.map_readable().map_err(std::io::Error::other)?, *at)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::Container;
    use crate::writer::place::Lock;
    use crate::writer::sidecar::digest;
    use crate::writer::sink::Sink;
    use crate::writer::{Command, job};

    #[test]
    fn the_file_plays_before_and_after_each_write() {
        gst::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mp4");
        let description = "videotestsrc num-buffers=90 ! video/x-raw,width=160,height=120,framerate=30/1 \
                           ! x264enc key-int-max=15 tune=zerolatency ! video/x-h264,stream-format=avc ! identity name=in";
        let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
        let muxer = Container::Mp4.muxer().unwrap();
        pipeline.add(&muxer).unwrap();
        let input = muxer.request_pad_simple("video_%u").unwrap();
        pipeline.by_name("in").unwrap().static_pad("src").unwrap().link(&input).unwrap();
        let head = Head::default();
        head.watch_input(&input);
        let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        let file = Arc::new(Lock(file));
        let (commands, queue) = channel();
        let sink = Sink::new(file.clone(), head.clone(), &job(dir.path(), Container::Mp4), 1, commands);
        sink.follow(&muxer.static_pad("src").unwrap()).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        assert_eq!(queue.recv_timeout(testbed::HANG_GUARD).unwrap(), Command::PipelineEos { part: 1 });
        pipeline.set_state(gst::State::Null).unwrap();
        sink.stop();
        let frames = || {
            let judged = testbed::ffprobe(&path).unwrap();
            assert_eq!(judged.errors, [""; 0]);
            judged.frames
        };
        let mut before = Vec::new();
        let held = head.take();
        let foretold = digest(&file.0, &held).unwrap();
        held.write_each(&file.0, || before.push(frames())).unwrap();
        assert_eq!(foretold, digest(&file.0, &Held::default()).unwrap());
        // As fragments it may lack what no fragment has told yet; from the first write on nothing is missing.
        assert!(before.len() == 2 && before[0] >= 75 && before[1] == 90, "{before:?}");
        assert_eq!(frames(), 90);
        let bytes = std::fs::read(&path).unwrap();
        let boxes = |name: &[u8]| bytes.windows(4).filter(|window| *window == name).count();
        assert_eq!(boxes(b"moov"), 1, "an ordinary file");
    }
}
