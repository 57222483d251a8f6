//! The keys of one source group: read into numbers and texts, each that cannot be taken over told.
//! 0 and an absent key are DeepStream's "library default" (facts: smart-record-behaviour.md, section 2).
//! It leaves which sources there are to `sources`.

use std::fmt;

use super::{
    groups::{Entry, Group, up_to_blank},
    report::Report,
    sources::{LocalEvents, Recording},
};

/// The most that the parameters in seconds take.
const DAY: u32 = 86_400;
/// The most that `latency` takes, in milliseconds.
const MAX_LATENCY: u32 = 60_000;
/// DeepStream's effective defaults, in seconds.
const CACHE: u32 = 30;
const DEFAULT_DURATION: u32 = 10;
const INTERVAL: u32 = 10;
const START_TIME: u32 = 1;

/// Keys about decoding, scaling and display, of which a recorder does nothing, and those that other sources have.
const NOT_OF_RECORDING: &[&str] = &[
    "alsa-device",
    "buffer-mode",
    "camera-csi-sensor-id",
    "camera-fps-d",
    "camera-fps-n",
    "camera-height",
    "camera-v4l2-dev-node",
    "camera-width",
    "copy-hw",
    "cudadec-memtype",
    "drop-frame-interval",
    "drop-on-latency",
    "extract-sei-type5-data",
    "gpu-id",
    "intra-decode-enable",
    "leaky",
    "low-latency-decode",
    "max-size-buffers",
    "num-decode-surfaces",
    "num-extra-surfaces",
    "num-sources",
    "nvbuf-memory-type",
    "sensorID-padID-mapping",
    "simulate-fps-interval-ms",
    "source-id",
    "video-format",
];

/// What a group says, before defaults.
#[derive(Debug, Clone)]
pub struct SourceKeys {
    /// `enable`.
    pub enabled: bool,
    /// `type`, DeepStream's number.
    pub kind: u32,
    /// `uri`.
    pub uri: String,
    /// `camera-id`.
    pub camera_id: u32,
    /// `smart-record`.
    pub smart_record: u32,
    dir_path: Option<String>,
    file_prefix: Option<String>,
    cache: u32,
    container: u32,
    default_duration: u32,
    start_time: u32,
    duration: u32,
    interval: u32,
    latency: u32,
    protocol: u32,
    reconnect_interval: Option<u32>,
}

impl SourceKeys {
    /// Nothing said yet.
    pub fn new(camera_id: u32) -> Self {
        Self {
            enabled: false,
            kind: 0,
            uri: String::new(),
            camera_id,
            smart_record: 0,
            dir_path: None,
            file_prefix: None,
            cache: 0,
            container: 0,
            default_duration: 0,
            start_time: 0,
            duration: 0,
            interval: 0,
            latency: 100,
            protocol: 0,
            reconnect_interval: None,
        }
    }

    /// Whether the group is enabled.
    pub fn enables(group: &Group) -> bool {
        group.get("enable").is_some_and(is_on)
    }

    /// Takes over what the group says, in the order of its keys.
    pub fn apply(&mut self, group: &Group, report: &mut Report) {
        self.latency = 100;
        for entry in &group.entries {
            let mut reader = Reader { group: &group.name, entry, report };
            match entry.key.as_str() {
                "enable" => self.enabled = is_on(&entry.value),
                "type" => self.kind = reader.number(u32::MAX).unwrap_or(0),
                "uri" => self.uri.clone_from(&entry.value),
                "camera-id" => self.camera_id = reader.number(u32::MAX).unwrap_or(self.camera_id),
                "smart-record" => self.smart_record = reader.number(u32::MAX).unwrap_or(0),
                "smart-rec-dir-path" => self.dir_path = reader.text(),
                "smart-rec-file-prefix" => self.file_prefix = reader.text(),
                "smart-rec-cache" | "smart-rec-video-cache" => self.cache = reader.seconds(),
                "smart-rec-container" => self.container = reader.number(1).unwrap_or(0),
                "smart-rec-default-duration" => self.default_duration = reader.seconds(),
                "smart-rec-start-time" => self.start_time = reader.seconds(),
                "smart-rec-duration" => self.duration = reader.seconds(),
                "smart-rec-interval" => self.interval = reader.seconds(),
                "latency" => self.latency = reader.number(MAX_LATENCY).unwrap_or(100),
                "select-rtp-protocol" | "set-rtp-protocol" => {
                    // As DeepStream: 4 is TCP; 7, 0 and what it does not know are all protocols.
                    self.protocol = if reader.number(u32::MAX) == Some(4) { 4 } else { 0 };
                }
                "rtsp-reconnect-interval-sec" => self.reconnect_interval = reader.number(DAY),
                "rtsp-reconnect-attempts" if up_to_blank(&entry.value) == "-1" => {}
                "rtsp-reconnect-attempts" => reader.loss("a lost source is tried again for ever"),
                "init-rtsp-reconnect-interval-sec" => {
                    reader.note("not needed: a source that was never reached is tried again as one that was lost");
                }
                "udp-buffer-size" => reader.loss("there is no such parameter"),
                key if NOT_OF_RECORDING.contains(&key) => {}
                _ => reader.note("DeepStream does not know this key, either"),
            }
        }
    }

    /// With defaults for what was not said.
    pub fn recording(&self, group: &str, report: &mut Report) -> Recording {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let cache = or(self.cache, CACHE);
        let local_events = (self.smart_record == 2).then(|| {
            let start_time = or(self.start_time, START_TIME);
            if start_time > cache {
                let reason = format_args!("{start_time} s is more than the cache of {cache} s, which is used");
                report.note(group, "smart-rec-start-time", reason);
            }
            let start_time = start_time.min(cache);
            let (duration, interval) = self.rhythm(group, report);
            LocalEvents { start_time, duration, interval }
        });
        Recording {
            triggers: if local_events.is_some() { 2 } else { 1 },
            dir_path: self.dir_path.clone(),
            file_prefix: self.file_prefix.clone(),
            container: self.container,
            cache,
            default_duration: or(self.default_duration, DEFAULT_DURATION),
            local_events,
            latency: self.latency,
            protocol: self.protocol,
            reconnect_interval: self.reconnect_interval,
        }
    }
}

impl SourceKeys {
    /// Duration and interval of local events. In DeepStream an event ends the recording that the one before it began, if
    /// that is not over; each of ours begins one.
    fn rhythm(&self, group: &str, report: &mut Report) -> (u32, u32) {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let interval = or(self.interval, INTERVAL);
        if or(self.duration, or(self.default_duration, DEFAULT_DURATION)) < interval {
            return (self.duration, interval);
        }
        let doubled = interval.saturating_mul(2).min(DAY);
        let reason = format_args!(
            "every second event ends a recording in DeepStream: they are {interval} s long here, too, and come every {doubled} s"
        );
        report.note(group, "smart-rec-interval", reason);
        (interval, doubled)
    }
}

/// Whether a value of `enable` is a number other than 0; DeepStream takes anything else for 0.
fn is_on(value: &str) -> bool {
    up_to_blank(value).parse::<i64>().is_ok_and(|enable| enable != 0)
}

/// Whether a recorder has nothing to do with this key.
pub fn is_not_of_recording(key: &str) -> bool {
    NOT_OF_RECORDING.contains(&key)
}

/// One key, and where to tell about it.
struct Reader<'a> {
    group: &'a str,
    entry: &'a Entry,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn loss(&mut self, reason: impl fmt::Display) {
        self.report.loss(self.group, &self.entry.key, reason);
    }

    fn note(&mut self, reason: impl fmt::Display) {
        self.report.note(self.group, &self.entry.key, reason);
    }

    fn text(&self) -> Option<String> {
        Some(self.entry.value.clone()).filter(|text| !text.is_empty())
    }

    fn seconds(&mut self) -> u32 {
        self.number(DAY).unwrap_or(0)
    }

    /// A whole number up to `most`; else it is told, and `None`.
    fn number(&mut self, most: u32) -> Option<u32> {
        let number = up_to_blank(&self.entry.value).parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            self.loss(format_args!("a whole number from 0 to {most} is needed; the default is used"));
        }
        number
    }
}
