//! A recordbin that a test feeds by hand: buffers go straight into its pads, faster than real time, and sessions are
//! asked for in the stream's own time, so that what a file must hold is known to the frame.
//! Media is in `clip`, the comparison of files with what they must hold in `judge`.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

pub mod clip;
pub mod judge;

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use clip::Unit;
use gst::prelude::*;
use recorder::core::{Accepted, Config, Moment, Overlap, StartRequest, Stream, Utc};
use recorder::event::{Event, EventSink};
use recorder::file_name::FileNames;
use recorder::record::{SourceName, Trigger};
use recorder::recordbin::Setup;
use recorder::{Container, DoneRecord, Recordbin};
use testbed::TempDir;

/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
/// UTC of running time 0, as the fed buffers say (2026-01-01T00:00:00Z).
const ZERO_UTC: i64 = 1_767_225_600 * SECOND;
/// Sender's time in RTCP is counted from 1900, ours from 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800 * SECOND;
/// The buffers' own time at running time 0: decoding times of B-frames lie before it.
const SEGMENT_START: i64 = 3_600 * SECOND;

static NTP: LazyLock<gst::Caps> = LazyLock::new(|| gst::Caps::new_empty_simple("timestamp/x-ntp"));

/// A recordbin, its folder and its events.
pub struct Fed {
    /// The recordbin.
    pub bin: Recordbin,
    /// Where its files go.
    pub dir: TempDir,
    events: Receiver<Event>,
    /// The buffers' own time at running time 0, per stream.
    zero: Mutex<[i64; 2]>,
}

impl Fed {
    /// A recordbin of `streams` with a cache of `window` seconds.
    pub fn new(container: Container, streams: &[Stream], window: u64) -> Self {
        let dir = testbed::temp_dir().unwrap();
        let (sender, events) = channel();
        let sender = Mutex::new(sender);
        // The receiver goes with the test; what comes later interests nobody.
        let sink: EventSink = Arc::new(move |event| drop(sender.lock().unwrap().send(event)));
        let setup = Setup {
            source: SourceName { index: 0, sensor: "gate".into() },
            config: Config {
                window: Duration::from_secs(window),
                cache_bytes: 0,
                default_duration: Duration::from_secs(10),
                max_duration: Duration::ZERO,
                max_sessions: 1_000,
                max_pending: 256 << 20,
                overlap: Overlap::Separate,
                both: streams.len() > 1,
                early: false,
            },
            container,
            names: FileNames { dir: dir.path().into(), prefix: "Smart_Record".into(), source: None },
            sidecar: true,
            trim: false,
            total_cache_bytes: 0,
        };
        let bin = Recordbin::new(setup, sink).unwrap();
        bin.set_state(gst::State::Playing).unwrap();
        Self { bin, dir, events, zero: Mutex::new([SEGMENT_START; 2]) }
    }

    /// Sends an event into a stream's pad.
    pub fn event(&self, stream: Stream, event: gst::Event) -> bool {
        self.bin.pad(stream).unwrap().send_event(event)
    }

    /// A stream begins: its start, its format, its segment.
    pub fn begin(&self, stream: Stream, caps: &gst::Caps) {
        assert!(self.event(stream, gst::event::StreamStart::new(stream.name())));
        self.format(stream, caps);
        self.segment(stream, SEGMENT_START, 0);
    }

    /// The stream's format from here on.
    pub fn format(&self, stream: Stream, caps: &gst::Caps) {
        assert!(self.event(stream, gst::event::Caps::new(caps)), "{caps} is taken");
    }

    /// A new segment: buffers that are timed `start` have the running time `running` from here on.
    pub fn segment(&self, stream: Stream, start: i64, running: i64) {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_start(gst::ClockTime::from_nseconds(start as u64));
        segment.set_base(gst::ClockTime::from_nseconds(running as u64));
        assert!(self.event(stream, gst::event::Segment::new(&segment)));
        self.zero.lock().unwrap()[stream as usize] = start - running;
    }

    /// A unit of a stream arrives.
    pub fn push(&self, stream: Stream, unit: &Unit) {
        let buffer = self.buffer(stream, unit);
        self.bin.pad(stream).unwrap().chain(buffer).unwrap();
    }

    /// The buffer of a unit as it reaches the pad.
    pub fn buffer(&self, stream: Stream, unit: &Unit) -> gst::Buffer {
        let zero = self.zero.lock().unwrap()[stream as usize];
        let time = |time: Option<i64>| time.map(|time| gst::ClockTime::from_nseconds((zero + time) as u64));
        let mut buffer = unit.media.copy();
        let header = buffer.get_mut().unwrap();
        header.set_pts(time(unit.pts));
        header.set_dts(time(unit.dts));
        header.set_duration(unit.duration.map(|duration| gst::ClockTime::from_nseconds(duration as u64)));
        if let Some(pts) = unit.pts {
            // The sender's clock: what is asked for in UTC is exact to the nanosecond.
            let ntp = gst::ClockTime::from_nseconds((NTP_TO_UNIX + ZERO_UTC + pts) as u64);
            gst::ReferenceTimestampMeta::add(header, &NTP, ntp, gst::ClockTime::NONE);
        }
        buffer
    }

    /// All units of a stream arrive.
    pub fn push_all<'a>(&self, stream: Stream, units: impl IntoIterator<Item = &'a Unit>) {
        units.into_iter().for_each(|unit| self.push(stream, unit));
    }

    /// Asks for [from, to) in nanoseconds of running time.
    pub fn record(&self, from: i64, to: i64, id: &str) -> Accepted {
        let accepted = self.record_by_sender(from, to, id);
        assert_eq!((accepted.asked.start.0, accepted.asked.end.0), (from, to), "asked as it was meant");
        accepted
    }

    /// Asks for what the sender's clock calls [from, to): the same as running time until the stream's time begins anew.
    pub fn record_by_sender(&self, from: i64, to: i64, id: &str) -> Accepted {
        let utc = |time| Moment::Utc(Utc(ZERO_UTC + time));
        let request = StartRequest { start: utc(from), end: Some(utc(to)), overlap: None };
        let trigger = Trigger { id: Some(id.into()), metadata: None };
        self.bin.start(request, trigger, |_| {}).unwrap()
    }

    /// The next done record.
    pub fn done(&self) -> Box<DoneRecord> {
        loop {
            match self.events.recv_timeout(testbed::HANG_GUARD).unwrap() {
                Event::Done(done) => return done,
                Event::Notice(_) | Event::SourceEnded { .. } | Event::SessionsChanged | Event::Playing(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        // A test that has failed has said why; one that has passed has waited for its sessions.
        let _ = self.bin.set_state(gst::State::Null);
    }
}
