//! One recording on disk: `appsrc` per stream and the muxer in a pipeline of its own, which ends in a `Sink`, under a
//! temporary name until it is complete.
//! When to open and to close is left to the session's thread, which owns it, what is written when to `sink`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gst::prelude::*;

use super::head::Head;
use super::place::{Lock, rename_new, reserve};
use super::sink::Sink;
use super::{Command, Failure, Job, background, edit_list, sidecar};
use crate::container::codec_name;
use crate::core::{Delivered, Frame, Interval, RunningTime, Stream, Timeline, Utc};
use crate::pipeline_error;
use crate::record::{AudioTrack, FileRecord, Times, VideoTrack};

/// A file takes so much media ahead of its muxer, in bytes and in stream time; the rest waits in the source's cache, where
/// all sessions share it.
const QUEUE_BYTES: u64 = 2 << 20;
const QUEUE_TIME: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// The least time from one frame to the next in a file: Matroska's unit.
const TICK: Duration = Duration::from_millis(1);

/// What a file begins with.
pub(super) struct Opening {
    /// Which file of the session, from 1.
    pub(super) part: usize,
    /// Main stream first.
    pub(super) streams: Vec<(Stream, gst::Caps)>,
    /// Running time of the main stream's first frame.
    pub(super) first: RunningTime,
    /// The main stream has B-frames and no decoding times.
    pub(super) unordered: bool,
}

struct Track {
    stream: Stream,
    caps: gst::Caps,
    source: gst_app::AppSrc,
    /// Decoding time of the last frame.
    decoded: Option<RunningTime>,
    /// Nothing more will be pushed.
    ended: bool,
}

/// An open recording.
pub(super) struct File {
    path: PathBuf,
    temporary: PathBuf,
    lock: Arc<Lock>,
    pipeline: gst::Pipeline,
    /// Where the pipeline ends.
    sink: Sink,
    /// Main stream first.
    tracks: Vec<Track>,
    /// Running time that is zero in the file.
    base: Option<RunningTime>,
    first: RunningTime,
    /// The main stream's last frame: how long it is shown is known only with what follows.
    last: Option<Frame<gst::Buffer>>,
    unordered: bool,
    /// The thread waits for room in a queue.
    waiting: Arc<AtomicBool>,
    head: Head,
}

impl File {
    /// Creates the file and starts its pipeline.
    pub(super) fn open(job: &Job, opening: Opening, commands: &Sender<Command>) -> Result<Self, Failure> {
        let (path, temporary, lock) = reserve(job)?;
        let head = Head::default();
        let mut file = Self {
            path,
            temporary,
            pipeline: gst::Pipeline::new(),
            sink: Sink::new(lock.clone(), head.clone(), job, opening.part, commands.clone()),
            lock,
            tracks: Vec::new(),
            base: None,
            first: opening.first,
            last: None,
            unordered: opening.unordered,
            waiting: Arc::default(),
            head,
        };
        match file.build(job, &opening, commands) {
            Ok(()) => Ok(file),
            Err(reason) => {
                // Nothing was written: an empty leftover helps nobody.
                let path = file.path.display().to_string();
                file.discard();
                Err(Failure::new(format!("'{path}' cannot be written: {reason}")))
            }
        }
    }

    fn build(&mut self, job: &Job, opening: &Opening, commands: &Sender<Command>) -> Result<(), String> {
        let muxer = job.container.muxer().map_err(|error| error.to_string())?;
        self.pipeline.add(&muxer).map_err(|error| error.to_string())?;
        self.sink.follow(&muxer.static_pad("src").ok_or("the muxer has no source pad")?)?;
        for (stream, caps) in &opening.streams {
            let source = self.source(caps, commands);
            self.pipeline.add(&source).map_err(|error| error.to_string())?;
            let template = format!("{}_%u", stream.name());
            let pad = muxer
                .request_pad_simple(&template)
                .ok_or_else(|| format!("{} does not take another {} stream", job.container, stream.name()))?;
            let output = match self.timestamper(self.tracks.is_empty(), caps) {
                Some(timestamper) => {
                    self.pipeline.add(&timestamper).map_err(|error| error.to_string())?;
                    source.link(&timestamper).map_err(|error| error.to_string())?;
                    timestamper.static_pad("src").ok_or("a timestamper has no source pad")?
                }
                None => source.static_pad("src").ok_or("appsrc has no source pad")?,
            };
            self.head.watch_input(&pad);
            output.link(&pad).map_err(|error| format!("{} cannot hold {caps}: {error}", job.container))?;
            self.tracks.push(Track { stream: *stream, caps: caps.clone(), source, decoded: None, ended: false });
        }
        forward_bus(&self.pipeline, opening.part, commands);
        self.pipeline.set_state(gst::State::Playing).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Never blocks: [`File::is_full`] says when to stop for a while.
    fn source(&self, caps: &gst::Caps, commands: &Sender<Command>) -> gst_app::AppSrc {
        let source = gst_app::AppSrc::builder()
            .caps(caps)
            .format(gst::Format::Time)
            .stream_type(gst_app::AppStreamType::Stream)
            .max_bytes(QUEUE_BYTES)
            .max_time(QUEUE_TIME)
            .build();
        source.set_property("min-percent", 50u32);
        let (waiting, commands) = (self.waiting.clone(), commands.clone());
        let room = move |_: &gst_app::AppSrc, _: u32| {
            if waiting.swap(false, Ordering::Relaxed) {
                // A thread that has ended waits no more.
                drop(commands.send(Command::Room));
            }
        };
        source.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(room).build());
        source
    }

    /// The muxer has enough to do. Where one queue is full because another one is empty, it has not.
    pub(super) fn is_full(&self) -> bool {
        let sources = || self.tracks.iter().map(|track| &track.source);
        let is_over = |source: &gst_app::AppSrc| {
            source.current_level_bytes() > QUEUE_BYTES || source.current_level_time() > QUEUE_TIME
        };
        let live = || self.tracks.iter().filter(|track| !track.ended).map(|track| &track.source);
        let full = sources().any(is_over) && live().all(|source| source.current_level_bytes() > 0);
        if full {
            self.waiting.store(true, Ordering::Relaxed);
        }
        full
    }

    /// All but what the muxer itself holds has been written, or is being written. If not, the queue will tell.
    pub(super) fn is_drained(&self) -> bool {
        let drained = || self.tracks.iter().all(|track| track.source.current_level_bytes() == 0);
        if drained() {
            return true;
        }
        self.waiting.store(true, Ordering::Relaxed);
        // It may have become so before it was told to tell.
        drained()
    }

    /// Makes durable what has been written.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.lock.0.sync_data()
    }

    /// What gives B-frames over RTP their decoding times, where GStreamer has it (1.22 on). Without it MP4 files show them
    /// at uneven times.
    fn timestamper(&self, is_main: bool, caps: &gst::Caps) -> Option<gst::Element> {
        let name = match caps.structure(0)?.name().as_str() {
            "video/x-h264" => "h264timestamper",
            "video/x-h265" => "h265timestamper",
            _ => return None,
        };
        (self.unordered && is_main).then(|| gst::ElementFactory::make(name).build().ok())?
    }

    /// Queues a frame for the muxer.
    pub(super) fn push(&mut self, stream: Stream, frame: Frame<gst::Buffer>) -> Result<(), Failure> {
        if self.tracks.first().is_some_and(|main| main.stream == stream) {
            // Decoding starts before display where there are B-frames: then that is the file's zero.
            self.base.get_or_insert_with(|| self.first.min(frame.decode));
            if let Some(held) = self.last.replace(frame) {
                self.append(stream, held)?;
            }
            return Ok(());
        }
        self.append(stream, frame)
    }

    fn append(&mut self, stream: Stream, mut frame: Frame<gst::Buffer>) -> Result<(), Failure> {
        let base = self.base.unwrap_or(self.first);
        let at = |time: RunningTime| gst::ClockTime::try_from(time.since(base)).ok();
        // The timestamper makes them.
        let known = !(self.unordered && self.tracks.first().is_some_and(|main| main.stream == stream));
        let Some(track) = self.tracks.iter_mut().find(|track| track.stream == stream) else { return Ok(()) };
        if known {
            // Two at the same time, or one before the other, is what no player takes; nor are two that are so close,
            // as a jitter buffer's may be, that the file's unit of time makes them the same.
            if let Some(next) = track.decoded.map(|last| last + TICK).filter(|next| *next > frame.decode) {
                frame.decode = next;
                frame.start = frame.start.max(frame.decode);
            }
            track.decoded = Some(frame.decode);
        }
        // A new header around the same memory.
        let mut buffer = frame.payload.copy();
        if let Some(header) = buffer.get_mut() {
            header.set_pts(at(frame.start));
            header.set_dts(if known { at(frame.decode) } else { None });
            if let Some(duration) = frame.duration {
                header.set_duration(gst::ClockTime::try_from(duration).ok());
            }
        }
        // Refused only when the pipeline has failed, and that comes as a command of its own.
        match track.source.push_buffer(buffer) {
            Ok(_) | Err(gst::FlowError::Flushing | gst::FlowError::Eos) => Ok(()),
            Err(error) => Err(Failure::new(format!("the muxer refuses {}: {error}", stream.name()))),
        }
    }

    /// Nothing more of a stream will be pushed; the muxer no longer waits for it.
    pub(super) fn end_stream(&mut self, stream: Stream) {
        if let Some(track) = self.tracks.iter_mut().find(|track| track.stream == stream) {
            track.ended = true;
            // Refused only when the pipeline has failed, and that comes as a command of its own.
            let _ = track.source.end_of_stream();
        }
    }

    /// Nothing more will be pushed.
    pub(super) fn end(&mut self, delivered: &Delivered) -> Result<(), Failure> {
        if let (Some(mut last), Some(main)) = (self.last.take(), self.tracks.first()) {
            let shown = delivered.interval.end.since(last.start);
            // What the stream says of its frames' durations may be wrong; that it is shown until the next one came is
            // not. Where frames are reordered, the last one written need not be the last one shown.
            let is_last_shown = !self.unordered && last.decode == last.start;
            if !shown.is_zero() && (is_last_shown || last.duration.is_none()) {
                last.duration = Some(shown);
            }
            self.append(main.stream, last)?;
        }
        for track in &self.tracks {
            // Refused only when the pipeline has failed, see above.
            let _ = track.source.end_of_stream();
        }
        Ok(())
    }

    /// Stops its pipeline, whatever has still to be muxed.
    pub(super) fn stop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        // First, so that the muxer waits for nothing.
        self.sink.stop();
        // Going down to NULL cannot fail but by a broken element; the file's fate is decided by what is on disk.
        let _ = self.pipeline.set_state(gst::State::Null);
    }

    /// What there is of it, if the session fails.
    pub(super) fn kept(&self) -> Option<PathBuf> {
        use std::os::unix::fs::MetadataExt;
        // Of an open file, this does not wait for the disk.
        let is_there = self.lock.0.metadata().is_ok_and(|metadata| metadata.nlink() > 0);
        (self.base.is_some() && is_there).then(|| self.temporary.clone())
    }

    /// Removes it.
    pub(super) fn discard(mut self) {
        self.stop();
        drop(std::fs::remove_file(&self.temporary));
    }

    /// The pipeline has written everything: makes it durable, gives it its name, and says what it is, and what people
    /// should know of it. It stays locked. That its name is durable is left to the session.
    pub(super) fn finish(
        mut self,
        job: &Job,
        delivered: &Delivered,
        actual: Times,
    ) -> Result<(FileRecord, Option<String>, Arc<Lock>), Failure> {
        let presents = job.trim && job.container.can_present();
        let (held, lock) = (self.head.take(), self.lock.clone());
        let mut complete = || {
            self.stop();
            held.write(&lock.0)
        };
        // What it will be is known: one processor hashes it while another waits for the disk. What shows less than all of
        // it changes further, and is hashed when that is done, as is what could not be read.
        let sha256 = match job.sidecar && !presents {
            true => {
                let (digest, written) = background::beside(|| sidecar::digest(&lock.0, &held).ok(), complete);
                written.map(|()| digest)
            }
            false => complete().map(|()| None),
        };
        let incomplete = |error: std::io::Error| Failure {
            file: self.kept(),
            ..Failure::new(format!("'{}' cannot be completed: {error}", self.path.display()))
        };
        let sha256 = sha256.map_err(incomplete)?;
        let (presented, note) = match presents {
            true => match edit_list::present(&self.lock.0, delivered.asked.clone()) {
                Ok(presented) => (Some(actual.part(presented.shown)), None),
                Err(error) => (None, Some(format!("players show all of '{}': {error}", self.path.display()))),
            },
            false => (None, None),
        };
        let publish = || -> std::io::Result<u64> {
            self.lock.0.sync_data()?;
            let bytes = self.lock.0.metadata()?.len();
            rename_new(&self.temporary, &self.path)?;
            Ok(bytes)
        };
        let bytes = publish().map_err(incomplete)?;
        let record = FileRecord {
            bytes,
            actual,
            presented,
            sha256,
            video: self.video(delivered.video_frames),
            audio: self.audio(delivered.audio_frames),
            ..self.record(&Timeline::default())
        };
        Ok((record, note, self.lock.clone()))
    }

    /// What is known of it from the start.
    pub(super) fn record(&self, timeline: &Timeline) -> FileRecord {
        let begins = Interval { start: self.first, end: self.first };
        FileRecord {
            file: self.path.clone(),
            actual: Times::new(begins, timeline.utc_interval(begins)),
            presented: None,
            video: self.video(0),
            audio: self.audio(0),
            bytes: 0,
            sha256: None,
        }
    }

    fn caps(&self, stream: Stream) -> Option<&gst::Caps> {
        self.tracks.iter().find(|track| track.stream == stream).map(|track| &track.caps)
    }

    fn video(&self, frames: u64) -> Option<VideoTrack> {
        let caps = self.caps(Stream::Video)?;
        let (width, height) = (number(caps, "width"), number(caps, "height"));
        Some(VideoTrack { codec: codec_name(caps), width, height, frames })
    }

    fn audio(&self, frames: u64) -> Option<AudioTrack> {
        let caps = self.caps(Stream::Audio).filter(|_| frames > 0)?;
        let (channels, rate) = (number(caps, "channels"), number(caps, "rate"));
        Some(AudioTrack { codec: codec_name(caps), channels, rate, frames })
    }
}

impl Drop for File {
    /// The session has failed, or its thread has: what was written is kept under the temporary name, if it is anything.
    fn drop(&mut self) {
        self.stop();
        if self.lock.0.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            drop(std::fs::remove_file(&self.temporary));
        }
    }
}

fn number(caps: &gst::Caps, field: &str) -> Option<i32> {
    caps.structure(0).and_then(|structure| structure.get(field).ok())
}

pub(crate) fn utc_now() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Utc(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Sends what the pipeline has to say to the session's thread, without a thread of its own.
fn forward_bus(pipeline: &gst::Pipeline, part: usize, commands: &Sender<Command>) {
    let Some(bus) = pipeline.bus() else { return };
    let commands = commands.clone();
    bus.set_sync_handler(move |_, message| {
        let command = match message.view() {
            gst::MessageView::Error(error) => {
                Some(Command::PipelineError { part, reason: pipeline_error::text(error) })
            }
            gst::MessageView::StreamStatus(status) => {
                background::adopt(status);
                None
            }
            _ => None,
        };
        if let Some(command) = command {
            // The thread has gone only if the session has failed already.
            drop(commands.send(command));
        }
        gst::BusSyncReply::Drop
    });
}

#[cfg(test)]
mod full_test;
