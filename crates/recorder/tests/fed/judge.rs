//! Compares recordings with what they must hold: the rule says which units, the file is decoded by two judges.
//! The decoding itself is left to the testbed, what was asked to the tests.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a file that cannot be judged fails its test.

use std::path::PathBuf;
use std::process::Command;

use recorder::DoneRecord;
use serde_json::Value;
use testbed::{decode, ffprobe};

use super::clip::Unit;

/// Matroska counts in milliseconds, and each of two times is rounded.
const ROUNDING_NS: i64 = 1_500_000;

/// The units that a file of `[from, to)` holds of a stream (design.md, rule 3), and when the last one's time is over:
/// from the last keyframe at or before `from` to what is on screen at `to`. `next`: where the stream goes on after
/// `units`, if `to` lies beyond them.
pub fn rule<'a>(units: &'a [Unit], from: i64, to: i64, next: i64) -> (Vec<&'a Unit>, i64) {
    let first = units.iter().rposition(|unit| unit.keyframe && unit.start() <= from).unwrap_or(0);
    let held: Vec<&Unit> = units[first..].iter().filter(|unit| unit.start() < to).collect();
    let end = units[first..].iter().map(Unit::start).filter(|start| *start >= to).min().unwrap_or(next);
    (held, end)
}

/// The record as people get it.
pub fn json(done: &DoneRecord) -> Value {
    let json = serde_json::to_value(done).unwrap();
    println!("{json}");
    json
}

/// The files of a record; before a session could have several, the record was its only file's.
pub fn files(record: &Value) -> Vec<Value> {
    record["files"].as_array().cloned().unwrap_or_else(|| vec![record.clone()])
}

/// Where a file lies.
pub fn path(file: &Value) -> PathBuf {
    file["file"].as_str().unwrap().into()
}

/// The interval that the record says the file holds.
pub fn actual(file: &Value) -> (i64, i64) {
    let time = |name: &str| file["actual"][name].as_i64().unwrap();
    (time("start-running-ns"), time("end-running-ns"))
}

/// The file of a session that has one.
pub fn only_file(done: &DoneRecord) -> Value {
    let mut files = files(&json(done));
    assert_eq!(files.len(), 1, "one file");
    files.remove(0)
}

/// A file holds exactly these pictures, until `end`, at their times, and both judges decode it without a complaint.
pub fn holds_pictures(file: &Value, units: &[&Unit], end: i64) {
    let mut shown: Vec<&Unit> = units.to_vec();
    shown.sort_by_key(|unit| unit.start());
    let first = shown[0].start();
    assert_eq!(actual(file), (first, end), "the interval in the record");
    holds_numbers(file, &shown.iter().map(|unit| (unit.number, unit.start() - first)).collect::<Vec<_>>());
    let stated = ffprobe(&path(file)).unwrap().duration_s.unwrap();
    let length = (end - first) as f64 / 1e9;
    assert!((stated - length).abs() < 0.003, "lasts {stated} s instead of {length} s");
}

/// A file holds exactly the pictures of these numbers, in this order of display, at these nanoseconds after the first.
pub fn holds_numbers(file: &Value, pictures: &[(u32, i64)]) {
    let path = path(file);
    assert_eq!(file["video"]["frames"], pictures.len(), "frames in the record");
    assert_eq!(file["bytes"], std::fs::metadata(&path).unwrap().len());
    let decoded = decode(&path).unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    let video = decoded.video().unwrap();
    let numbers: Vec<_> = video.frames.iter().map(|frame| frame.counter.unwrap()).collect();
    assert_eq!(numbers, pictures.iter().map(|(number, _)| *number).collect::<Vec<_>>(), "numbers in the pictures");
    let zero = video.first_ns().unwrap();
    for (frame, (number, time)) in video.frames.iter().zip(pictures) {
        let off = frame.pts_ns - zero - time;
        assert!(off.abs() < ROUNDING_NS, "picture {number} is shown {off} ns off its time of {time} ns");
    }
    let judged = ffprobe(&path).unwrap();
    assert_eq!(judged.errors, [""; 0]);
    assert_eq!((judged.frames, judged.packets), (pictures.len() as u64, pictures.len() as u64), "{judged:?}");
    assert!(judged.begins_with_keyframe);
}

/// A file holds exactly these units of sound, the first of them `after` nanoseconds from the file's zero.
pub fn holds_sound(file: &Value, units: &[&Unit], after: i64) {
    let path = path(file);
    assert_eq!(file["audio"]["frames"], units.len(), "frames in the record");
    assert_eq!(decode(&path).unwrap().warnings, [""; 0]);
    assert_eq!(ffprobe(&path).unwrap().errors, [""; 0]);
    let packets = packets(&path, "a:0");
    assert_eq!(packets.len(), units.len(), "packets in the file");
    for (packet, unit) in packets.iter().zip(units) {
        let off = packet - after - (unit.start() - units[0].start());
        assert!(off.abs() < ROUNDING_NS, "sound {} is {off} ns off its time", unit.number);
    }
}

/// Presentation times of a stream's packets in nanoseconds, in the words of FFmpeg; `stream` is its specifier.
pub fn packets(path: &std::path::Path, stream: &str) -> Vec<i64> {
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
