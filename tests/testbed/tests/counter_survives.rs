//! Shows that what the cameras draw is what the judges read: through encoders, RTSP, containers and decoders.
//! Every codec, transport and container that the end-to-end tests rely on is passed once.
//! Left to others: the product; a plain GStreamer pipeline records here.

// The helpers of a test fail as the test does.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gst::prelude::*;
use testbed::{AudioCodec, Codec, HANG_GUARD, RtspCamera, Scene, decode, ffprobe, make_file};

/// A plain GStreamer recorder of a camera.
struct Viewer(gst::Pipeline);

impl Viewer {
    fn start(url: &str, (codec, audio): (Codec, Option<AudioCodec>), path: &Path) -> Self {
        gst::init().unwrap();
        let video = match codec {
            Codec::H264 => "rtph264depay ! h264parse",
            Codec::H265 => "rtph265depay ! h265parse",
        };
        let audio = match audio {
            None => "",
            Some(AudioCodec::Aac) => "s. ! queue ! rtpmp4gdepay ! aacparse ! mux.",
            Some(AudioCodec::Opus) => "s. ! queue ! rtpopusdepay ! opusparse ! mux.",
        };
        // Time stamps from RTP alone: with the arrival times in them, a busy machine would bend them.
        let pipeline = gst::parse::launch(&format!(
            "rtspsrc name=s location={url} latency=200 buffer-mode=none s. ! queue ! {video} ! matroskamux name=mux \
             ! filesink location={} {audio}",
            path.display()
        ))
        .unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self(pipeline.downcast().unwrap())
    }

    /// Waits for the stream's own end.
    fn wait(self) {
        let bus = self.0.bus().unwrap();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let guard = gst::ClockTime::try_from(HANG_GUARD).unwrap();
        let message = bus.timed_pop_filtered(guard, &kinds).expect("the stream never ended");
        self.0.set_state(gst::State::Null).unwrap();
        if let gst::MessageView::Error(e) = message.view() {
            panic!("{} {:?}", e.error(), e.debug());
        }
    }
}

fn folder_and_file(name: &str) -> (testbed::TempDir, PathBuf) {
    let folder = testbed::temp_dir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn ninety_frames_of_h264_over_udp_are_consecutive() {
    let camera = RtspCamera::start_finite(&Scene::new().gop(30), 120).unwrap();
    let (_folder, path) = folder_and_file("camera.mkv");
    Viewer::start(&camera.url(), (Codec::H264, None), &path).wait();

    let recording = decode(&path).unwrap();
    let video = recording.video().unwrap();
    let counters = video.check_unbroken().unwrap();
    assert!(video.frames.len() >= 90, "{} frames", video.frames.len());
    assert_eq!(video.frames.len() as u32, counters.end() - counters.start() + 1);
    assert_eq!((video.codec.as_str(), video.width, video.height), ("video/x-h264", 320, 240));
    assert!(recording.audio.is_none());

    let second_opinion = ffprobe(&path).unwrap();
    assert_eq!(second_opinion.frames, video.frames.len() as u64);
    assert!(second_opinion.begins_with_keyframe);
    assert!(second_opinion.errors.is_empty(), "{:?}", second_opinion.errors);
}

#[test]
fn h265_with_aac_over_tcp_keeps_counters_and_sound() {
    let scene = Scene::new().codec(Codec::H265).audio(AudioCodec::Aac).fps(25).gop(25);
    let camera = RtspCamera::start_finite(&scene, 75).unwrap();
    let (_folder, path) = folder_and_file("camera.mkv");
    Viewer::start(&camera.urlt(), (Codec::H265, Some(AudioCodec::Aac)), &path).wait();

    let recording = decode(&path).unwrap();
    let video = recording.video().unwrap();
    video.check_unbroken().unwrap();
    assert!(video.frames.len() >= 25, "{} frames", video.frames.len());
    assert_eq!(video.codec, "video/x-h265");
    let audio = recording.audio().unwrap();
    assert_eq!((audio.codec.as_str(), audio.rate, audio.channels), ("audio/mpeg", 48_000, 2));
    let span = audio.end_ns - audio.first_ns;
    assert!(span > 500_000_000, "only {span} ns of sound");
}

#[test]
fn two_viewers_see_the_same_frames_and_opus() {
    let scene = Scene::new().audio(AudioCodec::Opus).without_text();
    let camera = RtspCamera::start_finite(&scene, 120).unwrap();
    let (_folder_a, a) = folder_and_file("a.mkv");
    let (_folder_b, b) = folder_and_file("b.mkv");
    let streams = (Codec::H264, Some(AudioCodec::Opus));
    let first = Viewer::start(&camera.urlt(), streams, &a);
    camera.wait_for_frame(30).unwrap();
    let second = Viewer::start(&camera.urlt(), streams, &b);
    first.wait();
    second.wait();

    let counters = |path: &Path| {
        let recording = decode(path).unwrap();
        assert_eq!(recording.audio().unwrap().codec, "audio/x-opus");
        recording.video().unwrap().check_unbroken().unwrap()
    };
    let (a, b) = (counters(&a), counters(&b));
    assert!(b.start() > a.start(), "the second viewer came later: {a:?} {b:?}");
    assert!(a.contains(b.start()), "both saw the same stream: {a:?} {b:?}");
}

#[test]
fn a_finite_camera_ends_its_stream() {
    let camera = RtspCamera::start_finite(&Scene::new(), 60).unwrap();
    let (_folder, path) = folder_and_file("camera.mkv");
    Viewer::start(&camera.urlt(), (Codec::H264, None), &path).wait();
    let recording = decode(&path).unwrap();
    assert_eq!(*recording.video().unwrap().check_unbroken().unwrap().end(), 59);
    assert!(camera.frames().time_of(0) < camera.frames().time_of(59));
    assert!(camera.frames().time_of(60).is_none());
}

#[test]
fn a_dropped_camera_is_gone() {
    let camera = RtspCamera::start(&Scene::new()).unwrap();
    let address = ("127.0.0.1", camera.port());
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(camera);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn files_of_every_container_and_codec_hold_every_frame() {
    let h264 = || Scene::new().gop(15);
    let h265 = || Scene::new().codec(Codec::H265).fps(25).gop(50);
    for (name, scene, fps, container) in [
        ("plain.mp4", h264(), 30, "video/quicktime"),
        ("aac.mp4", h264().audio(AudioCodec::Aac), 30, "video/quicktime"),
        ("opus.mkv", h264().audio(AudioCodec::Opus), 30, "video/x-matroska"),
        ("h265.mkv", h265().audio(AudioCodec::Aac), 25, "video/x-matroska"),
        ("h265.mp4", h265().audio(AudioCodec::Opus), 25, "video/quicktime"),
        ("h264.ts", h264().audio(AudioCodec::Aac), 30, "video/mpegts"),
    ] {
        let (_folder, path) = folder_and_file(name);
        make_file(&path, &scene, 4).unwrap();
        let recording = decode(&path).unwrap();
        let video = recording.video().unwrap();
        assert_eq!(video.check_unbroken().unwrap(), 0..=4 * fps - 1, "{name}");
        assert_eq!(recording.container, container, "{name}");
        let second_opinion = ffprobe(&path).unwrap();
        assert_eq!(second_opinion.frames, u64::from(4 * fps), "{name}");
        assert!(second_opinion.begins_with_keyframe, "{name}");
        assert!(second_opinion.errors.is_empty(), "{name}: {:?}", second_opinion.errors);
        if let Some(audio) = &recording.audio {
            let apart = (audio.end_ns - video.end_ns().unwrap()).abs();
            // One AAC frame and Opus' padding: 1024 + 960 samples.
            assert!(apart < 100_000_000, "{name}: sound ends {apart} ns from the picture's end");
        }
    }
}

#[test]
fn keyframes_come_exactly_every_gop() {
    let (_folder, path) = folder_and_file("gop.mkv");
    for codec in [Codec::H264, Codec::H265] {
        make_file(&path, &Scene::new().codec(codec).gop(45), 5).unwrap();
        gst::init().unwrap();
        let demux = format!("filesrc location={} ! matroskademux ! fakesink name=s", path.display());
        let pipeline = gst::parse::launch(&demux).unwrap().downcast::<gst::Pipeline>().unwrap();
        let pad = pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
        let keys = Arc::new(parking_lot::Mutex::new((0, Vec::new())));
        let seen = Arc::clone(&keys);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let mut seen = seen.lock();
            if !info.buffer().unwrap().flags().contains(gst::BufferFlags::DELTA_UNIT) {
                let index = seen.0;
                seen.1.push(index);
            }
            seen.0 += 1;
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Viewer(pipeline).wait();
        assert_eq!(*keys.lock(), (150, vec![0, 45, 90, 135]), "{codec:?}");
    }
}

#[test]
fn a_missing_frame_and_a_doubled_frame_are_found() {
    let (_folder, path) = folder_and_file("whole.mkv");
    make_file(&path, &Scene::new(), 2).unwrap();
    let whole = decode(&path).unwrap().video.unwrap();
    let mut missing = whole.clone();
    missing.frames.remove(20);
    let fault = missing.check_unbroken().unwrap_err().to_string();
    assert!(fault.contains("frame 20 has counter 21 after 19"), "{fault}");
    let mut doubled = whole.clone();
    doubled.frames.insert(20, whole.frames[20]);
    let fault = doubled.check_unbroken().unwrap_err().to_string();
    assert!(fault.contains("doubled"), "{fault}");
}

#[test]
fn a_stream_without_counter_blocks_is_refused() {
    gst::init().unwrap();
    let (_folder, path) = folder_and_file("plain.mkv");
    let plain = format!(
        "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240 ! x264enc ! matroskamux \
         ! filesink location={}",
        path.display()
    );
    let pipeline = gst::parse::launch(&plain).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    Viewer(pipeline).wait();
    let video = decode(&path).unwrap().video.unwrap();
    assert_eq!(video.frames.len(), 30);
    let fault = video.check_unbroken().unwrap_err().to_string();
    assert!(fault.contains("has no counter"), "{fault}");
}

#[test]
fn a_damaged_file_is_noticed() {
    let (_folder, path) = folder_and_file("damaged.mkv");
    make_file(&path, &Scene::new().size(640, 360), 3).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() / 2);
    bytes[from..to].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5A);
    std::fs::write(&path, bytes).unwrap();
    let judged = decode(&path).and_then(|recording| recording.video()?.check_unbroken());
    let unbroken = judged.is_ok_and(|counters| counters == (0..=89));
    assert!(!unbroken, "damage went unnoticed");
    assert!(ffprobe(&path).map_or(true, |found| !found.errors.is_empty() || found.frames != 90));
}

#[test]
fn a_contact_sheet_has_a_row_for_each_recording() {
    let folder = testbed::temp_dir().unwrap();
    let recordings = [folder.path().join("a.mp4"), folder.path().join("b.mkv")];
    make_file(&recordings[0], &Scene::new().size(640, 360), 1).unwrap();
    make_file(&recordings[1], &Scene::new().codec(Codec::H265), 1).unwrap();
    let png = folder.path().join("sheet.png");
    testbed::contact_sheet(&recordings, &png).unwrap();

    let file = std::io::BufReader::new(std::fs::File::open(&png).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let sheet = reader.next_frame(&mut pixels).unwrap();
    // Three frames of 480 pixels and four margins of 8; 270 and 360 high with three margins.
    assert_eq!((sheet.width, sheet.height), (3 * 480 + 4 * 8, 270 + 360 + 3 * 8));
    let mean = pixels.iter().map(|&p| u64::from(p)).sum::<u64>() / pixels.len() as u64;
    assert!((2..250).contains(&mean), "an empty sheet: mean {mean}");
    if let Ok(keep) = std::env::var("KEEP_SHEET") {
        std::fs::copy(png, keep).unwrap();
    }
}
