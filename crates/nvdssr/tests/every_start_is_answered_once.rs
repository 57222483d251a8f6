//! Promise: each start that was accepted has exactly one callback, also where nothing could be recorded.
//! Failures are real: a folder that is gone, a stream that never came.
//! Destroy is left to destroy_finishes_what_runs.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, Parameters};
use testbed::temp_dir;

/// The folder has been removed: nothing can be written, and the callback says so.
#[test]
fn a_recording_that_fails_is_answered() {
    let place = temp_dir().unwrap();
    let folder = place.path().join("gone");
    std::fs::create_dir(&folder).unwrap();
    let context = Context::with(Parameters { cache: 5, folder: Some(folder.clone()), ..Parameters::default() });
    let mut camera = Camera::pictures(&context);
    camera.run_to(3.0);
    std::fs::remove_dir(&folder).unwrap();
    camera.start(&context, 1, 2, 7);
    camera.run_to(6.0);
    let recording = context.recorded();
    assert_eq!((recording.tag, recording.id), (7, 0));
    assert!(recording.has_failed(), "{recording:?}");

    // The next one is none of its business.
    std::fs::create_dir(&folder).unwrap();
    let asked = camera.start(&context, 2, 1, 8);
    camera.run_to(8.0);
    asked.check(&context.recorded());
    assert!(context.destroy().1.is_empty());
}

/// The stream never came: stopped before its first picture.
#[test]
fn no_stream_at_all_is_answered() {
    let context = Context::new();
    let id = context.start(1, 2, 7).unwrap();
    context.stop(id).unwrap();
    let recording = context.recorded();
    assert_eq!((recording.tag, recording.id), (7, id));
    assert!(recording.has_failed(), "{recording:?}");
    assert!(context.destroy().1.is_empty());
}

/// Started before the first picture: there is nothing to go back to, and all that comes is recorded.
#[test]
fn a_start_before_the_first_picture_records_from_there() {
    let context = Context::new();
    context.start(3, 600, 7).unwrap();
    let mut camera = Camera::pictures(&context);
    camera.run_to(3.0);
    context.stop(0).unwrap();
    camera.run_to(3.5);
    let recording = context.recorded();
    assert_eq!(*recording.pictures().start(), 0, "{recording:?}");
    recording.check_duration();
    assert_eq!(recording.tag, 7);
    assert!(context.destroy().1.is_empty());
}

/// The stream ends while three recordings run.
#[test]
fn the_end_of_the_stream_ends_every_recording() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(4.0);
    for tag in 0..3 {
        camera.start(&context, 1, 60, tag);
    }
    camera.run_to(6.0);
    camera.end();
    for (tag, recording) in context.all_recorded(3).iter().enumerate() {
        assert_eq!(recording.tag, tag as u64);
        assert_eq!(*recording.pictures().end(), 179);
        recording.check_duration();
    }
    assert!(context.destroy().1.is_empty());
}

/// Without a callback a recording is made all the same.
#[test]
fn no_callback_is_needed() {
    let context = Context::with(Parameters { cache: 5, silent: true, ..Parameters::default() });
    let mut camera = Camera::pictures(&context);
    camera.run_to(3.0);
    camera.start(&context, 1, 60, 7);
    camera.run_to(4.0);
    let (folder, answers) = context.destroy();
    assert!(answers.is_empty());
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let decoded = testbed::decode(&files[0]).unwrap();
    assert_eq!(*decoded.video.unwrap().check_unbroken().unwrap().end(), 119);
}
