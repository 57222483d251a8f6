//! The GObject behind `nvdssmartrecord`: states, pads, signals and messages, and where they come together.
//! A stream's way is left to `input`, what the settings mean to `recording`, sessions to `context`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::Mutex;
use recorder::Recordbin;
use recorder::core::{Moment, RunningTime, StartRequest, Stream};
use recorder::event::Event;
use recorder::record::Trigger;

use super::end::{Change, End};
use super::enums::{Mode, Triggers};
use super::input::{Input, Target};
use super::local_events::LocalTriggers;
use super::properties::{self, Settings};
use super::templates::TEMPLATES;
use super::{message, recording, signals};
use crate::context::{Context, Ended, Owner};
use crate::info::Info;
use crate::public::UserData;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("nvdssmartrecord-element", gst::DebugColorFlags::empty(), Some("Smart record element"))
});

/// Where recordings are made, from READY on.
struct Running {
    context: Arc<Context>,
    /// What it was made from.
    settings: Settings,
    local_events: Option<LocalTriggers>,
}

/// The GObject's private part.
pub struct SmartRecord {
    settings: Mutex<Settings>,
    video: Input,
    audio: Input,
    running: Mutex<Option<Running>>,
    end: Mutex<End>,
}

#[glib::object_subclass]
impl ObjectSubclass for SmartRecord {
    const NAME: &'static str = "GstNvDsSmartRecord";
    type Type = super::SmartRecord;
    type ParentType = gst::Bin;

    fn with_class(klass: &Self::Class) -> Self {
        Self {
            settings: Mutex::default(),
            video: Input::new(klass, Stream::Video),
            audio: Input::new(klass, Stream::Audio),
            running: Mutex::new(None),
            end: Mutex::default(),
        }
    }
}

impl ObjectImpl for SmartRecord {
    fn constructed(&self) {
        self.parent_constructed();
        // The recordbin inside is a sink; whether this is one depends on its own pads.
        self.obj().set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        for input in self.inputs() {
            if let Err(error) = self.obj().add_pad(&input.sink) {
                // Only a name that is taken is refused, and both names are new here.
                gst::error!(CAT, imp = self, "{error}");
            }
            input.sink.connect_unlinked(|pad, _| {
                if let Some(element) = pad.parent().and_downcast::<super::SmartRecord>() {
                    element.imp().settle();
                }
            });
        }
        self.tell_if_sink();
    }

    fn properties() -> &'static [glib::ParamSpec] {
        &properties::SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let set = self.settings.lock().set(spec.name(), value);
        if let Err(reason) = set {
            // A property cannot refuse; going to READY does, with the same reason.
            gst::warning!(CAT, imp = self, "{}: {reason}", spec.name());
        }
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        match spec.name() {
            properties::STATUS => {
                let context = self.running.lock().as_ref().map(|running| running.context.clone());
                context.is_some_and(|context| !context.recordbin().running().is_empty()).to_value()
            }
            _ => self.settings.lock().get(spec),
        }
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        &signals::SIGNALS
    }
}

impl GstObjectImpl for SmartRecord {}

impl ElementImpl for SmartRecord {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Smart record",
                "Sink/Muxer/File",
                "Keeps the last seconds of encoded video and audio in memory and records events on demand, the seconds \
                 before them included, into MP4 or Matroska files; passes the streams on where src pads are requested",
                "The NvDsSmartRecord founders",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange::*;
        match transition {
            NullToReady => self.open()?,
            ReadyToPaused => self.reopen()?,
            _ => {}
        }
        let result = self.parent_change_state(transition);
        // An element that does not become READY is not told to become NULL.
        if matches!(transition, PausedToReady | ReadyToNull) || (transition == NullToReady && result.is_err()) {
            self.close();
        }
        result
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let stream = if template.name_template() == "asrc" { Stream::Audio } else { Stream::Video };
        let pad = self.input(stream).request(template)?;
        if let Err(error) = self.obj().add_pad(&pad) {
            gst::error!(CAT, imp = self, "{error}");
            self.input(stream).release(&pad);
            return None;
        }
        self.tell_if_sink();
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        if self.inputs().into_iter().any(|input| input.release(pad)) {
            // What fails is gone already.
            drop(pad.set_active(false));
            drop(self.obj().remove_pad(pad));
            self.tell_if_sink();
            self.settle();
        }
    }

    fn send_event(&self, event: gst::Event) -> bool {
        let mut linked = self.inputs().into_iter().filter(|input| input.sink.is_linked());
        if event.is_upstream() {
            // One is enough: whoever acts on it does so for both streams.
            linked.next().is_some_and(|input| input.sink.push_event(event))
        } else {
            linked.filter(|input| input.sink.send_event(event.clone())).count() > 0
        }
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        let mut linked = self.inputs().into_iter().filter(|input| input.sink.is_linked());
        match query.view_mut() {
            gst::QueryViewMut::Latency(query) => {
                // As a sink that shows nothing: nothing has to wait for it.
                let mut all = (false, gst::ClockTime::ZERO, None::<gst::ClockTime>);
                for input in linked {
                    let mut peer = gst::query::Latency::new();
                    if !input.sink.peer_query(&mut peer) {
                        return false;
                    }
                    let (live, least, most) = peer.result();
                    let most = [all.2, most].into_iter().flatten().min();
                    all = (all.0 || live, all.1.max(least), most);
                }
                query.set(all.0, all.1, all.2);
                true
            }
            gst::QueryViewMut::Duration(_) | gst::QueryViewMut::Position(_) | gst::QueryViewMut::Seeking(_) => {
                linked.any(|input| input.sink.peer_query(query))
            }
            _ => self.parent_query(query),
        }
    }
}

impl BinImpl for SmartRecord {
    fn handle_message(&self, message: gst::Message) {
        match message.view() {
            // The recordbin's end is not yet that of its recordings.
            gst::MessageView::Eos(_) => {}
            // A parser finds the stream damaged. Whoever is behind may still make something of it.
            gst::MessageView::Error(error)
                if !self.is_sink() && !message.src().is_some_and(|src| src.is::<Recordbin>()) =>
            {
                let text = format!("the stream is passed on, but cannot be recorded: {}", error.error());
                let debug = error.debug().unwrap_or_default();
                gst::element_imp_warning!(self, gst::StreamError::Decode, ("{text}"), ["{debug}"]);
            }
            _ => self.parent_handle_message(message),
        }
    }
}

impl SmartRecord {
    fn inputs(&self) -> [&Input; 2] {
        [&self.video, &self.audio]
    }

    pub(super) fn input(&self, stream: Stream) -> &Input {
        match stream {
            Stream::Video => &self.video,
            Stream::Audio => &self.audio,
        }
    }

    fn is_sink(&self) -> bool {
        self.inputs().into_iter().all(|input| input.out().is_none())
    }

    /// A pipeline waits for the end of its sinks.
    fn tell_if_sink(&self) {
        if self.is_sink() {
            self.obj().set_element_flags(gst::ElementFlags::SINK);
        } else {
            self.obj().unset_element_flags(gst::ElementFlags::SINK);
        }
    }

    /// Makes the recordbin.
    fn open(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings.lock().clone();
        let setup = recording::setup(&settings, &self.obj().name());
        let setup = setup.map_err(|error| self.cannot(gst::ResourceError::OpenWrite, &error))?;
        if let Some(notice) = recording::notice(&settings) {
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{notice}"));
        }
        let (container, init) = (setup.container, recording::init(&setup));
        let context = Context::new(setup, init, Box::new(Told(self.obj().downgrade())));
        let context = context.map_err(|error| self.cannot(gst::ResourceError::Failed, &error))?;
        let bin = context.recordbin().clone();
        self.obj().add(&bin).map_err(|error| self.cannot(gst::ResourceError::Failed, &error))?;
        if settings.triggers != Triggers::Off {
            let wanted = [(Stream::Video, Mode::AudioOnly), (Stream::Audio, Mode::VideoOnly)];
            for (stream, _) in wanted.into_iter().filter(|(_, without)| settings.mode != *without) {
                let optional = stream == Stream::Audio && settings.mode == Mode::AudioAndVideo;
                self.input(stream).set_target(bin.pad(stream).map(|pad| Target { pad, container, optional }));
            }
        }
        *self.running.lock() = Some(Running { context, settings, local_events: None });
        Ok(())
    }

    /// After PAUSED, or where settings have changed in READY, there is a new recordbin.
    fn reopen(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings.lock().clone();
        if self.running.lock().as_ref().is_none_or(|running| running.settings != settings) {
            self.close();
            self.open()?;
        }
        let Some(schedule) = recording::local_events(&settings) else { return Ok(()) };
        let local_events = LocalTriggers::start(self.obj().downgrade(), schedule);
        let local_events = local_events.map_err(|error| self.cannot(gst::ResourceError::Failed, &error))?;
        if let Some(running) = &mut *self.running.lock() {
            running.local_events = Some(local_events);
        }
        Ok(())
    }

    /// Ends all recordings and waits until their files are complete. Nothing flows any more.
    fn close(&self) {
        let Some(running) = self.running.lock().take() else { return };
        drop(running.local_events);
        for input in self.inputs() {
            input.set_target(None);
        }
        running.context.close();
        let bin = running.context.recordbin();
        bin.set_locked_state(true);
        // A bin without children has nothing that could fail.
        let _ = bin.set_state(gst::State::Null);
        drop(self.obj().remove(bin));
        self.end.lock().step(Change::Anew);
    }

    /// Says why the element cannot start.
    fn cannot(&self, code: impl gst::MessageErrorDomain, error: &dyn std::fmt::Display) -> gst::StateChangeError {
        gst::element_imp_error!(self, code, ("{error}"));
        gst::StateChangeError
    }

    pub(super) fn sink_event(&self, stream: Stream, event: gst::Event) -> bool {
        let input = self.input(stream);
        let kind = event.type_();
        if matches!(kind, gst::EventType::StreamStart | gst::EventType::FlushStop) {
            input.set_ended(false);
            self.end.lock().step(Change::Anew);
        }
        let element = self.obj();
        if let gst::EventView::StreamStart(start) = event.view()
            && self.is_sink()
        {
            // As every sink tells; a pipeline waits for all of them.
            let message = gst::message::StreamStart::builder().src(&*element).seqnum(event.seqnum());
            drop(element.post_message(message.group_id_if_some(start.group_id()).build()));
        }
        let passed = input.pass(&element, event);
        if kind == gst::EventType::Eos {
            input.set_ended(true);
            self.settle();
        }
        passed
    }

    /// A stream has ended, or nobody feeds it any more: nothing waits for it, and with the last one all is over.
    fn settle(&self) {
        let gone = |input: &Input| input.has_ended() || !input.sink.is_linked();
        let (video, audio) = (gone(&self.video), gone(&self.audio));
        // A camera's pictures may come back, and their recordings with them, as long as there is sound.
        if !self.audio.sink.is_linked() && !self.audio.has_ended() {
            self.audio.end_recording();
        }
        if !self.video.sink.is_linked() && !self.video.has_ended() && self.audio.has_ended() {
            self.video.end_recording();
        }
        let ended = self.inputs().into_iter().any(Input::has_ended);
        if ended && video && audio && self.end.lock().step(Change::Over) {
            self.post_end();
        }
    }

    fn post_end(&self) {
        if self.is_sink() {
            drop(self.obj().post_message(gst::message::Eos::builder().src(&*self.obj()).build()));
        }
    }

    /// The stream's time; `None` before the first frame.
    pub(super) fn now(&self) -> Option<RunningTime> {
        let context = self.running.lock().as_ref().map(|running| running.context.clone())?;
        context.recordbin().now()
    }

    /// Starts a recording. `None`: it is refused; why, is on the bus.
    pub(super) fn start(
        &self,
        start: Duration,
        end: Option<Duration>,
        user: UserData,
        id: Option<String>,
    ) -> Option<u32> {
        let request = StartRequest { start: Moment::Ago(start), end: end.map(Moment::In), overlap: None };
        let answer = self.context().and_then(|context| {
            let trigger = Trigger { id: id.clone(), metadata: None };
            let announce = |session, accepted: &_| {
                self.end.lock().step(Change::Begun);
                self.post(message::accepted(session, accepted, id.as_deref()));
            };
            context.start(request, trigger, user, announce).map_err(|rejection| rejection.to_string())
        });
        self.obj().notify(properties::STATUS);
        answer.map_err(|reason| self.post(message::rejected("start", &reason, id.as_deref()))).ok()
    }

    /// Ends one recording, or all. False: there is none; why, is on the bus.
    pub(super) fn stop(&self, session: Option<u32>) -> bool {
        let answer = self.context().and_then(|context| {
            let stopped = session.map_or_else(|| context.stop_all(), |session| context.stop(session));
            stopped.map_err(|rejection| rejection.to_string())
        });
        self.obj().notify(properties::STATUS);
        answer.map_err(|reason| self.post(message::rejected("stop", &reason, None))).is_ok()
    }

    fn context(&self) -> Result<Arc<Context>, String> {
        match &*self.running.lock() {
            Some(running) if running.settings.triggers == Triggers::Off => {
                Err("the recorder is off: smart-record is 0; set it to 1 or 2".into())
            }
            Some(running) => Ok(running.context.clone()),
            None => Err("the element does not run: set it to PLAYING first".into()),
        }
    }

    /// A recording has ended, for one of the starts that it has served.
    fn ended(&self, context: &Context, ended: &Ended) {
        let structure = match &ended.record {
            Ok(done) => message::done(ended.id, done),
            Err(failed) => message::failed(ended.id, failed),
        };
        let element = self.obj();
        self.post(structure.clone());
        let mut info = Info::new(context, ended);
        let (info, user): (glib::Pointer, glib::Pointer) = (info.as_ptr().cast(), ended.user_data.0);
        element.emit_by_name::<()>(signals::SR_DONE, &[&info, &user]);
        element.emit_by_name::<()>(signals::RECORDING_DONE, &[&structure]);
        element.notify(properties::STATUS);
        if self.end.lock().step(Change::Closed) {
            self.post_end();
        }
    }

    fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
        // Nobody listens on the bus of an element that is in no pipeline.
        drop(self.obj().post_message(message));
    }
}

/// Brings what the context has to say to the element, as long as that is there.
struct Told(glib::WeakRef<super::SmartRecord>);

impl Owner for Told {
    fn ended(&self, context: &Context, ended: Ended) {
        if let Some(element) = self.0.upgrade() {
            element.imp().ended(context, &ended);
        }
    }

    fn told(&self, event: Event) {
        let Some(element) = self.0.upgrade() else { return };
        match event {
            Event::Notice(text) => gst::element_warning!(element, gst::ResourceError::Settings, ("{text}")),
            Event::Recovered(Ok(done)) => element.imp().post(message::done(done.header.session.0, &done)),
            Event::Recovered(Err(failed)) => element.imp().post(message::failed(failed.header.session.0, &failed)),
            _ => {}
        }
    }
}
