//! Judges recordings, finished ones and leftovers: what plays, which frames are in it, what kind of file it is.
//! A second look at MP4 boxes (ISO/IEC 14496-12) that shares nothing with what wrote them.
//! What should have been in a file is left to the cases.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::camera::GOP;
use crate::table::all;

/// The frames of a file that plays from beginning to end without a break; a sentence says what is wrong otherwise.
pub fn unbroken(path: &Path) -> Result<RangeInclusive<u32>, String> {
    let decoded = testbed::decode(path).map_err(|error| format!("does not play: {error}"))?;
    let frames = decoded.video().and_then(|video| video.check_unbroken()).map_err(|error| error.to_string())?;
    match decoded.warnings.as_slice() {
        [] => Ok(frames),
        warnings => Err(format!("plays with warnings: {}", warnings.join("; "))),
    }
}

/// The frames of a file with gaps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Runs of frames, each a GOP long at least.
    pub runs: Vec<RangeInclusive<u32>>,
    /// Frames outside of them: behind a gap, up to the next keyframe, what they depend on is lost.
    pub damaged: u64,
}

/// What is in a file with gaps. Several frames may have one time: rtpjitterbuffer squeezes what a network has held back.
pub fn with_gaps(path: &Path) -> Result<Broken, String> {
    let decoded = testbed::decode(path).map_err(|error| format!("does not play: {error}"))?;
    let video = decoded.video().map_err(|error| error.to_string())?;
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    let mut is_broken = true;
    for frame in &video.frames {
        match (frame.counter, runs.last_mut()) {
            (Err(_), _) => is_broken = true,
            (Ok(counter), Some(run)) if !is_broken && counter == run.end().wrapping_add(1) => {
                *run = *run.start()..=counter;
            }
            (Ok(counter), _) => {
                runs.push(counter..=counter);
                is_broken = false;
            }
        }
    }
    if let Some(pair) = video.frames.windows(2).find(|pair| pair[1].pts_ns < pair[0].pts_ns) {
        return Err(format!("a frame is shown at {} ns, after one at {} ns", pair[1].pts_ns, pair[0].pts_ns));
    }
    runs.retain(|run| run.clone().count() >= GOP as usize);
    let sound: usize = runs.iter().map(|run| run.clone().count()).sum();
    Ok(Broken { runs, damaged: (video.frames.len() - sound) as u64 })
}

/// Paths and numbers of video frames of a record's files. Until the engine has several files in a record, its flat form.
pub fn files(record: &Value) -> Vec<(PathBuf, Option<u64>)> {
    let one = |file: &Value| Some((PathBuf::from(file["file"].as_str()?), file["video"]["frames"].as_u64()));
    match record["files"].as_array() {
        Some(files) => files.iter().filter_map(one).collect(),
        None => one(record).into_iter().collect(),
    }
}

/// A done record, all of whose frames are in its file.
pub fn judge_done(is_done: bool, record: &Value) -> Result<(), String> {
    if !is_done {
        return Err(format!("failed: {}", record["reason"]));
    }
    let mut faults = Vec::new();
    let files = files(record);
    if files.len() != 1 {
        faults.push(format!("its record names {} files", files.len()));
    }
    for (path, written) in files {
        match unbroken(&path) {
            Ok(frames) if Some(frames.clone().count() as u64) == written => {}
            Ok(frames) => faults.push(format!(
                "it has frames {} to {}, and its record says {written:?} frames",
                frames.start(),
                frames.end()
            )),
            Err(reason) => faults.push(reason),
        }
    }
    for missing in ["missing-at-start-ns", "gap-count"] {
        if record[missing].as_u64() != Some(0) {
            faults.push(format!("{missing} is {}", record[missing]));
        }
    }
    all(faults)
}

/// A finished file is what any other program writes: with a duration, all frames in one index, and no fragments.
pub fn is_ordinary(path: &Path) -> Result<(), String> {
    let probe = testbed::ffprobe(path).map_err(|error| error.to_string())?;
    if !probe.errors.is_empty() {
        return Err(format!("FFmpeg complains: {}", probe.errors.join("; ")));
    }
    if probe.duration_s.is_none_or(|seconds| seconds <= 0.0) {
        return Err("its header has no duration".into());
    }
    if path.extension().is_none_or(|extension| extension != "mp4") {
        return Ok(());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let top = boxes(&bytes)?;
    if top.iter().any(|(kind, _)| kind == b"moof") {
        return Err("it is fragmented: there is a moof box".into());
    }
    let moov = top.iter().find(|(kind, _)| kind == b"moov").ok_or("it has no moov box")?.1;
    if find(moov, &[*b"mvex"]).is_ok() {
        return Err("its moov box announces fragments (mvex)".into());
    }
    // FullBox header, sample_size, sample_count (8.7.3.2).
    let sizes = find(moov, &[*b"trak", *b"mdia", *b"minf", *b"stbl", *b"stsz"])?;
    match sizes.get(8..12).map(|count| u32::from_be_bytes([count[0], count[1], count[2], count[3]])) {
        Some(1..) => Ok(()),
        _ => Err("its moov box has no samples".into()),
    }
}

type Boxes<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The boxes one after another (4.2): kind and content.
fn boxes(mut bytes: &[u8]) -> Result<Boxes<'_>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let header = bytes.get(..8).ok_or("it ends within a box header")?;
        let short = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let (from, length) = match (short, bytes.get(8..16)) {
            (0, _) => (8, bytes.len()),
            (1, Some(long)) => {
                let long = long.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
                (16, usize::try_from(long).map_err(|e| e.to_string())?)
            }
            _ => (8, short),
        };
        let content = bytes.get(from..length).ok_or("it ends within a box")?;
        found.push((&header[4..8], content));
        bytes = &bytes[length..];
    }
    Ok(found)
}

/// The first box of a path.
fn find<'a>(mut bytes: &'a [u8], path: &[[u8; 4]]) -> Result<&'a [u8], String> {
    for kind in path {
        let found = boxes(bytes)?.into_iter().find(|(found, _)| found == kind);
        bytes = found.ok_or_else(|| format!("it has no {} box", String::from_utf8_lossy(kind)))?.1;
    }
    Ok(bytes)
}

/// Access units in a file, decodable or not.
pub fn packets(path: &Path) -> Result<u64, String> {
    testbed::ffprobe(path).map(|probe| probe.packets).map_err(|error| error.to_string())
}

/// Names of all files in a folder, sorted; none where it cannot be read.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use testbed::{Scene, make_file, temp_dir};

    #[test]
    fn an_ordinary_file_is_told_from_a_fragmented_and_from_a_cut_one() {
        let folder = temp_dir().unwrap();
        let ordinary = folder.path().join("ordinary.mp4");
        make_file(&ordinary, &Scene::new().without_text(), 2).unwrap();
        is_ordinary(&ordinary).unwrap();
        assert_eq!(unbroken(&ordinary), Ok(0..=59));
        assert_eq!(packets(&ordinary), Ok(60));
        assert_eq!(with_gaps(&ordinary), Ok(Broken { runs: vec![0..=59], damaged: 0 }));

        let fragmented = folder.path().join("fragmented.mp4");
        let status = std::process::Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(&ordinary)
            .args(["-c", "copy", "-movflags", "frag_keyframe+empty_moov"])
            .arg(&fragmented)
            .status();
        assert!(status.unwrap().success());
        assert!(is_ordinary(&fragmented).unwrap_err().contains("moof"));

        let cut = folder.path().join("cut.mp4");
        let bytes = std::fs::read(&ordinary).unwrap();
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        assert!(is_ordinary(&cut).is_err() && unbroken(&cut).is_err());
    }
}
