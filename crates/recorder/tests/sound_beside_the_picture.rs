//! Promise: sound that begins later than the picture, stops before it or is not there at all costs no picture, and is in
//! the file as far as it was there; or the record says that it is not.
//! A clip of numbered pictures and a tone, fed by hand in the order in which a camera would send them.
#![allow(clippy::unwrap_used)]

mod fed;

use std::sync::LazyLock;

use fed::clip::{Clip, Unit, at};
use fed::judge::{holds_pictures, holds_sound, only_file, rule};
use fed::{Fed, SECOND};
use recorder::Container;
use recorder::core::{EndReason, Stream};
use recorder::record::FileRecord;

/// Fifteen seconds, a keyframe each second.
static PICTURES: LazyLock<Clip> = LazyLock::new(|| {
    Clip::pictures(
        "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 bitrate=1000 option-string=scenecut=0 \
         ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
        450,
    )
});

/// Fifteen seconds.
static SOUND: LazyLock<Clip> = LazyLock::new(|| {
    Clip::sound("rate=48000,channels=2", 1_024, 704, "avenc_aac ! aacparse ! audio/mpeg,stream-format=raw")
});

const CONTAINERS: [Container; 2] = [Container::Mp4, Container::Mkv];

/// A camera that sends pictures all the time, and sound from `sound_from` to `sound_to`.
struct Camera {
    fed: Fed,
    sound: Vec<Unit>,
    sent: (usize, usize),
}

impl Camera {
    fn new(container: Container, sound_from: i64, sound_to: i64) -> Self {
        let fed = Fed::new(container, &Stream::BOTH, 10);
        fed.begin(Stream::Video, &PICTURES.caps);
        // Its pad is linked from the start, but nothing has come through yet.
        assert!(fed.event(Stream::Audio, gst::event::StreamStart::new("audio")));
        let within = |unit: &&Unit| (sound_from..sound_to).contains(&unit.start());
        Self { fed, sound: SOUND.units.iter().filter(within).cloned().collect(), sent: (0, 0) }
    }

    /// Sends everything up to `to`, in the order of time.
    fn send_to(&mut self, to: i64) {
        loop {
            let picture = PICTURES.units.get(self.sent.0).filter(|unit| unit.start() < to);
            let sound = self.sound.get(self.sent.1).filter(|unit| unit.start() < to);
            let sound_first = match (picture, sound) {
                (None, None) => return,
                (Some(picture), Some(sound)) => sound.start() < picture.start(),
                (picture, _) => picture.is_none(),
            };
            if let Some(unit) = sound.filter(|_| sound_first) {
                if self.sent.1 == 0 {
                    self.fed.begin(Stream::Audio, &SOUND.caps);
                }
                self.fed.push(Stream::Audio, unit);
                self.sent.1 += 1;
            } else if let Some(unit) = picture {
                self.fed.push(Stream::Video, unit);
                self.sent.0 += 1;
            }
        }
    }

    /// Waits for the record, and checks that the file holds the interval: all pictures, and all of the sound that there was.
    fn check(&self, from: i64, to: i64) {
        let done = self.fed.done();
        let file = only_file(&done);
        assert_eq!((done.ended, done.missing_at_start_ns, done.missing_at_end_ns), (EndReason::EndReached, 0, 0));
        let (pictures, end) = rule(&PICTURES.units, from, to, i64::MAX);
        let first = pictures[0].start();
        holds_pictures_beside_sound(file, &pictures, end);
        let sound: Vec<&Unit> = self.sound.iter().filter(|unit| unit.start() >= first && unit.start() < to).collect();
        match sound.first() {
            Some(unit) => holds_sound(file, &sound, unit.start() - first),
            None => assert!(file.audio.is_none(), "there was none"),
        }
    }
}

/// The file lasts as long as its longest stream: a packet of sound may reach over the end by its own length.
fn holds_pictures_beside_sound(file: &FileRecord, pictures: &[&Unit], end: i64) {
    fed::judge::holds_pictures_within(file, pictures, end, 25_000_000);
}

#[test]
fn sound_all_the_time() {
    for container in CONTAINERS {
        let mut camera = Camera::new(container, 0, i64::MAX);
        camera.send_to(5 * SECOND);
        let (from, to) = (2_500_000_000, 7_340_000_000);
        camera.fed.record(from, to, "both");
        camera.send_to(9 * SECOND);
        camera.check(from, to);
    }
}

#[test]
fn sound_that_begins_later_but_before_the_request() {
    for container in CONTAINERS {
        let mut camera = Camera::new(container, 3 * SECOND, i64::MAX);
        camera.send_to(5 * SECOND);
        // The file begins two seconds before the first sound.
        let (from, to) = (1_500_000_000, 7_340_000_000);
        camera.fed.record(from, to, "sound came later");
        camera.send_to(9 * SECOND);
        camera.check(from, to);
    }
}

#[test]
fn sound_that_begins_after_the_file() {
    for container in CONTAINERS {
        let mut camera = Camera::new(container, 3 * SECOND, i64::MAX);
        camera.send_to(2 * SECOND);
        // The file is open, and has no place for sound, when the sound begins.
        let (from, to) = (500_000_000, 7_340_000_000);
        camera.fed.record(from, to, "sound comes later");
        camera.send_to(9 * SECOND);
        let done = camera.fed.done();
        assert_eq!((done.ended, done.missing_at_end_ns), (EndReason::EndReached, 0));
        let files = &done.files;
        let pictures: usize = files.iter().map(fed::judge::pictures).sum();
        let (held, end) = rule(&PICTURES.units, from, to, i64::MAX);
        assert_eq!(pictures, held.len(), "no picture is lost or doubled");
        if files.len() == 1 && files[0].audio.is_none() {
            holds_pictures(&files[0], &held, end);
            assert!(
                done.notes.iter().any(|note| note.contains("audio") || note.contains("sound")),
                "the record says that the sound is missing: {:?}",
                done.notes
            );
        }
    }
}

#[test]
fn sound_that_stops_without_a_word() {
    for container in CONTAINERS {
        // The file goes on for more than the time after which silence counts as an end.
        let mut camera = Camera::new(container, 0, 4 * SECOND);
        camera.send_to(3 * SECOND);
        let (from, to) = (1_500_000_000, 11_340_000_000);
        camera.fed.record(from, to, "sound stops");
        camera.send_to(14 * SECOND);
        camera.check(from, to);
    }
}

#[test]
fn sound_that_stops_shortly_before_the_end() {
    for container in CONTAINERS {
        let mut camera = Camera::new(container, 0, 4 * SECOND);
        camera.send_to(3 * SECOND);
        let (from, to) = (1_500_000_000, 6_340_000_000);
        camera.fed.record(from, to, "sound stops");
        camera.send_to(9 * SECOND);
        camera.check(from, to);
    }
}

#[test]
fn sound_whose_stream_ends() {
    for container in CONTAINERS {
        let mut camera = Camera::new(container, 0, 4 * SECOND);
        camera.send_to(3 * SECOND);
        let (from, to) = (1_500_000_000, 7_340_000_000);
        camera.fed.record(from, to, "sound ends");
        camera.send_to(5 * SECOND);
        assert!(camera.fed.event(Stream::Audio, gst::event::Eos::new()));
        camera.send_to(9 * SECOND);
        camera.check(from, to);
        // The next one, long after the sound: pictures only.
        let (from, to) = (at(200), at(300));
        camera.fed.record(from, to, "after the sound");
        camera.send_to(12 * SECOND);
        camera.check(from, to);
    }
}

#[test]
fn pictures_whose_stream_ends() {
    for container in CONTAINERS {
        let fed = Fed::new(container, &Stream::BOTH, 10);
        fed.begin(Stream::Video, &PICTURES.caps);
        fed.begin(Stream::Audio, &SOUND.caps);
        let until = |units: &[Unit], to: i64| units.iter().filter(|unit| unit.start() < to).count();
        fed.push_all(Stream::Video, &PICTURES.units[..120]);
        fed.push_all(Stream::Audio, &SOUND.units[..until(&SOUND.units, 4 * SECOND)]);
        fed.record(at(70), at(200), "the picture ends");
        assert!(fed.event(Stream::Video, gst::event::Eos::new()));
        assert!(fed.event(Stream::Audio, gst::event::Eos::new()));
        let done = fed.done();
        let file = only_file(&done);
        assert_eq!(done.ended, EndReason::EndOfStream);
        assert!(done.missing_at_end_ns > 0);
        let (pictures, _) = rule(&PICTURES.units[..120], at(70), at(200), at(120));
        holds_pictures_beside_sound(file, &pictures, fed::judge::actual(file).1);
        let held = |unit: &&Unit| unit.start() >= pictures[0].start() && unit.start() < 4 * SECOND;
        let sound: Vec<&Unit> = SOUND.units.iter().filter(held).collect();
        holds_sound(file, &sound, sound[0].start() - pictures[0].start());
    }
}
