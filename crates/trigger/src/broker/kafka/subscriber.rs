//! Brings messages of topics in. Without a consumer group, all partitions are read, each from the place it stands at.
//! "Now" is found out by fetching: ListOffsets may lie (Tansu's points into the last batch), a fetch tells the true end.
//! It leaves judging messages to `place`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::{
    super::{
        Arrived, Listener,
        client::{Client, Ending},
    },
    place::{Place, Verdict, fingerprint},
    reports::{Reports, words},
    settings::Settings,
    watermark::end_of_last_fetch,
};
use crate::{Error, quote::quote};

/// How long one look for a broker takes.
const GLANCE: Duration = Duration::from_millis(250);
/// Between two looks, where the first was answered at once.
const PACE: Duration = Duration::from_millis(50);
/// So many complaints are remembered at most, so that they are not said again.
const SAID: usize = 64;
/// How long an attempt to connect takes at most.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the group's coordinator may take to tell its places.
const COMMITTED: Duration = Duration::from_secs(5);
/// How long the broker may take to answer before a group's connection ends, and again to take the last places.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often new partitions are looked for.
const REFRESH: Duration = Duration::from_secs(5);
/// The same while a topic does not exist, as after a broker lost its memory.
const REFRESH_MISSING: Duration = Duration::from_millis(500);

/// How often the ends of the partitions are looked at, and how long one must be before what was seen. On a new leader it
/// may be, for as long as followers take to answer.
const ENDS: Duration = Duration::from_millis(250);
const SHORT: Duration = Duration::from_secs(1);

type Partition = (String, i32);

/// One partition's place. `Unknown` until a fetch has shown where "now" is.
enum Standing {
    Unknown,
    At(Place),
}

pub(super) struct Subscriber {
    config: ClientConfig,
    topics: Vec<String>,
    /// Partitions are shared with other members of a consumer group.
    group: bool,
    /// Without a group: start at the beginning of topics that are there already.
    from_beginning: bool,
    listener: Arc<dyn Listener>,
    /// Outlives connections.
    places: HashMap<Partition, Standing>,
    /// All topics were looked at once: partitions that come later are new as a whole.
    looked: bool,
    /// Complaints that stand. librdkafka has some hundred errors, and there are as many topics as are asked for.
    said: HashSet<String>,
    connection: Option<Connection>,
}

struct Connection {
    consumer: BaseConsumer<Reports>,
    reports: Reports,
    assigned: Vec<Partition>,
    /// The group gave this member its partitions.
    adopted: bool,
    /// When partitions were looked for last.
    looked: Instant,
    /// When their ends were looked at last, and since when which are shorter than they were.
    measured: Instant,
    short: HashMap<Partition, Instant>,
}

impl Connection {
    /// The group's place is here, so that it has one in every partition: then a missing one means another log.
    fn store(&self, (topic, partition): &Partition, next: i64) {
        let mut list = TopicPartitionList::new();
        let stored = list
            .add_partition_offset(topic, *partition, Offset::Offset(next))
            .and_then(|()| self.consumer.store_offsets(&list));
        // Fails only if the partition was taken away meanwhile: then its new owner does the same.
        drop(stored);
    }
}

impl Connection {
    /// Ends a group's connection. Closing commits what was taken last, and waits for ever for somebody to commit it to: it
    /// is committed before, if the broker is there, and then there is nothing left. If it is not there, the next connection
    /// knows what came already.
    fn end(self, topic: &str) {
        if self.reports.down().is_none() && self.consumer.fetch_metadata(Some(topic), FAREWELL).is_ok() {
            self.reports.take_committed();
            // An error: nothing is to be committed.
            if self.consumer.commit_consumer_state(CommitMode::Async).is_ok() {
                let until = Instant::now() + FAREWELL;
                while !self.reports.take_committed() && self.reports.down().is_none() && Instant::now() < until {
                    // A message that comes now is not taken, and comes again.
                    drop(self.consumer.poll(Duration::from_millis(10)));
                }
            }
        }
        let mut list = TopicPartitionList::new();
        for (topic, partition) in &self.assigned {
            // No failure is known for this offset; it stands for none.
            drop(list.add_partition_offset(topic, *partition, Offset::Invalid));
        }
        // Fails for partitions that were taken away, which have no place to commit either.
        let _ = self.consumer.store_offsets(&list);
    }
}

impl Subscriber {
    pub(super) fn new(settings: &Settings, topics: &[String], listener: Arc<dyn Listener>) -> Result<Self, Error> {
        let topics = settings.conn_str.topics(topics)?;
        let mut config = settings.consumer()?;
        let group = config.get("group.id").is_some();
        let from_beginning = matches!(config.get("auto.offset.reset"), Some("earliest" | "smallest" | "beginning"));
        if !group {
            // librdkafka wants a name even where there is no group; nothing is committed under it.
            config.set("group.id", format!("nvds-smart-record-{:016x}", fastrand::u64(..)));
            config.set("enable.auto.commit", "false");
            // Reached only where the log is another one, or was cut: then all that is in it is new.
            config.set("auto.offset.reset", "earliest");
        }
        let subscriber = Self {
            config,
            topics,
            group,
            from_beginning,
            listener,
            places: HashMap::new(),
            looked: false,
            said: HashSet::new(),
            connection: None,
        };
        // What is wrong with the settings as a whole shows now, not at the first attempt to connect.
        subscriber.open().map_err(|error| Error::BrokerClient { protocol: "Kafka", reason: words(&error) })?;
        Ok(subscriber)
    }

    fn open(&self) -> Result<Connection, KafkaError> {
        let reports = Reports::default();
        let consumer = self.config.create_with_context(reports.clone())?;
        let now = Instant::now();
        let (assigned, short) = (Vec::new(), HashMap::new());
        Ok(Connection { consumer, reports, assigned, adopted: false, looked: now, measured: now, short })
    }

    /// Waits until a broker answers and has told of all topics.
    fn reach(&self, connection: &Connection, until: Instant, ending: &Ending) -> Result<Vec<Partition>, String> {
        loop {
            match self.partitions(connection) {
                Ok(partitions) => return Ok(partitions),
                Err(error) => {
                    // Serves the errors; no message can come yet.
                    let _ = connection.consumer.poll(PACE);
                    if ending.asked() || Instant::now() > until || connection.reports.down().is_some() {
                        return Err(connection.reports.reason(error));
                    }
                }
            }
        }
    }

    /// All partitions that the topics have now. A topic that does not exist has none.
    fn partitions(&self, connection: &Connection) -> Result<Vec<Partition>, String> {
        let mut partitions = Vec::new();
        for name in &self.topics {
            let metadata = connection.consumer.fetch_metadata(Some(name), GLANCE).map_err(|error| words(&error))?;
            for topic in metadata.topics() {
                match topic.error().map(RDKafkaErrorCode::from) {
                    None | Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {}
                    Some(error) => return Err(format!("topic {name}: {error}")),
                }
                partitions.extend(topic.partitions().iter().map(|partition| (name.clone(), partition.id())));
            }
        }
        Ok(partitions)
    }

    /// Reads exactly these partitions from here on.
    fn assign(&mut self, connection: &mut Connection, partitions: Vec<Partition>) -> Result<(), String> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in &partitions {
            let standing = self.places.entry((topic.clone(), *partition)).or_insert_with(|| {
                if self.looked || self.from_beginning { Standing::At(Place::new(0)) } else { Standing::Unknown }
            });
            let offset = match standing {
                // The message before "now" comes along: by it the log is known again after a loss.
                Standing::Unknown => Offset::OffsetTail(1),
                Standing::At(place) => place.assign(),
            };
            list.add_partition_offset(topic, *partition, offset).map_err(|error| words(&error))?;
        }
        connection.consumer.assign(&list).map_err(|error| words(&error))?;
        connection.assigned = partitions;
        Ok(())
    }

    /// Finds out where "now" is in partitions where that is not known. True: it is known everywhere.
    fn settle(&mut self, connection: &Connection) -> bool {
        let mut settled = true;
        for key in &connection.assigned {
            if let Some(standing @ Standing::Unknown) = self.places.get_mut(key) {
                match end_of_last_fetch(&connection.consumer, &key.0, key.1) {
                    Some(end) => {
                        *standing = Standing::At(Place::new(end));
                        if self.group {
                            connection.store(key, end);
                        }
                    }
                    None => settled = false,
                }
            }
        }
        settled
    }

    /// Looks where the group stands in the partitions that it gave to this member.
    fn adopt(&mut self, connection: &mut Connection) -> Result<(), String> {
        let failed = |error: KafkaError| format!("asking for the group's places: {}", words(&error));
        let assignment = connection.consumer.assignment().map_err(failed)?;
        let committed = connection.consumer.committed_offsets(assignment, COMMITTED).map_err(failed)?;
        connection.assigned.clear();
        for element in committed.elements() {
            let key = (element.topic().to_owned(), element.partition());
            let none = !matches!(element.offset(), Offset::Offset(_));
            let unknown = none && !self.looked && !self.from_beginning;
            self.places
                .entry(key.clone())
                .or_insert_with(|| if unknown { Standing::Unknown } else { Standing::At(Place::new(0)) });
            connection.assigned.push(key);
        }
        connection.adopted = true;
        Ok(())
    }

    /// Takes one message or event.
    fn poll(&mut self, connection: &mut Connection, wait: Duration) -> Result<(), String> {
        match connection.consumer.poll(wait) {
            Some(Ok(message)) => self.take(connection, &message)?,
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => return Err(words(&error)),
                // Without a group nobody needs the right to use one.
                Some(RDKafkaErrorCode::GroupAuthorizationFailed) if self.group => return Err(words(&error)),
                _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => return Err(words(&error)),
                // What a lost broker leads to is told with the loss.
                Some(
                    RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic,
                ) => {}
                // The rest passes by itself.
                _ => self.complain(words(&error)),
            },
            None => {}
        }
        if self.group && connection.reports.take_assigned() {
            self.adopt(connection)?;
        }
        if self.group && !self.looked && connection.adopted && self.settle(connection) {
            self.looked = true;
            // A group that had a place in every partition, and has none any more: the broker lost all, so all there is
            // new. Before it had, the next attempt must not begin at the beginning.
            self.config.set("auto.offset.reset", "earliest");
        }
        connection.reports.down().map_or(Ok(()), Err)
    }

    fn take(&mut self, connection: &Connection, message: &BorrowedMessage<'_>) -> Result<(), String> {
        self.settle(connection);
        let key = (message.topic().to_owned(), message.partition());
        let standing = self.places.entry(key).or_insert_with(|| Standing::At(Place::new(0)));
        // While it is not known where "now" is, it has not come yet.
        let Standing::At(place) = standing else { return Ok(()) };
        match place.judge(message.offset(), fingerprint(message)) {
            Verdict::Old | Verdict::Duplicate => return Ok(()),
            Verdict::Rewind if !self.group => {
                let seek = connection.consumer.seek(message.topic(), message.partition(), Offset::Beginning, GLANCE);
                // Where that fails, this connection ends, and the next one begins there.
                return seek
                    .map_err(|error| format!("going back to the beginning of {}: {}", message.topic(), words(&error)));
            }
            Verdict::New | Verdict::Rewind => {}
        }
        self.listener.message(Arrived::new(message.topic().to_owned(), message.payload().unwrap_or_default()));
        if self.group {
            // Fails only if the partition was taken away meanwhile: then it is its new owner's to deliver it.
            let _ = connection.consumer.store_offset_from_message(message);
        }
        Ok(())
    }

    /// Says what is wrong, unless it was said before.
    fn complain(&mut self, text: String) {
        if self.said.len() >= SAID {
            self.said.clear();
        }
        if self.said.insert(text.clone()) {
            self.listener.complaint(text);
        }
    }

    /// A topic that does not exist may come later, or its name may be wrong: nothing else would tell.
    fn complain_of_missing(&mut self, partitions: &[Partition]) {
        for topic in self.topics.clone() {
            let text = format!("the topic {} does not exist; it is waited for", quote(&topic));
            if partitions.iter().any(|(name, _)| *name == topic) {
                self.said.remove(&text);
            } else {
                self.complain(text);
            }
        }
    }

    /// How long after the last look the next one is due.
    fn pause(&self, connection: &Connection) -> Duration {
        let exists = |topic: &String| connection.assigned.iter().any(|(name, _)| name == topic);
        if self.topics.iter().all(exists) { REFRESH } else { REFRESH_MISSING }
    }

    /// Looks for partitions that came or went.
    fn refresh(&mut self, connection: &mut Connection) -> Result<(), String> {
        connection.looked = Instant::now();
        // A broker that does not answer in time is asked again later; if it is gone, that is reported by itself.
        let Ok(partitions) = self.partitions(connection) else { return Ok(()) };
        if partitions.len() == connection.assigned.len() && partitions.iter().all(|p| connection.assigned.contains(p)) {
            return Ok(());
        }
        self.complain_of_missing(&partitions);
        self.assign(connection, partitions)
    }

    /// Goes back in partitions whose log is shorter than what was seen of it.
    fn measure(&mut self, connection: &mut Connection) -> Result<(), String> {
        connection.measured = Instant::now();
        for key in &connection.assigned {
            let Some(Standing::At(place)) = self.places.get_mut(key) else { continue };
            let end = end_of_last_fetch(&connection.consumer, &key.0, key.1);
            let Some(back) = end.and_then(|end| place.look_back(end)) else {
                connection.short.remove(key);
                continue;
            };
            if connection.short.entry(key.clone()).or_insert_with(Instant::now).elapsed() >= SHORT {
                connection.short.remove(key);
                let seek = connection.consumer.seek(&key.0, key.1, back, GLANCE);
                seek.map_err(|error| format!("going back in {}, which is shorter now: {}", key.0, words(&error)))?;
            }
        }
        Ok(())
    }

    fn start(&mut self, connection: &mut Connection, ending: &Ending) -> Result<(), String> {
        let until = Instant::now() + CONNECT;
        let partitions = self.reach(connection, until, ending)?;
        self.complain_of_missing(&partitions);
        if self.group {
            let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
            connection.consumer.subscribe(&topics).map_err(|error| words(&error))?;
        } else {
            self.assign(connection, partitions)?;
        }
        // A partition without a leader must not keep the others waiting for ever; it settles later.
        while Instant::now() < until && !ending.asked() {
            if (connection.adopted || !self.group) && self.settle(connection) {
                break;
            }
            self.poll(connection, Duration::from_millis(10))?;
        }
        if !self.group {
            self.looked = true;
        }
        Ok(())
    }
}

impl Client for Subscriber {
    fn connect(&mut self, ending: &Ending) -> Result<(), String> {
        let mut connection = self.open().map_err(|error| words(&error))?;
        self.start(&mut connection, ending)?;
        self.connection = Some(connection);
        Ok(())
    }

    fn work(&mut self, wait: Duration) -> Result<(), String> {
        let Some(mut connection) = self.connection.take() else { return Err("there is no connection".into()) };
        let until = Instant::now() + wait;
        let mut result = Ok(());
        while result.is_ok() {
            let now = Instant::now();
            if now >= until {
                break;
            }
            result = self.poll(&mut connection, until - now);
            if result.is_ok() && !self.group && now > connection.looked + self.pause(&connection) {
                result = self.refresh(&mut connection);
            }
            if result.is_ok() && !self.group && now > connection.measured + ENDS {
                result = self.measure(&mut connection);
            }
        }
        self.connection = Some(connection);
        result
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.group
        {
            connection.end(&self.topics[0]);
        }
    }
}
