//! A session's account: what it was asked for, by which clock, and the record that it ends in.
//! What it delivered is handed in: by a session's thread, which knows it from the core, or by whoever has measured a file
//! that something else has written.

use super::{Failure, Job, Standing};
use crate::core::{Ended, Interval, Timeline, UtcInterval, UtcOrigin, nanos};
use crate::record::{FileRecord, GapRecord, Times, shortage};
use crate::{DoneRecord, FailedRecord};

/// See the module.
pub(crate) struct Account {
    pub(crate) job: Job,
    pub(crate) standing: Standing,
    /// The source's clock when the session began: what the request named in UTC was read by it.
    asked_by: Timeline,
}

impl Account {
    pub(crate) fn new(job: Job, standing: Standing) -> Self {
        Self { job, asked_by: standing.timeline, standing }
    }

    /// The UTC of what was delivered, of which the frames themselves say `own`.
    pub(crate) fn utc(&self, own: Option<UtcInterval>, interval: Interval) -> Option<UtcInterval> {
        if self.has_stepped() {
            return self.asked_by.utc_interval(interval);
        }
        own.or_else(|| self.standing.timeline.utc_interval(interval))
    }

    /// The source's clock is another one than when the session began: the first sender report has come, or the camera's
    /// clock has been set. Asked and actual times of a record must be by the same.
    fn has_stepped(&self) -> bool {
        self.asked_by.step_to(&self.standing.timeline).is_some()
    }

    fn utc_origin(&self) -> Option<UtcOrigin> {
        if self.has_stepped() { self.asked_by.utc_origin() } else { self.standing.timeline.utc_origin() }
    }

    /// What people should know of the two clocks.
    pub(crate) fn clock_note(&self) -> Option<String> {
        self.asked_by.step_to(&self.standing.timeline).map(|ahead| {
            format!(
                "the source's clock has changed by {:.3} s since it was asked for (the camera has told its own, or it was \
                 set): times are by the one before",
                ahead as f64 / 1e9
            )
        })
    }

    /// The record of a session that has ended as `ended` says, in these files. The notes are for the caller to add.
    pub(crate) fn done(&self, ended: &Ended, files: &[FileRecord]) -> Box<DoneRecord> {
        let mut header = self.standing.header(&self.job);
        header.asked = Times::new(ended.asked, ended.asked_utc);
        Box::new(DoneRecord {
            header,
            file: files.first().map(|first| first.file.clone()).unwrap_or_default(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: files.to_vec(),
            actual: Times::new(ended.interval, self.utc(ended.utc, ended.interval)),
            utc_origin: self.utc_origin(),
            lead_ns: nanos(ended.lead),
            missing_at_start_ns: shortage(nanos(ended.missing_at_start)),
            missing_at_end_ns: shortage(nanos(ended.missing_at_end)),
            gaps: ended.gaps.listed.iter().map(GapRecord::from).collect(),
            gap_count: ended.gaps.count,
            container: self.job.container,
            ended: ended.reason,
            recovered: false,
            notes: Vec::new(),
            merged: self.standing.merged(),
            first_asked: self.standing.first_asked(),
            metadata: self.standing.metadata(),
        })
    }

    /// The record of a session that has not become a complete recording.
    pub(crate) fn failed(&self, failure: Failure) -> Box<FailedRecord> {
        self.standing.failed(&self.job, failure)
    }
}
