//! Promise: a library with the interface of NVIDIA's records as our recordbin does, within its limits, and the records say
//! exactly what its files hold. Each promise holds for a double of such a library, and for NVIDIA's own where it is named.
//! Left to others: what a user sees of it through a graph (`tests/recordings_run_on_another_recordbin`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use recorder::core::{Accepted, EndReason, Moment, Rejection, StartRequest};
use recorder::event::Event;
use recorder::record::Trigger;
use recorder::{Container, DoneRecord, FailedRecord, Recorder};
use testbed::{AudioCodec, HANG_GUARD, RtspCamera, Scene, decode, ffprobe, recordbin_double, recordbin_libs, temp_dir};

const FPS: i64 = 20;
const GOP: i64 = 20;
const FRAME_NS: i64 = 1_000_000_000 / FPS;

fn scene() -> Scene {
    Scene::new().fps(FPS as u32).gop(GOP as u32).size(256, 96).without_text()
}

fn request(back: f64, on: f64) -> StartRequest {
    StartRequest {
        start: Moment::Ago(Duration::from_secs_f64(back)),
        end: Some(Moment::In(Duration::from_secs_f64(on))),
        overlap: None,
    }
}

fn ask(recorder: &Recorder, request: StartRequest, id: &str) -> Result<Accepted, Rejection> {
    let mut told = 0;
    let trigger = Trigger { id: Some(id.into()), metadata: None };
    let answer = recorder.start_session(0, request, trigger, |_| told += 1);
    assert_eq!(told, i32::from(answer.is_ok()));
    answer
}

/// Nothing tells of the first frame of a source that is no camera of ours.
fn wait_for_first_frame(recorder: &Recorder) {
    while recorder.now(0).is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The next end of a session.
fn end(events: &Receiver<Event>) -> Result<Box<DoneRecord>, Box<FailedRecord>> {
    loop {
        match events.recv_timeout(HANG_GUARD).unwrap() {
            Event::Done(done) => return Ok(done),
            Event::Failed(failed) => return Err(failed),
            _ => {}
        }
    }
}

/// A file holds what its record says, by two judges; returns the numbers of its first and last picture.
fn check(done: &DoneRecord) -> (i64, i64) {
    println!("{}", serde_json::to_string(done).unwrap());
    let [file] = &done.files[..] else { panic!("one file") };
    assert_eq!(done.file, file.file);
    assert_eq!(done.bytes, std::fs::metadata(&done.file).unwrap().len());
    let decoded = decode(&done.file).unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    let video = decoded.video().unwrap();
    // Times are the source's own: where it is held up, the library writes two frames of one millisecond.
    let counters = video.check_counters().unwrap();
    let track = file.video.as_ref().unwrap();
    assert_eq!((track.frames, track.codec.as_str()), (video.frames.len() as u64, "H.264"));
    assert_eq!((track.width, track.height), (Some(256), Some(96)));
    let second = ffprobe(&done.file).unwrap();
    assert_eq!((second.errors.as_slice(), second.packets), (&[][..], track.frames));
    assert!(second.begins_with_keyframe);

    // Frames of a live source jitter on their way into the stream's time, and players show what the file says.
    let (asked, actual) = (done.header.asked.running(), done.actual.running());
    let shown = video.end_ns().unwrap() - video.first_ns().unwrap();
    let recorded = actual.end.0 - actual.start.0;
    assert!((shown - recorded).abs() < 2 * FRAME_NS, "shown {shown}, recorded {recorded}");
    let positive = |nanos: i64| u64::try_from(nanos).unwrap_or(0);
    let missing = |nanos: i64| if nanos < 1_000_000 { 0 } else { positive(nanos) };
    assert_eq!(done.lead_ns, positive(asked.start.0 - actual.start.0));
    assert_eq!(done.missing_at_start_ns, missing(actual.start.0 - asked.start.0));
    assert_eq!(done.missing_at_end_ns, missing(asked.end.0 - actual.end.0));
    assert!(!done.notes.iter().any(|note| note.contains("estimated")), "{:?}", done.notes);
    assert!(done.notes.iter().any(|note| note.starts_with("recorded by lib")), "{:?}", done.notes);
    (i64::from(*counters.start()), i64::from(*counters.end()))
}

/// When the camera made a picture, by the record: it lies as far from the file's start as its number says.
fn check_utc(done: &DoneRecord, camera: &RtspCamera, first: i64) {
    let made = camera.frames().time_of(first as u32).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    let said = done.actual.start.unwrap().0;
    let off = said - i64::try_from(made.as_nanos()).unwrap();
    // The camera's jitter, and what the frame takes to us.
    assert!(off.abs() < 500_000_000, "{off} ns off");
}

/// One after the other; a second one in between is refused, for the library's reason.
fn one_at_a_time(library: &Path, container: Container, scene: &Scene) {
    let camera = RtspCamera::start(scene).unwrap();
    let dir = temp_dir().unwrap();
    let (recorder, events) = common::start_library(library, &camera.url(), dir.path(), container, None);
    camera.wait_for_frame(4 * FPS as u32).unwrap();
    let before =
        ask(&recorder, StartRequest { start: Moment::In(Duration::from_secs(3)), ..request(0.0, 9.0) }, "later");
    assert!(matches!(before, Err(Rejection::LibraryCannotWait { .. })), "{before:?}");

    let first = ask(&recorder, request(2.0, 2.0), "first").unwrap();
    let second = ask(&recorder, request(1.0, 3.0), "second").unwrap_err();
    assert_eq!(second, Rejection::LibraryRecords { session: first.session });
    assert!(second.to_string().contains("one at a time"), "{second}");
    let done = end(&events).unwrap();
    assert_eq!((done.header.id.as_deref(), done.ended), (Some("first"), EndReason::EndReached));
    assert_eq!(done.missing_at_end_ns, 0);
    let (number, _) = check(&done);
    assert_eq!(number % GOP, 0, "begins with a keyframe");
    check_utc(&done, &camera, number);
    let frames = done.files[0].audio.as_ref().map(|audio| audio.frames);
    assert_eq!(frames.is_some(), decode(&done.file).unwrap().audio().is_ok());

    // What has been answered is over for the library, too.
    let id = ask(&recorder, request(0.0, 60.0), "third").unwrap().session;
    camera.wait_for_frame(camera.frames().len() + 2 * GOP as u32).unwrap();
    assert_eq!(recorder.stop_session(0, Some(id)).unwrap(), [id]);
    let done = end(&events).unwrap();
    assert_eq!((done.header.id.as_deref(), done.ended), (Some("third"), EndReason::Stopped));
    let (_, last) = check(&done);
    assert!(i64::from(camera.frames().len()) >= last, "nothing after the stop");
    assert_eq!(recorder.stop_session(0, None), Err(Rejection::NoSession));
    assert_eq!(recorder.stop(), [0; 0]);
}

#[test]
fn one_at_a_time_to_mp4() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        one_at_a_time(&library, Container::Mp4, &scene());
    }
}

#[test]
fn one_at_a_time_with_sound_to_mkv() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        one_at_a_time(&library, Container::Mkv, &scene().audio(AudioCodec::Aac));
    }
}

/// What a library has begun is complete when its source ends, is lost, or the recorder stops.
fn ends_are_in_order(library: &Path) {
    // The source ends. Over TCP, where its farewell comes behind its last picture: over UDP rtspsrc may stop before that.
    let camera = RtspCamera::start_finite(&scene(), 5 * FPS as u32).unwrap();
    let dir = temp_dir().unwrap();
    let (recorder, events) = common::start_library(library, &camera.urlt(), dir.path(), Container::Mp4, None);
    camera.wait_for_frame(2 * FPS as u32).unwrap();
    ask(&recorder, request(1.0, 60.0), "at the end of the stream").unwrap();
    let done = end(&events).unwrap();
    assert_eq!(done.ended, EndReason::EndOfStream);
    let (_, last) = check(&done);
    assert_eq!(last, 5 * FPS - 1, "the last picture of all");
    assert!(done.missing_at_end_ns > 0);
    assert_eq!(ask(&recorder, request(1.0, 1.0), "too late"), Err(Rejection::SourceEnded));
    assert_eq!(recorder.stop(), [0; 0]);

    // It is lost and comes back; then the recorder stops.
    let camera = RtspCamera::start(&scene()).unwrap();
    let interval = Some(Duration::from_secs(2));
    let (recorder, events) = common::start_library(library, &camera.urlt(), dir.path(), Container::Mp4, interval);
    camera.wait_for_frame(2 * FPS as u32).unwrap();
    ask(&recorder, request(1.0, 60.0), "lost").unwrap();
    camera.wait_for_frame(4 * FPS as u32).unwrap();
    camera.disconnect_viewers();
    let done = end(&events).unwrap();
    assert_eq!(done.ended, EndReason::SourceLost);
    // The connection may have been cut in the middle of the last picture: it cannot be decoded then, and what is shown
    // for no time may be a picture or not.
    let (held, frames) = (ffprobe(&done.file).unwrap(), done.files[0].video.as_ref().unwrap().frames);
    assert!((frames..=frames + 1).contains(&held.packets) && held.begins_with_keyframe, "{held:?}");
    assert!((frames - 1..=frames).contains(&(decode(&done.file).unwrap().video().unwrap().frames.len() as u64)));
    while !matches!(events.recv_timeout(HANG_GUARD).unwrap(), Event::SourceBack { .. }) {}
    camera.wait_for_frame(camera.frames().len() + 2 * GOP as u32).unwrap();
    ask(&recorder, request(0.5, 60.0), "stopped").unwrap();
    camera.wait_for_frame(camera.frames().len() + 2 * GOP as u32).unwrap();
    assert_eq!(recorder.stop(), [0; 0]);
    let done = end(&events).unwrap();
    assert_eq!((done.header.id.as_deref(), done.ended), (Some("stopped"), EndReason::Shutdown));
    check(&done);
    // Three recordings and their sidecars.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 6);
}

#[test]
fn ends_are_in_order_everywhere() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        ends_are_in_order(&library);
    }
}

/// What lies in the past is recorded as far as it is cached, and up to now.
#[test]
fn the_past_goes_on_until_now() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        let camera = RtspCamera::start(&scene()).unwrap();
        let dir = temp_dir().unwrap();
        let (recorder, events) = common::start_library(&library, &camera.url(), dir.path(), Container::Mp4, None);
        camera.wait_for_frame(5 * FPS as u32).unwrap();
        let ago = |seconds| Moment::Ago(Duration::from_secs(seconds));
        let asked = StartRequest { start: ago(3), end: Some(ago(1)), overlap: None };
        ask(&recorder, asked, "past").unwrap();
        let done = end(&events).unwrap();
        check(&done);
        let note = done.notes.iter().find(|note| note.contains("can only record up to now"));
        assert!(note.is_some_and(|note| note.starts_with("goes on for ")), "{:?}", done.notes);
        let gone = StartRequest { start: ago(90), end: Some(ago(60)), overlap: None };
        assert_eq!(ask(&recorder, gone, "gone"), Err(Rejection::OlderThanCache));
    }
}

/// A library that does not say that a file is complete: the session has failed, with what there is of it. Returns what
/// becomes of the next start; the recorder stops all the same.
fn silence(kind: &str) -> Result<Accepted, Rejection> {
    let camera = RtspCamera::start(&scene()).unwrap();
    let dir = temp_dir().unwrap();
    let library = recordbin_double(dir.path(), &[kind]).unwrap();
    let folder = temp_dir().unwrap();
    let (recorder, events) = common::start_library(&library, &camera.url(), folder.path(), Container::Mkv, None);
    camera.wait_for_frame(2 * FPS as u32).unwrap();
    let id = ask(&recorder, request(0.0, 1.0), "first").unwrap().session;
    // It has been told to stop by then.
    camera.wait_for_frame(camera.frames().len() + 3 * FPS as u32).unwrap();
    let second = ask(&recorder, request(0.0, 1.0), "second").unwrap_err();
    assert_eq!(second, Rejection::LibraryCompletes { session: id });
    let failed = end(&events).unwrap_err();
    assert!(failed.reason.contains("has not said within 10 s that the file is complete"), "{failed:?}");
    assert_eq!((failed.header.id.as_deref(), failed.file.is_some()), (Some("first"), true));
    let third = ask(&recorder, request(0.0, 60.0), "third");
    assert_eq!(recorder.stop(), [0; 0]);
    assert!(third.is_err() || end(&events).is_err());
    third
}

#[test]
fn a_library_that_says_nothing_has_failed() {
    silence("SILENT").unwrap();
}

#[test]
fn a_library_that_never_completes_a_file_takes_no_other() {
    let refused = silence("DEAF").unwrap_err();
    assert!(matches!(&refused, Rejection::LibraryRefuses { status } if status.contains("INVALID_OP")), "{refused}");
}

#[test]
fn what_is_no_such_library_is_said() {
    let dir = temp_dir().unwrap();
    let text = dir.path().join("text.so");
    std::fs::write(&text, "This is a text.\n".repeat(100)).unwrap();
    let libm = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let libm = libm.into_iter().map(Path::new).find(|path| path.exists()).unwrap();
    for (path, words) in [
        (dir.path().join("missing.so").as_path(), &["there is no such file"][..]),
        (dir.path(), &["it is not a file"]),
        (&text, &["it cannot be loaded", "invalid ELF header"]),
        (libm, &["does not have the symbols", "NvDsSRCreate", "NvDsSRDestroy"]),
        (Path::new("libnosuchthing.so"), &["it cannot be loaded", "No such file"]),
    ] {
        let source = "launch:videotestsrc ! x264enc";
        let error =
            common::try_start(&[source], dir.path(), Container::Mp4, None, Some(path)).err().unwrap().to_string();
        let path = path.display().to_string();
        let all = words.iter().copied().chain([path.as_str(), "libnvdsgst_smartrecord.so"]);
        assert!(all.into_iter().all(|word| error.contains(word)), "{error}");
    }
}

/// What takes a library's part of the pipeline down is a failed session with a reason; the source comes back without it.
#[test]
fn a_disk_that_fails_is_said() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        let camera = RtspCamera::start(&scene()).unwrap();
        let folder = temp_dir().unwrap();
        let (recorder, events) = common::start_library(
            &library,
            &camera.urlt(),
            folder.path(),
            Container::Mp4,
            Some(Duration::from_secs(2)),
        );
        camera.wait_for_frame(2 * FPS as u32).unwrap();
        std::fs::remove_dir(folder.path()).unwrap();
        ask(&recorder, request(0.0, 1.0), "nowhere").unwrap();
        let reason = end(&events).unwrap_err().reason;
        let told = ["No such file or directory", "neither video nor audio"].iter().any(|words| reason.contains(words));
        assert!(told, "{reason}");
        std::fs::create_dir(folder.path()).unwrap();
        if reason.contains("No such file") {
            // Its pipeline has failed with it.
            while !matches!(events.recv_timeout(HANG_GUARD).unwrap(), Event::SourceBack { .. }) {}
        }
        // NVIDIA's waits for the end of that file from then on.
        match ask(&recorder, request(0.0, 1.0), "again") {
            Ok(_) => drop(check(&end(&events).unwrap())),
            Err(rejection) => assert!(matches!(rejection, Rejection::LibraryRefuses { .. }), "{rejection}"),
        }
        assert_eq!(recorder.stop(), [0; 0]);
    }
}

/// Another format in the middle of a recording goes into the same file, and the record says so.
#[test]
fn a_change_of_format_is_said() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        let part = |pictures: u32, width: u32| {
            format!(
                "videotestsrc num-buffers={pictures} ! video/x-raw,width={width},height=96,framerate=20/1 \
                 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! h264parse ! formats. "
            )
        };
        let source = format!("launch:{}{}concat name=formats ! clocksync", part(60, 256), part(200, 128));
        let folder = temp_dir().unwrap();
        let (recorder, events) = common::start_library(&library, &source, folder.path(), Container::Mp4, None);
        wait_for_first_frame(&recorder);
        ask(&recorder, request(0.0, 6.0), "both").unwrap();
        let done = end(&events).unwrap();
        println!("{}", serde_json::to_string(&done).unwrap());
        assert!(done.notes.iter().any(|note| note.contains("format changed")), "{:?}", done.notes);
        assert_eq!(ffprobe(&done.file).unwrap().packets, done.files[0].video.as_ref().unwrap().frames);
        assert_eq!(recorder.stop(), [0; 0]);
        assert!(!events.try_iter().any(|event| matches!(event, Event::Done(_) | Event::Failed(_))));
    }
}

/// A source without pictures.
#[test]
fn sound_alone_is_recorded() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        let source = "launch:audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! opusenc";
        let folder = temp_dir().unwrap();
        let (recorder, events) = common::start_library(&library, source, folder.path(), Container::Mkv, None);
        wait_for_first_frame(&recorder);
        ask(&recorder, request(0.0, 2.0), "sound").unwrap();
        let done = end(&events).unwrap();
        let audio = done.files[0].audio.as_ref().unwrap();
        assert_eq!((audio.codec.as_str(), done.files[0].video.is_some()), ("Opus", false));
        let decoded = decode(&done.file).unwrap();
        let (shown, said) = (decoded.audio().unwrap(), done.actual.running());
        // An encoder's delay and a packet's rounding.
        assert!(((shown.end_ns - shown.first_ns) - (said.end.0 - said.start.0)).abs() < 50_000_000, "{shown:?} {said}");
        assert_eq!((done.missing_at_end_ns, done.ended), (0, EndReason::EndReached));
        assert_eq!(recorder.stop(), [0; 0]);
    }
}

/// A camera that has gone: its recording ends with it, and no other begins.
#[test]
fn a_source_that_has_gone_is_not_recorded() {
    let dir = temp_dir().unwrap();
    for library in recordbin_libs(dir.path()).unwrap() {
        let camera = RtspCamera::start(&scene()).unwrap();
        let folder = temp_dir().unwrap();
        let (recorder, events) = common::start_library(
            &library,
            &camera.urlt(),
            folder.path(),
            Container::Mkv,
            Some(Duration::from_secs(2)),
        );
        camera.wait_for_frame(2 * FPS as u32).unwrap();
        ask(&recorder, request(1.0, 60.0), "running").unwrap();
        camera.wait_for_frame(4 * FPS as u32).unwrap();
        drop(camera);
        assert_eq!(end(&events).unwrap().ended, EndReason::SourceLost);
        assert_eq!(ask(&recorder, request(1.0, 1.0), "gone"), Err(Rejection::LibraryNeedsSource));
        assert_eq!(recorder.stop(), [0; 0]);
    }
}
