//! Rule 3 as a property of 2,000 generated streams: frame rates from a time-lapse to 60 Hz, GOPs from one frame to minutes,
//! B-frames with and without decoding times, repeated times, gaps, jumps back, interruptions, changes of format, sound that
//! comes late, stops or is alone. What must be in a file is worked out from what was pushed, not from how it is read.
//! Single cases with their reasons are in `streams_test`; requests in all their kinds in `rules_test`.

use std::time::Duration;

use proptest::prelude::*;

use super::rules_test::{CONFIG, MS, config};
use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reorder {
    None,
    /// Two B-frames between references, with decoding times.
    Timed,
    /// The same over RTP.
    Untimed,
}

#[derive(Clone, Copy, Debug)]
enum Oddity {
    /// Nothing comes for so long.
    Gap { ms: i64 },
    /// The stream's time goes back.
    Back { ms: i64 },
    /// The connection is lost, or flushed.
    Interrupt { ms: i64 },
    /// Another format.
    Format { with_keyframe: bool },
    /// A frame with the time of the one before.
    Repeat,
    /// Sound stops or starts again.
    Sound,
    /// The sound's format changes.
    SoundFormat,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Odd(Oddity),
    Start { before_ms: u64, after_ms: u64 },
    Pull { limit: usize },
}

#[derive(Clone, Debug)]
struct Spec {
    /// Milliseconds from one frame to the next; `None`: variable.
    step_ms: Option<i64>,
    /// Frames in a group.
    gop: i64,
    reorder: Reorder,
    sound: bool,
    pictures: bool,
    /// What happens before frame number …
    events: Vec<(i64, Event)>,
    length: i64,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (500i64..20_000).prop_map(|ms| Event::Odd(Oddity::Gap { ms })),
        1 => (10i64..100_000).prop_map(|ms| Event::Odd(Oddity::Back { ms })),
        1 => (10i64..30_000).prop_map(|ms| Event::Odd(Oddity::Interrupt { ms })),
        1 => any::<bool>().prop_map(|with_keyframe| Event::Odd(Oddity::Format { with_keyframe })),
        1 => Just(Event::Odd(Oddity::Repeat)),
        1 => Just(Event::Odd(Oddity::Sound)),
        1 => Just(Event::Odd(Oddity::SoundFormat)),
        5 => (0u64..12_000, 1u64..15_000).prop_map(|(before_ms, after_ms)| Event::Start { before_ms, after_ms }),
        8 => (1usize..100).prop_map(|limit| Event::Pull { limit }),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    let step = prop_oneof![
        4 => (16i64..50).prop_map(Some),
        1 => (200i64..1_000).prop_map(Some),
        1 => Just(Some(5_000)),
        2 => Just(None),
    ];
    let gop = prop_oneof![2 => Just(1i64), 5 => 2i64..120, 1 => 500i64..1_000, 1 => Just(i64::MAX)];
    let reorder = prop_oneof![3 => Just(Reorder::None), 1 => Just(Reorder::Timed), 1 => Just(Reorder::Untimed)];
    (step, gop, reorder, any::<bool>(), prop::bool::weighted(0.9), 30i64..700).prop_flat_map(
        |(step_ms, gop, reorder, sound, pictures, length)| {
            prop::collection::vec((0..length, event()), 3..30).prop_map(move |mut events| {
                events.sort_by_key(|(frame, _)| *frame);
                Spec { step_ms, gop, reorder, sound: sound || !pictures, pictures, events, length }
            })
        },
    )
}

/// A frame as it is in the core's log.
#[derive(Clone, Copy, Debug)]
struct Logged {
    number: u64,
    payload: u64,
    start: RunningTime,
    decode: RunningTime,
    keyframe: bool,
    format: u8,
    discont: bool,
}

#[derive(Debug)]
struct Asked {
    interval: Interval,
    /// Number of the first frame, once it is known.
    first: Option<u64>,
    late: bool,
    unordered: bool,
    actions: Vec<Action<u64, u8>>,
}

struct Run {
    spec: Spec,
    core: SourceCore<u64, u8>,
    main: Stream,
    log: Vec<Logged>,
    sound: Vec<Logged>,
    asked: Vec<Asked>,
    clock: u64,
    format: u8,
    sound_format: u8,
    sounding: bool,
    jumps_a_little: bool,
}

impl Run {
    fn new(spec: Spec) -> Self {
        let config = Config { both: false, max_sessions: u32::MAX, ..CONFIG };
        let mut core = SourceCore::new(config);
        let main = if spec.pictures { Stream::Video } else { Stream::Audio };
        if spec.pictures {
            core.format(Stream::Video, 1);
        }
        if spec.sound {
            core.format(Stream::Audio, 101);
        }
        let sounding = spec.sound;
        Self {
            spec,
            core,
            main,
            log: Vec::new(),
            sound: Vec::new(),
            asked: Vec::new(),
            clock: 0,
            format: 1,
            sound_format: 101,
            sounding,
            jumps_a_little: false,
        }
    }

    fn all(mut self) {
        let events = std::mem::take(&mut self.spec.events);
        let mut events = events.into_iter().peekable();
        let (mut time, mut force_key, mut since_key) = (0i64, true, 0i64);
        let (mut wait, mut last) = (0i64, i64::MIN / 2);
        for index in 0..self.spec.length {
            let step = self.spec.step_ms.unwrap_or(1 + (index * 7_919) % 400);
            let mut repeated = false;
            while let Some((_, event)) = events.next_if(|(at, _)| *at == index) {
                match event {
                    Event::Odd(Oddity::Gap { ms }) => (time, wait) = (time + ms, wait + ms),
                    Event::Odd(Oddity::Back { ms }) => time -= ms,
                    Event::Odd(Oddity::Interrupt { ms }) => {
                        self.core.interrupt();
                        (time, wait) = (time / 3, wait + ms);
                    }
                    Event::Odd(Oddity::Format { with_keyframe }) if self.spec.pictures => {
                        let before = self.core.cache(Stream::Video).next();
                        self.core.format(Stream::Video, self.format + 1);
                        self.note_kept(Stream::Video, before);
                        self.format += 1;
                        force_key |= with_keyframe;
                    }
                    Event::Odd(Oddity::Repeat) => repeated = true,
                    Event::Odd(Oddity::Sound) => self.sounding = self.spec.sound && !self.sounding,
                    Event::Odd(Oddity::SoundFormat) if self.spec.sound => {
                        let before = self.core.cache(Stream::Audio).next();
                        self.core.format(Stream::Audio, self.sound_format + 1);
                        self.note_kept(Stream::Audio, before);
                        self.sound_format += 1;
                    }
                    Event::Odd(_) => {}
                    Event::Start { before_ms, after_ms } => self.start(before_ms, after_ms),
                    Event::Pull { limit } => self.pull(limit),
                }
            }
            if !repeated {
                time += step;
            }
            self.jumps_a_little |= (1..2_500 + 3 * step).contains(&(last - time));
            last = time;
            self.clock += ((step + wait) * MS) as u64;
            wait = 0;
            let keyframe = force_key || since_key >= self.spec.gop;
            since_key = if keyframe { 1 } else { since_key + 1 };
            force_key = false;
            if self.spec.pictures {
                self.picture(index, time, step, keyframe);
            }
            if self.sounding {
                self.push(Stream::Audio, Frame::new(RunningTime(time * MS), true, 1, index as u64));
            }
            self.note_first();
        }
        for stream in [Stream::Video, Stream::Audio] {
            let before = self.core.cache(stream).next();
            self.core.end_of_stream(stream);
            self.note_kept(stream, before);
        }
        self.note_first();
        self.pull(usize::MAX);
        self.check();
    }

    /// I P B B P B B …: what is shown third comes second.
    fn picture(&mut self, index: i64, time: i64, step: i64, keyframe: bool) {
        let shown = match index % 3 {
            _ if keyframe || self.spec.reorder == Reorder::None => time,
            1 => time + 2 * step,
            _ => time - step,
        };
        // With decoding times everything is shown at least a step later than it is decoded.
        let delay = if self.spec.reorder == Reorder::Timed { step } else { 0 };
        let start = RunningTime((shown + delay) * MS);
        let decode = if self.spec.reorder == Reorder::Timed { RunningTime(time * MS).min(start) } else { start };
        self.push(Stream::Video, Frame { decode, ..Frame::new(start, keyframe, 1, index as u64) });
    }

    fn push(&mut self, stream: Stream, frame: Frame<u64>) {
        let before = self.core.cache(stream).next();
        self.core.push(stream, frame, Arrival(self.clock));
        self.note_kept(stream, before);
    }

    /// Notes what is in the core's log from frame `before` on. It may have had no use for a frame, or wait for the next one:
    /// why is checked by the other tests.
    fn note_kept(&mut self, stream: Stream, before: u64) {
        let track = self.core.cache(stream);
        let format = if stream == Stream::Video { self.format } else { self.sound_format };
        let logged = (before..track.next()).filter_map(|number| {
            let Frame { start, decode, keyframe, discont, payload, .. } = track.frame(number)?;
            Some(Logged { number, payload, start, decode, keyframe, format, discont })
        });
        let logged: Vec<_> = logged.collect();
        if stream == self.main { self.log.extend(logged) } else { self.sound.extend(logged) }
    }

    fn start(&mut self, before_ms: u64, after_ms: u64) {
        let request = StartRequest {
            start: Moment::Ago(Duration::from_millis(before_ms)),
            end: Some(Moment::In(Duration::from_millis(after_ms))),
            overlap: None,
        };
        if let Ok(accepted) = self.core.start(request, Arrival(self.clock)) {
            assert_eq!(accepted.session.0 as usize, self.asked.len());
            let late = accepted.late.is_some();
            let asked = Asked { interval: accepted.asked, first: None, late, unordered: false, actions: Vec::new() };
            self.asked.push(asked);
            self.note_first();
        }
    }

    /// Works out where each file begins, at the moment at which that is settled.
    fn note_first(&mut self) {
        let front = self.core.cache(self.main).front();
        for (id, asked) in self.asked.iter_mut().enumerate().filter(|(_, asked)| asked.first.is_none()) {
            let Some(begins) = self.core.begins(SessionId(id as u32)) else { continue };
            let cached = || self.log.iter().filter(|frame| frame.keyframe && frame.number >= front);
            let at_start = cached().rfind(|frame| frame.start <= asked.interval.start);
            let expected = at_start.or_else(|| cached().next()).unwrap();
            assert_eq!(begins, expected.start, "the last keyframe at or before the asked start");
            asked.first = Some(expected.number);
        }
    }

    fn pull(&mut self, limit: usize) {
        for (id, asked) in self.asked.iter_mut().enumerate() {
            let mut left = limit;
            let mut more = true;
            while more && left > 0 {
                let some = left.min(50);
                more = self.core.pull(SessionId(id as u32), some, &mut asked.actions);
                left -= some;
            }
            asked.unordered |=
                asked.actions.iter().any(|action| matches!(action, Action::Open { unordered: true, .. }));
        }
    }

    fn check(&self) {
        for asked in &self.asked {
            match asked.actions.last() {
                Some(Action::Close { ended }) => self.check_session(asked, ended),
                Some(Action::Fail { reason: FailReason::NoKeyframe { .. } }) => {
                    assert!(asked.first.is_none() && asked.actions.len() == 1);
                }
                other => panic!("a session without an end: {other:?}"),
            }
        }
    }

    /// The frames that the asked interval needs, from the log alone. `None` where B-frames without decoding times came
    /// later than could be known.
    fn needed(&self, asked: &Asked) -> Vec<Logged> {
        let from = self.log.iter().position(|frame| Some(frame.number) == asked.first).unwrap();
        let (end, mut needed, mut beyond) = (asked.interval.end, Vec::new(), Vec::<Logged>::new());
        let (mut format, mut skipping, mut begins) = (self.log[from].format, false, self.log[from].start);
        let mut leading = true;
        for frame in &self.log[from..] {
            if frame.format != format || skipping {
                // Another file, from its first keyframe on. What was beyond the end in the one before is not needed.
                beyond.clear();
                skipping = !frame.keyframe;
                (format, begins, leading) = (frame.format, frame.start, true);
                if frame.keyframe && frame.start >= end {
                    break;
                }
                if skipping {
                    continue;
                }
            }
            let all_have_come = if self.spec.reorder == Reorder::Untimed {
                beyond.iter().any(|earlier| earlier.start < frame.start)
            } else {
                frame.decode >= end
            };
            // Leading pictures come right after the keyframe.
            if leading && frame.start < begins {
                continue;
            }
            leading &= frame.start <= begins;
            if frame.start < end {
                needed.append(&mut beyond);
                needed.push(*frame);
            } else if all_have_come {
                break;
            } else {
                beyond.push(*frame);
            }
        }
        needed
    }

    fn check_session(&self, asked: &Asked, ended: &Ended) {
        let (mut files, mut open) = (Vec::new(), false);
        let mut sound_left_out = false;
        for action in &asked.actions {
            match action {
                Action::Open { streams, restart, .. } => {
                    assert!(!open && !restart);
                    open = true;
                    files.push((streams.clone(), Vec::new(), Vec::new()));
                    sound_left_out |= streams.len() == 1;
                }
                Action::Write { stream, frame } => {
                    let (_, main, other) = files.last_mut().unwrap();
                    if *stream == self.main { main.push(frame.clone()) } else { other.push(frame.clone()) }
                }
                Action::EndStream { .. } => sound_left_out = true,
                Action::ClosePart { delivered } => {
                    assert!(std::mem::replace(&mut open, false));
                    assert!(delivered.interval.start <= delivered.interval.end);
                }
                Action::Close { .. } | Action::Fail { .. } => {}
            }
        }
        // Each file begins with a keyframe and has one format.
        for (streams, main, _) in &files {
            assert!(main[0].keyframe && streams[0].0 == self.main);
            let format =
                |frame: &Frame<u64>| self.log.iter().find(|logged| logged.payload == frame.payload).unwrap().format;
            assert!(main.iter().all(|frame| format(frame) == streams[0].1), "one format in a file");
        }
        let written: Vec<_> = files.iter().flat_map(|(_, main, _)| main).map(|frame| frame.payload).collect();
        let needed = self.needed(asked);
        // A change of the sound's format writes the group before it once more; then the files together have all.
        let again = files.windows(2).any(|pair| pair[0].0[0] == pair[1].0[0]);
        // A short jump back looks like B-frames without decoding times.
        // Where the sound's format changes between a frame beyond the end and a B-frame before it, that one is lost.
        let split = self.spec.reorder == Reorder::Timed && self.sound_format > 101;
        let untimed = self.spec.reorder == Reorder::Untimed || self.jumps_a_little || split;
        if again && !untimed {
            assert!(needed.iter().all(|frame| written.contains(&frame.payload)));
        } else if !untimed {
            assert_eq!(written, needed.iter().map(|frame| frame.payload).collect::<Vec<_>>());
        } else {
            // Without decoding times it shows only in the course of the stream that there are B-frames.
            assert!(needed.iter().filter(|frame| frame.start < asked.interval.end).count() <= written.len() + 2);
        }
        self.check_record(asked, ended, &needed, again || untimed);
        // Sound: in order, none twice, none outside, and all of it unless the record's file has no place for it.
        let sound: Vec<_> = files.iter().flat_map(|(_, _, other)| other).map(|frame| frame.start).collect();
        // A short jump back may as well be the order of B-frames: it is passed on as it came.
        assert!(self.jumps_a_little || sound.windows(2).all(|pair| pair[0] <= pair[1]));
        let first = files[0].1[0].start;
        let inside = |start: &RunningTime| *start >= first && *start < asked.interval.end;
        assert!(self.jumps_a_little || sound.iter().all(inside));
        // Where no picture can be decoded for two minutes, sound is not kept for it.
        let kept = self.sound.last().is_none_or(|last| last.start.since(first) < Duration::from_secs(120));
        if kept
            && !sound_left_out
            && !self.jumps_a_little
            && files.len() == 1
            && ended.reason == EndReason::EndReached
            && self.spec.reorder == Reorder::None
        {
            let inside = |frame: &&Logged| frame.start >= first && frame.start < asked.interval.end;
            assert_eq!(sound.len(), self.sound.iter().filter(inside).count());
        }
    }

    /// What the rules could not give is in the record.
    fn check_record(&self, asked: &Asked, ended: &Ended, needed: &[Logged], loosely: bool) {
        let interval = asked.interval;
        assert_eq!(ended.interval.start, needed[0].start);
        assert_eq!(ended.missing_at_start, ended.interval.start.since(interval.start));
        assert_eq!(ended.missing_at_end, interval.end.since(ended.interval.end));
        assert_eq!(asked.late, asked.late && ended.interval.start > interval.start);
        match ended.reason {
            EndReason::EndReached => {
                let reached = self.log.iter().any(|frame| frame.start >= interval.end);
                assert!(reached || self.sound.iter().any(|frame| frame.start >= interval.end), "{ended:?}");
            }
            EndReason::FormatChanged => assert!(!ended.missing_at_end.is_zero()),
            EndReason::EndOfStream => {}
            other => panic!("ended by {other:?}"),
        }
        if !loosely {
            let interruptions = needed[1..].iter().filter(|frame| frame.discont).count() as u64;
            assert_eq!(ended.gaps.interruptions, interruptions);
        }
    }
}

proptest! {
    #![proptest_config(config(2_000))]
    #[test]
    fn files_hold_what_was_asked_of_any_stream(spec in spec()) {
        Run::new(spec).all();
    }
}
