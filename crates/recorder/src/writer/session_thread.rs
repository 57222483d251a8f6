//! A session's thread: it pulls actions from the core, carries them out on the session's files, and makes out the record.
//! It reads no more than the open file takes, so that what waits for the disk waits in the source's cache.
//! One file's pipeline is left to `file`, what the actions are to the core.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::file::{File, Opening};
use super::sidecar::Journal;
use super::{Command, Failure, Feed, Job, Standing};
use crate::DoneRecord;
use crate::core::{Action, Delivered, EndReason, Ended, Gaps, Interval, UtcInterval, nanos};
use crate::record::{FileRecord, GapRecord, Times, notes, shortage};

/// How often a session looks for new frames: a tenth of what may be lost in a crash.
const PERIOD: Duration = Duration::from_millis(100);

type Performed = Result<Option<Box<DoneRecord>>, Failure>;

/// See the module.
pub(super) struct SessionThread {
    job: Job,
    standing: Standing,
    feed: Box<dyn Feed>,
    commands: Sender<Command>,
    queue: Receiver<Command>,
    /// Files that are complete.
    files: Vec<FileRecord>,
    /// What people should know of them.
    notes: Vec<String>,
    open: Option<File>,
    /// Its content is being written once more, to a file that begins earlier.
    superseded: Option<File>,
    journal: Journal,
    /// How many files have been opened.
    parts: usize,
}

impl SessionThread {
    pub(super) fn new(
        job: Job,
        standing: Standing,
        feed: Box<dyn Feed>,
        commands: Sender<Command>,
        queue: Receiver<Command>,
    ) -> Self {
        let journal = Journal::default();
        Self {
            job,
            standing,
            feed,
            commands,
            queue,
            files: Vec::new(),
            notes: Vec::new(),
            open: None,
            superseded: None,
            journal,
            parts: 0,
        }
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The same failure with what there is of the recording.
    pub(super) fn keeping(&mut self, mut failure: Failure) -> Failure {
        if let Some(open) = self.open.as_ref().filter(|open| open.holds_media()) {
            failure.file.get_or_insert_with(|| open.temporary().to_owned());
        }
        failure.files = std::mem::take(&mut self.files);
        failure
    }

    /// To the session's end.
    pub(super) fn run(&mut self) -> Result<Box<DoneRecord>, Failure> {
        loop {
            let mut more = false;
            if !self.open.as_ref().is_some_and(File::is_full) {
                let Some(pulled) = self.feed.pull() else {
                    return Err(Failure::new("the session was given up"));
                };
                more = pulled.more;
                self.follow(pulled.standing);
                for action in pulled.actions {
                    if let Some(done) = self.perform(action)? {
                        return Ok(done);
                    }
                }
            }
            self.leave_superseded(more);
            self.listen(if more { Duration::ZERO } else { PERIOD })?;
        }
    }

    /// Hears what the file's pipeline has to say, or waits for new frames.
    fn listen(&mut self, wait: Duration) -> Result<(), Failure> {
        match self.queue.recv_timeout(wait) {
            Ok(Command::PipelineError { part, reason }) if part == self.parts => Err(Failure::new(reason)),
            // An earlier file's pipeline has nothing to say any more.
            Ok(Command::Call | Command::Room | Command::PipelineError { .. } | Command::PipelineEos { .. }) => Ok(()),
            // The queue's other end is in `self`, so it cannot be closed.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    fn follow(&mut self, standing: Standing) {
        let changed =
            !std::sync::Arc::ptr_eq(&standing.served, &self.standing.served) || standing.asked != self.standing.asked;
        self.standing = standing;
        if changed {
            self.write_journal();
        }
    }

    fn perform(&mut self, action: Action<gst::Buffer, gst::Caps>) -> Performed {
        match action {
            Action::Open { streams, first, unordered, restart } => {
                if restart {
                    self.superseded = self.open.take();
                    if let Some(superseded) = &mut self.superseded {
                        superseded.stop();
                    }
                }
                self.parts += 1;
                let opening = Opening { part: self.parts, streams, first, unordered };
                self.open = Some(File::open(&self.job, opening, &self.commands)?);
                self.write_journal();
            }
            Action::Write { stream, frame } => {
                if let Some(open) = &mut self.open {
                    open.push(stream, frame)?;
                }
            }
            Action::EndStream { stream } => {
                if let Some(open) = &self.open {
                    open.end_stream(stream);
                }
            }
            Action::ClosePart { delivered } => {
                self.finish_file(&delivered)?;
                self.write_journal();
            }
            Action::Close { ended } => return self.close(&ended).map(Some),
            Action::Fail { reason } => return Err(Failure::new(reason.to_string())),
        }
        Ok(None)
    }

    /// Ends the open file and waits until it is complete.
    fn finish_file(&mut self, delivered: &Delivered) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.end(delivered)?;
        loop {
            match self.queue.recv() {
                Ok(Command::PipelineEos { part }) if part == self.parts => break,
                Ok(Command::PipelineError { part, reason }) if part == self.parts => return Err(Failure::new(reason)),
                Ok(_) => {}
                Err(_) => return Err(Failure::new("the writer was given up")),
            }
        }
        if let Some(open) = self.open.take() {
            let actual = Times::new(delivered.interval, self.utc(delivered.utc, delivered.interval));
            let (record, note) = open.finish(&self.job, delivered, actual)?;
            self.files.push(record);
            self.notes.extend(note);
        }
        self.leave_superseded(false);
        Ok(())
    }

    fn close(&mut self, ended: &Ended) -> Result<Box<DoneRecord>, Failure> {
        if let Some(delivered) = &ended.last_file {
            self.finish_file(delivered)?;
        }
        let mut done = self.record(ended);
        if let Err(error) = self.journal.publish(&self.job, &mut done) {
            done.notes.push(format!("the sidecar could not be written: {error}"));
        }
        Ok(done)
    }

    fn utc(&self, own: Option<UtcInterval>, interval: Interval) -> Option<UtcInterval> {
        own.or_else(|| self.standing.timeline.utc_interval(interval))
    }

    fn record(&self, ended: &Ended) -> Box<DoneRecord> {
        let (missing_at_start_ns, missing_at_end_ns) =
            (shortage(nanos(ended.missing_at_start)), shortage(nanos(ended.missing_at_end)));
        let mut header = self.standing.header(&self.job);
        header.asked = Times::new(ended.asked, ended.asked_utc);
        Box::new(DoneRecord {
            header,
            file: self.files.first().map(|first| first.file.clone()).unwrap_or_default(),
            bytes: self.files.iter().map(|file| file.bytes).sum(),
            files: self.files.clone(),
            actual: Times::new(ended.interval, self.utc(ended.utc, ended.interval)),
            utc_origin: self.standing.timeline.utc_origin(),
            lead_ns: nanos(ended.lead),
            missing_at_start_ns,
            missing_at_end_ns,
            gaps: ended.gaps.listed.iter().map(GapRecord::from).collect(),
            gap_count: ended.gaps.count,
            container: self.job.container,
            ended: ended.reason,
            recovered: false,
            notes: notes(ended.reason, missing_at_start_ns, missing_at_end_ns, &ended.gaps),
            merged: self.standing.merged(),
            metadata: self.standing.metadata(),
        })
    }

    /// Notes beside the open file what its record will say, for a later process to complete after a crash.
    fn write_journal(&mut self) {
        let open = self.open.as_ref().map(|open| open.record(&self.standing.timeline));
        let Some(of) = open.as_ref().or(self.files.last()).map(|file| file.file.clone()) else { return };
        let start =
            self.files.first().or(open.as_ref()).map_or(self.standing.asked.start, |file| file.actual.running().start);
        let so_far = Interval { start, end: start };
        let unknown = Ended {
            asked: self.standing.asked,
            asked_utc: self.standing.asked_utc,
            interval: so_far,
            utc: None,
            last_file: None,
            gaps: Gaps::default(),
            lead: self.standing.asked.start.since(start),
            missing_at_start: start.since(self.standing.asked.start),
            missing_at_end: Duration::ZERO,
            reason: EndReason::Crashed,
        };
        let mut record = self.record(&unknown);
        record.files.extend(open);
        record.file = record.files.first().map(|first| first.file.clone()).unwrap_or_default();
        // Without it a recovered file has less to tell; the recording itself does not depend on it.
        drop(self.journal.write(of, &record));
    }

    /// The file that takes the place of the superseded one has all of it: that one can go.
    fn leave_superseded(&mut self, more: bool) {
        if !more
            && self.superseded.is_some()
            && self.open.as_ref().is_none_or(File::is_on_disk)
            && let Some(superseded) = self.superseded.take()
        {
            superseded.discard();
        }
    }
}
