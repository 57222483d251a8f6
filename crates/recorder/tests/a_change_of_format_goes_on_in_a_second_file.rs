//! Promise: when a stream changes its format in the middle of a session, the recording goes on in a second file, both are
//! named in one done record, and no picture is lost or doubled between them.
//! Clips of different sizes and codecs, one after the other through one pad; fed by hand.
#![allow(clippy::unwrap_used)]

mod fed;

use std::path::Path;
use std::sync::LazyLock;

use fed::clip::{Clip, Unit, at};
use fed::judge::{actual, holds_pictures, holds_sound, rule};
use fed::{Fed, SECOND};
use recorder::core::{EndReason, Stream};
use recorder::record::FileRecord;
use recorder::{Container, DoneRecord};
use testbed::{Codec, Scene, make_file, temp_dir};

const H264: &str = "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 bitrate=1000 \
                    option-string=scenecut=0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
const CONTAINERS: [Container; 2] = [Container::Mp4, Container::Mkv];

static SMALL: LazyLock<Clip> = LazyLock::new(|| Clip::pictures(H264, 150));
static LARGE: LazyLock<Clip> = LazyLock::new(|| Clip::pictures_of(H264, 150, (512, 288)));
/// The same size in another profile: only the codec_data is different.
static MAIN: LazyLock<Clip> = LazyLock::new(|| Clip::pictures(&H264.replace("ultrafast", "veryfast bframes=0"), 150));
static H265: LazyLock<Clip> = LazyLock::new(|| {
    let dir = temp_dir().unwrap();
    let file = dir.path().join("h265.mp4");
    make_file(&file, &Scene::new().codec(Codec::H265).size(256, 96).without_text(), 5).unwrap();
    Clip::of_file(&file, "qtdemux ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au")
});

/// Sends 150 pictures of each clip in turn; the session is asked for when 100 pictures of the first have come.
fn changing(container: Container, clips: &[&Clip], (from, to): (i64, i64)) -> (Fed, Box<DoneRecord>, Vec<Vec<Unit>>) {
    let fed = Fed::new(container, &[Stream::Video], 60);
    let mut sent = Vec::new();
    for (index, clip) in clips.iter().enumerate() {
        let units = clip.shifted(at(index as i64 * 150));
        if index == 0 {
            fed.begin(Stream::Video, &clip.caps);
            fed.push_all(Stream::Video, &units[..100]);
            fed.record(from, to, "across");
            fed.push_all(Stream::Video, &units[100..]);
        } else {
            fed.format(Stream::Video, &clip.caps);
            fed.push_all(Stream::Video, &units);
        }
        sent.push(units);
    }
    let done = fed.done();
    (fed, done, sent)
}

/// Each file holds its share of the interval, the next one begins where the one before ends, and the record adds up.
fn check<'a>(done: &'a DoneRecord, sent: &[Vec<Unit>], (from, to): (i64, i64)) -> &'a [FileRecord] {
    println!("{}", serde_json::to_string(done).unwrap());
    let files = &done.files;
    assert_eq!(done.ended, EndReason::EndReached, "{:?}", done.notes);
    assert_eq!(files.len(), sent.len(), "a file for each format");
    for (index, (file, units)) in files.iter().zip(sent).enumerate() {
        let next = sent.get(index + 1).map_or(i64::MAX, |units| units[0].start());
        let (held, end) = rule(units, from, to, next);
        // The last picture before a change ends by its own duration, which is rounded.
        let own_end = actual(file).1;
        assert!((own_end - end).abs() <= 1, "ends at {own_end} instead of {end}");
        holds_pictures(file, &held, own_end);
    }
    for pair in files.windows(2) {
        assert_ne!(pair[0].file, pair[1].file);
    }
    let last = files.last().unwrap();
    assert_eq!((done.actual.start_running_ns, done.actual.end_running_ns), (actual(&files[0]).0, actual(last).1));
    assert_eq!((done.missing_at_start_ns, done.missing_at_end_ns, done.gap_count), (0, 0, 0));
    assert_eq!(done.file, files[0].file, "the first one is the recording's");
    assert_eq!(done.bytes, files.iter().map(|file| file.bytes).sum::<u64>());
    files
}

/// Nothing but the recordings and their sidecars is left.
fn is_tidy(dir: &Path) {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.ends_with(".part")).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn another_resolution() {
    for container in CONTAINERS {
        let asked = (at(70), at(230));
        let (fed, done, sent) = changing(container, &[&SMALL, &LARGE], asked);
        let files = check(&done, &sent, asked);
        let width = |index: usize| files[index].video.as_ref().unwrap().width.unwrap();
        assert_eq!((width(0), width(1)), (256, 512));
        is_tidy(fed.dir.path());
    }
}

#[test]
fn other_parameter_sets() {
    assert_ne!(SMALL.caps, MAIN.caps, "the codec_data is different");
    for container in CONTAINERS {
        let asked = (at(70), at(230));
        let (_fed, done, sent) = changing(container, &[&SMALL, &MAIN], asked);
        check(&done, &sent, asked);
    }
}

#[test]
fn another_codec() {
    for container in CONTAINERS {
        let asked = (at(70), at(230));
        let (_fed, done, sent) = changing(container, &[&SMALL, &H265], asked);
        let files = check(&done, &sent, asked);
        let codec = |index: usize| &*files[index].video.as_ref().unwrap().codec;
        assert_eq!((codec(0), codec(1)), ("H.264", "H.265"));
    }
}

#[test]
fn there_and_back() {
    for container in CONTAINERS {
        let asked = (at(70), at(400));
        let (_fed, done, sent) = changing(container, &[&SMALL, &LARGE, &SMALL], asked);
        check(&done, &sent, asked);
    }
}

#[test]
fn a_change_within_the_cache() {
    // The change has happened before the request: its two sides come out of the cache.
    for container in CONTAINERS {
        let fed = Fed::new(container, &[Stream::Video], 60);
        fed.begin(Stream::Video, &SMALL.caps);
        fed.push_all(Stream::Video, &SMALL.units);
        let rest = LARGE.shifted(at(150));
        fed.format(Stream::Video, &LARGE.caps);
        fed.push_all(Stream::Video, &rest[..100]);
        let asked = (at(70), at(270));
        fed.record(asked.0, asked.1, "cached");
        fed.push_all(Stream::Video, &rest[100..]);
        check(&fed.done(), &[SMALL.units.clone(), rest], asked);
    }
}

#[test]
fn a_change_at_the_asked_end() {
    // The first frame of the new format is at the asked end: it does not belong, and makes no second file.
    for container in CONTAINERS {
        let fed = Fed::new(container, &[Stream::Video], 60);
        fed.begin(Stream::Video, &SMALL.caps);
        fed.push_all(Stream::Video, &SMALL.units[..100]);
        let asked = (at(70), at(150));
        fed.record(asked.0, asked.1, "up to the change");
        fed.push_all(Stream::Video, &SMALL.units[100..]);
        fed.format(Stream::Video, &LARGE.caps);
        fed.push_all(Stream::Video, &LARGE.shifted(at(150)));
        check(&fed.done(), &[[&SMALL.units[..], &LARGE.shifted(at(150))[..1]].concat()], asked);
    }
}

#[test]
fn the_same_format_again_changes_nothing() {
    for container in CONTAINERS {
        let asked = (at(70), at(230));
        let fed = Fed::new(container, &[Stream::Video], 60);
        fed.begin(Stream::Video, &SMALL.caps);
        fed.push_all(Stream::Video, &SMALL.units[..100]);
        fed.record(asked.0, asked.1, "same");
        fed.push_all(Stream::Video, &SMALL.units[100..]);
        fed.format(Stream::Video, &SMALL.caps);
        let rest = SMALL.shifted(at(150));
        fed.push_all(Stream::Video, &rest);
        let units: Vec<Unit> = [&SMALL.units[..], &rest].concat();
        let done = fed.done();
        let files = &done.files;
        assert_eq!((done.ended, files.len()), (EndReason::EndReached, 1));
        let (held, end) = rule(&units, asked.0, asked.1, i64::MAX);
        holds_pictures(&files[0], &held, end);
    }
}

#[test]
fn sound_goes_on_over_a_change_of_the_picture() {
    let sound = Clip::sound("rate=48000,channels=2", 1_024, 470, "avenc_aac ! aacparse ! audio/mpeg,stream-format=raw");
    for container in CONTAINERS {
        let fed = Fed::new(container, &Stream::BOTH, 60);
        fed.begin(Stream::Video, &SMALL.caps);
        fed.begin(Stream::Audio, &sound.caps);
        let rest = LARGE.shifted(at(150));
        let asked = (at(70), at(230));
        let mut pending = sound.units.iter().peekable();
        for (number, picture) in SMALL.units.iter().chain(&rest).enumerate() {
            if number == 100 {
                fed.record(asked.0, asked.1, "both");
            }
            if number == 150 {
                fed.format(Stream::Video, &LARGE.caps);
            }
            while let Some(unit) = pending.next_if(|unit| unit.start() < picture.start()) {
                fed.push(Stream::Audio, unit);
            }
            fed.push(Stream::Video, picture);
        }
        let done = fed.done();
        let files = &done.files;
        assert_eq!((done.ended, files.len()), (EndReason::EndReached, 2), "{:?}", done.notes);
        // Each packet is in one of the files, and in that one on whose pictures it is heard.
        let (first, change) = (2 * SECOND, at(150));
        let share = |from: i64, to: i64| -> Vec<&Unit> {
            sound.units.iter().filter(|unit| (from..to).contains(&unit.start())).collect()
        };
        for (file, (from, to)) in files.iter().zip([(first, change), (change, asked.1)]) {
            let held = share(from, to);
            holds_sound(file, &held, held[0].start() - from);
        }
    }
}
