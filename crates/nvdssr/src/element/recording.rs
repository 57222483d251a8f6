//! What the settings mean together: the recordbin's setup and the schedule of local events, checked as a whole.
//! Each property's own type and range have been checked by GLib before.
//! Making the recordbin is left to `context`.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use nvdssr_sys::{NvDsSRInitParams, NvDsSRInitParams__bindgen_ty_1};
use recorder::Container;
use recorder::core::Config;
use recorder::file_name::{FileNames, check_dir, check_prefix};
use recorder::record::SourceName;
use recorder::recordbin::Setup;
use trigger::LocalEvents;

use super::enums::{Mode, Triggers};
use super::properties::Settings;
use crate::error::Error;
use crate::info::container_type;
use crate::public::Init;

/// The recordbin of an element called `name`.
pub(super) fn setup(settings: &Settings, name: &str) -> Result<Setup, Error> {
    let seconds = |value: u32| Duration::from_secs(u64::from(value));
    let bytes = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let cache = or_default(settings.cache, 30);
    if settings.triggers == Triggers::SignalsAndLocalEvents && settings.start_time > cache {
        let reason = format!("at most smart-rec-cache, {cache} s, is allowed");
        return Err(Error::Parameter { field: "smart-rec-start-time", value: settings.start_time.to_string(), reason });
    }
    let prefix = settings.prefix.clone().unwrap_or_else(|| "Smart_Record".into());
    let refuse = |field, value: &str, reason| Error::Parameter { field, value: value.into(), reason };
    check_prefix(&prefix).map_err(|reason| refuse("smart-rec-file-prefix", &prefix, reason))?;
    // As with nvurisrcbin, an empty one is the current folder.
    let dir = settings.dir.as_deref().filter(|dir| !dir.is_empty()).unwrap_or(".");
    let dir = folder(dir.into()).map_err(|error| match error {
        recorder::Error::Folder { error, .. } => {
            let reason = format!("{error}. Name a folder that exists and can be written to");
            refuse("smart-rec-dir-path", dir, reason)
        }
        other => other.into(),
    })?;
    Ok(Setup {
        source: SourceName { index: 0, sensor: name.into() },
        config: Config {
            window: seconds(cache),
            cache_bytes: bytes(settings.cache_bytes),
            default_duration: seconds(or_default(settings.default_duration, 10)),
            max_duration: seconds(settings.max_duration),
            max_sessions: settings.max_sessions,
            max_pending: bytes(settings.max_pending_bytes),
            overlap: settings.overlap.into(),
            both: settings.mode == Mode::AudioAndVideo,
            early: true,
        },
        container: settings.container.into(),
        names: FileNames { dir, prefix, source: None },
        sidecar: settings.sidecar,
        trim: settings.trim,
        total_cache_bytes: bytes(settings.total_cache_bytes),
    })
}

/// The same as the context of `sr-done` shows it.
pub(super) fn init(setup: &Setup) -> Init {
    let text = |text: &[u8]| CString::new(text).unwrap_or_default();
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    Init {
        values: NvDsSRInitParams {
            callback: None,
            containerType: container_type(setup.container),
            width: 0,
            height: 0,
            fileNamePrefix: std::ptr::null_mut(),
            dirpath: std::ptr::null_mut(),
            defaultDuration: seconds(setup.config.default_duration),
            __bindgen_anon_1: NvDsSRInitParams__bindgen_ty_1 { cacheSize: seconds(setup.config.window) },
        },
        prefix: text(setup.names.prefix.as_bytes()),
        dir: Some(text(setup.names.dir.as_os_str().as_bytes())),
    }
}

/// What is set and has no effect, in a sentence.
pub(super) fn notice(settings: &Settings) -> Option<String> {
    let container = Container::from(settings.container);
    (settings.trim && !container.can_present()).then(|| {
        format!("smart-rec-trim has no effect: {container} files cannot say which part of them is to be shown; use MP4")
    })
}

/// When recordings start by themselves.
pub(super) fn local_events(settings: &Settings) -> Option<LocalEvents> {
    let seconds = |value: u32| Duration::from_secs(u64::from(value));
    (settings.triggers == Triggers::SignalsAndLocalEvents)
        .then(|| LocalEvents::new(seconds(settings.interval), seconds(settings.start_time), seconds(settings.duration)))
}

/// 0 is NVIDIA's "library default" (facts: smart-record-behaviour.md, section 2).
fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

/// The folder by a path that is good wherever its reader is.
fn folder(dir: PathBuf) -> Result<PathBuf, recorder::Error> {
    check_dir(&dir)?;
    dir.canonicalize().map_err(|error| recorder::Error::Folder { path: dir, error })
}
