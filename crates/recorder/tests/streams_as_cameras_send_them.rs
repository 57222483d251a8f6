//! Promise: what is odd about a stream does not cost frames: B-frames without decoding times, sound that ends early.
//! Sources are descriptions that make such streams; files are decoded by an independent judge (ffprobe).
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{done, start};
use recorder::core::{EndReason, Moment, Rejection, StartRequest};
use recorder::record::Trigger;
use recorder::{Container, Recorder};
use testbed::{HANG_GUARD, ffprobe, temp_dir};

const FPS: u64 = 30;

/// Asks until the source has sent for long enough that a session may begin so far back.
fn ask(recorder: &Recorder, back: Duration, on: Duration) {
    let request = StartRequest { start: Moment::Ago(back), end: Some(Moment::In(on)), overlap: None };
    let began = Instant::now();
    while recorder.now(0).is_none_or(|now| now.0 < 2 * back.as_nanos() as i64) {
        assert!(began.elapsed() < HANG_GUARD, "the source does not send");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    match recorder.start_session(0, request, Trigger::default(), |_| {}) {
        Ok(accepted) => assert_eq!(accepted.late, None),
        Err(Rejection::NothingYet) => panic!("it has sent"),
        Err(other) => panic!("{other}"),
    }
}

fn b_frames(container: Container) {
    let dir = temp_dir().unwrap();
    let description = format!(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate={FPS}/1 \
         ! x264enc bframes=2 b-adapt=false key-int-max=30 speed-preset=ultrafast rc-lookahead=5 sliced-threads=true \
         ! rtph264pay ! rtpjitterbuffer ! rtph264depay"
    );
    let (recorder, events) = start(&format!("launch:{description}"), dir.path(), container);
    ask(&recorder, Duration::from_secs(1), Duration::from_millis(1_510));
    let done = done(&events);
    assert_eq!((done.ended, done.missing_at_end_ns), (EndReason::EndReached, 0));
    let frames = done.files[0].video.as_ref().unwrap().frames;
    let judged = ffprobe(&done.file).unwrap();
    assert_eq!(judged.errors, [""; 0]);
    assert_eq!((judged.frames, judged.packets), (frames, frames));
    // From the file's first frame to the one on screen at the asked end, none missing; one or two more may be there, as
    // references of those before.
    let asked = (done.header.asked.end_running_ns - done.actual.start_running_ns) as u64;
    let needed = asked.div_ceil(1_000_000_000 / FPS);
    assert!((needed..=needed + 2).contains(&frames), "{frames} frames for {needed}");
    let shown = frames as f64 / FPS as f64;
    let duration = judged.duration_s.unwrap();
    assert!((duration - shown).abs() < 2.5 / FPS as f64, "{frames} frames in {duration} s: shown at uneven times");
    recorder.stop();
}

#[test]
fn b_frames_over_rtp_in_mp4() {
    b_frames(Container::Mp4);
}

#[test]
fn b_frames_over_rtp_in_mkv() {
    b_frames(Container::Mkv);
}

#[test]
fn sound_that_has_ended_holds_nothing_back() {
    let dir = temp_dir().unwrap();
    // A second of sound, then none.
    let description = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1 \
                       ! x264enc tune=zerolatency key-int-max=30 \
                       audiotestsrc is-live=true num-buffers=47 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac";
    let (recorder, events) = start(&format!("launch:{description}"), dir.path(), Container::Mp4);
    ask(&recorder, Duration::from_millis(500), Duration::from_secs(2));
    ask(&recorder, Duration::from_millis(1_500), Duration::from_secs(1));
    let (first, second) = (done(&events), done(&events));
    for done in [first, second] {
        assert_eq!(done.ended, EndReason::EndReached);
        let judged = ffprobe(&done.file).unwrap();
        assert_eq!(judged.errors, [""; 0]);
        assert_eq!(judged.frames, done.files[0].video.as_ref().unwrap().frames);
        assert_eq!(judged.audio_codec.is_some(), done.files[0].audio.is_some(), "the record names what is in the file");
    }
    recorder.stop();
}
