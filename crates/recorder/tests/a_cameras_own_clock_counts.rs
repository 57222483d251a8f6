//! Promise: times in UTC mean the camera's own clock, to the frame, however far it is off ours; where the camera does not
//! say what it is, ours.
//! A real RTSP camera 3 s ahead of us numbers its frames and knows when it captured each; files are decoded and counted.
//! Left to others: requests without UTC (`intervals_from_a_camera`), the mapping's arithmetic (unit tests of the core).
#![allow(clippy::unwrap_used)]

mod common;

use std::ops::RangeInclusive;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime};

use common::done;
use recorder::core::{EndReason, Moment, StartRequest, Utc, UtcOrigin};
use recorder::event::Event;
use recorder::record::Trigger;
use recorder::{Container, DoneRecord, Recorder};
use testbed::{RtspCamera, Scene, decode, temp_dir};

const MS: i64 = 1_000_000;
/// A whole millisecond, so that a message can name a frame's time exactly.
const FRAME: i64 = 40 * MS;
const GOP: u32 = 25;
/// How far the camera is ahead.
const AHEAD: i64 = 3_000;
/// RTCP has the time in units of 2^-32 s, and each conversion rounds.
const ROUNDING: u64 = 1_000;

fn scene() -> Scene {
    Scene::new().fps(25).gop(GOP).size(256, 96).without_text()
}

fn utc(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// The camera's frame log, in the camera's clock.
struct Log<'a>(&'a RtspCamera);

impl Log<'_> {
    /// When a frame was captured, or will be.
    fn time(&self, counter: u32) -> i64 {
        let first = utc(self.0.capture_time(0).unwrap());
        let time = first + i64::from(counter) * FRAME;
        if let Some(logged) = self.0.capture_time(counter) {
            assert_eq!(utc(logged), time, "frame {counter}");
        }
        time
    }

    /// The frames that a file of `[start, end)` must hold.
    fn expected(&self, start: i64, end: i64) -> RangeInclusive<u32> {
        let first = self.time(0);
        let on_screen = u32::try_from((start - first).div_euclid(FRAME)).unwrap();
        let last = u32::try_from((end - 1 - first).div_euclid(FRAME)).unwrap();
        on_screen / GOP * GOP..=last
    }
}

/// Asks for `[start, end)`, and gets a receipt that names just that.
fn ask(recorder: &Recorder, id: &str, start: i64, end: i64) {
    let request = StartRequest { start: Moment::Utc(Utc(start)), end: Some(Moment::Utc(Utc(end))), overlap: None };
    let trigger = Trigger { id: Some(id.into()), metadata: None };
    let accepted = recorder.start_session(0, request, trigger, |_| {}).unwrap();
    let asked = accepted.asked_utc.unwrap();
    assert_eq!((asked.start.0, asked.end.0), (start, end), "{id}");
}

/// Makes short recordings until one rests on `origin`. Returns a frame from which on the recorder has the same of each.
fn wait_for_origin(camera: &RtspCamera, recorder: &Recorder, events: &Receiver<Event>, origin: UtcOrigin) -> u32 {
    camera.wait_for_frame(5).unwrap();
    loop {
        let seen = camera.frames().len();
        camera.wait_for_frame(seen + 5).unwrap();
        let request =
            StartRequest { start: Moment::Now, end: Some(Moment::In(Duration::from_millis(1))), overlap: None };
        if recorder.start_session(0, request, Trigger::default(), |_| {}).is_ok()
            && done(events).utc_origin == Some(origin)
        {
            return camera.frames().len();
        }
    }
}

/// A file and its record hold what was asked, by the camera's clock.
fn check(log: &Log<'_>, done: &DoneRecord, name: &str, start: i64, end: i64) {
    let file = decode(&done.file).unwrap();
    let frames = file.video().unwrap().check_unbroken().unwrap();
    let expected = log.expected(start, end);
    let text = serde_json::to_string(done).unwrap();
    assert_eq!(frames, expected, "{name}: {text}");
    assert_eq!((done.utc_origin, done.ended), (Some(UtcOrigin::Sender), EndReason::EndReached), "{name}: {text}");
    let asked = (done.header.asked.start.unwrap().0, done.header.asked.end.unwrap().0);
    assert_eq!(asked, (start, end), "{name}: {text}");
    let near = |ours: i64, camera: i64, what: &str| {
        assert!(ours.abs_diff(camera) <= ROUNDING, "{name}: {what} {ours}, not {camera}: {text}");
    };
    let (first, after) = (log.time(*expected.start()), log.time(*expected.end() + 1));
    near(done.actual.start.unwrap().0, first, "actual start");
    near(done.actual.end.unwrap().0, after, "actual end");
    near(i64::try_from(done.lead_ns).unwrap(), start - first, "lead");
    assert_eq!((done.missing_at_start_ns, done.missing_at_end_ns), (0, 0), "{name}: {text}");
}

/// Asks, at once, for all intervals whose edges lie on the time of a frame, a millisecond before and after it.
fn ask_around(recorder: &Recorder, log: &Log<'_>, kind: &str, first: u32, last: u32) -> Vec<(String, i64, i64)> {
    let mut asked = Vec::new();
    for (before, after) in [(0, 0), (-1, -1), (1, 1), (-1, 1), (1, -1)] {
        let (start, end) = (log.time(first) + before * MS, log.time(last) + after * MS);
        let name = format!("{kind}: from frame {first} {before:+} ms to frame {last} {after:+} ms");
        ask(recorder, &name, start, end);
        asked.push((name, start, end));
    }
    asked
}

/// The records of what was asked.
fn records(events: &Receiver<Event>, asked: Vec<(String, i64, i64)>) -> Vec<(Box<DoneRecord>, String, i64, i64)> {
    let mut records: Vec<_> = asked.iter().map(|_| done(events)).collect();
    let find = |(name, start, end): (String, i64, i64)| {
        let at = records.iter().position(|done| done.header.id.as_deref() == Some(&name)).unwrap();
        (records.swap_remove(at), name, start, end)
    };
    asked.into_iter().map(find).collect()
}

fn to_the_frame(scene: &Scene, tcp: bool, container: Container) {
    let camera = RtspCamera::start_with_clock(scene, AHEAD).unwrap();
    let dir = temp_dir().unwrap();
    let url = if tcp { camera.urlt() } else { camera.url() };
    let (recorder, events) = common::start(&url, dir.path(), container);
    let known = wait_for_origin(&camera, &recorder, &events, UtcOrigin::Sender);
    let log = Log(&camera);
    // It really is off.
    let ours = utc(camera.frames().time_of(known - 1).unwrap());
    let off = log.time(known - 1) - ours;
    assert!((off - AHEAD * MS).abs() < 1_000 * MS, "{off} ns");

    // A keyframe with a group before it, all of known time.
    let key = (known / GOP + 2) * GOP;
    camera.wait_for_frame(key + GOP + 5).unwrap();
    let now = camera.frames().len();
    let mut asked = ask_around(&recorder, &log, "spanning now", key, now + 20);
    let next = (now / GOP + 2) * GOP;
    asked.extend(ask_around(&recorder, &log, "in the future", next, next + 12));
    let mut done = records(&events, asked);

    // What is past needs no further frame.
    camera.set_silent(true);
    let past = ask_around(&recorder, &log, "in the past", key, key + 22);
    done.extend(records(&events, past));
    assert_eq!(recorder.stop(), [0usize; 0]);
    for (done, name, start, end) in &done {
        check(&log, done, name, *start, *end);
    }
}

#[test]
fn over_tcp() {
    to_the_frame(&scene(), true, Container::Mp4);
}

#[test]
fn over_udp() {
    to_the_frame(&scene(), false, Container::Mkv);
}

#[test]
fn with_b_frames_over_tcp() {
    to_the_frame(&scene().b_frames(2), true, Container::Mkv);
}

#[test]
fn with_b_frames_over_udp() {
    to_the_frame(&scene().b_frames(2), false, Container::Mp4);
}

/// So few frames a second that none comes half a frame late, however busy the machine.
fn slow() -> Scene {
    Scene::new().fps(5).gop(5).size(256, 96).without_text()
}

const SLOW_FRAME: i64 = 200 * MS;

/// Without the camera's clock a frame's time is when it left the camera: at most one frame off.
fn to_about_a_frame(camera: &RtspCamera, source: &str) {
    let dir = temp_dir().unwrap();
    let (recorder, events) = common::start(source, dir.path(), Container::Mp4);
    let known = wait_for_origin(camera, &recorder, &events, UtcOrigin::Arrival);
    let (first, last) = (known, known + 12);
    camera.wait_for_frame(first + 4).unwrap();
    // The server sends a frame when the latency of the camera's own pipeline is over, which is a frame.
    let left = |counter: u32| utc(camera.frames().time_of(counter).unwrap()) + SLOW_FRAME;
    // As far as can be from any frame.
    let start = left(first) + SLOW_FRAME / 2;
    let end = start + i64::from(last - first) * SLOW_FRAME;
    ask(&recorder, "ours", start, end);
    let done = done(&events);
    let text = serde_json::to_string(&done).unwrap();
    assert_eq!((done.utc_origin, done.ended), (Some(UtcOrigin::Arrival), EndReason::EndReached), "{text}");
    let frames = decode(&done.file).unwrap().video().unwrap().check_unbroken().unwrap();
    let key = |counter: u32| counter / 5 * 5;
    assert!((key(first - 1)..=key(first + 1)).contains(frames.start()), "{frames:?}, not from {first}: {text}");
    assert!((last - 1..=last + 1).contains(frames.end()), "{frames:?}, not to {last}: {text}");
    let off = done.actual.start.unwrap().0 - left(*frames.start());
    assert!(off.abs() < SLOW_FRAME, "{off} ns: {text}");
    check_one_clock(&done);
    assert_eq!(recorder.stop(), [0usize; 0]);
}

#[test]
fn a_camera_without_reports_has_our_time() {
    let camera = RtspCamera::start_with_clock(&slow(), AHEAD).unwrap();
    camera.withhold_reports(true);
    to_about_a_frame(&camera, &camera.url());
}

#[test]
fn a_described_source_has_our_time() {
    let camera = RtspCamera::start_with_clock(&slow(), AHEAD).unwrap();
    let source = format!("launch:rtspsrc location={} protocols=tcp latency=100 ! rtph264depay", camera.url());
    to_about_a_frame(&camera, &source);
}

/// Whichever clock a record is in, it is one: the distance from the asked to the actual start is the same in both times.
fn check_one_clock(done: &DoneRecord) {
    let text = serde_json::to_string(done).unwrap();
    let (asked, actual) = (done.header.asked, done.actual);
    let by_utc = [(asked.start, actual.start), (asked.end, actual.end)]
        .map(|(asked, actual)| actual.unwrap().0 - asked.unwrap().0);
    let by_running = [actual.start_running_ns - asked.start_running_ns, actual.end_running_ns - asked.end_running_ns];
    for (by_utc, by_running) in by_utc.into_iter().zip(by_running) {
        assert!(
            by_utc.abs_diff(by_running) < SLOW_FRAME as u64,
            "{by_utc} ns, in running time {by_running} ns: {text}"
        );
    }
}

/// The clock steps by 3 s when the first report comes, in the middle of recordings.
#[test]
fn a_request_before_the_first_report_is_answered_honestly() {
    let camera = RtspCamera::start_with_clock(&slow(), AHEAD).unwrap();
    camera.withhold_reports(true);
    let dir = temp_dir().unwrap();
    let (recorder, events) = common::start(&camera.urlt(), dir.path(), Container::Mp4);
    let known = wait_for_origin(&camera, &recorder, &events, UtcOrigin::Arrival);
    camera.wait_for_frame(known + 15).unwrap();
    let ours = |counter: u32| utc(camera.frames().time_of(counter).unwrap());
    let theirs = |counter: u32| utc(camera.capture_time(counter).unwrap());
    let now = known + 15;
    // Whoever asks may mean either clock; nobody knows yet that they differ.
    ask(&recorder, "past, ours", ours(known + 5), ours(known + 10));
    let past = done(&events);
    assert_eq!(past.utc_origin, Some(UtcOrigin::Arrival));
    check_one_clock(&past);
    ask(&recorder, "spanning, ours", ours(now - 5), ours(now) + 6_000 * MS);
    ask(&recorder, "spanning, the camera's", theirs(now - 5), theirs(now) + 6_000 * MS);
    ask(&recorder, "future, ours", ours(now) + 6_000 * MS, ours(now) + 7_000 * MS);
    camera.withhold_reports(false);
    camera.wait_for_report().unwrap();
    for _ in 0..3 {
        let done = done(&events);
        println!("{}", serde_json::to_string(&done).unwrap());
        decode(&done.file).unwrap().video().unwrap().check_unbroken().unwrap();
        check_one_clock(&done);
    }
    assert_eq!(recorder.stop(), [0usize; 0]);
}
