//! Promise: contexts live side by side: ids, sessions, files and callbacks of one are none of another's business.
//! Four cameras at once, each on its own thread; one context's end while the others record.
//! Calls on the same context from many threads are left to calls_from_many_threads.rs.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Barrier;

use common::{Camera, Context, Parameters};

#[test]
fn four_record_at_once() {
    let all_started = Barrier::new(4);
    std::thread::scope(|scope| {
        for number in 0..4_u32 {
            let all_started = &all_started;
            scope.spawn(move || {
                let parameters = Parameters { cache: 5 + number, mkv: number % 2 == 1, ..Parameters::default() };
                let context = Context::with(parameters);
                let mut camera = Camera::pictures(&context);
                camera.run_to(8.5);
                let tag = u64::from(number) * 10;
                let first = camera.start(&context, 4, 3, tag);
                let second = camera.start(&context, number, 2, tag + 1);
                assert_eq!((first.id, second.id), (0, 1), "ids are the context's own");
                all_started.wait();
                camera.run_to(13.0);
                let recordings = context.all_recorded(2);
                for (asked, recording) in [&first, &second].into_iter().zip(&recordings) {
                    assert_eq!(recording.context, context.address);
                    asked.check(recording);
                }
                assert_eq!([recordings[0].tag, recordings[1].tag], [tag, tag + 1]);
                context.destroy();
            });
        }
    });
}

#[test]
fn one_ends_while_another_records() {
    let (stays, goes) = (Context::new(), Context::new());
    let (mut first, mut second) = (Camera::pictures(&stays), Camera::pictures(&goes));
    first.run_to(4.5);
    second.run_to(4.5);
    let asked = first.start(&stays, 2, 3, 1);
    second.start(&goes, 2, 3, 2);
    first.run_to(5.5);
    let (_folder, rest) = goes.destroy();
    assert_eq!(rest.iter().map(|recording| recording.tag).collect::<Vec<_>>(), [2]);
    first.run_to(9.0);
    asked.check(&stays.recorded());
    assert!(stays.destroy().1.is_empty());
}
