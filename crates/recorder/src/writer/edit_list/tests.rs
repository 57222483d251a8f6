//! Presented files as two independent players show them, and what becomes of damaged and interrupted ones.
//! Every file is made by the muxer that the engine uses, every frame carries its number, the sound beeps each second.
//! The files are made in `media`, the players are in `players`.

mod damage;
mod media;
mod players;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use self::media::{AAC, Media, OPUS};
use self::players::Players;
use super::*;

const MS: u64 = 1_000_000;
/// One packet of AAC: FFmpeg plays the last one whole.
const PACKET_NS: i64 = 21_333_334;
/// What Opus decoders do at the beginning of a file differs by its pre-skip, 312 samples, and one period of a beep.
const BEEP_NS: i64 = 9_000_000;

fn present_ms(path: &Path, start: u64, end: u64) -> io::Result<Range<Duration>> {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    present(&file, Duration::from_millis(start)..Duration::from_millis(end)).map(|presented| presented.shown)
}

/// Presents a part given in milliseconds, all of it within the video, and has both players look at it.
fn check(media: &Media, start: u64, end: u64) {
    let (_folder, path) = media.make();
    let shown = present_ms(&path, start, end).unwrap();
    // Since when the video is there, and what of it is asked for.
    let zero = media.video_from.saturating_sub(media.audio.map_or(media.video_from, |_| media.audio_from)) * MS;
    let numbers = media.frames_in(start * MS - zero..end * MS - zero);
    let begin = zero + media.frame_ns(numbers.start);
    assert!((shown.start.as_nanos() as u64).abs_diff(begin) <= MS / 3, "{shown:?} does not begin with a frame");
    assert_eq!(shown.end, Duration::from_millis(end));
    let step = media.frame_ns(1) as f64;
    Players(&path).show(numbers, 0, step, end * MS - shown.start.as_nanos() as u64);
}

/// Within a GOP, across keyframes, from a keyframe, from the file's beginning, to its end; and shorter than its lead.
/// Every other one with sound beside it.
fn check_with_and_without(media: &Media, audio: &'static str) {
    let parts = [(2_345, 7_120), (2_000, 4_000), (0, 5_000), (3_990, 10_000), (1_900, 2_300), (6_789, 6_999)];
    for (number, (start, end)) in parts.into_iter().enumerate() {
        let audio = (number % 2 == 0).then_some(audio);
        check(&Media { audio, ..*media }, start, end);
    }
    // What makes a difference to the sound: a part that is shorter than its lead.
    check(&Media { audio: Some(audio), ..*media }, 6_789, 6_999);
}

#[test]
fn both_players_show_exactly_the_asked_frames() {
    check_with_and_without(&Media::PLAIN, AAC);
}

#[test]
fn both_players_show_exactly_the_asked_frames_among_b_frames() {
    check_with_and_without(&Media::REORDERED, OPUS);
}

#[test]
fn a_frame_that_begins_at_the_end_is_not_shown() {
    // Frames 60 and 120 begin at these very moments.
    check(&Media::PLAIN, 2_000, 4_000);
    check(&Media::PLAIN, 1_999, 4_001);
    check(&Media::REORDERED, 2_001, 3_999);
}

#[test]
fn milliseconds_are_exact_at_every_frame_rate() {
    // mp4mux counts in 2500 and in 30000 units per second here.
    for rate in [(25, 1), (30_000, 1_001), (15, 1)] {
        check(&Media { rate, ..Media::PLAIN }, 1_234, 3_457);
        check(&Media { rate, audio: Some(AAC), ..Media::REORDERED }, 3_331, 6_337);
    }
}

#[test]
fn sound_begins_and_ends_with_the_picture() {
    for (start, end) in [(2_345, 7_120), (0, 4_500), (1_900, 3_100)] {
        for audio in [AAC, OPUS] {
            let media = Media { audio: Some(audio), ..Media::REORDERED };
            let (_folder, path) = media.make();
            let before = Players(&path).sound();
            let shown = present_ms(&path, start, end).unwrap();
            let (start, end) = (shown.start.as_nanos() as i64, shown.end.as_nanos() as i64);
            for (before, after) in before.iter().zip(Players(&path).sound()) {
                // FFmpeg leaves out the first 0.3 s of all Opus that mp4mux 1.22 has written, presented or not: that
                // writes the pre-skip with its bytes in the wrong order.
                let due = (before.from - start).max(0);
                // Of a part that is shorter than its lead FFmpeg plays the first packet whole, from before zero.
                let early = if end - start < start { PACKET_NS } else { 0 };
                assert!((due - early..=due).contains(&after.from), "{} {due}", after.from);
                assert!((after.until - (end - start)).abs() <= PACKET_NS, "{} {}", after.until, end - start);
                // One that begins with the picture is or is not cut.
                let inside = |beep: &&i64| **beep > start + BEEP_NS && **beep < end;
                let wanted: Vec<i64> = before.beeps.iter().filter(inside).map(|beep| beep - start).collect();
                let heard: Vec<i64> = after.beeps.iter().filter(|beep| **beep > BEEP_NS).copied().collect();
                assert!(!wanted.is_empty());
                let heard: Vec<i64> = heard.into_iter().filter(|beep| *beep < end - start).collect();
                assert_eq!(heard.len(), wanted.len(), "{heard:?} {wanted:?}");
                for (heard, wanted) in heard.iter().zip(&wanted) {
                    assert!((heard - wanted).abs() <= BEEP_NS, "a beep at {heard} ns, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn sound_that_begins_later_keeps_its_place() {
    for audio in [AAC, OPUS] {
        let media = Media { audio: Some(audio), audio_from: 2_500, ..Media::REORDERED };
        let (_folder, path) = media.make();
        let before = Players(&path).sound();
        assert_eq!(before[0].from, 2_500 * MS as i64);
        let shown = present_ms(&path, 2_000, 5_000).unwrap();
        assert_eq!(shown, Duration::from_secs(2)..Duration::from_secs(5));
        for (before, after) in before.iter().zip(Players(&path).sound()) {
            assert!((before.from - after.from).abs_diff(2_000 * MS as i64) <= MS, "{} {}", before.from, after.from);
        }
        Players(&path).show(60..150, 0, media.frame_ns(1) as f64, 3_000 * MS);
    }
}

#[test]
fn a_picture_that_begins_later_keeps_its_place() {
    // Half a second and, in the second case, the delay of B-frames is only sound.
    for media in [Media::PLAIN, Media::REORDERED] {
        let media = Media { audio: Some(AAC), video_from: 500, ..media };
        check(&media, 2_345, 7_120);
        let (_folder, path) = media.make();
        // Nothing is on screen yet: it begins as asked.
        let shown = present_ms(&path, 200, 3_000).unwrap();
        assert_eq!(shown, Duration::from_millis(200)..Duration::from_secs(3));
        Players(&path).show(0..75, 300 * MS as i64, media.frame_ns(1) as f64, 2_800 * MS);
    }
}

#[test]
fn sound_outside_the_part_is_not_heard() {
    // All of it comes later; all of it was before.
    for (audio_from, audio_length, part) in [(4_000, 2_000, (500, 3_500)), (0, 1_000, (3_000, 6_000))] {
        let media = Media { audio: Some(AAC), audio_from, audio_length, ..Media::PLAIN };
        let (_folder, path) = media.make();
        present_ms(&path, part.0, part.1).unwrap();
        let frames = media.frames_in(part.0 * MS..part.1 * MS);
        Players(&path).show(frames, 0, media.frame_ns(1) as f64, (part.1 - part.0) * MS);
    }
}

#[test]
fn sound_alone_is_cut_exactly() {
    for audio in [AAC, OPUS] {
        let media = Media { video: None, audio: Some(audio), ..Media::PLAIN };
        let (_folder, path) = media.make();
        let before = Players(&path).sound();
        let shown = present_ms(&path, 1_234, 4_321).unwrap();
        assert_eq!(shown, Duration::from_millis(1_234)..Duration::from_millis(4_321));
        for (before, after) in before.iter().zip(Players(&path).sound()) {
            assert_eq!(after.from, 0);
            assert!((after.until - 3_087 * MS as i64).abs() <= PACKET_NS, "{}", after.until);
            let wanted = before.beeps.iter().find(|beep| **beep > 1_234 * MS as i64).unwrap() - 1_234 * MS as i64;
            assert!((after.beeps[0] - wanted).abs() <= BEEP_NS, "{} {wanted}", after.beeps[0]);
        }
        Players(&path).ffmpeg_says(3_087 * MS);
    }
}

#[test]
fn an_end_after_the_end_is_the_end() {
    let (_folder, path) = Media::PLAIN.make();
    let shown = present_ms(&path, 8_000, 60_000).unwrap();
    assert_eq!(shown, Duration::from_secs(8)..Duration::from_secs(10));
    Players(&path).show(240..300, 0, Media::PLAIN.frame_ns(1) as f64, 2_000 * MS);
}

#[test]
fn a_presented_file_can_be_presented_again() {
    let (_folder, path) = Media::REORDERED.make();
    present_ms(&path, 2_345, 7_120).unwrap();
    // Counts from frame 70, the first that is shown now.
    let shown = present_ms(&path, 1_000, 2_000).unwrap();
    assert_eq!(shown, Duration::from_secs(1)..Duration::from_secs(2));
    Players(&path).show(100..130, 0, Media::PLAIN.frame_ns(1) as f64, 1_000 * MS);
}

#[test]
fn seeking_finds_every_frame() {
    for media in [Media::PLAIN, Media::REORDERED] {
        let (_folder, path) = media.make();
        present_ms(&path, 2_345, 7_120).unwrap();
        // The last two lie behind the last keyframe that is said to be one.
        for frame in [0, 1, 49, 50, 51, 109, 110, 111, 143] {
            let middle = media.frame_ns(frame) + media.frame_ns(1) / 2;
            assert_eq!(u64::from(Players(&path).gstreamer_seeks(middle)), 70 + frame);
        }
    }
}

/// Several parts of one file, whose frames need not be even.
fn check_parts(media: &Media, parts: impl IntoIterator<Item = (u64, u64)>) {
    let (folder, path) = media.make();
    for (start, end) in parts {
        let copy = folder.path().join("part.mp4");
        std::fs::copy(&path, &copy).unwrap();
        present_ms(&copy, start, end).unwrap();
        // Of two frames that far apart the file does not know which one it is.
        let is_shown = |frame: &u32| {
            let frame = u64::from(*frame);
            media.frame_ns(frame + 1) > start * MS + MS / 3 && media.frame_ns(frame) < end * MS
        };
        let wanted: Vec<u32> = (0..300).filter(is_shown).collect();
        let counters =
            |frames: &[testbed::Frame]| -> Vec<u32> { frames.iter().map(|frame| frame.counter.unwrap()).collect() };
        let gstreamer = testbed::decode(&copy).unwrap();
        assert_eq!(counters(&gstreamer.video().unwrap().frames), wanted, "GStreamer, {start} to {end}");
        assert_eq!(counters(&testbed::ffmpeg_frames(&copy).unwrap()), wanted, "FFmpeg, {start} to {end}");
    }
}

#[test]
fn frames_of_a_camera_that_jitters_are_shown_exactly() {
    // As RTP's clock rounds them, and as a bad network delivers them.
    let parts = || (0..4).map(|part| (2_000 + part * 233, 5_000 + part * 389));
    check_parts(&Media { jitter: 20_000, ..Media::PLAIN }, parts());
    check_parts(&Media { jitter: 30 * MS, ..Media::PLAIN }, parts());
    check_parts(&Media { jitter: 30 * MS, ..Media::REORDERED }, parts());
}

#[test]
fn frames_before_the_keyframe_of_an_open_gop_are_shown() {
    // Frames 58 and 59 are decoded after 60, but need the GOP before.
    let parts = [(1_901, 7_000), (1_940, 8_111), (1_970, 4_789)];
    check_parts(&Media { open_gop: true, ..Media::REORDERED }, parts);
}

#[test]
fn a_part_that_would_be_empty_in_a_player_is_refused() {
    let (_folder, path) = Media::PLAIN.make();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(present_ms(&path, 5_010, 5_030).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(std::fs::read(&path).unwrap() == before);
    // The same at the beginning of the file is no problem.
    present_ms(&path, 10, 30).unwrap();
    Players(&path).show(0..1, 0, 0.0, 30 * MS);
}
