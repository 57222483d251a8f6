//! Promise: a recording is as long as was asked: no length is replaced by another, and start 0 is 0.
//! Stream time counts: the camera runs faster than real time.
//! Overlaps are left to sessions_of_a_context_overlap.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, Parameters};

/// 300 s and more is what NVIDIA's library replaces by the default duration.
#[test]
fn more_than_five_minutes_are_recorded() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.5);
    let asked = camera.start(&context, 2, 320, 1);
    camera.run_to(330.0);
    let recording = context.recorded();
    let least = (asked.to.start() - asked.from.end()) / 1_000_000;
    // The lead is less than a GOP, which is 1 s.
    let most = (asked.to.end() - asked.from.start()) / 1_000_000 + 1_000 + 34;
    assert!((least as u64..=most as u64).contains(&recording.duration), "{least} to {most}: {recording:?}");
    recording.check_duration();
}

/// A duration of hours ends when it is stopped.
#[test]
fn a_stop_ends_any_duration() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.5);
    let asked = camera.start(&context, 2, u32::MAX, 1);
    camera.run_to(20.5);
    assert!(context.answered().is_empty(), "the default duration does not end it");
    let asked = asked.clone().until(camera.stop(&context, asked.id));
    camera.run_to(21.0);
    asked.check(&context.recorded());
}

/// Duration 0 is the default duration: the context's, or 10 s.
#[test]
fn no_duration_is_the_default_duration() {
    for (parameter, seconds) in [(3, 3), (0, 10)] {
        let context = Context::with(Parameters { cache: 10, default_duration: parameter, ..Parameters::default() });
        let mut camera = Camera::pictures(&context);
        camera.run_to(5.5);
        let asked = camera.start(&context, 1, 0, 1);
        let asked = asked.until(camera.asked(0, seconds).to);
        camera.run_to(20.0);
        asked.check(&context.recorded());
    }
}

/// Start 0 begins with the keyframe that what is on screen needs, and not a second earlier.
#[test]
fn start_zero_is_zero() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(6.25);
    let asked = camera.start(&context, 0, 2, 1);
    camera.run_to(10.0);
    asked.check(&context.recorded());
}

/// More history than the cache holds: all that it holds. 4295 s is where NVIDIA's library begins again at 0.
#[test]
fn more_history_than_there_is_gives_what_there_is() {
    for start in [100, 4_295, u32::MAX] {
        let context = Context::with(Parameters { cache: 5, ..Parameters::default() });
        let mut camera = Camera::pictures(&context);
        camera.run_to(12.5);
        let asked = camera.start(&context, start, 1, 1);
        camera.run_to(16.0);
        let recording = context.recorded();
        let pictures = recording.pictures();
        // The cache covers 5 s before 12.5 s, and at most one GOP more.
        assert!((180..=210).contains(pictures.start()), "{pictures:?}");
        assert!(common::clip::at(i64::from(*pictures.end()) + 1) >= *asked.to.start(), "{asked:?}: {pictures:?}");
        recording.check_duration();
    }
}
