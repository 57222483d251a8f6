//! What the parameters of `NvDsSmartRecord` mean together: sources, sensors, rules, checked as a whole.
//! Each parameter's own type and range have been checked by the `gxf` crate before.
//! Acting on them is left to `nvds_smart_record`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gxf::{BoxError, Context};
use recorder::Container;
use recorder::core::{Config, Overlap};
use recorder::recorder::{RecorderSetup, SourceSetup};
use recorder::source::{Location, Mode, Reception, RtpProtocol, masked};
use trigger::{LocalEvents, Sensors};

use crate::error::Error;
use crate::parameters as p;

/// What starts recordings (`smart-record`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Triggers {
    /// Nothing.
    Off,
    /// Messages.
    Messages,
    /// Messages and local events.
    MessagesAndLocalEvents,
}

/// What becomes of a message for a sensor that is none of the recorder's (`unknown-sensor`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownSensor {
    /// Somebody has made a mistake, and is told so.
    Reject,
    /// It is for another recorder.
    Ignore,
}

impl FromStr for UnknownSensor {
    /// One line for the person who wrote the graph.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "reject" => Ok(Self::Reject),
            "ignore" => Ok(Self::Ignore),
            _ => Err("reject and ignore are allowed".into()),
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) triggers: Triggers,
    pub(crate) recorder: RecorderSetup,
    pub(crate) sensors: Sensors,
    pub(crate) unknown_sensor: UnknownSensor,
    /// The schedule of a source's local events.
    pub(crate) local_events: LocalEvents,
}

impl Settings {
    /// Reads the parameters of the component.
    pub(crate) fn read(context: &Context<'_>) -> Result<Self, BoxError> {
        let seconds = |parameter| Ok::<_, gxf::Error>(Duration::from_secs(u64::from(context.get::<u32>(parameter)?)));
        let bytes =
            |parameter| Ok::<_, gxf::Error>(usize::try_from(context.get::<u64>(parameter)?).unwrap_or(usize::MAX));
        let uri_list = context.get(&p::URI_LIST)?;
        let locations = locations(&uri_list)?;
        let list_file = context.try_get(&p::SENSOR_LIST_FILE)?.filter(|file| !file.as_os_str().is_empty());
        let recordbin_lib = context.try_get(&p::RECORDBIN_LIB)?.filter(|file| !file.as_os_str().is_empty());
        let names = context.get(&p::SENSOR_ID_LIST)?;
        let sensors = Sensors::new(&names, list_file.as_deref(), locations.len())
            .map_err(|error| Error::of_sensors(error, &names))?;
        let unknown_sensor = context.get(&p::UNKNOWN_SENSOR)?.parse()?;
        // Where others get the same messages, "0" is no index of a source with a name: each would take it for its own first.
        let sensors = if unknown_sensor == UnknownSensor::Ignore { sensors.names_alone() } else { sensors };
        let cache = or_default(seconds(&p::CACHE)?, 30);
        let start_time = seconds(&p::START_TIME)?;
        if start_time > cache {
            return Err(Error::Parameter {
                key: p::START_TIME.key(),
                value: start_time.as_secs().to_string(),
                reason: format!("at most smart-rec-cache, {} s, is allowed", cache.as_secs()),
            }
            .into());
        }
        let sources = locations
            .into_iter()
            .enumerate()
            .map(|(index, location)| SourceSetup { location, sensor: sensors.name(index).to_owned() })
            .collect();
        let mode = match context.get(&p::MODE)? {
            1 => Mode::VideoOnly,
            2 => Mode::AudioOnly,
            _ => Mode::AudioAndVideo,
        };
        let recorder = RecorderSetup {
            sources,
            reception: Reception {
                mode,
                latency_ms: context.get(&p::LATENCY)?,
                protocol: if context.get(&p::SELECT_RTP_PROTOCOL)? == 4 { RtpProtocol::Tcp } else { RtpProtocol::Any },
                reconnect: Some(seconds(&p::RTSP_RECONNECT_INTERVAL)?).filter(|interval| !interval.is_zero()),
            },
            config: Config {
                window: cache,
                cache_bytes: bytes(&p::CACHE_BYTES)?,
                default_duration: or_default(seconds(&p::DEFAULT_DURATION)?, 10),
                max_duration: seconds(&p::MAX_DURATION)?,
                max_sessions: context.get(&p::MAX_SESSIONS)?,
                max_pending: bytes(&p::MAX_PENDING_BYTES)?,
                overlap: overlap(context.get(&p::OVERLAP)?.parse::<trigger::Overlap>()?),
                both: mode == Mode::AudioAndVideo,
                early: false,
            },
            container: if context.get(&p::CONTAINER)? == 1 { Container::Mkv } else { Container::Mp4 },
            dir: folder(&context.get(&p::DIR_PATH)?),
            prefix: context.get(&p::FILE_PREFIX)?,
            sidecar: context.get(&p::SIDECAR)?,
            trim: context.get(&p::TRIM)?,
            total_cache_bytes: bytes(&p::TOTAL_CACHE_BYTES)?,
            recordbin_lib: recordbin_lib.map(|file| file.0),
        };
        Ok(Self {
            triggers: match context.get(&p::SMART_RECORD)? {
                0 => Triggers::Off,
                1 => Triggers::Messages,
                _ => Triggers::MessagesAndLocalEvents,
            },
            recorder,
            sensors,
            unknown_sensor,
            local_events: LocalEvents::new(seconds(&p::INTERVAL)?, start_time, seconds(&p::DURATION)?),
        })
    }
}

/// The entries of `uri-list`.
fn locations(uri_list: &str) -> Result<Vec<Location>, Error> {
    let refuse =
        |value: &str, reason: String| Error::Parameter { key: p::URI_LIST.key(), value: masked(value), reason };
    let entries = uri_list.split(';').map(str::trim).filter(|entry| !entry.is_empty());
    let locations = entries
        .map(|entry| Location::parse(entry).map_err(|reason| refuse(entry, reason)))
        .collect::<Result<Vec<_>, _>>()?;
    if locations.is_empty() {
        return Err(refuse(uri_list, "at least one source is needed, for example rtsp://camera/stream".into()));
    }
    Ok(locations)
}

/// 0 is NVIDIA's "library default" (facts: smart-record-behaviour.md, section 2).
fn or_default(value: Duration, default: u64) -> Duration {
    if value.is_zero() { Duration::from_secs(default) } else { value }
}

fn folder(dir: &str) -> PathBuf {
    // As with NVIDIA's, an empty one is the current folder.
    if dir.is_empty() { ".".into() } else { dir.into() }
}

/// The engine's word for a policy of the trigger side.
pub(crate) fn overlap(policy: trigger::Overlap) -> Overlap {
    match policy {
        trigger::Overlap::Separate => Overlap::Separate,
        trigger::Overlap::Extend => Overlap::Extend,
        trigger::Overlap::Merge => Overlap::Merge,
        trigger::Overlap::Reject => Overlap::Reject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_list_has_sources_and_says_which_entry_is_bad() {
        assert_eq!(locations("rtsp://a/1; file:///b.mp4 ;").unwrap().len(), 2);
        let error = locations("rtsp://a/1;nonsense").unwrap_err().to_string();
        assert!(error.contains("'uri-list' = 'nonsense'") && error.contains("rtsp://"), "{error}");
        assert!(locations(" ; ").unwrap_err().to_string().contains("at least one"));
    }
}
