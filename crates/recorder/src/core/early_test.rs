//! Starts before the first frame (`Config::early`): they wait for it, and mean the moment at which they were made.
//! What a start means once frames have come is in `rules_test`.

use std::time::Duration;

use super::streams_test::{VIDEO_ONLY, at, pull, video};
use super::*;

const EARLY: Config = Config { early: true, ..VIDEO_ONLY };
const SECOND: u64 = 1_000_000_000;

/// `before` to `after` seconds around now.
fn around(before: u64, after: u64) -> StartRequest {
    let end = Some(Moment::In(Duration::from_secs(after)));
    StartRequest { start: Moment::Ago(Duration::from_secs(before)), end, overlap: None }
}

/// Pictures `1000..` of a stream, the first one of which arrives at `first`.
fn send(core: &mut SourceCore<u64, u8>, pictures: std::ops::Range<i64>, first: u64) {
    for index in pictures {
        let arrival = Arrival(first + at(index - 1_000).0.unsigned_abs());
        core.push(Stream::Video, Frame::new(at(index), index % 25 == 0, 1, index.unsigned_abs()), arrival);
    }
}

fn written(actions: &[Action<u64, u8>]) -> Vec<u64> {
    let payload = |action: &Action<u64, u8>| match action {
        Action::Write { frame, .. } => Some(frame.payload),
        _ => None,
    };
    actions.iter().filter_map(payload).collect()
}

#[test]
fn it_ends_so_long_after_the_start_however_late_the_stream_comes() {
    let mut core = video(EARLY);
    let session = core.start(around(5, 3), Arrival(7 * SECOND)).unwrap().session;
    assert!(core.is_running(session));
    assert!(pull(&mut core, session).is_empty());
    send(&mut core, 1_000..1_200, 8 * SECOND);
    let actions = pull(&mut core, session);
    // The first frame came a second after the start: two of the three seconds were left.
    assert_eq!(written(&actions), (1_000..1_050).collect::<Vec<_>>());
    let Some(Action::Close { ended }) = actions.last() else { panic!("{actions:?}") };
    assert_eq!(ended.asked, Interval { start: at(1_000 - 150), end: at(1_050) });
    assert_eq!(ended.missing_at_start, Duration::from_secs(6));
    assert_eq!(ended.missing_at_end, Duration::ZERO);
}

#[test]
fn a_stream_that_comes_too_late_or_never_fails_it() {
    let mut core = video(EARLY);
    let late = core.start(around(0, 3), Arrival(0)).unwrap().session;
    send(&mut core, 1_000..1_010, 4 * SECOND);
    assert!(matches!(pull(&mut core, late)[..], [Action::Fail { .. }]));

    let mut core = video(EARLY);
    let never = core.start(around(0, 3), Arrival(0)).unwrap().session;
    core.advance(Arrival(7 * SECOND));
    assert!(pull(&mut core, never).is_empty(), "it may still come");
    core.advance(Arrival(9 * SECOND));
    assert!(matches!(pull(&mut core, never)[..], [Action::Fail { .. }]));
}

/// Whoever waits for the stream to begin (local events, a reconnection) still waits.
#[test]
fn it_does_not_begin_the_stream() {
    let mut core = video(EARLY);
    core.start(around(0, 3), Arrival(SECOND)).unwrap();
    assert_eq!(core.timeline().stream_now(Arrival(2 * SECOND)), None);
    send(&mut core, 1_000..1_001, 2 * SECOND);
    assert_eq!(core.timeline().stream_now(Arrival(2 * SECOND)), Some(at(1_000)));
}

#[test]
fn a_stop_before_the_first_frame_ends_it() {
    let mut core = video(EARLY);
    let session = core.start(around(0, 3), Arrival(0)).unwrap().session;
    core.stop(None, Arrival(SECOND)).unwrap();
    assert!(!core.is_running(session));
    assert!(matches!(pull(&mut core, session)[..], [Action::Fail { .. }]));
}

#[test]
fn it_is_rejected_where_that_is_wanted() {
    let mut core = video(VIDEO_ONLY);
    assert_eq!(core.start(around(0, 3), Arrival(0)), Err(Rejection::NothingYet));
}
