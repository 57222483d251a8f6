//! Promise: whatever is recorded, live pipelines come first: threads that write have a lower priority, those of all sessions
//! but the first leave a processor, and a pipeline that begins later has inherited none of that.
//! Threads as /proc shows them. One test in a process of its own: GLib's pool of threads is made once per process.
#![allow(clippy::unwrap_used)]

mod fed;

use std::path::Path;

use fed::clip::Unit;
use fed::{Fed, SECOND};
use gst::prelude::*;
use recorder::Container;
use recorder::core::Stream;
use testbed::{DirWatch, HANG_GUARD};

/// A thread of this process.
#[derive(Debug)]
struct Thread {
    name: String,
    nice: i32,
    /// Those that it may run on.
    processors: u32,
}

fn threads() -> Vec<Thread> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end while it is looked at.
    tasks.filter_map(|task| thread(&task.unwrap().path())).collect()
}

fn thread(task: &Path) -> Option<Thread> {
    let read = |file: &str| std::fs::read_to_string(task.join(file)).ok();
    // proc(5): what follows the name in brackets begins with field 3, the nice value is field 19.
    let stat = read("stat")?;
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let nice = fields.split(' ').nth(16).unwrap().parse().unwrap();
    let status = read("status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:")).unwrap();
    let processors = mask.trim().chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum();
    Some(Thread { name: read("comm")?.trim().into(), nice, processors })
}

fn named(name: &str) -> Option<Thread> {
    threads().into_iter().find(|thread| thread.name.starts_with(name))
}

/// A picture of `number`, of which only the muxer looks at anything.
fn unit(number: i64) -> Unit {
    let mut media = gst::Buffer::from_slice([number as u8; 1_000]);
    let keyframe = number % 10 == 0;
    if !keyframe {
        media.get_mut().unwrap().set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    let at = Some(number * SECOND / 10);
    Unit { number: number as u32, pts: at, dts: at, duration: Some(SECOND / 10), keyframe, media }
}

#[test]
fn what_writes_gives_way_and_what_is_live_does_not() {
    gst::init().unwrap();
    // By hand, so that the recording's tasks are the first of the process.
    let caps = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .field("width", 64i32)
        .field("height", 48i32)
        .field("codec_data", gst::Buffer::from_slice([1u8, 66, 0, 10, 0xff, 0xe0, 0]))
        .build();
    let fed = Fed::new(Container::Mp4, &[Stream::Video], 30);
    fed.begin(Stream::Video, &caps);
    (0..100).for_each(|number| fed.push(Stream::Video, &unit(number)));
    let own = thread(Path::new("/proc/thread-self")).unwrap();

    let watch = DirWatch::new(fed.dir.path()).unwrap();
    for (session, processors) in [own.processors, (own.processors - 1).max(1)].into_iter().enumerate() {
        fed.record(0, 20 * SECOND, "gate");
        // The journal and the header are written when the pipeline runs: each change in the folder is a time to look.
        let writing = watch.wait_for("the threads of a recording", HANG_GUARD, || {
            let names = [format!("srec0-{session}"), format!("mp4mux{session}:"), format!("appsrc{session}:")];
            names.iter().map(|name| named(name)).collect::<Option<Vec<_>>>()
        });
        for thread in writing.unwrap() {
            assert_eq!((thread.nice, thread.processors), (own.nice + 10, processors), "{thread:?}, this one: {own:?}");
        }
    }
    (100..220).for_each(|number| fed.push(Stream::Video, &unit(number)));
    (0..2).for_each(|_| assert_eq!(fed.done().missing_at_end_ns, 0));

    let live = gst::parse::launch("videotestsrc name=camera ! fakesink").unwrap();
    live.set_state(gst::State::Playing).unwrap();
    // The sink has a buffer, so that the source has its thread.
    live.state(gst::ClockTime::NONE).0.unwrap();
    let camera = named("camera:src").unwrap();
    assert_eq!((camera.nice, camera.processors), (own.nice, own.processors), "{camera:?}");
    live.set_state(gst::State::Null).unwrap();
}
