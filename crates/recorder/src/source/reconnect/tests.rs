//! Tests of the connection on simulated time: pauses, silence, what is told, and every order of events.
//! Real cameras are left to `tests/a_source_comes_back.rs`.

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
    assert!(matches!(&lost[..], [Action::TellLost { reason }, Action::Close] if reason.contains("10 s")), "{lost:?}");
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
