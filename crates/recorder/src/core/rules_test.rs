//! The rules 2, 3, 4 and 7 of design.md as properties of the core, on simulated time and random operations.
//! An independent model keeps every frame that was ever pushed and says what the cache and each file must hold.
//! Media, muxers and threads are left to the tests of the outer rings.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

pub(super) const MS: i64 = 1_000_000;
const WINDOW: Duration = Duration::from_secs(10);
const MAX_SESSIONS: u32 = 6;
pub(super) const CONFIG: Config = Config {
    window: WINDOW,
    cache_bytes: 0,
    default_duration: Duration::from_secs(3),
    max_duration: Duration::ZERO,
    max_sessions: MAX_SESSIONS,
    max_pending: usize::MAX,
    overlap: Overlap::Separate,
    both: true,
    early: false,
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// The next picture, so long after the last one, and whether it is a keyframe.
    Video { step_ms: u64, keyframe: bool },
    /// A sound, at the time of the newest picture give or take.
    Audio { offset_ms: i64 },
    /// A start: so long before now, so long after now, with a policy.
    Start { before_ms: u64, after_ms: u64, policy: Overlap },
    /// A start that lies in the future.
    Later { start_ms: u64, length_ms: u64 },
    /// A stop of one session or of all.
    Stop { session: Option<u32> },
    /// Time without frames.
    Pause { ms: u64 },
    /// A session's writer reads so many frames.
    Pull { session: u32, limit: usize },
    /// The writers report that the oldest finished file is done.
    Finished,
}

/// The same cases in each run, so that a change is what makes a test fail. To look for new ones:
/// `PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=50000 cargo test -p recorder --lib core::`.
pub(super) fn config(cases: u32) -> ProptestConfig {
    let explores = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let config = ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() };
    if explores {
        return config;
    }
    ProptestConfig { cases, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_123), ..config }
}

fn policy() -> impl Strategy<Value = Overlap> {
    prop_oneof![
        4 => Just(Overlap::Separate),
        2 => Just(Overlap::Reject),
        2 => Just(Overlap::Extend),
        2 => Just(Overlap::Merge),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        60 => (1u64..80, prop::bool::weighted(0.03)).prop_map(|(step_ms, keyframe)| Op::Video { step_ms, keyframe }),
        30 => (-300i64..300).prop_map(|offset_ms| Op::Audio { offset_ms }),
        3 => (0u64..15_000, 0u64..6_000, policy())
            .prop_map(|(before_ms, after_ms, policy)| Op::Start { before_ms, after_ms, policy }),
        1 => (0u64..4_000, 0u64..4_000).prop_map(|(start_ms, length_ms)| Op::Later { start_ms, length_ms }),
        1 => prop::option::of(0u32..4).prop_map(|session| Op::Stop { session }),
        2 => (1u64..9_000).prop_map(|ms| Op::Pause { ms }),
        20 => (0u32..MAX_SESSIONS, 1usize..200).prop_map(|(session, limit)| Op::Pull { session, limit }),
        4 => Just(Op::Finished),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Pushed {
    start: RunningTime,
    keyframe: bool,
}

#[derive(Debug)]
struct File {
    asked: Interval,
    first: Option<RunningTime>,
    /// The keyframe that the model expects the file to begin with, fixed when it is known.
    expected_first: Option<RunningTime>,
    /// Sound may be left out: there was none, nor had been for a while, when the first keyframe was known.
    may_be_silent: bool,
    video: Vec<u64>,
    audio: Vec<u64>,
    /// How many pictures and sounds there were when the source had been silent for too long.
    cut: Option<(usize, usize)>,
    over: bool,
}

pub(super) struct Model {
    pub(super) core: SourceCore<u64, u8>,
    pub(super) clock: u64,
    video: Vec<Pushed>,
    audio: Vec<RunningTime>,
    files: BTreeMap<u32, File>,
    accepted: u64,
    answered: u64,
    /// The source has ended.
    over: bool,
}

impl Model {
    pub(super) fn new() -> Self {
        let mut core = SourceCore::new(CONFIG);
        core.format(Stream::Video, 1);
        core.format(Stream::Audio, 2);
        Self {
            core,
            clock: 0,
            video: Vec::new(),
            audio: Vec::new(),
            files: BTreeMap::new(),
            accepted: 0,
            answered: 0,
            over: false,
        }
    }

    fn newest(&self) -> Option<RunningTime> {
        self.video.last().map(|frame| frame.start)
    }

    /// The keyframe at which the cache must begin (rule 2): the last one at or before newest - window, or the first.
    fn oldest_cached(&self) -> Option<RunningTime> {
        let horizon = self.newest()? - WINDOW;
        let keys = || self.video.iter().filter(|frame| frame.keyframe).map(|frame| frame.start);
        keys().filter(|start| *start <= horizon).max().or_else(|| keys().min())
    }

    /// Where a file for `asked` must begin (rule 3).
    fn expected_first(&self, asked: Interval) -> Option<RunningTime> {
        let oldest = self.oldest_cached()?;
        let cached = || self.video.iter().filter(|frame| frame.keyframe && frame.start >= oldest).map(|key| key.start);
        cached().filter(|start| *start <= asked.start).max().or_else(|| cached().min())
    }

    pub(super) fn step(&mut self, op: Op) {
        match op {
            Op::Video { step_ms, keyframe } => {
                let start = self.newest().map_or(RunningTime::ZERO, |newest| newest + Duration::from_millis(step_ms));
                // The stream begins with a keyframe, so that the model's groups are the cache's.
                let keyframe = keyframe || self.video.is_empty();
                self.clock += step_ms * MS as u64;
                let number = self.video.len() as u64;
                self.video.push(Pushed { start, keyframe });
                let frame = Frame::new(start, keyframe, 1, number);
                self.core.push(Stream::Video, frame, Arrival(self.clock));
            }
            Op::Audio { offset_ms } => {
                let Some(newest) = self.newest() else { return };
                let wanted = RunningTime(newest.0 + offset_ms * MS);
                let start = self.audio.last().map_or(wanted, |last| wanted.max(*last));
                let number = self.audio.len() as u64;
                self.audio.push(start);
                self.core.push(Stream::Audio, Frame::new(start, true, 1, number), Arrival(self.clock));
            }
            Op::Start { before_ms, after_ms, policy } => self.start(StartRequest {
                start: Moment::Ago(Duration::from_millis(before_ms)),
                end: Some(Moment::In(Duration::from_millis(after_ms))),
                overlap: Some(policy),
            }),
            Op::Later { start_ms, length_ms } => self.start(StartRequest {
                start: Moment::In(Duration::from_millis(start_ms)),
                end: Some(Moment::In(Duration::from_millis(start_ms + length_ms))),
                overlap: None,
            }),
            Op::Stop { session } => {
                let running: Vec<u32> =
                    self.running().filter(|id| session.is_none_or(|wanted| wanted == *id)).collect();
                match self.core.stop(session.map(SessionId), Arrival(self.clock)) {
                    Ok(stopped) => {
                        assert_eq!(stopped.iter().map(|id| id.0).collect::<Vec<_>>(), running);
                        let now = self.core.timeline().now(Arrival(self.clock)).unwrap();
                        for id in running {
                            let file = self.files.get_mut(&id).unwrap();
                            file.asked.end = file.asked.end.min(now + Duration::from_nanos(1));
                        }
                    }
                    Err(_) => assert!(running.is_empty()),
                }
            }
            Op::Pause { ms } => {
                self.clock += ms * MS as u64;
                if let Some(now) = self.core.timeline().now(Arrival(self.clock)) {
                    for file in self.files.values_mut().filter(|file| file.cut.is_none()) {
                        let cut = (self.video.len(), self.audio.len());
                        file.cut = (now >= file.asked.end + Duration::from_secs(5)).then_some(cut);
                    }
                }
                self.core.advance(Arrival(self.clock));
            }
            Op::Pull { session, limit } => {
                self.pull(session, limit);
            }
            Op::Finished => {
                if let Some(id) = self.files.iter().find(|(_, file)| file.over).map(|(id, _)| *id) {
                    self.core.finished(SessionId(id));
                    self.files.remove(&id);
                }
            }
        }
        self.note_begins();
        self.check_cache();
    }

    fn pull(&mut self, session: u32, limit: usize) -> bool {
        let mut actions = Vec::new();
        let more = self.core.pull(SessionId(session), limit, &mut actions);
        self.perform(SessionId(session), actions);
        more
    }

    /// Fixes what the model expects of files whose first keyframe has become known, and checks those that never will have
    /// one.
    fn note_begins(&mut self) {
        let Some(newest) = self.newest() else { return };
        let silent = self.audio.last().is_none_or(|last| newest.since(*last) >= Duration::from_secs(5));
        let ids: Vec<u32> = self.files.iter().filter(|(_, file)| !file.over).map(|(id, _)| *id).collect();
        for id in ids {
            let (asked, known) = (self.files[&id].asked, self.files[&id].expected_first);
            if let Some(begins) = self.core.begins(SessionId(id)).filter(|begins| Some(*begins) != known) {
                let expected = self.expected_first(asked);
                assert_eq!(Some(begins), expected, "the last keyframe at or before the asked start");
                assert!(known.is_none_or(|known| begins < known), "joining begins it earlier");
                let none = !self.audio.iter().any(|start| *start >= begins);
                let file = self.files.get_mut(&id).unwrap();
                (file.expected_first, file.may_be_silent) = (expected, none && (silent || self.over));
            }
        }
        for (id, _) in self.core.failing() {
            let file = &self.files[&id.0];
            // The first keyframe always exists, so only an interval that lies in the future can fail.
            let ahead = file.asked.start.since(newest) >= Duration::from_secs(1);
            assert!(file.first.is_none() && (ahead || file.asked.end <= file.asked.start || file.cut.is_some()));
        }
    }

    fn running(&self) -> impl Iterator<Item = u32> {
        let runs = |file: &File| {
            let coming = self.newest().is_none_or(|newest| newest < file.asked.end);
            !file.over && file.cut.is_none() && coming && file.asked.end > file.asked.start
        };
        self.files.iter().filter(move |(_, file)| runs(file)).map(|(id, _)| *id)
    }

    fn start(&mut self, request: StartRequest) {
        match self.core.start(request, Arrival(self.clock)) {
            Ok(accepted) => {
                let asked = accepted.asked;
                assert!(asked.start < asked.end);
                let policy = request.overlap.unwrap_or(CONFIG.overlap);
                let joins = matches!(policy, Overlap::Extend | Overlap::Merge);
                if accepted.merged {
                    assert!(joins);
                    let file = self.files.get_mut(&accepted.session.0).unwrap();
                    assert!(!file.over && file.asked.start <= asked.end && asked.start <= file.asked.end);
                    file.asked.end = file.asked.end.max(asked.end);
                    if policy == Overlap::Merge {
                        file.asked.start = file.asked.start.min(asked.start);
                    }
                    return;
                }
                self.accepted += 1;
                assert!(!self.files.contains_key(&accepted.session.0), "an id in use was given again");
                let smallest = (0..).find(|id| !self.files.contains_key(id)).unwrap();
                assert_eq!(accepted.session.0, smallest);
                if policy == Overlap::Reject {
                    assert_eq!(self.running().count(), 0);
                }
                let touches =
                    |id: u32| self.files[&id].asked.start <= asked.end && asked.start <= self.files[&id].asked.end;
                assert!(!joins || !self.running().any(touches), "what touches is joined");
                let shortened = self.oldest_cached().filter(|oldest| *oldest > asked.start);
                assert_eq!(accepted.late.map(|late| late.0), shortened, "what the cache no longer has is said");
                let file = File {
                    asked,
                    first: None,
                    expected_first: None,
                    may_be_silent: false,
                    video: Vec::new(),
                    audio: Vec::new(),
                    cut: None,
                    over: false,
                };
                self.files.insert(accepted.session.0, file);
            }
            Err(rejection) => match rejection {
                Rejection::TooManySessions { running } => assert_eq!(running, MAX_SESSIONS),
                Rejection::TooManyUnfinished { open } => assert_eq!(open, self.files.len()),
                Rejection::Overlaps { session } => assert!(!self.files[&session.0].over),
                Rejection::NothingYet => assert!(self.video.is_empty()),
                Rejection::EmptyInterval | Rejection::OlderThanCache => {}
                other => panic!("rejected with {other}"),
            },
        }
        assert!(self.core.running() <= MAX_SESSIONS);
    }

    fn perform(&mut self, session: SessionId, actions: Vec<Action<u64, u8>>) {
        for action in actions {
            let file = self.files.get_mut(&session.0).unwrap();
            assert!(!file.over, "{action:?} after the end");
            match action {
                Action::EndStream { stream } => assert_eq!(stream, Stream::Audio),
                Action::Open { streams, first, restart, .. } => {
                    assert_eq!(streams[0], (Stream::Video, 1));
                    assert!(streams[1..] == [(Stream::Audio, 2)] || file.may_be_silent);
                    assert_eq!(restart, file.first.is_some());
                    (file.first, file.video, file.audio) = (Some(first), Vec::new(), Vec::new());
                }
                Action::Write { stream, frame } => {
                    assert!(file.first.is_some(), "a write before open");
                    match stream {
                        Stream::Video => file.video.push(frame.payload),
                        Stream::Audio => file.audio.push(frame.payload),
                    }
                }
                Action::Close { ended } => self.check_file(session, &ended),
                Action::ClosePart { .. } => panic!("the format has not changed"),
                Action::Fail { .. } => {
                    file.over = true;
                    self.answered += 1;
                }
            }
        }
    }

    /// Rule 3, and with it rule 4: the content depends on the session's own interval and nothing else.
    fn check_file(&mut self, session: SessionId, ended: &Ended) {
        let file = self.files.get_mut(&session.0).unwrap();
        assert!(!file.over, "two ends");
        file.over = true;
        self.answered += 1;
        let (asked, first) = (file.asked, file.first.unwrap());
        assert_eq!(ended.asked, asked);
        assert_eq!(Some(first), file.expected_first, "begins with the last keyframe at or before the asked start");
        let video = |number: &u64| self.video[*number as usize].start;
        assert_eq!(video(&file.video[0]), first);
        let count = file.video.len() as u64;
        assert!(file.video.iter().copied().eq(file.video[0]..file.video[0] + count), "no frame missing or doubled");
        let delivered = ended.last_file.as_ref().unwrap();
        assert_eq!((delivered.video_frames, ended.interval.start), (count, first));
        assert_eq!(ended.lead, asked.start.since(first));
        assert_eq!(ended.missing_at_start, first.since(asked.start));
        assert_eq!(ended.missing_at_end, asked.end.since(ended.interval.end));
        let last = *file.video.last().unwrap();
        assert!(video(&last) < asked.end, "no frame at or after the asked end");
        match (ended.reason, self.video.get(last as usize + 1)) {
            (EndReason::EndReached | EndReason::Stopped, Some(next)) => {
                assert!(next.start >= asked.end, "the last frame is the one on screen at the asked end");
                assert_eq!(ended.interval.end, next.start);
            }
            (EndReason::Shutdown, None) => {}
            (EndReason::Stalled, _) => assert_eq!(file.cut.map(|(pictures, _)| pictures), Some(last as usize + 1)),
            (reason, next) => panic!("ended by {reason:?} with {next:?} to come"),
        }
        let expected = self.audio.iter().enumerate().filter(|(_, start)| **start >= first && **start < asked.end);
        let mut expected: Vec<u64> = expected.map(|(number, _)| number as u64).collect();
        // All of the sound that has come by now, unless it paused for so long that the file went on without it.
        let times = expected.iter().map(|number| self.audio[*number as usize]);
        let newest = self.video.last().map_or(first, |frame| frame.start);
        let times: Vec<_> = [first].into_iter().chain(times).chain([newest]).collect();
        // Sound comes up to 300 ms after its picture here, and so much earlier it may seem silent.
        if times.windows(2).any(|pair| pair[1].since(pair[0]) >= Duration::from_millis(4_700)) {
            expected.truncate(file.audio.len());
        }
        if let (EndReason::Stalled, Some((_, sound))) = (ended.reason, file.cut) {
            // What came after it was given up, and before it was read, may be in it.
            let at_least = expected.iter().filter(|number| **number < sound as u64).count();
            assert!(file.audio.len() >= at_least);
            expected.truncate(file.audio.len());
        }
        assert_eq!(file.audio, expected);
    }

    /// Rule 2: the window is covered, by at most one group more.
    fn check_cache(&self) {
        let cache = self.core.cache(Stream::Video);
        assert_eq!(cache.oldest(), self.oldest_cached());
        if let Some(oldest) = cache.oldest() {
            let expected = self.video.iter().enumerate().filter(|(_, frame)| frame.start >= oldest);
            assert!(cache.frames().map(|frame| frame.payload).eq(expected.map(|(number, _)| number as u64)));
            let sound = self.core.cache(Stream::Audio);
            let from = sound.oldest().unwrap_or(RunningTime(i64::MAX));
            assert!(
                self.audio.iter().all(|start| *start < oldest || *start >= from),
                "sound is cached as pictures are"
            );
        }
    }

    /// Rule 7: each accepted session has exactly one end.
    fn finish(mut self) {
        self.over = true;
        self.core.end(EndReason::Shutdown);
        self.note_begins();
        for session in 0..MAX_SESSIONS + self.files.len() as u32 {
            while self.pull(session, 50) {}
        }
        assert!(self.files.values().all(|file| file.over));
        assert_eq!(self.accepted, self.answered);
    }
}

fn run(ops: &[Op]) {
    let mut model = Model::new();
    for op in ops {
        model.step(*op);
    }
    model.finish();
}

proptest! {
    #![proptest_config(config(2_000))]
    #[test]
    fn rules_hold_after_each_operation(ops in prop::collection::vec(op(), 1..500)) {
        run(&ops);
    }
}

proptest! {
    #![proptest_config(config(2))]
    #[test]
    fn rules_hold_over_ten_thousand_operations(ops in prop::collection::vec(op(), 10_000)) {
        run(&ops);
    }
}

/// Found by `rules_hold_after_each_operation`: sound had reached the end that was then moved on.
#[test]
fn sound_goes_on_when_the_end_moves_on() {
    use Op::*;
    let v = |step_ms, keyframe| Video { step_ms, keyframe };
    run(&[
        v(56, false),
        Start { before_ms: 12421, after_ms: 1427, policy: Overlap::Separate },
        Audio { offset_ms: 215 },
        v(57, false),
        v(67, false),
        v(32, false),
        v(41, true),
        Stop { session: None },
        Pull { session: 0, limit: 194 },
        v(36, false),
        Pull { session: 0, limit: 1 },
        Start { before_ms: 5498, after_ms: 2955, policy: Overlap::Extend },
        Audio { offset_ms: 84 },
        Audio { offset_ms: 140 },
        v(37, false),
        v(78, false),
        v(44, false),
        Pull { session: 1, limit: 20 },
    ]);
}

/// A frame that has been held up on its way comes at a running time at which the next one was due; its sender's time
/// says that the asked start has not come yet, and the keyframe of that start is still to come.
#[test]
fn a_start_ahead_waits_for_its_keyframe_by_the_sender_s_time() {
    const FRAME: i64 = 40 * MS;
    let clock = |number: i64| Utc(1_000_000 * MS + number * FRAME);
    let mut core = SourceCore::<(), ()>::new(Config { both: false, ..CONFIG });
    core.format(Stream::Video, ());
    let push = |core: &mut SourceCore<(), ()>, number: i64, late: i64| {
        let start = RunningTime(number * FRAME + late);
        let frame = Frame { utc: Some(clock(number)), ..Frame::new(start, number % 25 == 0, 1, ()) };
        core.push(Stream::Video, frame, Arrival(start.0.unsigned_abs()));
        core.observe_utc(Stream::Video, start, clock(number), UtcOrigin::Sender);
    };
    (0..60).for_each(|number| push(&mut core, number, 0));
    let (start, end) = (Moment::Utc(clock(75)), Some(Moment::Utc(clock(90))));
    let accepted = core.start(StartRequest { start, end, overlap: None }, Arrival((60 * FRAME) as u64)).unwrap();
    (60..74).for_each(|number| push(&mut core, number, 0));
    push(&mut core, 74, 45 * MS);
    assert_eq!(core.begins(accepted.session), None);
    push(&mut core, 75, 10 * MS);
    assert_eq!(core.begins(accepted.session), Some(RunningTime(75 * FRAME + 10 * MS)));
}
