//! The parameters of `NvDsSmartRecord`: keys, types, defaults, ranges and the texts that Composer shows.
//! Keys and meanings follow NVIDIA's nvurisrcbin and deepstream-test5 (design.md).
//! What they mean together is left to `settings`.

use gxf::{AnyParameter, FilePath, Handle, Parameter, Receiver, Transmitter};
use recorder::core::Config;
use recorder::file_name::check_prefix;

use crate::settings::UnknownSensor;

const MIB: u64 = 1 << 20;

/// A terabyte: more is rather a mistake in the unit.
const TIB: u64 = 1 << 40;

/// A day: longer caches and durations are rather a mistake in the unit.
const DAY: u32 = 86_400;

pub(crate) static URI_LIST: Parameter<String> = Parameter::new(
    "uri-list",
    "Source URIs",
    "Cameras and files, separated by ';': rtsp://, rtspt:// (RTSP over TCP), http://, https://, file://, or 'launch:' \
     and a GStreamer description that ends in encoded video (and audio) without a sink",
);

pub(crate) static SENSOR_ID_LIST: Parameter<String> = Parameter::new(
    "sensor-id-list",
    "Sensor names",
    "Name of each source, separated by ';', in the order of uri-list: what a message's sensor.id matches. Its index, counted \
     from 0, matches too, unless a name in the list is itself a number: then only names do. Empty: the indexes are the \
     names",
)
.default("");

pub(crate) static SENSOR_LIST_FILE: Parameter<FilePath> = Parameter::new(
    "sensor-list-file",
    "Sensor list file",
    "DeepStream's file with groups [sensorN], each with enable=1 and id=NAME: names for the sources instead of \
     sensor-id-list",
)
.optional();

pub(crate) static UNKNOWN_SENSOR: Parameter<String> = Parameter::new(
    "unknown-sensor",
    "Messages for unknown sensors",
    "What becomes of a message whose sensor.id is none of this recorder's. reject: it is rejected, with a receipt and a line in \
     the log. ignore: it is for another recorder that gets the same messages; it is only counted, in a line when the graph \
     stops, and a source that has a name is not called by its index",
)
.default("reject")
.validate(|answer: &str| answer.parse::<UnknownSensor>().map(drop));

pub(crate) static SMART_RECORD: Parameter<u32> = Parameter::new(
    "smart-record",
    "Triggers",
    "What starts recordings. 0: nothing, the recorder is off. 1: messages. 2: messages and local events (see \
     smart-rec-interval)",
)
.default(1)
.range(0, 2);

pub(crate) static CACHE: Parameter<u32> = Parameter::new(
    "smart-rec-cache",
    "Cache (s)",
    "How many seconds of each source are kept in memory: so far back a recording can begin. Up to one GOP more is kept, \
     since decoding begins at a keyframe. 0: 30",
)
.default(30)
.range(0, DAY);

pub(crate) static CONTAINER: Parameter<u32> =
    Parameter::new("smart-rec-container", "File format", "0: MP4. 1: MKV (Matroska), which takes more audio formats")
        .default(0)
        .range(0, 1);

pub(crate) static MODE: Parameter<u32> =
    Parameter::new("smart-rec-mode", "Streams", "What is recorded. 0: audio and video. 1: video only. 2: audio only")
        .default(0)
        .range(0, 2);

pub(crate) static DEFAULT_DURATION: Parameter<u32> = Parameter::new(
    "smart-rec-default-duration",
    "Default duration (s)",
    "How long after its trigger a recording ends when neither the message's end nor a stop message says so. 0: 10",
)
.default(10)
.range(0, DAY);

pub(crate) static DURATION: Parameter<u32> = Parameter::new(
    "smart-rec-duration",
    "Local event duration (s)",
    "How long after a local event its recording ends. 0: smart-rec-default-duration",
)
.default(0)
.range(0, DAY);

pub(crate) static START_TIME: Parameter<u32> = Parameter::new(
    "smart-rec-start-time",
    "Local event start (s before)",
    "How long before a local event its recording begins; at most smart-rec-cache",
)
.default(0)
.range(0, DAY);

pub(crate) static INTERVAL: Parameter<u32> = Parameter::new(
    "smart-rec-interval",
    "Local event period (s)",
    "Time from one local event to the next, for smart-record 2. 0: 10",
)
.default(10)
.range(0, DAY);

pub(crate) static FILE_PREFIX: Parameter<String> = Parameter::new(
    "smart-rec-file-prefix",
    "File name prefix",
    "Recordings are called PREFIX[_SOURCE]_COUNTER_UTC_PID.mp4 or .mkv; SOURCE is the source's index where there are \
     several",
)
.default("Smart_Record")
.validate(|prefix: &str| check_prefix(prefix));

pub(crate) static DIR_PATH: Parameter<String> = Parameter::new(
    "smart-rec-dir-path",
    "Folder",
    "Where recordings go. It must exist and be writable when the graph starts",
)
.default(".");

pub(crate) static MAX_SESSIONS: Parameter<u32> = Parameter::new(
    "smart-rec-max-sessions",
    "Running recordings per source",
    "A start is rejected while this many recordings of its source run",
)
.default(Config::MAX_SESSIONS)
.range(1, 1_000);

pub(crate) static OVERLAP: Parameter<String> = Parameter::new(
    "smart-rec-overlap",
    "Overlap policy",
    "What a start does while another recording of its source runs. separate: a file of its own. extend: the running one goes \
     on to the new end, if the two intervals touch. merge: as extend, and it begins earlier too, as far as the cache allows. \
     reject: it is rejected. A message's 'overlap' wins",
)
.default("separate")
.validate(|policy: &str| policy.parse::<trigger::Overlap>().map(drop).map_err(|error| error.to_string()));

pub(crate) static MAX_DURATION: Parameter<u32> = Parameter::new(
    "smart-rec-max-duration",
    "Longest recording (s)",
    "A recording ends after so many seconds, whatever its end was to be; its receipts say so. 0: no limit",
)
.default(0)
.range(0, DAY);

pub(crate) static CACHE_BYTES: Parameter<u64> = Parameter::new(
    "smart-rec-cache-bytes",
    "Cache budget per source (bytes)",
    "How much each source's cache may take. Over it the oldest GOPs go, so that recordings may begin later than asked; \
     receipts and the log say so. 0: no limit",
)
.default(0)
.range(0, TIB);

pub(crate) static TOTAL_CACHE_BYTES: Parameter<u64> = Parameter::new(
    "smart-rec-total-cache-bytes",
    "Cache budget in all (bytes)",
    "How much all caches of the process may take together. Over it the source whose cache reaches back furthest gives way. \
     0: a quarter of the machine's memory",
)
.default(0)
.range(0, TIB);

pub(crate) static MAX_PENDING_BYTES: Parameter<u64> = Parameter::new(
    "smart-rec-max-pending-bytes",
    "Waiting for the disk (bytes)",
    "How much of each source may wait for a slow disk beyond what its cache holds anyway. The recording that is further \
     behind ends as failed; what it has written is kept",
)
.default(Config::MAX_PENDING as u64)
.range(MIB, TIB);

pub(crate) static TRIM: Parameter<bool> = Parameter::new(
    "smart-rec-trim",
    "Show the asked interval only",
    "A file begins with the keyframe before the asked start, since decoding begins there. true: players show it from the \
     asked start to the asked end, by an edit list. MP4 only",
)
.default(false);

pub(crate) static SIDECAR: Parameter<bool> = Parameter::new(
    "smart-rec-sidecar",
    "Sidecar files",
    "Write RECORDING.json beside each recording: asked and actual interval, codecs, frames, SHA-256, why it ended, the \
     trigger's metadata",
)
.default(true);

pub(crate) static RECORDBIN_LIB: Parameter<FilePath> = Parameter::new(
    "recordbin-lib",
    "Recordbin library",
    "A libnvdsgst_smartrecord.so, NVIDIA's or one with its interface, that records instead of the extension's own recordbin, \
     within its own limits: above all one recording per source at a time (docs/recording.md). Empty: the extension's own",
)
.optional();

pub(crate) static RTSP_RECONNECT_INTERVAL: Parameter<u32> = Parameter::new(
    "rtsp-reconnect-interval",
    "RTSP reconnect interval (s)",
    "An RTSP source is lost when it fails, ends, or sends nothing for so long; choose more than the time between two of \
     its frames. It is then tried again, also if it was never reached: soon at first, later once in this time. What is \
     cached stays, and running recordings go on. 0: a lost source ends, and its recordings with it",
)
.default(10)
.range(0, DAY);

pub(crate) static LATENCY: Parameter<u32> =
    Parameter::new("latency", "RTSP jitter buffer (ms)", "How long RTSP sources wait for late packets")
        .default(100)
        .range(0, 60_000);

pub(crate) static SELECT_RTP_PROTOCOL: Parameter<u32> = Parameter::new(
    "select-rtp-protocol",
    "RTP protocol",
    "How RTSP sources get their packets. 0: UDP, UDP multicast, then TCP, whatever works. 4: TCP only",
)
.default(0)
.range(0, 4)
.validate(|protocol: &u32| match protocol {
    0 | 4 => Ok(()),
    _ => Err("0 (UDP, UDP multicast, TCP) and 4 (TCP only) are allowed".into()),
});

pub(crate) static MSG_RX: Parameter<Handle<Receiver>> = Parameter::new(
    "msg-rx",
    "Trigger messages",
    "Receiver of messages that start and stop recordings: entities with an NvDsMessage whose payload is DeepStream's \
     smart record JSON",
)
.optional();

pub(crate) static DONE_TX: Parameter<Handle<Transmitter>> = Parameter::new(
    "done-tx",
    "Receipts",
    "Transmitter of the receipts, as JSON in an NvDsMessage: for each trigger 'accepted' or 'rejected', later 'done' or \
     'failed'",
)
.optional();

/// All of them, in the order in which tools show them.
pub(crate) static ALL: &[&dyn AnyParameter] = &[
    &URI_LIST,
    &SENSOR_ID_LIST,
    &SENSOR_LIST_FILE,
    &UNKNOWN_SENSOR,
    &SMART_RECORD,
    &CACHE,
    &CONTAINER,
    &MODE,
    &DEFAULT_DURATION,
    &DURATION,
    &START_TIME,
    &INTERVAL,
    &FILE_PREFIX,
    &DIR_PATH,
    &MAX_SESSIONS,
    &OVERLAP,
    &MAX_DURATION,
    &CACHE_BYTES,
    &TOTAL_CACHE_BYTES,
    &MAX_PENDING_BYTES,
    &TRIM,
    &SIDECAR,
    &RECORDBIN_LIB,
    &RTSP_RECONNECT_INTERVAL,
    &LATENCY,
    &SELECT_RTP_PROTOCOL,
    &MSG_RX,
    &DONE_TX,
];
