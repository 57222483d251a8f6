//! The four functions of gst-nvdssr.h: pointers in, statuses out. Contexts are found by their address, so that one that
//! has been destroyed is an error and not a crash. No panic leaves this module.
//! What the functions do is left to `context`.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use nvdssr_sys::{
    NvDsSRCallbackFunc, NvDsSRContainerType, NvDsSRContext, NvDsSRInitParams, NvDsSRSessionId, NvDsSRStatus,
};
use parking_lot::Mutex;
use recorder::Container;
use recorder::core::{Config, Moment, Overlap, StartRequest};
use recorder::event::Event;
use recorder::file_name::{FileNames, check_prefix};
use recorder::record::{SourceName, Trigger};
use recorder::recordbin::Setup;

use crate::LOG;
use crate::context::{Context, Ended, Owner};
use crate::error::Error;
use crate::info::Info;
use crate::public::{Init, UserData};

/// NVIDIA's defaults (facts: smart-record-behaviour.md, section 5).
const PREFIX: &CStr = c"Smart_Record";
const CACHE: c_uint = 30;
const DURATION: c_uint = 10;

/// Running sessions of a context, and bytes that may wait for the disk, as in the codelet.
const MAX_SESSIONS: u32 = 16;
const MAX_PENDING: usize = 256 << 20;

/// Contexts that live, by the address that programs hold.
static CONTEXTS: LazyLock<Mutex<HashMap<usize, Arc<Context>>>> = LazyLock::new(Mutex::default);

/// Contexts that were made in this process, for telling them apart in the log.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Makes a context; see gst-nvdssr.h.
///
/// # Safety
/// `ctx` and `params` are NULL or valid, and the texts of `params` are NULL or end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn NvDsSRCreate(ctx: *mut *mut NvDsSRContext, params: *mut NvDsSRInitParams) -> NvDsSRStatus {
    guarded("NvDsSRCreate", || {
        if ctx.is_null() || params.is_null() {
            return refuse("NvDsSRCreate", "a pointer is NULL");
        }
        // SAFETY: valid, as the caller promises.
        let made = unsafe { texts(&*params) }.and_then(|(prefix, dir)| {
            // SAFETY: as above; a plain copy, whose texts are replaced before anybody reads them.
            create(Init { values: unsafe { std::ptr::read(params) }, prefix, dir })
        });
        match made {
            Ok(context) => {
                let address = context.public().as_ptr();
                CONTEXTS.lock().insert(address.addr(), context);
                // SAFETY: valid, as the caller promises.
                unsafe { *ctx = address };
                NvDsSRStatus::NVDSSR_STATUS_OK
            }
            Err(error) => {
                glib::g_warning!(LOG, "NvDsSRCreate: {error}");
                match error {
                    Error::Parameter { field: "fileNamePrefix", .. } => NvDsSRStatus::NVDSSR_STATUS_INVALID_VAL,
                    _ => NvDsSRStatus::NVDSSR_STATUS_ERROR,
                }
            }
        }
    })
}

/// Starts a recording; see gst-nvdssr.h.
///
/// # Safety
/// `session` is NULL or valid. `ctx` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn NvDsSRStart(
    ctx: *mut NvDsSRContext,
    session: *mut NvDsSRSessionId,
    start_time: c_uint,
    duration: c_uint,
    user_data: *mut c_void,
) -> NvDsSRStatus {
    guarded("NvDsSRStart", || {
        let Some(context) = find(ctx) else { return refuse("NvDsSRStart", "there is no such context") };
        if session.is_null() {
            return refuse("NvDsSRStart", "sessionId is NULL");
        }
        let seconds = |seconds: c_uint| Duration::from_secs(u64::from(seconds));
        let request = StartRequest {
            start: Moment::Ago(seconds(start_time)),
            end: (duration > 0).then(|| Moment::In(seconds(duration))),
            overlap: None,
        };
        let started = context.start(request, Trigger::default(), UserData(user_data), |id, _| {
            // SAFETY: valid, as the caller promises.
            unsafe { *session = id };
        });
        answer("NvDsSRStart", started.map(drop))
    })
}

/// Ends a recording; see gst-nvdssr.h.
///
/// # Safety
/// None is needed: `ctx` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn NvDsSRStop(ctx: *mut NvDsSRContext, session: NvDsSRSessionId) -> NvDsSRStatus {
    guarded("NvDsSRStop", || match find(ctx) {
        Some(context) => answer("NvDsSRStop", context.stop(session)),
        None => refuse("NvDsSRStop", "there is no such context"),
    })
}

/// Frees a context; see gst-nvdssr.h.
///
/// # Safety
/// `ctx` may be anything, but nobody may look into the context from here on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn NvDsSRDestroy(ctx: *mut NvDsSRContext) -> NvDsSRStatus {
    guarded("NvDsSRDestroy", || {
        let context = CONTEXTS.lock().remove(&ctx.addr());
        match context {
            Some(context) => {
                // The program may free its user data after this.
                context.close(None);
                NvDsSRStatus::NVDSSR_STATUS_OK
            }
            None => refuse("NvDsSRDestroy", "there is no such context"),
        }
    })
}

fn find(ctx: *mut NvDsSRContext) -> Option<Arc<Context>> {
    CONTEXTS.lock().get(&ctx.addr()).cloned()
}

fn refuse(function: &str, reason: &str) -> NvDsSRStatus {
    glib::g_warning!(LOG, "{function}: {reason}");
    NvDsSRStatus::NVDSSR_STATUS_INVALID_VAL
}

fn answer(function: &str, result: Result<(), recorder::core::Rejection>) -> NvDsSRStatus {
    match result {
        Ok(()) => NvDsSRStatus::NVDSSR_STATUS_OK,
        Err(rejection) => {
            glib::g_warning!(LOG, "{function}: {rejection}");
            NvDsSRStatus::NVDSSR_STATUS_INVALID_OP
        }
    }
}

fn guarded(function: &str, call: impl FnOnce() -> NvDsSRStatus) -> NvDsSRStatus {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        glib::g_critical!(LOG, "{function} panicked; this is a bug, please report it");
        NvDsSRStatus::NVDSSR_STATUS_ERROR
    })
}

/// Prefix and folder, copied.
///
/// # Safety
/// Both texts are NULL or end with a NUL.
unsafe fn texts(params: &NvDsSRInitParams) -> Result<(CString, Option<CString>), Error> {
    // SAFETY: as the caller promises.
    let text = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_owned());
    let prefix = text(params.fileNamePrefix).unwrap_or_else(|| PREFIX.to_owned());
    Ok((prefix, text(params.dirpath)))
}

fn create(mut init: Init) -> Result<Arc<Context>, Error> {
    let values = &mut init.values;
    let container = match values.containerType {
        NvDsSRContainerType::NVDSSR_CONTAINER_MP4 => Container::Mp4,
        NvDsSRContainerType::NVDSSR_CONTAINER_MKV => Container::Mkv,
        NvDsSRContainerType(other) => {
            let reason = "NVDSSR_CONTAINER_MP4 (0) and NVDSSR_CONTAINER_MKV (1) are allowed".into();
            return Err(Error::Parameter { field: "containerType", value: other.to_string(), reason });
        }
    };
    if values.defaultDuration == 0 {
        values.defaultDuration = DURATION;
    }
    // SAFETY: both members are the same unsigned number.
    let cache = match unsafe { values.__bindgen_anon_1.cacheSize } {
        0 => CACHE,
        cache => cache,
    };
    values.__bindgen_anon_1.cacheSize = cache;
    let names = names(&init)?;
    let callback = init.values.callback;
    let index = MADE.fetch_add(1, Ordering::Relaxed);
    let setup = Setup {
        source: SourceName { index, sensor: names.prefix.clone() },
        config: Config {
            window: Duration::from_secs(u64::from(cache)),
            cache_bytes: 0,
            default_duration: Duration::from_secs(u64::from(init.values.defaultDuration)),
            max_duration: Duration::ZERO,
            max_sessions: MAX_SESSIONS,
            max_pending: MAX_PENDING,
            overlap: Overlap::Separate,
            both: true,
            early: true,
        },
        container,
        names,
        // A program that lists its folder finds what NVIDIA's library leaves there.
        sidecar: false,
        trim: false,
        total_cache_bytes: 0,
    };
    let context = Context::new(setup, init, Box::new(Program { callback }))?;
    // As in NVIDIA's library: people know it from their graphs of pipelines.
    context.recordbin().set_property("name", format!("record_bin{index}"));
    Ok(context)
}

/// Folder and prefix of the files. As with NVIDIA's library a prefix may name a folder within the folder: the program
/// gives it, not the outside world.
fn names(init: &Init) -> Result<FileNames, Error> {
    let path = |text: &CString| Path::new(std::ffi::OsStr::from_bytes(text.as_bytes())).to_owned();
    let refuse = |field, value: &CString, reason| Error::Parameter {
        field,
        value: value.to_string_lossy().into_owned(),
        reason,
    };
    let dir = init.dir.as_ref().filter(|dir| !dir.is_empty()).map_or_else(|| PathBuf::from("."), path);
    let dir = std::path::absolute(&dir)
        .map_err(|error| refuse("dirpath", init.dir.as_ref().unwrap_or(&init.prefix), error.to_string()))?;
    let (folder, prefix) = match init.prefix.to_str().map(|prefix| prefix.rsplit_once('/')) {
        // Within the folder even where it begins with '/', unless there is no folder.
        Ok(Some((folder, prefix))) if init.dir.is_some() => (dir.join(folder.trim_start_matches('/')), prefix),
        Ok(Some(("", prefix))) => ("/".into(), prefix),
        Ok(Some((folder, prefix))) => (dir.join(folder), prefix),
        Ok(None) => (dir, init.prefix.to_str().unwrap_or_default()),
        Err(_) => return Err(refuse("fileNamePrefix", &init.prefix, "UTF-8 is allowed".into())),
    };
    check_prefix(prefix).map_err(|reason| refuse("fileNamePrefix", &init.prefix, reason))?;
    Ok(FileNames { dir: folder, prefix: prefix.into(), source: None })
}

/// The program that called NvDsSRCreate.
struct Program {
    callback: NvDsSRCallbackFunc,
}

impl Owner for Program {
    fn ended(&self, context: &Context, ended: Ended) {
        let Some(callback) = self.callback else { return };
        let mut info = Info::new(context, &ended);
        // SAFETY: a function of this type, as the program promised; what `info` points to lives until it returns.
        unsafe { callback(info.as_ptr(), ended.user_data.0) };
    }

    fn told(&self, event: Event) {
        match event {
            Event::Recovered(Ok(done)) => {
                glib::g_message!(LOG, "'{}', which a crash had cut off, has been completed", done.file.display());
            }
            Event::Recovered(Err(failed)) => {
                glib::g_warning!(LOG, "a recording that a crash cut off: {}", failed.reason)
            }
            _ => {}
        }
    }
}
