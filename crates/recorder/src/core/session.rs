//! One recording session as a state machine (design.md, rules 3 and 4): which frames its files hold and when it ends.
//! It reads the source's cache frame by frame, at the pace of its writer, and sees nothing else. Ids, policy and other
//! sessions are left to `source_core`, one file's content to `recording`, files to the writer.

use std::time::Duration;

use super::action::{Action, EndReason, Ended, FailReason};
use super::bound::Bound;
use super::cache::{Key, Track};
use super::frame::Stream;
use super::payload::Payload;
use super::progress::{GapFinder, Seen};
use super::recording::{Recording, Step};
use super::time::{Interval, RunningTime, Utc, UtcInterval};

/// Names a session within its source: the smallest number that was free when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The newest frame is taken to be on screen for this long where the next one never comes: longer than frames last in
/// video, shorter than people would call a pause.
const ON_SCREEN: Duration = Duration::from_secs(1);

/// More starts than this are not joined with one session: each brings up to 64 KiB of metadata for its record.
const MAX_JOINED: u32 = 100;

#[derive(Debug)]
enum Phase<P, C> {
    /// For a frame at or after the asked start: only then the last keyframe at or before it is known.
    Waiting,
    /// Between two files: for a keyframe from frame `from` on. The other stream goes on with frame `other_from`.
    Resuming { from: u64, other_from: u64 },
    /// A file is open.
    Recording(Box<Recording<P, C>>),
    /// The writer has still to be told.
    Failing(FailReason),
    /// The writer finishes; nothing more is read.
    Finishing,
}

/// An end that was not asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) reason: EndReason,
    /// Frames of the main stream from this number on come too late.
    pub(super) cut: u64,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) start: Bound,
    pub(super) end: Bound,
    pub(super) utc: Option<UtcInterval>,
    /// Where it ends at the latest.
    pub(super) limit: Option<RunningTime>,
}

impl Asked {
    /// The stream's time is later by so many nanoseconds than what was taken for it.
    fn shift(&mut self, by: i64) {
        let shift = |time: &mut RunningTime| *time = RunningTime(time.0.saturating_add(by));
        shift(&mut self.start.running);
        shift(&mut self.end.running);
        self.limit.as_mut().map(shift);
    }

    pub(super) fn interval(&self) -> Interval {
        Interval { start: self.start.running, end: self.end.running }
    }

    /// Where recording ends: the asked end or the limit.
    pub(super) fn effective_end(&self) -> Bound {
        match self.limit {
            Some(limit) if limit < self.end.running => Bound::running(limit),
            _ => self.end,
        }
    }
}

/// One session.
#[derive(Debug)]
pub(super) struct Session<P, C> {
    pub(super) id: SessionId,
    pub(super) asked: Asked,
    pub(super) main: Stream,
    /// A stop message has moved the asked end.
    stopped: bool,
    /// How many starts have been joined with it.
    joined: u32,
    fate: Option<Fate>,
    phase: Phase<P, C>,
    gaps: GapFinder,
    /// Frames of the other stream are in no file.
    missed_other: bool,
    /// Its writer has read all there was, and waits.
    asleep: bool,
    /// From the first frame of the first file to the end of the last complete one.
    span: Option<(Seen, Seen)>,
}

/// What of a source's cache a session may see.
pub(super) struct Tracks<'a, P: Payload, C> {
    pub(super) main_stream: Stream,
    pub(super) main: &'a Track<P, C>,
    /// The other stream, if it is there and wanted.
    pub(super) other: Option<Other<'a, P, C>>,
    /// Whether it is known which streams there are.
    pub(super) settled: bool,
    /// The main stream has B-frames but no decoding times.
    pub(super) unordered: bool,
}

/// The stream beside the main one.
pub(super) struct Other<'a, P: Payload, C> {
    pub(super) track: &'a Track<P, C>,
    /// Its format now.
    pub(super) caps: &'a C,
    pub(super) ended: bool,
}

impl<P: Payload, C: Clone + PartialEq> Session<P, C> {
    pub(super) fn new(id: SessionId, asked: Asked, main: Stream) -> Self {
        Self {
            id,
            asked,
            main,
            stopped: false,
            joined: 0,
            fate: None,
            phase: Phase::Waiting,
            gaps: GapFinder::default(),
            missed_other: false,
            asleep: false,
            span: None,
        }
    }

    /// Still takes frames that come: neither finishing nor past its end at `newest`.
    pub(super) fn is_running(&self, newest: Option<RunningTime>) -> bool {
        self.is_open() && newest.is_none_or(|newest| newest < self.asked.effective_end().running)
    }

    /// The first frame has told the stream's time.
    pub(super) fn shift(&mut self, by: i64) {
        self.asked.shift(by);
    }

    /// Its end can still be moved.
    fn is_open(&self) -> bool {
        let over = match &self.phase {
            Phase::Waiting | Phase::Resuming { .. } => false,
            Phase::Recording(recording) => recording.has_ended(),
            Phase::Failing(_) | Phase::Finishing => true,
        };
        self.fate.is_none() && !over
    }

    /// Where its first file begins, as soon as that is known.
    pub(super) fn begins(&self) -> Option<Seen> {
        match (&self.span, &self.phase) {
            (Some((first, _)), _) => Some(*first),
            (None, Phase::Recording(recording)) => Some(recording.first()),
            (None, _) => None,
        }
    }

    /// The next frame of the main stream that it has to read.
    pub(super) fn cursor(&self) -> Option<u64> {
        match &self.phase {
            Phase::Resuming { from, .. } => Some(*from),
            Phase::Recording(recording) => Some(recording.cursor()),
            Phase::Waiting | Phase::Failing(_) | Phase::Finishing => None,
        }
    }

    /// Its first keyframe is not known yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    /// How much of the main stream its waiting writer has not read, `next` being the number of the next frame; 0 if it
    /// does not wait.
    pub(super) fn unread_in_sleep(&self, next: u64) -> u64 {
        if self.asleep { self.cursor().map_or(0, |cursor| next.saturating_sub(cursor)) } else { 0 }
    }

    /// Its writer has been called.
    pub(super) fn wake(&mut self) -> SessionId {
        self.asleep = false;
        self.id
    }

    /// The frames of the main and the other stream from which on it still needs them.
    pub(super) fn needs(&self) -> Option<(u64, u64)> {
        match &self.phase {
            Phase::Resuming { from, other_from } => Some((*from, *other_from)),
            Phase::Recording(recording) => Some(recording.needs()),
            Phase::Waiting | Phase::Failing(_) | Phase::Finishing => None,
        }
    }

    /// Moves the asked end to `end` if that is earlier.
    pub(super) fn stop_at(&mut self, end: RunningTime, end_utc: Option<Utc>) {
        if end < self.asked.effective_end().running {
            self.asked.end = Bound::running(end);
            self.stopped = true;
            if let (Some(asked), Some(end)) = (&mut self.asked.utc, end_utc) {
                asked.end = end;
            }
        }
    }

    /// Ends it with what it has by frame `cut`: nothing more will come.
    pub(super) fn end_now(&mut self, reason: EndReason, cut: u64) {
        self.fate.get_or_insert(Fate { reason, cut });
    }

    /// Gives it up: what it has still to read need not be kept any longer.
    pub(super) fn fail(&mut self, reason: FailReason) {
        if !matches!(self.phase, Phase::Failing(_) | Phase::Finishing) {
            self.phase = Phase::Failing(reason);
        }
    }

    /// Its writer has ended.
    pub(super) fn finish(&mut self) {
        self.phase = Phase::Finishing;
    }

    /// Why it has been given up, as long as its writer has not been told.
    pub(super) fn failing(&self) -> Option<FailReason> {
        match self.phase {
            Phase::Failing(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether a start of `asked` can be joined with it within `max_duration` (zero: no limit): the intervals touch.
    pub(super) fn can_join(&self, asked: &Asked, max_duration: Duration) -> bool {
        let recorded = |asked: &Asked| Interval { start: asked.start.running, end: asked.effective_end().running };
        let (own, new) = (recorded(&self.asked), recorded(asked));
        let whole = own.end.max(new.end).since(own.start.min(new.start));
        self.is_open()
            && self.joined < MAX_JOINED
            && new.start <= own.end
            && own.start <= new.end
            && (max_duration.is_zero() || whole <= max_duration)
    }

    /// Joins a start of `new` with it: moves the end, and with `backwards` the start as far as the cache allows.
    pub(super) fn join(&mut self, new: &Asked, backwards: bool, tracks: &Tracks<'_, P, C>) {
        self.joined += 1;
        if new.end.running > self.asked.end.running {
            self.asked.end = new.end;
            self.stopped = false;
            if let Phase::Recording(recording) = &mut self.phase {
                recording.extend();
            }
            self.asked.utc = self.asked.utc.zip(new.utc).map(|(own, new)| UtcInterval { end: new.end, ..own });
        }
        if backwards && new.start.running < self.asked.start.running {
            self.asked.start = new.start;
            self.asked.limit = new.limit;
            self.asked.utc = self.asked.utc.zip(new.utc).map(|(own, new)| UtcInterval { start: new.start, ..own });
            self.reopen(tracks);
        }
    }

    /// Begins the first file anew where the cache has a keyframe nearer to the asked start. Once a file is complete it
    /// stays.
    fn reopen(&mut self, tracks: &Tracks<'_, P, C>) {
        let Phase::Recording(recording) = &self.phase else { return };
        let earlier = tracks.main.key_for(self.asked.start).filter(|key| key.start < recording.first().running);
        if let (None, Some(key)) = (self.span, earlier)
            && self.record_from(&key, recording.has_file(), tracks)
        {
            self.gaps = GapFinder::default();
        }
    }

    fn end_reason(&self) -> EndReason {
        if self.asked.effective_end() != self.asked.end {
            EndReason::MaxDuration
        } else if self.stopped {
            EndReason::Stopped
        } else {
            EndReason::EndReached
        }
    }

    /// Why it ends between two files.
    fn end_without_keyframe(&self) -> EndReason {
        let end = self.asked.effective_end();
        let covered = self.span.is_some_and(|(_, last)| end.to(last.running, last.utc) >= 0);
        if covered { self.end_reason() } else { EndReason::FormatChanged }
    }

    /// Chooses the first keyframe as soon as it is known, so that it stays until it has been read. To be called whenever
    /// a frame has come.
    pub(super) fn begin(&mut self, tracks: &Tracks<'_, P, C>) {
        if !matches!(self.phase, Phase::Waiting) {
            return;
        }
        let newest = tracks.main.newest();
        let reached = tracks.main.has_reached(self.asked.start);
        let end = self.asked.effective_end();
        if let Some(fate) = self.fate {
            // One that still waited for the frame after its start has that which is on screen.
            let on_screen = newest.is_some_and(|newest| self.asked.start.running.since(newest) < ON_SCREEN);
            let empty = end.running <= self.asked.start.running;
            if empty || !(reached || on_screen) || !self.open(tracks) {
                self.phase = Phase::Failing(FailReason::NoKeyframe { ended: fate.reason });
            }
        } else if reached && tracks.settled && !self.open(tracks) && tracks.main.has_reached(end) {
            self.phase = Phase::Failing(FailReason::NoKeyframe { ended: self.end_reason() });
        }
    }

    /// Finds the first keyframe. False if none of the interval is cached.
    fn open(&mut self, tracks: &Tracks<'_, P, C>) -> bool {
        let end = self.asked.effective_end();
        let key = tracks.main.key_for(self.asked.start).filter(|key| end.to(key.start, key.utc) < 0);
        key.is_some_and(|key| self.record_from(&key, false, tracks))
    }

    /// Begins a file with a keyframe and what belongs beside it. False if that is not here.
    fn record_from(&mut self, key: &Key, restart: bool, tracks: &Tracks<'_, P, C>) -> bool {
        let other_from = tracks.other.as_ref().map_or(0, |other| other.track.first_at_or_after(key.start));
        let recording = Recording::new(key.number, other_from, restart, self.main, tracks);
        let found = recording.is_some();
        if let Some(recording) = recording {
            self.phase = Phase::Recording(Box::new(recording));
        }
        found
    }

    /// Reads on, at most `limit` frames. True if there is more to read or to do.
    pub(super) fn pull(&mut self, tracks: &Tracks<'_, P, C>, limit: usize, actions: &mut Vec<Action<P, C>>) -> bool {
        // What has been given up is told even to a writer that has no room for frames.
        let more = if limit == 0 && matches!(self.phase, Phase::Failing(_)) {
            self.step(tracks, actions)
        } else {
            (0..limit).all(|_| self.step(tracks, actions))
        };
        self.asleep = !more;
        more
    }

    /// The one transition. False if nothing can be done now.
    fn step(&mut self, tracks: &Tracks<'_, P, C>, actions: &mut Vec<Action<P, C>>) -> bool {
        if self.main != tracks.main_stream && matches!(self.phase, Phase::Recording(_) | Phase::Resuming { .. }) {
            // Pictures have joined what was sound alone: another file, with another main stream.
            self.close_part(None, actions);
            self.phase = Phase::Resuming { from: 0, other_from: 0 };
            self.main = tracks.main_stream;
        }
        match &mut self.phase {
            Phase::Waiting => {
                self.main = tracks.main_stream;
                self.begin(tracks);
                !matches!(self.phase, Phase::Waiting)
            }
            Phase::Resuming { .. } => self.resume(tracks, actions),
            Phase::Recording(recording) => {
                let end = self.asked.effective_end();
                let step = recording.step(end, self.fate, tracks, &mut self.gaps, actions);
                if !matches!(step, Step::Read | Step::Nothing) {
                    self.missed_other |= recording.has_missed(end, tracks);
                }
                match step {
                    Step::Read => true,
                    Step::Nothing => false,
                    Step::OtherFormat { from, other_from } => {
                        self.close_part(None, actions);
                        self.phase = Phase::Resuming { from, other_from };
                        true
                    }
                    Step::Complete(next) => {
                        self.close(Some(next), self.end_reason(), actions);
                        true
                    }
                    Step::CutOff(reason) => {
                        self.close(None, reason, actions);
                        true
                    }
                }
            }
            Phase::Failing(reason) => {
                actions.push(Action::Fail { reason: *reason });
                self.phase = Phase::Finishing;
                false
            }
            Phase::Finishing => false,
        }
    }

    /// Opens the next file at the next keyframe, or ends the session if none comes within the interval.
    fn resume(&mut self, tracks: &Tracks<'_, P, C>, actions: &mut Vec<Action<P, C>>) -> bool {
        let Phase::Resuming { from, other_from } = self.phase else { return false };
        let end = self.asked.effective_end();
        match tracks.main.key_from(from) {
            Some((number, key)) if end.is_after(&key) && self.fate.is_none_or(|fate| number < fate.cut) => {
                match Recording::new(number, other_from, false, self.main, tracks) {
                    Some(recording) => self.phase = Phase::Recording(Box::new(recording)),
                    None => return false,
                }
                true
            }
            Some(_) => {
                self.close(None, self.end_without_keyframe(), actions);
                true
            }
            None => {
                // What is no keyframe is of no use.
                self.phase = Phase::Resuming { from: from.max(tracks.main.next()), other_from };
                let over = tracks.main.has_reached(end);
                let reason = self.fate.map(|fate| fate.reason).or_else(|| over.then(|| self.end_without_keyframe()));
                if let Some(reason) = reason {
                    self.close(None, reason, actions);
                }
                reason.is_some()
            }
        }
    }

    /// Ends the open file, which is followed by `next`.
    fn end_file(&mut self, next: Option<Seen>) -> Option<super::progress::Delivered> {
        let Phase::Recording(recording) = std::mem::replace(&mut self.phase, Phase::Finishing) else { return None };
        if !recording.is_announced() {
            return None;
        }
        let first = recording.first();
        let (delivered, end) =
            recording.finish(next, self.gaps.usual(), (self.asked.start, self.asked.effective_end()));
        self.span = Some((self.span.map_or(first, |(first, _)| first), end));
        Some(delivered)
    }

    fn close_part(&mut self, next: Option<Seen>, actions: &mut Vec<Action<P, C>>) {
        if let Some(delivered) = self.end_file(next) {
            actions.push(Action::ClosePart { delivered });
        }
    }

    fn close(&mut self, next: Option<Seen>, reason: EndReason, actions: &mut Vec<Action<P, C>>) {
        let last_file = self.end_file(next);
        self.phase = Phase::Finishing;
        let Some((first, end)) = self.span else {
            actions.push(Action::Fail { reason: FailReason::NoKeyframe { ended: reason } });
            return;
        };
        let nanos = |nanos: i64| Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
        let begins = self.asked.start.to(first.running, first.utc);
        actions.push(Action::Close {
            ended: Box::new(Ended {
                asked: self.asked.interval(),
                asked_utc: self.asked.utc,
                interval: Interval { start: first.running, end: end.running },
                utc: first.utc.zip(end.utc).map(|(start, end)| UtcInterval { start, end }),
                last_file,
                gaps: std::mem::take(&mut self.gaps.gaps),
                missed_other: self.missed_other,
                lead: nanos(begins.saturating_neg()),
                missing_at_start: nanos(begins),
                missing_at_end: nanos(self.asked.end.to(end.running, end.utc).saturating_neg()),
                reason,
            }),
        });
    }
}
