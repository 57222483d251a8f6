//! The four functions, looked up in our library as a program does that loads it at run time.
//! Statuses become results; a context is the number of its address, so that threads and callbacks can pass it on.
//! Left to others: what a context is fed with, and what its callback does.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::LazyLock;

use nvdssr_sys::{Library, NvDsSRContext, NvDsSRInitParams, NvDsSRStatus};

use super::library;

/// Loaded once, and never unloaded: its threads outlive every test.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    // SAFETY: the library has no constructors but those of Rust's standard library, and stays loaded.
    unsafe { Library::new(library()) }.unwrap()
});

/// A refused call.
pub const INVALID_VAL: NvDsSRStatus = NvDsSRStatus::NVDSSR_STATUS_INVALID_VAL;
/// A call at the wrong time.
pub const INVALID_OP: NvDsSRStatus = NvDsSRStatus::NVDSSR_STATUS_INVALID_OP;

/// Something is not there.
pub const ERROR: NvDsSRStatus = NvDsSRStatus::NVDSSR_STATUS_ERROR;

fn result(status: NvDsSRStatus) -> Result<(), NvDsSRStatus> {
    if status == NvDsSRStatus::NVDSSR_STATUS_OK { Ok(()) } else { Err(status) }
}

/// `NvDsSRCreate`; None: a NULL pointer.
pub fn create(parameters: Option<&mut NvDsSRInitParams>) -> Result<usize, NvDsSRStatus> {
    let mut context: *mut NvDsSRContext = null_mut();
    let parameters = parameters.map_or(null_mut(), |parameters| parameters as *mut _);
    // SAFETY: both pointers are valid for the call, or NULL.
    result(unsafe { LIBRARY.NvDsSRCreate(&mut context, parameters) })?;
    assert!(!context.is_null(), "a context is made");
    Ok(context as usize)
}

/// `NvDsSRCreate` with nowhere to put the context.
pub fn create_nowhere(parameters: &mut NvDsSRInitParams) -> Result<(), NvDsSRStatus> {
    // SAFETY: the parameters are valid for the call.
    result(unsafe { LIBRARY.NvDsSRCreate(null_mut(), parameters) })
}

/// `NvDsSRStart`; returns the session's id.
pub fn start(context: usize, start: u32, duration: u32, user_data: *mut c_void) -> Result<u32, NvDsSRStatus> {
    let mut id = u32::MAX;
    // SAFETY: our library takes any context for an address to be looked up; `id` is valid for the call.
    result(unsafe { LIBRARY.NvDsSRStart(context as *mut _, &mut id, start, duration, user_data) })?;
    Ok(id)
}

/// `NvDsSRStart` with nowhere to put the id.
pub fn start_nowhere(context: usize) -> Result<(), NvDsSRStatus> {
    // SAFETY: as for `start`.
    result(unsafe { LIBRARY.NvDsSRStart(context as *mut _, null_mut(), 0, 1, null_mut()) })
}

/// `NvDsSRStop`.
pub fn stop(context: usize, id: u32) -> Result<(), NvDsSRStatus> {
    // SAFETY: as for `start`.
    result(unsafe { LIBRARY.NvDsSRStop(context as *mut _, id) })
}

/// `NvDsSRDestroy`.
pub fn destroy(context: usize) -> Result<(), NvDsSRStatus> {
    // SAFETY: as for `start`.
    result(unsafe { LIBRARY.NvDsSRDestroy(context as *mut _) })
}
