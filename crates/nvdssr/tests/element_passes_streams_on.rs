//! Promise: what flows through the element is what came, in its order, whatever is recorded meanwhile; downstream's
//! answers, events and queries take the same way back.
//! What recordings hold is left to `element_records`.
#![allow(clippy::unwrap_used)]

mod element;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use element::{Rig, Said, check, init, start};
use gst::prelude::*;
use parking_lot::Mutex;
use testbed::HANG_GUARD;

/// A buffer as far as anybody can tell it from another one.
#[derive(Debug, PartialEq)]
enum Passed {
    Caps(String),
    Segment,
    Eos,
    Buffer { address: usize, pts: Option<gst::ClockTime>, dts: Option<gst::ClockTime>, flags: u32, bytes: Vec<u8> },
}

fn note(pad: &gst::Pad) -> Arc<Mutex<Vec<Passed>>> {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = noted.clone();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        if let Some(buffer) = info.buffer() {
            notes.lock().push(Passed::Buffer {
                address: buffer.as_ptr() as usize,
                pts: buffer.pts(),
                dts: buffer.dts(),
                flags: buffer.flags().bits(),
                bytes: buffer.map_readable().unwrap().to_vec(),
            });
        }
        if let Some(event) = info.event() {
            match event.view() {
                gst::EventView::Caps(caps) => notes.lock().push(Passed::Caps(caps.caps().to_string())),
                gst::EventView::Segment(_) => notes.lock().push(Passed::Segment),
                gst::EventView::Eos(_) => notes.lock().push(Passed::Eos),
                _ => {}
            }
        }
        gst::PadProbeReturn::Ok
    });
    noted
}

fn pass_through(form: &str, container: &str) {
    let rig = Rig::of_clip(&format!(
        "d.video_0 ! queue ! h264parse ! video/x-h264,stream-format={form},alignment=au ! nvdssmartrecord name=r \
         ! video/x-h264,stream-format={form} ! fakesink name=v sync=false \
         d.audio_0 ! queue ! r.asink r.asrc ! fakesink name=a sync=false"
    ));
    rig.element.set_property_from_str("smart-rec-container", container);
    let pads = ["sink", "src", "asink", "asrc"].map(|name| note(&rig.element.static_pad(name).unwrap()));
    rig.at_frame(90, |element| assert!(start(element, 1.0, 1.0, "first") >= 0));
    rig.at_frame(110, |element| assert!(start(element, 1.0, 3.0, "overlaps it") >= 0));
    assert!(!rig.element.element_flags().contains(gst::ElementFlags::SINK));
    rig.play();
    // A recording may be ready before the stream ends.
    let mut ready = rig.until_eos();
    ready.retain(|said| said.name() == "smart-record-done");
    while ready.len() < 2 {
        ready.push(rig.wait_for("smart-record-done"));
    }
    rig.stop();
    let [sink, src, asink, asrc] = pads.map(|noted| std::mem::take(&mut *noted.lock()));
    assert_eq!(sink.iter().filter(|passed| matches!(passed, Passed::Buffer { .. })).count(), 300);
    assert!(asink.len() > 300, "{}", asink.len());
    assert!(sink == src, "video differs");
    assert!(asink == asrc, "audio differs");
    for done in ready {
        let (first, last) = check(&done);
        assert!(first <= 80 && last >= 119, "{first} to {last}");
        let audio = testbed::decode(done.get::<String>("location").unwrap().as_ref()).unwrap();
        assert!(audio.audio().is_ok());
    }
}

#[test]
fn untouched_as_byte_stream_beside_mp4_recordings() {
    pass_through("byte-stream", "smart-rec-mp4");
}

#[test]
fn untouched_as_avc_beside_mkv_recordings() {
    pass_through("avc", "smart-rec-mkv");
}

/// The element between two pads of the test's own.
struct Bench {
    element: gst::Element,
    before: gst::Pad,
    after: gst::Pad,
    src: gst::Pad,
    /// What `after` is to answer to a buffer.
    answer: Arc<Mutex<Result<gst::FlowSuccess, gst::FlowError>>>,
    arrived: Receiver<String>,
    went_up: Receiver<String>,
    _dir: testbed::TempDir,
}

const AVC: &str = "video/x-h264,stream-format=avc,alignment=au,width=320,height=240,framerate=30/1,\
    codec_data=(buffer)0142c01effe1000000";

impl Bench {
    fn new() -> Self {
        init();
        let dir = testbed::temp_dir().unwrap();
        let element = gst::ElementFactory::make("nvdssmartrecord")
            .property("smart-rec-dir-path", dir.path().to_str().unwrap())
            .build()
            .unwrap();
        let (up, went_up) = channel();
        let up = Mutex::new(up);
        let before = gst::Pad::builder(gst::PadDirection::Src)
            .name("before")
            .event_function(move |_, _, event| up.lock().send(format!("{:?}", event.type_())).is_ok())
            .query_function(|pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Latency(query) => {
                    query.set(true, gst::ClockTime::from_mseconds(40), gst::ClockTime::NONE);
                    true
                }
                gst::QueryViewMut::Duration(query) => {
                    query.set(gst::ClockTime::from_seconds(77));
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        let (down, arrived) = channel();
        let down = Mutex::new(down);
        let down = Arc::new(down);
        let answer = Arc::new(Mutex::new(Ok(gst::FlowSuccess::Ok)));
        let (answers, buffers, events) = (answer.clone(), down.clone(), down);
        let after = gst::Pad::builder(gst::PadDirection::Sink)
            .name("after")
            .chain_function(move |_, _, buffer| {
                buffers.lock().send(format!("buffer {}", buffer.offset())).unwrap();
                *answers.lock()
            })
            .event_function(move |_, _, event| events.lock().send(format!("{:?}", event.type_())).is_ok())
            .query_function(|pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Caps(query) => {
                    query.set_result(&"video/x-h264,stream-format={avc,byte-stream}".parse::<gst::Caps>().unwrap());
                    true
                }
                gst::QueryViewMut::AcceptCaps(query) => {
                    query.set_result(true);
                    true
                }
                gst::QueryViewMut::Allocation(query) => {
                    query.add_allocation_meta::<gst::ReferenceTimestampMeta>(None);
                    query.add_allocation_pool(Some(&gst::BufferPool::new()), 16, 2, 4);
                    query.add_allocation_param(None::<&gst::Allocator>, gst::AllocationParams::default());
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        let src = element.request_pad_simple("src").unwrap();
        let template = element.pad_template("src").unwrap();
        assert!(element.request_pad(&template, None, None).is_none(), "there is one");
        before.link(&element.static_pad("sink").unwrap()).unwrap();
        src.link(&after).unwrap();
        before.set_active(true).unwrap();
        after.set_active(true).unwrap();
        element.set_state(gst::State::Playing).unwrap();
        let bench = Self { element, before, after, src, answer, arrived, went_up, _dir: dir };
        bench.send(gst::event::StreamStart::new("x"));
        bench.send(gst::event::Caps::new(&AVC.parse().unwrap()));
        bench.send(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        for event in ["StreamStart", "Caps", "Segment"] {
            assert_eq!(bench.arrival(), event);
        }
        bench
    }

    fn send(&self, event: gst::Event) {
        assert!(self.before.push_event(event));
    }

    fn push(&self, number: u64) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut buffer = gst::Buffer::from_slice([0u8; 16]);
        let fields = buffer.get_mut().unwrap();
        fields.set_pts(gst::ClockTime::from_mseconds(number * 40));
        fields.set_offset(number);
        self.before.push(buffer)
    }

    fn arrival(&self) -> String {
        self.arrived.recv_timeout(HANG_GUARD).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn downstream_answers_reach_upstream() {
    let bench = Bench::new();
    use gst::{FlowError, FlowSuccess};
    assert_eq!(bench.push(0), Ok(FlowSuccess::Ok));
    for error in [FlowError::Eos, FlowError::Flushing, FlowError::Error, FlowError::NotNegotiated] {
        *bench.answer.lock() = Err(error);
        assert_eq!(bench.push(1), Err(error));
    }
    // Recording goes on without anybody behind, and whoever comes learns what the stream is.
    *bench.answer.lock() = Ok(FlowSuccess::Ok);
    bench.src.unlink(&bench.after).unwrap();
    assert_eq!(bench.push(2), Ok(FlowSuccess::Ok));
    // As somebody new: it has forgotten what it had been told.
    bench.after.set_active(false).unwrap();
    bench.after.set_active(true).unwrap();
    while bench.arrived.try_recv().is_ok() {}
    bench.src.link(&bench.after).unwrap();
    assert_eq!(bench.push(3), Ok(FlowSuccess::Ok));
    for arrival in ["StreamStart", "Caps", "Segment", "buffer 3"] {
        assert_eq!(bench.arrival(), arrival);
    }
}

#[test]
fn events_and_queries_take_the_way_of_the_stream() {
    let bench = Bench::new();
    while let Ok(event) = bench.went_up.try_recv() {
        assert!(["Reconfigure", "Latency"].contains(&event.as_str()), "{event}");
    }
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(3),
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    assert!(bench.after.push_event(seek.clone()));
    assert_eq!(bench.went_up.recv().unwrap(), "Seek");
    assert!(bench.element.send_event(seek));
    assert_eq!(bench.went_up.recv().unwrap(), "Seek");
    bench.send(gst::event::FlushStart::new());
    bench.send(gst::event::FlushStop::builder(true).build());
    let custom = gst::Structure::new_empty("of-an-application");
    bench.send(gst::event::CustomDownstream::new(custom));
    for event in ["FlushStart", "FlushStop", "CustomDownstream"] {
        assert_eq!(bench.arrival(), event);
    }
    assert_eq!(bench.after.peer_query_duration::<gst::ClockTime>(), Some(gst::ClockTime::from_seconds(77)));
    let mut latency = gst::query::Latency::new();
    assert!(bench.after.peer_query(&mut latency));
    assert_eq!(latency.result(), (true, gst::ClockTime::from_mseconds(40), None), "none is added");
    let caps = bench.before.peer_query_caps(None);
    let avc = "video/x-h264,stream-format=avc".parse::<gst::Caps>().unwrap();
    assert!(caps.can_intersect(&avc) && !caps.can_intersect(&"video/x-h265".parse::<gst::Caps>().unwrap()), "{caps}");
    let mut allocation = gst::query::Allocation::new(Some(&avc), true);
    assert!(bench.before.peer_query(&mut allocation));
    assert!(allocation.find_allocation_meta::<gst::ReferenceTimestampMeta>().is_some(), "downstream's own answer");
    assert_eq!(
        allocation.allocation_pools().len(),
        0,
        "what the cache keeps must not come from a pool of a few buffers"
    );
    assert_eq!(allocation.allocation_params().len(), 0, "nor from somebody's memory");
    let mut scheduling = gst::query::Scheduling::new();
    assert!(bench.after.peer_query(&mut scheduling));
    assert!(!scheduling.has_scheduling_mode(gst::PadMode::Pull));
}

#[test]
fn formats_change_and_pads_go_and_come() {
    let bench = Bench::new();
    bench.push(0).unwrap();
    assert_eq!(bench.arrival(), "buffer 0");
    // Through a parser from here on, for the recording alone.
    let caps = "video/x-h264,stream-format=byte-stream,alignment=au".parse().unwrap();
    bench.send(gst::event::Caps::new(&caps));
    assert_eq!(bench.arrival(), "Caps");
    assert_eq!(bench.after.current_caps().unwrap(), caps);
    bench.push(1).unwrap();
    assert_eq!(bench.arrival(), "buffer 1");
    bench.element.release_request_pad(&bench.src);
    assert!(bench.element.element_flags().contains(gst::ElementFlags::SINK));
    bench.push(2).unwrap();
    let src = bench.element.request_pad_simple("src").unwrap();
    assert!(!bench.element.element_flags().contains(gst::ElementFlags::SINK));
    src.link(&bench.after).unwrap();
    bench.push(3).unwrap();
    for arrival in ["StreamStart", "Caps", "Segment", "buffer 3"] {
        assert_eq!(bench.arrival(), arrival);
    }
    bench.send(gst::event::Eos::new());
    assert_eq!(bench.arrival(), "Eos");
    let asrc = bench.element.request_pad_simple("asrc").unwrap();
    bench.element.release_request_pad(&asrc);
}

/// The streaming thread waits in downstream, as in PAUSED: a second pad is refused all the same.
#[test]
fn a_pad_that_is_there_is_refused_while_the_stream_stands_still() {
    let bench = Bench::new();
    let held = bench.answer.lock();
    std::thread::scope(|scope| {
        let (sender, pushed) = channel();
        let before = bench.before.clone();
        scope.spawn(move || sender.send(before.push(gst::Buffer::from_slice([0u8; 16]))));
        assert!(bench.arrival().starts_with("buffer"));
        let (sender, refused) = channel();
        let element = bench.element.clone();
        std::thread::spawn(move || {
            let template = element.pad_template("src").unwrap();
            sender.send(element.request_pad(&template, None, None).is_none())
        });
        let answer = refused.recv_timeout(HANG_GUARD);
        drop(held);
        assert_eq!(answer, Ok(true));
        assert_eq!(pushed.recv_timeout(HANG_GUARD).unwrap(), Ok(gst::FlowSuccess::Ok));
    });
}

#[test]
fn a_pad_may_be_released_while_a_buffer_is_on_its_way() {
    let bench = Bench::new();
    let (element, src) = (bench.element.clone(), bench.src.clone());
    bench.src.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        element.release_request_pad(&src);
        gst::PadProbeReturn::Ok
    });
    assert_eq!(bench.push(0), Ok(gst::FlowSuccess::Ok));
    assert_eq!(bench.push(1), Ok(gst::FlowSuccess::Ok));
    assert!(bench.element.static_pad("src").is_none());
}

#[test]
fn what_cannot_be_parsed_is_passed_on_with_a_warning() {
    for (rest, survives) in [("! fakesink async=false", true), ("", false)] {
        let rig = Rig::new(&format!("fakesrc num-buffers=0 ! fakesink async=false nvdssmartrecord name=r {rest}"));
        let feed = gst::Pad::builder(gst::PadDirection::Src).name("feed").build();
        feed.link(&rig.element.static_pad("sink").unwrap()).unwrap();
        feed.set_active(true).unwrap();
        rig.play();
        feed.push_event(gst::event::StreamStart::new("x"));
        let caps = "video/x-h264,stream-format=byte-stream,alignment=au".parse().unwrap();
        feed.push_event(gst::event::Caps::new(&caps));
        feed.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        for number in 0..10 {
            let mut buffer = gst::Buffer::from_slice([0xffu8; 500]);
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(number * 40));
            let passed = feed.push(buffer);
            assert!(passed.is_ok() || !survives);
        }
        feed.push_event(gst::event::Eos::new());
        let mut warned = false;
        let end = loop {
            match rig.said() {
                Said::Warning(text) => warned = text.contains("cannot be recorded"),
                Said::Element(_) => {}
                end => break end,
            }
        };
        match (survives, end) {
            (true, Said::Eos) => assert!(warned),
            (false, Said::Error(_)) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
}
