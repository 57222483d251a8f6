//! The GObject behind [`super::Recordbin`]: pads and their events.
//! It looks at no frame itself.
//! Buffers as frames are left to `intake`, what becomes of a frame to `sessions`.

use std::sync::{Arc, LazyLock, OnceLock};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::Mutex;

use super::sessions::{Sessions, arrival};
use super::{Setup, child_bus};
use crate::container::codec_name;
use crate::core::Stream;
use crate::event::{Event, EventSink};
use crate::intake::Clocks;
use crate::{Container, Error, container};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("nvdssmartrecord", gst::DebugColorFlags::empty(), Some("Smart record bin"))
});

/// The GObject's private part.
#[derive(Default)]
pub struct Recordbin {
    sessions: OnceLock<Arc<Sessions>>,
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
impl BinImpl for Recordbin {
    fn add_element(&self, element: &gst::Element) -> Result<(), gst::LoggableError> {
        Err(gst::loggable_error!(CAT, "{} cannot be added: a recordbin takes no elements", element.name()))
    }
}

impl Recordbin {
    pub(super) fn set_up(&self, setup: Setup, events: EventSink) -> Result<(), Error> {
        let container = setup.container;
        let sessions = Sessions::new(setup, events);
        child_bus::give_back(self.obj().upcast_ref());
        self.add_pad(Stream::Video, &template(container, Stream::Video)?, sessions.clone());
        template(container, Stream::Audio)?;
        // The bin ends streams: a pipeline waits for its EOS message as for a sink's.
        self.obj().set_element_flags(gst::ElementFlags::SINK);
        // `set_up` is called once, by `Recordbin::new`.
        drop(self.sessions.set(sessions));
        Ok(())
    }

    /// The pad for a stream; the one for sound is made when somebody asks for it, since most sources have none.
    pub(super) fn pad(&self, stream: Stream) -> Option<gst::Pad> {
        let there = || self.obj().static_pad(pad_name(stream));
        there().or_else(|| {
            let sessions = self.sessions()?;
            // `set_up` has made it before.
            let template = template(sessions.setup.container, stream).ok()?;
            self.add_pad(stream, &template, sessions.clone());
            there()
        })
    }

    fn add_pad(&self, stream: Stream, template: &gst::PadTemplate, sessions: Arc<Sessions>) {
        let pad = gst::Pad::builder_from_template(template)
            .chain_function(move |_, parent, buffer| {
                // This is the way of each buffer: what stands behind the pad is not looked up through its parent.
                let chain = std::panic::AssertUnwindSafe(|| chain(&sessions, stream, buffer, parent));
                std::panic::catch_unwind(chain).unwrap_or_else(|_| Err(panicked(parent)))
            })
            // These take nothing along, and so no memory: they are rare enough to ask the pad which one it is.
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.event(pad, stream_of(pad), event))
            })
            .link_function(|pad, parent, _| {
                Self::catch_panic_pad_function(parent, || (), |this| this.linked(stream_of(pad)));
                Ok(gst::PadLinkSuccess)
            })
            .build();
        if let Err(error) = self.obj().add_pad(&pad) {
            // Only a name that is taken is refused: somebody else has asked for the pad at the same time.
            gst::info!(CAT, imp = self, "pad for {}: {error}", stream.name());
        }
    }

    pub(super) fn sessions(&self) -> Option<&Arc<Sessions>> {
        self.sessions.get()
    }

    /// The pad has been linked, or its stream begins anew.
    fn linked(&self, stream: Stream) {
        if let Some(sessions) = self.sessions() {
            sessions.linked(stream);
        }
    }

    fn event(&self, pad: &gst::Pad, stream: Stream, event: gst::Event) -> bool {
        let Some(sessions) = self.sessions() else { return false };
        match event.view() {
            gst::EventView::Caps(caps) => return self.caps(pad, stream, caps.caps_owned()),
            gst::EventView::Segment(segment) if !sessions.segment(stream, segment.segment()) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ["the {} stream is not timed: its segment is not in time format", stream.name()]
                );
                return false;
            }
            gst::EventView::StreamStart(_) => self.linked(stream),
            gst::EventView::FlushStop(flush) if flush.resets_time() => {
                sessions.flushed(stream);
            }
            gst::EventView::Eos(_) => self.end_of_stream(stream),
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn caps(&self, pad: &gst::Pad, stream: Stream, caps: gst::Caps) -> bool {
        let Some(sessions) = self.sessions() else { return false };
        let accepted = pad.pad_template_caps().can_intersect(&caps);
        if !accepted {
            let container = sessions.setup.container;
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("{}", container::refusal(container, stream, &caps)),
                ["{container} does not take {caps}"]
            );
            return false;
        }
        gst::info!(CAT, imp = self, "{} is {}: {caps}", stream.name(), codec_name(&caps));
        sessions.core(|core| core.format(stream, caps));
        true
    }

    fn end_of_stream(&self, stream: Stream) {
        let Some(sessions) = self.sessions() else { return };
        if sessions.end_of_stream(stream) {
            sessions.tell(Event::SourceEnded { source: sessions.setup.source.index, error: None });
            // Nobody listens on the bus of a bin that is in no pipeline.
            drop(self.obj().post_message(gst::message::Eos::builder().src(&*self.obj()).build()));
        }
    }
}

fn pad_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Video => "sink",
        Stream::Audio => "asink",
    }
}

/// The stream of one of our pads.
fn stream_of(pad: &gst::Pad) -> Stream {
    let is = |stream: &Stream| pad.name() == pad_name(*stream);
    Stream::BOTH.into_iter().find(is).unwrap_or(Stream::Video)
}

/// What a pad takes, the same object for all recordbins: its formats take some kilobytes.
fn template(container: Container, stream: Stream) -> Result<gst::PadTemplate, Error> {
    static MADE: Mutex<Vec<(Container, Stream, gst::PadTemplate)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock();
    if let Some((_, _, template)) = made.iter().find(|(of, is, _)| (*of, *is) == (container, stream)) {
        return Ok(template.clone());
    }
    let caps = container.accepts(stream)?;
    let template = gst::PadTemplate::new(pad_name(stream), gst::PadDirection::Sink, gst::PadPresence::Always, &caps)
        .map_err(|error| Error::Gstreamer(error.to_string()))?;
    made.push((container, stream, template.clone()));
    Ok(template)
}

/// A buffer has come.
fn chain(
    sessions: &Sessions,
    stream: Stream,
    buffer: gst::Buffer,
    parent: Option<&gst::Object>,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    let clocks = || Clocks::read(parent.and_then(|parent| parent.downcast_ref::<gst::Element>()));
    sessions.push(stream, buffer, arrival(), clocks).map(|()| gst::FlowSuccess::Ok)
}

/// A panic on a buffer's way, as the pipeline is told of it.
fn panicked(parent: Option<&gst::Object>) -> gst::FlowError {
    if let Some(element) = parent.and_then(|parent| parent.downcast_ref::<gst::Element>()) {
        gst::element_error!(element, gst::LibraryError::Failed, ("Panicked; this is a bug, please report it"));
    }
    gst::FlowError::Error
}
