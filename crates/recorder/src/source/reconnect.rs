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
mod tests;
