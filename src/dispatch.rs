//! From a trigger to the engine: reads a message, finds its source, asks for the session, and makes out the receipt.
//! Messages and local events take the same way from the request on.
//! Reading JSON is left to `trigger`, deciding to the engine, sending receipts to `outbox`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use recorder::Recorder;
use recorder::core::{Accepted, Moment, SessionId, StartRequest, Utc};
use recorder::record::Trigger;
use trigger::{Command, Message, Sensors};

use crate::outbox::Outbox;
use crate::receipt::{Asked, Receipt, is_receipt};
use crate::settings::{UnknownSensor, overlap};

/// Why nothing is recorded with `smart-record: 0`.
const OFF: &str = "the recorder is off: smart-record is 0; set it to 1 or 2";

/// The engine with its sensors' names.
pub(crate) struct Dispatch {
    /// `None`: the recorder is off.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) sensors: Sensors,
    pub(crate) unknown_sensor: UnknownSensor,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) counters: Counters,
}

/// What a line at the stop says.
#[derive(Default)]
pub(crate) struct Counters {
    /// Messages that named a sensor which is none of ours.
    unknown_sensors: AtomicU64,
    /// Receipts that came as messages.
    receipts: AtomicU64,
}

impl Dispatch {
    /// A message has arrived. Exactly one receipt is made out for it at once, unless it is none of this recorder's business.
    pub(crate) fn message(&self, payload: &[u8]) {
        if is_receipt(payload) {
            // Answered, it would come back as the next one, and so on for ever; a start's receipt can be read as a start.
            if self.counters.receipts.fetch_add(1, Ordering::Relaxed) == 0 {
                gxf::log::warning!(
                    "{}: a receipt has come as a message. It is ignored, and so are all that follow: is their topic among the \
                     topics of the messages?",
                    self.outbox.name()
                );
            }
            return;
        }
        let message = match Message::parse(payload) {
            Ok(message) => message,
            Err(error) => {
                if let Some(sensor) = &error.sensor
                    && self.is_ignored(sensor)
                {
                    return;
                }
                let trigger = Trigger { id: error.id.clone(), metadata: None };
                self.outbox.put(Receipt::unreadable(error.sensor.clone(), trigger, error.to_string()));
                return;
            }
        };
        let trigger = Trigger { id: message.id, metadata: message.metadata };
        match self.sensors.lookup(&message.sensor) {
            Ok(source) => match message.command {
                Command::Start { start, end, overlap: policy } => {
                    let at = |utc: trigger::Utc| Moment::Utc(Utc(utc.as_nanos()));
                    let request = StartRequest {
                        start: start.map_or(Moment::Now, at),
                        end: end.map(at),
                        overlap: policy.map(overlap),
                    };
                    self.start(source, request, trigger);
                }
                Command::Stop { session } => self.stop(source, session.map(SessionId), trigger),
            },
            Err(_) if self.is_ignored(&message.sensor) => {}
            Err(error) => {
                self.counters.unknown_sensors.fetch_add(1, Ordering::Relaxed);
                self.outbox.put(Receipt::unreadable(Some(message.sensor), trigger, error.to_string()));
            }
        }
    }

    /// Whether a message for this sensor is for another recorder; counts it then.
    fn is_ignored(&self, sensor: &str) -> bool {
        let ignored = self.unknown_sensor == UnknownSensor::Ignore && self.sensors.lookup(sensor).is_err();
        if ignored {
            self.counters.unknown_sensors.fetch_add(1, Ordering::Relaxed);
        }
        ignored
    }

    /// Says once what was counted.
    pub(crate) fn log_counters(&self) {
        let name = self.outbox.name();
        let unknown = self.counters.unknown_sensors.load(Ordering::Relaxed);
        match self.unknown_sensor {
            _ if unknown == 0 => {}
            // Which, and what is known, each message's own line has said.
            UnknownSensor::Reject => gxf::log::warning!("{name}: messages for unknown sensors, in all: {unknown}"),
            UnknownSensor::Ignore => {
                gxf::log::info!("{name}: messages for sensors of other recorders, ignored, in all: {unknown}");
            }
        }
        let receipts = self.counters.receipts.load(Ordering::Relaxed);
        if receipts > 0 {
            gxf::log::warning!("{name}: receipts that came as messages and were ignored, in all: {receipts}");
        }
    }

    /// A message has arrived that carries no `NvDsMessage`.
    pub(crate) fn foreign_message(&self) {
        let reason = format!("it carries no {}", nvds_message::TYPE_NAME);
        self.outbox.put(Receipt::unreadable(None, Trigger::default(), reason));
    }

    /// Asks for a session of a source that exists.
    pub(crate) fn start(&self, source: usize, request: StartRequest, trigger: Trigger) {
        self.outbox.session_asked();
        let sensor = self.sensors.name(source);
        let accept = |accepted: &Accepted| {
            self.outbox.put_answer(Receipt::started(source, sensor, trigger.clone(), accepted), true);
        };
        let answer = match &self.recorder {
            Some(recorder) => recorder
                .start_session(source, request, trigger.clone(), accept)
                .map_err(|rejection| rejection.to_string()),
            None => Err(OFF.into()),
        };
        if let Err(reason) = answer {
            let receipt = Receipt::rejected(Asked::StartRecording, source, sensor, trigger, reason);
            self.outbox.put_answer(receipt, false);
        }
    }

    fn stop(&self, source: usize, session: Option<SessionId>, trigger: Trigger) {
        let sensor = self.sensors.name(source);
        let answer = match &self.recorder {
            Some(recorder) => recorder.stop_session(source, session).map_err(|rejection| rejection.to_string()),
            None => Err(OFF.into()),
        };
        self.outbox.put(match answer {
            Ok(sessions) => Receipt::stopped(source, sensor, trigger, sessions),
            Err(reason) => Receipt::rejected(Asked::StopRecording, source, sensor, trigger, reason),
        });
    }
}
