//! Promise: the element records what it is asked for, by nvurisrcbin's signals and by those for languages without
//! pointers, and tells everything on the bus.
//! What flows through it is left to `element_passes_streams_on`, states to `element_in_a_pipeline`.
#![allow(clippy::unwrap_used)]

mod element;

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use element::{Rig, Said, VIDEO, check, files, init, start, stop};
use gst::glib;
use gst::prelude::*;
use nvdssr_sys::NvDsSRRecordingInfo;
use parking_lot::Mutex;
use testbed::HANG_GUARD;

/// `start-sr` as a program written for nvurisrcbin emits it; `None`: it passes NULL for the session.
fn start_sr(element: &gst::Element, session: Option<&mut u32>, before: u32, after: u32, user: usize) {
    let place = session.map_or(std::ptr::null_mut(), |session| std::ptr::from_mut(session).cast());
    let (place, user): (glib::Pointer, glib::Pointer) = (place, std::ptr::without_provenance_mut(user));
    element.emit_by_name::<()>("start-sr", &[&place, &before, &after, &user]);
}

#[derive(Debug, PartialEq)]
struct Info {
    session: u32,
    file: PathBuf,
    milliseconds: u64,
    size: (u32, u32),
    sound: (u32, u32),
    contains: (i32, i32),
    default_duration: u32,
    user: usize,
}

#[test]
fn programs_for_nvurisrcbin_work_with_it() {
    let rig = Rig::of_clip(&format!("{VIDEO} d.audio_0 ! queue ! r.asink"));
    let (sender, infos) = channel();
    let sender = Mutex::new(sender);
    rig.element.connect("sr-done", false, move |values| {
        let info = values[1].get::<glib::Pointer>().unwrap().cast::<NvDsSRRecordingInfo>();
        let user = values[2].get::<glib::Pointer>().unwrap().addr();
        // SAFETY: as documented, it and its texts are valid during the emission.
        let info = unsafe {
            let info = &*info;
            let text = |text| CStr::from_ptr(text).to_str().unwrap();
            Info {
                session: info.sessionId,
                file: PathBuf::from(text(info.dirpath)).join(text(info.filename)),
                milliseconds: info.duration,
                size: (info.width, info.height),
                sound: (info.channels, info.samplingRate),
                contains: (info.containsVideo, info.containsAudio),
                default_duration: (*info.ctx).initParams.defaultDuration,
                user,
            }
        };
        sender.lock().send(info).unwrap();
        None
    });
    let sessions = Arc::new(Mutex::new([77u32; 2]));
    let noted = sessions.clone();
    rig.at_frame(150, move |element| {
        let mut sessions = noted.lock();
        let [one, other] = &mut *sessions;
        start_sr(element, Some(one), 2, 1, 4711);
        start_sr(element, Some(other), 1, 100, 4712);
        start_sr(element, None, 0, 0, 4713);
        assert!(element.property::<bool>("smart-rec-status"));
    });
    let noted = sessions.clone();
    rig.at_frame(210, move |element| element.emit_by_name::<()>("stop-sr", &[&noted.lock()[1]]));
    rig.play();
    let messages = rig.until_eos();
    assert_eq!(*sessions.lock(), [0, 1]);
    assert!(!rig.element.property::<bool>("smart-rec-status"));
    let mut infos: Vec<Info> = (0..3).map(|_| infos.recv_timeout(HANG_GUARD).unwrap()).collect();
    infos.sort_by_key(|info| info.user);
    println!("{infos:?}");
    let sound = rig.element.static_pad("asink").unwrap().current_caps().unwrap();
    let rate = u32::try_from(sound.structure(0).unwrap().get::<i32>("rate").unwrap()).unwrap();
    assert_eq!(infos.iter().map(|info| info.user).collect::<Vec<_>>(), [4711, 4712, 4713]);
    // Each as long as it was asked for: 2 s and 1 s; 1 s and until it was stopped; until the clip ended. And up to a GOP.
    for (info, least) in infos.iter().zip([3_000, 3_000, 5_000]) {
        assert!((least - 100..least + 600).contains(&info.milliseconds), "{info:?}");
        assert_eq!((info.size, info.sound, info.contains), ((320, 240), (2, rate), (1, 1)));
        assert_eq!(info.default_duration, 10);
        testbed::decode(&info.file).unwrap().video().unwrap().check_unbroken().unwrap();
    }
    let name = |structure: &gst::Structure| structure.name().to_string();
    let names: Vec<_> = messages.iter().map(name).filter(|name| name.starts_with("smart-record")).collect();
    assert_eq!(names.iter().filter(|name| *name == "smart-record-accepted").count(), 3);
    assert_eq!(names.iter().filter(|name| *name == "smart-record-done").count(), 3, "all before the end: {names:?}");
    assert_eq!(files(&rig).len(), 3, "no sidecars: {:?}", files(&rig));
}

#[test]
fn parts_of_seconds_count_and_each_message_says_what_was_asked() {
    let rig = Rig::of_clip(VIDEO);
    rig.element.set_property("smart-rec-sidecar", true);
    let done = Arc::new(Mutex::new(Vec::new()));
    let noted = done.clone();
    rig.element.connect("recording-done", false, move |values| {
        noted.lock().push(values[1].get::<gst::Structure>().unwrap());
        None
    });
    rig.at_frame(100, |element| {
        assert_eq!(start(element, 0.25, 1.5, "door-4711"), 0);
        assert_eq!(element.emit_by_name::<i32>("start-recording", &[&1.0f64, &-1.0f64, &None::<String>]), 1);
    });
    rig.at_frame(200, |element| {
        assert!(stop(element, -1));
        assert!(!stop(element, -1), "none runs");
        assert!(!stop(element, 7));
    });
    rig.play();
    let messages = rig.until_eos();
    let named = |name: &str| messages.iter().filter(|message| message.name() == name).cloned().collect::<Vec<_>>();
    let accepted = named("smart-record-accepted");
    let of = |message: &gst::Structure, field: &str| message.get::<i64>(field).unwrap();
    assert_eq!(of(&accepted[0], "asked-end") - of(&accepted[0], "asked-start"), 1_750_000_000);
    assert_eq!(of(&accepted[1], "asked-end") - of(&accepted[1], "asked-start"), 11_000_000_000, "the default duration");
    assert_eq!(accepted[0].get::<String>("id").unwrap(), "door-4711");
    assert!(!accepted[1].has_field("id"));
    let rejected = named("smart-record-rejected");
    assert_eq!(rejected.len(), 2);
    assert!(rejected.iter().all(|message| message.get::<String>("command").unwrap() == "stop"), "{rejected:?}");
    assert!(rejected[1].get::<String>("reason").unwrap().contains('7'));
    let finished = named("smart-record-done");
    let first = finished.iter().find(|done| done.get::<u32>("session").unwrap() == 0).unwrap();
    let (begins, ends) = check(first);
    // Frame 99 was the last one when it was asked.
    assert!(begins == 90 && (143..=146).contains(&ends), "{begins} to {ends}");
    let record: serde_json::Value = serde_json::from_str(&first.get::<String>("record").unwrap()).unwrap();
    assert_eq!(record["id"], "door-4711");
    assert_eq!(record["file"], first.get::<String>("location").unwrap());
    assert_eq!(first.get::<String>("ended").unwrap(), "end reached");
    let other = finished.iter().find(|done| done.get::<u32>("session").unwrap() == 1).unwrap();
    check(other);
    assert!(other.get::<String>("ended").unwrap().starts_with("stopped"));
    assert_eq!(files(&rig).len(), 4, "two recordings, two sidecars");
    // The same structures, as a signal.
    let mut told: Vec<_> = done.lock().iter().map(gst::Structure::to_string).collect();
    told.sort();
    let mut posted: Vec<_> = finished.iter().map(|done| done.to_string()).collect();
    posted.sort();
    assert_eq!(told, posted);
}

#[test]
fn overlapping_starts_follow_the_policy() {
    for (policy, expected) in [("extend", "smart-record-merged"), ("reject", "smart-record-rejected")] {
        let rig = Rig::of_clip(VIDEO);
        rig.element.set_property_from_str("smart-rec-overlap", policy);
        rig.at_frame(60, |element| assert_eq!(start(element, 1.0, 2.0, "first"), 0));
        rig.at_frame(90, |element| {
            start(element, 0.0, 3.0, "second");
        });
        rig.play();
        let messages = rig.until_eos();
        let answer =
            messages.iter().find(|message| message.get::<String>("id").is_ok_and(|id| id == "second")).unwrap();
        assert_eq!(answer.name(), expected);
        let done: Vec<_> = messages.iter().filter(|message| message.name() == "smart-record-done").collect();
        assert_eq!(done.len(), if policy == "extend" { 2 } else { 1 }, "each start that was accepted is answered");
        assert_eq!(files(&rig).len(), 1);
        let decoded = testbed::decode(done[0].get::<String>("location").unwrap().as_ref()).unwrap();
        let last = *decoded.video().unwrap().check_unbroken().unwrap().end();
        assert!(if policy == "extend" { last >= 178 } else { last <= 121 }, "{last}");
    }
}

#[test]
fn what_cannot_work_is_said() {
    init();
    let rig = Rig::of_clip(VIDEO);
    assert_eq!(start(&rig.element, 0.0, 1.0, "early"), -1);
    let rejected = rig.wait_for("smart-record-rejected");
    assert!(rejected.get::<String>("reason").unwrap().contains("does not run"), "{rejected}");
    rig.element.set_property("smart-rec-dir-path", "/nonexistent/folder");
    assert!(rig.pipeline.set_state(gst::State::Playing).is_err());
    match rig.said() {
        Said::Error(error) => {
            assert!(error.contains("smart-rec-dir-path") && error.contains("/nonexistent/folder"), "{error}");
            assert!(error.contains("exists"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    rig.stop();
    rig.element.set_property("smart-rec-dir-path", rig.dir.path().to_str().unwrap());
    rig.element.set_property("smart-rec-file-prefix", "../escaped");
    assert!(rig.pipeline.set_state(gst::State::Playing).is_err());
    rig.stop();
    assert!(matches!(&rig.rest()[..], [Said::Error(error), ..] if error.contains("smart-rec-file-prefix")));
    rig.element.set_property("smart-rec-file-prefix", "gate");
    rig.element.set_property_from_str("smart-record", "smart-rec-multi");
    rig.element.set_property("smart-rec-start-time", 31u32);
    assert!(rig.pipeline.set_state(gst::State::Playing).is_err());
    rig.stop();
    let wrong = |error: &str| error.contains("smart-rec-start-time") && error.contains("30");
    assert!(matches!(&rig.rest()[..], [Said::Error(error), ..] if wrong(error)));
    rig.element.set_property_from_str("smart-record", "smart-rec-cloud");
    rig.element.set_property("smart-rec-trim", true);
    // In READY settings may still change; then it is another recorder.
    rig.pipeline.set_state(gst::State::Ready).unwrap();
    rig.element.set_property_from_str("smart-rec-container", "smart-rec-mkv");
    rig.at_frame(30, |element| assert_eq!(start(element, 1.0, 1.0, "works"), 0));
    rig.play();
    let trim = |said: &Said| matches!(said, Said::Warning(text) if text.contains("smart-rec-trim"));
    assert!(
        std::iter::repeat_with(|| rig.said()).take_while(|said| !matches!(said, Said::Eos)).any(|said| trim(&said))
    );
    rig.wait_for_eos();
    let [file] = &files(&rig)[..] else { panic!("{:?}", files(&rig)) };
    assert!(file.starts_with("gate_0") && file.ends_with(".mkv"), "{file}");
}

#[test]
fn a_mode_chooses_streams_and_nothing_waits_for_the_others() {
    for (mode, has) in [("smart-rec-mode-video", (true, false)), ("smart-rec-mode-audio", (false, true))] {
        let rig = Rig::of_clip(&format!("{VIDEO} smart-rec-mode={mode} d.audio_0 ! queue ! r.asink"));
        rig.at_frame(150, |element| assert_eq!(start(element, 1.0, 1.0, "one"), 0));
        rig.play();
        let messages = rig.until_eos();
        let done = messages.iter().find(|message| message.name() == "smart-record-done").unwrap();
        let decoded = testbed::decode(done.get::<String>("location").unwrap().as_ref()).unwrap();
        assert_eq!((decoded.video.is_some(), decoded.audio.is_some()), has, "{done}");
    }
}

#[test]
fn sound_that_the_container_does_not_take_is_left_out_with_a_warning() {
    let rig = Rig::of_clip(&format!(
        "{VIDEO} d.audio_0 ! queue ! avdec_aac ! audioconvert ! audioresample ! mulawenc ! r.asink"
    ));
    rig.at_frame(150, |element| assert_eq!(start(element, 1.0, 1.0, "one"), 0));
    rig.play();
    let (mut warnings, mut done) = (Vec::new(), Vec::new());
    loop {
        match rig.said() {
            Said::Warning(warning) => warnings.push(warning),
            Said::Element(structure) if structure.name() == "smart-record-done" => done.push(structure),
            Said::Element(_) => {}
            Said::Eos => break,
            Said::Error(error) => panic!("{error}"),
        }
    }
    assert!(matches!(&warnings[..], [one] if one.contains("G.711") && one.contains("without sound")), "{warnings:?}");
    check(&done[0]);
}

/// Frames of the clip in one form of H.264, and its caps.
fn frames(form: &str) -> (gst::Caps, Vec<gst::Buffer>) {
    let rig = Rig::of_clip(&format!(
        "d.video_0 ! queue ! h264parse ! video/x-h264,stream-format={form},alignment=au ! nvdssmartrecord name=r"
    ));
    let frames = Arc::new(Mutex::new((None, Vec::new())));
    let noted = frames.clone();
    let pad = rig.element.static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut frames = noted.lock();
        frames.0 = pad.current_caps();
        frames.1.extend(info.buffer().cloned());
        gst::PadProbeReturn::Ok
    });
    rig.play();
    rig.until_eos();
    let mut frames = frames.lock();
    (frames.0.take().unwrap(), std::mem::take(&mut frames.1))
}

#[test]
fn a_stream_may_change_its_form_while_it_is_recorded() {
    let (avc, frames_avc) = frames("avc");
    let (bytes, frames_bytes) = frames("byte-stream");
    let rig = Rig::new("fakesrc num-buffers=0 ! fakesink nvdssmartrecord name=r");
    let feed = gst::Pad::builder(gst::PadDirection::Src).name("feed").build();
    feed.link(&rig.element.static_pad("sink").unwrap()).unwrap();
    feed.set_active(true).unwrap();
    rig.play();
    assert!(feed.push_event(gst::event::StreamStart::new("x")));
    // A start before the first frame waits for it.
    assert_eq!(start(&rig.element, 0.0, 4.0, "through it"), 0);
    assert!(feed.push_event(gst::event::Caps::new(&avc)));
    assert!(feed.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    let half = 60;
    for frame in &frames_avc[..half] {
        feed.push(frame.clone()).unwrap();
    }
    assert!(feed.push_event(gst::event::Caps::new(&bytes)));
    for frame in &frames_bytes[half..180] {
        feed.push(frame.clone()).unwrap();
    }
    assert!(feed.push_event(gst::event::Eos::new()));
    let done = rig.wait_for("smart-record-done");
    println!("{done}");
    let record: serde_json::Value = serde_json::from_str(&done.get::<String>("record").unwrap()).unwrap();
    let mut numbers = Vec::new();
    for file in record["files"].as_array().unwrap() {
        let decoded = testbed::decode(file["file"].as_str().unwrap().as_ref()).unwrap();
        numbers.extend(decoded.video().unwrap().frames.iter().map(|frame| frame.counter.unwrap()));
    }
    let all: Vec<u32> = (0..u32::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, all, "no frame is lost at the change");
    assert!((120..=123).contains(&numbers.len()), "{}", numbers.len());
    rig.wait_for_eos();
}

#[test]
fn nobody_waits_for_a_pad_that_nobody_feeds() {
    let (avc, frames) = frames("avc");
    let rig = Rig::new("fakesrc num-buffers=0 ! fakesink nvdssmartrecord name=r");
    let feeds = ["sink", "asink"].map(|name| {
        let feed = gst::Pad::builder(gst::PadDirection::Src).name(format!("to_{name}")).build();
        feed.link(&rig.element.static_pad(name).unwrap()).unwrap();
        feed.set_active(true).unwrap();
        feed
    });
    rig.play();
    let aac = "audio/mpeg,mpegversion=4,stream-format=raw,channels=1,rate=8000,codec_data=(buffer)1588";
    for (feed, caps) in feeds.iter().zip([avc, aac.parse().unwrap()]) {
        assert!(feed.push_event(gst::event::StreamStart::new(&feed.name())));
        assert!(feed.push_event(gst::event::Caps::new(&caps)));
        assert!(feed.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    }
    let [video, audio] = feeds;
    let mut sound = gst::Buffer::from_slice([0u8; 32]);
    sound.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    audio.push(sound).unwrap();
    for (number, frame) in frames[..90].iter().enumerate() {
        if number == 30 {
            assert_eq!(start(&rig.element, 0.5, 1.0, "one"), 0);
            audio.unlink(&rig.element.static_pad("asink").unwrap()).unwrap();
        }
        video.push(frame.clone()).unwrap();
    }
    check(&rig.wait_for("smart-record-done"));
    assert!(video.push_event(gst::event::Eos::new()));
    rig.wait_for_eos();
}
