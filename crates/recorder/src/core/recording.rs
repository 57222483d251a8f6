//! What goes into one file: both streams in order, from a keyframe to the frame that is on screen at the asked end, in
//! one format each. It reads the source's cache by frame numbers.
//! When a session begins, goes on in another file, and ends is left to `session`.

use std::time::Duration;

use super::action::{Action, EndReason};
use super::bound::Bound;
use super::frame::{Frame, Stream};
use super::payload::Payload;
use super::progress::{Delivered, GapFinder, Progress, Seen};
use super::session::{Fate, Other, Tracks};
use super::time::RunningTime;

/// The main stream of a session has reached the asked end, and the other one lags behind by at most this much stream
/// time before it is no longer waited for. Cameras interleave audio and video within tens of milliseconds.
pub(super) const LAG: Duration = Duration::from_secs(1);

/// The other stream has been silent for so long that the file goes on without it: a muxer holds the main stream back
/// until it knows what belongs beside it.
const SILENCE: Duration = Duration::from_secs(5);

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

/// What a step has come to.
#[derive(Debug)]
pub(super) enum Step {
    /// A frame was read, or something else was done.
    Read,
    /// Nothing to be done until more comes.
    Nothing,
    /// A stream has changed its format: another file is to go on from these frames.
    OtherFormat { from: u64, other_from: u64 },
    /// All of the interval is there; what follows the last frame.
    Complete(Seen),
    /// All that will come is there.
    CutOff(EndReason),
}

/// The file that is being filled.
#[derive(Debug)]
pub(super) struct Recording<P, C> {
    main: Stream,
    /// Until the writer has been told to open the file: with which streams, and whether in the place of another one.
    opening: Option<(Vec<(Stream, C)>, bool)>,
    other_caps: Option<C>,
    unordered: bool,
    /// Only the first keyframe has been read, and pictures that are shown before it.
    leading: bool,
    /// The keyframe of the group that is being read: another file may have to begin with it once more.
    group: u64,
    /// The next frame of the main stream, and that of the other.
    cursor: u64,
    other_cursor: u64,
    caps: C,
    progress: Progress,
    /// Frames at or after the asked end that B-frames before it may still need.
    held: Vec<Frame<P>>,
    /// The frame that follows the last one in the file, once the main stream has reached the asked end.
    main_end: Option<Seen>,
    other: OtherState,
    /// Start of the other stream's last frame, or of the file.
    other_last: RunningTime,
}

impl<P: Payload, C: Clone + PartialEq> Other<'_, P, C> {
    /// A file that begins at `first` and reads on from frame `from` has a place for it: it sends, or is cached.
    fn belongs(&self, first: RunningTime, from: u64, now: RunningTime) -> bool {
        let silent = now.since(self.track.newest().unwrap_or(first)) >= SILENCE;
        !(self.ended || silent) || self.track.frame(from).is_some()
    }
}

impl<P: Payload, C: Clone + PartialEq> Recording<P, C> {
    /// A file from keyframe `number` and frame `other_from` of the other stream on. `None` if that frame is not here.
    pub(super) fn new(
        number: u64,
        other_from: u64,
        restart: bool,
        main: Stream,
        tracks: &Tracks<'_, P, C>,
    ) -> Option<Self> {
        let key = tracks.main.frame(number)?;
        let caps = tracks.main.caps(number)?.clone();
        let now = tracks.main.newest().unwrap_or(key.start);
        let other = tracks.other.as_ref();
        // What lies before the file does not say which format it has.
        let early = |number: &u64| {
            other.and_then(|other| other.track.frame(*number)).is_some_and(|frame| frame.start < key.start)
        };
        let here = other.map_or(other_from, |other| other_from.max(other.track.base()));
        let other_from = (here..).find(|number| !early(number))?;
        let other = other.filter(|other| other.belongs(key.start, other_from, now));
        let other_caps = other.map(|other| {
            let cached = other.track.frame(other_from).and_then(|_| other.track.caps(other_from));
            cached.unwrap_or(other.caps).clone()
        });
        let mut streams = vec![(main, caps.clone())];
        streams.extend(other_caps.clone().map(|caps| (main.other(), caps)));
        Some(Self {
            main,
            opening: Some((streams, restart)),
            other: if other_caps.is_some() { OtherState::Open } else { OtherState::None },
            other_caps,
            unordered: tracks.unordered,
            leading: true,
            group: number,
            cursor: number,
            other_cursor: other_from,
            caps,
            progress: Progress::new(Seen::of(&key)),
            held: Vec::new(),
            main_end: None,
            other_last: key.start,
        })
    }

    /// Where it begins.
    pub(super) fn first(&self) -> Seen {
        self.progress.first()
    }

    /// The next frame of the main stream to read.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The frames of the main and the other stream from which on they are still needed.
    pub(super) fn needs(&self) -> (u64, u64) {
        // A stream that the file has no place for, or no more, is not read.
        let reads_other = matches!(self.other, OtherState::Open | OtherState::Reached);
        (self.group, if reads_other { self.other_cursor } else { u64::MAX })
    }

    /// The main stream has reached the asked end.
    pub(super) fn has_ended(&self) -> bool {
        self.main_end.is_some()
    }

    /// The asked end has moved on.
    pub(super) fn extend(&mut self) {
        if self.other == OtherState::Reached {
            self.other = OtherState::Open;
        }
    }

    /// The writer has been told to open the file.
    pub(super) fn is_announced(&self) -> bool {
        self.opening.is_none()
    }

    /// There is a file already: its own, or the one that it takes the place of.
    pub(super) fn has_file(&self) -> bool {
        self.opening.as_ref().is_none_or(|(_, restart)| *restart)
    }

    /// Its figures, and where it ends.
    pub(super) fn finish(self, next: Option<Seen>, usual: Duration, asked: (Bound, Bound)) -> (Delivered, Seen) {
        self.progress.finish(next, usual, asked)
    }

    /// Frames of the other stream within the asked interval are not in the file: they came when it had no place for them.
    pub(super) fn has_missed(&self, end: Bound, tracks: &Tracks<'_, P, C>) -> bool {
        let came = |other: &Other<'_, P, C>| {
            let next = other.track.first_at_or_after(self.other_last + Duration::from_nanos(1));
            other.track.frame(next).is_some_and(|frame| end.is_after(&frame))
        };
        matches!(self.other, OtherState::None | OtherState::Over) && tracks.other.as_ref().is_some_and(came)
    }

    /// Reads one frame, or finds out why there is none.
    pub(super) fn step(
        &mut self,
        end: Bound,
        fate: Option<Fate>,
        tracks: &Tracks<'_, P, C>,
        gaps: &mut GapFinder,
        actions: &mut Vec<Action<P, C>>,
    ) -> Step {
        if let Some((mut streams, restart)) = self.opening.take() {
            self.follow_other(&mut streams, tracks);
            let (first, unordered) = (self.first().running, self.unordered);
            actions.push(Action::Open { streams, first, unordered, restart });
        }
        let readable = self.main_end.is_none() && fate.is_none_or(|fate| self.cursor < fate.cut);
        let main = if readable { tracks.main.frame(self.cursor) } else { None };
        let track = tracks.other.as_ref().filter(|_| self.other == OtherState::Open).map(|other| other.track);
        let other = track.and_then(|track| track.frame(self.other_cursor));
        if let (Some(frame), Some(track)) = (&other, track)
            && self.is_due(frame, main.as_ref(), fate)
        {
            return self.read_other(frame, track.caps(self.other_cursor), end, actions);
        }
        if let Some(frame) = main {
            return self.read_main(&frame, end, other.is_none(), tracks, gaps, actions);
        }
        self.without_frames(end, fate, tracks, actions)
    }

    /// The other stream may have changed its format since the first keyframe was chosen.
    fn follow_other(&mut self, streams: &mut [(Stream, C)], tracks: &Tracks<'_, P, C>) {
        let track = tracks.other.as_ref().map(|other| other.track);
        let caps = track.and_then(|track| track.frame(self.other_cursor).and(track.caps(self.other_cursor)));
        if let ([_, (_, expected)], Some(caps)) = (streams, caps) {
            expected.clone_from(caps);
            self.other_caps = Some(caps.clone());
        }
    }

    /// The other stream's frames come right before those of the main one that begin later.
    fn is_due(&self, other: &Frame<P>, main: Option<&Frame<P>>, fate: Option<Fate>) -> bool {
        match main {
            // No file is without its first keyframe, whatever the other stream does.
            Some(_) if self.progress.last().is_none() => false,
            Some(main) => other.start <= main.start,
            None if self.main_end.is_some() || fate.is_some() => true,
            // A stop may still come before it.
            None => self.progress.last().is_none_or(|last| other.start <= last),
        }
    }

    fn read_other(&mut self, frame: &Frame<P>, caps: Option<&C>, end: Bound, actions: &mut Vec<Action<P, C>>) -> Step {
        if !end.is_after(frame) {
            self.other = OtherState::Reached;
        } else if caps != self.other_caps.as_ref() {
            // From the keyframe before it on, so that nothing of the new format is lost; that much is in both files.
            return Step::OtherFormat { from: self.group, other_from: self.other_cursor };
        } else {
            self.other_cursor += 1;
            if frame.start >= self.first().running {
                let stream = self.main.other();
                self.other_last = frame.start;
                self.progress.add(stream, false, frame);
                actions.push(Action::Write { stream, frame: frame.clone() });
            }
        }
        Step::Read
    }

    fn read_main(
        &mut self,
        frame: &Frame<P>,
        end: Bound,
        alone: bool,
        tracks: &Tracks<'_, P, C>,
        gaps: &mut GapFinder,
        actions: &mut Vec<Action<P, C>>,
    ) -> Step {
        if tracks.main.caps(self.cursor) != Some(&self.caps) {
            if end.is_after(frame) {
                return Step::OtherFormat { from: self.cursor, other_from: self.other_cursor };
            }
            self.main_end = Some(Seen::of(frame));
            return Step::Read;
        }
        if frame.keyframe {
            self.group = self.cursor;
        }
        self.cursor += 1;
        let first = self.first().running;
        if self.leading && frame.start < first {
            // Shown before the file begins, and decoded from what precedes it (open GOP).
            return Step::Read;
        }
        self.leading &= frame.start <= first;
        // No frame is shown before it is decoded. Without decoding times: the frames between two that are each shown
        // later than all before come right after the second.
        let all_have_come = if self.unordered || tracks.unordered {
            self.held.iter().any(|held| held.start < frame.start)
        } else {
            !end.is_after_decoding(frame)
        };
        if end.is_after(frame) {
            // What was held back is needed after all, to decode this one.
            for held in self.held.drain(..).chain([frame.clone()]) {
                self.progress.add(self.main, true, &held);
                gaps.follow(&held);
                actions.push(Action::Write { stream: self.main, frame: held });
            }
        } else if all_have_come {
            let earliest = self.held.iter().min_by_key(|held| held.start).filter(|held| held.start < frame.start);
            self.main_end = Some(Seen::of(earliest.unwrap_or(frame)));
            self.held.clear();
        } else {
            self.held.push(frame.clone());
        }
        if alone && self.other == OtherState::Open && frame.start.since(self.other_last) >= SILENCE {
            self.leave_other(actions);
        }
        Step::Read
    }

    /// Goes on without the other stream: it has been silent for too long, or has ended.
    fn leave_other(&mut self, actions: &mut Vec<Action<P, C>>) {
        self.other = OtherState::Over;
        actions.push(Action::EndStream { stream: self.main.other() });
    }

    fn without_frames(
        &mut self,
        end: Bound,
        fate: Option<Fate>,
        tracks: &Tracks<'_, P, C>,
        actions: &mut Vec<Action<P, C>>,
    ) -> Step {
        let waits = self.other == OtherState::Open;
        if let Some(next) = self.main_end {
            let late = tracks.main.newest().is_some_and(|newest| newest >= end.running + LAG);
            let ended = tracks.other.as_ref().is_none_or(|other| other.ended);
            if !waits || late || ended || fate.is_some() {
                return Step::Complete(next);
            }
        } else if let Some(fate) = fate {
            return Step::CutOff(fate.reason);
        } else if waits && tracks.other.as_ref().is_none_or(|other| other.ended) {
            self.leave_other(actions);
            return Step::Read;
        }
        Step::Nothing
    }
}
