//! Promise: the element is a good part of a pipeline: as a sink it speaks for its streams and ends when all files are
//! complete, it starts over after each stop, and no thread has to wait for another one to ask it for something.
//! What recordings hold is left to `element_records`.
#![allow(clippy::unwrap_used)]

mod element;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use element::{GOP, Rig, Said, VIDEO, check, files, start, stop};
use gst::prelude::*;
use parking_lot::Mutex;
use testbed::{AudioCodec, HANG_GUARD, RtspCamera, Scene};

#[test]
fn it_starts_over_and_a_stop_completes_what_runs() {
    let rig = Rig::of_clip("queue name=q ! h264parse ! nvdssmartrecord name=r r.src ! identity sync=true ! fakesink");
    // The demuxer makes its pads anew each time.
    let queue = rig.pipeline.by_name("q").unwrap().static_pad("sink").unwrap();
    rig.pipeline.by_name("d").unwrap().connect_pad_added(move |_, pad| {
        if pad.name() == "video_0" {
            pad.link(&queue).unwrap();
        }
    });
    for round in 1..=2 {
        let (sender, reached) = channel();
        let probe = rig.element.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            // The clip is played in its own time: it does not end before it is stopped.
            match info.buffer().and_then(|buffer| buffer.pts()) {
                Some(pts) if pts >= gst::ClockTime::from_mseconds(1700) => {
                    sender.send(start(&pad.parent_element().unwrap(), 1.0, 3600.0, "long")).unwrap();
                    gst::PadProbeReturn::Remove
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
        assert!(probe.is_some());
        rig.play();
        assert_eq!(reached.recv_timeout(HANG_GUARD).unwrap(), 0);
        rig.stop();
        let said: Vec<_> = rig.rest();
        let done = said.iter().find_map(|said| match said {
            Said::Element(structure) if structure.name() == "smart-record-done" => Some(structure),
            _ => None,
        });
        let done = done.unwrap_or_else(|| panic!("{said:?}"));
        assert_eq!(done.get::<String>("ended").unwrap(), "the graph stopped");
        assert_eq!(check(done).0, GOP);
        assert_eq!(files(&rig).len(), round);
    }
}

#[test]
fn off_it_records_nothing_and_ends_all_the_same() {
    let rig = Rig::of_clip(VIDEO);
    rig.element.set_property_from_str("smart-record", "smart-rec-disable");
    rig.at_frame(60, |element| assert_eq!(start(element, 1.0, 2.0, "first"), -1));
    rig.play();
    let messages = rig.until_eos();
    let rejected = messages.iter().find(|message| message.name() == "smart-record-rejected").unwrap();
    assert!(rejected.get::<String>("reason").unwrap().contains("smart-record"), "{rejected}");
    assert!(files(&rig).is_empty());
}

#[test]
fn whoever_is_told_of_a_recording_may_stop_everything() {
    let rig = Rig::of_clip(&format!("{VIDEO} r.src ! identity sync=true ! fakesink"));
    let (sender, stopped) = channel();
    let pipeline = rig.pipeline.downgrade();
    rig.element.connect("recording-done", false, move |values| {
        let done = values[1].get::<gst::Structure>().unwrap();
        if done.get::<String>("id").unwrap() == "short" {
            sender.send(pipeline.upgrade().unwrap().set_state(gst::State::Null)).unwrap();
        }
        None
    });
    rig.at_frame(10, |element| {
        assert_eq!(start(element, 0.0, 1000.0, "long"), 0);
        assert_eq!(start(element, 0.0, 0.2, "short"), 1);
    });
    rig.play();
    stopped.recv_timeout(HANG_GUARD).unwrap().unwrap();
    let names = rig.rest().into_iter().filter_map(|said| match said {
        Said::Element(structure) => Some(structure.name().to_string()),
        _ => None,
    });
    assert_eq!(names.filter(|name| name == "smart-record-done").count(), 2);
    assert_eq!(files(&rig).len(), 2);
}

#[test]
fn each_start_is_answered_once_whoever_asks_whenever() {
    let rig = Rig::of_clip(
        "queue name=q ! h264parse ! nvdssmartrecord name=r smart-rec-max-sessions=4 \
                            ! identity sync=true ! fakesink",
    );
    let queue = rig.pipeline.by_name("q").unwrap().static_pad("sink").unwrap();
    rig.pipeline.by_name("d").unwrap().connect_pad_added(move |_, pad| {
        if pad.name() == "video_0" {
            pad.link(&queue).unwrap();
        }
    });
    let ends = Arc::new(Mutex::new(0));
    let counted = ends.clone();
    rig.element.connect("recording-done", false, move |_| {
        *counted.lock() += 1;
        None
    });
    let over = AtomicBool::new(false);
    let accepted: usize = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|number: i32| {
                let (element, over) = (rig.element.clone(), &over);
                scope.spawn(move || {
                    let mut accepted = 0;
                    for round in (0..1000).cycle().take_while(|_| !over.load(Ordering::Relaxed)) {
                        accepted += usize::from(start(&element, f64::from(round % 3), 1.0, "one") >= 0);
                        stop(&element, (round + number) % 5 - 1);
                        std::thread::yield_now();
                    }
                    accepted
                })
            })
            .collect();
        for _ in 0..6 {
            rig.play();
            rig.pipeline.state(HANG_GUARD.try_into().ok()).0.unwrap();
            for _ in 0..20 {
                rig.wait_for("smart-record-accepted");
            }
            rig.stop();
        }
        over.store(true, Ordering::Relaxed);
        askers.into_iter().map(|asker| asker.join().unwrap()).sum()
    });
    println!("{accepted} accepted");
    assert!(accepted > 0);
    assert_eq!(*ends.lock(), accepted);
    assert!(files(&rig).iter().all(|file| file.ends_with(".mp4")), "{:?}", files(&rig));
}

#[test]
fn as_a_sink_it_speaks_for_its_stream() {
    let rig = Rig::of_clip(VIDEO);
    assert!(rig.element.element_flags().contains(gst::ElementFlags::SINK));
    let (sender, lengths) = channel();
    let pipeline = rig.pipeline.downgrade();
    rig.at_frame(100, move |_| {
        let length = pipeline.upgrade().unwrap().query_duration::<gst::ClockTime>();
        sender.send(length).unwrap();
    });
    rig.play();
    let length = lengths.recv_timeout(HANG_GUARD).unwrap().unwrap();
    assert!(length.seconds_f64() > 9.9 && length.seconds_f64() < 10.1, "{length}");
    rig.wait_for_eos();
    // Again from the middle, after the end.
    let middle = gst::ClockTime::from_seconds(5);
    rig.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT, middle).unwrap();
    rig.wait_for_eos();
}

#[test]
fn a_camera_is_recorded_where_it_is_watched() {
    let scene = Scene::new().gop(GOP).audio(AudioCodec::Aac).without_text();
    let camera = RtspCamera::start(&scene).unwrap();
    let rig = Rig::new(&format!(
        "rtspsrc location={} latency=100 name=s s. ! rtph264depay ! nvdssmartrecord name=r ! h264parse ! avdec_h264 \
         ! fakesink s. ! rtpmp4gdepay ! r.asink",
        camera.url()
    ));
    rig.play();
    camera.wait_for_frame(120).unwrap();
    assert_eq!(start(&rig.element, 2.0, 2.0, "one"), 0);
    camera.wait_for_frame(150).unwrap();
    assert_eq!(start(&rig.element, 2.0, 2.0, "overlaps it"), 1);
    for _ in 0..2 {
        let done = rig.wait_for("smart-record-done");
        println!("{done}");
        let decoded = testbed::decode(done.get::<String>("location").unwrap().as_ref()).unwrap();
        let counters = decoded.video().unwrap().check_unbroken().unwrap();
        assert!(counters.start().is_multiple_of(GOP) && *counters.start() < 150, "{counters:?}");
        assert_eq!(decoded.audio().unwrap().channels, 2);
        // How many pictures that is, depends on what a camera on a busy machine keeps of its promise.
        let time = |field| done.get::<i64>(field).unwrap();
        assert!(time("actual-start") <= time("asked-start") && time("actual-end") >= time("asked-end"));
        assert_eq!(done.get::<u64>("missing-at-start").unwrap() + done.get::<u64>("missing-at-end").unwrap(), 0);
    }
}

#[test]
fn nothing_is_left_of_it_when_it_has_gone() {
    let rig = Rig::of_clip(&format!("{VIDEO} r.src ! fakesink d.audio_0 ! queue ! r.asink"));
    rig.at_frame(60, |element| assert_eq!(start(element, 1.0, 1.0, "one"), 0));
    rig.play();
    rig.wait_for_eos();
    rig.stop();
    assert_eq!(files(&rig).len(), 1);
    let children = rig.element.clone().downcast::<gst::Bin>().unwrap().children();
    assert!(children.is_empty(), "{children:?}");
    let element = rig.element.downgrade();
    let pads: Vec<_> = rig.element.pads().iter().map(|pad| pad.downgrade()).collect();
    assert_eq!(pads.len(), 3);
    drop((rig, children));
    assert!(element.upgrade().is_none());
    assert!(pads.iter().all(|pad| pad.upgrade().is_none()));
}
