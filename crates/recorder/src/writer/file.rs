//! One recording on disk: `appsrc` per stream, the muxer, `filesink`, in a pipeline of its own, under a temporary
//! name until it is complete.
//! When to open and to close is left to the writer's thread, which owns it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gst::prelude::*;

use super::{Command, Failure, Job, Opening, Pending, sidecar};
use crate::container::codec_name;
use crate::core::{Frame, RunningTime, Stream, Utc};
use crate::file_name::temporary;
use crate::record::{self, AudioTrack, Closing, GapRecord, Sensor, Times, VideoTrack};
use crate::{DoneRecord, pipeline_error};

struct Track {
    stream: Stream,
    caps: gst::Caps,
    source: gst_app::AppSrc,
}

/// An open recording.
pub(super) struct File {
    path: PathBuf,
    temporary: PathBuf,
    pipeline: gst::Pipeline,
    /// Main stream first.
    tracks: Vec<Track>,
    /// Running time that is zero in the file.
    base: Option<RunningTime>,
    first: RunningTime,
    /// The main stream's last frame: how long it is shown is known only with what follows.
    last: Option<Frame<gst::Buffer>>,
    unordered: bool,
}

impl File {
    /// Creates the file and starts its pipeline.
    pub(super) fn open(
        job: &Job,
        opening: &Opening,
        commands: &Sender<Command>,
        pending: &Arc<Pending>,
    ) -> Result<Self, Failure> {
        let (path, temporary) = reserve(job)?;
        let mut file = Self {
            path,
            temporary,
            pipeline: gst::Pipeline::new(),
            tracks: Vec::new(),
            base: None,
            first: opening.first,
            last: None,
            unordered: opening.unordered,
        };
        match file.build(job, &opening.streams, commands, pending) {
            Ok(()) => Ok(file),
            Err(reason) => {
                // Nothing was written: an empty leftover helps nobody.
                file.stop();
                drop(std::fs::remove_file(&file.temporary));
                Err(Failure::new(format!("'{}' cannot be written: {reason}", file.path.display())))
            }
        }
    }

    fn build(
        &mut self,
        job: &Job,
        streams: &[(Stream, gst::Caps)],
        commands: &Sender<Command>,
        pending: &Arc<Pending>,
    ) -> Result<(), String> {
        let muxer = job.container.muxer().map_err(|error| error.to_string())?;
        let sink = gst::ElementFactory::make("filesink")
            .property("location", self.temporary.to_str().ok_or("its name is not UTF-8")?)
            .property("async", false)
            .property("sync", false)
            .build()
            .map_err(|_| "the GStreamer element 'filesink' is missing; install gstreamer1.0-plugins-base".to_owned())?;
        self.pipeline.add_many([&muxer, &sink]).map_err(|error| error.to_string())?;
        muxer.link(&sink).map_err(|error| error.to_string())?;
        for (stream, caps) in streams {
            // Never blocks and never limits: `pending` counts what waits, and the session ends when it is too much.
            let source = gst_app::AppSrc::builder()
                .caps(caps)
                .format(gst::Format::Time)
                .stream_type(gst_app::AppStreamType::Stream)
                .max_bytes(0)
                .build();
            self.pipeline.add(&source).map_err(|error| error.to_string())?;
            let template = format!("{}_%u", stream.name());
            let pad = muxer
                .request_pad_simple(&template)
                .ok_or_else(|| format!("{} does not take another {} stream", job.container, stream.name()))?;
            let output = source.static_pad("src").ok_or("appsrc has no source pad")?;
            count_out(&output, pending);
            let output = match self.timestamper(self.tracks.is_empty(), caps) {
                Some(timestamper) => {
                    self.pipeline.add(&timestamper).map_err(|error| error.to_string())?;
                    source.link(&timestamper).map_err(|error| error.to_string())?;
                    timestamper.static_pad("src").ok_or("a timestamper has no source pad")?
                }
                None => output,
            };
            output.link(&pad).map_err(|error| format!("{} cannot hold {caps}: {error}", job.container))?;
            self.tracks.push(Track { stream: *stream, caps: caps.clone(), source });
        }
        forward_bus(&self.pipeline, commands);
        self.pipeline.set_state(gst::State::Playing).map_err(|error| self.first_error(&error.to_string()))?;
        Ok(())
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

    /// The pipeline's own words for why it does not start; they say more than the state change.
    fn first_error(&self, fallback: &str) -> String {
        match std::fs::OpenOptions::new().append(true).open(&self.temporary) {
            Err(error) => error.to_string(),
            Ok(_) => fallback.to_owned(),
        }
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

    fn append(&self, stream: Stream, frame: Frame<gst::Buffer>) -> Result<(), Failure> {
        let Some(track) = self.tracks.iter().find(|track| track.stream == stream) else { return Ok(()) };
        let base = self.base.unwrap_or(self.first);
        let at = |time: RunningTime| gst::ClockTime::try_from(time.since(base)).ok();
        // A new header around the same memory.
        let mut buffer = frame.payload.copy();
        if let Some(header) = buffer.get_mut() {
            header.set_pts(at(frame.start));
            // The timestamper makes them.
            let known = !(self.unordered && self.tracks.first().is_some_and(|main| main.stream == stream));
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
    pub(super) fn end_stream(&self, stream: Stream) {
        if let Some(track) = self.tracks.iter().find(|track| track.stream == stream) {
            // Refused only when the pipeline has failed, and that comes as a command of its own.
            let _ = track.source.end_of_stream();
        }
    }

    /// Nothing more will be pushed.
    pub(super) fn end(&mut self, closing: &Closing) -> Result<(), Failure> {
        if let (Some(mut last), Some(main)) = (self.last.take(), self.tracks.first()) {
            let shown = closing.ended.delivered.interval.end.since(last.start);
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

    fn stop(&self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        // Going down to NULL cannot fail but by a broken element; the file's fate is decided by what is on disk.
        let _ = self.pipeline.set_state(gst::State::Null);
    }

    /// The session has failed: keeps what was written under its temporary name. `None` if that is nothing.
    pub(super) fn give_up(self) -> Option<PathBuf> {
        self.stop();
        match std::fs::metadata(&self.temporary) {
            Ok(metadata) if metadata.len() > 0 => Some(self.temporary.clone()),
            _ => {
                drop(std::fs::remove_file(&self.temporary));
                None
            }
        }
    }

    /// The pipeline has written everything: makes it durable, gives it its name, and says what it is.
    pub(super) fn finish(self, job: &Job, closing: Closing) -> Result<Box<DoneRecord>, Failure> {
        self.stop();
        let publish = || -> std::io::Result<u64> {
            let file = std::fs::File::open(&self.temporary)?;
            file.sync_all()?;
            let bytes = file.metadata()?.len();
            std::fs::rename(&self.temporary, &self.path)?;
            sync_folder(&self.path)?;
            Ok(bytes)
        };
        let bytes = publish().map_err(|error| Failure {
            reason: format!("'{}' cannot be completed: {error}", self.path.display()),
            file: Some(self.temporary.clone()),
        })?;
        let mut done = self.describe(job, &closing, bytes);
        if job.sidecar
            && let Err(error) = sidecar::write(&done)
        {
            done.notes.push(format!("the sidecar could not be written: {error}"));
        }
        Ok(Box::new(done))
    }

    fn describe(&self, job: &Job, closing: &Closing, bytes: u64) -> DoneRecord {
        let delivered = &closing.ended.delivered;
        let caps = |wanted| self.tracks.iter().find(|track| track.stream == wanted).map(|track| &track.caps);
        let number = |caps: &gst::Caps, field| caps.structure(0).and_then(|structure| structure.get(field).ok());
        let (missing_at_start_ns, missing_at_end_ns) = closing.missing();
        DoneRecord {
            version: record::VERSION,
            id: job.trigger.id.clone(),
            sensor: Sensor { id: job.source.sensor.clone() },
            source: job.source.index,
            session: job.session,
            file: self.path.clone(),
            asked: Times::new(closing.ended.asked, closing.ended.asked_utc),
            actual: Times::new(delivered.interval, closing.actual_utc),
            utc_origin: closing.utc_origin,
            lead_ns: u64::try_from(closing.ended.lead().as_nanos()).unwrap_or(u64::MAX),
            missing_at_start_ns,
            missing_at_end_ns,
            gaps: delivered
                .gaps
                .iter()
                .map(|gap| GapRecord { after_running_ns: gap.after.0, until_running_ns: gap.until.0 })
                .collect(),
            gap_count: delivered.gap_count,
            container: job.container,
            video: caps(Stream::Video).map(|caps| VideoTrack {
                codec: codec_name(caps),
                width: number(caps, "width"),
                height: number(caps, "height"),
                frames: delivered.video.frames,
            }),
            audio: caps(Stream::Audio).filter(|_| delivered.audio.frames > 0).map(|caps| AudioTrack {
                codec: codec_name(caps),
                channels: number(caps, "channels"),
                rate: number(caps, "rate"),
                frames: delivered.audio.frames,
            }),
            bytes,
            ended: closing.ended.reason,
            notes: closing.notes(),
            metadata: job.trigger.metadata.clone(),
        }
    }
}

/// Takes the next free name and creates its temporary file, so that nobody else can.
fn reserve(job: &Job) -> Result<(PathBuf, PathBuf), Failure> {
    // A name can be taken only by a process that had our number within the same second: a few tries are plenty.
    for _ in 0..100 {
        let path = job.names.next(job.container, utc_now());
        let temporary = temporary(&path);
        if path.exists() {
            continue;
        }
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(_) => return Ok((path, temporary)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::new(format!("'{}' cannot be created: {error}", temporary.display()))),
        }
    }
    Err(Failure::new(format!("no free file name in '{}'", job.names.dir.display())))
}

pub(crate) fn utc_now() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Utc(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
        _ => std::fs::File::open(".")?.sync_all(),
    }
}

/// Subtracts from `pending` what leaves `pad`.
fn count_out(pad: &gst::Pad, pending: &Arc<Pending>) {
    let pending = pending.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            pending.bytes.fetch_sub(buffer.size(), Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Sends what the pipeline has to say to the writer's thread, without a thread of its own.
fn forward_bus(pipeline: &gst::Pipeline, commands: &Sender<Command>) {
    let Some(bus) = pipeline.bus() else { return };
    let commands = commands.clone();
    bus.set_sync_handler(move |_, message| {
        let command = match message.view() {
            gst::MessageView::Error(error) => Some(Command::PipelineError(pipeline_error::text(error))),
            gst::MessageView::Eos(_) => Some(Command::PipelineEos),
            _ => None,
        };
        if let Some(command) = command {
            // The thread has gone only if the session has failed already.
            drop(commands.send(command));
        }
        gst::BusSyncReply::Drop
    });
}
