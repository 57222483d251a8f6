//! How a source is connected: one state machine that knows when it is lost, when to try again, and when it is back.
//! Pure: what has happened and the time are handed in, what is to be done comes out; nothing waits here.
//! Doing it is left to `supervisor`, for whom [`Connection::due`] says when time alone will change something.

use std::time::{Duration, Instant};

/// Pauses between attempts, as divisors of the interval: a camera that was only restarted is back soon, one that stays
/// away is asked once an interval.
const BACK_OFF: [u32; 4] = [8, 4, 2, 1];

/// So far each pause is off by chance, that hundreds of cameras behind one switch are not all asked at the same moment.
const JITTER: f64 = 0.2;

/// How often at most a source is looked at for silence or for its first frame.
const LOOK: Duration = Duration::from_secs(1);

/// So long at least a camera has for its answer to an attempt (RTSP, DESCRIBE): cheap ones take seconds.
const ANSWER: Duration = Duration::from_secs(5);

/// So long at least a camera that has answered has for its first frame: `rtspsrc` tries UDP for 5 s before TCP, and some
/// cameras send what decoding needs only with each keyframe, which can be 20 s apart.
const FIRST_FRAME: Duration = Duration::from_secs(30);

/// Something about the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Its pipeline has posted an error.
    Failed {
        /// The reason, for people.
        error: String,
        /// No further attempt could do better: the recordbin refuses what the source sends.
        fatal: bool,
    },
    /// It has described its streams.
    Answered,
    /// It has ended its stream (RTCP BYE), or closed the connection.
    EndOfStream,
    /// Its pipeline is at rest and empty: what was ordered by [`Action::Close`] is done.
    Closed,
    /// Nothing but time has passed.
    Time,
}

/// When an input came, and how things stood then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time; never earlier than that of an earlier input.
    pub(crate) now: Instant,
    /// Time since the source's newest frame; `None` before its first one ever.
    pub(crate) silent_for: Option<Duration>,
}

impl Moment {
    fn newest_frame(&self) -> Option<Instant> {
        self.now.checked_sub(self.silent_for?)
    }
}

/// What is to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell people, once: the source is lost, and attempts go on.
    TellLost {
        /// Why.
        reason: String,
    },
    /// Tell people, once: the source is back.
    TellBack {
        /// How long there were no frames.
        after: Duration,
    },
    /// Take its pipeline down, then report [`Input::Closed`].
    Close,
    /// The old pipeline is at rest: what comes next is of another connection.
    Interrupt,
    /// Build its pipeline anew and start it.
    Connect,
    /// The source is over, for good.
    End {
        /// Why, if it did not just end.
        error: Option<String>,
    },
}

/// Where a source is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The first attempt runs; there has been no frame.
    Connecting(Attempt),
    /// Frames arrive, as of the last look.
    Connected {
        /// When to look for silence next.
        look: Instant,
    },
    /// None since then; so many attempts have been waited for.
    Lost { since: Instant, attempt: usize, step: Step },
    /// Nothing more will come.
    Ended,
}

/// What is under way to get a lost source back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Its pipeline is being taken down.
    Closing,
    /// The pause before the next attempt.
    Waiting { next_try: Instant },
    /// An attempt runs; there has been no frame.
    Trying(Attempt),
}

/// A pipeline that has been started and has not brought a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    since: Instant,
    /// When to give it up.
    limit: Instant,
    /// The camera has described its streams.
    answered: bool,
    /// When to look for the first frame next.
    look: Instant,
}

impl Attempt {
    fn new(now: Instant, interval: Option<Duration>) -> Self {
        let limit = now + ANSWER.max(interval.unwrap_or_default());
        Self { since: now, limit, answered: false, look: now + LOOK }
    }

    fn answered(self, now: Instant, interval: Option<Duration>) -> Self {
        Self { limit: now + FIRST_FRAME.max(interval.unwrap_or_default()), answered: true, ..self }
    }

    fn look_again(self, now: Instant) -> Self {
        Self { look: now + LOOK, ..self }
    }

    fn failure(&self, now: Instant) -> String {
        let seconds = now.saturating_duration_since(self.since).as_secs();
        if self.answered {
            format!("it answers, but within {seconds} s it has sent nothing")
        } else {
            format!("it has not answered within {seconds} s")
        }
    }
}

/// The connection of one source.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `rtsp-reconnect-interval`; `None`: a lost source ends.
    interval: Option<Duration>,
    state: State,
    chance: fastrand::Rng,
}

impl Connection {
    /// A source whose first attempt begins now. `interval`: the longest pause between attempts, and how long silence
    /// lasts before the source counts as lost; `None` for a source that is not to be connected again. `chance` draws the
    /// jitter.
    pub(crate) fn new(interval: Option<Duration>, now: Instant, chance: fastrand::Rng) -> Self {
        Self { interval, state: State::Connecting(Attempt::new(now, interval)), chance }
    }

    /// The one transition function.
    pub(crate) fn step(&mut self, input: Input, at: Moment) -> Vec<Action> {
        let now = at.now;
        let (next, actions) = match (std::mem::replace(&mut self.state, State::Ended), input) {
            (State::Ended, _) => (State::Ended, vec![]),
            // Errors and ends of the old pipeline; an attempt that finds them again is told of them.
            (State::Lost { since, attempt, step: Step::Closing }, input) => {
                let (step, actions) = match input {
                    Input::Closed => (Step::Waiting { next_try: now + self.pause(attempt) }, vec![Action::Interrupt]),
                    Input::Failed { .. } | Input::Answered | Input::EndOfStream | Input::Time => {
                        (Step::Closing, vec![])
                    }
                };
                (State::Lost { since, attempt, step }, actions)
            }
            (State::Lost { since, attempt, step: Step::Waiting { next_try } }, _) => {
                if now >= next_try {
                    let step = Step::Trying(Attempt::new(now, self.interval));
                    (State::Lost { since, attempt: attempt + 1, step }, vec![Action::Connect])
                } else {
                    (State::Lost { since, attempt, step: Step::Waiting { next_try } }, vec![])
                }
            }
            (state, Input::Closed) => (state, vec![]),
            (_, Input::Failed { error, fatal: true }) => (State::Ended, vec![Action::End { error: Some(error) }]),
            (state, Input::Failed { error, fatal: false }) => match self.interval {
                Some(_) => lose(state, error, at),
                None => (State::Ended, vec![Action::End { error: Some(error) }]),
            },
            (state, Input::EndOfStream) => match self.interval {
                Some(_) => lose(state, "it has ended its stream or closed the connection".into(), at),
                None => (State::Ended, vec![Action::End { error: None }]),
            },
            (State::Connecting(attempt), Input::Answered) => {
                (State::Connecting(attempt.answered(now, self.interval)), vec![])
            }
            (State::Lost { since, attempt, step: Step::Trying(trying) }, Input::Answered) => {
                let step = Step::Trying(trying.answered(now, self.interval));
                (State::Lost { since, attempt, step }, vec![])
            }
            (state @ State::Connected { .. }, Input::Answered) => (state, vec![]),
            (state, Input::Time) => match self.interval {
                Some(interval) => look_at(state, interval, at),
                None => (state, vec![]),
            },
        };
        self.state = next;
        actions
    }

    /// When [`Input::Time`] is to be handed in; `None`: not before something else has happened.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.interval?;
        match self.state {
            State::Connecting(Attempt { look, .. })
            | State::Connected { look }
            | State::Lost { step: Step::Trying(Attempt { look, .. }), .. } => Some(look),
            State::Lost { step: Step::Waiting { next_try }, .. } => Some(next_try),
            State::Lost { step: Step::Closing, .. } | State::Ended => None,
        }
    }

    /// The pause before a lost source's attempt number `attempt`, counted from 0.
    fn pause(&mut self, attempt: usize) -> Duration {
        let divisor = BACK_OFF.get(attempt).copied().unwrap_or(1);
        let share = 1.0 + JITTER * (2.0 * self.chance.f64() - 1.0);
        self.interval.unwrap_or_default().div_f64(f64::from(divisor)).mul_f64(share)
    }
}

/// The source cannot be heard any more, and its pipeline is of no use.
fn lose(state: State, reason: String, at: Moment) -> (State, Vec<Action>) {
    let (since, attempt, told) = match state {
        State::Connecting(Attempt { since, .. }) => (since, 0, false),
        State::Connected { .. } => (at.newest_frame().unwrap_or(at.now), 0, false),
        State::Lost { since, attempt, .. } => (since, attempt, true),
        State::Ended => return (State::Ended, vec![]),
    };
    let tell = (!told).then_some(Action::TellLost { reason });
    (State::Lost { since, attempt, step: Step::Closing }, tell.into_iter().chain([Action::Close]).collect())
}

/// Looks whether frames have come, or have not come for too long.
fn look_at(state: State, interval: Duration, at: Moment) -> (State, Vec<Action>) {
    let passed = |since: Instant| at.now.saturating_duration_since(since);
    // A frame that came after the attempt had begun is of that attempt: before, the old pipeline was at rest.
    let has_come = |attempt: Attempt| at.newest_frame().is_some_and(|newest| newest > attempt.since);
    let next_look = at.now + LOOK.max(interval.saturating_sub(at.silent_for.unwrap_or_default()));
    match state {
        State::Connecting(attempt) if has_come(attempt) => (State::Connected { look: next_look }, vec![]),
        State::Lost { since, step: Step::Trying(attempt), .. } if has_come(attempt) => {
            (State::Connected { look: next_look }, vec![Action::TellBack { after: passed(since) }])
        }
        State::Connecting(attempt) | State::Lost { step: Step::Trying(attempt), .. } if at.now >= attempt.limit => {
            lose(state, attempt.failure(at.now), at)
        }
        State::Connecting(attempt) => (State::Connecting(attempt.look_again(at.now)), vec![]),
        State::Lost { since, attempt, step: Step::Trying(trying) } => {
            (State::Lost { since, attempt, step: Step::Trying(trying.look_again(at.now)) }, vec![])
        }
        State::Connected { .. } if at.silent_for.is_none_or(|silent| silent >= interval) => {
            lose(state, format!("nothing has arrived from it for {} s", interval.as_secs_f64()), at)
        }
        State::Connected { .. } => (State::Connected { look: next_look }, vec![]),
        // Handled before anything else is asked.
        State::Lost { step: Step::Closing | Step::Waiting { .. }, .. } | State::Ended => (state, vec![]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// A connection on a clock of its own. Frames arrive when the test says so.
    struct Simulation {
        connection: Connection,
        now: Instant,
        newest: Option<Instant>,
        seen: Vec<Action>,
    }

    impl Simulation {
        fn new(interval: Option<Duration>, seed: u64) -> Self {
            let now = Instant::now();
            let connection = Connection::new(interval, now, fastrand::Rng::with_seed(seed));
            Self { connection, now, newest: None, seen: Vec::new() }
        }

        fn input(&mut self, input: Input) -> Vec<Action> {
            let silent_for = self.newest.map(|newest| self.now - newest);
            let actions = self.connection.step(input, Moment { now: self.now, silent_for });
            self.seen.extend(actions.clone());
            actions
        }

        fn frame(&mut self) {
            self.newest = Some(self.now);
        }

        /// Time passes: looks whenever one is due, until something is to be done.
        fn until_something_is_done(&mut self) -> Vec<Action> {
            for _ in 0..1_000 {
                self.now = self.connection.due().expect("something is due").max(self.now);
                let actions = self.input(Input::Time);
                if !actions.is_empty() {
                    return actions;
                }
            }
            panic!("looks for ever: {:?}", self.connection);
        }

        /// Time passes with a frame each 40 ms.
        fn frames_for(&mut self, duration: Duration) {
            let end = self.now + duration;
            while self.now < end {
                self.now += Duration::from_millis(40);
                self.frame();
                if self.connection.due().is_some_and(|due| self.now >= due) {
                    self.input(Input::Time);
                }
            }
        }

        fn lose(&mut self) {
            let lost = self.input(failed());
            assert!(matches!(&lost[..], [Action::TellLost { .. }, Action::Close]), "{lost:?}");
        }
    }

    fn failed() -> Input {
        Input::Failed { error: "no route".into(), fatal: false }
    }

    fn connected(seed: u64) -> Simulation {
        let mut source = Simulation::new(Some(INTERVAL), seed);
        source.frames_for(Duration::from_secs(30));
        assert_eq!(source.seen, []);
        source
    }

    #[test]
    fn a_source_that_is_not_connected_again_ends_when_it_is_lost() {
        for (input, error) in [(failed(), Some("no route".to_owned())), (Input::EndOfStream, None)] {
            let mut source = Simulation::new(None, 0);
            assert_eq!(source.connection.due(), None, "no thread wakes up for it");
            assert_eq!(source.input(input), [Action::End { error }]);
            assert_eq!(source.input(failed()), [], "told once");
        }
    }

    #[test]
    fn what_the_recordbin_refuses_ends_a_source_in_every_state() {
        let refused = || Input::Failed { error: "no MJPEG in MP4".into(), fatal: true };
        let end = [Action::End { error: Some("no MJPEG in MP4".into()) }];
        assert_eq!(Simulation::new(Some(INTERVAL), 0).input(refused()), end);
        assert_eq!(connected(0).input(refused()), end);
        let mut trying = connected(0);
        trying.lose();
        trying.input(Input::Closed);
        assert_eq!(trying.until_something_is_done(), [Action::Connect]);
        assert_eq!(trying.input(refused()), end);
        assert_eq!(trying.connection.due(), None);
    }

    #[test]
    fn a_lost_source_is_told_once_and_so_is_its_return() {
        let mut source = connected(1);
        source.now += Duration::from_secs(2);
        source.lose();
        // The rest of the old pipeline's errors.
        assert_eq!(source.input(failed()), []);
        assert_eq!(source.input(Input::EndOfStream), []);
        assert_eq!(source.connection.due(), None, "waits for its pipeline");
        assert_eq!(source.input(Input::Closed), [Action::Interrupt]);
        for _ in 0..6 {
            assert_eq!(source.until_something_is_done(), [Action::Connect]);
            assert_eq!(source.input(failed()), [Action::Close]);
            assert_eq!(source.input(Input::Closed), [Action::Interrupt]);
        }
        assert_eq!(source.until_something_is_done(), [Action::Connect]);
        let gone = source.now - source.newest.unwrap();
        source.now += Duration::from_millis(300);
        source.frame();
        let back = source.until_something_is_done();
        let [Action::TellBack { after }] = back[..] else { panic!("{back:?}") };
        assert!((gone..=gone + LOOK).contains(&after), "{after:?} since the last frame before, {gone:?}");
        source.frames_for(INTERVAL);
        assert!(source.input(Input::Time).is_empty());
    }

    #[test]
    fn a_frame_of_the_old_connection_does_not_count_for_the_new_one() {
        let mut source = connected(2);
        source.lose();
        source.frame();
        source.input(Input::Closed);
        assert_eq!(source.until_something_is_done(), [Action::Connect]);
        source.now += LOOK;
        assert_eq!(source.input(Input::Time), []);
        assert_eq!(source.until_something_is_done(), [Action::Close], "it was not of the attempt");
    }

    #[test]
    fn silence_is_noticed_after_an_interval_and_hardly_later() {
        let mut source = connected(3);
        let lost = source.until_something_is_done();
        assert!(
            matches!(&lost[..], [Action::TellLost { reason }, Action::Close] if reason.contains("10 s")),
            "{lost:?}"
        );
        let silent = source.now - source.newest.unwrap();
        assert!((INTERVAL..INTERVAL + LOOK).contains(&silent), "{silent:?}");
    }

    #[test]
    fn an_attempt_has_time_for_an_answer_and_then_for_a_frame() {
        for (interval, answer, frame) in [(1, 5, 30), (10, 10, 30), (60, 60, 60)] {
            let [interval, answer, frame] = [interval, answer, frame].map(Duration::from_secs);
            let mut source = Simulation::new(Some(interval), 3);
            let check = |source: &mut Simulation, begin: Instant, limit: Duration, words: &str| {
                let actions = source.until_something_is_done();
                assert_eq!(actions.last(), Some(&Action::Close));
                assert!((limit..limit + LOOK).contains(&(source.now - begin)), "{:?}", source.now - begin);
                if let Action::TellLost { reason } = &actions[0] {
                    assert!(reason.contains(words), "{reason}");
                }
            };
            let begin = source.now;
            check(&mut source, begin, answer, "has not answered");
            source.input(Input::Closed);
            assert_eq!(source.until_something_is_done(), [Action::Connect]);
            source.now += Duration::from_millis(100);
            assert_eq!(source.input(Input::Answered), []);
            let begin = source.now;
            check(&mut source, begin, frame, "");
            let mut source = Simulation::new(Some(interval), 3);
            let begin = source.now;
            assert_eq!(source.input(Input::Answered), []);
            check(&mut source, begin, frame, "answers, but");
        }
    }

    #[test]
    fn an_idle_camera_is_looked_at_once_an_interval() {
        let mut source = connected(4);
        let (begin, mut looks) = (source.now, 0);
        while source.now < begin + 100 * INTERVAL {
            source.now = source.connection.due().unwrap();
            source.frame();
            assert_eq!(source.input(Input::Time), []);
            looks += 1;
        }
        assert!(looks <= 101, "{looks}");
    }

    /// The pauses before so many attempts of which none succeeds.
    fn pauses(source: &mut Simulation, count: usize) -> Vec<Duration> {
        source.lose();
        let pause = |_| {
            source.input(Input::Closed);
            let begin = source.now;
            assert_eq!(source.until_something_is_done(), [Action::Connect]);
            let pause = source.now - begin;
            source.input(failed());
            pause
        };
        (0..count).map(pause).collect()
    }

    fn check_pauses(pauses: &[Duration], interval: Duration) {
        for (pause, divisor) in pauses.iter().zip([8, 4, 2, 1].into_iter().chain(std::iter::repeat(1))) {
            let share = pause.as_secs_f64() * f64::from(divisor) / interval.as_secs_f64();
            assert!((0.799..=1.201).contains(&share), "{share} of {interval:?}/{divisor}");
        }
    }

    #[test]
    fn hundreds_of_sources_are_not_tried_at_the_same_moment() {
        let firsts: std::collections::BTreeSet<Duration> =
            (0..300).map(|seed| pauses(&mut connected(seed), 1)[0]).collect();
        assert!(firsts.len() > 290, "{}", firsts.len());
        let spread = *firsts.last().unwrap() - *firsts.first().unwrap();
        assert!(spread > INTERVAL / 8 / 4, "{spread:?}");
    }

    proptest! {
        #[test]
        fn pauses_grow_to_the_interval_and_begin_anew_after_frames(
            seed: u64, interval in 1u64..=86_400, tries in 1usize..12, again in 1usize..12,
        ) {
            let interval = Duration::from_secs(interval);
            let mut source = Simulation::new(Some(interval), seed);
            check_pauses(&pauses(&mut source, tries), interval);
            source.input(Input::Closed);
            source.until_something_is_done();
            source.now += Duration::from_millis(1);
            source.frame();
            let back = source.until_something_is_done();
            prop_assert!(matches!(back[..], [Action::TellBack { .. }]), "{back:?}");
            check_pauses(&pauses(&mut source, again), interval);
        }

        /// Whatever happens in whatever order: told lost and back in turn, and no pipeline is built beside another one.
        #[test]
        fn any_order_of_events_keeps_the_order_of_actions(
            seed: u64, steps in proptest::collection::vec((0u8..7, 0u64..8_000), 1..200),
        ) {
            let mut source = Simulation::new(Some(INTERVAL), seed);
            let (mut up, mut closing, mut lost) = (true, false, false);
            for (what, millis) in steps {
                source.now += Duration::from_millis(millis);
                let actions = match what {
                    0 => source.input(failed()),
                    1 => source.input(Input::EndOfStream),
                    2 | 3 if closing => { closing = false; source.input(Input::Closed) }
                    5 if up => source.input(Input::Answered),
                    4 if up => { source.frame(); vec![] }
                    _ => source.input(Input::Time),
                };
                for action in actions {
                    match action {
                        Action::TellLost { .. } => { prop_assert!(!lost); lost = true; }
                        Action::TellBack { .. } => { prop_assert!(lost && up); lost = false; }
                        Action::Close => { prop_assert!(up && lost); up = false; closing = true; }
                        Action::Interrupt => prop_assert!(!up && !closing),
                        Action::Connect => { prop_assert!(!up && !closing && lost); up = true; }
                        Action::End { .. } => prop_assert!(false, "nothing was fatal"),
                    }
                }
                // It never rests for good: it waits for its pipeline or for a time.
                prop_assert!(closing || source.connection.due().is_some());
            }
        }
    }
}
