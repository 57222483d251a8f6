//! What librdkafka reports while it is polled: that no broker is left, why, and that a group's partitions came.
//! Its errors arrive one by one on the keeper's thread; here they become one line that says what is wrong.
//! It leaves acting on them to `subscriber` and `publisher`.

use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::{
    ClientContext, TopicPartitionList,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::{DeliveryResult, ProducerContext},
};

use super::super::outbox::Outbox;

#[derive(Debug, Default)]
struct Inside {
    /// The last error of one broker.
    last: Option<String>,
    /// No broker is left.
    down: bool,
    /// The group gave this member its partitions.
    assigned: bool,
    /// The group's places were committed, or could not be.
    committed: bool,
}

/// An error in librdkafka's words, without Rust's: the crate writes `Name (words)`.
pub(super) fn words(error: &KafkaError) -> String {
    let text = error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
    let words = text.split_once(" (").filter(|(name, _)| !name.contains(' ')).map(|(_, words)| words);
    words.and_then(|words| words.strip_suffix(')')).map_or(text.clone(), str::to_owned)
}

/// Most characters of a reason; librdkafka's name the broker, what went wrong and where, in about 200.
const MAX_REASON: usize = 500;

/// A text as one line.
fn line(text: &str) -> String {
    text.chars().take(MAX_REASON).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Shared by a client of librdkafka and its owner.
#[derive(Debug, Default, Clone)]
pub(super) struct Reports {
    inside: Arc<Mutex<Inside>>,
    /// A producer's.
    outbox: Option<Arc<Outbox>>,
}

impl Reports {
    pub(super) fn of_producer(outbox: Arc<Outbox>) -> Self {
        Self { inside: Arc::default(), outbox: Some(outbox) }
    }

    /// Why there is no broker any more, if that was reported.
    pub(super) fn down(&self) -> Option<String> {
        let inside = self.inside.lock();
        inside.down.then(|| inside.last.clone().unwrap_or_else(|| "all brokers are down".into()))
    }

    /// What is known of a failure that librdkafka only calls `otherwise`.
    pub(super) fn reason(&self, otherwise: impl Into<String>) -> String {
        self.inside.lock().last.clone().unwrap_or_else(|| otherwise.into())
    }

    /// True once after the group gave this member its partitions (again).
    pub(super) fn take_assigned(&self) -> bool {
        std::mem::take(&mut self.inside.lock().assigned)
    }

    /// True once after places were committed, or that failed.
    pub(super) fn take_committed(&self) -> bool {
        std::mem::take(&mut self.inside.lock().committed)
    }

    /// Forgets everything, before a new attempt with the same client.
    pub(super) fn clear(&self) {
        *self.inside.lock() = Inside::default();
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut inside = self.inside.lock();
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            inside.down = true;
        } else {
            // A broker's words may be in it.
            inside.last = Some(line(reason));
        }
    }
}

impl ConsumerContext for Reports {
    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.inside.lock().committed = true;
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.inside.lock().assigned = matches!(rebalance, Rebalance::Assign(_));
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.inside.lock().last = Some(words(error));
        }
        if let Some(outbox) = &self.outbox {
            outbox.settle(result.is_ok());
        }
    }
}
