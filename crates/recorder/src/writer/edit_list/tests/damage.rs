//! What becomes of damaged, unfinished and interrupted files, and that nothing but the edits changes in a sound one.
//! What is refused stays as it is; what was interrupted shows all or the part, and can be presented again.
//! What players show of files that nothing happened to is left to the parent.

use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const PART: (u64, u64) = (2_345, 7_120);
/// What changes: durations, edits and, in the second list only of the video, when what is not shown is decoded.
const CHANGED: [&str; 4] = ["mvhd", "tkhd", "elst", "stss"];
const CHANGED_IN_VIDEO: [&str; 3] = ["mdhd", "stts", "ctts"];

fn ms(part: (u64, u64)) -> Range<Duration> {
    Duration::from_millis(part.0)..Duration::from_millis(part.1)
}

/// A file before and after it was presented.
struct Case {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Case {
    fn new() -> Self {
        let (_folder, path) = Media { audio: Some(AAC), ..Media::REORDERED }.make();
        let before = std::fs::read(&path).unwrap();
        present_ms(&path, PART.0, PART.1).unwrap();
        let after = std::fs::read(&path).unwrap();
        Self { before, after }
    }
}

static CASE: LazyLock<Case> = LazyLock::new(Case::new);

/// Every box that holds no others: its path and its bytes.
fn leaves(bytes: &[u8], path: &str, found: &mut Vec<(String, Vec<u8>)>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let leaf = Mp4Box::read(rest).unwrap();
        let path = format!("{path}/{}", leaf.kind.escape_ascii());
        match &leaf.kind {
            b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"stbl" => leaves(leaf.body, &path, found),
            _ => found.push((path, leaf.whole.to_vec())),
        }
        rest = &rest[leaf.whole.len()..];
    }
}

fn top_level(bytes: &[u8]) -> Vec<Mp4Box<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(|| {
        let found = (!rest.is_empty()).then(|| Mp4Box::read(rest).unwrap())?;
        rest = &rest[found.whole.len()..];
        Some(found)
    })
    .collect()
}

#[test]
fn what_is_shown_stays_as_it_is_described() {
    let (before, after) = (top_level(&CASE.before), top_level(&CASE.after));
    let kinds: Vec<_> = after.iter().map(|found| &found.kind).collect();
    assert_eq!(kinds, [b"ftyp", b"free", b"mdat", b"free", b"moov"]);
    for index in 0..3 {
        assert!(before[index].whole == after[index].whole, "'{}' has changed", kinds[index].escape_ascii());
    }
    assert!(before[3].body == after[3].body, "the old index has changed");
    let [mut old, mut new] = [Vec::new(), Vec::new()];
    leaves(before[3].whole, "", &mut old);
    leaves(after[4].whole, "", &mut new);
    assert_eq!(old.len(), new.len());
    let mut tracks = 0;
    for ((path, old), (new_path, new)) in old.iter().zip(&new) {
        assert_eq!(path, new_path);
        tracks += usize::from(path.ends_with("tkhd"));
        let ends = |kinds: &[&str]| kinds.iter().any(|kind| path.ends_with(kind));
        // The video is the first track.
        let may_change = ends(&CHANGED) || tracks == 1 && ends(&CHANGED_IN_VIDEO);
        assert!(may_change || old == new, "{path} has changed");
    }
    assert_eq!(tracks, 2);
}

#[test]
fn a_file_that_was_interrupted_anywhere_plays_and_can_be_presented() {
    let case = &*CASE;
    let index = case.after.len() - case.before.len();
    let folder = testbed::temp_dir().unwrap();
    let path = folder.path().join("interrupted.mp4");
    // Killed, or without power when the file had grown but its content was not there.
    for zeros in [false, true] {
        for written in if zeros { vec![8, index] } else { vec![0, 1, 16, index / 2, index] } {
            let mut bytes = case.before.clone();
            bytes.extend(&case.after[case.before.len()..case.before.len() + written]);
            if zeros {
                bytes[case.before.len()..].fill(0);
            }
            std::fs::write(&path, &bytes).unwrap();
            let step = Media::PLAIN.frame_ns(1) as f64;
            let warnings = Players(&path).show_with_warnings(0..300, 0, step, shown_before(&case.before));
            // GStreamer mentions bytes that are too few for a box, after it has played everything.
            assert!(warnings.is_empty() || (1..8).contains(&written), "{written}: {warnings:?}");
            let shown = present_ms(&path, PART.0, PART.1).unwrap();
            assert_eq!(shown.end, Duration::from_millis(PART.1));
            // Half an index leaves no trace; what the file shows without one has to be looked at once.
            if zeros || (1..index).contains(&written) {
                assert!(std::fs::read(&path).unwrap() == case.after, "after {written} bytes, zeros: {zeros}");
            } else {
                assert_presented(&path, written);
            }
        }
    }
}

/// Nanoseconds that the file's header states.
fn shown_before(bytes: &[u8]) -> u64 {
    let moov = *top_level(bytes).iter().find(|found| &found.kind == b"moov").unwrap();
    let head = Header::read(&moov.need(*b"mvhd").unwrap()).unwrap();
    head.duration * 1_000_000_000 / u64::from(head.number)
}

fn assert_presented(path: &Path, written: usize) {
    let bytes = std::fs::read(path).unwrap();
    let moov = top_level(&bytes).into_iter().filter(|found| &found.kind == b"moov").count();
    assert_eq!(moov, 1, "after {written} bytes");
    let shown = shown_before(&bytes);
    Players(path).show(70..214, 0, Media::PLAIN.frame_ns(1) as f64, shown);
}

#[test]
fn what_is_refused_stays_as_it_is() {
    let case = &*CASE;
    let folder = testbed::temp_dir().unwrap();
    let path = folder.path().join("refused.mp4");
    let moov = case.before.len() - top_level(&case.before)[3].whole.len();
    let refuse = |bytes: &[u8], part: Range<Duration>, kind: io::ErrorKind, words: &str| {
        std::fs::write(&path, bytes).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let error = present(&file, part).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(std::fs::read(&path).unwrap() == bytes, "the file has changed: {error}");
    };
    let damaged = io::ErrorKind::InvalidData;
    for length in [1, 7, 8, 31, 33, 40, 41, moov - 1, moov + 1, moov + 8, moov + 500, case.before.len() - 1] {
        refuse(&case.before[..length], ms(PART), damaged, "MP4 box");
    }
    refuse(&[], ms(PART), damaged, "'moov': the file has none");
    refuse(&case.before[..moov], ms(PART), damaged, "'moov': the file has none");
    refuse(b"no movie at all, but text that is long enough for a header", ms(PART), damaged, "MP4 box");
    refuse(&[0; 4096], ms(PART), damaged, "a size of 0 bytes");
    refuse(&b"\0\0\0\x08skip".repeat(2_000), ms(PART), damaged, "more than 1024 boxes");
    for part in [(10_500, 11_000), (5_000, 5_000), (6_000, 5_000)] {
        refuse(&case.before, ms(part), io::ErrorKind::InvalidInput, "an MP4 that lasts 10s");
    }
    // In the index: a box that goes past the end of the one around it, and a time scale of 0.
    let find = |kind: &[u8]| moov + case.before[moov..].windows(4).position(|window| window == kind).unwrap();
    let mut bytes = case.before.clone();
    bytes[find(b"stbl") - 4] = 1;
    refuse(&bytes, ms(PART), damaged, "'stbl'");
    let mut bytes = case.before.clone();
    let at = find(b"mdhd") + 16;
    bytes[at..at + 4].fill(0);
    refuse(&bytes, ms(PART), damaged, "'mdhd': its time scale is 0");
}

#[test]
fn a_file_that_is_not_finished_is_refused() {
    // As a kill leaves one: fragments.
    let folder = testbed::temp_dir().unwrap();
    let path = folder.path().join("fragments.mp4");
    let launch = format!(
        "videotestsrc num-buffers=90 ! x264enc tune=zerolatency ! h264parse \
         ! mp4mux fragment-duration=500 ! filesink location={}",
        path.display()
    );
    media::run(&launch, |_| ());
    let bytes = std::fs::read(&path).unwrap();
    let error = present_ms(&path, 0, 1_000).unwrap_err();
    assert!(error.to_string().contains("it is not finished"), "{error}");
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn long_forms_of_the_boxes_are_read_and_written() {
    let case = &*CASE;
    let folder = testbed::temp_dir().unwrap();
    let path = folder.path().join("long.mp4");
    let moov = top_level(&case.before)[3];
    let mut bytes = case.before[..case.before.len() - moov.whole.len()].to_vec();
    lengthen(&moov, &mut bytes);
    assert_ne!(bytes.len(), case.before.len());
    std::fs::write(&path, &bytes).unwrap();
    present_ms(&path, PART.0, PART.1).unwrap();
    assert_presented(&path, 0);
}

/// Writes a box with the 64-bit forms of all headers and edits.
fn lengthen(old: &Mp4Box<'_>, out: &mut Vec<u8>) {
    let mut wide = |fields: &[usize]| {
        write_box(out, old.kind, |out| {
            out.extend([1, old.body[1], old.body[2], old.body[3]]);
            let mut at = 4;
            for &length in fields {
                // Those that are wide already are taken over, and so is the sign of an empty edit's time.
                let sign = if length == 4 && old.kind == *b"elst" && old.body[at] == 0xFF { 0xFF } else { 0 };
                out.extend(vec![sign; if length == 4 { 4 } else { 0 }]);
                out.extend(&old.body[at..at + length.min(4)]);
                at += length.min(4);
            }
            out.extend(&old.body[at..]);
            Ok(())
        })
        .unwrap();
    };
    match &old.kind {
        // 4: widened. 5: taken over as it is.
        b"mvhd" | b"mdhd" => wide(&[4, 4, 5, 4]),
        b"tkhd" => wide(&[4, 4, 5, 5, 4]),
        b"elst" => {
            let count = usize::from(old.body[7]);
            let edits = [4, 4, 5].repeat(count);
            wide(&[&[5], &edits[..]].concat());
        }
        b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"stbl" => write_box(out, old.kind, |out| {
            old.children().for_each(|child| lengthen(&child.unwrap(), out));
            Ok(())
        })
        .unwrap(),
        _ => out.extend(old.whole),
    }
}

#[test]
fn a_duration_of_more_than_32_bits_takes_the_long_form() {
    // The lengths are the standard's.
    assert_eq!(write_header(7), (108, 7, 3_000));
    assert_eq!(write_header(u64::from(u32::MAX) + 1), (120, u64::from(u32::MAX) + 1, 3_000));
    let mut out = Vec::new();
    let edits = [
        Edit { duration: 5, media_time: None },
        Edit { duration: 1 << 40, media_time: Some(1 << 41) },
        Edit { duration: 6, media_time: Some(0) },
    ];
    for edits in [&edits[..], &edits[2..], &edits[..1]] {
        out.clear();
        Edit::write_list(edits, &mut out).unwrap();
        assert_eq!(Edit::read_list(&Mp4Box::read(&out).unwrap()).unwrap(), edits);
    }
}

/// Writes a `mvhd` with this duration, which is in its version 0 before: its length, and duration and time scale as read
/// again.
fn write_header(duration: u64) -> (usize, u64, u32) {
    let moov = top_level(&CASE.before)[3];
    let mut head = Header::read(&moov.need(*b"mvhd").unwrap()).unwrap();
    head.duration = duration;
    let mut out = Vec::new();
    head.write(&mut out).unwrap();
    let head = Header::read(&Mp4Box::read(&out).unwrap()).unwrap();
    (out.len(), head.duration, head.number)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_refused_and_stay(bytes in prop::collection::vec(any::<u8>(), 0..200), from in 0_u64..20_000, long in 0_u64..20_000) {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        prop_assert!(present(&file, ms((from, from + long))).is_err());
        let mut left = vec![0; bytes.len()];
        file.read_exact_at(&mut left, 0).unwrap();
        prop_assert_eq!(left, bytes);
    }

    /// Whatever a damaged index says: an error, or an index that can be read; never a panic, nor one of another size.
    #[test]
    fn a_damaged_index_is_no_danger(
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0), Just(0xFF), any::<u8>()]), 1..12),
        start in prop_oneof![0_u64..10_000_000_000, any::<u64>()],
        end in prop_oneof![0_u64..10_000_000_000, any::<u64>()],
    ) {
        let mut moov = top_level(&CASE.before)[3].whole.to_vec();
        for (at, value) in damage {
            // Where it hurts: before the long tables, of which one byte is like another.
            let at = at.index(moov.len().min(if value & 1 == 0 { 900 } else { usize::MAX }));
            moov[at] = value;
        }
        if let Ok((new, presented)) = rewrite(&moov, Duration::from_nanos(start)..Duration::from_nanos(end)) {
            prop_assert!(presented.shown.start < presented.shown.end);
            prop_assert!(new.len() <= moov.len() + 1_024);
            prop_assert_eq!(Mp4Box::read(&new).unwrap().whole.len(), new.len());
        }
    }
}
