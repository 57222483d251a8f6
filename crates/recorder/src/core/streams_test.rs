//! Streams as they are in the field, one case each: B-frames, sound that comes late or stops, steps in time, changes of
//! format, absurd requests.
//! Rules that must hold for all streams are in `rules_test`.

use std::time::Duration;

use super::rules_test::{CONFIG, MS, Model, Op};
use super::*;

const FROM_NOW: StartRequest = StartRequest { start: Moment::Now, end: None, overlap: None };

fn picture(display: i64, decode: i64, keyframe: bool) -> Frame<u64> {
    let at = |index: i64| RunningTime(index * 40 * MS);
    Frame {
        start: at(display),
        decode: at(decode),
        duration: None,
        keyframe,
        bytes: 1,
        payload: display.unsigned_abs(),
    }
}

/// The same stream over RTP: no decoding times.
#[test]
fn b_frames_without_decoding_times_are_not_cut_off() {
    let mut core: SourceCore<u64, u8> = SourceCore::new(Config { both: false, ..CONFIG });
    core.format(Stream::Video, 1);
    let mut written = Vec::new();
    let mut ended = None;
    for display in [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11] {
        let mut actions = core.push(Stream::Video, picture(display, display, display == 0), Arrival(0));
        if display == 1 {
            let end = Some(Moment::In(Duration::from_millis(4 * 40 + 20)));
            let request = StartRequest { start: Moment::Ago(Duration::from_millis(40)), end, overlap: None };
            actions.extend(core.start(request, Arrival(0)).unwrap().1);
        }
        for action in actions {
            match action {
                Action::Open { unordered, .. } => assert!(unordered),
                Action::Write { frame, .. } => written.push(frame.payload),
                Action::Close { ended: close, .. } => ended = Some(close),
                other => panic!("{other:?}"),
            }
        }
    }
    // From 1 on for 4.5 frames: 5 is on screen at the end; 6 is needed to decode it.
    assert_eq!(written, [0, 3, 1, 2, 6, 4, 5]);
    assert_eq!(ended.unwrap().reason, EndReason::EndReached);
}

#[test]
fn what_the_other_stream_no_longer_sends_is_not_waited_for() {
    let mut core: SourceCore<u64, u8> = SourceCore::new(CONFIG);
    core.format(Stream::Video, 1);
    core.format(Stream::Audio, 2);
    core.push(Stream::Audio, picture(0, 0, true), Arrival(0));
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let end = Some(Moment::In(Duration::from_secs(60)));
    core.start(StartRequest { start: Moment::Now, end, overlap: None }, Arrival(0)).unwrap();
    let mut over = Vec::new();
    for index in 1..200 {
        let actions = core.push(Stream::Video, picture(index, index, false), Arrival(0));
        over.extend(actions.iter().any(|action| matches!(action, Action::EndStream { .. })).then_some(index));
    }
    assert_eq!(over, [125], "after 5 s of silence, once");
    core.end_of_stream(Stream::Audio);
    core.push(Stream::Video, picture(200, 200, true), Arrival(0));
    let (_, actions) = core.start(FROM_NOW, Arrival(0)).unwrap();
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams.len() == 1), "{actions:?}");
}

#[test]
fn a_step_back_in_time_begins_anew() {
    let mut core: SourceCore<u64, u8> = SourceCore::new(Config { both: false, ..CONFIG });
    core.format(Stream::Video, 1);
    for index in 0..100 {
        core.push(Stream::Video, picture(index, index, index % 25 == 0), Arrival(0));
    }
    core.start(FROM_NOW, Arrival(0)).unwrap();
    // One frame an hour ahead, then back to normal: what was is gone, and what comes is recorded.
    core.push(Stream::Video, picture(90_000, 90_000, false), Arrival(0));
    let actions = core.push(Stream::Video, picture(100, 100, true), Arrival(0));
    assert!(
        matches!(&actions[..], [Action::Close { ended, .. }] if ended.reason == EndReason::TimeStepped)
            || matches!(&actions[..], []),
        "{actions:?}"
    );
    for index in 101..150 {
        core.push(Stream::Video, picture(index, index, index % 25 == 0), Arrival(0));
    }
    assert_eq!(core.cache(Stream::Video).oldest(), Some(RunningTime(100 * 40 * MS)));
    let request = StartRequest { start: Moment::Ago(Duration::from_millis(1_000)), end: None, overlap: None };
    let (_, actions) = core.start(request, Arrival(0)).unwrap();
    assert!(matches!(&actions[0], Action::Open { first, .. } if first.0 == 100 * 40 * MS), "{:?}", actions[0]);
}

#[test]
fn a_start_in_the_far_future_is_rejected() {
    let mut model = Model::new();
    model.step(Op::Video { step_ms: 40, keyframe: true });
    model.core.observe_utc(RunningTime::ZERO, Utc(0), UtcOrigin::Arrival);
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
    let mut model = Model::new();
    let order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12];
    let mut written = Vec::new();
    let mut delivered = None;
    let mut accepted = false;
    for (index, display) in order.into_iter().enumerate() {
        // Two pictures of delay between decoding and display.
        let mut frame = picture(display + 2, index as i64, display == 0);
        frame.payload = display.unsigned_abs();
        let mut actions = model.core.push(Stream::Video, frame, Arrival(0));
        if !accepted {
            accepted = true;
            let request = StartRequest {
                start: Moment::Now,
                end: Some(Moment::In(Duration::from_millis(4 * 40 + 20))),
                overlap: None,
            };
            let (_, more) = model.core.start(request, Arrival(0)).unwrap();
            actions.extend(more);
        }
        for action in actions {
            match action {
                Action::Write { frame, .. } => written.push(frame.payload),
                Action::Close { ended, .. } => delivered = Some(ended.delivered),
                _ => {}
            }
        }
    }
    // The audio of the model never came, so the end is by lag or shutdown.
    for action in model.core.end(EndReason::Shutdown) {
        if let Action::Close { ended, .. } = action {
            assert_eq!(ended.reason, EndReason::EndReached);
            delivered = Some(ended.delivered);
        }
    }
    assert_eq!(written, [0, 3, 1, 2, 6, 4]);
    assert_eq!(delivered.unwrap().interval.end, RunningTime(7 * 40 * MS));
}

#[test]
fn a_session_in_the_first_moments_waits_for_the_other_stream() {
    let mut core: SourceCore<u64, u8> = SourceCore::new(CONFIG);
    let request = StartRequest { start: Moment::Now, end: None, overlap: None };
    core.format(Stream::Video, 1);
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let (_, actions) = core.start(request, Arrival(0)).unwrap();
    assert!(actions.is_empty(), "sound may still come");
    core.format(Stream::Audio, 2);
    let actions = core.push(Stream::Video, picture(1, 1, false), Arrival(0));
    assert!(matches!(&actions[0], Action::Open { streams, .. }
        if streams[..] == [(Stream::Video, 1), (Stream::Audio, 2)]));

    let mut core: SourceCore<u64, u8> = SourceCore::new(CONFIG);
    core.format(Stream::Video, 1);
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    core.start(request, Arrival(0)).unwrap();
    let actions = core.push(Stream::Video, picture(25, 25, false), Arrival(0));
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams[..] == [(Stream::Video, 1)]));
    assert_eq!(actions.len(), 3, "nothing was lost meanwhile: {actions:?}");
}

#[test]
fn a_session_that_began_with_sound_alone_ends_when_pictures_come() {
    let mut core: SourceCore<u64, u8> = SourceCore::new(Config { both: false, ..CONFIG });
    core.format(Stream::Audio, 2);
    assert_eq!(core.main(), Stream::Audio);
    core.push(Stream::Audio, picture(0, 0, true), Arrival(0));
    let request = StartRequest { start: Moment::Now, end: None, overlap: None };
    let (recording, actions) = core.start(request, Arrival(0)).unwrap();
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams[..] == [(Stream::Audio, 2)]));
    let later = StartRequest { start: Moment::In(Duration::from_secs(1)), end: None, overlap: None };
    let (waiting, _) = core.start(later, Arrival(0)).unwrap();
    let actions = core.link(Stream::Video);
    assert!(matches!(&actions[..], [Action::Close { session, ended }]
        if *session == recording.session && ended.reason == EndReason::FormatChanged));
    core.format(Stream::Video, 1);
    core.push(Stream::Video, picture(0, 0, true), Arrival(0));
    let actions = core.push(Stream::Video, picture(26, 26, true), Arrival(0));
    assert!(matches!(&actions[0], Action::Open { session, streams, .. }
        if *session == waiting.session && streams[0] == (Stream::Video, 1)));
}

#[test]
fn a_change_of_format_ends_the_session_and_the_next_begins_in_the_new_one() {
    let mut model = Model::new();
    for index in 0..10 {
        model.step(Op::Video { step_ms: 40, keyframe: index % 5 == 0 });
    }
    let request = StartRequest { start: Moment::Ago(Duration::from_secs(1)), end: None, overlap: None };
    let (first, _) = model.core.start(request, Arrival(model.clock)).unwrap();
    let actions = model.core.format(Stream::Video, 3);
    assert!(matches!(&actions[..], [Action::Close { session, ended }]
        if *session == first.session && ended.reason == EndReason::FormatChanged));
    let (_, actions) = model.core.start(request, Arrival(model.clock)).unwrap();
    assert!(actions.is_empty(), "what is cached is in the old format: {actions:?}");
    let frame = Frame { start: RunningTime(500 * MS), ..picture(0, 0, true) };
    let actions = model.core.push(Stream::Video, frame, Arrival(model.clock));
    assert!(matches!(&actions[0], Action::Open { streams, .. } if streams[0] == (Stream::Video, 3)));
}
