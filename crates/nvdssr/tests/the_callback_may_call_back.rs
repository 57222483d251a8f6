//! Promise: the callback runs on a thread that may call Start, Stop and Destroy, and holds nobody up.
//! Each call is made from within the callback itself.
//! The same under load is left to calls_from_many_threads.rs.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Mutex;
use std::sync::mpsc::channel;

use common::{Camera, Context, api};
use testbed::HANG_GUARD;

#[test]
fn start_and_stop_from_the_callback() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(4.5);
    let long = camera.start(&context, 1, 600, 1);
    let short = camera.start(&context, 1, 1, 2);
    let next = context.user_data(3) as usize;
    let (sender, made) = channel();
    context.on_recorded(move |recording| {
        if recording.tag == 2 {
            let started = api::start(recording.context, 2, 1, next as *mut _);
            let stopped = api::stop(recording.context, 0);
            sender.send((started, stopped)).unwrap();
        }
    });
    camera.run_to(6.0);
    let (started, stopped) = made.recv_timeout(HANG_GUARD).unwrap();
    assert_eq!(stopped, Ok(()), "the long one is stopped");
    assert_eq!(started, Ok(short.id), "an answered recording's id is free again");
    let third = camera.asked(2, 1);
    camera.run_to(9.0);
    let recordings = context.all_recorded(3);
    let tags: Vec<_> = recordings.iter().map(|recording| recording.tag).collect();
    assert_eq!(tags, [1, 2, 3]);
    short.check(&recordings[1]);
    third.check(&recordings[2]);
    long.until(*camera_time(6.0).start()..=third.to.end().to_owned()).check(&recordings[0]);
    let own = std::thread::current().id();
    assert!(recordings.iter().all(|recording| recording.thread != own));
    assert!(context.destroy().1.is_empty());
}

fn camera_time(seconds: f64) -> std::ops::RangeInclusive<i64> {
    let time = (seconds * 1e9) as i64 - 33_333_334;
    time..=time
}

/// A callback that does not return holds neither the stream nor other calls nor other recordings.
#[test]
fn a_slow_callback_holds_nobody_up() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(4.5);
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (sender, entered) = channel();
    context.on_recorded(move |recording| {
        if recording.tag == 1 {
            sender.send(()).unwrap();
            released.lock().unwrap().recv_timeout(HANG_GUARD).unwrap();
        }
    });
    let first = camera.start(&context, 1, 1, 1);
    camera.run_to(6.5);
    entered.recv_timeout(HANG_GUARD).unwrap();
    // The stream goes on, and a recording starts and is written.
    let asked = camera.start(&context, 1, 1, 2);
    camera.run_to(9.0);
    let second = context.recorded();
    assert_eq!(second.tag, 2, "the first one is still being answered");
    asked.check(&second);
    release.send(()).unwrap();
    first.check(&context.recorded());
    assert!(context.destroy().1.is_empty());
}

/// Destroy from within the callback: it does not wait for itself, and what else runs is finished and answered.
#[test]
fn destroy_from_the_callback() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(4.5);
    let short = camera.start(&context, 1, 1, 1);
    let long = camera.start(&context, 1, 600, 2);
    let (sender, destroyed) = channel();
    context.on_recorded(move |recording| {
        if recording.tag == 1 {
            let first = api::destroy(recording.context);
            sender.send((first, api::destroy(recording.context))).unwrap();
        }
    });
    camera.run_to(6.5);
    let answers = destroyed.recv_timeout(HANG_GUARD).unwrap();
    assert_eq!(answers, (Ok(()), Err(api::INVALID_VAL)));
    assert_eq!(context.stop(long.id), Err(api::INVALID_VAL), "the context is gone");
    let (_folder, recordings) = context.destroyed();
    let mut both = [recordings.recv_timeout(HANG_GUARD).unwrap(), recordings.recv_timeout(HANG_GUARD).unwrap()];
    both.sort_by_key(|recording| recording.tag);
    short.check(&both[0]);
    assert_eq!(both[1].tag, 2);
    assert_eq!(both[1].pictures().end(), &194, "all that had come");
}
