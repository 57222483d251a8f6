//! A picture that needs only be appended is taken as any other would be: what the short way of `SourceCore::push` leaves
//! behind is what the long way does, after 1,000 generated streams.
//! What is right for either is worked out by `generated_test`.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::rules_test::{CONFIG, MS, config};
use super::*;

/// A payload that says what there is to know of its frame, as a buffer does.
#[derive(Clone, Copy, Debug)]
struct Picture(Facts);

impl Payload for Picture {
    type Queue = std::collections::VecDeque<Self>;
    type Times = ();

    fn facts(&self, (): &()) -> Option<Facts> {
        Some(self.0)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many frames, each so long after the one before; each so manieth is a keyframe.
    Frames {
        count: u8,
        step_ms: i64,
        gop: u8,
    },
    /// A frame so long after the last one, or before it.
    Jump {
        ms: i64,
    },
    /// One with a wrong time.
    Wrong {
        ms: i64,
    },
    /// One that is decoded before it is shown.
    Reordered,
    /// One whose sender says when it was made.
    Sent,
    /// One of which something is told beside it.
    Odd,
    Sound,
    Format(u8),
    Interrupt,
    Flush,
    Shorten,
    Start {
        before_ms: u64,
        after_ms: u64,
    },
    Pull,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1u8..100, 1i64..200, 1u8..60).prop_map(|(count, step_ms, gop)| Step::Frames { count, step_ms, gop }),
        2 => (-20_000i64..40_000).prop_map(|ms| Step::Jump { ms }),
        1 => (11_000i64..40_000).prop_map(|ms| Step::Wrong { ms }),
        1 => Just(Step::Reordered),
        1 => Just(Step::Sent),
        1 => Just(Step::Odd),
        1 => prop::bool::weighted(0.3).prop_map(|sound| if sound { Step::Sound } else { Step::Sent }),
        1 => (1u8..3).prop_map(Step::Format),
        1 => Just(Step::Interrupt),
        1 => Just(Step::Flush),
        1 => Just(Step::Shorten),
        1 => (0u64..9_000, 1u64..9_000).prop_map(|(before_ms, after_ms)| Step::Start { before_ms, after_ms }),
        3 => Just(Step::Pull),
        1 => Just(Step::End),
    ]
}

/// A stream, taken both ways.
struct Both {
    short: SourceCore<Picture, u8>,
    long: SourceCore<Picture, u8>,
    /// Times of the newest frame, of arrivals, in milliseconds.
    time: i64,
    clock: i64,
    frames: u64,
    /// How many went the short way.
    appended: u64,
}

impl Both {
    fn new(cache_bytes: usize) -> Self {
        let core = || {
            let mut core = SourceCore::new(Config { window: Duration::from_secs(5), cache_bytes, ..CONFIG });
            core.format(Stream::Video, 1);
            core
        };
        Self { short: core(), long: core(), time: 0, clock: 0, frames: 0, appended: 0 }
    }

    fn each(&mut self, mut call: impl FnMut(&mut SourceCore<Picture, u8>)) {
        call(&mut self.short);
        call(&mut self.long);
    }

    fn push(&mut self, stream: Stream, frame: Frame<Picture>) {
        let arrival = Arrival(self.clock.unsigned_abs() * MS.unsigned_abs());
        self.appended += u64::from(self.short.only_appends(stream, &frame));
        let pushed = self.short.push(stream, frame.clone(), arrival);
        assert_eq!(pushed, self.long.push_any(stream, frame, arrival));
        self.frames += 1;
    }

    fn frame(&self, keyframe: bool) -> Frame<Picture> {
        let start = RunningTime(self.time * MS);
        let facts = Facts { start, decode: start, duration: None, utc: None, keyframe, bytes: 7 };
        Frame::of(facts, false, true, Picture(facts))
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Frames { count, step_ms, gop } => {
                for index in 0..count {
                    self.time += step_ms;
                    self.clock += step_ms;
                    self.push(Stream::Video, self.frame(index % gop == 0));
                }
            }
            Step::Jump { ms } => {
                self.time += ms;
                self.clock += ms.max(0) / 2;
                self.push(Stream::Video, self.frame(ms % 2 == 0));
            }
            Step::Wrong { ms } => {
                let time = self.time;
                self.time += ms;
                self.push(Stream::Video, self.frame(false));
                self.time = time;
            }
            Step::Reordered => {
                let frame = self.frame(false);
                let facts = Facts { decode: RunningTime(frame.start.0 - MS), ..frame.payload.0 };
                self.push(Stream::Video, Frame::of(facts, false, true, Picture(facts)));
            }
            Step::Sent => {
                let facts = Facts { utc: Some(Utc(self.time * MS + 1)), ..self.frame(false).payload.0 };
                self.push(Stream::Video, Frame::of(facts, false, true, Picture(facts)));
            }
            Step::Odd => self.push(Stream::Video, Frame { plain: false, ..self.frame(false) }),
            Step::Sound => {
                self.each(|core| core.format(Stream::Audio, 101));
                self.push(Stream::Audio, self.frame(true));
            }
            Step::Format(format) => self.each(|core| core.format(Stream::Video, format)),
            Step::Interrupt => self.each(SourceCore::interrupt),
            Step::Flush => self.each(|core| core.flush(Stream::Video)),
            Step::Shorten => self.each(|core| {
                core.shorten(Budget::Total);
            }),
            Step::Start { before_ms, after_ms } => {
                let request = StartRequest {
                    start: Moment::Ago(Duration::from_millis(before_ms)),
                    end: Some(Moment::In(Duration::from_millis(after_ms))),
                    overlap: None,
                };
                let arrival = Arrival(self.clock.unsigned_abs() * MS.unsigned_abs());
                self.each(|core| drop(core.start(request, arrival)));
            }
            Step::Pull => self.each(|core| {
                let ids: Vec<_> = core.sessions.iter().map(|session| session.id).collect();
                for id in ids {
                    let mut actions = Vec::new();
                    while core.pull(id, 1_000, &mut actions) {}
                    if actions.iter().any(|action| matches!(action, Action::Close { .. })) {
                        core.finished(id);
                    }
                }
            }),
            Step::End => self.each(|core| drop(core.stop(None, Arrival(0)))),
        }
    }

    fn compare(&self) {
        let seen = |core: &SourceCore<Picture, u8>| {
            let sessions: Vec<_> = core.sessions.iter().map(|session| (session.id, session.needs())).collect();
            let lanes = [core.lane(Stream::Video), core.lane(Stream::Audio)];
            format!("{:?} {sessions:?} {:?} {lanes:?}", core.timeline(), core.shortened())
        };
        assert_eq!(seen(&self.short), seen(&self.long));
    }
}

#[test]
fn the_short_way_leaves_what_the_long_way_does() {
    let (appended, frames) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(config(1_000));
    let streams = (prop::collection::vec(step(), 5..40), prop_oneof![Just(0usize), 100usize..2_000]);
    let tried = runner.run(&streams, |(steps, cache_bytes)| {
        let mut both = Both::new(cache_bytes);
        for step in steps {
            both.take(step);
            both.compare();
        }
        appended.set(appended.get() + both.appended);
        frames.set(frames.get() + both.frames);
        Ok(())
    });
    tried.unwrap();
    let (appended, frames) = (appended.get(), frames.get());
    assert!(appended * 4 > frames, "the short way is hardly taken: {appended} of {frames} frames");
}
