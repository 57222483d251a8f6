//! Promise: NvDsSRDestroy completes the files of recordings that run, has their callbacks made, and then returns.
//! In whatever state the pipeline is, and whether a stream has come or not.
//! Destroy from within a callback is left to the_callback_may_call_back.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, api, leftovers};
use gst::prelude::*;

#[test]
fn every_file_is_complete_when_it_returns() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.0);
    camera.start(&context, 3, 600, 1);
    camera.start(&context, 0, 600, 2);
    camera.run_to(7.0);
    let (folder, mut recordings) = context.destroy();
    recordings.sort_by_key(|recording| recording.tag);
    let tags: Vec<_> = recordings.iter().map(|recording| recording.tag).collect();
    assert_eq!(tags, [1, 2], "each is answered before Destroy returns");
    for recording in &recordings {
        assert_eq!(*recording.pictures().end(), 209, "all that had come");
        recording.check_duration();
    }
    assert_eq!(leftovers(folder.path()), Vec::<std::path::PathBuf>::new(), "recordings alone");
}

/// The pipeline has been stopped before: NVIDIA's library then leaves the file as it is.
#[test]
fn also_after_the_pipeline_has_been_stopped() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.0);
    camera.start(&context, 3, 600, 1);
    context.pad("sink").parent_element().unwrap().set_state(gst::State::Null).unwrap();
    let (_folder, recordings) = context.destroy();
    assert_eq!(recordings.len(), 1);
    assert_eq!(*recordings[0].pictures().end(), 149);
}

#[test]
fn also_before_the_first_picture() {
    let context = Context::new();
    context.start(3, 600, 1).unwrap();
    let (folder, recordings) = context.destroy();
    assert_eq!(recordings.len(), 1);
    assert!(recordings[0].has_failed(), "{recordings:?}");
    assert_eq!(leftovers(folder.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_context_that_has_done_nothing_is_destroyed() {
    let context = Context::paused_with(common::Parameters::default());
    let address = context.address;
    context.destroy();
    assert_eq!(api::destroy(address), Err(api::INVALID_VAL), "and is not there any more");
}

/// Frames that come after it go nowhere: the recordbin may stay in its pipeline.
#[test]
fn the_stream_may_go_on() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.0);
    camera.start(&context, 3, 600, 1);
    api::destroy(context.address).unwrap();
    camera.run_to(8.0);
    let (_folder, recordings) = context.destroyed();
    assert_eq!(*recordings.try_recv().unwrap().pictures().end(), 149);
}
