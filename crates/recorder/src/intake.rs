//! What arrives on the pads of a source's recorder, as inputs of the core: buffers as frames, their times in running time,
//! and when they were made in UTC.
//! Pads and elements are left to whoever owns them, locks too; what becomes of a frame to the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gst::prelude::*;

use crate::buffer_queue::BufferQueue;
use crate::core::{Arrival, Facts, Frame, Payload, RunningTime, SourceCore, Stream, Utc, UtcOrigin};
use crate::writer::utc_now;

/// The UTC mapping is renewed this often: clocks drift by far less than a millisecond meanwhile.
const UTC_PERIOD_NS: u64 = 1_000_000_000;

/// A live frame that has been under way for longer than this is rather from a source that is not paced by the clock.
const LIVE_LIMIT: Duration = Duration::from_secs(60);

/// What a frame takes beside its media: the buffer, its memory's and its metas' headers, our own note of it. 1.4 KB of a
/// process's memory per frame of 48 bytes (measured on GStreamer 1.22.0, x86-64).
const FRAME_COST: usize = 1_400;

/// Sender's time in RTCP is counted from 1900, ours from 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800_000_000_000;

/// How a stream's buffers are timed.
#[derive(Clone, Debug, Default)]
pub enum Times {
    /// In no segment.
    #[default]
    Unknown,
    /// In a segment of rate 1: running time is so many nanoseconds ahead.
    Ahead(i64),
    /// In any other one.
    Segment(Arc<gst::FormattedSegment<gst::ClockTime>>),
}

impl Times {
    fn of(segment: gst::FormattedSegment<gst::ClockTime>) -> Self {
        let nanos = |time: gst::ClockTime| i128::from(time.nseconds());
        let start = segment.start().map_or(0, nanos) + segment.offset().map_or(0, nanos);
        // Exact for a segment as nearly all streams have it; compare gst_segment_to_running_time_full().
        let ahead = i64::try_from(segment.base().map_or(0, nanos) - start).ok();
        match ahead.filter(|_| segment.rate() == 1.0) {
            Some(ahead) => Self::Ahead(ahead),
            None => Self::Segment(Arc::new(segment)),
        }
    }

    fn running(&self, time: gst::ClockTime) -> Option<RunningTime> {
        let nanos = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
        match self {
            Self::Unknown => None,
            Self::Ahead(ahead) => Some(RunningTime(nanos(time).saturating_add(*ahead))),
            Self::Segment(segment) => match segment.to_running_time_full(time) {
                Some(gst::Signed::Positive(time)) => Some(RunningTime(nanos(time))),
                // Before the segment's start, as the decoding times of B-frames are.
                Some(gst::Signed::Negative(time)) => Some(RunningTime(-nanos(time))),
                None => None,
            },
        }
    }
}

#[derive(Default)]
struct Input {
    times: Times,
    linked: bool,
    ended: bool,
    /// Start of the last frame.
    last: Option<RunningTime>,
    /// From an earlier frame to one after it, in nanoseconds; zero while unknown.
    step: i64,
    /// How long the last frame is shown, if it says so.
    duration: Option<Duration>,
}

impl Input {
    fn next(&self) -> RunningTime {
        let step = Duration::from_nanos(self.step.unsigned_abs());
        self.last.map_or(RunningTime::ZERO, |last| last + self.duration.unwrap_or(step))
    }
}

/// What the two pads of a recorder know of their streams.
#[derive(Default)]
pub(crate) struct Intake {
    video: Input,
    /// Most sources have no sound.
    audio: Option<Box<Input>>,
}

impl Intake {
    fn of(&mut self, stream: Stream) -> &mut Input {
        match stream {
            Stream::Video => &mut self.video,
            Stream::Audio => self.audio.get_or_insert_default(),
        }
    }

    /// The pad has been linked, or its stream begins anew.
    pub(crate) fn linked(&mut self, stream: Stream) {
        self.of(stream).linked = true;
        self.of(stream).ended = false;
    }

    /// The times of what follows are in `segment`. False if it is not one of times.
    pub(crate) fn segment(&mut self, stream: Stream, segment: &gst::Segment) -> bool {
        let segment = segment.clone().downcast::<gst::ClockTime>();
        let timed = segment.is_ok();
        if let Ok(segment) = segment {
            self.of(stream).times = Times::of(segment);
        }
        timed
    }

    /// How the buffers that follow are to be read.
    pub(crate) fn times(&mut self, stream: Stream) -> Times {
        self.of(stream).times.clone()
    }

    /// What comes next has nothing to do with what was.
    pub(crate) fn forget(&mut self, stream: Stream) {
        let input = self.of(stream);
        (input.times, input.last, input.step, input.duration) = (Times::Unknown, None, 0, None);
    }

    /// Nothing more will come of a stream. True if that holds for all that have been linked.
    pub(crate) fn ended(&mut self, stream: Stream) -> bool {
        self.of(stream).ended = true;
        [Some(&self.video), self.audio.as_deref()].into_iter().flatten().all(|input| input.ended || !input.linked)
    }

    /// A buffer arrives.
    #[inline]
    pub(crate) fn frame(&mut self, stream: Stream, buffer: gst::Buffer) -> Frame<gst::Buffer> {
        frame(self.of(stream), buffer)
    }
}

/// Which streams' frames want the clocks to be read as they come: to tell the core when one was made that does not say so
/// itself, where the last time has been a while ago.
#[derive(Default)]
pub(crate) struct Due([AtomicU64; 2]);

impl Due {
    /// Whether they are to be read for a frame that arrives now. Then they have been, for the next ones. By the thread that
    /// brings the stream, without a lock.
    #[inline]
    pub(crate) fn at(&self, stream: Stream, arrival: Arrival) -> bool {
        let next = &self.0[stream as usize];
        let due = arrival.0 >= next.load(Ordering::Relaxed);
        if due {
            next.store(arrival.0.saturating_add(UTC_PERIOD_NS), Ordering::Relaxed);
        }
        due
    }
}

/// Tells the core when a frame was made, that begins at `start` by its own time, and whose clock says so.
pub(crate) fn observe<P: Payload, C: Clone + PartialEq>(
    core: &mut SourceCore<P, C>,
    stream: Stream,
    start: RunningTime,
    (utc, origin): (Utc, UtcOrigin),
) {
    let knows_better = origin == UtcOrigin::Arrival && core.timeline().utc_origin() == Some(UtcOrigin::Sender);
    if stream == core.main() && !knows_better {
        core.observe_utc(stream, start, utc, origin);
    }
}

/// What the clocks say as a frame arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// The pipeline's running time; zero where it has no clock yet.
    running: RunningTime,
    utc: Utc,
}

impl Clocks {
    /// Reads them at `element`. Takes GStreamer's locks on it and its clock.
    pub(crate) fn read(element: Option<&gst::Element>) -> Self {
        let running = element.and_then(|element| element.current_running_time()).unwrap_or(gst::ClockTime::ZERO);
        Self { running: RunningTime::ZERO + running.into(), utc: utc_now() }
    }

    /// When a frame was made that begins at `start`: then less the time it had been under way.
    pub(crate) fn made(self, start: RunningTime) -> (Utc, UtcOrigin) {
        let under_way = self.running.since(start);
        let under_way = if under_way <= LIVE_LIMIT { under_way } else { Duration::ZERO };
        (Utc(self.utc.0 - i64::try_from(under_way.as_nanos()).unwrap_or(0)), UtcOrigin::Arrival)
    }
}

impl Payload for gst::Buffer {
    type Times = Times;
    type Queue = BufferQueue;

    #[inline]
    fn facts(&self, times: &Times) -> Option<Facts> {
        let running = |time: Option<gst::ClockTime>| times.running(time?);
        let (shown, decoded) = (self.pts(), self.dts());
        let decode = running(decoded);
        let start = if shown == decoded { decode } else { running(shown).or(decode) }?;
        Some(facts_at(self, start, decode.unwrap_or(start).min(start)))
    }
}

/// What a buffer says of itself beside its times.
#[inline]
fn facts_at(buffer: &gst::BufferRef, start: RunningTime, decode: RunningTime) -> Facts {
    Facts {
        start,
        decode,
        duration: buffer.duration().map(Duration::from),
        utc: sender_utc(buffer),
        keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        bytes: buffer.size() + FRAME_COST,
    }
}

/// A buffer as a frame: its times in running time, its media by reference.
#[inline]
fn frame(input: &mut Input, buffer: gst::Buffer) -> Frame<gst::Buffer> {
    let facts = buffer.facts(&input.times);
    let plain = facts.is_some();
    // A frame without any time of its own comes when the last one is over, or as far from it as that was from the one
    // before.
    let facts = facts.unwrap_or_else(|| facts_at(&buffer, input.next(), input.next()));
    if let Some(last) = input.last.filter(|last| *last < facts.start) {
        input.step = facts.start.0.saturating_sub(last.0);
    }
    (input.last, input.duration) = (Some(facts.start), facts.duration);
    Frame::of(facts, false, plain, buffer)
}

/// The sender's clock, if rtspsrc has attached it (facts/gstreamer.md, "Camera time").
fn sender_utc(buffer: &gst::BufferRef) -> Option<Utc> {
    let metas = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    let ntp = metas
        .into_iter()
        .find(|meta| meta.reference().structure(0).is_some_and(|structure| structure.name() == "timestamp/x-ntp"))?;
    Some(Utc(i64::try_from(ntp.timestamp().nseconds()).ok()? - NTP_TO_UNIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_gstreamer_makes_of_them() {
        gst::init().unwrap();
        let at = gst::ClockTime::from_nseconds;
        let ends = [0, 1, 999, 40_000_000, 3_600_000_000_000];
        for (start, base, offset, rate) in ends
            .into_iter()
            .flat_map(|start| ends.map(|base| (start, base)))
            .flat_map(|(start, base)| [(start, base, 0, 1.0), (start, base, 500, 1.0), (start, base, 0, 2.0)])
        {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(at(start));
            segment.set_base(at(base));
            segment.set_offset(at(offset));
            segment.set_rate(rate);
            let times = Times::of(segment.clone());
            assert_eq!(matches!(times, Times::Ahead(_)), rate == 1.0);
            for time in ends.into_iter().chain([u32::MAX.into(), 7_200_000_000_000]) {
                let expected = Times::Segment(Arc::new(segment.clone())).running(at(time));
                assert_eq!(times.running(at(time)), expected, "{time} in {segment:?}");
            }
        }
    }
}
