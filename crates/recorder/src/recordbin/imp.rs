//! The GObject behind [`super::Recordbin`]: pads, their events and buffers, and the one lock around the core.
//! Under the lock the core decides and its actions are queued to writers, in order; nothing there waits or does I/O.
//! Decisions are left to the core, files to the writers.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::{Condvar, Mutex};

use super::Setup;
use crate::container::codec_name;
use crate::core::{
    Accepted, Action, Actions, Arrival, EndReason, Frame, Rejection, RunningTime, SessionId, SourceCore, StartRequest,
    Stream, Utc, UtcOrigin,
};
use crate::event::{Event, EventSink};
use crate::record::{Closing, Trigger};
use crate::writer::{Job, Outcome, Writer, utc_now};
use crate::{Error, container};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("nvdssmartrecord", gst::DebugColorFlags::empty(), Some("Smart record bin"))
});

/// The zero of all arrivals in this process.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn arrival() -> Arrival {
    Arrival(u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// The UTC mapping is renewed this often: clocks drift by far less than a millisecond meanwhile.
const UTC_PERIOD: Duration = Duration::from_secs(1);

/// A live frame that has been under way for longer than this is rather from a source that is not paced by the clock.
const LIVE_LIMIT: Duration = Duration::from_secs(60);

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
}

impl Input {
    fn next(&self) -> RunningTime {
        self.last.map_or(RunningTime::ZERO, |last| last + self.step)
    }
}

struct State {
    core: SourceCore<gst::Buffer, gst::Caps>,
    writers: HashMap<SessionId, Writer>,
    threads: Vec<JoinHandle<()>>,
    video: Input,
    audio: Input,
    utc_renewed: Option<Arrival>,
}

impl State {
    fn input(&mut self, stream: Stream) -> &mut Input {
        match stream {
            Stream::Video => &mut self.video,
            Stream::Audio => &mut self.audio,
        }
    }

    /// Queues what the core has decided. The lock is held, so that the order stays; sending to a queue does not wait.
    fn perform(&mut self, actions: Actions<gst::Buffer, gst::Caps>) {
        for action in actions {
            match action {
                Action::Open { session, streams, first, unordered } => {
                    if let Some(writer) = self.writers.get(&session) {
                        writer.open(streams, first, unordered);
                    }
                }
                Action::EndStream { session, stream } => {
                    if let Some(writer) = self.writers.get(&session) {
                        writer.end_stream(stream);
                    }
                }
                Action::Write { session, stream, frame } => {
                    if let Some(writer) = self.writers.get(&session) {
                        writer.write(stream, frame);
                    }
                }
                Action::Close { session, ended } => {
                    let timeline = self.core.timeline();
                    let closing = Closing {
                        actual_utc: timeline.utc_interval(ended.delivered.interval),
                        utc_origin: timeline.utc_origin(),
                        ended,
                    };
                    if let Some(writer) = self.writers.get(&session) {
                        writer.close(closing);
                    }
                }
                Action::Fail { session, reason } => {
                    if let Some(writer) = self.writers.get(&session) {
                        writer.fail(reason);
                    }
                }
            }
        }
    }
}

/// What lives from `set_up` to the end.
pub(super) struct Inner {
    setup: Setup,
    events: EventSink,
    state: Mutex<State>,
    /// A session has ended.
    idle: Condvar,
}

/// The GObject's private part.
#[derive(Default)]
pub struct Recordbin {
    inner: OnceLock<Arc<Inner>>,
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
impl ElementImpl for Recordbin {}
impl BinImpl for Recordbin {}

impl Recordbin {
    pub(super) fn set_up(&self, setup: Setup, events: EventSink) -> Result<(), Error> {
        let state = State {
            core: SourceCore::new(setup.config),
            writers: HashMap::new(),
            threads: Vec::new(),
            video: Input::default(),
            audio: Input::default(),
            utc_renewed: None,
        };
        for (stream, name) in [(Stream::Video, "sink"), (Stream::Audio, "asink")] {
            let caps = setup.container.accepts(stream)?;
            self.add_pad(stream, name, &caps);
        }
        // The bin ends streams: a pipeline waits for its EOS message as for a sink's.
        self.obj().set_element_flags(gst::ElementFlags::SINK);
        let inner = Inner { setup, events, state: Mutex::new(state), idle: Condvar::new() };
        // `set_up` is called once, by `Recordbin::new`.
        drop(self.inner.set(Arc::new(inner)));
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

    fn inner(&self) -> Option<&Arc<Inner>> {
        self.inner.get()
    }

    /// The pad has been linked, or its stream begins anew.
    fn linked(&self, stream: Stream) {
        if let Some(inner) = self.inner() {
            let mut state = inner.state.lock();
            state.input(stream).linked = true;
            state.input(stream).ended = false;
            let actions = state.core.link(stream);
            state.perform(actions);
        }
    }

    fn chain(&self, stream: Stream, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(inner) = self.inner() else { return Err(gst::FlowError::NotNegotiated) };
        let arrival = arrival();
        let mut state = inner.state.lock();
        let frame = frame(state.input(stream), buffer);
        if stream == state.core.main() {
            self.renew_utc(&mut state, &frame, arrival);
        }
        let actions = state.core.push(stream, frame, arrival);
        state.perform(actions);
        Ok(gst::FlowSuccess::Ok)
    }

    /// Learns what UTC a running time has: from the sender's own clock where the buffer carries it, else from the
    /// moment of arrival less the time the frame has been under way since it was captured.
    fn renew_utc(&self, state: &mut State, frame: &Frame<gst::Buffer>, arrival: Arrival) {
        if let Some(utc) = sender_utc(&frame.payload) {
            state.core.observe_utc(frame.start, utc, UtcOrigin::Sender);
            return;
        }
        if state.utc_renewed.is_some_and(|renewed| arrival - renewed < UTC_PERIOD)
            || state.core.timeline().utc_origin() == Some(UtcOrigin::Sender)
        {
            return;
        }
        state.utc_renewed = Some(arrival);
        let now = utc_now();
        let clock = self.obj().current_running_time().unwrap_or(gst::ClockTime::ZERO);
        let under_way = (RunningTime::ZERO + clock.into()).since(frame.start);
        let under_way = if under_way <= LIVE_LIMIT { under_way } else { Duration::ZERO };
        let captured = now.0 - i64::try_from(under_way.as_nanos()).unwrap_or(0);
        state.core.observe_utc(frame.start, Utc(captured), UtcOrigin::Arrival);
    }

    fn event(&self, pad: &gst::Pad, stream: Stream, event: gst::Event) -> bool {
        let Some(inner) = self.inner() else { return false };
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
                inner.state.lock().input(stream).segment = Some(segment);
            }
            gst::EventView::StreamStart(_) => self.linked(stream),
            gst::EventView::Eos(_) => self.end_of_stream(stream),
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn caps(&self, pad: &gst::Pad, stream: Stream, caps: &gst::CapsRef) -> bool {
        let Some(inner) = self.inner() else { return false };
        let accepted = pad.pad_template_caps().can_intersect(caps);
        if !accepted {
            let container = inner.setup.container;
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("{}", container::refusal(container, stream, caps)),
                ["{container} does not take {caps}"]
            );
            return false;
        }
        gst::info!(CAT, imp = self, "{} is {}: {caps}", stream.name(), codec_name(caps));
        let mut state = inner.state.lock();
        let actions = state.core.format(stream, caps.to_owned());
        state.perform(actions);
        true
    }

    fn end_of_stream(&self, stream: Stream) {
        let Some(inner) = self.inner() else { return };
        let all = {
            let mut state = inner.state.lock();
            state.input(stream).ended = true;
            let actions = state.core.end_of_stream(stream);
            state.perform(actions);
            [&state.video, &state.audio].into_iter().all(|input| input.ended || !input.linked)
        };
        if all {
            (inner.events)(Event::SourceEnded { source: inner.setup.source.index, error: None });
            // Nobody listens on the bus of a bin that is in no pipeline.
            drop(self.obj().post_message(gst::message::Eos::builder().src(&*self.obj()).build()));
        }
    }

    pub(super) fn start(
        &self,
        request: StartRequest,
        trigger: Trigger,
        answer: impl FnOnce(&Accepted),
    ) -> Result<Accepted, Rejection> {
        let Some(inner) = self.inner() else { return Err(Rejection::NothingYet) };
        let (writer, unstarted) = Writer::prepare();
        let accepted = {
            let mut state = inner.state.lock();
            let (accepted, actions) = state.core.start(request, arrival())?;
            state.writers.insert(accepted.session, writer);
            state.perform(actions);
            if let Some(writer) = state.writers.get(&accepted.session) {
                writer.limit_from_here();
            }
            accepted
        };
        let job = Job {
            session: accepted.session,
            source: inner.setup.source.clone(),
            trigger,
            names: inner.setup.names.clone(),
            container: inner.setup.container,
            sidecar: inner.setup.sidecar,
        };
        // Only the thread can end the session, so that the answer comes before the end.
        answer(&accepted);
        let owner = inner.clone();
        match unstarted.start(job.clone(), move |session, outcome| owner.finished(session, outcome)) {
            Ok(thread) => inner.state.lock().threads.push(thread),
            Err(error) => inner.finished(accepted.session, Err(job.failed_to_begin(&error))),
        }
        Ok(accepted)
    }

    pub(super) fn stop(&self, session: Option<SessionId>) -> Result<Vec<SessionId>, Rejection> {
        let Some(inner) = self.inner() else { return Err(Rejection::NoSession) };
        let mut state = inner.state.lock();
        let (stopped, actions) = state.core.stop(session, arrival())?;
        state.perform(actions);
        Ok(stopped)
    }

    pub(super) fn now(&self) -> Option<RunningTime> {
        self.inner()?.state.lock().core.timeline().now(arrival())
    }

    pub(super) fn interrupt(&self) {
        if let Some(inner) = self.inner() {
            inner.state.lock().core.interrupt();
        }
    }

    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.inner()?.state.lock().core.timeline().silent_for(arrival())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.inner().is_some_and(|inner| inner.state.lock().core.has_ended())
    }

    pub(super) fn advance(&self) {
        if let Some(inner) = self.inner() {
            let mut state = inner.state.lock();
            let actions = state.core.advance(arrival());
            state.perform(actions);
        }
    }

    pub(super) fn sessions(&self) -> usize {
        self.inner().map_or(0, |inner| inner.state.lock().writers.len())
    }

    pub(super) fn end(&self, reason: EndReason) {
        if let Some(inner) = self.inner() {
            let mut state = inner.state.lock();
            let actions = state.core.end(reason);
            state.perform(actions);
        }
    }

    pub(super) fn wait_idle(&self, limit: Duration) -> bool {
        let Some(inner) = self.inner() else { return true };
        let deadline = Instant::now() + limit;
        let threads = {
            let mut state = inner.state.lock();
            while !state.writers.is_empty() {
                if inner.idle.wait_until(&mut state, deadline).timed_out() {
                    return false;
                }
            }
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            // A writer's panic has been caught and told as a failed session.
            drop(thread.join());
        }
        true
    }
}

impl Inner {
    /// The writer of a session has ended: tells everybody.
    fn finished(&self, session: SessionId, outcome: Outcome) {
        (self.events)(match outcome {
            Ok(done) => Event::Done(done),
            Err(failed) => Event::Failed(failed),
        });
        self.forget(session);
    }

    fn forget(&self, session: SessionId) {
        let mut state = self.state.lock();
        state.core.finished(session);
        state.writers.remove(&session);
        // The threads of earlier sessions: dropping the handle of one that has ended frees it.
        state.threads.retain(|thread| !thread.is_finished());
        self.idle.notify_all();
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
    // A frame without any time of its own is as far from the last one as that was from the one before.
    let start = running(buffer.pts()).or(decode).unwrap_or_else(|| input.next());
    if let Some(last) = input.last.filter(|last| *last < start) {
        input.step = start.since(last);
    }
    input.last = Some(start);
    Frame {
        start,
        decode: decode.unwrap_or(start).min(start),
        duration,
        keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        bytes: buffer.size(),
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
