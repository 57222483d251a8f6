//! Links the streams that appear in a source's pipeline to the recordbin: parsed, in the form that its container
//! takes, at most one of each kind. What is not recorded runs into a fakesink, and people are told why.
//! Where the streams come from is left to the other files of `source`.

use std::sync::{Arc, Weak};

use gst::prelude::*;
use parking_lot::Mutex;

use super::reconnect::Input;
use super::{Blueprint, InputSink, Mode, make};
use crate::container::{codec_name, refusal};
use crate::core::Stream;
use crate::engine::Engine;
use crate::event::{Event, EventSink};
use crate::parser::{can_become, package_of, parser_for};
use crate::{Container, Error};

/// Whether frames have to be held back until they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The source sends in real time, or as fast as its author wants.
    AsItComes,
    /// The source would send everything at once: a file.
    RealTime,
}

/// Shared by the callbacks of one source's pipeline.
#[derive(Clone)]
pub(super) struct Linker(Arc<Inner>);

struct Inner {
    index: usize,
    uri: String,
    /// Weak: the pipeline's elements own the callbacks that own this.
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    engine: Weak<dyn Engine>,
    mode: Mode,
    container: Container,
    /// The source is connected again when it ends: its recordbin is not to see the end.
    reconnects: bool,
    events: EventSink,
    inputs: InputSink,
    taken: Mutex<[bool; 2]>,
}

impl Linker {
    pub(super) fn new(blueprint: &Blueprint, pipeline: &gst::Pipeline, engine: &Arc<dyn Engine>) -> Self {
        Self(Arc::new(Inner {
            index: blueprint.index,
            uri: blueprint.location.to_string(),
            pipeline: pipeline.downgrade(),
            engine: Arc::downgrade(engine),
            mode: blueprint.reception.mode,
            container: blueprint.container,
            reconnects: blueprint.reconnect().is_some(),
            events: blueprint.events.clone(),
            inputs: blueprint.inputs.clone(),
            taken: Mutex::new([false; 2]),
        }))
    }

    /// Whether the stream is recorded at all.
    pub(super) fn wants(&self, stream: Stream) -> bool {
        self.0.mode.takes(stream)
    }

    /// The camera has described its streams.
    pub(super) fn answered(&self) {
        (self.0.inputs)(Input::Answered);
    }

    /// `pad` has a stream of whatever form: finds out what it is, parses it, and links it.
    pub(super) fn parse(&self, pad: &gst::Pad, pace: Pace) {
        if let Err(error) = self.try_parse(pad, pace) {
            self.broken(&error);
        }
    }

    fn try_parse(&self, pad: &gst::Pad, pace: Pace) -> Result<(), Error> {
        let Some(pipeline) = self.0.pipeline.upgrade() else { return Ok(()) };
        let parsebin = make("parsebin", "gstreamer1.0-plugins-base")?;
        super::add(&pipeline, &parsebin)?;
        let linker = self.clone();
        parsebin.connect_pad_added(move |_, pad| linker.link(pad, pace));
        let linker = self.clone();
        parsebin.connect("unknown-type", false, move |arguments| {
            if let Some(caps) = arguments.get(2).and_then(|value| value.get::<gst::Caps>().ok()) {
                linker.notice(&format!(
                    "has a stream that no installed GStreamer element takes apart, and that is not recorded: {caps}"
                ));
            }
            None
        });
        self.chain(pad, &[parsebin])
    }

    /// `pad` has one parsed, encoded stream: links it to the recordbin or to nowhere.
    fn link(&self, pad: &gst::Pad, pace: Pace) {
        if let Err(error) = self.try_link(pad, pace) {
            self.broken(&error);
        }
    }

    fn try_link(&self, pad: &gst::Pad, pace: Pace) -> Result<(), Error> {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let Some(stream) = stream_of(&caps) else { return self.discard(pad) };
        if !self.wants(stream) {
            return self.discard(pad);
        }
        // parsebin has one inside, but chooses its form before it knows of the recordbin.
        let parser = parser_for(&caps);
        if !self.is_accepted(stream, &caps, parser) {
            let refusal = refusal(self.0.container, stream, &caps);
            if stream == Stream::Video || self.0.mode == Mode::AudioOnly {
                self.fail(&refusal);
                return Ok(());
            }
            self.notice(&format!("records without sound: {refusal}"));
            return self.discard(pad);
        }
        if std::mem::replace(&mut self.0.taken.lock()[stream as usize], true) {
            self.notice(&format!(
                "has another {} stream ({}), which is not recorded",
                stream.name(),
                codec_name(&caps)
            ));
            return self.discard(pad);
        }
        let (Some(pipeline), Some(engine)) = (self.0.pipeline.upgrade(), self.0.engine.upgrade()) else {
            return Ok(());
        };
        let mut chain = Vec::new();
        if let Some(parser) = parser {
            chain.push(make(parser, package_of(parser))?);
        }
        if pace == Pace::RealTime {
            chain.push(make("clocksync", "libgstreamer1.0-0")?);
        }
        for element in &chain {
            super::add(&pipeline, element)?;
        }
        // From the recordbin backwards, so that nothing flows into a chain that ends nowhere.
        let target = engine.pad(stream);
        let last = chain.last().and_then(|element| element.static_pad("src"));
        if self.0.reconnects {
            self.hold_end_back(last.as_ref().unwrap_or(pad), stream);
        }
        let link = |from: &gst::Pad, to: Option<&gst::Pad>| -> Result<(), Error> {
            let linked = to.map(|to| from.link(to));
            match linked {
                Some(Ok(_)) => Ok(()),
                _ => Err(Error::Gstreamer(format!("{} cannot be linked to {}", from.name(), stream.name()))),
            }
        };
        if let Some(last) = last {
            link(&last, target.as_ref())?;
            self.chain(pad, &chain)
        } else {
            link(pad, target.as_ref())
        }
    }

    /// Keeps the end of a stream from the recordbin, which would end it for good, and tells of the main stream's end.
    fn hold_end_back(&self, pad: &gst::Pad, stream: Stream) {
        let linker = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_none_or(|event| event.type_() != gst::EventType::Eos) {
                return gst::PadProbeReturn::Ok;
            }
            // Pictures that go on are worth more than sound that has ended.
            let main = stream == Stream::Video || !linker.0.taken.lock()[Stream::Video as usize];
            if main {
                (linker.0.inputs)(Input::EndOfStream);
            }
            // With `Drop` the bindings keep the event, and GStreamer 1.22 complains that it has none to free.
            gst::PadProbeReturn::Handled
        });
    }

    /// Links `pad` to the first of `elements` and each of them to the next, last one first, and starts them.
    fn chain(&self, pad: &gst::Pad, elements: &[gst::Element]) -> Result<(), Error> {
        let broken = |what: &str| Error::Gstreamer(format!("{what} of {}", pad.name()));
        for pair in elements.windows(2) {
            pair[0].link(&pair[1]).map_err(|error| broken(&error.to_string()))?;
        }
        for element in elements.iter().rev() {
            element.sync_state_with_parent().map_err(|error| broken(&error.to_string()))?;
        }
        let input = elements.first().and_then(|element| element.static_pad("sink"));
        match input.map(|input| pad.link(&input)) {
            Some(Ok(_)) => Ok(()),
            _ => Err(broken("no element takes the stream")),
        }
    }

    fn is_accepted(&self, stream: Stream, caps: &gst::Caps, parser: Option<&str>) -> bool {
        // Without the muxer nothing runs at all.
        self.0.container.accepts(stream).is_ok_and(|accepted| can_become(caps, parser, &accepted))
    }

    /// Lets a stream run into nowhere: unlinked, it would stop the whole source.
    pub(super) fn discard(&self, pad: &gst::Pad) -> Result<(), Error> {
        let Some(pipeline) = self.0.pipeline.upgrade() else { return Ok(()) };
        let sink = make("fakesink", "libgstreamer1.0-0")?;
        sink.set_property("sync", false);
        sink.set_property("async", false);
        super::add(&pipeline, &sink)?;
        self.chain(pad, &[sink])
    }

    fn notice(&self, text: &str) {
        (self.0.events)(Event::Notice(format!("source {} ({}) {text}", self.0.index, self.0.uri)));
    }

    /// A stream could not be brought to the recordbin.
    fn broken(&self, error: &Error) {
        match error {
            // Another attempt may do better, above all where the source was lost in the middle of this one.
            Error::Gstreamer(what) => {
                if let Some(pipeline) = self.0.pipeline.upgrade() {
                    gst::element_error!(pipeline, gst::CoreError::Pad, ("a stream cannot be linked: {what}"));
                }
            }
            other => self.fail(&other.to_string()),
        }
    }

    /// Ends the source with an error, in the way in which its elements do. It comes from the recordbin, which says that
    /// no further attempt could do better.
    fn fail(&self, text: &str) {
        if let Some(engine) = self.0.engine.upgrade() {
            gst::element_error!(engine.element(), gst::StreamError::Format, ("{text}"));
        }
    }
}

fn stream_of(caps: &gst::Caps) -> Option<Stream> {
    let name = caps.structure(0)?.name();
    match name.split_once('/')?.0 {
        "video" | "image" => Some(Stream::Video),
        "audio" => Some(Stream::Audio),
        _ => None,
    }
}
