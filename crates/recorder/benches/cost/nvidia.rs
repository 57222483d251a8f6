//! Contexts of the library that NVDSSR_PEER names, used as gst-nvdssr.h says.
//! Feeding their recordbins is left to the benchmarks. The library is never in this repository.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; a library that cannot be used fails it.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

use gst::glib::translate::from_glib_none;
use nvdssr_sys::{NvDsSRContainerType, NvDsSRContext, NvDsSRInitParams, NvDsSRInitParams__bindgen_ty_1, NvDsSRStatus};

use super::contender::WINDOW;

/// The library.
pub struct Peer(nvdssr_sys::Library);

/// The library that NVDSSR_PEER names, if it names one. It stays loaded.
pub fn peer() -> Option<&'static Peer> {
    let path = std::env::var_os("NVDSSR_PEER").filter(|path| !path.is_empty())?;
    gst::init().unwrap();
    // SAFETY: whoever sets the variable wants that library to be run; its functions have the types of gst-nvdssr.h.
    let library = unsafe { nvdssr_sys::Library::new(path) }.unwrap();
    Some(Box::leak(Box::new(Peer(library))))
}

/// One source's recorder.
pub struct Context {
    peer: &'static Peer,
    raw: *mut NvDsSRContext,
    recordbin: gst::Element,
}

impl Context {
    /// With a cache of [`WINDOW`], its files in `dir`.
    pub fn new(peer: &'static Peer, dir: &Path) -> Self {
        let (prefix, dir) = (CString::new("peer").unwrap(), CString::new(dir.as_os_str().as_bytes()).unwrap());
        let mut params = NvDsSRInitParams {
            callback: None,
            containerType: NvDsSRContainerType::NVDSSR_CONTAINER_MP4,
            width: 0,
            height: 0,
            fileNamePrefix: prefix.as_ptr().cast_mut(),
            dirpath: dir.as_ptr().cast_mut(),
            defaultDuration: 3_600,
            __bindgen_anon_1: NvDsSRInitParams__bindgen_ty_1 { cacheSize: WINDOW.as_secs() as u32 },
        };
        let mut raw = null_mut();
        // SAFETY: both point to live values; the library copies the texts.
        let status = unsafe { peer.0.NvDsSRCreate(&raw mut raw, &raw mut params) };
        assert_eq!(status, NvDsSRStatus::NVDSSR_STATUS_OK);
        // SAFETY: the library has made the context, and its recordbin lives as long as it.
        let recordbin = unsafe { from_glib_none((*raw).recordbin) };
        Self { peer, raw, recordbin }
    }

    /// The element with pads `sink` and `asink`.
    pub fn recordbin(&self) -> &gst::Element {
        &self.recordbin
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context was made by this library, and nobody has it after this.
        unsafe { self.peer.0.NvDsSRDestroy(self.raw) };
    }
}
