//! The element's properties: names, texts, defaults and ranges, and the settings that they add up to.
//! Names and meanings are those of nvurisrcbin where it has them, else those of the codelet NvDsSmartRecord.
//! Acting on them is left to `recording`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use recorder::file_name::check_prefix;

use super::enums::{ContainerType, Mode, OverlapPolicy, Triggers};

const MIB: u64 = 1 << 20;

/// A terabyte: more is rather a mistake in the unit.
const TIB: u64 = 1 << 40;

/// A day: longer caches and durations are rather a mistake in the unit.
const DAY: u32 = 86_400;

/// `smart-rec-status`, the only one that is not a setting.
pub(super) const STATUS: &str = "smart-rec-status";

/// What has been set. Durations in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) triggers: Triggers,
    pub(super) dir: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) cache: u32,
    pub(super) container: ContainerType,
    pub(super) mode: Mode,
    pub(super) default_duration: u32,
    pub(super) start_time: u32,
    pub(super) duration: u32,
    pub(super) interval: u32,
    pub(super) max_sessions: u32,
    pub(super) overlap: OverlapPolicy,
    pub(super) max_duration: u32,
    pub(super) cache_bytes: u64,
    pub(super) total_cache_bytes: u64,
    pub(super) max_pending_bytes: u64,
    pub(super) trim: bool,
    pub(super) sidecar: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            triggers: Triggers::default(),
            dir: Some(".".into()),
            prefix: Some("Smart_Record".into()),
            cache: 30,
            container: ContainerType::default(),
            mode: Mode::default(),
            default_duration: 10,
            start_time: 0,
            duration: 0,
            interval: 10,
            max_sessions: 16,
            overlap: OverlapPolicy::default(),
            max_duration: 0,
            cache_bytes: 0,
            total_cache_bytes: 0,
            max_pending_bytes: 256 * MIB,
            trim: false,
            sidecar: false,
        }
    }
}

impl Settings {
    /// Takes a value that GLib has checked against its specification. A prefix that is no file name leads out of the
    /// folder: why it is refused, else `Ok`.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> Result<(), String> {
        match name {
            "smart-record" => read(value, &mut self.triggers),
            "smart-rec-dir-path" => read(value, &mut self.dir),
            "smart-rec-file-prefix" => {
                read(value, &mut self.prefix);
                return self.prefix.as_deref().map_or(Ok(()), check_prefix);
            }
            "smart-rec-cache" => read(value, &mut self.cache),
            "smart-rec-container" => read(value, &mut self.container),
            "smart-rec-mode" => read(value, &mut self.mode),
            "smart-rec-default-duration" => read(value, &mut self.default_duration),
            "smart-rec-start-time" => read(value, &mut self.start_time),
            "smart-rec-duration" => read(value, &mut self.duration),
            "smart-rec-interval" => read(value, &mut self.interval),
            "smart-rec-max-sessions" => read(value, &mut self.max_sessions),
            "smart-rec-overlap" => read(value, &mut self.overlap),
            "smart-rec-max-duration" => read(value, &mut self.max_duration),
            "smart-rec-cache-bytes" => read(value, &mut self.cache_bytes),
            "smart-rec-total-cache-bytes" => read(value, &mut self.total_cache_bytes),
            "smart-rec-max-pending-bytes" => read(value, &mut self.max_pending_bytes),
            "smart-rec-trim" => read(value, &mut self.trim),
            "smart-rec-sidecar" => read(value, &mut self.sidecar),
            _ => {}
        }
        Ok(())
    }

    /// The value of a property.
    pub(super) fn get(&self, spec: &glib::ParamSpec) -> glib::Value {
        match spec.name() {
            "smart-record" => self.triggers.to_value(),
            "smart-rec-dir-path" => self.dir.to_value(),
            "smart-rec-file-prefix" => self.prefix.to_value(),
            "smart-rec-cache" => self.cache.to_value(),
            "smart-rec-container" => self.container.to_value(),
            "smart-rec-mode" => self.mode.to_value(),
            "smart-rec-default-duration" => self.default_duration.to_value(),
            "smart-rec-start-time" => self.start_time.to_value(),
            "smart-rec-duration" => self.duration.to_value(),
            "smart-rec-interval" => self.interval.to_value(),
            "smart-rec-max-sessions" => self.max_sessions.to_value(),
            "smart-rec-overlap" => self.overlap.to_value(),
            "smart-rec-max-duration" => self.max_duration.to_value(),
            "smart-rec-cache-bytes" => self.cache_bytes.to_value(),
            "smart-rec-total-cache-bytes" => self.total_cache_bytes.to_value(),
            "smart-rec-max-pending-bytes" => self.max_pending_bytes.to_value(),
            "smart-rec-trim" => self.trim.to_value(),
            "smart-rec-sidecar" => self.sidecar.to_value(),
            _ => spec.default_value().clone(),
        }
    }
}

/// GLib hands over the type of the specification.
fn read<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value, setting: &mut T) {
    if let Ok(value) = value.get() {
        *setting = value;
    }
}

/// All of them, in the order in which gst-inspect-1.0 gets them.
pub(super) static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
    let default = Settings::default();
    let text = |name: &str, nick: &str, blurb: &str, default: &Option<String>| -> glib::ParamSpec {
        let spec = glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).default_value(default.as_deref());
        spec.mutable_ready().build()
    };
    let number = |name: &str, nick: &str, blurb: &str, (least, most): (u32, u32), default: u32| -> glib::ParamSpec {
        let spec = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).minimum(least).maximum(most);
        spec.default_value(default).mutable_ready().build()
    };
    let bytes = |name: &str, nick: &str, blurb: &str, least: u64, default: u64| -> glib::ParamSpec {
        let spec = glib::ParamSpecUInt64::builder(name).nick(nick).blurb(blurb).minimum(least).maximum(TIB);
        spec.default_value(default).mutable_ready().build()
    };
    let flag = |name: &str, nick: &str, blurb: &str, default: bool| -> glib::ParamSpec {
        let spec = glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default);
        spec.mutable_ready().build()
    };
    vec![
        glib::ParamSpecEnum::builder_with_default("smart-record", default.triggers)
            .nick("Triggers")
            .blurb("What starts recordings")
            .mutable_ready()
            .build(),
        text(
            "smart-rec-dir-path",
            "Folder",
            "Where recordings go. It must exist and be writable when the element goes to READY. NULL: the current folder",
            &default.dir,
        ),
        text(
            "smart-rec-file-prefix",
            "File name prefix",
            "Recordings are called PREFIX_COUNTER_UTC_PID.mp4 or .mkv. NULL: Smart_Record",
            &default.prefix,
        ),
        number(
            "smart-rec-cache",
            "Cache (s)",
            "How many seconds of each stream are kept in memory: so far back a recording can begin. Up to one GOP more \
             is kept, since decoding begins at a keyframe. 0: 30",
            (0, DAY),
            default.cache,
        ),
        glib::ParamSpecEnum::builder_with_default("smart-rec-container", default.container)
            .nick("File format")
            .blurb("File format of the recordings")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("smart-rec-mode", default.mode)
            .nick("Streams")
            .blurb("What is recorded. Everything is passed on")
            .mutable_ready()
            .build(),
        number(
            "smart-rec-default-duration",
            "Default duration (s)",
            "How long after its start signal a recording ends whose duration is 0, unless a stop signal comes. 0: 10",
            (0, DAY),
            default.default_duration,
        ),
        number(
            "smart-rec-start-time",
            "Local event start (s before)",
            "smart-record 2: how long before a local event its recording begins; at most smart-rec-cache",
            (0, DAY),
            default.start_time,
        ),
        number(
            "smart-rec-duration",
            "Local event duration (s)",
            "smart-record 2: how long after a local event its recording ends. 0: smart-rec-default-duration",
            (0, DAY),
            default.duration,
        ),
        number(
            "smart-rec-interval",
            "Local event period (s)",
            "smart-record 2: time of the stream from one local event to the next. 0: 10",
            (0, DAY),
            default.interval,
        ),
        number(
            "smart-rec-max-sessions",
            "Running recordings",
            "A start is rejected while this many recordings run",
            (1, 1_000),
            default.max_sessions,
        ),
        glib::ParamSpecEnum::builder_with_default("smart-rec-overlap", default.overlap)
            .nick("Overlap policy")
            .blurb("What a start does while another recording runs")
            .mutable_ready()
            .build(),
        number(
            "smart-rec-max-duration",
            "Longest recording (s)",
            "A recording ends after so many seconds, whatever its end was to be. 0: no limit",
            (0, DAY),
            default.max_duration,
        ),
        bytes(
            "smart-rec-cache-bytes",
            "Cache budget (bytes)",
            "How much the cache may take. Over it the oldest GOPs go, so that recordings may begin later than asked; \
             messages say so. 0: no limit",
            0,
            default.cache_bytes,
        ),
        bytes(
            "smart-rec-total-cache-bytes",
            "Cache budget in all (bytes)",
            "How much all caches of the process may take together. Over it the one that reaches back furthest gives way. \
             0: a quarter of the machine's memory",
            0,
            default.total_cache_bytes,
        ),
        bytes(
            "smart-rec-max-pending-bytes",
            "Waiting for the disk (bytes)",
            "How much may wait for a slow disk beyond what the cache holds anyway. The recording that is further behind \
             fails; what it has written is kept",
            MIB,
            default.max_pending_bytes,
        ),
        flag(
            "smart-rec-trim",
            "Show the asked interval only",
            "A file begins with the keyframe before the asked start, since decoding begins there. true: players show it \
             from the asked start to the asked end, by an edit list. MP4 only",
            default.trim,
        ),
        flag(
            "smart-rec-sidecar",
            "Sidecar files",
            "Write RECORDING.json beside each recording: asked and actual interval, codecs, frames, SHA-256, why it ended",
            default.sidecar,
        ),
        glib::ParamSpecBoolean::builder(STATUS)
            .nick("A recording runs")
            .blurb("A recording runs: it has been started, and neither been stopped nor reached its end")
            .read_only()
            .build(),
    ]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_as_default_is_the_default() {
        gst::init().unwrap();
        let settings = Settings::default();
        for spec in SPECS.iter().filter(|spec| spec.name() != STATUS) {
            let shown = spec.default_value();
            let is = settings.get(spec);
            assert_eq!(format!("{shown:?}"), format!("{is:?}"), "{}", spec.name());
        }
    }

    #[test]
    fn each_setting_can_be_set() {
        gst::init().unwrap();
        for spec in SPECS.iter().filter(|spec| spec.name() != STATUS) {
            let other = if let Some(text) = spec.downcast_ref::<glib::ParamSpecString>() {
                format!("{}x", text.default_value().unwrap_or_default()).to_value()
            } else if spec.downcast_ref::<glib::ParamSpecUInt>().is_some() {
                77u32.to_value()
            } else if spec.downcast_ref::<glib::ParamSpecUInt64>().is_some() {
                (77 * MIB).to_value()
            } else if let Some(flag) = spec.downcast_ref::<glib::ParamSpecBoolean>() {
                (!flag.default_value()).to_value()
            } else {
                // The last value that it has; no default is the last one.
                let class = glib::EnumClass::with_type(spec.value_type()).unwrap();
                let last = class.values().last().unwrap().value();
                class.to_value(last).unwrap()
            };
            let mut settings = Settings::default();
            settings.set(spec.name(), &other).unwrap();
            assert_eq!(format!("{:?}", settings.get(spec)), format!("{other:?}"), "{}", spec.name());
            assert_ne!(settings, Settings::default(), "{}", spec.name());
        }
    }

    #[test]
    fn a_prefix_leads_nowhere_else() {
        gst::init().unwrap();
        let refused = Settings::default().set("smart-rec-file-prefix", &"../x".to_value());
        assert!(refused.is_err());
    }
}
