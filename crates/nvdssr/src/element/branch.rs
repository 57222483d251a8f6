//! The way from one of the element's sink pads to the recordbin: a pad that is fed with what arrives, and a parser where
//! the container takes another form of the codec.
//! Which parser that is, is left to `recorder::parser`; what arrives and where else it goes to `input`.

use gst::glib;
use gst::prelude::*;
use recorder::parser::package_of;

use crate::error::Error;

/// A way that is open; closed by [`Branch::close`].
pub(super) struct Branch {
    feed: gst::Pad,
    parser: Option<(&'static str, gst::Element)>,
    bin: glib::WeakRef<gst::Bin>,
}

impl Branch {
    /// Opens a way from `source`, a sink pad of `bin`, to `target`, a pad of the recordbin in it.
    pub(super) fn open(
        bin: &gst::Bin,
        source: &gst::Pad,
        target: &gst::Pad,
        parser: Option<&'static str>,
    ) -> Result<Self, Error> {
        let element = match parser {
            Some(name) => {
                let element = gst::ElementFactory::make(name).build();
                let missing = |_| recorder::Error::MissingElement { element: name, package: package_of(name) };
                let element = element.map_err(missing)?;
                bin.add(&element).map_err(|error| failed(&error))?;
                Some((name, element))
            }
            None => None,
        };
        let upstream = source.downgrade();
        let feed = gst::Pad::builder(gst::PadDirection::Src)
            .name(format!("feed_{}", target.name()))
            // What a parser tells the source, the source does not need.
            .event_function(|_, _, _| true)
            .query_function(move |pad, parent, query| match query.view_mut() {
                // Only what says something about the stream: the parser must not pull.
                gst::QueryViewMut::Duration(_) | gst::QueryViewMut::Position(_) | gst::QueryViewMut::Latency(_) => {
                    upstream.upgrade().is_some_and(|pad| pad.peer_query(query))
                }
                gst::QueryViewMut::Scheduling(_) | gst::QueryViewMut::Seeking(_) => false,
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        let branch = Self { feed, parser: element, bin: bin.downgrade() };
        match branch.link(target) {
            Ok(()) => Ok(branch),
            Err(error) => {
                branch.close();
                Err(error)
            }
        }
    }

    /// From the recordbin backwards, so that nothing flows into what leads nowhere.
    fn link(&self, target: &gst::Pad) -> Result<(), Error> {
        let first = match &self.parser {
            Some((_, parser)) => {
                let (Some(sink), Some(src)) = (parser.static_pad("sink"), parser.static_pad("src")) else {
                    return Err(failed(&"the parser has no pads"));
                };
                src.link(target).map_err(|error| failed(&error))?;
                parser.sync_state_with_parent().map_err(|error| failed(&error))?;
                sink
            }
            None => target.clone(),
        };
        self.feed.set_active(true).map_err(|error| failed(&error))?;
        self.feed.link(&first).map(drop).map_err(|error| failed(&error))
    }

    /// The parser that it leads through.
    pub(super) fn parser(&self) -> Option<&'static str> {
        self.parser.as_ref().map(|(name, _)| *name)
    }

    pub(super) fn push(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.feed.push(buffer)
    }

    pub(super) fn event(&self, event: gst::Event) -> bool {
        self.feed.push_event(event)
    }

    /// Lets the parser hand over what it holds. Nothing can be pushed afterwards.
    pub(super) fn drain(&self) {
        let Some(src) = self.parser.as_ref().and_then(|(_, parser)| parser.static_pad("src")) else { return };
        // For the recordbin the stream does not end here.
        src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| match info.event() {
            Some(event) if event.type_() == gst::EventType::Eos => gst::PadProbeReturn::Handled,
            _ => gst::PadProbeReturn::Ok,
        });
        self.feed.push_event(gst::event::Eos::new());
    }

    /// Takes it away. Nothing may be under way in it.
    pub(super) fn close(&self) {
        // What fails here was not there any more.
        drop(self.feed.set_active(false));
        if let Some(peer) = self.feed.peer() {
            drop(self.feed.unlink(&peer));
        }
        if let (Some((_, parser)), Some(bin)) = (&self.parser, self.bin.upgrade()) {
            parser.set_locked_state(true);
            let _ = parser.set_state(gst::State::Null);
            drop(bin.remove(parser));
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Stream(error.to_string())
}
