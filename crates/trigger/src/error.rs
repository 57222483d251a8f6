//! The one error type of this crate: what is wrong, where, and what is allowed instead.
//! [`MessageError`] adds who sent a bad message, as far as that could still be read.
//! It leaves logging and the *rejected* receipt to the caller.

use std::path::PathBuf;

/// Everything that can be wrong with a trigger message, a sensor list or a message file.
///
/// `Display` is one line for a person; it repeats at most 64 characters of foreign text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No bytes at all, as a Kafka tombstone delivers.
    #[error("the message is empty (allowed: one JSON object)")]
    EmptyMessage,
    /// The message as a whole is over its limit and was not parsed.
    #[error("the message has {bytes} bytes (allowed: at most {limit})")]
    MessageTooLong {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The text is no JSON, or nested deeper than 128 levels.
    #[error("the message is not JSON: {reason} (allowed: one JSON object, nested at most 128 deep)")]
    NotJson {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// The JSON is a scalar or an array.
    #[error("the message is {found} (allowed: one JSON object)")]
    NotAnObject {
        /// What it is instead.
        found: String,
    },
    /// A member that must be there is not.
    #[error("\"{member}\" is missing ({allowed})")]
    MissingMember {
        /// Path of the member, such as `sensor.id`.
        member: &'static str,
        /// What to write.
        allowed: &'static str,
    },
    /// A member's value is not one of those allowed.
    #[error("\"{member}\" is {found} (allowed: {allowed})")]
    BadMember {
        /// Path of the member, such as `sensor.id`.
        member: &'static str,
        /// The value found, quoted and cut.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// `end` is not after `start`, so nothing could be recorded.
    #[error("\"end\" {end} is not after \"start\" {start} (allowed: an end later than the start)")]
    EmptyInterval {
        /// The asked start.
        start: crate::Utc,
        /// The asked end.
        end: crate::Utc,
    },
    /// An overlap policy that does not exist.
    #[error("the overlap policy {found} is {why} (allowed: separate, extend, merge, reject)")]
    BadOverlap {
        /// The value found, quoted and cut.
        found: String,
        /// "not known" or "not a string".
        why: &'static str,
    },
    /// No source has this sensor id.
    #[error("the sensor id {found} is not known (known: {known})")]
    UnknownSensor {
        /// The id found, quoted and cut.
        found: String,
        /// At most ten names, then how many more.
        known: String,
    },
    /// `sensor-id-list` does not fit the sources or itself.
    #[error("sensor-id-list: {reason}")]
    SensorIdList {
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Both ways of naming sensors are set.
    #[error("sensor-id-list and sensor-list-file are both set (allowed: one of them, or none to use indexes)")]
    TwoSensorLists,
    /// The sensor list file cannot be read.
    #[error("sensor-list-file {}: cannot be read: {source} (needed: a readable INI file of at most 1 MiB)", path.display())]
    SensorFileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The sensor list file says something that is not allowed.
    #[error("sensor-list-file {}{}: {reason}", path.display(), line.map(|n| format!(", line {n}")).unwrap_or_default())]
    SensorFile {
        /// The file.
        path: PathBuf,
        /// Line of the group, from 1, where there is one.
        line: Option<usize>,
        /// Group, key, value and what is allowed.
        reason: String,
    },
    /// The file of messages cannot be opened.
    #[error("message file {}: cannot be opened: {source} (needed: {needed})", path.display())]
    CannotOpen {
        /// The FIFO or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What the caller is to provide.
        needed: &'static str,
    },
    /// The path names something that is neither a FIFO nor a regular file.
    #[error("message file {}: is {found} (allowed: a FIFO, made with mkfifo, or a regular file)", path.display())]
    WrongFileType {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Waiting on or reading from the opened message file failed.
    #[error("message file {}: cannot be read: {source}", path.display())]
    CannotRead {
        /// The FIFO or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system gave no event descriptor for [`crate::Stop`].
    #[error("no event descriptor to stop a reader with: {source} (check the limit of open files)")]
    NoStop {
        /// Why.
        source: std::io::Error,
    },
    /// `proto-lib` names a protocol that is not built in.
    #[error(
        "proto-lib {found} is not built in (allowed: empty, builtin:kafka, builtin:mqtt, or the path of an adaptor)"
    )]
    ProtoLib {
        /// The value found, quoted and cut.
        found: String,
    },
    /// A broker's connection string cannot be read.
    #[error("conn-str {found}: {reason}")]
    ConnStr {
        /// The value found, quoted and cut.
        found: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// There is no topic, or one that cannot be one.
    #[error("topics: {reason}")]
    Topics {
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A broker's settings file cannot be read.
    #[error("config-file {}: cannot be read: {source} (needed: a readable INI file of at most 1 MiB)", path.display())]
    BrokerFileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A broker's settings file says something that is not allowed.
    #[error("config-file {}{}: {reason}", path.display(), key.as_ref().map(|key| format!(", {key}")).unwrap_or_default())]
    BrokerFile {
        /// The file.
        path: PathBuf,
        /// The key at fault, where there is one.
        key: Option<String>,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The client library of a built-in protocol refuses its settings.
    #[error("the {protocol} client cannot be made: {reason} (check conn-str and config-file)")]
    BrokerClient {
        /// Kafka or MQTT.
        protocol: &'static str,
        /// The library's words.
        reason: String,
    },
    /// A protocol adaptor cannot be used.
    #[error("proto-lib {}: {reason}", path.display())]
    Adaptor {
        /// The library.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Too much waits to be sent to a broker.
    #[error("{waiting} messages wait for the broker already; this one was not taken (wait until the broker is back)")]
    OutboxFull {
        /// How many wait.
        waiting: usize,
    },
    /// The system gave no thread for a broker's connection.
    #[error("no thread for the connection to the broker: {source} (check the limit of threads)")]
    NoThread {
        /// Why.
        source: std::io::Error,
    },
}

/// Why a message was refused, and by whom it was sent, so that a *rejected* receipt can name them.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct MessageError {
    /// What is wrong and what is allowed.
    pub reason: Error,
    /// The caller's event id, if the message was readable and had a valid one.
    pub id: Option<String>,
    /// The sensor id as text, if the message was readable and had a valid one.
    pub sensor: Option<String>,
}
