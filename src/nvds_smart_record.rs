//! `nvidia::deepstream::NvDsSmartRecord`: the codelet. It starts the engine, takes messages, sends receipts, and stops.
//! Its parameters are in `parameters` and `settings`, the way of a trigger in `dispatch`.
//! Everything about recording is left to the crate `recorder`.

use std::cell::Cell;
use std::sync::Arc;

use gxf::{BoxError, ComponentInfo, Context, Handle, Message, Receiver, TickContext, Tid, Transmitter, Waker};
use nvds_message::NvDsMessage;
use recorder::Recorder;
use recorder::event::EventSink;

use crate::dispatch::{Counters, Dispatch};
use crate::error::Error;
use crate::local_triggers::LocalTriggers;
use crate::outbox::{Ended, Outbox};
use crate::parameters;
use crate::settings::{Settings, Triggers};

/// Topic of receipts.
const RECEIPTS: &str = "smart-record-receipts";

const ASYNCHRONOUS: &str = "nvidia::gxf::AsynchronousSchedulingTerm";
const PERIODIC: &str = "nvidia::gxf::PeriodicSchedulingTerm";
const OR_COMBINER: &str = "nvidia::gxf::OrSchedulingTermCombiner";

/// The codelet.
pub(crate) struct NvDsSmartRecord {
    phase: Phase,
}

/// Where the codelet is in its life.
enum Phase {
    Made,
    Initialized(Box<Initialized>),
    Started(Box<Started>),
}

struct Initialized {
    /// Entity and component, for the log.
    name: String,
    settings: Settings,
    msg_rx: Option<Handle<Receiver>>,
    done_tx: Option<Handle<Transmitter>>,
    waker: Option<Waker>,
}

struct Started {
    /// Before `dispatch`: its thread uses it.
    local: Option<LocalTriggers>,
    dispatch: Arc<Dispatch>,
    /// All sources have ended, and the waker with them.
    finished: Cell<bool>,
    /// For a start after a stop.
    initialized: Box<Initialized>,
}

impl gxf::Component for NvDsSmartRecord {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("23cb3aa2-6db4-4825-bdd2-c99081b6815e"),
        type_name: "nvidia::deepstream::NvDsSmartRecord",
        display_name: "Smart Record",
        brief: "Records events of cameras, with the seconds before them, to MP4 or MKV files",
        description: "Keeps the last seconds of each source in memory. A trigger message or a local event starts a \
                      recording that begins before the trigger. Recordings overlap; each covers its interval and is \
                      answered by a receipt. Give its entity an AsynchronousSchedulingTerm; with msg-rx also a \
                      MessageAvailableSchedulingTerm and an OrSchedulingTermCombiner over both, and the graph an \
                      EventBasedScheduler.",
    };
    const PARAMETERS: &'static [&'static dyn gxf::AnyParameter] = parameters::ALL;

    fn new() -> Self {
        Self { phase: Phase::Made }
    }
}

impl gxf::Codelet for NvDsSmartRecord {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let settings = Settings::read(context)?;
        let name = format!("{}/{}", context.entity_name(), context.component_name());
        let msg_rx = context.try_get(&parameters::MSG_RX)?;
        let periodic = context.has_scheduling_term(PERIODIC) && !context.has_scheduling_term(OR_COMBINER);
        let waker = if msg_rx.is_some() && periodic {
            // With an asynchronous term beside it both must be met, and waiting for an event would let messages wait, too.
            // Holoscan (3.6 and 4.6, not 2.9) gives every entity one for its own purposes.
            gxf::log::info!(
                "{name}: ticks by the {PERIODIC} of its entity; the end of all sources does not end the graph"
            );
            None
        } else if !context.has_scheduling_term(ASYNCHRONOUS) {
            gxf::log::warning!(
                "{name}: without an {ASYNCHRONOUS} in its entity, receipts wait for the next tick, and the end of all \
                 sources does not end the graph"
            );
            None
        } else {
            Some(context.waker()?)
        };
        self.phase = Phase::Initialized(Box::new(Initialized {
            name,
            settings,
            msg_rx,
            done_tx: context.try_get(&parameters::DONE_TX)?,
            waker,
        }));
        Ok(())
    }

    fn start(&mut self, _: &Context<'_>) -> Result<(), BoxError> {
        let Phase::Initialized(initialized) = std::mem::replace(&mut self.phase, Phase::Made) else {
            return Err(Error::Order("start").into());
        };
        let started = Started::new(initialized)?;
        self.phase = Phase::Started(Box::new(started));
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        match &self.phase {
            Phase::Started(started) => started.tick(context),
            Phase::Made | Phase::Initialized(_) => Err(Error::Order("tick").into()),
        }
    }

    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        match std::mem::replace(&mut self.phase, Phase::Made) {
            Phase::Started(started) => {
                let unread = started.unread(context);
                let (initialized, late) = started.stop();
                if let Ok(unread @ 1..) = &unread {
                    gxf::log::warning!(
                        "{}: {unread} messages came too late, since the graph has stopped, and are lost",
                        initialized.name
                    );
                }
                self.phase = Phase::Initialized(initialized);
                unread?;
                if late.is_empty() { Ok(()) } else { Err(Error::NotFinished(late).into()) }
            }
            other => {
                self.phase = other;
                Ok(())
            }
        }
    }
}

impl Started {
    fn new(initialized: Box<Initialized>) -> Result<Self, Error> {
        let settings = &initialized.settings;
        let off = settings.triggers == Triggers::Off;
        let sources = if off { 0 } else { settings.recorder.sources.len() };
        let outbox = Arc::new(Outbox::new(
            initialized.name.clone(),
            sources,
            initialized.done_tx.is_some(),
            initialized.waker.clone(),
        ));
        let recorder = if off {
            None
        } else {
            let outbox = outbox.clone();
            let events: EventSink = Arc::new(move |event| outbox.event(event));
            Some(Recorder::start(&settings.recorder, &events).map_err(Error::of_start)?)
        };
        let dispatch = Arc::new(Dispatch {
            recorder,
            sensors: settings.sensors.clone(),
            unknown_sensor: settings.unknown_sensor,
            outbox,
            counters: Counters::default(),
        });
        let local = match settings.triggers {
            Triggers::MessagesAndLocalEvents => Some(LocalTriggers::start(dispatch.clone(), &settings.local_events)?),
            Triggers::Off | Triggers::Messages => None,
        };
        Ok(Self { local, dispatch, finished: Cell::new(false), initialized })
    }

    fn tick(&self, context: &TickContext<'_>) -> Result<(), BoxError> {
        let outbox = &self.dispatch.outbox;
        if let Some(msg_rx) = &self.initialized.msg_rx {
            while !outbox.is_full()
                && let Some(message) = context.receive(msg_rx)?
            {
                match message.get_shared::<NvDsMessage>() {
                    Some(message) => self.dispatch.message(message.payload()),
                    None => self.dispatch.foreign_message(),
                }
                if self.finished.get() {
                    // No wake-up takes the second receipt along any more; the next message makes the next tick.
                    break;
                }
            }
        }
        if let Some(done_tx) = &self.initialized.done_tx {
            publish_one(context, done_tx, outbox)?;
        }
        match outbox.ended(self.initialized.settings.recorder.sources.len()) {
            Ended::NotYet => outbox.wake_for_the_rest(),
            Ended::AllFailed(last) => return Err(Error::AllSourcesFailed(last).into()),
            Ended::All => {
                if let Some(waker) = &self.initialized.waker {
                    waker.finish();
                    self.finished.set(true);
                }
            }
        }
        Ok(())
    }

    /// How many messages no tick has taken.
    fn unread(&self, context: &Context<'_>) -> Result<usize, gxf::Error> {
        let Some(msg_rx) = &self.initialized.msg_rx else { return Ok(0) };
        let mut unread = 0;
        while context.receive_left(msg_rx)?.is_some() {
            unread += 1;
        }
        Ok(unread)
    }

    /// Finishes every recording. Returns the sources for which that took too long.
    fn stop(self) -> (Box<Initialized>, Vec<usize>) {
        let Self { local, dispatch, initialized, finished: _ } = self;
        drop(local);
        let late = dispatch.recorder.as_ref().map(Recorder::stop).unwrap_or_default();
        dispatch.log_counters();
        // No tick will come any more, and GXF takes messages in ticks alone.
        let unsent = dispatch.outbox.unsent();
        if unsent > 0 {
            gxf::log::warning!(
                "{}: {unsent} receipts came too late for done-tx, since the graph has stopped; they are in this log and \
                 in the sidecars",
                initialized.name
            );
        }
        (initialized, late)
    }
}

/// One message a tick: a transmitter's queue, of whatever capacity, is empty again when the tick is over.
fn publish_one(context: &TickContext<'_>, done_tx: &Handle<Transmitter>, outbox: &Outbox) -> Result<(), BoxError> {
    let Some(receipt) = outbox.take() else { return Ok(()) };
    let payload = receipt.to_json()?;
    let message = Message::new(context)?;
    message.add_shared(NvDsMessage::new(RECEIPTS, payload))?;
    if let Err(error) = context.publish(done_tx, message) {
        outbox.put_back(receipt);
        return Err(error.into());
    }
    Ok(())
}
