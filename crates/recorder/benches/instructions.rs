//! A feed to count instructions on: always the same buffers into one recordbin, so that the difference of two runs of
//! different lengths is what the buffers between them cost. `instructions cache <buffers>` caches them alone;
//! `instructions session <buffers>` records them too, 28 of each 30 s once they are there: pushing and recording at once would
//! count how often one waits for the other; `instructions floor <buffers>` is what recording cannot cost less than, and
//! `fragments` the same with fragments as ours. Counting is for scripts/instructions.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use cost::contender::{self, WINDOW};
use cost::media::{FPS, Media};
use gst::prelude::*;
use recorder::core::{Moment, StartRequest, Stream};
use recorder::event::Event;
use recorder::record::Trigger;

mod cost;

/// Fills the cache, so that each buffer that comes lets one go.
const FILL: u64 = (WINDOW.as_secs() + 3) * FPS;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [what, buffers] = &arguments[..] else {
        // As cargo calls every benchmark.
        return println!("usage: instructions cache|session|floor|fragments <buffers>; see scripts/instructions");
    };
    let buffers: u64 = buffers.parse().expect("a number of buffers");
    gst::init().unwrap();
    let media = Media::synthetic(4_000);
    let dir = testbed::temp_dir().unwrap();
    if let "floor" | "fragments" = &what[..] {
        let frames = (0..buffers).map(|number| media.frame(number)).collect();
        return cost::floor::write(&media, frames, &dir.path().join("floor.mp4"), what == "fragments");
    }
    let (ended, end) = sync_channel(1);
    let bin = contender::recordbin(
        dir.path(),
        Arc::new(move |event| match event {
            Event::Done(done) => ended.send(done.files.len()).unwrap(),
            Event::Failed(failed) => panic!("{}", failed.reason),
            _ => {}
        }),
    );
    bin.set_state(gst::State::Playing).unwrap();
    let pad = bin.pad(Stream::Video).unwrap();
    media.begin(&pad);
    let push = |from: u64, to: u64| (from..to).for_each(|number| assert!(pad.chain(media.frame(number)).is_ok()));
    push(0, FILL);
    let length = if what == "session" { WINDOW.as_secs() * FPS } else { buffers };
    for from in (FILL..FILL + buffers).step_by(length as usize) {
        push(from, from + length);
        if what == "session" {
            let (start, until) = (WINDOW - Duration::from_secs(1), Duration::from_secs(1));
            let request = StartRequest { start: Moment::Ago(start), end: Some(Moment::Ago(until)), overlap: None };
            bin.start(request, Trigger::default(), |_| {}).unwrap();
            assert_eq!(end.recv().unwrap(), 1);
            assert!(bin.wait_idle(Duration::from_secs(60)));
        }
    }
    let _ = bin.set_state(gst::State::Null);
}
