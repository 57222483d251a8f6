//! Promise: a lost camera is connected again, and its cache and running recordings survive.
//! Real RTSP servers are killed, fall silent, end, or appear late; recordings are decoded and their frames counted.
//! Left to others: when the next attempt is made (unit tests of `source::reconnect`), networks that are cut.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use common::start_with;
use recorder::core::{EndReason, Moment, Rejection, StartRequest};
use recorder::record::Trigger;
use recorder::{Container, DoneRecord, Event, Recorder};
use testbed::{AudioCodec, HANG_GUARD, RtspCamera, Scene, decode, temp_dir, unreachable_url};

const INTERVAL: Duration = Duration::from_secs(2);

fn scene() -> Scene {
    Scene::new().fps(15).gop(15).size(256, 96).without_text()
}

/// The text of the next event of a kind; others may come before, but no end of a source.
fn wait_for(events: &Receiver<Event>, mut wanted: impl FnMut(&Event) -> Option<String>) -> String {
    loop {
        let event = events.recv_timeout(HANG_GUARD).unwrap();
        if let Some(text) = wanted(&event) {
            println!("{text}");
            return text;
        }
        assert!(matches!(event, Event::Notice(_)), "{event:?}");
    }
}

fn lost(events: &Receiver<Event>) -> String {
    wait_for(events, |event| match event {
        Event::SourceLost { source: 0, text } => Some(text.clone()),
        _ => None,
    })
}

fn back(events: &Receiver<Event>) -> String {
    wait_for(events, |event| match event {
        Event::SourceBack { source: 0, text } => Some(text.clone()),
        _ => None,
    })
}

fn done(events: &Receiver<Event>) -> Box<DoneRecord> {
    loop {
        match events.recv_timeout(HANG_GUARD).unwrap() {
            Event::Done(done) => return done,
            Event::Notice(_) | Event::SourceLost { .. } | Event::SourceBack { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Starts a recording once the source can be recorded.
fn record(recorder: &Recorder, camera: &RtspCamera, on: Duration) {
    let request = StartRequest { start: Moment::Now, end: Some(Moment::In(on)), overlap: None };
    loop {
        match recorder.start_session(0, request, Trigger::default(), |_| {}) {
            Ok(_) => return,
            Err(Rejection::NothingYet) => drop(camera.wait_for_frame(camera.frames().len()).unwrap()),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The numbers of the frames in a file.
fn counters(file: &Path) -> Vec<u32> {
    let decoded = decode(file).unwrap();
    decoded.video().unwrap().frames.iter().map(|frame| frame.counter.unwrap()).collect()
}

/// What is new can be recorded, to the frame.
fn check_new_recording(recorder: &Recorder, events: &Receiver<Event>, camera: &RtspCamera) {
    camera.wait_for_frame(camera.frames().len() + 30).unwrap();
    record(recorder, camera, Duration::from_secs(2));
    let done = done(events);
    assert_eq!(done.ended, EndReason::EndReached, "{done:?}");
    decode(&done.file).unwrap().video().unwrap().check_unbroken().unwrap();
}

fn a_recording_survives_a_restart(scene: &Scene, url: fn(&RtspCamera) -> String, container: Container) {
    let dir = temp_dir().unwrap();
    let camera = RtspCamera::start(scene).unwrap();
    let (recorder, events) = start_with(&url(&camera), dir.path(), container, Some(INTERVAL));
    camera.wait_for_frame(30).unwrap();
    record(&recorder, &camera, Duration::from_secs(600));
    camera.wait_for_frame(60).unwrap();
    let port = camera.port();
    drop(camera);
    let text = lost(&events);
    assert!(
        text.contains("source 0 (rtsp") && text.contains("is lost: ") && text.ends_with("; trying again"),
        "{text}"
    );
    assert!(!recorder.has_ended(0));
    let camera = RtspCamera::start_on_port(scene, port).unwrap();
    let text = back(&events);
    assert!(text.contains("source 0 (rtsp") && text.contains(" is back after ") && text.ends_with(" s"), "{text}");
    // The cache still has what was before: this file begins with it.
    let request = StartRequest { start: Moment::Ago(Duration::from_secs(8)), end: None, overlap: None };
    recorder.start_session(0, request, Trigger { id: Some("late".into()), metadata: None }, |_| {}).unwrap();
    let seen = camera.frames().len() + 45;
    camera.wait_for_frame(seen).unwrap();
    recorder.stop_session(0, None).unwrap();
    for _ in 0..2 {
        let done = done(&events);
        println!("{}", serde_json::to_string(&done).unwrap());
        let counters = counters(&done.file);
        let steps: Vec<usize> = (1..counters.len()).filter(|at| counters[*at] != counters[at - 1] + 1).collect();
        let [restart] = steps[..] else { panic!("one restart, not {steps:?}: {counters:?}") };
        // Nearly two seconds before, and two after.
        assert!(restart >= 20, "{counters:?}");
        assert_eq!(counters[restart] % 15, 0, "goes on with a keyframe: {counters:?}");
        assert!(counters.len() - restart >= 30, "{counters:?}");
    }
    check_new_recording(&recorder, &events, &camera);
    assert_eq!(recorder.stop(), [0usize; 0]);
}

#[test]
fn a_recording_survives_a_restarted_server_over_tcp() {
    a_recording_survives_a_restart(&scene(), RtspCamera::urlt, Container::Mp4);
}

#[test]
fn a_recording_survives_a_restarted_server_over_udp() {
    a_recording_survives_a_restart(&scene().audio(AudioCodec::Opus), RtspCamera::url, Container::Mkv);
}

#[test]
fn a_camera_that_falls_silent_is_connected_again() {
    let dir = temp_dir().unwrap();
    let camera = RtspCamera::start(&scene().audio(AudioCodec::Aac)).unwrap();
    let (recorder, events) = start_with(&camera.urlt(), dir.path(), Container::Mp4, Some(INTERVAL));
    camera.wait_for_frame(30).unwrap();
    record(&recorder, &camera, Duration::from_secs(600));
    camera.wait_for_frame(60).unwrap();
    camera.set_silent(true);
    let text = lost(&events);
    assert!(text.contains("nothing has arrived from it for 2 s"), "{text}");
    camera.set_silent(false);
    back(&events);
    check_new_recording(&recorder, &events, &camera);
    recorder.stop_session(0, None).unwrap();
    let counters = counters(&done(&events).file);
    assert!(counters.len() >= 60, "{counters:?}");
    recorder.stop();
}

#[test]
fn a_camera_that_ends_its_stream_is_connected_again() {
    let dir = temp_dir().unwrap();
    let camera = RtspCamera::start_finite(&scene().audio(AudioCodec::Aac), 45).unwrap();
    let (recorder, events) = start_with(&camera.urlt(), dir.path(), Container::Mp4, Some(INTERVAL));
    for _ in 0..2 {
        let text = lost(&events);
        assert!(text.contains("ended its stream"), "{text}");
        assert!(!recorder.has_ended(0));
        // A new viewer sees the stream from its beginning.
        back(&events);
    }
    recorder.stop();
}

#[test]
fn a_camera_that_appears_later_is_recorded() {
    let dir = temp_dir().unwrap();
    let url = unreachable_url().unwrap();
    let (recorder, events) = start_with(&url, dir.path(), Container::Mp4, Some(INTERVAL));
    let text = lost(&events);
    assert!(text.contains(&url) && text.contains("connect"), "{text}");
    let request = StartRequest { start: Moment::Now, end: None, overlap: None };
    let refused = recorder.start_session(0, request, Trigger::default(), |_| {}).unwrap_err();
    assert_eq!(refused, Rejection::NothingYet);
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0.parse().unwrap();
    let camera = RtspCamera::start_on_port(&scene(), port).unwrap();
    back(&events);
    check_new_recording(&recorder, &events, &camera);
    recorder.stop();
}

#[test]
fn without_an_interval_a_lost_camera_ends() {
    let dir = temp_dir().unwrap();
    let camera = RtspCamera::start(&scene()).unwrap();
    let (recorder, events) = start_with(&camera.urlt(), dir.path(), Container::Mp4, None);
    camera.wait_for_frame(30).unwrap();
    record(&recorder, &camera, Duration::from_secs(600));
    camera.wait_for_frame(45).unwrap();
    drop(camera);
    let (mut ended, mut recorded) = (false, false);
    while !(ended && recorded) {
        match events.recv_timeout(HANG_GUARD).unwrap() {
            Event::SourceEnded { source: 0, .. } => ended = true,
            Event::Done(done) => recorded = !counters(&done.file).is_empty(),
            Event::Notice(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(recorder.has_ended(0));
    recorder.stop();
}

#[test]
fn what_cannot_be_recorded_ends_the_source() {
    let dir = temp_dir().unwrap();
    let camera = RtspCamera::start_described(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120 ! jpegenc ! rtpjpegpay name=pay0",
    )
    .unwrap();
    let (recorder, events) = start_with(&camera.urlt(), dir.path(), Container::Mp4, Some(INTERVAL));
    let error = wait_for(&events, |event| match event {
        Event::SourceEnded { source: 0, error } => error.clone(),
        _ => None,
    });
    assert!(error.contains("MKV"), "{error}");
    recorder.stop();
}

#[test]
fn a_stop_is_possible_in_every_state() {
    let dir = temp_dir().unwrap();
    // It accepts connections and never says a word: an attempt hangs until it is given up.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/mute", mute.local_addr().unwrap());
    // Connecting for the first time.
    let (recorder, _events) = start_with(&url, dir.path(), Container::Mp4, Some(INTERVAL));
    drop(mute.accept().unwrap());
    assert_eq!(recorder.stop(), [0usize; 0]);
    // Lost: its pipeline goes down, or the pause runs.
    let (recorder, events) = start_with(&url, dir.path(), Container::Mp4, Some(INTERVAL));
    lost(&events);
    recorder.stop();
    // Trying again.
    let (recorder, events) = start_with(&url, dir.path(), Container::Mp4, Some(INTERVAL));
    lost(&events);
    mute.set_nonblocking(true).unwrap();
    while mute.accept().is_ok() {}
    mute.set_nonblocking(false).unwrap();
    let _connection = mute.accept().unwrap();
    recorder.stop();
}
