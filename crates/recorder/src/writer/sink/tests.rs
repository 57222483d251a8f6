//! What reaches a file and when, and what a disk that is full at any byte leaves of it.
//! Full disks are files in memory that may not grow (F_SEAL_GROW), and fail as full file systems do: after a part.
//! Real full file systems are in `make chaos` (`disk-full-tmpfs`, `disk-full-ext4`).

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::*;
use crate::Container;
use crate::writer::job;

/// A muxer's pad, and the sink behind it.
struct Muxer {
    source: gst::Pad,
    sink: Sink,
    file: Arc<Lock>,
    told: Receiver<Command>,
}

impl Muxer {
    fn new(container: Container, file: std::fs::File) -> Self {
        gst::init().unwrap();
        let file = Arc::new(Lock(file));
        let (commands, told) = channel();
        let dir = std::env::temp_dir();
        let head = Head::default();
        // An input that has not ended: nothing is held back.
        head.watch_input(&gst::Pad::new(gst::PadDirection::Sink));
        let sink = Sink::new(file.clone(), head, &job(&dir, container), 1, commands);
        let source = gst::Pad::new(gst::PadDirection::Src);
        sink.follow(&source).unwrap();
        source.set_active(true).unwrap();
        assert!(source.push_event(gst::event::StreamStart::new("muxer")));
        let muxer = Self { source, sink, file, told };
        muxer.go_to(0);
        muxer
    }

    fn go_to(&self, position: u64) {
        let mut segment = gst::FormattedSegment::<gst::format::Bytes>::new();
        segment.set_start(gst::format::Bytes::from_u64(position));
        self.source.push_event(gst::event::Segment::new(&segment));
    }

    fn push(&self, bytes: &[u8]) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.source.push(gst::Buffer::from_slice(bytes.to_vec()))
    }

    fn written(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.file.0.metadata().unwrap().len().try_into().unwrap()];
        self.file.0.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }
}

/// A file that holds so many bytes and not one more.
fn full(bytes: u64) -> std::fs::File {
    let file = std::fs::File::from(memfd_create("full", MemfdFlags::ALLOW_SEALING).unwrap());
    file.set_len(bytes).unwrap();
    fcntl_add_seals(&file, SealFlags::GROW).unwrap();
    file
}

fn file() -> std::fs::File {
    tempfile::tempfile().unwrap()
}

#[test]
fn media_waits_for_its_index_and_nothing_else_does() {
    let muxer = Muxer::new(Container::Mp4, file());
    muxer.push(b"\0\0\0\x08ftyp").unwrap();
    assert_eq!(muxer.written(), b"\0\0\0\x08ftyp");
    muxer.push(b"head").unwrap();
    // Of every length: what is shorter than the head of an index is media, too.
    for length in 1..=9 {
        muxer.push(&b"123456789"[..length]).unwrap();
    }
    assert_eq!(muxer.written().len(), 8);
    // The fragment's header is completed, then comes its index, and all is written.
    muxer.go_to(8);
    muxer.push(b"HEAD").unwrap();
    muxer.go_to(57);
    muxer.push(b"\0\0\0\x0amoof..").unwrap();
    let mut expected = b"\0\0\0\x08ftypHEAD".to_vec();
    (1..=9).for_each(|length| expected.extend(&b"123456789"[..length]));
    expected.extend(b"\0\0\0\x0amoof..");
    assert_eq!(muxer.written(), expected);
    // Back to what has been written, and not to one buffer of what has not: that is written first.
    muxer.push(b"tail").unwrap();
    muxer.go_to(8);
    muxer.push(b"size").unwrap();
    expected.extend(b"tail");
    expected[8..12].copy_from_slice(b"size");
    assert_eq!(muxer.written(), expected);
    muxer.go_to(expected.len() as u64);
    muxer.push(b"last").unwrap();
    assert!(muxer.source.push_event(gst::event::Eos::new()));
    expected.extend(b"last");
    assert_eq!(muxer.written(), expected);
    assert_eq!(muxer.told.try_recv(), Ok(Command::PipelineEos { part: 1 }));
}

#[test]
fn matroska_is_written_as_it_comes() {
    let muxer = Muxer::new(Container::Mkv, file());
    muxer.push(b"block").unwrap();
    muxer.go_to(1);
    muxer.push(b"LO").unwrap();
    assert_eq!(muxer.written(), b"bLOck");
}

#[test]
fn no_more_waits_than_is_written_at_once() {
    let muxer = Muxer::new(Container::Mp4, file());
    for _ in 0..PIECES {
        assert_eq!(muxer.written().len(), 0);
        muxer.push(b"x").unwrap();
    }
    assert_eq!(muxer.written().len(), PIECES);
    muxer.push(&vec![0; AT_ONCE - 1]).unwrap();
    assert_eq!(muxer.written().len(), PIECES);
    muxer.push(b"x").unwrap();
    assert_eq!(muxer.written().len(), PIECES + AT_ONCE);
}

#[test]
fn what_waits_is_written_before_the_file_is_made_durable_and_when_it_is_stopped() {
    let muxer = Muxer::new(Container::Mp4, file());
    muxer.push(b"waits").unwrap();
    let long_ago = Instant::now().checked_sub(SYNC_PERIOD).unwrap();
    muxer.sink.output.lock().synced = long_ago;
    muxer.push(b"now").unwrap();
    assert_eq!(muxer.written(), b"waitsnow");
    assert!(muxer.sink.output.lock().synced > long_ago);
    muxer.push(b"again").unwrap();
    muxer.sink.stop();
    assert_eq!(muxer.written(), b"waitsnowagain");
    assert!(muxer.push(b"late").is_err());
}

/// What damaged a frame now and then with GStreamer's `filesink`: media did not fit on the disk when the muxer had been
/// moved back to the fragment's header; the header fitted, since it was there already, and so did the index that it wrote
/// next, beyond the end of what was there: an index of zeros.
#[test]
fn no_index_is_written_of_what_the_disk_did_not_take() {
    let muxer = Muxer::new(Container::Mp4, full(8192));
    muxer.push(b"\0\0\0\x08ftyp").unwrap();
    muxer.push(&[1; 4096]).unwrap();
    muxer.go_to(8);
    // Not the buffer that is there: what waits is written first. Some of it fits, and is taken back.
    muxer.push(&[2; 1000]).unwrap();
    muxer.go_to(8 + 4096);
    muxer.push(&[3; 8192]).unwrap();
    muxer.go_to(9);
    assert!(muxer.push(&[4; 16]).is_err(), "the header would announce what is not there");
    muxer.go_to(8 + 4096 + 8192);
    assert!(muxer.push(b"\0\0\0\x08moof").is_err());
    muxer.source.push_event(gst::event::Eos::new());
    let mut expected = b"\0\0\0\x08ftyp".to_vec();
    expected.extend([2; 1000]);
    expected.extend([1; 3096]);
    assert!(muxer.written() == expected, "half of what did not fit, or what came after it");
    let Ok(Command::PipelineError { part: 1, reason }) = muxer.told.try_recv() else { panic!("nobody was told") };
    assert!(reason.starts_with("the disk reports: "), "{reason}");
    assert!(muxer.told.try_recv().is_err(), "an end, or a second failure");
}

/// 120 frames, of which every fifteenth is a keyframe, and begins a fragment.
fn frames() -> Vec<gst::Sample> {
    let description = "videotestsrc num-buffers=120 ! video/x-raw,width=160,height=120,framerate=30/1 \
                       ! x264enc key-int-max=15 tune=zerolatency ! video/x-h264,stream-format=avc ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let frames = std::iter::from_fn(|| out.pull_sample().ok()).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    frames
}

#[test]
fn a_recording_on_a_disk_that_is_full_at_any_block_plays_to_its_last_fragment() {
    gst::init().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kept.mp4");
    let frames = frames();
    let (mut most, mut kept) = (0, None);
    for blocks in 1.. {
        let file = Arc::new(Lock(full(blocks * 4096)));
        let pipeline = gst::Pipeline::new();
        let muxer = Container::Mp4.muxer().unwrap();
        let source =
            gst_app::AppSrc::builder().caps(&frames[0].caps_owned().unwrap()).format(gst::Format::Time).build();
        pipeline.add_many([source.upcast_ref::<gst::Element>(), &muxer]).unwrap();
        let input = muxer.request_pad_simple("video_%u").unwrap();
        source.static_pad("src").unwrap().link(&input).unwrap();
        let (commands, told) = channel();
        let head = Head::default();
        head.watch_input(&input);
        let sink = Sink::new(file.clone(), head, &job(dir.path(), Container::Mp4), 1, commands);
        sink.follow(&muxer.static_pad("src").unwrap()).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        for frame in &frames {
            // Refused once the disk is full.
            let _ = source.push_buffer(frame.buffer_owned().unwrap());
        }
        let _ = source.end_of_stream();
        let told = told.recv_timeout(testbed::HANG_GUARD).unwrap();
        sink.stop();
        pipeline.set_state(gst::State::Null).unwrap();
        if told == (Command::PipelineEos { part: 1 }) {
            break;
        }
        let mut bytes = vec![0; file.0.metadata().unwrap().len().try_into().unwrap()];
        file.0.read_exact_at(&mut bytes, 0).unwrap();
        // All of a fragment or nothing of it: what was left is often the same.
        if kept.replace(bytes.len()) == Some(bytes.len()) || !bytes.windows(4).any(|window| window == b"moov") {
            continue;
        }
        std::fs::write(&path, &bytes).unwrap();
        let judged = testbed::ffprobe(&path).unwrap();
        assert_eq!(judged.errors, [""; 0], "{blocks} blocks");
        let is_whole = judged.frames % 15 < 2 || judged.frames == 119;
        assert!(is_whole && judged.frames >= most, "{blocks} blocks: {} frames", judged.frames);
        most = judged.frames;
    }
    assert!(most >= 105, "{most} frames at most");
}

#[test]
fn a_disk_that_takes_a_part_at_a_time_gets_every_byte_in_its_place() {
    let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let pieces = [&[][..], &bytes[..1], &bytes[1..1000], &[], &bytes[1000..2990], &bytes[2990..], &[]];
    for part in [1, 7, 999, 1000, 2999, 3000] {
        let file = file();
        let interrupted = Cell::new(false);
        let mut slices = pieces.map(IoSlice::new);
        write_all(&mut slices, 5, |slices, at| {
            if !interrupted.replace(true) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            file.write_at(&all[..all.len().min(part)], at)
        })
        .unwrap();
        let mut written = vec![0; 3005];
        file.read_exact_at(&mut written, 0).unwrap();
        assert!(written[..5] == [0; 5] && written[5..] == bytes, "{part} at a time");
    }
    let nothing = write_all(&mut [IoSlice::new(b"x")], 0, |_, _| Ok(0));
    assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WriteZero);
}
