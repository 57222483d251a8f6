//! Promise: recordings of one context overlap, each with its own id, interval, file and userData.
//! The camera is the testbed's clip, fed faster than real time.
//! Contexts beside each other are left to contexts_are_independent.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, Parameters, api};

/// Three recordings that overlap, one of which is stopped, and one more after an id has become free.
#[test]
fn each_has_its_own_interval_and_user_data() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(8.25);
    let first = camera.start(&context, 5, 4, 100);
    camera.run_to(9.25);
    let second = camera.start(&context, 0, 100, 101);
    camera.run_to(10.25);
    let third = camera.start(&context, 3, 6, 102);
    assert_eq!((first.id, second.id, third.id), (0, 1, 2), "the smallest free ids");
    camera.run_to(11.25);
    let second = second.clone().until(camera.stop(&context, second.id));
    let fourth = camera.start(&context, 1, 1, 103);
    assert_eq!(fourth.id, 1, "the id that is free again");
    camera.run_to(25.0);

    let recordings = context.all_recorded(4);
    for (index, (asked, recording)) in [first, second, third, fourth].iter().zip(&recordings).enumerate() {
        assert_eq!((recording.tag, recording.id), (100 + index as u64, asked.id));
        assert_eq!(recording.context, context.address);
        asked.check(recording);
    }
    let (_, rest) = context.destroy();
    assert!(rest.is_empty(), "{rest:?}");
}

/// As many as are allowed, and one more.
#[test]
fn sixteen_run_at_once() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(3.5);
    let asked: Vec<_> = (0..16).map(|tag| camera.start(&context, 1, 2, tag)).collect();
    let ids: Vec<_> = asked.iter().map(|asked| asked.id).collect();
    assert_eq!(ids, (0..16).collect::<Vec<_>>());
    assert_eq!(context.start(1, 2, 16), Err(api::INVALID_OP), "one more");
    camera.run_to(9.0);
    for (asked, recording) in asked.iter().zip(context.all_recorded(16)) {
        asked.check(&recording);
    }
    assert_eq!(camera.start(&context, 1, 1, 17).id, 0, "all ids are free again");
    assert_eq!(context.destroy().1.len(), 1);
}

/// An event right after another has its full history: a recording does not empty the cache.
#[test]
fn back_to_back_recordings_have_their_history() {
    let context = Context::with(Parameters { cache: 10, mkv: true, ..Parameters::default() });
    let mut camera = Camera::pictures(&context);
    camera.run_to(12.5);
    let first = camera.start(&context, 5, 2, 1);
    camera.run_to(15.5);
    first.check(&context.recorded());
    let second = camera.start(&context, 9, 2, 2);
    camera.run_to(19.0);
    second.check(&context.recorded());
}
