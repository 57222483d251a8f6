//! Promise: a recording that was killed at any instant, its finalisation included, or cut off anywhere, becomes an
//! ordinary file of all frames that were whole, at the times that an undisturbed recording gives them.
//! Judges: FFmpeg for files in fragments and out of them, the muxer's own finished file for times. Folders: `folder_test`.

use std::collections::HashSet;
use std::io::BufRead;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::recording::{PICTURE_AND_SOUND, Recording, finish, leave, muxer, target};
use super::{Finished, Recovered, all};
use crate::Container;
use crate::core::Stream;
use crate::mp4::Head;
use gst::prelude::*;

/// Kind of stream, size, keyframe, presentation and decoding time in microseconds; of each packet.
type Packet = (String, u64, bool, i64);

/// FFmpeg's view of a file's packets, in the order of decoding per stream. `None`: it cannot play the file at all.
fn packets(path: &Path) -> Option<Vec<Packet>> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=codec_type,pts_time,size,flags", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut packets: Vec<Packet> = text
        .lines()
        // A packet's side data is lines of their own.
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            if fields.len() < 4 {
                return None;
            }
            let micros = (fields[1].parse::<f64>().unwrap() * 1e6).round() as i64;
            Some((fields[0].to_owned(), fields[2].parse().unwrap(), fields[3].starts_with('K'), micros))
        })
        .collect();
    // Streams one after the other; within a stream the order stays.
    packets.sort_by(|left, right| left.0.cmp(&right.0));
    (!packets.is_empty()).then_some(packets)
}

fn of(packets: &[Packet], kind: &str) -> Vec<Packet> {
    packets.iter().filter(|packet| packet.0 == kind).cloned().collect()
}

/// What the record would say is what FFmpeg finds, and both are a beginning of what an undisturbed recording holds.
fn judge(recovered: &Recovered, whole: &[Packet], tolerance_us: i64, context: &str) {
    let judged = testbed::ffprobe(&recovered.file).unwrap();
    assert_eq!(judged.errors, [""; 0], "{context}");
    let found = packets(&recovered.file).unwrap();
    let mut longest = 0;
    for (stream, kind) in [(Stream::Video, "video"), (Stream::Audio, "audio")] {
        let (found, whole) = (of(&found, kind), of(whole, kind));
        let Some(figures) = recovered.streams.iter().find(|figures| figures.stream == stream) else {
            assert!(found.is_empty(), "{context}");
            continue;
        };
        assert_eq!(figures.frames, found.len() as u64, "{context}: {kind}");
        if stream == Stream::Video {
            assert_eq!(judged.frames, figures.frames, "{context}: every frame can be decoded");
            assert!(judged.begins_with_keyframe, "{context}");
            let decoded = testbed::decode(&recovered.file).unwrap();
            assert_eq!(decoded.video().unwrap().frames.len() as u64, figures.frames, "{context}: in GStreamer, too");
        }
        for (found, whole) in found.iter().zip(&whole) {
            assert_eq!((found.1, found.2), (whole.1, whole.2), "{context}: {kind}");
            assert!((found.3 - whole.3).abs() <= tolerance_us, "{context}: {kind} {found:?} {whole:?}");
        }
        assert!(found.len() <= whole.len(), "{context}");
        let times = || found.iter().map(|packet| packet.3);
        // FFmpeg takes the encoder's delay off the times of Opus in Matroska, as RFC 9559 has it; matroskamux and
        // matroskademux do not.
        let slack = if figures.codec == "Opus" { 8_000 } else { 1_000 };
        for (said, is) in [(figures.first_ns, times().min()), (figures.last_ns, times().max())] {
            assert!((said / 1000 - is.unwrap()).abs() <= slack, "{context}: {kind} {said} {is:?}");
        }
        longest = longest.max(figures.end_ns);
    }
    let duration = judged.duration_s.expect("an ordinary file states its duration");
    assert!((duration - longest as f64 / 1e9).abs() < 0.002, "{context}: {duration} {longest}");
    assert_ordinary(&recovered.file);
}

/// No fragments, one index at the end, sizes that fit.
fn assert_ordinary(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "mp4") {
        let mut kinds = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            kinds.push(String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned());
            at += usize::try_from(size).unwrap();
        }
        kinds.retain(|kind| kind != "free");
        assert_eq!((kinds, at), (["ftyp", "mdat", "moov"].map(str::to_owned).to_vec(), bytes.len()));
    } else {
        // The segment's size is known: it does not have all bits set.
        let segment = bytes.windows(4).position(|id| id == [0x18, 0x53, 0x80, 0x67]).unwrap();
        let size = u64::from_be_bytes(bytes[segment + 4..segment + 12].try_into().unwrap()) & ((1 << 56) - 1);
        assert_eq!(segment as u64 + 12 + size, bytes.len() as u64);
    }
}

/// Finishes what `bytes` are as a leftover; then a second time, as after a crash before the renaming.
fn recover(dir: &Path, container: Container, bytes: &[u8]) -> Option<Recovered> {
    let leftover = leave(dir, container, bytes);
    let recovered = finish(&leftover)?;
    drop(leftover);
    std::fs::rename(&recovered.file, crate::file_name::temporary(&recovered.file)).unwrap();
    let again = finish(&all(dir).unwrap()[0]).unwrap();
    assert_eq!(again, Recovered { cut: 0, ..recovered.clone() }, "finishing is finished");
    Some(recovered)
}

/// A folder whose fsync costs nothing, where there is one.
fn in_memory() -> testbed::TempDir {
    let dir = testbed::TempDir::new_in("/dev/shm");
    dir.or_else(|_| testbed::TempDir::new()).unwrap()
}

fn rng(seed: u8) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])
}

fn whole_packets(recording: &Recording) -> Vec<Packet> {
    let dir = in_memory();
    let path = dir.path().join(format!("whole.{}", recording.container.extension()));
    std::fs::write(&path, &recording.finished).unwrap();
    packets(&path).unwrap()
}

/// A leftover without the table that an MP4 is cut off in. With half of one FFmpeg plays anything between nothing at all
/// and the tracks whose part of it is there; recovery leaves such a fragment out.
fn without_half_a_table(container: Container, bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while container == Container::Mp4
        && let Ok(head) = Head::read(&bytes[at..])
    {
        let room = (bytes.len() - at) as u64;
        match head.size_within(room) {
            Ok(size) => at += usize::try_from(size).unwrap(),
            Err(_) if head.kind == *b"moof" => return &bytes[..at],
            Err(_) => break,
        }
    }
    bytes
}

/// FFmpeg's opinion of a leftover as it is.
fn playable_frames(container: Container, bytes: &[u8]) -> usize {
    let dir = in_memory();
    let path = dir.path().join(format!("leftover.{}", container.extension()));
    std::fs::write(&path, bytes).unwrap();
    packets(&path).map_or(0, |packets| packets.len())
}

fn cut_anywhere(container: Container) {
    let recording = Recording::make(container, PICTURE_AND_SOUND);
    let (unfinished, whole) = (recording.unfinished(), whole_packets(&recording));
    let mut rng = rng(1);
    let mut lengths: Vec<usize> = (0..150).map(|_| rng.next_u32() as usize % (unfinished.len() + 1)).collect();
    lengths.extend((0..100).chain(unfinished.len() - 100..=unfinished.len()).step_by(4));
    lengths.sort_unstable();
    let mut last = 0;
    for (number, length) in lengths.into_iter().enumerate() {
        let dir = in_memory();
        let recovered = recover(dir.path(), container, &unfinished[..length]);
        let frames = recovered.as_ref().map_or(0, |recovered| {
            recovered.streams.iter().map(|stream| usize::try_from(stream.frames).unwrap()).sum()
        });
        assert!(frames >= last, "a longer file holds no fewer frames");
        last = frames;
        if number % 20 == 0 {
            let context = format!("{container} cut at {length}");
            match recovered {
                Some(recovered) => {
                    judge(&recovered, &whole, 1_000, &context);
                    let playable = playable_frames(container, without_half_a_table(container, &unfinished[..length]));
                    // FFmpeg delivers the half frame at the end of a Matroska file, too.
                    assert!((frames..=frames + 1).contains(&playable), "{context}: {frames}, FFmpeg {playable}");
                }
                None => assert!(playable_frames(container, &unfinished[..length]) <= 1, "{context}"),
            }
        }
    }
    assert!(last * 10 > whole.len() * 8, "{last} of {}", whole.len());
}

#[test]
fn mp4_cut_anywhere() {
    cut_anywhere(Container::Mp4);
}

#[test]
fn mkv_cut_anywhere() {
    cut_anywhere(Container::Mkv);
}

fn killed_while_finalising(container: Container) {
    let recording = Recording::make(container, PICTURE_AND_SOUND);
    let whole = whole_packets(&recording);
    let begins: usize = recording.writes[..recording.finalisation()].iter().map(|(_, bytes)| bytes.len()).sum();
    let before = {
        let dir = in_memory();
        recover(dir.path(), container, &recording.after(begins)).unwrap()
    };
    // Every byte of what mp4mux and matroskamux overwrite, a sample of the index that they append.
    let boundaries: HashSet<usize> = recording
        .writes
        .iter()
        .scan(0, |written, (_, bytes)| {
            *written += bytes.len();
            Some(*written)
        })
        .flat_map(|end| end.saturating_sub(16)..end + 16)
        .collect();
    for written in (begins..=recording.written()).filter(|at| at % 211 == 0 || boundaries.contains(at)) {
        let dir = in_memory();
        let state = recording.after(written);
        let recovered = recover(dir.path(), container, &state).expect("nothing is lost that was there before");
        for (stream, before) in recovered.streams.iter().zip(&before.streams) {
            assert!(stream.frames >= before.frames, "{container} {written}: {stream:?} {before:?}");
        }
        if written < begins + 3 || written % 1_477 == 0 || written + 3 > recording.written() {
            judge(&recovered, &whole, 1_000, &format!("{container} finalised up to byte {}", written - begins));
            let playable = playable_frames(container, &state);
            println!(
                "{container}: {} of {} bytes of the finalisation: FFmpeg plays {playable} without recovery",
                written - begins,
                recording.written() - begins
            );
        }
    }
}

#[test]
fn mp4_killed_at_any_byte_of_its_finalisation() {
    killed_while_finalising(Container::Mp4);
}

#[test]
fn mkv_killed_at_any_byte_of_its_finalisation() {
    killed_while_finalising(Container::Mkv);
}

/// Whatever a damaged or malicious file says of itself: an answer comes, and nothing is written beyond an index.
fn damaged(container: Container) {
    let recording = Recording::make(container, PICTURE_AND_SOUND);
    let (unfinished, mut rng) = (recording.unfinished(), rng(3));
    // Headers and indexes are where damage matters; half of the hits go there.
    let marks: [&[u8]; 6] = [b"moov", b"moof", b"trun", b"mdat", &[0x1F, 0x43, 0xB6, 0x75], &[0x15, 0x49, 0xA9, 0x66]];
    let spots: Vec<usize> = (0..unfinished.len() - 4).filter(|at| marks.contains(&&unfinished[*at..at + 4])).collect();
    for _ in 0..1_000 {
        let mut bytes = unfinished.clone();
        for _ in 0..=rng.next_u32() % 4 {
            let spot = spots[rng.next_u32() as usize % spots.len()];
            let near = [spot.saturating_sub(8) + rng.next_u32() as usize % 300, rng.next_u32() as usize];
            let at = near[rng.next_u32() as usize % 2] % bytes.len();
            bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, rng.next_u32() as u8][rng.next_u32() as usize % 6];
        }
        let dir = in_memory();
        let leftover = leave(dir.path(), container, &bytes);
        match leftover.finish(&AtomicBool::new(false)) {
            Ok(Finished::Recording(recovered)) => {
                assert!(recovered.bytes < 2 * bytes.len() as u64, "{recovered:?}");
                assert_eq!(std::fs::metadata(&recovered.file).unwrap().len(), recovered.bytes);
            }
            Ok(Finished::Empty) => {}
            Err(error) => assert_eq!(std::fs::read(&leftover.file).unwrap(), bytes, "{error}"),
        }
    }
}

#[test]
fn a_damaged_mp4_is_answered() {
    damaged(Container::Mp4);
}

#[test]
fn a_damaged_mkv_is_answered() {
    damaged(Container::Mkv);
}

/// A file whose frames carry their numbers, in a process of its own that is killed.
fn killed(container: Container) {
    let dir = in_memory();
    let scene = dir.path().join("scene.mp4");
    testbed::make_file(&scene, &testbed::Scene::new().without_text(), 20).unwrap();
    let mut rng = rng(2);
    for _ in 0..4 {
        let folder = testbed::TempDir::new_in(dir.path()).unwrap();
        let part = crate::file_name::temporary(&target(folder.path(), container));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recovery::cuts_test::mp4_of_a_killed_process", "--nocapture"])
            .env(WRITE, format!("{container} {} {}", scene.display(), part.display()))
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = 40 + rng.next_u32() as usize % 500;
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let muxed: usize = lines.map(Result::unwrap).filter(|line| line.ends_with("frame")).take(wanted).count();
        assert_eq!(muxed, wanted, "it was killed before its end");
        child.kill().unwrap();
        child.wait().unwrap();
        let found = all(folder.path()).unwrap();
        let recovered = finish(&found[0]).expect("more than a fragment was written");
        let decoded = testbed::decode(&recovered.file).unwrap();
        let video = decoded.video().unwrap();
        let numbers = video.check_unbroken().unwrap();
        assert_eq!((*numbers.start(), video.frames.len() as u64), (0, recovered.streams[0].frames));
        assert_eq!(testbed::ffprobe(&recovered.file).unwrap().errors, [""; 0]);
        // A fragment is at most a second, as long as its mode is that; the pipe's lines come late, never early.
        assert!(video.frames.len() + 64 > wanted, "{container}: {} of at least {wanted}", video.frames.len());
    }
}

/// What the writing process is to do: container, source, file.
const WRITE: &str = "RECOVERY_TEST_WRITE";

/// The process that `killed` kills, which is this test once more. Says each frame that has reached the file.
fn write(job: &str) {
    let fields: Vec<&str> = job.split(' ').collect();
    let container = if fields[0] == "MP4" { Container::Mp4 } else { Container::Mkv };
    let source = format!("filesrc location={} ! qtdemux ! h264parse ! mux.", fields[1]);
    Recording::write(&muxer(container), &source, Path::new(fields[2]), |_| println!("frame"));
    panic!("nobody has killed the writer");
}

#[test]
fn mp4_of_a_killed_process() {
    if let Ok(job) = std::env::var(WRITE) {
        return write(&job);
    }
    killed(Container::Mp4);
}

#[test]
fn mkv_of_a_killed_process() {
    killed(Container::Mkv);
}

/// Other settings and versions of mp4mux put the index first and each fragment's table before its media.
#[test]
fn mp4_in_ordinary_fragments() {
    let mux = muxer(Container::Mp4);
    mux.set_property_from_str("fragment-mode", "dash-or-mss");
    let recording = Recording::with(Container::Mp4, &mux, PICTURE_AND_SOUND);
    let whole = whole_packets(&recording);
    let mut rng = rng(4);
    for number in 0..100 {
        let dir = in_memory();
        let state = recording.after(rng.next_u32() as usize % (recording.written() + 1));
        match recover(dir.path(), Container::Mp4, &state) {
            Some(recovered) if number % 20 == 0 => judge(&recovered, &whole, 1_000, &format!("{} bytes", state.len())),
            Some(_) => {}
            None => assert!(state.len() * 4 < recording.finished.len(), "{} bytes", state.len()),
        }
    }
}

/// 5 GiB of nothing behind the first index make sizes and positions of 64 bits necessary.
#[test]
fn mp4_larger_than_4_gib() {
    const HOLE: u64 = 5 << 30;
    for mode in ["first-moov-then-finalise", "dash-or-mss"] {
        let mux = muxer(Container::Mp4);
        mux.set_property_from_str("fragment-mode", mode);
        let recording = Recording::with(Container::Mp4, &mux, PICTURE_AND_SOUND);
        let state = recording.after(recording.written() * 3 / 4);
        let kind = state.windows(8).position(|bytes| &bytes[4..] == b"moov").unwrap();
        let index_end = kind + u32::from_be_bytes(state[kind..kind + 4].try_into().unwrap()) as usize;
        let dir = in_memory();
        let part = crate::file_name::temporary(&target(dir.path(), Container::Mp4));
        let file = std::fs::File::create(&part).unwrap();
        let header = [&1_u32.to_be_bytes(), b"free".as_slice(), &HOLE.to_be_bytes()].concat();
        file.write_all_at(&[&state[..index_end], &header].concat(), 0).unwrap();
        file.set_len(index_end as u64 + HOLE).unwrap();
        if mode == "dash-or-mss" {
            // Its fragments say where their frames are by where they are themselves.
            file.write_all_at(&state[index_end..], index_end as u64 + HOLE).unwrap();
        }
        let recovered = finish(&all(dir.path()).unwrap()[0]).unwrap();
        assert!(recovered.bytes > HOLE);
        let judged = testbed::ffprobe(&recovered.file).unwrap();
        assert_eq!(judged.errors, [""; 0], "{mode}");
        assert_eq!(judged.frames, recovered.streams.iter().find(|it| it.stream == Stream::Video).unwrap().frames);
        let decoded = testbed::decode(&recovered.file).unwrap();
        assert_eq!(decoded.video().unwrap().frames.len() as u64, judged.frames, "{mode}");
    }
}

/// Each format that a container takes, killed at three instants.
#[test]
fn every_format() {
    let video = |encoder: &str| {
        format!("videotestsrc num-buffers=60 ! video/x-raw,width=160,height=120,framerate=30/1 ! {encoder} ! mux.")
    };
    let audio = |encoder: &str| format!(" audiotestsrc num-buffers=94 ! audioconvert ! {encoder} ! mux.");
    let h264 = "x264enc bframes=2 b-adapt=false key-int-max=30 speed-preset=ultrafast ! h264parse";
    let h265 = "x265enc key-int-max=30 speed-preset=ultrafast log-level=none ! h265parse";
    let av1 = "av1enc cpu-used=8 keyframe-max-dist=30 ! av1parse";
    let (aac, opus) = ("avenc_aac ! aacparse", "audioresample ! opusenc ! opusparse");
    let cases = [
        (Container::Mp4, video(h264) + &audio(opus), ["H.264", "Opus"].as_slice()),
        (Container::Mp4, video(h265), &["H.265"]),
        (Container::Mp4, video(av1), &["AV1"]),
        (Container::Mp4, video("vp9enc cpu-used=8 keyframe-max-dist=30 ! vp9parse"), &["VP9"]),
        (Container::Mp4, audio(aac), &["AAC"]),
        (Container::Mkv, video(h264) + &audio(opus), &["H.264", "Opus"]),
        (Container::Mkv, video(h265) + &audio(aac), &["H.265", "AAC"]),
        (Container::Mkv, video(av1), &["AV1"]),
        (Container::Mkv, video("vp8enc cpu-used=8 keyframe-max-dist=30"), &["VP8"]),
        (Container::Mkv, video("vp9enc cpu-used=8 keyframe-max-dist=30 ! vp9parse"), &["VP9"]),
        (
            Container::Mkv,
            video("jpegenc") + &audio("audioresample ! audio/x-raw,rate=8000 ! mulawenc"),
            &["JPEG", "G.711 mu-law"],
        ),
        (Container::Mkv, audio(opus), &["Opus"]),
    ];
    for (container, description, codecs) in cases {
        let recording = Recording::make(container, &description);
        let whole = whole_packets(&recording);
        for part in [2, 3] {
            let dir = in_memory();
            let state = recording.after(recording.written() * (part - 1) / part);
            let context = format!("{container} {codecs:?} 1/{part}");
            let recovered = recover(dir.path(), container, &state).expect(&context);
            let named: Vec<&str> = recovered.streams.iter().map(|stream| stream.codec.as_str()).collect();
            assert_eq!(named, codecs, "{context}");
            judge(&recovered, &whole, 1_000, &context);
        }
    }
}
