//! What a strict reading of the core found, one case each: ends that are for good, memory that is freed, sound beside
//! pictures that come and go, one wrong time.
//! What needs files and threads is in `tests/one_session_s_trouble_is_its_own.rs`.

use std::sync::Arc;
use std::time::Duration;

use super::rules_test::CONFIG;
use super::streams_test::{FROM_NOW, VIDEO_ONLY, at, pull, send, video};
use super::*;

fn arrival(index: i64) -> Arrival {
    Arrival(at(index).0.unsigned_abs())
}

fn picture(index: i64, keyframe: bool) -> Frame<u64> {
    Frame::new(at(index), keyframe, 1, index.unsigned_abs())
}

fn written(actions: &[Action<u64, u8>], wanted: Stream) -> Vec<u64> {
    let payload = |action: &Action<u64, u8>| match action {
        Action::Write { stream, frame } if *stream == wanted => Some(frame.payload),
        _ => None,
    };
    actions.iter().filter_map(payload).collect()
}

#[test]
fn the_end_of_the_graph_is_for_good() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..50);
    core.end(EndReason::Shutdown);
    // A source that is just being connected again, or whose camera just changes its format, while recorder.stop() waits.
    core.format(Stream::Video, 2);
    assert!(core.has_ended());
    assert!(core.start(FROM_NOW, arrival(50)).is_err(), "nobody will ever end or answer this session");
}

#[test]
fn what_a_given_up_session_begins_with_is_kept_until_it_is_read() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..100);
    let (start, end) = (Moment::In(Duration::from_millis(500)), Some(Moment::In(Duration::from_secs(3))));
    let session = core.start(StartRequest { start, end, overlap: None }, arrival(99)).unwrap().session;
    // Nothing more comes: nine seconds later it is closed with the picture that is on screen.
    core.advance(arrival(99 + 225));
    // Before its writer looks (it does so ten times a second), the source is back.
    for index in 1_000..1_400 {
        core.push(Stream::Video, picture(index, index % 25 == 0), arrival(index));
    }
    let actions = pull(&mut core, session);
    assert!(!written(&actions, Stream::Video).is_empty(), "a file without a frame: {actions:?}");
}

#[test]
fn sound_goes_on_when_pictures_join_it() {
    let mut core = SourceCore::new(CONFIG);
    core.format(Stream::Audio, 2);
    for index in 0..2_000 {
        core.push(Stream::Audio, picture(index, true), arrival(index));
    }
    let end = Some(Moment::In(Duration::from_secs(20)));
    let session = core.start(StartRequest { end, ..FROM_NOW }, arrival(1_999)).unwrap().session;
    core.push(Stream::Audio, picture(2_000, true), arrival(2_000));
    pull(&mut core, session);
    core.format(Stream::Video, 1);
    let mut actions = Vec::new();
    for index in 2_001..2_600 {
        core.push(Stream::Video, picture(index, index % 25 == 0), arrival(index));
        core.push(Stream::Audio, picture(index, true), arrival(index));
        actions.extend(pull(&mut core, session));
    }
    assert!(matches!(actions.last(), Some(Action::Close { .. })));
    assert!(written(&actions, Stream::Video).len() > 400);
    let sound = written(&actions, Stream::Audio);
    assert!(sound.len() > 400, "sound in the second file: {sound:?}");
}

#[test]
fn sound_that_came_late_is_in_the_file_after_a_change_of_format() {
    let mut core = video(CONFIG);
    let mut session = None;
    let mut actions = Vec::new();
    for index in 0..1_500 {
        if index == 1_000 {
            core.format(Stream::Video, 7);
        }
        core.push(Stream::Video, picture(index, index % 25 == 0), arrival(index));
        if index == 50 {
            let end = Some(Moment::In(Duration::from_secs(50)));
            session = Some(core.start(StartRequest { end, ..FROM_NOW }, arrival(index)).unwrap().session);
        }
        if index == 100 {
            core.format(Stream::Audio, 2);
        }
        if index >= 100 {
            core.push(Stream::Audio, picture(index, true), arrival(index));
        }
        if let Some(session) = session {
            actions.extend(pull(&mut core, session));
        }
    }
    let sound = written(&actions, Stream::Audio);
    assert!(sound.len() > 200, "10 s of sound belong to the second file, which has place for it: {sound:?}");
}

#[test]
fn what_a_byte_budget_takes_from_a_silent_source_is_freed() {
    let mut core = SourceCore::new(VIDEO_ONLY);
    core.format(Stream::Video, 1);
    let payload = Arc::new(());
    for index in 0..100 {
        core.push(Stream::Video, Frame::new(at(index), index % 25 == 0, 1_000_000, payload.clone()), arrival(index));
    }
    // The source is lost; caches of others grow, and this one has to give way.
    while core.shorten(Budget::Total) {}
    assert_eq!(core.cached_bytes(), 0, "so it is accounted for");
    assert_eq!(Arc::strong_count(&payload) - 1, 0, "frames that are still in memory, and counted nowhere");
}

#[test]
fn a_flush_of_one_stream_leaves_the_other_where_it_was() {
    let mut core = video(CONFIG);
    core.format(Stream::Audio, 2);
    for index in 0..2_500 {
        core.push(Stream::Video, picture(index, index % 25 == 0), arrival(index));
        core.push(Stream::Audio, picture(index, true), arrival(index));
    }
    // FLUSH_STOP on pad `sink` alone: its time begins anew at 0, that of the sound goes on.
    core.interrupt();
    for index in 0..50 {
        let frame = Frame { start: at(index), decode: at(index), ..picture(index, index % 25 == 0) };
        core.push(Stream::Video, frame, arrival(2_500 + index));
        core.push(Stream::Audio, picture(2_500 + index, true), arrival(2_500 + index));
    }
    let newest = |stream| core.cache(stream).newest().unwrap().0 / 1_000_000_000;
    let (pictures, sound) = (newest(Stream::Video), newest(Stream::Audio));
    assert!(pictures.abs_diff(sound) <= 1, "pictures at {pictures} s, sound at {sound} s");
}

#[test]
fn sessions_of_the_past_are_bounded_too() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..250);
    // A disk that hangs, or a flood of messages: no writer reads.
    let past = StartRequest {
        start: Moment::Ago(Duration::from_secs(3)),
        end: Some(Moment::Ago(Duration::from_secs(1))),
        overlap: None,
    };
    let accepted = (0..1_000).filter(|_| core.start(past, arrival(249)).is_ok()).count();
    assert!(accepted < 100, "{accepted} sessions at a time, each with a thread, where 6 are allowed");
}

#[test]
fn one_wrong_time_does_not_end_a_recording() {
    let mut core = video(VIDEO_ONLY);
    send(&mut core, 0..100);
    let end = Some(Moment::In(Duration::from_secs(10)));
    let session = core.start(StartRequest { end, ..FROM_NOW }, arrival(99)).unwrap().session;
    send(&mut core, 100..150);
    let mut actions = pull(&mut core, session);
    // One frame says that it is an hour later.
    let wrong = Frame { start: at(90_000), decode: at(90_000), ..picture(150, false) };
    core.push(Stream::Video, wrong, arrival(150));
    send(&mut core, 151..500);
    actions.extend(pull(&mut core, session));
    let Some(Action::Close { ended }) = actions.last() else { panic!() };
    let count = written(&actions, Stream::Video).len();
    assert!(
        count >= 240 || ended.missing_at_end > Duration::from_secs(1),
        "{count} of 250 pictures, and the record says {:?}, missing {:?}",
        ended.reason,
        ended.missing_at_end
    );
    assert!(core.history() >= Duration::from_secs(9), "the cache has gone: {:?}", core.history());
}
