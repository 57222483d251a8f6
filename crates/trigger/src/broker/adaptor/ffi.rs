//! The calls into an adaptor, and its calls back: all that is unsafe about adaptors is here.
//! An adaptor is loaded once per process, with RTLD_LOCAL, for all export the same names, and never unloaded: its threads
//! may still run when it says that it is done. It leaves what the calls are for to `session`.
#![allow(unsafe_code)]

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_int, c_void},
    panic::catch_unwind,
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    slice,
    sync::LazyLock,
};

use parking_lot::Mutex;

use super::{
    super::Arrived,
    msgapi::{Library, NvDsMsgApiErrorType, NvDsMsgApiEventType, NvDsMsgApiHandle},
    registry,
};
use crate::{Error, quote::quote};

/// Newest major version of the API that this is written for (DeepStream 9.1: Redis 1, Kafka 2, MQTT and AMQP 4).
const NEWEST_MAJOR: u32 = 4;

/// Leaked, and so never unloaded.
static LOADED: LazyLock<Mutex<HashMap<PathBuf, &'static Library>>> = LazyLock::new(Mutex::default);

/// A loaded adaptor.
#[derive(Clone, Copy)]
pub(super) struct Adaptor(&'static Library);

/// A connection of an adaptor: the address that connect returned. Only [`Adaptor::disconnect`] takes it away.
#[derive(Debug)]
pub(super) struct Handle(NonNull<c_void>);

// SAFETY: the API has no rule about threads (facts: nvmsgbroker uses a handle from several); here it moves to the keeper's
// thread with its owner, and is used by one thread at a time, for its users take `&mut` of that owner.
unsafe impl Send for Handle {}

impl Handle {
    /// By which [`registry`] knows it.
    pub(super) fn address(&self) -> usize {
        self.0.addr().get()
    }
}

impl Adaptor {
    /// Loads an adaptor, or finds the one loaded before under the same path.
    ///
    /// # Errors
    /// [`Error::Adaptor`]: no such library, a function is missing, or it is of a newer version.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        if let Some(&library) = LOADED.lock().get(path) {
            return Ok(Self(library));
        }
        // Two threads may both come here: dlopen gives both the same library, and one of the structs is dropped.
        let library = open(path).map_err(|reason| Error::Adaptor { path: path.into(), reason })?;
        Ok(Self(LOADED.lock().entry(path.into()).or_insert_with(|| Box::leak(Box::new(library)))))
    }

    /// Whether it can bring messages in.
    pub(super) fn subscribes(self) -> bool {
        self.0.nvds_msgapi_subscribe.is_ok()
    }

    /// Whether it finds its broker again by itself, without a word: NVIDIA's for Kafka does, and must then be left to it,
    /// for other brokers of its cluster may still be there.
    pub(super) fn reconnects(self) -> bool {
        if self.0.nvds_msgapi_get_protocol_name.is_err() {
            return false;
        }
        // SAFETY: the function is there, as just checked, and takes nothing.
        let name = unsafe { self.0.nvds_msgapi_get_protocol_name() };
        // SAFETY: not NULL; a NUL-terminated text that the adaptor keeps (nvds_msgapi.h).
        !name.is_null() && unsafe { CStr::from_ptr(name) }.to_bytes().eq_ignore_ascii_case(b"KAFKA")
    }

    /// Connects; blocks while the adaptor tries (NVIDIA's: up to 5 s). `None`: it could not.
    /// Events of the connection go to [`registry`].
    pub(super) fn connect(self, conn_str: &CStr, config_file: Option<&CStr>) -> Option<Handle> {
        let config_file = config_file.map_or(ptr::null_mut(), |path| path.as_ptr().cast_mut());
        // SAFETY: the function is there (checked in `open`) and has this signature (nvds_msgapi.h). Both texts are
        // NUL-terminated and live as long as the session, past disconnect. The adaptors do not write to them. The
        // callback lives as long as the process's code: a host that unloads us would have to end all sessions first.
        let handle = unsafe { self.0.nvds_msgapi_connect(conn_str.as_ptr().cast_mut(), Some(on_event), config_file) };
        NonNull::new(handle).map(Handle)
    }

    /// Asks for messages of topics; they go to the connection that [`registry`] has under `number`.
    pub(super) fn subscribe(self, handle: &Handle, topics: &[CString], number: usize) -> bool {
        let mut pointers: Vec<*mut c_char> = topics.iter().map(|topic| topic.as_ptr().cast_mut()).collect();
        let Ok(count) = c_int::try_from(pointers.len()) else { return false };
        // SAFETY: the function is there (see `subscribes`, which is asked first). The handle came from connect and was
        // not disconnected: only `disconnect` takes it, by value. `pointers` has `count` NUL-terminated texts, which
        // live until after disconnect. The user pointer is a number and is never followed.
        let result = unsafe {
            self.0.nvds_msgapi_subscribe(
                handle.0.as_ptr(),
                pointers.as_mut_ptr(),
                count,
                Some(on_message),
                ptr::without_provenance_mut(number),
            )
        };
        result == NvDsMsgApiErrorType::NVDS_MSGAPI_OK
    }

    /// Lets the adaptor work; may block (NVIDIA's MQTT: for its loop-timeout).
    pub(super) fn do_work(self, handle: &Handle) {
        // SAFETY: the function is there (`open`); the handle came from connect and was not disconnected.
        unsafe { self.0.nvds_msgapi_do_work(handle.0.as_ptr()) }
    }

    /// Sends; how that went is told to the connection that [`registry`] has under `number`, maybe before this returns.
    /// False: the adaptor refuses, and does not call back.
    pub(super) fn send(self, handle: &Handle, topic: &CStr, payload: &[u8], number: usize) -> bool {
        // SAFETY: the function is there (`open`); the handle came from connect and was not disconnected. The adaptor
        // copies topic and payload before it returns (that is what makes the call asynchronous: the header gives the
        // caller no way to know when else to free them). The user pointer is a number and is never followed.
        let result = unsafe {
            self.0.nvds_msgapi_send_async(
                handle.0.as_ptr(),
                topic.as_ptr().cast_mut(),
                payload.as_ptr(),
                payload.len(),
                Some(on_sent),
                ptr::without_provenance_mut(number),
            )
        };
        result == NvDsMsgApiErrorType::NVDS_MSGAPI_OK
    }

    /// Ends a connection; blocks while the adaptor sends what it has (NVIDIA's Kafka: up to 10 s).
    pub(super) fn disconnect(self, handle: Handle) {
        // What it returns is without consequence: the handle is gone either way.
        // SAFETY: the function is there (`open`); the handle came from connect, and this takes it by value, once.
        let _ = unsafe { self.0.nvds_msgapi_disconnect(handle.0.as_ptr()) };
    }
}

/// Loads and checks. The error is the reason.
fn open(path: &Path) -> Result<Library, String> {
    use libloading::os::unix::{Library as Opened, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: loading runs the library's initialisers. The file was named by who configured the graph, to be run in this
    // process; there is no way to check what it does.
    let opened = unsafe { Opened::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let opened = opened.map_err(|error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        format!("cannot be loaded: {reason} (needed: a protocol adaptor and all libraries it is linked to)")
    })?;
    // SAFETY: symbols are looked up under the names of nvds_msgapi.h, whose signatures the struct has; a library that
    // has these names with other signatures is not a protocol adaptor.
    let library = unsafe { Library::from_library(opened) };
    let library = library.map_err(|error| format!("cannot be searched: {error}"))?;
    let found = [
        ("connect", library.nvds_msgapi_connect.is_ok()),
        ("send_async", library.nvds_msgapi_send_async.is_ok()),
        ("do_work", library.nvds_msgapi_do_work.is_ok()),
        ("disconnect", library.nvds_msgapi_disconnect.is_ok()),
        ("getversion", library.nvds_msgapi_getversion.is_ok()),
    ];
    let missing: Vec<String> =
        found.iter().filter(|(_, found)| !found).map(|(name, _)| format!("nvds_msgapi_{name}")).collect();
    if !missing.is_empty() {
        return Err(format!("is no protocol adaptor: it lacks {}", missing.join(", ")));
    }
    // SAFETY: the function is there, as just checked, and takes nothing.
    let version = unsafe { library.nvds_msgapi_getversion() };
    if version.is_null() {
        return Err("does not tell its version (needed: as in \"2.0\")".into());
    }
    // SAFETY: not NULL; a NUL-terminated text that the adaptor keeps (nvds_msgapi.h), read before anything else is called.
    let version = unsafe { CStr::from_ptr(version) }.to_string_lossy();
    match version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(1..=NEWEST_MAJOR) => Ok(library),
        _ => Err(format!("is of version {} of nvds_msgapi (allowed: 1 to {NEWEST_MAJOR})", quote(&version))),
    }
}

/// Called by an adaptor, on any thread, any number of times, also from within connect, also after disconnect.
unsafe extern "C" fn on_event(handle: NvDsMsgApiHandle, event: NvDsMsgApiEventType) {
    guarded(|| {
        if event != NvDsMsgApiEventType::NVDS_MSGAPI_EVT_SUCCESS {
            registry::lost(handle.addr());
        }
    });
}

/// Called by an adaptor with a message, on any thread.
unsafe extern "C" fn on_message(
    flag: NvDsMsgApiErrorType,
    message: *mut c_void,
    length: c_int,
    topic: *mut c_char,
    user: *mut c_void,
) {
    guarded(|| {
        let Some(shared) = registry::find(user.addr()) else { return };
        let length = if message.is_null() { 0 } else { usize::try_from(length).unwrap_or(0) };
        let payload = if length == 0 {
            &[][..]
        } else {
            // SAFETY: not NULL and `length` bytes long, as the API says, for the time of this call; it is copied below.
            // No terminator is read: not every adaptor has one.
            unsafe { slice::from_raw_parts(message.cast::<u8>(), length) }
        };
        if flag != NvDsMsgApiErrorType::NVDS_MSGAPI_OK {
            shared.note(payload);
            return;
        }
        let topic = if topic.is_null() {
            String::new()
        } else {
            // SAFETY: not NULL; a NUL-terminated text for the time of this call (nvds_msgapi.h).
            unsafe { CStr::from_ptr(topic) }.to_string_lossy().into_owned()
        };
        shared.push(Arrived::new(topic, payload));
    });
}

/// Called by an adaptor when a message that was sent is done with, on any thread.
unsafe extern "C" fn on_sent(user: *mut c_void, flag: NvDsMsgApiErrorType) {
    guarded(|| {
        let number = user.addr();
        if let Some(shared) = registry::leave(number) {
            shared.complete(number, flag == NvDsMsgApiErrorType::NVDS_MSGAPI_OK);
        }
    });
}

/// A panic must not reach the adaptor's C code. Its message was printed; the connection goes on.
fn guarded(body: impl FnOnce() + std::panic::UnwindSafe) {
    let _ = catch_unwind(body);
}
