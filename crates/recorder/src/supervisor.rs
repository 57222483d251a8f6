//! The one thread that looks after all sources: it takes lost ones down, connects them again, and ends those that are
//! over. It sleeps until something is ordered or due.
//! When a source counts as lost is left to `source::reconnect`, building pipelines to `source`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

use gst::prelude::*;

use crate::core::EndReason;
use crate::engine::Engine;
use crate::event::{Event, EventSink};
use crate::pipeline_error;
use crate::source::reconnect::{Action, Connection, Input, Moment};
use crate::source::{self, Blueprint, InputSink};

/// What the supervisor is to do.
pub(crate) enum Order {
    /// Something has happened to a source.
    Source {
        /// Which one.
        source: usize,
        /// What.
        input: Input,
    },
    /// Take all sources down and end.
    Quit,
}

/// One source that runs.
pub(crate) struct Source {
    pub(crate) blueprint: Blueprint,
    pub(crate) pipeline: gst::Pipeline,
    /// Stays the same through all connections, and with it cache and sessions.
    pub(crate) engine: Arc<dyn Engine>,
}

/// Brings what happens to a source to the supervisor.
pub(crate) fn inputs(source: usize, orders: &Sender<Order>) -> InputSink {
    let orders = orders.clone();
    // After the end of the recorder nobody wants to know.
    Arc::new(move |input| drop(orders.send(Order::Source { source, input })))
}

/// The end of a recordbin's streams goes to the supervisor, which tells it once; everything else goes on as it is.
pub(crate) fn bin_events(events: &EventSink, inputs: &InputSink) -> EventSink {
    let (events, inputs) = (events.clone(), inputs.clone());
    Arc::new(move |event| match event {
        Event::SourceEnded { .. } => inputs(Input::EndOfStream),
        Event::SessionsChanged | Event::Playing(_) => {}
        other => events(other),
    })
}

/// Tells the supervisor of a pipeline's errors, without a thread for each bus.
pub(crate) fn forward_errors(pipeline: &gst::Pipeline, engine: &Arc<dyn Engine>, inputs: &InputSink) {
    let Some(bus) = pipeline.bus() else { return };
    // Weak: the engine's element is in the pipeline.
    let (engine, inputs) = (Arc::downgrade(engine), inputs.clone());
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let error = pipeline_error::text(error);
            let fatal = engine.upgrade().zip(message.src()).is_some_and(|(engine, src)| engine.failed(src, &error));
            inputs(Input::Failed { error, fatal });
        }
        gst::BusSyncReply::Drop
    });
}

/// Runs until [`Order::Quit`], or until nobody is left to order anything. All pipelines are at rest then.
pub(crate) fn supervise(sources: &[Source], queue: &Receiver<Order>, events: &EventSink) {
    let now = Instant::now();
    let connection = |source: &Source| Connection::new(source.blueprint.reconnect(), now, fastrand::Rng::new());
    let connections = sources.iter().map(connection).collect();
    let mut supervisor = Supervisor { sources, events, connections, closing: vec![false; sources.len()] };
    loop {
        let order = match supervisor.next_due() {
            Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(Order::Source { source, input }) => supervisor.step(source, input),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Quit) | Err(RecvTimeoutError::Disconnected) => break,
        }
        supervisor.do_what_is_due();
    }
    supervisor.quit(queue);
}

struct Supervisor<'a> {
    sources: &'a [Source],
    events: &'a EventSink,
    /// One for each source.
    connections: Vec<Connection>,
    /// Whose pipelines are on their way down.
    closing: Vec<bool>,
}

impl Supervisor<'_> {
    fn next_due(&self) -> Option<Instant> {
        self.connections.iter().filter_map(Connection::due).min()
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if self.connections.iter().filter_map(Connection::due).any(|due| now >= due) {
            // All of them at once, so that hundreds of sources are looked at together and not one by one.
            for source in 0..self.sources.len() {
                self.step(source, Input::Time);
            }
        }
    }

    fn step(&mut self, source: usize, input: Input) {
        if input == Input::Closed {
            self.closing[source] = false;
        }
        let at = Moment { now: Instant::now(), silent_for: self.sources[source].engine.silent_for() };
        for action in self.connections[source].step(input, at) {
            self.perform(source, action);
        }
    }

    fn perform(&mut self, index: usize, action: Action) {
        let source = &self.sources[index];
        let name = || format!("source {index} ({})", source.blueprint.location);
        match action {
            Action::TellLost { reason } => {
                let text = format!("{} is lost: {reason}; trying again", name());
                (self.events)(Event::SourceLost { source: index, text });
            }
            Action::TellBack { after } => {
                let text = format!("{} is back after {:.1} s", name(), after.as_secs_f64());
                (self.events)(Event::SourceBack { source: index, text });
            }
            Action::Close => self.close(index),
            Action::Interrupt => source.engine.interrupt(),
            Action::Connect => match source.blueprint.fill(&source.pipeline, &source.engine) {
                // A failure is on the bus as well, with its reason.
                Ok(()) => drop(source.pipeline.set_state(gst::State::Playing)),
                Err(error) => (source.blueprint.inputs)(Input::Failed { error: error.to_string(), fatal: false }),
            },
            Action::End { error } => {
                let error = error.map(|error| format!("{}: {error}", name()));
                if error.is_some() {
                    source.engine.end(EndReason::SourceLost);
                }
                (self.events)(Event::SourceEnded { source: index, error });
                self.close(index);
            }
        }
    }

    /// Takes a pipeline down on a thread of GStreamer's: on a dead network that can take its time, and one switch that
    /// fails takes hundreds of cameras along.
    fn close(&mut self, index: usize) {
        if std::mem::replace(&mut self.closing[index], true) {
            return;
        }
        let source = &self.sources[index];
        let (engine, inputs) = (source.engine.clone(), source.blueprint.inputs.clone());
        source.pipeline.call_async(move |pipeline| {
            source::empty(pipeline, &*engine);
            // What the old pipeline had to say has been ordered before this. The supervisor waits for it.
            inputs(Input::Closed);
        });
    }

    /// Takes all pipelines down, at the same time, and waits for them.
    fn quit(&mut self, queue: &Receiver<Order>) {
        for index in 0..self.sources.len() {
            self.close(index);
        }
        while self.closing.contains(&true) {
            match queue.recv() {
                Ok(Order::Source { source, input: Input::Closed }) => self.closing[source] = false,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}
