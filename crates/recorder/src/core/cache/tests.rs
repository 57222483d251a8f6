//! What a track keeps, and how its frames and keyframes are found.
//! Rules about whole sources are left to the tests of `core`.

use super::*;

const SECOND: i64 = 1_000_000_000;

fn frame(seconds: i64, keyframe: bool) -> Frame<i64> {
    Frame::new(RunningTime(seconds * SECOND), keyframe, 1, seconds)
}

fn empty(window: u64) -> Track<i64, ()> {
    let mut track = Track::new(Duration::from_secs(window));
    track.format(());
    track
}

/// Frames that have left the cache and are here.
fn left(track: &Track<i64, ()>) -> u64 {
    track.front() - track.base()
}

fn filled(window: u64, gop: i64, length: i64) -> Track<i64, ()> {
    let mut track = empty(window);
    for second in 0..length {
        track.push(frame(second, second % gop == 0));
    }
    track
}

fn at(seconds: i64) -> Bound {
    Bound::running(RunningTime(seconds * SECOND))
}

#[test]
fn covers_the_window_and_at_most_one_group_more() {
    for gop in 1..12 {
        let track = filled(10, gop, 100);
        let oldest = track.oldest().unwrap().0 / SECOND;
        assert!(oldest <= 89 && oldest + gop > 89, "gop {gop}: begins at {oldest} s");
        assert_eq!(track.frames().count() as i64, 100 - oldest);
        assert_eq!(track.cached_bytes() as i64, 100 - oldest);
        assert_eq!(track.held_bytes(), 0);
        assert!(left(&track) <= gop as u64, "what has left the cache is freed soon");
    }
}

#[test]
fn frames_before_the_first_keyframe_are_not_kept() {
    let mut track = empty(5);
    track.push(frame(0, false));
    assert_eq!(track.frames().count(), 0);
    track.push(frame(1, true));
    assert_eq!(track.frames().count(), 1);
}

#[test]
fn stays_bounded_without_keyframes() {
    let mut track = empty(10);
    track.push(frame(0, true));
    (1..=70).for_each(|second| track.push(frame(second, false)));
    assert_eq!(track.frames().count(), 71, "still whole");
    track.push(frame(71, false));
    assert_eq!((track.frames().count(), track.cached_bytes()), (0, 0), "the open group is dropped");
    (72..100).for_each(|second| track.push(frame(second, false)));
    assert_eq!((track.frames().count(), track.held_bytes()), (0, 0));
    track.push(frame(100, true));
    assert_eq!(track.frames().count(), 1, "a keyframe begins anew");
}

#[test]
fn stays_bounded_when_time_stands_still() {
    let mut track = empty(10);
    for index in 0..3 * MAX_OPEN_GOP_FRAMES {
        track.push(frame(0, index == 0));
    }
    assert!(track.next() - track.base() <= MAX_OPEN_GOP_FRAMES as u64);
}

#[test]
fn finds_keyframes_and_frames_by_number() {
    let track = filled(10, 4, 30);
    assert_eq!(track.key_for(at(26)).unwrap().start.0 / SECOND, 24);
    assert_eq!(track.key_for(at(28)).unwrap().start.0 / SECOND, 28);
    assert_eq!(track.key_for(at(3)).unwrap().start.0 / SECOND, 16, "the cache begins later");
    assert_eq!(track.frame(25).unwrap().payload, 25);
    assert!(track.frame(30).is_none() && track.frame(2).is_none());
    assert_eq!(track.key_from(25).unwrap().0, 28);
    assert_eq!(track.first_at_or_after(RunningTime(21 * SECOND)), 24);
    assert_eq!(track.first_at_or_after(RunningTime(29 * SECOND)), 30);
}

#[test]
fn what_a_session_has_still_to_read_stays() {
    let mut track = filled(10, 4, 30);
    track.pin(Some(20));
    (30..100).for_each(|second| track.push(frame(second, second % 4 == 0)));
    assert_eq!(track.frame(20).unwrap().payload, 20);
    assert_eq!(track.oldest().unwrap().0 / SECOND, 88, "the cache is none the larger");
    assert_eq!(track.held_bytes(), 68);
    track.pin(None);
    (100..140).for_each(|second| track.push(frame(second, second % 4 == 0)));
    assert!(left(&track) <= 4 && track.frame(20).is_none());
}

#[test]
fn knows_the_format_of_each_frame() {
    let mut track = Track::new(Duration::from_secs(10));
    (0..40).for_each(|second| {
        track.format(second / 35);
        track.push(frame(second, second % 4 == 0));
    });
    assert_eq!((track.caps(34), track.caps(35)), (Some(&0), Some(&1)));
    (40..80).for_each(|second| track.push(frame(second, second % 4 == 0)));
    assert_eq!(track.frames.runs(), 1, "formats that are gone are forgotten");
}
