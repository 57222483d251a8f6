//! A file says that it is full however its streams end.
//! The disk is a pad that does not let anything through.

use std::path::Path;
use std::sync::mpsc::channel;

use super::*;
use crate::Container;
use crate::writer::job;

fn open(dir: &Path, commands: &Sender<Command>) -> File {
    let job = job(dir, Container::Mkv);
    let video = gst::Caps::builder("video/x-vp8").field("width", 64).field("height", 64).build();
    let audio = gst::Caps::builder("audio/x-opus")
        .field("channels", 1)
        .field("rate", 48_000)
        .field("channel-mapping-family", 0)
        .build();
    let streams = vec![(Stream::Video, video), (Stream::Audio, audio)];
    File::open(&job, Opening { part: 1, streams, first: RunningTime(0), unordered: false }, commands).unwrap()
}

fn block(file: &File) {
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::BLOCK;
    for element in file.pipeline.children() {
        // The pipeline's end has no parent.
        if let Some(pad) = element.static_pad("src").and_then(|pad| pad.peer()).filter(|pad| pad.parent().is_none()) {
            pad.add_probe(kinds, |_, _| gst::PadProbeReturn::Ok);
        }
    }
}

/// Megabytes that a file takes while its disk hangs.
fn taken(ends_sound: bool) -> i64 {
    gst::init().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (commands, _queue) = channel();
    let mut file = open(dir.path(), &commands);
    let frame = |millis: i64, bytes: usize| {
        let buffer = gst::Buffer::from_slice(vec![0u8; bytes]);
        Frame::new(RunningTime(millis * 1_000_000), true, bytes, buffer)
    };
    let sound = if ends_sound { 10 } else { 600 };
    let mut taken = 0;
    for index in 0..200 {
        if index < sound {
            (0..2).for_each(|half| file.push(Stream::Audio, frame(index * 40 + half * 20, 100)).unwrap());
        }
        if index == sound {
            file.end_stream(Stream::Audio);
        }
        file.push(Stream::Video, frame(index * 40, 1 << 20)).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        taken = index + 1;
        if index == 20 {
            // What came until now is written; then the disk hangs.
            while ends_sound && !file.is_drained() {
                std::thread::sleep(Duration::from_millis(5));
            }
            block(&file);
        }
        if index > 20 && file.is_full() {
            break;
        }
    }
    // The pad lets go of its thread when it is taken down.
    taken
}

#[test]
fn a_file_whose_sound_goes_on_is_full_at_some_time() {
    assert!(taken(false) < 100);
}

#[test]
fn a_file_whose_sound_has_ended_is_full_at_some_time() {
    assert!(taken(true) < 100, "200 MiB are in a queue of 2 MiB, and no limit counts them");
}
