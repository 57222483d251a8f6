//! One `NvDsSRContext` of a library as a safe value: create, start, stop, destroy, its flags, and its callback.
//! All calls into the library are here, and nothing of it is known elsewhere.
//! When to make them is left to `sessions` and `session_thread`.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::glib;
use gst::glib::translate::{FromGlib, FromGlibPtrNone};
use gst::prelude::*;
use nvdssr_sys::{NvDsSRContainerType, NvDsSRContext, NvDsSRInitParams, NvDsSRInitParams__bindgen_ty_1};
use nvdssr_sys::{NvDsSRRecordingInfo, NvDsSRStatus};
use parking_lot::Mutex;

use super::library::Library;
use crate::Container;
use crate::join::join_by;
use crate::recordbin::Setup;

/// The library ends a recording by itself after so many seconds of the wall clock, where the process runs a GLib main
/// loop. It is ended before, in the stream's own time; thirty days are the longest that its milliseconds hold in round
/// numbers.
const NEVER: u32 = 30 * 86_400;

/// A recording that the library has completed, or not.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    /// Its file's name, as the library gives it.
    pub(super) name: Option<CString>,
    /// There is video or audio in it.
    pub(super) has_media: bool,
    /// What was given at the start.
    pub(super) serial: usize,
}

impl Completed {
    /// The file's name, of which a folder is no part.
    pub(super) fn file_name(&self) -> Option<&OsStr> {
        let name = Path::new(OsStr::from_bytes(self.name.as_ref()?.as_bytes()));
        name.file_name()
    }
}

/// Takes completed recordings, on a thread of the library.
pub(super) type CompletedSink = Arc<dyn Fn(Completed) + Send + Sync>;

/// Whose context is at which address. The library hands `userData` of whichever start came last to the callback
/// (facts: smart-record-behaviour.md, section 5), but always the right context.
static SINKS: Mutex<Option<HashMap<usize, CompletedSink>>> = Mutex::new(None);

/// See the module.
pub(super) struct Context {
    library: &'static Library,
    raw: NonNull<NvDsSRContext>,
    recordbin: gst::Element,
}

// SAFETY: the library's functions may be called from any thread: NVIDIA's own element calls them from its application's,
// and gst-nvdssr.h says so. The fields that are read here are either constant or read under `flowLock`.
unsafe impl Send for Context {}
// SAFETY: as for `Send`.
unsafe impl Sync for Context {}

impl Context {
    /// A context for recordings of one source, and its recordbin.
    ///
    /// # Errors
    /// In words, when the library does not make one, or its recordbin has not both pads.
    pub(super) fn create(library: &'static Library, setup: &Setup, completed: CompletedSink) -> Result<Self, String> {
        let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| "a name has a zero byte in it".to_owned());
        let (prefix, dir) = (text(setup.names.stem().as_ref())?, text(setup.names.dir.as_os_str())?);
        let seconds = u32::try_from(setup.config.window.as_secs()).unwrap_or(u32::MAX).max(1);
        let mut params = NvDsSRInitParams {
            callback: Some(on_completed),
            containerType: match setup.container {
                Container::Mp4 => NvDsSRContainerType::NVDSSR_CONTAINER_MP4,
                Container::Mkv => NvDsSRContainerType::NVDSSR_CONTAINER_MKV,
            },
            width: 0,
            height: 0,
            fileNamePrefix: prefix.as_ptr().cast_mut(),
            dirpath: dir.as_ptr().cast_mut(),
            defaultDuration: NEVER,
            __bindgen_anon_1: NvDsSRInitParams__bindgen_ty_1 { cacheSize: seconds },
        };
        let mut raw = null_mut();
        // SAFETY: both pointers are to live values of the right types; the library copies the texts, which live until the
        // end of this function.
        let status = unsafe { library.functions.NvDsSRCreate(&raw mut raw, &raw mut params) };
        check(status)?;
        let raw = NonNull::new(raw).ok_or("NvDsSRCreate gives no context")?;
        // SAFETY: the library has just made it; `recordbin` is set and not changed until it is destroyed.
        let recordbin = NonNull::new(unsafe { raw.as_ref() }.recordbin).ok_or("NvDsSRCreate gives no recordbin")?;
        // SAFETY: a valid element, of which the library holds a reference; this takes another one.
        let recordbin = unsafe { gst::Element::from_glib_none(recordbin.as_ptr()) };
        let context = Self { library, raw, recordbin };
        SINKS.lock().get_or_insert_default().insert(context.address(), completed);
        if let Some(pad) = ["sink", "asink"].into_iter().find(|pad| context.recordbin.static_pad(pad).is_none()) {
            context.destroy(Instant::now() + Duration::from_secs(1));
            return Err(format!("its recordbin has no pad '{pad}'"));
        }
        Ok(context)
    }

    fn address(&self) -> usize {
        self.raw.as_ptr() as usize
    }

    /// The element with pads `sink` and `asink`.
    pub(super) fn recordbin(&self) -> &gst::Element {
        &self.recordbin
    }

    /// Starts a recording that begins so many seconds ago, and goes on until it is stopped. `serial` comes back in
    /// [`Completed`]. Returns the library's id for it.
    ///
    /// # Errors
    /// What it returned, in words.
    pub(super) fn start(&self, seconds_ago: u32, serial: usize) -> Result<u32, String> {
        let mut session = 0;
        let user_data = std::ptr::without_provenance_mut(serial);
        // SAFETY: the context lives as long as `self`; `session` is a live value; `user_data` is never dereferenced.
        let status = unsafe {
            self.library.functions.NvDsSRStart(self.raw.as_ptr(), &raw mut session, seconds_ago, 0, user_data)
        };
        check(status).map(|()| session)
    }

    /// Ends a recording now; its file is complete when the callback has come.
    ///
    /// # Errors
    /// What it returned, in words.
    pub(super) fn stop(&self, session: u32) -> Result<(), String> {
        // SAFETY: the context lives as long as `self`.
        check(unsafe { self.library.functions.NvDsSRStop(self.raw.as_ptr(), session) })
    }

    /// The library takes a next start: no file is still to be completed.
    pub(super) fn is_reset(&self) -> bool {
        let raw = self.raw.as_ptr();
        // SAFETY: the context lives as long as `self`; the library has initialised `flowLock` when it made it and changes
        // the flag under it. Each field is reached by itself: the library may write to the others meanwhile.
        unsafe {
            glib::ffi::g_mutex_lock(&raw mut (*raw).flowLock);
            let reset = bool::from_glib((*raw).resetDone);
            glib::ffi::g_mutex_unlock(&raw mut (*raw).flowLock);
            reset
        }
    }

    /// What has arrived has gone on to the muxer: the cache of a running recording is empty. True where the library
    /// does not show its cache.
    pub(super) fn is_drained(&self) -> bool {
        // SAFETY: constant while the context lives.
        let queue = unsafe { element(&raw const (*self.raw.as_ptr()).recordQue) };
        let level = queue.filter(|queue| queue.has_property_with_type("current-level-buffers", u32::static_type()));
        level.is_none_or(|queue| queue.property::<u32>("current-level-buffers") == 0)
    }

    /// Where the running recording is written to, if the library shows it.
    pub(super) fn location(&self) -> Option<PathBuf> {
        // SAFETY: constant while the context lives.
        let sink = unsafe { element(&raw const (*self.raw.as_ptr()).filesink) };
        let sink = sink.filter(|sink| sink.has_property_with_type("location", String::static_type()))?;
        sink.property::<Option<String>>("location").map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Keeps what writes the file out of the pipeline's changes of state. Where it cannot open its file, the pipeline could
    /// not even go down: on its way it would have to be paused.
    pub(super) fn detach_sink(&self) {
        // SAFETY: constant while the context lives.
        if let Some(sink) = unsafe { element(&raw const (*self.raw.as_ptr()).filesink) } {
            sink.set_locked_state(true);
            // It has failed already.
            let _ = sink.set_state(gst::State::Null);
        }
    }

    /// Gives it back, when its recordbin is in no running pipeline. The library may wait for ever for a file that is never
    /// completed: then a thread of ours is left to that. False if it had not ended by `deadline`.
    pub(super) fn destroy(self, deadline: Instant) -> bool {
        drop(SINKS.lock().as_mut().and_then(|sinks| sinks.remove(&self.address())));
        let thread = std::thread::Builder::new().name("srec-destroy".into()).spawn(move || self.give_back());
        // Without a thread it is leaked, with a few kilobytes.
        thread.is_ok_and(|thread| join_by(thread, deadline))
    }

    fn give_back(self) {
        // SAFETY: nobody else has this context, and no call comes after this one.
        let status = unsafe { self.library.functions.NvDsSRDestroy(self.raw.as_ptr()) };
        // It fails for a NULL pointer alone.
        drop(check(status));
    }
}

/// An element of the context, which may show none.
///
/// # Safety
/// `field` is a field of a live context, and is not written to meanwhile.
unsafe fn element(field: *const *mut gst::ffi::GstElement) -> Option<gst::Element> {
    // SAFETY: the caller's promise.
    let element = NonNull::new(unsafe { field.read() })?;
    // SAFETY: a valid element, as long as the context lives; this takes a reference.
    Some(unsafe { gst::Element::from_glib_none(element.as_ptr()) })
}

/// A status in words (gst-nvdssr.h).
fn check(status: NvDsSRStatus) -> Result<(), String> {
    Err(match status {
        NvDsSRStatus::NVDSSR_STATUS_OK => return Ok(()),
        NvDsSRStatus::NVDSSR_STATUS_INVALID_VAL => "it finds a parameter invalid (NVDSSR_STATUS_INVALID_VAL)".into(),
        NvDsSRStatus::NVDSSR_STATUS_INVALID_OP => {
            "it is not ready for that (NVDSSR_STATUS_INVALID_OP), be it that a file is not complete".into()
        }
        NvDsSRStatus::NVDSSR_STATUS_ERROR => {
            "it reports an error (NVDSSR_STATUS_ERROR); what it printed before says more".into()
        }
        NvDsSRStatus(other) => format!("it reports the unknown status {other}"),
    })
}

/// The library's callback, on a thread of its own.
unsafe extern "C" fn on_completed(
    info: *mut NvDsSRRecordingInfo,
    user_data: glib::ffi::gpointer,
) -> glib::ffi::gpointer {
    // No panic may cross into C. There is nobody to tell: the session's thread misses the callback and says so.
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the library passes its own record, which lives until this returns, or NULL.
        let Some(info) = (unsafe { info.as_ref() }) else { return };
        let sink = SINKS.lock().as_ref().and_then(|sinks| sinks.get(&(info.ctx as usize)).cloned());
        // A recording of a context that is being given back.
        let Some(sink) = sink else { return };
        let name = NonNull::new(info.filename).map(|name| {
            // SAFETY: a text with a zero at its end, which lives as long as the record.
            unsafe { CStr::from_ptr(name.as_ptr()) }.to_owned()
        });
        let has_media = info.containsVideo != 0 || info.containsAudio != 0;
        sink(Completed { name, has_media, serial: user_data.addr() });
    }));
    null_mut()
}
