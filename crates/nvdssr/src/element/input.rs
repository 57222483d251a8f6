//! One stream of the element: its sink pad, its src pad where one has been requested, and its way to the recordbin.
//! A buffer goes to the recordbin first, which never waits, and then on as it came.
//! Parsing is left to `branch`, the end of all streams to `end`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::Mutex;
use recorder::Container;
use recorder::core::Stream;
use recorder::parser::{can_become, parser_for};

use super::branch::Branch;
use super::imp::SmartRecord;

/// Where a stream is recorded.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) pad: gst::Pad,
    pub(super) container: Container,
    /// A recording without this stream is better than none.
    pub(super) optional: bool,
}

/// See the module.
pub(super) struct Input {
    stream: Stream,
    pub(super) sink: gst::Pad,
    /// `src` or `asrc`.
    out: Mutex<Option<gst::Pad>>,
    /// `None`: this stream is not recorded.
    target: Mutex<Option<Target>>,
    branch: Mutex<Option<Arc<Branch>>>,
    /// What the container does not take, and people have been told of.
    refused: Mutex<Option<gst::Caps>>,
    ended: AtomicBool,
}

/// Names of a stream's pads.
pub(super) fn names(stream: Stream) -> (&'static str, &'static str) {
    match stream {
        Stream::Video => ("sink", "src"),
        Stream::Audio => ("asink", "asrc"),
    }
}

impl Input {
    pub(super) fn new(klass: &glib::object::Class<super::SmartRecord>, stream: Stream) -> Self {
        let name = names(stream).0;
        let builder = match klass.pad_template(name) {
            Some(template) => gst::Pad::builder_from_template(&template),
            None => gst::Pad::builder(gst::PadDirection::Sink).name(name),
        };
        let sink = builder
            .chain_function(move |_, parent, buffer| {
                let failed = || Err(gst::FlowError::Error);
                SmartRecord::catch_panic_pad_function(parent, failed, |this| this.input(stream).chain(buffer))
            })
            .event_function(move |_, parent, event| {
                SmartRecord::catch_panic_pad_function(parent, || false, |this| this.sink_event(stream, event))
            })
            .query_function(move |pad, parent, query| {
                let answer = |this: &SmartRecord| this.input(stream).sink_query(pad, parent, query);
                SmartRecord::catch_panic_pad_function(parent, || false, answer)
            })
            .iterate_internal_links_function(move |_, parent| {
                SmartRecord::catch_panic_pad_function(parent, empty, |this| links(this.input(stream).out()))
            })
            .build();
        Self {
            stream,
            sink,
            out: Mutex::new(None),
            target: Mutex::new(None),
            branch: Mutex::new(None),
            refused: Mutex::new(None),
            ended: AtomicBool::new(false),
        }
    }

    /// Makes the src pad, with what has been said of the stream so far. `None`: it is there already.
    pub(super) fn request(&self, template: &gst::PadTemplate) -> Option<gst::Pad> {
        let stream = self.stream;
        let pad = gst::Pad::builder_from_template(template)
            .name(names(stream).1)
            .event_function(move |_, parent, event| {
                let pass = |this: &SmartRecord| this.input(stream).sink.push_event(event);
                SmartRecord::catch_panic_pad_function(parent, || false, pass)
            })
            .query_function(move |pad, parent, query| {
                let answer = |this: &SmartRecord| this.input(stream).src_query(pad, parent, query);
                SmartRecord::catch_panic_pad_function(parent, || false, answer)
            })
            .iterate_internal_links_function(move |_, parent| {
                let sink = |this: &SmartRecord| links(Some(this.input(stream).sink.clone()));
                SmartRecord::catch_panic_pad_function(parent, empty, sink)
            })
            .build();
        // Nothing flows meanwhile, so that no event is missed or doubled.
        let _stopped = self.sink.stream_lock();
        let mut out = self.out.lock();
        if out.is_some() {
            return None;
        }
        if self.sink.is_active() {
            drop(pad.set_active(true));
        }
        self.sink.sticky_events_foreach(|event| {
            let _ = pad.store_sticky_event(event);
            std::ops::ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        *out = Some(pad.clone());
        Some(pad)
    }

    /// Forgets the src pad. False if it is not `pad`.
    pub(super) fn release(&self, pad: &gst::Pad) -> bool {
        let mut out = self.out.lock();
        let ours = out.as_ref() == Some(pad);
        if ours {
            *out = None;
        }
        ours
    }

    pub(super) fn out(&self) -> Option<gst::Pad> {
        self.out.lock().clone()
    }

    fn branch(&self) -> Option<Arc<Branch>> {
        self.branch.lock().clone()
    }

    /// From now on the stream is recorded there, or no longer. Nothing may flow.
    pub(super) fn set_target(&self, target: Option<Target>) {
        let branch = self.branch.lock().take();
        if let Some(branch) = branch {
            branch.close();
        }
        *self.target.lock() = target;
        *self.refused.lock() = None;
        self.ended.store(false, Ordering::Relaxed);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::Relaxed);
    }

    /// The recordbin is not to wait for this stream any more.
    pub(super) fn end_recording(&self) {
        if let Some(branch) = self.branch() {
            branch.event(gst::event::Eos::new());
        }
    }

    fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (branch, out) = (self.branch(), self.out());
        let recorded = match (branch, &out) {
            (Some(branch), Some(_)) => branch.push(buffer.clone()),
            (Some(branch), None) => return branch.push(buffer),
            (None, _) => Ok(gst::FlowSuccess::Ok),
        };
        let Some(pad) = &out else { return recorded };
        match pad.push(buffer) {
            // Recording goes on without anybody behind, and whoever has been released has nothing to say.
            Err(error) if error == gst::FlowError::NotLinked || self.out() != out => recorded,
            // What cannot be recorded can still be watched.
            passed => passed,
        }
    }

    /// Tells the recordbin, then whoever is behind.
    pub(super) fn pass(&self, element: &super::SmartRecord, event: gst::Event) -> bool {
        let recorded = match event.view() {
            gst::EventView::Caps(caps) => {
                if !self.caps(element, &event, &caps.caps_owned()) {
                    return false;
                }
                true
            }
            _ => self.branch().is_none_or(|branch| branch.event(event.clone())),
        };
        self.out().map_or(recorded, |out| out.push_event(event))
    }

    /// Opens the way to the recordbin that a format needs.
    fn caps(&self, element: &super::SmartRecord, event: &gst::Event, caps: &gst::Caps) -> bool {
        let Some(target) = self.target.lock().clone() else { return true };
        let accepted = target.pad.pad_template_caps();
        let parser = if caps.is_subset(&accepted) { None } else { parser_for(caps) };
        if !can_become(caps, parser, &accepted) {
            return self.refuse(element, &target, caps);
        }
        if let Some(branch) = self.branch() {
            if branch.parser() == parser {
                return branch.event(event.clone());
            }
            branch.drain();
            branch.close();
        }
        let branch = match Branch::open(element.upcast_ref(), &self.sink, &target.pad, parser) {
            Ok(branch) => Arc::new(branch),
            Err(error) => {
                *self.branch.lock() = None;
                gst::element_error!(element, gst::CoreError::MissingPlugin, ("{error}"), ["{caps}"]);
                return false;
            }
        };
        *self.branch.lock() = Some(branch.clone());
        let mut told = false;
        let mut accepted = true;
        // Events of a stream come in the order of their types, which the pad keeps.
        self.sink.sticky_events_foreach(|earlier| {
            if earlier.type_() == gst::EventType::StreamStart {
                branch.event(earlier.clone());
            } else {
                if !std::mem::replace(&mut told, true) {
                    accepted = branch.event(event.clone());
                }
                if !matches!(earlier.type_(), gst::EventType::Caps | gst::EventType::Eos) {
                    branch.event(earlier.clone());
                }
            }
            std::ops::ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        if told { accepted } else { branch.event(event.clone()) }
    }

    /// The container does not take the stream. False: the pipeline is to know.
    fn refuse(&self, element: &super::SmartRecord, target: &Target, caps: &gst::Caps) -> bool {
        let branch = self.branch.lock().take();
        if let Some(branch) = branch {
            branch.event(gst::event::Eos::new());
            branch.close();
        }
        let refusal = recorder::container::refusal(target.container, self.stream, caps);
        // Whoever is told no tries again.
        let told = self.refused.lock().replace(caps.clone()).is_some_and(|before| before == *caps);
        match (told, target.optional) {
            (true, _) => {}
            (false, true) => {
                let text = format!("records without sound: {refusal}");
                gst::element_warning!(element, gst::StreamError::Format, ("{text}"), ["{caps}"]);
            }
            (false, false) => gst::element_error!(element, gst::StreamError::Format, ("{refusal}"), ["{caps}"]),
        }
        target.optional
    }

    fn sink_query(&self, pad: &gst::Pad, parent: Option<&gst::Object>, query: &mut gst::QueryRef) -> bool {
        let out = self.out().filter(|out| out.is_linked());
        match query.view_mut() {
            gst::QueryViewMut::Caps(query) => {
                let caps = pad.pad_template_caps();
                query.set_result(&allowed(&caps, out.as_ref(), query.filter_owned().as_ref()));
                true
            }
            gst::QueryViewMut::AcceptCaps(query) => {
                // What the container does not take is refused by the event, with a reason.
                let caps = query.caps_owned();
                let ours = pad.pad_template_caps().can_intersect(&caps);
                query.set_result(ours && out.is_none_or(|out| out.peer_query_accept_caps(&caps)));
                true
            }
            _ => match out {
                Some(out) => out.peer_query(query),
                None => gst::Pad::query_default(pad, parent, query),
            },
        }
    }

    fn src_query(&self, pad: &gst::Pad, parent: Option<&gst::Object>, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Caps(query) => {
                let caps = pad.pad_template_caps();
                query.set_result(&allowed(&caps, Some(&self.sink), query.filter_owned().as_ref()));
                true
            }
            gst::QueryViewMut::AcceptCaps(_) => gst::Pad::query_default(pad, parent, query),
            // Nobody may pull past the recorder.
            gst::QueryViewMut::Scheduling(query) => {
                query.set(gst::SchedulingFlags::SEQUENTIAL, 1, -1, 0);
                query.add_scheduling_modes([gst::PadMode::Push]);
                true
            }
            _ => self.sink.peer_query(query),
        }
    }
}

/// What can flow between our template and what is linked on the other side.
fn allowed(caps: &gst::Caps, other: Option<&gst::Pad>, filter: Option<&gst::Caps>) -> gst::Caps {
    let ours = match filter {
        Some(filter) => filter.intersect_with_mode(caps, gst::CapsIntersectMode::First),
        None => caps.clone(),
    };
    match other {
        Some(other) => other.peer_query_caps(Some(&ours)).intersect_with_mode(&ours, gst::CapsIntersectMode::First),
        None => ours,
    }
}

fn empty() -> gst::Iterator<gst::Pad> {
    links(None)
}

fn links(pad: Option<gst::Pad>) -> gst::Iterator<gst::Pad> {
    gst::Iterator::from_vec(pad.into_iter().collect())
}
