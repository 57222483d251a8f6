//! One recording session as a state machine (design.md, rules 3 and 4): which frames its file holds and when it ends.
//! A session sees only its own state and the cache. Ids, policy and other sessions are left to `source_core`,
//! files to the writer.

use std::collections::VecDeque;
use std::time::Duration;

use super::cache::Track;
use super::frame::{Frame, Stream};
use super::progress::{Delivered, Progress};
use super::source_core::{Action, Actions};
use super::time::{Interval, RunningTime, Utc, UtcInterval};

/// Names a session within its source: the smallest number that was free when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The asked end was reached.
    EndReached,
    /// A stop message came.
    Stopped,
    /// The source ended.
    EndOfStream,
    /// The source failed.
    SourceLost,
    /// The source's format changed, which one file cannot hold.
    FormatChanged,
    /// The stream's time has stepped back.
    TimeStepped,
    /// The source has sent nothing since well before the asked end.
    Stalled,
    /// The graph stopped.
    Shutdown,
}

impl EndReason {
    /// The word as receipts and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndReached => "end reached",
            Self::Stopped => "stopped by message",
            Self::EndOfStream => "end of stream",
            Self::SourceLost => "source lost",
            Self::FormatChanged => "the stream's format changed",
            Self::TimeStepped => "the stream's time stepped back",
            Self::Stalled => "the source stopped sending",
            Self::Shutdown => "the graph stopped",
        }
    }
}

/// Why a session ended without a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// Nothing that can be decoded came within the interval.
    #[error("no keyframe came within the asked interval ({})", ended.as_str())]
    NoKeyframe {
        /// What ended the wait.
        ended: EndReason,
    },
}

/// The end of a session that has delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was asked for, as it stood at the end (a stop message moves the end).
    pub asked: Interval,
    /// The same in UTC, as the request named it or as it was when the request came.
    pub asked_utc: Option<UtcInterval>,
    /// What the file holds.
    pub delivered: Delivered,
    /// Why it ended.
    pub reason: EndReason,
}

impl Ended {
    /// What the file holds before the asked start.
    pub fn lead(&self) -> Duration {
        self.asked.start.since(self.delivered.interval.start)
    }
}

/// The main stream of a session has reached the asked end, and the other one lags behind by at most this much stream
/// time before it is no longer waited for. Cameras interleave audio and video within tens of milliseconds.
pub(super) const LAG: Duration = Duration::from_secs(1);

/// The other stream has been silent for so long that the file goes on without it: a muxer holds the main stream back
/// until it knows what belongs beside it.
const SILENCE: Duration = Duration::from_secs(5);

/// The newest frame is taken to be on screen for this long where the next one never comes: longer than frames last in
/// video, shorter than people would call a pause.
const ON_SCREEN: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Phase<P> {
    /// For a frame at or after the asked start: only then the last keyframe at or before it is known.
    Waiting,
    /// The file is open.
    Recording(Box<Recording<P>>),
    /// The writer finishes the file; nothing more is written.
    Finishing,
}

#[derive(Debug)]
struct Recording<P> {
    progress: Progress,
    /// Frames at or after the asked end that B-frames before it may still need.
    held: Vec<Frame<P>>,
    /// Frames of the other stream that run ahead of the main one: a stop may still come before them.
    ahead: VecDeque<Frame<P>>,
    /// Start of the frame that follows the last one in the file, once the main stream has reached the asked end.
    main_end: Option<RunningTime>,
    other: OtherState,
    /// Start of the other stream's last frame, or of the file.
    other_last: RunningTime,
}

/// Where the other stream of a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OtherState {
    /// The file has none.
    None,
    /// More is to come.
    Open,
    /// It has reached the asked end.
    Reached,
    /// It is over before that: the writer knows.
    Over,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session<P> {
    pub(super) id: SessionId,
    pub(super) asked: Interval,
    asked_utc: Option<UtcInterval>,
    pub(super) main: Stream,
    /// A stop message has moved the asked end.
    stopped: bool,
    phase: Phase<P>,
}

/// What of a source's cache a session may see.
pub(super) struct Tracks<'a, P, C> {
    pub(super) main: &'a Track<P, C>,
    /// The other stream, if it is there and wanted.
    pub(super) other: Option<Other<'a, P, C>>,
    /// The main stream's caps now.
    pub(super) caps: Option<&'a C>,
    /// Whether it is known which streams there are.
    pub(super) settled: bool,
    /// The main stream has B-frames but no decoding times.
    pub(super) unordered: bool,
}

/// The stream beside the main one.
pub(super) struct Other<'a, P, C> {
    pub(super) track: &'a Track<P, C>,
    pub(super) caps: &'a C,
    pub(super) ended: bool,
}

impl<P, C: Clone + PartialEq> Other<'_, P, C> {
    /// The cached frames in the stream's format that a file beginning at `first` holds.
    fn frames(&self, first: RunningTime) -> impl Iterator<Item = &Frame<P>> {
        let run = self.track.run_of(self.caps).map(|key| key.number);
        run.into_iter().flat_map(|number| self.track.frames_from(number)).filter(move |frame| frame.start >= first)
    }

    /// A file that begins at `first` and is at `now` by now has a place for it: it sends, or is cached.
    fn belongs(&self, first: RunningTime, now: RunningTime) -> bool {
        let silent = now.since(self.track.newest().unwrap_or(first)) >= SILENCE;
        !(self.ended || silent) || self.frames(first).next().is_some()
    }
}

impl<P: Clone> Session<P> {
    pub(super) fn new(id: SessionId, asked: Interval, asked_utc: Option<UtcInterval>, main: Stream) -> Self {
        Self { id, asked, asked_utc, main, stopped: false, phase: Phase::Waiting }
    }

    /// Still takes frames: neither finishing nor finished.
    pub(super) fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Finishing)
    }

    /// Its file is open.
    pub(super) fn is_recording(&self) -> bool {
        matches!(self.phase, Phase::Recording(_))
    }

    /// Moves the asked end to `end` if that is earlier.
    pub(super) fn stop_at(&mut self, end: RunningTime, end_utc: Option<Utc>) {
        if end < self.asked.end {
            self.asked.end = end;
            self.stopped = true;
            if let (Some(asked), Some(end)) = (&mut self.asked_utc, end_utc) {
                asked.end = end;
            }
        }
    }

    fn end_reason(&self) -> EndReason {
        if self.stopped { EndReason::Stopped } else { EndReason::EndReached }
    }

    /// The cache has changed, or the interval: begins the file if its first keyframe is known by now, from what is
    /// cached, and ends it at once if all of it is.
    pub(super) fn begin<C: Clone + PartialEq>(&mut self, tracks: &Tracks<'_, P, C>, actions: &mut Actions<P, C>) {
        let (Phase::Waiting, Some(newest)) = (&self.phase, tracks.main.newest()) else { return };
        if newest < self.asked.start || !tracks.settled {
            return;
        }
        if self.open(tracks, actions) {
            self.close_if_complete(None, actions);
        } else if newest >= self.asked.end {
            self.fail(self.end_reason(), actions);
        }
    }

    /// Opens the file and writes what is cached of the interval. False if no keyframe of it is cached.
    fn open<C: Clone + PartialEq>(&mut self, tracks: &Tracks<'_, P, C>, actions: &mut Actions<P, C>) -> bool {
        // One file holds one format: what is cached from before the last change of it cannot go in.
        let run = tracks.caps.and_then(|caps| tracks.main.run_of(caps));
        let key = run.map(|run| match tracks.main.key_at_or_before(self.asked.start) {
            Some(key) if key.number >= run.number => key,
            _ => run,
        });
        let Some(key) = key.filter(|key| key.start < self.asked.end) else { return false };
        let now = tracks.main.newest().unwrap_or(key.start);
        let other = tracks.other.as_ref().filter(|other| other.belongs(key.start, now));
        let mut streams = vec![(self.main, key.caps.clone())];
        streams.extend(other.map(|other| (self.main.other(), other.caps.clone())));
        let unordered = tracks.unordered;
        actions.push(Action::Open { session: self.id, streams, first: key.start, unordered });
        self.phase = Phase::Recording(Box::new(Recording {
            progress: Progress::new(key.start),
            held: Vec::new(),
            ahead: VecDeque::new(),
            main_end: None,
            other: if other.is_some() { OtherState::Open } else { OtherState::None },
            other_last: key.start,
        }));
        for frame in tracks.main.frames_from(key.number) {
            self.write_main(frame, tracks.unordered, actions);
        }
        if let Some(other) = other {
            for frame in other.frames(key.start) {
                self.write_other(frame, actions);
            }
            if other.ended {
                self.other_is_over(None, actions);
            }
        }
        true
    }

    /// A frame has arrived, after it went into the cache.
    pub(super) fn offer<C: Clone + PartialEq>(
        &mut self,
        stream: Stream,
        frame: &Frame<P>,
        tracks: &Tracks<'_, P, C>,
        actions: &mut Actions<P, C>,
    ) {
        match &self.phase {
            Phase::Waiting if stream == self.main => self.begin(tracks, actions),
            Phase::Recording(_) if stream == self.main => {
                self.write_main(frame, tracks.unordered, actions);
                self.leave_silence(frame.start, actions);
            }
            Phase::Recording(_) => self.write_other(frame, actions),
            Phase::Waiting | Phase::Finishing => return,
        }
        self.close_if_complete(tracks.main.newest(), actions);
    }

    fn write_main<C: Clone + PartialEq>(&mut self, frame: &Frame<P>, unordered: bool, actions: &mut Actions<P, C>) {
        let Phase::Recording(recording) = &mut self.phase else { return };
        if recording.main_end.is_some() {
            return;
        }
        // No frame is shown before it is decoded. Without decoding times: the frames between two that are each shown
        // later than all before come right after the second.
        let all_have_come = if unordered {
            recording.held.iter().any(|held| held.start < frame.start)
        } else {
            frame.decode >= self.asked.end
        };
        if frame.start < self.asked.end {
            // What was held back is needed after all, to decode this one.
            for held in recording.held.drain(..).chain([frame.clone()]) {
                recording.progress.add(self.main, true, &held);
                actions.push(Action::Write { session: self.id, stream: self.main, frame: held });
            }
        } else if all_have_come {
            let next = recording.held.iter().map(|held| held.start).fold(frame.start, RunningTime::min);
            recording.main_end = Some(next);
            recording.held.clear();
        } else {
            recording.held.push(frame.clone());
        }
        self.flush_ahead(frame.start, actions);
    }

    fn write_other<C: Clone + PartialEq>(&mut self, frame: &Frame<P>, actions: &mut Actions<P, C>) {
        let Phase::Recording(recording) = &mut self.phase else { return };
        if recording.other != OtherState::Open || frame.start < recording.progress.first() {
            return;
        }
        recording.ahead.push_back(frame.clone());
        let reached = recording.main_end.or(recording.progress.last());
        self.flush_ahead(reached.unwrap_or(frame.start), actions);
    }

    /// Writes what the other stream has up to `reached`, where the main stream is by now, or to the asked end.
    fn flush_ahead<C: Clone + PartialEq>(&mut self, reached: RunningTime, actions: &mut Actions<P, C>) {
        let Phase::Recording(recording) = &mut self.phase else { return };
        while recording.ahead.front().is_some_and(|frame| frame.start <= reached) {
            let Some(frame) = recording.ahead.pop_front() else { return };
            if frame.start >= self.asked.end {
                recording.other = OtherState::Reached;
                recording.ahead.clear();
                return;
            }
            let stream = self.main.other();
            recording.other_last = frame.start;
            recording.progress.add(stream, false, &frame);
            actions.push(Action::Write { session: self.id, stream, frame });
        }
    }

    /// Goes on without the other stream once it has been silent for too long.
    fn leave_silence<C: Clone + PartialEq>(&mut self, now: RunningTime, actions: &mut Actions<P, C>) {
        let Phase::Recording(recording) = &mut self.phase else { return };
        let silent = recording.ahead.is_empty() && now.since(recording.other_last) >= SILENCE;
        if recording.other == OtherState::Open && silent {
            recording.other = OtherState::Over;
            actions.push(Action::EndStream { session: self.id, stream: self.main.other() });
        }
    }

    fn close_if_complete<C: Clone + PartialEq>(&mut self, newest: Option<RunningTime>, actions: &mut Actions<P, C>) {
        let Phase::Recording(recording) = &self.phase else { return };
        let Some(main_end) = recording.main_end else { return };
        let waited = newest.is_some_and(|newest| newest >= self.asked.end + LAG);
        if recording.other != OtherState::Open || waited {
            self.close(Some(main_end), self.end_reason(), actions);
        }
    }

    fn close<C: Clone + PartialEq>(
        &mut self,
        next: Option<RunningTime>,
        reason: EndReason,
        actions: &mut Actions<P, C>,
    ) {
        self.flush_ahead(self.asked.end, actions);
        if let Phase::Recording(recording) = std::mem::replace(&mut self.phase, Phase::Finishing) {
            let delivered = recording.progress.finish(next);
            let ended = Ended { asked: self.asked, asked_utc: self.asked_utc, delivered, reason };
            actions.push(Action::Close { session: self.id, ended });
        }
    }

    fn fail<C: Clone + PartialEq>(&mut self, reason: EndReason, actions: &mut Actions<P, C>) {
        self.phase = Phase::Finishing;
        actions.push(Action::Fail { session: self.id, reason: FailReason::NoKeyframe { ended: reason } });
    }

    /// The other stream will send nothing more.
    pub(super) fn other_is_over<C: Clone + PartialEq>(
        &mut self,
        newest: Option<RunningTime>,
        actions: &mut Actions<P, C>,
    ) {
        if matches!(&self.phase, Phase::Recording(recording) if recording.other == OtherState::Open) {
            self.flush_ahead(self.asked.end, actions);
        }
        if let Phase::Recording(recording) = &mut self.phase
            && recording.other == OtherState::Open
        {
            recording.other = OtherState::Over;
            actions.push(Action::EndStream { session: self.id, stream: self.main.other() });
        }
        self.close_if_complete(newest, actions);
    }

    /// Ends the session with what it has: nothing more will come. One that still waited for the frame after its start
    /// has that which is on screen.
    pub(super) fn end_now<C: Clone + PartialEq>(
        &mut self,
        reason: EndReason,
        tracks: &Tracks<'_, P, C>,
        actions: &mut Actions<P, C>,
    ) {
        if matches!(self.phase, Phase::Waiting) {
            let on_screen = tracks.main.newest().is_some_and(|newest| self.asked.start.since(newest) < ON_SCREEN);
            if self.asked.end <= self.asked.start || !on_screen || !self.open(tracks, actions) {
                self.fail(reason, actions);
                return;
            }
        }
        if let Phase::Recording(recording) = &self.phase {
            // The main stream may have reached its end, only the other one was still waited for.
            let (next, reason) = match recording.main_end {
                Some(next) => (Some(next), self.end_reason()),
                None => (None, reason),
            };
            self.close(next, reason, actions);
        }
    }
}
