//! The end of a recording's pipeline: a pad that writes into the file. What an MP4 muxer sends frame by frame is gathered,
//! without being copied, and written a fragment at a time; once a write has failed, nothing more is written.
//! When to open and to close is left to `file`, what is held back of the head to `head`.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use gst::prelude::*;
use parking_lot::Mutex;

use super::head::Head;
use super::place::Lock;
use super::{Alive, Command, Job};

/// So much is written at once, in bytes. Page by page ext4 takes twice as long (6.18: 14 ms for 32 MB in pieces of 36 kB,
/// 7 ms in such of 256 KiB and more; `benches/past_interval.rs`).
const AT_ONCE: usize = 1 << 20;
/// And so many pieces of memory.
const PIECES: usize = 512;
/// A call to the system takes no more (IOV_MAX).
const PIECES_OF_A_CALL: usize = 1024;

/// What was written is made durable this often, so that a power cut loses no more than a crash.
const SYNC_PERIOD: Duration = Duration::from_secs(1);

/// A pad that writes into the file what is sent to it. GStreamer's `filesink` does not do: after a write that failed it
/// takes the next one, and a muxer that has just been moved to another place, which cannot fail, then writes an index of
/// frames that are not there; and of a list of buffers that a disk takes in two parts it writes the wrong bytes (1.22.0
/// to 1.29.2, `gst_writev_buffer_list`).
pub(super) struct Sink {
    pad: gst::Pad,
    /// Locked by the pipeline's thread, also while it writes, and by whoever has stopped it: nobody waits for it.
    output: Arc<Mutex<Output>>,
}

impl Sink {
    /// Writes into `file`, which is empty. Failures and the end are told to `commands`, as those of file `part`.
    pub(super) fn new(file: Arc<Lock>, head: Head, job: &Job, part: usize, commands: Sender<Command>) -> Self {
        let in_fragments = job.container.is_finalised_in_place();
        let output = Output {
            file,
            in_fragments,
            head,
            position: 0,
            end: 0,
            gathered: Gathered::default(),
            synced: Instant::now(),
            failed: false,
            alive: job.alive.clone(),
            part,
            commands,
        };
        let output = Arc::new(Mutex::new(output));
        let (buffers, lists, events) = (output.clone(), output.clone(), output.clone());
        let pad = gst::Pad::builder(gst::PadDirection::Sink)
            .name("sink")
            .chain_function(move |_, _, buffer| buffers.lock().take(buffer))
            .chain_list_function(move |_, _, list| {
                let mut output = lists.lock();
                list.iter_owned().try_fold(gst::FlowSuccess::Ok, |_, buffer| output.take(buffer))
            })
            .event_function(move |_, _, event| events.lock().hear(&event))
            .query_function(|pad, parent, query| match query.view_mut() {
                // The muxers go back to complete what they have written.
                gst::QueryViewMut::Seeking(seeking) => {
                    let is_bytes = seeking.format() == gst::Format::Bytes;
                    if is_bytes {
                        seeking.set(true, gst::format::Bytes::ZERO, gst::format::Bytes::NONE);
                    }
                    is_bytes
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        Self { pad, output }
    }

    /// Takes what comes out of a muxer's pad.
    ///
    /// # Errors
    /// When it cannot be linked.
    pub(super) fn follow(&self, muxer: &gst::Pad) -> Result<(), String> {
        self.pad.set_active(true).map_err(|error| error.to_string())?;
        muxer.link(&self.pad).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Takes nothing more, and writes what it has. Waits for a write that is under way.
    pub(super) fn stop(&self) {
        // Only a pad that is being activated elsewhere at the same time refuses.
        drop(self.pad.set_active(false));
        let mut output = self.output.lock();
        drop(output.flush());
        // Nobody is told anything any more.
        output.failed = true;
    }
}

/// The file's end, buffers that have not been written yet.
#[derive(Default)]
struct Gathered {
    /// Where they begin.
    at: u64,
    buffers: Vec<gst::Buffer>,
    bytes: usize,
    pieces: usize,
}

impl Gathered {
    fn end(&self) -> u64 {
        self.at + self.bytes as u64
    }

    fn is_full(&self) -> bool {
        self.bytes >= AT_ONCE || self.pieces >= PIECES
    }

    fn push(&mut self, at: u64, buffer: gst::Buffer) {
        if self.buffers.is_empty() {
            self.at = at;
        }
        self.bytes += buffer.size();
        self.pieces += buffer.n_memory();
        self.buffers.push(buffer);
    }

    /// Puts a buffer in the place of the one that is just there, if there is one: a header that is completed.
    fn replace(&mut self, at: u64, buffer: gst::Buffer) -> Result<(), gst::Buffer> {
        let mut from = self.at;
        for there in &mut self.buffers {
            if from >= at {
                if from == at && there.size() == buffer.size() {
                    self.pieces = self.pieces - there.n_memory() + buffer.n_memory();
                    *there = buffer;
                    return Ok(());
                }
                break;
            }
            from += there.size() as u64;
        }
        Err(buffer)
    }
}

struct Output {
    file: Arc<Lock>,
    /// The muxer writes fragments, which nobody can read until their index is there.
    in_fragments: bool,
    head: Head,
    /// Where the next buffer goes, and where the file ends, with what is gathered.
    position: u64,
    end: u64,
    gathered: Gathered,
    /// When the file was last made durable.
    synced: Instant,
    /// A write has failed, or the file has been given up: whatever came now would be about what is not there.
    failed: bool,
    alive: Arc<Alive>,
    part: usize,
    commands: Sender<Command>,
}

impl Output {
    fn take(&mut self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.alive.sign();
        if self.failed {
            return Err(gst::FlowError::Error);
        }
        let written = self.place(buffer).and_then(|()| match self.synced.elapsed() >= SYNC_PERIOD {
            true => self.sync(),
            false => Ok(()),
        });
        written.map(|()| gst::FlowSuccess::Ok).map_err(|error| {
            self.fail(&error);
            gst::FlowError::Error
        })
    }

    fn hear(&mut self, event: &gst::Event) -> bool {
        self.alive.sign();
        let result = match event.view() {
            gst::EventView::Segment(segment) => self.go_to(segment),
            gst::EventView::Eos(_) => self.flush(),
            _ => Ok(()),
        };
        if let Err(error) = result {
            self.fail(&error);
        } else if event.type_() == gst::EventType::Eos && !self.failed {
            self.tell(Command::PipelineEos { part: self.part });
        }
        !self.failed
    }

    /// The muxer goes elsewhere in the file. A head that is written over at the end, and is not held back, may reach the
    /// disk only after all that it points to: before, it would cost the whole file. Where the muxer goes back to complete
    /// a cluster, no more depends on it than that.
    fn go_to(&mut self, segment: &gst::event::Segment) -> std::io::Result<()> {
        let bytes = segment.segment().downcast_ref::<gst::format::Bytes>();
        if let Some(start) = bytes.and_then(|segment| segment.start()) {
            self.position = *start;
        }
        match !self.failed && !self.in_fragments && self.head.is_being_made() {
            true => self.sync(),
            false => Ok(()),
        }
    }

    /// Writes a buffer, or gathers it: the media of a fragment is of no use to anybody before its index, which is written
    /// with it.
    fn place(&mut self, buffer: gst::Buffer) -> std::io::Result<()> {
        let at = self.position;
        self.position += buffer.size() as u64;
        if at == self.end {
            self.end = self.position;
            let is_complete = !self.in_fragments || is_index(&buffer);
            self.gathered.push(at, buffer);
            return match is_complete || self.gathered.is_full() {
                true => self.flush(),
                false => Ok(()),
            };
        }
        let buffer = match self.in_fragments && at < self.end {
            true => match self.head.hold(at, buffer) {
                Some(buffer) => buffer,
                None => return Ok(()),
            },
            false => buffer,
        };
        let Err(buffer) = self.gathered.replace(at, buffer) else { return Ok(()) };
        self.flush()?;
        self.end = self.end.max(self.position);
        write(&self.file.0, std::slice::from_ref(&buffer), at)
    }

    /// Writes what has been gathered, all of it or nothing.
    fn flush(&mut self) -> std::io::Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        if self.failed || gathered.buffers.is_empty() {
            return Ok(());
        }
        let written = write(&self.file.0, &gathered.buffers, gathered.at);
        if written.is_err() {
            debug_assert_eq!(gathered.end(), self.end);
            // Half a fragment is of no use, and its room is. Where that cannot be had back either, it stays.
            drop(self.file.0.set_len(gathered.at));
        }
        written
    }

    /// Makes all that has come durable.
    fn sync(&mut self) -> std::io::Result<()> {
        self.flush()?;
        self.file.0.sync_data()?;
        self.synced = Instant::now();
        Ok(())
    }

    fn fail(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.failed, true) {
            self.tell(Command::PipelineError { part: self.part, reason: format!("the disk reports: {error}") });
        }
    }

    fn tell(&self, command: Command) {
        // The session's thread has gone only if the session has failed already.
        drop(self.commands.send(command));
    }
}

/// A head or an index, which makes what comes before it readable. Media that looks like one is written early, and no harm
/// done.
fn is_index(buffer: &gst::BufferRef) -> bool {
    let mut head = [0; 8];
    // The size first: copying more than there is panics.
    buffer.size() >= head.len()
        && buffer.copy_to_slice(0, &mut head).is_ok()
        && matches!(&head[4..], b"ftyp" | b"moov" | b"moof")
}

/// Writes buffers one behind the other, from `at` on, without joining their memories.
fn write(file: &std::fs::File, buffers: &[gst::Buffer], at: u64) -> std::io::Result<()> {
    let memories = buffers.iter().flat_map(|buffer| buffer.iter_memories());
    let maps =
        memories.map(gst::MemoryRef::map_readable).collect::<Result<Vec<_>, _>>().map_err(std::io::Error::other)?;
    let mut slices: Vec<_> = maps.iter().map(|map| IoSlice::new(map)).collect();
    write_all(&mut slices, at, |slices, at| Ok(rustix::io::pwritev(file, slices, at)?))
}

/// Calls `write` until all has been written: a disk that is nearly full takes a part.
fn write_all(
    mut slices: &mut [IoSlice<'_>],
    mut at: u64,
    write: impl Fn(&[IoSlice<'_>], u64) -> std::io::Result<usize>,
) -> std::io::Result<()> {
    // Empty ones at the beginning would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match write(&slices[..slices.len().min(PIECES_OF_A_CALL)], at) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at += written as u64;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
