//! Compares recordings with what they must hold: the rule says which units, the file is decoded by two judges.
//! The decoding itself is left to the testbed, what was asked to the tests.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a file that cannot be judged fails its test.

use std::path::Path;
use std::process::Command;

use recorder::DoneRecord;
use recorder::record::FileRecord;
use testbed::{decode, ffprobe};

use super::clip::Unit;

/// Matroska counts in milliseconds, and each of two times is rounded.
const ROUNDING_NS: i64 = 1_500_000;

/// The units that a file of `[from, to)` holds of a stream (design.md, rule 3), and when the last one's time is over:
/// from the last keyframe at or before `from` to what is on screen at `to`, and what that needs to be decoded (of
/// B-frames: a picture that is shown later). `next`: where the stream goes on after `units`, if `to` lies beyond them.
pub fn rule(units: &[Unit], from: i64, to: i64, next: i64) -> (Vec<&Unit>, i64) {
    let first = units.iter().rposition(|unit| unit.keyframe && unit.start() <= from).unwrap_or(0);
    let last = units.iter().rposition(|unit| unit.start() < to).unwrap();
    // Of an open GOP, what is shown before the keyframe cannot be decoded without the GOP before.
    let held = units[first..=last].iter().filter(|unit| unit.start() >= units[first].start()).collect();
    let end = units[first..].iter().map(Unit::start).filter(|start| *start >= to).min().unwrap_or(next);
    (held, end)
}

/// The interval that the record says the file holds.
pub fn actual(file: &FileRecord) -> (i64, i64) {
    (file.actual.start_running_ns, file.actual.end_running_ns)
}

/// How many pictures the record says the file holds.
pub fn pictures(file: &FileRecord) -> usize {
    file.video.as_ref().map_or(0, |video| video.frames as usize)
}

/// The file of a session that has one; the test's output has the whole record, in case that something is wrong.
pub fn only_file(done: &DoneRecord) -> &FileRecord {
    println!("{}", serde_json::to_string(done).unwrap());
    assert_eq!(done.files.len(), 1, "one file");
    assert_eq!(done.file, done.files[0].file);
    &done.files[0]
}

/// A file holds exactly these units of pictures, shown until `end`, at their times, and both judges decode it without a
/// complaint. What is there only to decode others (it begins at or after `end`) may be shown or not: MP4's edit list
/// can cut it off, Matroska has none.
pub fn holds_pictures(file: &FileRecord, units: &[&Unit], end: i64) {
    holds_pictures_within(file, units, end, 3_000_000);
}

/// The same for a file that may last for `over` nanoseconds longer, for its sound.
pub fn holds_pictures_within(file: &FileRecord, units: &[&Unit], end: i64, over: i64) {
    let (mut shown, extra): (Vec<&Unit>, Vec<&Unit>) = units.iter().partition(|unit| unit.start() < end);
    shown.sort_by_key(|unit| unit.start());
    let first = shown[0].start();
    assert_eq!(actual(file), (first, end), "the interval in the record");
    assert_eq!(pictures(file), units.len(), "frames in the record");
    assert_eq!(file.bytes, std::fs::metadata(&file.file).unwrap().len());

    let decoded = decode(&file.file).unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    let video = decoded.video().unwrap();
    let numbers: Vec<_> = video.frames.iter().map(|frame| frame.counter.unwrap()).collect();
    let (numbers, rest) = numbers.split_at(shown.len().min(numbers.len()));
    assert_eq!(numbers, shown.iter().map(|unit| unit.number).collect::<Vec<_>>(), "numbers in the pictures");
    assert!(rest.iter().all(|number| extra.iter().any(|unit| unit.number == *number)), "shown beyond that: {rest:?}");
    let zero = video.first_ns().unwrap();
    for (frame, unit) in video.frames.iter().zip(&shown) {
        let off = frame.pts_ns - zero - (unit.start() - first);
        assert!(off.abs() < ROUNDING_NS, "picture {} is shown {off} ns off its time", unit.number);
    }

    let judged = ffprobe(&file.file).unwrap();
    assert_eq!(judged.errors, [""; 0]);
    assert_eq!(judged.packets, units.len() as u64, "{judged:?}");
    assert!((shown.len()..=units.len()).contains(&(judged.frames as usize)), "{judged:?}");
    assert!(judged.begins_with_keyframe);
    let until = |end: i64| (judged.duration_s.unwrap() * 1e9) as i64 - (end - first);
    let end_of_extra = extra.iter().map(|unit| unit.start() + unit.duration.unwrap_or(0)).max().unwrap_or(end);
    let lasts = (-3_000_000..=end_of_extra - end + over).contains(&until(end));
    assert!(lasts, "lasts {} ns longer than it should", until(end));
}

/// A file holds exactly these units of sound, the first of them `after` nanoseconds from the file's zero.
pub fn holds_sound(file: &FileRecord, units: &[&Unit], after: i64) {
    let path = &file.file;
    assert_eq!(file.audio.as_ref().map(|audio| audio.frames), Some(units.len() as u64), "frames in the record");
    assert_eq!(decode(path).unwrap().warnings, [""; 0]);
    assert_eq!(ffprobe(path).unwrap().errors, [""; 0]);
    let packets = packets(path, "a:0");
    assert_eq!(packets.len(), units.len(), "packets in the file");
    // Of Opus in Matroska, FFmpeg takes off the decoder's delay (6.5 ms).
    assert!((packets[0] - after).abs() < 10_000_000, "begins {} ns after the file instead of {after}", packets[0]);
    // And matroskamux 1.22 adds it to all but the first packet.
    let (last, end) = (packets[packets.len() - 1], units[units.len() - 1].start());
    for (index, (packet, unit)) in packets.iter().zip(units).enumerate() {
        let off = packet - last - (unit.start() - end);
        let limit = if index == 0 { 10_000_000 } else { ROUNDING_NS };
        assert!(off.abs() < limit, "sound {} is {off} ns off its time", unit.number);
    }
}

/// Presentation times of a stream's packets in nanoseconds, in the words of FFmpeg; `stream` is its specifier.
pub fn packets(path: &Path, stream: &str) -> Vec<i64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let nanos = |line: &str| (line.trim_matches([',', ' ']).parse::<f64>().unwrap() * 1e9).round() as i64;
    text.lines().filter(|line| !line.is_empty()).map(nanos).collect()
}
