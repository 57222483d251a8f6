//! A session's thread: it pulls actions from the core, carries them out on the session's files, and makes out the record.
//! It reads no more than the open file takes, so that what waits for the disk waits in the source's cache.
//! One file's pipeline is left to `file`, what the actions are to the core.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::account::Account;
use super::background::Turn;
use super::file::{File, Opening};
use super::place::{Lock, sync_folder};
use super::sidecar::{Journal, publish};
use super::{Command, Failure, Feed, Job, Standing};
use crate::DoneRecord;
use crate::core::{Action, Delivered, EndReason, Ended, Gaps, Interval};
use crate::record::{CACHE_BEGINS, FileRecord, Times, notes};

/// How often a session looks for new frames: a tenth of what may be lost in a crash.
const PERIOD: Duration = Duration::from_millis(100);

/// Frames that are read at a time: some microseconds under the source's lock.
const READ_AT_ONCE: usize = 64;

/// Whoever may read much, and whose disk does not go on for so long, lets others.
const TURN_PATIENCE: Duration = Duration::from_millis(50);

type Performed = Result<Option<Box<DoneRecord>>, Failure>;

/// See the module.
pub(super) struct SessionThread {
    account: Account,
    feed: Box<dyn Feed>,
    commands: Sender<Command>,
    queue: Receiver<Command>,
    /// Files that are complete.
    files: Vec<FileRecord>,
    /// Held as long as their journal is there: it is no other process's to complete.
    locks: Vec<Arc<Lock>>,
    /// What people should know of them.
    notes: Vec<String>,
    open: Option<File>,
    /// Its content is being written once more, to a file that begins earlier.
    superseded: Option<File>,
    journal: Journal,
    /// The open file has none yet.
    journal_due: bool,
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
            account: Account::new(job, standing),
            feed,
            commands,
            queue,
            files: Vec::new(),
            locks: Vec::new(),
            notes: Vec::new(),
            open: None,
            superseded: None,
            journal,
            journal_due: false,
            parts: 0,
        }
    }

    /// The same failure with what there is of the recording.
    pub(super) fn keeping(&mut self, mut failure: Failure) -> Failure {
        self.begin_journal();
        failure.file = failure.file.or_else(|| self.open.as_ref().and_then(File::kept));
        failure.file = failure.file.or_else(|| self.superseded.as_ref().and_then(File::kept));
        failure.files = std::mem::take(&mut self.files);
        if failure.file.is_none() && failure.files.is_empty() {
            self.journal.discard();
        }
        failure
    }

    /// To the session's end.
    pub(super) fn run(&mut self) -> Result<Box<DoneRecord>, Failure> {
        let mut behind = true;
        loop {
            let full = self.open.as_ref().is_some_and(File::is_full);
            let mut turn = (behind && !full).then(Turn::take);
            if let Some(done) = self.read(&mut behind, full, &mut turn)? {
                return Ok(done);
            }
            drop(turn);
            self.leave_superseded(behind);
            let waits = !behind || full;
            self.listen(if waits { PERIOD } else { Duration::ZERO })?;
        }
    }

    /// Reads what the file takes, or looks after the session's fate. With a turn it goes on until all has been read and
    /// taken by the muxer, so that few sessions at a time keep the processors busy.
    fn read(&mut self, behind: &mut bool, full: bool, turn: &mut Option<Turn>) -> Performed {
        let mut frames = if full { 0 } else { READ_AT_ONCE };
        loop {
            self.account.job.alive.sign();
            let Some(pulled) = self.feed.pull(frames) else {
                return Err(Failure::new("the session was given up"));
            };
            *behind = pulled.more || (full && *behind);
            self.follow(pulled.standing);
            for action in pulled.actions {
                if matches!(action, Action::Close { .. } | Action::ClosePart { .. } | Action::Fail { .. }) {
                    *turn = None;
                }
                if let Some(done) = self.perform(action)? {
                    return Ok(Some(done));
                }
            }
            self.begin_journal();
            let Some(turn) = turn else { return Ok(None) };
            turn.progress();
            let Some(open) = &self.open else { return Ok(None) };
            if open.is_full() || (!pulled.more && !open.is_drained()) {
                if self.listen(TURN_PATIENCE)? != Some(Command::Room) {
                    // The disk does not go on: the others may.
                    return Ok(None);
                }
            } else if !pulled.more {
                return Ok(None);
            }
            frames = READ_AT_ONCE;
        }
    }

    /// Hears what the file's pipeline has to say, or waits for new frames. What it heard that matters to nobody else.
    fn listen(&mut self, wait: Duration) -> Result<Option<Command>, Failure> {
        match self.queue.recv_timeout(wait) {
            Ok(Command::PipelineError { part, reason }) if part == self.parts => Err(Failure::new(reason)),
            // An earlier file's pipeline has nothing to say any more.
            Ok(command) => Ok(Some(command)),
            // The queue's other end is in `self`, so it cannot be closed.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    fn follow(&mut self, standing: Standing) {
        let changed = !std::sync::Arc::ptr_eq(&standing.served, &self.account.standing.served)
            || standing.asked != self.account.standing.asked;
        self.account.standing = standing;
        if changed {
            self.write_journal();
        }
    }

    fn perform(&mut self, action: Action<gst::Buffer, gst::Caps>) -> Performed {
        match action {
            Action::Open { streams, first, unordered, restart } => {
                if restart {
                    self.supersede();
                }
                self.parts += 1;
                let opening = Opening { part: self.parts, streams, first, unordered };
                self.open = Some(File::open(&self.account.job, opening, &self.commands)?);
                self.journal_due = true;
            }
            Action::Write { stream, frame } => {
                if let Some(open) = &mut self.open {
                    open.push(stream, frame)?;
                }
            }
            Action::EndStream { stream } => {
                if let Some(open) = &mut self.open {
                    open.end_stream(stream);
                }
            }
            Action::ClosePart { delivered } => {
                self.finish_file(&delivered)?;
                self.sync_names()?;
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
        self.begin_journal();
        loop {
            match self.queue.recv() {
                Ok(Command::PipelineEos { part }) if part == self.parts => break,
                Ok(Command::PipelineError { part, reason }) if part == self.parts => return Err(Failure::new(reason)),
                Ok(_) => {}
                Err(_) => return Err(Failure::new("the writer was given up")),
            }
        }
        if let Some(open) = self.open.take() {
            let actual = Times::new(delivered.interval, self.account.utc(delivered.utc, delivered.interval));
            let (record, note, lock) = open.finish(&self.account.job, delivered, actual)?;
            self.files.push(record);
            self.locks.push(lock);
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
        // It and the sidecar are written by way of the same name.
        self.journal.settle();
        // Who writes a sidecar makes the recording's name durable with the sidecar's own.
        let sidecar = self.account.job.sidecar.then(|| publish(&mut done));
        if !matches!(sidecar, Some(Ok(()))) {
            self.sync_names()?;
        }
        if let Err(error) = sidecar.unwrap_or(Ok(())).and_then(|()| self.journal.close()) {
            done.notes.push(format!("the sidecar could not be written: {error}"));
        }
        Ok(done)
    }

    /// Makes the names of the complete files durable.
    fn sync_names(&self) -> Result<(), Failure> {
        let Some(last) = self.files.last() else { return Ok(()) };
        sync_folder(&last.file)
            .map_err(|error| Failure::new(format!("'{}' cannot be completed: {error}", last.file.display())))
    }

    fn record(&self, ended: &Ended) -> Box<DoneRecord> {
        let mut done = self.account.done(ended, &self.files);
        done.notes = self.notes(ended, done.missing_at_start_ns, done.missing_at_end_ns);
        done
    }

    fn notes(&self, ended: &Ended, missing_at_start: u64, missing_at_end: u64) -> Vec<String> {
        let mut notes = notes(ended.reason, (missing_at_start, CACHE_BEGINS), missing_at_end, &ended.gaps);
        if ended.missed_other {
            notes
                .push("not all of the sound is in it: it began after the file did, or paused for more than 5 s".into());
        }
        notes.extend(self.account.clock_note());
        notes.extend(self.notes.iter().cloned());
        notes
    }

    /// Writes the journal of a file that has been opened, as soon as its muxer has something to do meanwhile.
    fn begin_journal(&mut self) {
        if self.journal_due {
            self.write_journal();
        }
    }

    /// Notes beside the open file what its record will say, for a later process to complete after a crash.
    fn write_journal(&mut self) {
        self.journal_due = false;
        let open = self.open.as_ref().map(|open| open.record(&self.account.standing.timeline));
        let Some(of) = open.as_ref().or(self.files.last()).map(|file| file.file.clone()) else { return };
        let start = self
            .files
            .first()
            .or(open.as_ref())
            .map_or(self.account.standing.asked.start, |file| file.actual.running().start);
        let so_far = Interval { start, end: start };
        let unknown = Ended {
            asked: self.account.standing.asked,
            asked_utc: self.account.standing.asked_utc,
            interval: so_far,
            utc: None,
            last_file: None,
            gaps: Gaps::default(),
            missed_other: false,
            lead: self.account.standing.asked.start.since(start),
            missing_at_start: start.since(self.account.standing.asked.start),
            missing_at_end: Duration::ZERO,
            reason: EndReason::Crashed,
        };
        let mut record = self.record(&unknown);
        record.files.extend(open);
        record.file = record.files.first().map(|first| first.file.clone()).unwrap_or_default();
        // Without it a recovered file has less to tell; the recording itself does not depend on it.
        drop(self.journal.write(of, &record));
    }

    /// The open file gives its place to one that begins earlier. Until that has all of it, the oldest one is kept.
    fn supersede(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        if self.superseded.is_some() {
            open.discard();
        } else {
            open.stop();
            self.superseded = Some(open);
        }
    }

    /// The file that takes the place of the superseded one has all of it: that one can go.
    fn leave_superseded(&mut self, more: bool) {
        let safe = |open: &File| open.is_drained() && open.sync().is_ok();
        if !more
            && self.superseded.is_some()
            && self.open.as_ref().is_none_or(safe)
            && let Some(superseded) = self.superseded.take()
        {
            superseded.discard();
        }
    }
}
