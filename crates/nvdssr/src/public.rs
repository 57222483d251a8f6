//! The block of memory that programs see as `NvDsSRContext`: pointers that stay good while it lives, and flags that this
//! library keeps up to date under its `flowLock`.
//! What the flags say is decided by `context`.

use std::ffi::{CString, c_void};
use std::ptr::{self, addr_of_mut};
use std::sync::atomic::{AtomicI32, Ordering};

use gst::glib;
use gst::prelude::*;
use nvdssr_sys::{NvDsSRContext, NvDsSRInitParams};

use crate::error::Error;

/// What a program gave along with a start, and gets back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserData(pub(crate) *mut c_void);

impl UserData {
    /// Nothing.
    pub(crate) const NONE: Self = Self(ptr::null_mut());
}

// SAFETY: it is never looked into here; the program gets back what it gave, on another thread as documented.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

/// `NvDsSRInitParams` as values of ours; its pointers are made from the texts.
pub(crate) struct Init {
    /// Callback, container, numbers; no texts.
    pub(crate) values: NvDsSRInitParams,
    pub(crate) prefix: CString,
    pub(crate) dir: Option<CString>,
}

/// See the module.
pub(crate) struct Public {
    context: *mut NvDsSRContext,
    /// What its pointers point to.
    _texts: (CString, Option<CString>),
    _elements: [gst::Element; 4],
}

// SAFETY: the block is reached through atomic stores of its flags and under its own mutex alone (`locked`); the rest of it
// does not change between `new` and `drop`, which no other thread can see.
unsafe impl Send for Public {}
// SAFETY: as above.
unsafe impl Sync for Public {}

impl Public {
    /// A block for `recordbin`.
    ///
    /// # Errors
    /// When GStreamer's own elements are not there, or the system gives no thread.
    pub(crate) fn new(recordbin: &gst::Element, mut init: Init) -> Result<Self, Error> {
        let make = |name| gst::ElementFactory::make(name).build().map_err(|_| Error::MissingElement(name));
        let (queue, filesink) = (make("queue")?, make("filesink")?);
        let encodebin = gst::Bin::new();
        // Only a second element of the same name is refused.
        drop(encodebin.add(&filesink));
        let elements = [recordbin.clone(), queue, encodebin.upcast(), filesink];
        let [bin, queue, encodebin, sink] = elements.each_ref().map(|element| element.as_ptr());
        init.values.fileNamePrefix = init.prefix.as_ptr().cast_mut();
        init.values.dirpath = init.dir.as_ref().map_or(ptr::null_mut(), |dir| dir.as_ptr().cast_mut());
        let thread = ended_thread()?;
        let context = Box::into_raw(Box::new(NvDsSRContext {
            recordbin: bin,
            recordQue: queue,
            encodebin,
            filesink: sink,
            gotKeyFrame: glib::ffi::GFALSE,
            recordOn: glib::ffi::GFALSE,
            resetDone: glib::ffi::GTRUE,
            isPlaying: glib::ffi::GFALSE,
            initParams: init.values,
            // SAFETY: all zero is what g_mutex_init makes of a mutex.
            flowLock: unsafe { std::mem::zeroed() },
            resetThread: thread,
            uData: ptr::null_mut(),
            privData: ptr::null_mut(),
        }));
        // SAFETY: just made, and nobody else knows of it; g_mutex_init wants memory in its final place.
        unsafe {
            glib::ffi::g_mutex_init(addr_of_mut!((*context).flowLock));
            (*context).privData = context.cast();
        }
        Ok(Self { context, _texts: (init.prefix, init.dir), _elements: elements })
    }

    /// What programs hold.
    pub(crate) fn as_ptr(&self) -> *mut NvDsSRContext {
        self.context
    }

    /// The folder as the program gave it.
    pub(crate) fn dir(&self) -> *mut std::ffi::c_char {
        // SAFETY: the block lives as long as `self`, and this member never changes.
        unsafe { (*self.context).initParams.dirpath }
    }

    /// Changes the flags, under the program's mutex.
    pub(crate) fn locked<T>(&self, change: impl FnOnce(&Flags<'_>) -> T) -> T {
        /// Unlocks even when `change` panics.
        struct Unlock(*mut glib::ffi::GMutex);
        impl Drop for Unlock {
            fn drop(&mut self) {
                // SAFETY: locked by this thread below, in a block that still lives.
                unsafe { glib::ffi::g_mutex_unlock(self.0) };
            }
        }
        // SAFETY: the block lives as long as `self`.
        let _unlock = unsafe {
            let mutex = addr_of_mut!((*self.context).flowLock);
            glib::ffi::g_mutex_lock(mutex);
            Unlock(mutex)
        };
        change(&Flags(self))
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        // SAFETY: made in `new`; nobody else frees it, and whoever holds the pointer has been told so (NvDsSRDestroy).
        // The thread has been made with a reference for us, which joining gives up.
        unsafe {
            glib::ffi::g_thread_join((*self.context).resetThread);
            glib::ffi::g_mutex_clear(addr_of_mut!((*self.context).flowLock));
            drop(Box::from_raw(self.context));
        }
    }
}

/// The flags of a block whose mutex is held.
pub(crate) struct Flags<'a>(&'a Public);

impl Flags<'_> {
    /// Which recordings run is known.
    pub(crate) fn recording(&self, on: bool, begun: bool, all_complete: bool) {
        // SAFETY: three members of a block that lives as long as `self`.
        unsafe {
            let context = self.0.context;
            store(addr_of_mut!((*context).recordOn), on);
            store(addr_of_mut!((*context).gotKeyFrame), begun);
            store(addr_of_mut!((*context).resetDone), all_complete);
        }
    }

    /// The recordbin plays.
    pub(crate) fn playing(&self, playing: bool) {
        // SAFETY: a member of a block that lives as long as `self`.
        unsafe { store(addr_of_mut!((*self.0.context).isPlaying), playing) };
    }

    /// What the last start brought along.
    pub(crate) fn user_data(&self, user_data: UserData) {
        // SAFETY: a member of a block that lives as long as `self`; written under its mutex alone, and never read here.
        unsafe { (*self.0.context).uData = user_data.0 };
    }
}

/// Programs read flags without the mutex.
///
/// # Safety
/// `flag` is valid for writes, and aligned.
unsafe fn store(flag: *mut glib::ffi::gboolean, value: bool) {
    // SAFETY: as the caller promises; all other access from Rust is atomic, too.
    unsafe { AtomicI32::from_ptr(flag) }.store(i32::from(value), Ordering::Relaxed);
}

/// A thread that has nothing to do: `resetThread` of NVIDIA's context has ended whenever nothing is being recorded.
fn ended_thread() -> Result<*mut glib::ffi::GThread, Error> {
    unsafe extern "C" fn nothing(_: *mut c_void) -> *mut c_void {
        ptr::null_mut()
    }
    // SAFETY: a function that takes any pointer, and a name that is copied.
    let thread =
        unsafe { glib::ffi::g_thread_try_new(c"srec-none".as_ptr(), Some(nothing), ptr::null_mut(), ptr::null_mut()) };
    if thread.is_null() { Err(Error::Thread) } else { Ok(thread) }
}
