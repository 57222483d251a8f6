//! Promise: whatever a stream does to its times, each file holds exactly the frames of its interval, or the record says
//! which are missing and why.
//! One clip of numbered pictures, its times rewritten as odd cameras and networks would; fed by hand, without a clock.
#![allow(clippy::unwrap_used)]

mod fed;

use std::sync::LazyLock;

use fed::clip::{Clip, FPS, Unit, at};
use fed::judge::{actual, holds_pictures, only_file, pictures, rule};
use fed::{Fed, SECOND};
use recorder::core::{EndReason, Stream};
use recorder::{Container, DoneRecord};

/// Twenty seconds, a keyframe each second.
static CLIP: LazyLock<Clip> = LazyLock::new(|| {
    Clip::pictures(
        "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 bitrate=1000 option-string=scenecut=0 \
         ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
        600,
    )
});

const CONTAINERS: [Container; 2] = [Container::Mp4, Container::Mkv];

/// Feeds `before`, asks for the interval, feeds `after`.
fn record(container: Container, before: &[Unit], (from, to): (i64, i64), after: &[Unit]) -> (Fed, Box<DoneRecord>) {
    let fed = Fed::new(container, &[Stream::Video], 60);
    fed.begin(Stream::Video, &CLIP.caps);
    fed.push_all(Stream::Video, before);
    fed.record(from, to, "odd");
    fed.push_all(Stream::Video, after);
    let done = fed.done();
    (fed, done)
}

/// The same for units that all have their times, with a check against the rule.
fn recorded_to_the_frame(units: &[Unit], asked_after: usize, interval: (i64, i64)) {
    for container in CONTAINERS {
        let (_fed, done) = record(container, &units[..asked_after], interval, &units[asked_after..]);
        let (held, end) = rule(units, interval.0, interval.1, i64::MAX);
        let file = only_file(&done);
        assert_eq!((done.ended, done.missing_at_start_ns, done.missing_at_end_ns), (EndReason::EndReached, 0, 0));
        assert_eq!(done.gap_count, 0);
        holds_pictures(file, &held, end);
    }
}

/// Decoding times and durations as an encoder gives them, at a steady rate.
fn regular() -> Vec<Unit> {
    CLIP.units.clone()
}

#[test]
fn a_frame_rate_that_varies() {
    // 10, 35, 60, 110 ms, as a camera does that slows down in the dark.
    let steps = [10_i64, 35, 60, 110];
    let time = |number: u32| {
        let (rounds, rest) = (i64::from(number) / 4, number as usize % 4);
        (rounds * steps.iter().sum::<i64>() + steps[..rest].iter().sum::<i64>()) * 1_000_000
    };
    recorded_to_the_frame(&CLIP.retimed(time), 200, (5_137_000_000, 14_777_000_000));
}

#[test]
fn one_frame_in_five_seconds() {
    // A keyframe every 150 s; the window holds none but the open GOP.
    let units = CLIP.retimed(|number| i64::from(number) * 5 * SECOND);
    recorded_to_the_frame(&units[..120], 61, (303 * SECOND, 322 * SECOND));
    recorded_to_the_frame(&units[..120], 65, (310 * SECOND, 471 * SECOND));
}

#[test]
fn an_interval_between_two_frames() {
    // All that is asked for lies within one frame: that frame is on screen.
    let units = regular();
    recorded_to_the_frame(&units, 200, (at(60) + 3_000_000, at(60) + 4_000_000));
}

#[test]
fn bounds_on_frames() {
    // The asked start is a keyframe's, the asked end is the next frame's: it does not belong.
    recorded_to_the_frame(&regular(), 200, (at(60), at(90)));
}

#[test]
fn times_on_some_frames_only() {
    // Two of three without any time, the duration left: what MPEG-TS gives for pictures in one packet.
    let mut units = regular();
    let whole = units.clone();
    for unit in units.iter_mut().filter(|unit| unit.number % 3 != 0) {
        (unit.pts, unit.dts) = (None, None);
    }
    for container in CONTAINERS {
        let (_fed, done) = record(container, &units[..200], (at(70), at(200) - 1), &units[200..]);
        let file = only_file(&done);
        assert_eq!((done.ended, done.gap_count), (EndReason::EndReached, 0));
        // What is guessed may be off by rounding: the frames are those of the rule nevertheless.
        let (held, _) = rule(&whole, at(70), at(200) - 1, i64::MAX);
        assert!((actual(file).1 - at(200)).abs() < 10, "{:?}", actual(file));
        holds_pictures(file, &held, actual(file).1);
    }
}

#[test]
fn decoding_times_only() {
    let mut units = regular();
    for unit in &mut units {
        // Of a stream without B-frames: both are the same.
        unit.dts = unit.pts.take();
    }
    let mut first = units[0].clone();
    first.pts = first.dts;
    units[0] = first;
    for container in CONTAINERS {
        let (_fed, done) = record(container, &units[..200], (at(70), at(200)), &units[200..]);
        let file = only_file(&done);
        let whole = regular();
        let (held, end) = rule(&whole, at(70), at(200), i64::MAX);
        holds_pictures(file, &held, end);
    }
}

/// Every second frame comes `apart` nanoseconds after the one before. All of them are kept, in order; no player can show
/// two pictures at the same moment, so where the second one of a pair lies is not asserted.
fn in_pairs(apart: i64) {
    let units = CLIP.retimed(|number| at(i64::from(number) / 2 * 2) + i64::from(number) % 2 * apart);
    for container in CONTAINERS.into_iter().rev() {
        let (_fed, done) = record(container, &units[..200], (at(70), at(200)), &units[200..]);
        let file = only_file(&done);
        assert_eq!((done.ended, done.missing_at_end_ns), (EndReason::EndReached, 0));
        assert_eq!(actual(file), (at(60), at(200)));
        assert_eq!(pictures(file), 140);
        let judged = testbed::ffprobe(&file.file).unwrap();
        assert_eq!((judged.errors, judged.packets, judged.frames), (Vec::new(), 140, 140));
    }
}

#[test]
fn each_time_twice() {
    // A sender whose clock is coarser than its frames.
    in_pairs(0);
}

#[test]
fn times_that_are_all_but_the_same() {
    // What a jitter buffer makes of packets that all come late: less than the unit of time of either container.
    in_pairs(10_000);
}

#[test]
fn a_gap() {
    // Frames 100 to 309 are lost: seven seconds.
    let mut units = regular();
    units.drain(100..310);
    for container in CONTAINERS {
        let (_fed, done) = record(container, &units[..95], (at(40), at(400)), &units[95..]);
        let (held, end) = rule(&units, at(40), at(400), i64::MAX);
        // After the loss, decoding begins anew with the keyframe of frame 330: what lies before is damaged, and is kept.
        assert_eq!(done.gap_count, 1);
        assert_eq!(done.gaps[0].after_running_ns, at(99));
        assert_eq!(done.gaps[0].until_running_ns, at(310));
        assert!(done.notes.iter().any(|note| note.contains("paused")), "{:?}", done.notes);
        let file = only_file(&done);
        assert_eq!(actual(file), (at(30), end));
        assert_eq!(pictures(file), held.len());
        let shown = testbed::decode(&file.file).unwrap().video.unwrap().frames;
        assert_eq!(shown.len(), held.len());
        for (frame, unit) in shown.iter().zip(&held) {
            let off = frame.pts_ns - shown[0].pts_ns - (unit.start() - at(30));
            assert!(off.abs() < 1_500_000, "picture {} is {off} ns off", unit.number);
        }
    }
}

#[test]
fn a_new_segment() {
    // The source is restarted behind the recordbin's back: its buffers' times begin anew, running time goes on.
    let units = regular();
    for container in CONTAINERS {
        let fed = Fed::new(container, &[Stream::Video], 10);
        fed.begin(Stream::Video, &CLIP.caps);
        fed.push_all(Stream::Video, &units[..120]);
        fed.record(at(70), at(200), "across");
        fed.segment(Stream::Video, 7 * SECOND, at(120));
        fed.push_all(Stream::Video, &units[120..]);
        let (held, end) = rule(&units, at(70), at(200), i64::MAX);
        let done = fed.done();
        assert_eq!((done.ended, done.gap_count), (EndReason::EndReached, 0));
        holds_pictures(only_file(&done), &held, end);
    }
}

/// What a session holds of a stream that begins anew with `after`: it goes on at the time at which that came, which the
/// record names as the end of a gap; from there on everything is exact again.
fn resumed(done: &DoneRecord, before: &[Unit], after: &[Unit]) -> Vec<Unit> {
    assert_eq!((done.ended, done.gap_count), (EndReason::EndReached, 1), "{:?}", done.notes);
    assert_eq!((done.missing_at_start_ns, done.missing_at_end_ns), (0, 0));
    assert!(done.notes.len() > 1, "the record says what happened: {:?}", done.notes);
    let (last, at) = (before.last().unwrap().start(), done.gaps[0].until_running_ns);
    assert_eq!(done.gaps[0].after_running_ns, last);
    assert!(last < at && at < last + 10 * SECOND, "goes on at {at} after {last}");
    let shift = at - after[0].start();
    let after = after.iter().map(|unit| Unit { pts: Some(unit.start() + shift), ..unit.clone() });
    before.iter().cloned().chain(after).collect()
}

#[test]
fn a_step_back() {
    // After frame 209 the stream's time goes back by five seconds, with a keyframe, as a camera's that has restarted.
    let units = regular();
    for container in CONTAINERS {
        let fed = Fed::new(container, &[Stream::Video], 60);
        fed.begin(Stream::Video, &CLIP.caps);
        fed.push_all(Stream::Video, &units[..180]);
        fed.record(at(70), at(400), "across");
        let back: Vec<Unit> = CLIP.shifted(-5 * SECOND)[210..].to_vec();
        fed.push_all(Stream::Video, &units[180..210]);
        fed.push_all(Stream::Video, &back);
        let across = fed.done();
        let file = only_file(&across);
        let all = resumed(&across, &units[..210], &back);
        let (held, end) = rule(&all, at(70), at(400), i64::MAX);
        holds_pictures(file, &held, end);
        // What comes then is recorded by the sender's clock as ever: nothing before had these times.
        let accepted = fed.record_by_sender(8 * SECOND + 1, 10 * SECOND, "after it");
        let shift = all[210].start() - back[0].start();
        assert_eq!((accepted.asked.start.0, accepted.asked.end.0), (8 * SECOND + 1 + shift, 10 * SECOND + shift));
        let after = fed.done();
        let (held, end) = rule(&all, accepted.asked.start.0, accepted.asked.end.0, i64::MAX);
        assert_eq!((after.ended, after.missing_at_start_ns), (EndReason::EndReached, 0));
        holds_pictures(only_file(&after), &held, end);
    }
}

#[test]
fn the_end_of_the_stream() {
    let units = regular();
    for container in CONTAINERS {
        let fed = Fed::new(container, &[Stream::Video], 10);
        fed.begin(Stream::Video, &CLIP.caps);
        fed.push_all(Stream::Video, &units[..120]);
        fed.record(at(70), at(200), "across");
        fed.push_all(Stream::Video, &units[120..150]);
        assert!(fed.event(Stream::Video, gst::event::Eos::new()));
        let done = fed.done();
        let file = only_file(&done);
        assert_eq!(done.ended, EndReason::EndOfStream);
        assert!(done.notes.iter().any(|note| note.contains("end of stream")), "{:?}", done.notes);
        let (held, _) = rule(&units[..150], at(70), at(200), at(150));
        // The last frame is shown for its own duration.
        let end = actual(file).1;
        assert!((end - at(150)).abs() < 10, "ends at {end}");
        assert_eq!(done.missing_at_end_ns as i64, at(200) - end);
        holds_pictures(file, &held, end);
        // Nothing has run out: the stream may begin again, and is recorded.
        let again = CLIP.shifted(at(300) - at(150))[150..].to_vec();
        fed.begin(Stream::Video, &CLIP.caps);
        fed.push_all(Stream::Video, &again[..120]);
        fed.record(at(370), at(500), "the stream begins again");
        fed.push_all(Stream::Video, &again[120..]);
        let done = fed.done();
        let (held, end) = rule(&again, at(370), at(500), i64::MAX);
        assert_eq!(done.ended, EndReason::EndReached);
        holds_pictures(only_file(&done), &held, end);
    }
}

/// Flushes in the middle of a session, and goes on with frame 150 at running time `resumed`.
fn flush(container: Container, reset_time: bool, resumed: i64) -> (Fed, Vec<Unit>) {
    let units = regular();
    let fed = Fed::new(container, &[Stream::Video], 10);
    fed.begin(Stream::Video, &CLIP.caps);
    fed.push_all(Stream::Video, &units[..120]);
    fed.record(at(70), at(200), "across");
    fed.push_all(Stream::Video, &units[120..135]);
    assert!(fed.event(Stream::Video, gst::event::FlushStart::new()));
    assert!(fed.event(Stream::Video, gst::event::FlushStop::new(reset_time)));
    let rest = CLIP.shifted(resumed - at(150))[150..].to_vec();
    fed.segment(Stream::Video, 9 * SECOND, resumed);
    // `segment` says what the buffers' own times are at running time 0.
    fed.push_all(Stream::Video, &rest);
    (fed, [&units[..135], &rest[..]].concat())
}

#[test]
fn a_flush_that_running_time_survives() {
    for container in CONTAINERS {
        let (fed, units) = flush(container, false, at(150));
        let done = fed.done();
        let (held, end) = rule(&units, at(70), at(200), i64::MAX);
        assert_eq!((done.ended, done.missing_at_end_ns), (EndReason::EndReached, 0));
        // Half a second is missing, which begins and ends cleanly: frame 150 is a keyframe.
        assert_eq!(held.len() as i64, 200 - 60 - 15);
        holds_pictures(only_file(&done), &held, end);
    }
}

#[test]
fn a_flush_that_begins_running_time_anew() {
    for container in CONTAINERS {
        let (fed, units) = flush(container, true, 0);
        let done = fed.done();
        let all = resumed(&done, &units[..135], &units[135..]);
        let (held, end) = rule(&all, at(70), at(200), i64::MAX);
        holds_pictures(only_file(&done), &held, end);
    }
}

#[test]
fn the_clip_is_what_the_tests_take_it_for() {
    assert_eq!((CLIP.units.len() as i64, FPS), (600, 30));
    for (index, unit) in CLIP.units.iter().enumerate() {
        assert_eq!((unit.number as usize, unit.start()), (index, at(index as i64)));
        assert_eq!(unit.keyframe, index % 30 == 0);
    }
}
