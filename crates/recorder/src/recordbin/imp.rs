//! The GObject behind [`super::Recordbin`]: pads, their events, and buffers as frames.
//! What becomes of a frame is left to `sessions`.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::Mutex;

use super::Setup;
use super::sessions::{Sessions, arrival};
use crate::container::codec_name;
use crate::core::{Arrival, Frame, RunningTime, Stream, Utc, UtcOrigin};
use crate::event::{Event, EventSink};
use crate::writer::utc_now;
use crate::{Error, container};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("nvdssmartrecord", gst::DebugColorFlags::empty(), Some("Smart record bin"))
});

/// The UTC mapping is renewed this often: clocks drift by far less than a millisecond meanwhile.
const UTC_PERIOD: Duration = Duration::from_secs(1);

/// A live frame that has been under way for longer than this is rather from a source that is not paced by the clock.
const LIVE_LIMIT: Duration = Duration::from_secs(60);

/// What a frame takes beside its media: the buffer, its memory's and its metas' headers, our own note of it. 1.4 KB of a
/// process's memory per frame of 48 bytes (measured on GStreamer 1.22.0, x86-64).
const FRAME_COST: usize = 1_400;

/// Sender's time in RTCP is counted from 1900, ours from 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800_000_000_000;

#[derive(Default)]
struct Input {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    linked: bool,
    ended: bool,
    /// Start of the last frame.
    last: Option<RunningTime>,
    /// From the frame before to that one; zero while unknown.
    step: Duration,
    /// How long the last frame is shown, if it says so.
    duration: Option<Duration>,
    utc_renewed: Option<Arrival>,
}

impl Input {
    /// What comes next has nothing to do with what was.
    fn forget(&mut self) {
        (self.segment, self.last, self.step, self.duration) = (None, None, Duration::ZERO, None);
    }

    fn next(&self) -> RunningTime {
        self.last.map_or(RunningTime::ZERO, |last| last + self.duration.unwrap_or(self.step))
    }
}

/// What the pads know of their streams.
#[derive(Default)]
struct Inputs {
    video: Input,
    audio: Input,
}

impl Inputs {
    fn of(&mut self, stream: Stream) -> &mut Input {
        match stream {
            Stream::Video => &mut self.video,
            Stream::Audio => &mut self.audio,
        }
    }
}

/// The GObject's private part.
#[derive(Default)]
pub struct Recordbin {
    sessions: OnceLock<Arc<Sessions>>,
    inputs: Mutex<Inputs>,
}

#[glib::object_subclass]
impl ObjectSubclass for Recordbin {
    const NAME: &'static str = "GstNvDsSmartRecordBin";
    // The extension and the drop-in library may live in one process, each with this type.
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::Recordbin;
    type ParentType = gst::Bin;
}

impl ObjectImpl for Recordbin {}
impl GstObjectImpl for Recordbin {}
impl ElementImpl for Recordbin {
    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let changed = self.parent_change_state(transition)?;
        let playing = match transition {
            gst::StateChange::PausedToPlaying => true,
            gst::StateChange::PlayingToPaused => false,
            _ => return Ok(changed),
        };
        if let Some(sessions) = self.sessions() {
            sessions.tell(Event::Playing(playing));
        }
        Ok(changed)
    }
}
impl BinImpl for Recordbin {}

impl Recordbin {
    pub(super) fn set_up(&self, setup: Setup, events: EventSink) -> Result<(), Error> {
        for (stream, name) in [(Stream::Video, "sink"), (Stream::Audio, "asink")] {
            let caps = setup.container.accepts(stream)?;
            self.add_pad(stream, name, &caps);
        }
        // The bin ends streams: a pipeline waits for its EOS message as for a sink's.
        self.obj().set_element_flags(gst::ElementFlags::SINK);
        // `set_up` is called once, by `Recordbin::new`.
        drop(self.sessions.set(Sessions::new(setup, events)));
        Ok(())
    }

    fn add_pad(&self, stream: Stream, name: &str, caps: &gst::Caps) {
        let builder = match gst::PadTemplate::new(name, gst::PadDirection::Sink, gst::PadPresence::Always, caps) {
            Ok(template) => gst::Pad::builder_from_template(&template),
            Err(_) => gst::Pad::builder(gst::PadDirection::Sink).name(name),
        };
        let pad = builder
            .chain_function(move |_, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain(stream, buffer))
            })
            .event_function(move |pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.event(pad, stream, event))
            })
            .build();
        pad.connect_linked(move |pad, _| {
            if let Some(bin) = pad.parent().and_downcast::<super::Recordbin>() {
                bin.imp().linked(stream);
            }
        });
        if let Err(error) = self.obj().add_pad(&pad) {
            // Only a name that is taken is refused, and both names are new here.
            gst::error!(CAT, imp = self, "pad {name}: {error}");
        }
    }

    pub(super) fn sessions(&self) -> Option<&Arc<Sessions>> {
        self.sessions.get()
    }

    /// The pad has been linked, or its stream begins anew.
    fn linked(&self, stream: Stream) {
        if let Some(sessions) = self.sessions() {
            let mut inputs = self.inputs.lock();
            inputs.of(stream).linked = true;
            inputs.of(stream).ended = false;
            drop(inputs);
            sessions.core(|core| core.link(stream));
        }
    }

    fn chain(&self, stream: Stream, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(sessions) = self.sessions() else { return Err(gst::FlowError::NotNegotiated) };
        let arrival = arrival();
        let (frame, renews) = {
            let mut inputs = self.inputs.lock();
            let input = inputs.of(stream);
            let renews = input.utc_renewed.is_none_or(|renewed| arrival - renewed >= UTC_PERIOD);
            if renews {
                input.utc_renewed = Some(arrival);
            }
            (frame(input, buffer), renews)
        };
        let start = frame.start;
        let utc = match frame.utc {
            Some(utc) => Some((utc, UtcOrigin::Sender)),
            None => renews.then(|| (self.captured(start), UtcOrigin::Arrival)),
        };
        sessions.push(stream, frame, arrival, |core| {
            let knows_better =
                |origin| origin == UtcOrigin::Arrival && core.timeline().utc_origin() == Some(UtcOrigin::Sender);
            if let Some((utc, origin)) = utc.filter(|(_, origin)| stream == core.main() && !knows_better(*origin)) {
                core.observe_utc(stream, start, utc, origin);
            }
        });
        Ok(gst::FlowSuccess::Ok)
    }

    /// When a frame that arrives now was made, by this machine's clock: now less the time it has been under way.
    fn captured(&self, start: RunningTime) -> Utc {
        let clock = self.obj().current_running_time().unwrap_or(gst::ClockTime::ZERO);
        let under_way = (RunningTime::ZERO + clock.into()).since(start);
        let under_way = if under_way <= LIVE_LIMIT { under_way } else { Duration::ZERO };
        Utc(utc_now().0 - i64::try_from(under_way.as_nanos()).unwrap_or(0))
    }

    fn event(&self, pad: &gst::Pad, stream: Stream, event: gst::Event) -> bool {
        let Some(sessions) = self.sessions() else { return false };
        match event.view() {
            gst::EventView::Caps(caps) => return self.caps(pad, stream, caps.caps()),
            gst::EventView::Segment(segment) => {
                let Ok(segment) = segment.segment().clone().downcast::<gst::ClockTime>() else {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        ["the {} stream is not timed: its segment is not in time format", stream.name()]
                    );
                    return false;
                };
                self.inputs.lock().of(stream).segment = Some(segment);
            }
            gst::EventView::StreamStart(_) => self.linked(stream),
            gst::EventView::FlushStop(flush) if flush.resets_time() => {
                self.inputs.lock().of(stream).forget();
                sessions.core(|core| core.flush(stream));
            }
            gst::EventView::Eos(_) => self.end_of_stream(stream),
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn caps(&self, pad: &gst::Pad, stream: Stream, caps: &gst::CapsRef) -> bool {
        let Some(sessions) = self.sessions() else { return false };
        let accepted = pad.pad_template_caps().can_intersect(caps);
        if !accepted {
            let container = sessions.setup.container;
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("{}", container::refusal(container, stream, caps)),
                ["{container} does not take {caps}"]
            );
            return false;
        }
        gst::info!(CAT, imp = self, "{} is {}: {caps}", stream.name(), codec_name(caps));
        sessions.core(|core| core.format(stream, caps.to_owned()));
        true
    }

    fn end_of_stream(&self, stream: Stream) {
        let Some(sessions) = self.sessions() else { return };
        let all = {
            let mut inputs = self.inputs.lock();
            inputs.of(stream).ended = true;
            [&inputs.video, &inputs.audio].into_iter().all(|input| input.ended || !input.linked)
        };
        sessions.core(|core| core.end_of_stream(stream));
        if all {
            sessions.tell(Event::SourceEnded { source: sessions.setup.source.index, error: None });
            // Nobody listens on the bus of a bin that is in no pipeline.
            drop(self.obj().post_message(gst::message::Eos::builder().src(&*self.obj()).build()));
        }
    }
}

/// A buffer as a frame: its times in running time, its media by reference.
fn frame(input: &mut Input, buffer: gst::Buffer) -> Frame<gst::Buffer> {
    let running = |time: Option<gst::ClockTime>| {
        let segment = input.segment.as_ref()?;
        match segment.to_running_time_full(time?) {
            Some(gst::Signed::Positive(time)) => Some(RunningTime::ZERO + time.into()),
            // Before the segment's start, as the decoding times of B-frames are.
            Some(gst::Signed::Negative(time)) => Some(RunningTime::ZERO - time.into()),
            None => None,
        }
    };
    let decode = running(buffer.dts());
    let duration = buffer.duration().map(Duration::from);
    // A frame without any time of its own comes when the last one is over, or as far from it as that was from the one
    // before.
    let start = running(buffer.pts()).or(decode).unwrap_or_else(|| input.next());
    if let Some(last) = input.last.filter(|last| *last < start) {
        input.step = start.since(last);
    }
    (input.last, input.duration) = (Some(start), duration);
    Frame {
        start,
        decode: decode.unwrap_or(start).min(start),
        duration,
        utc: sender_utc(&buffer),
        discont: false,
        keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        bytes: buffer.size() + FRAME_COST,
        payload: buffer,
    }
}

/// The sender's clock, if rtspsrc has attached it (facts/gstreamer.md, "Camera time").
fn sender_utc(buffer: &gst::Buffer) -> Option<Utc> {
    let metas = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    let ntp = metas
        .into_iter()
        .find(|meta| meta.reference().structure(0).is_some_and(|structure| structure.name() == "timestamp/x-ntp"))?;
    Some(Utc(i64::try_from(ntp.timestamp().nseconds()).ok()? - NTP_TO_UNIX))
}
