//! Streams as they are in the field, one case each: B-frames, sound that comes late or stops, steps in time, changes of
//! format, absurd requests, byte budgets, joined starts.
//! Rules that must hold for all streams are in `rules_test` and `generated_test`.

use std::time::Duration;

use super::rules_test::{CONFIG, MS, Model, Op};
use super::*;

pub(super) type Core = SourceCore<u64, u8>;

pub(super) const FROM_NOW: StartRequest = StartRequest { start: Moment::Now, end: None, overlap: None };
pub(super) const VIDEO_ONLY: Config = Config { both: false, ..CONFIG };

fn ago(before_ms: u64, after_ms: u64) -> StartRequest {
    let end = Some(Moment::In(Duration::from_millis(after_ms)));
    StartRequest { start: Moment::Ago(Duration::from_millis(before_ms)), end, overlap: None }
}

pub(super) fn at(index: i64) -> RunningTime {
    RunningTime(index * 40 * MS)
}

fn picture(display: i64, decode: i64, keyframe: bool) -> Frame<u64> {
    Frame { decode: at(decode), ..Frame::new(at(display), keyframe, 1, display.unsigned_abs()) }
}

pub(super) fn video(config: Config) -> Core {
    let mut core = SourceCore::new(config);
    core.format(Stream::Video, 1);
    core
}

/// Pictures with these numbers at 25 Hz, a keyframe every second.
pub(super) fn send(core: &mut Core, pictures: std::ops::Range<i64>) {
    for index in pictures {
        core.push(Stream::Video, picture(index, index, index % 25 == 0), Arrival(at(index).0.unsigned_abs()));
    }
}

/// All that a session has to do by now.
pub(super) fn pull(core: &mut Core, session: SessionId) -> Vec<Action<u64, u8>> {
    let mut actions = Vec::new();
    while core.pull(session, 7, &mut actions) {}
    actions
}

fn written(actions: &[Action<u64, u8>]) -> Vec<u64> {
    let payload = |action: &Action<u64, u8>| match action {
        Action::Write { stream: Stream::Video, frame } => Some(frame.payload),
        _ => None,
    };
    actions.iter().filter_map(payload).collect()
}

fn ended(actions: &[Action<u64, u8>]) -> &Ended {
    match actions.last() {
        Some(Action::Close { ended }) => ended,
        other => panic!("{other:?}"),
    }
}

/// The same stream over RTP: no decoding times.
#[test]
fn b_frames_without_decoding_times_are_not_cut_off() {
    let mut core = video(VIDEO_ONLY);
    let mut session = None;
    for display in [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11] {
        core.push(Stream::Video, picture(display, display, display == 0), Arrival(0));
        if display == 1 {
            session = Some(core.start(ago(40, 4 * 40 + 20), Arrival(0)).unwrap().session);
        }
    }
    let actions = pull(&mut core, session.unwrap());
    assert!(matches!(actions[0], Action::Open { unordered: true, .. }));
    // From 1 on for 4.5 frames: 5 is on screen at the end; 6 is needed to decode it.
    assert_eq!(written(&actions), [0, 3, 1, 2, 6, 4, 5]);
    assert_eq!(ended(&actions).reason, EndReason::EndReached);
}

#[test]
fn what_the_other_stream_no_longer_sends_is_not_waited_for() {
    let mut core = video(CONFIG);
    core.format(Stream::Audio, 2);
    core.push(Stream::Audio, picture(0, 0, true), Arrival(0));
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let session = core.start(ago(0, 60_000), Arrival(0)).unwrap().session;
    let mut over = Vec::new();
    for index in 1..200 {
        core.push(Stream::Video, picture(index, index, false), Arrival(0));
        let actions = pull(&mut core, session);
        over.extend(actions.iter().any(|action| matches!(action, Action::EndStream { .. })).then_some(index));
    }
    assert_eq!(over, [125], "after 5 s of silence, once");
    core.end_of_stream(Stream::Audio);
    core.push(Stream::Video, picture(200, 200, true), Arrival(0));
    let session = core.start(FROM_NOW, Arrival(0)).unwrap().session;
    let actions = pull(&mut core, session);
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams.len() == 1), "{actions:?}");
}

#[test]
fn a_step_back_in_time_goes_on_with_a_gap() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..100);
    let session = core.start(ago(1_000, 3_000), Arrival(at(99).0 as u64)).unwrap().session;
    // The camera restarts: its time begins anew, two seconds later, and in the middle of a group.
    for index in 0..80 {
        let arrival = Arrival(at(150 + index).0 as u64);
        core.push(Stream::Video, picture(index, index, index % 25 == 10), arrival);
    }
    let actions = pull(&mut core, session);
    let ended = ended(&actions);
    assert_eq!((ended.reason, ended.gaps.count, ended.gaps.interruptions), (EndReason::EndReached, 1, 1));
    // What precedes the next keyframe cannot be decoded.
    let numbers = written(&actions);
    assert_eq!((numbers[0], numbers[49], numbers[50]), (50, 99, 10), "{numbers:?}");
    let gap = ended.gaps.listed[0];
    assert_eq!((gap.after, gap.until), (at(99), at(160)));
    assert!(ended.missing_at_end.is_zero() && core.history() >= Duration::from_secs(6), "the cache has survived");
}

#[test]
fn sound_and_pictures_begin_anew_together() {
    let mut core = video(CONFIG);
    core.format(Stream::Audio, 2);
    let mut both = |index: i64, arrival: i64| {
        core.push(Stream::Video, picture(index, index, true), Arrival(at(arrival).0 as u64));
        core.push(Stream::Audio, picture(index, index, true), Arrival(at(arrival).0 as u64 + 7_000_000));
    };
    (200..300).for_each(|index| both(index, index));
    (0..50).for_each(|index| both(index, 400 + index));
    let newest = |stream| core.cache(stream).newest().unwrap();
    assert_eq!(newest(Stream::Video), at(449));
    assert_eq!(newest(Stream::Audio), newest(Stream::Video), "no drift between the two");
}

#[test]
fn an_interrupted_source_goes_on_when_it_is_back() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..100);
    core.interrupt();
    // Its time happens to go on as if nothing had been: it is a new connection all the same.
    for index in 101..200 {
        core.push(Stream::Video, picture(index, index, index % 25 == 0), Arrival(at(index + 500).0 as u64));
    }
    assert_eq!(core.cache(Stream::Video).newest(), Some(at(699)));
}

#[test]
fn a_start_in_the_far_future_is_rejected() {
    let mut model = Model::new();
    model.step(Op::Video { step_ms: 40, keyframe: true });
    model.core.observe_utc(Stream::Video, RunningTime::ZERO, Utc(0), UtcOrigin::Arrival);
    for utc in [i64::MAX, 90_000_000_000_000] {
        let request = StartRequest { start: Moment::Utc(Utc(utc)), end: None, overlap: None };
        assert!(matches!(model.core.start(request, Arrival(0)), Err(Rejection::TooFarAhead { .. })));
    }
    let past = StartRequest { start: Moment::Utc(Utc(i64::MIN)), end: Some(Moment::Utc(Utc(i64::MAX))), overlap: None };
    assert!(model.core.start(past, Arrival(0)).is_ok(), "from as far back as there is, to a stop");
}

/// I0 P3 B1 B2 P6 B4 B5 … with an end between B4 and B5: P6 is needed for B4, and nothing later is.
#[test]
fn a_reference_beyond_the_end_is_kept_for_the_b_frames_before_it() {
    let mut core = video(VIDEO_ONLY);
    let mut session = None;
    for (index, display) in [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12].into_iter().enumerate() {
        // Two pictures of delay between decoding and display.
        let frame = Frame { payload: display as u64, ..picture(display + 2, index as i64, display == 0) };
        core.push(Stream::Video, frame, Arrival(0));
        session.get_or_insert_with(|| core.start(ago(0, 4 * 40 + 20), Arrival(0)).unwrap().session);
    }
    let actions = pull(&mut core, session.unwrap());
    assert_eq!(written(&actions), [0, 3, 1, 2, 6, 4]);
    assert_eq!(ended(&actions).interval.end, at(7));
}

#[test]
fn a_session_in_the_first_moments_waits_for_the_other_stream() {
    let mut core = video(CONFIG);
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let session = core.start(FROM_NOW, Arrival(0)).unwrap().session;
    assert!(pull(&mut core, session).is_empty(), "sound may still come");
    core.format(Stream::Audio, 2);
    core.push(Stream::Video, picture(1, 1, false), Arrival(0));
    let actions = pull(&mut core, session);
    assert!(matches!(&actions[0], Action::Open { streams, .. }
        if streams[..] == [(Stream::Video, 1), (Stream::Audio, 2)]));

    let mut core = video(CONFIG);
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let session = core.start(FROM_NOW, Arrival(0)).unwrap().session;
    core.push(Stream::Video, picture(25, 25, false), Arrival(0));
    let actions = pull(&mut core, session);
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams[..] == [(Stream::Video, 1)]));
    assert_eq!(written(&actions), [0, 25], "nothing was lost meanwhile");
}

#[test]
fn a_session_that_began_with_sound_alone_goes_on_in_another_file_when_pictures_come() {
    let mut core: Core = SourceCore::new(VIDEO_ONLY);
    core.format(Stream::Audio, 2);
    assert_eq!(core.main(), Stream::Audio);
    for index in 0..10 {
        core.push(Stream::Audio, picture(index, index, true), Arrival(0));
    }
    let session = core.start(ago(1_000, 5_000), Arrival(0)).unwrap().session;
    let actions = pull(&mut core, session);
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams[..] == [(Stream::Audio, 2)]));
    core.format(Stream::Video, 1);
    send(&mut core, 25..200);
    let actions = pull(&mut core, session);
    assert!(matches!(&actions[0], Action::ClosePart { delivered } if delivered.audio_frames == 10), "{actions:?}");
    assert!(matches!(&actions[1], Action::Open { streams, .. } if streams[0] == (Stream::Video, 1)));
    assert_eq!(ended(&actions).interval.start, at(0));
}

#[test]
fn a_change_of_format_goes_on_in_another_file() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..100);
    let session = core.start(ago(1_000, 3_000), Arrival(at(99).0 as u64)).unwrap().session;
    core.format(Stream::Video, 3);
    send(&mut core, 100..200);
    let actions = pull(&mut core, session);
    let opened = |action: &Action<u64, u8>| match action {
        Action::Open { streams, first, .. } => Some((streams[0].1, *first)),
        _ => None,
    };
    let opened: Vec<_> = actions.iter().filter_map(opened).collect();
    assert_eq!(opened, [(1, at(50)), (3, at(100))]);
    assert_eq!(written(&actions), (50..174).collect::<Vec<_>>(), "no frame missing or doubled");
    let last = ended(&actions);
    assert_eq!((last.interval.start, last.interval.end), (at(50), at(174)));
    assert_eq!((last.reason, last.gaps.count), (EndReason::EndReached, 0));
    // What is cached from before the change is still there.
    let session = core.start(ago(5_000, 1), Arrival(at(199).0 as u64)).unwrap().session;
    send(&mut core, 200..210);
    assert_eq!(pull(&mut core, session).iter().filter_map(opened_caps).collect::<Vec<_>>(), [1, 3]);
}

fn opened_caps(action: &Action<u64, u8>) -> Option<u8> {
    match action {
        Action::Open { streams, .. } => Some(streams[0].1),
        _ => None,
    }
}

#[test]
fn a_change_of_the_sound_s_format_loses_neither() {
    let mut core = video(CONFIG);
    core.format(Stream::Audio, 2);
    for index in 0..200 {
        if index == 60 {
            core.format(Stream::Audio, 4);
        }
        core.push(Stream::Video, picture(index, index, index % 25 == 0), Arrival(0));
        core.push(Stream::Audio, picture(index, index, true), Arrival(0));
        if index == 10 {
            core.start(ago(1_000, 4_000), Arrival(0)).unwrap();
        }
    }
    let actions = pull(&mut core, SessionId(0));
    let part = actions.iter().position(|action| matches!(action, Action::ClosePart { .. })).unwrap();
    let sound = |actions: &[Action<u64, u8>]| {
        let payload = |action: &Action<u64, u8>| match action {
            Action::Write { stream: Stream::Audio, frame } => Some(frame.payload),
            _ => None,
        };
        actions.iter().filter_map(payload).collect::<Vec<_>>()
    };
    let (first, second) = actions.split_at(part);
    assert_eq!(sound(first), (0..60).collect::<Vec<_>>());
    assert_eq!(sound(second), (60..110).collect::<Vec<_>>());
    assert_eq!(written(first).last(), Some(&59));
    assert_eq!(written(second), (50..110).collect::<Vec<_>>(), "from the keyframe before the change on");
}

#[test]
fn a_byte_budget_drops_whole_old_groups_and_says_so() {
    let mut core = video(Config { cache_bytes: 120, ..VIDEO_ONLY });
    send(&mut core, 0..500);
    assert!(core.cached_bytes() <= 120 && core.cached_bytes() > 120 - 25);
    assert_eq!(core.cache(Stream::Video).frames().next().unwrap().payload % 25, 0, "whole groups");
    assert_eq!(core.shortened(), Some(Budget::Source));
    let accepted = core.start(ago(9_000, 1_000), Arrival(at(499).0 as u64)).unwrap();
    let (begins, why) = accepted.late.unwrap();
    assert_eq!((begins, why), (core.cache(Stream::Video).oldest().unwrap(), Late::Budget(Budget::Source)));
    // A group that alone is over the budget goes too.
    for index in 500..700 {
        core.push(Stream::Video, picture(index, index, false), Arrival(0));
    }
    assert_eq!((core.cached_bytes(), core.history()), (0, Duration::ZERO));
}

#[test]
fn a_session_that_is_too_far_behind_fails_and_frees_what_it_held() {
    let mut core = video(Config { max_pending: 300, ..VIDEO_ONLY });
    send(&mut core, 0..300);
    let slow = core.start(ago(5_000, 60_000), Arrival(at(299).0 as u64)).unwrap().session;
    let fast = core.start(ago(5_000, 60_000), Arrival(at(299).0 as u64)).unwrap().session;
    let mut read = Vec::new();
    for index in 300..1_000 {
        send(&mut core, index..index + 1);
        read.extend(pull(&mut core, fast));
    }
    assert_eq!(written(&read), (150..1_000).collect::<Vec<_>>(), "the other one has all of it");
    let actions = pull(&mut core, slow);
    assert!(matches!(actions[..], [Action::Fail { reason: FailReason::Overrun { .. } }]), "{actions:?}");
    assert_eq!(core.cache(Stream::Video).held_bytes(), 0);
}

#[test]
fn a_longest_duration_cuts_the_end_and_says_so() {
    let mut core = video(Config { max_duration: Duration::from_secs(2), ..VIDEO_ONLY });
    send(&mut core, 0..100);
    let accepted = core.start(ago(1_000, 8_000), Arrival(at(99).0 as u64)).unwrap();
    assert_eq!(accepted.limited, Some(at(74) + Duration::from_secs(2)));
    // What lies within it is joined with it; it cannot be extended, so that what comes after it has a file of its own.
    let within = StartRequest { overlap: Some(Overlap::Extend), ..ago(0, 900) };
    assert!(core.start(within, Arrival(at(99).0 as u64)).unwrap().merged);
    let more = StartRequest { overlap: Some(Overlap::Extend), ..ago(0, 2_000) };
    assert!(!core.start(more, Arrival(at(99).0 as u64)).unwrap().merged);
    send(&mut core, 100..200);
    let actions = pull(&mut core, accepted.session);
    let ended = ended(&actions);
    assert_eq!((ended.reason, ended.missing_at_end), (EndReason::MaxDuration, Duration::from_secs(7)));
    assert_eq!(written(&actions), (50..124).collect::<Vec<_>>());
}

#[test]
fn joined_starts_move_the_end_and_with_merge_the_start() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..200);
    let now = Arrival(at(199).0 as u64);
    let first = core.start(ago(1_000, 1_000), now).unwrap();
    let before = pull(&mut core, first.session);
    assert_eq!(written(&before)[0], 150);
    let extend = StartRequest { overlap: Some(Overlap::Extend), ..ago(3_000, 2_000) };
    let extended = core.start(extend, now).unwrap();
    assert!(extended.merged && extended.session == first.session);
    assert_eq!(extended.late, Some((at(150), Late::Joined)));
    let merge = StartRequest { overlap: Some(Overlap::Merge), ..ago(3_000, 500) };
    let merged = core.start(merge, now).unwrap();
    assert_eq!((merged.merged, merged.late), (true, None));
    send(&mut core, 200..300);
    let after = pull(&mut core, first.session);
    assert!(matches!(after[0], Action::Open { restart: true, .. }));
    assert_eq!(written(&after), (100..249).collect::<Vec<_>>(), "from the earlier start to the later end");
    assert_eq!(ended(&after).asked, Interval { start: at(199) - Duration::from_secs(3), end: at(249) });
}

#[test]
fn an_interval_that_is_gone_is_rejected_whatever_is_cached() {
    let mut core = video(VIDEO_ONLY);
    // A group that has not begun: nothing is cached.
    core.push(Stream::Video, picture(100, 100, false), Arrival(0));
    let past = StartRequest { end: Some(Moment::Ago(Duration::from_millis(500))), ..ago(1_000, 0) };
    assert_eq!(core.start(past, Arrival(0)), Err(Rejection::OlderThanCache));
    send(&mut core, 125..500);
    let past = StartRequest { end: Some(Moment::Ago(Duration::from_secs(14))), ..ago(15_000, 0) };
    assert_eq!(core.start(past, Arrival(at(499).0 as u64)), Err(Rejection::OlderThanCache));
}

#[test]
fn the_sender_s_own_time_decides_to_the_frame() {
    let mut core = video(VIDEO_ONLY);
    // Arrival jitters by up to 35 ms; the sender says 40 ms exactly.
    for index in 0..200i64 {
        let jitter = (index * 7_919 % 36) * MS;
        let utc = Utc(1_600_000_000_000_000_000 + at(index).0);
        let start = RunningTime(at(index).0 + jitter);
        let frame = Frame { utc: Some(utc), ..Frame::new(start, index % 25 == 0, 1, index as u64) };
        core.push(Stream::Video, frame, Arrival(at(index).0 as u64));
        core.observe_utc(Stream::Video, start, utc, UtcOrigin::Sender);
    }
    let utc = |index: i64, more_ms: i64| Moment::Utc(Utc(1_600_000_000_000_000_000 + at(index).0 + more_ms * MS));
    for (start, more_ms) in [(80, 0), (91, 1), (99, 39)] {
        let request = StartRequest { start: utc(start, more_ms), end: Some(utc(start + 50, more_ms)), overlap: None };
        let session = core.start(request, Arrival(at(199).0 as u64)).unwrap().session;
        let actions = pull(&mut core, session);
        let last = (start + 50 - i64::from(more_ms == 0)) as u64;
        assert_eq!(written(&actions), (75..=last).collect::<Vec<_>>(), "{start} + {more_ms} ms");
        assert_eq!((ended(&actions).missing_at_start, ended(&actions).missing_at_end), Default::default());
        core.finished(session);
    }
}
