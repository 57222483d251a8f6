//! [`Core`]: the GXF core library of this process, and what is called in it.
//!
//! Finds the functions in whoever loaded us, in the process, or in a library that a program opened. Search paths of a
//! program that brings a runtime along are in `runtime`.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

use crate::Error;
use crate::code::Numbers;
use crate::stand_in::STANDARD;
use crate::sys::{Api, gxf_context_t, gxf_entity_get_name_t, gxf_uid_t, gxfs_caller_outside, gxfs_symbols};

/// Mangled names of what an extension needs beyond the C API. Source: `nm -D libgxf_core.so` of 4.1.1; which releases
/// have which is in `docs/gxf-abi.md`.
mod names {
    use std::ffi::CStr;
    pub const DECLARE_PARAMETER: &CStr = c"_ZN6nvidia3gxf18ParameterRegistrar30registerComponentParameterImplE9gxf_tid_tRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERNS1_22ComponentParameterInfoE";
    pub const DECLARE_PARAMETERLESS: &CStr = c"_ZN6nvidia3gxf18ParameterRegistrar20addParameterlessTypeE9gxf_tid_tNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
    pub const REGISTER_BOOL: &CStr = c"_ZN6nvidia3gxf16ParameterStorage17registerParameterIbEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSB_SB_NS3_IS7_S4_EEj";
    pub const REGISTER_STRING: &CStr = c"_ZN6nvidia3gxf16ParameterStorage17registerParameterINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSH_SH_NS9_ISD_SA_EEj";
    pub const REGISTER_PATH: &CStr = c"_ZN6nvidia3gxf16ParameterStorage17registerParameterINS0_8FilePathEEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSC_SC_NS4_IS8_S5_EEj";
    pub const RECEIVE: &CStr = c"_ZN6nvidia3gxf8Receiver7receiveEv";
    pub const SYNC: &CStr = c"_ZN6nvidia3gxf8Receiver4syncEv";
    pub const PUBLISH: &CStr = c"_ZN6nvidia3gxf11Transmitter7publishERKNS0_6EntityE";
    pub const SET_EVENT_STATE: &CStr =
        c"_ZN6nvidia3gxf26AsynchronousSchedulingTerm13setEventStateENS0_22AsynchronousEventStateE";
    pub const LOGGER_INSTANCE: &CStr = c"_ZN6nvidia6logger15GlobalGxfLogger8instanceEv";
    pub const LOGGER_LOG: &CStr = c"_ZN6nvidia6logger6Logger3logEPKciS3_iS3_";
    pub const LOGGING_FUNCTION: &CStr = c"_ZN6nvidia15LoggingFunctionE";
    pub const GET_SEVERITY: &CStr = c"_ZN6nvidia11GetSeverityEv";
}

/// The GXF core of this process: its C functions and the addresses of its C++ ones.
pub(crate) struct Core {
    pub api: Api,
    pub symbols: gxfs_symbols,
    pub codes: Numbers,
    entity_get_name: gxf_entity_get_name_t,
    /// Where to look for further symbols: the library that holds the C functions.
    handle: *mut c_void,
    version: OnceLock<CString>,
}

// SAFETY: the raw pointers are addresses of code and constant data in libraries that stay loaded as long as the process
// (the handles are never closed), and a dlopen handle may be used from any thread.
unsafe impl Send for Core {}
// SAFETY: as above; nothing in `Core` is changed after it was made, `version` is a `OnceLock`.
unsafe impl Sync for Core {}

static CORE: OnceLock<Core> = OnceLock::new();

impl Core {
    /// The core, if it has been found already.
    pub fn get() -> Option<&'static Core> {
        CORE.get()
    }

    /// The core of whoever called the factory of this extension: the caller's own library, then the process's global
    /// symbols, then a `libgxf_core.so` on the loader's path (why in this order: `docs/gxf-abi.md`,
    /// "How a library gets in").
    pub fn of_caller() -> Result<&'static Core, Error> {
        if let Some(core) = CORE.get() {
            return Ok(core);
        }
        let own: fn() -> Result<&'static Core, Error> = Core::of_caller;
        // SAFETY: `own` is an address in this library; the function only walks the stack and reads the loader's tables.
        let address = unsafe { gxfs_caller_outside(own as *const c_void) };
        let found = library_of(address, 0)
            .and_then(|caller| Core::from_library(caller).ok())
            .or_else(|| Core::from_library(Library::this()).ok());
        let core = match found {
            Some(core) => core,
            None => Core::open(Path::new("libgxf_core.so"), RTLD_LAZY | RTLD_LOCAL)?,
        };
        Ok(CORE.get_or_init(|| core))
    }

    /// Opens a core library and makes it the one of this process. The first one found stays: two in one process would
    /// not know each other's contexts.
    pub fn load(path: &Path, flags: c_int) -> Result<&'static Core, Error> {
        if let Some(core) = CORE.get() {
            return Ok(core);
        }
        let core = Core::open(path, flags)?;
        Ok(CORE.get_or_init(|| core))
    }

    fn open(path: &Path, flags: c_int) -> Result<Core, Error> {
        let failed = |source| Error::Library { path: path.to_owned(), source };
        // SAFETY: loading runs the library's initialisers. It is the GXF core that the user installed, which is what a
        // GXF program must trust; it stays loaded.
        let library = unsafe { Library::open(Some(path), flags) }.map_err(failed)?;
        Core::from_library(library).map_err(failed)
    }

    fn from_library(library: Library) -> Result<Core, libloading::Error> {
        let handle = library.into_raw();
        // SAFETY: `handle` was open a line above and its former owner has let go of it.
        let library = unsafe { Library::from_raw(handle) };
        // SAFETY: every name is looked up with the signature that abi/gxf_api.h declares for it from the public header.
        let api = unsafe { Api::from_library(libloading::Library::from(library)) }?;
        let symbol = |name: &CStr| find(handle, name);
        let symbols = gxfs_symbols {
            declare_parameter: symbol(names::DECLARE_PARAMETER),
            declare_parameterless: symbol(names::DECLARE_PARAMETERLESS),
            register_bool: symbol(names::REGISTER_BOOL),
            register_string: symbol(names::REGISTER_STRING),
            register_path: symbol(names::REGISTER_PATH),
            register_handle: ptr::null_mut(),
            backend_vtable: ptr::null_mut(),
            receive: symbol(names::RECEIVE),
            sync: symbol(names::SYNC),
            publish: symbol(names::PUBLISH),
            set_event_state: symbol(names::SET_EVENT_STATE),
            logger_instance: symbol(names::LOGGER_INSTANCE),
            logger_log: symbol(names::LOGGER_LOG),
            logging_function: symbol(names::LOGGING_FUNCTION),
            get_severity: symbol(names::GET_SEVERITY),
        };
        let name = symbol(c"GxfEntityGetName");
        // SAFETY: null becomes `None`; otherwise it is the function whose signature abi/gxf_api.h declares.
        let entity_get_name = unsafe { std::mem::transmute::<*mut c_void, gxf_entity_get_name_t>(name) };
        let codes = Numbers::ask(|number| {
            // SAFETY: any number may be asked for; the answer is a constant text of the runtime's.
            crate::info::text(unsafe { api.GxfResultStr(number) })
        });
        Ok(Core { api, symbols, codes, entity_get_name, handle, version: OnceLock::new() })
    }

    /// The symbols with those added that depend on the type of one parameter.
    pub fn symbols_with(&self, register_handle: Option<&CStr>, backend_vtable: Option<&CStr>) -> gxfs_symbols {
        let address = |name: Option<&CStr>| name.map_or(ptr::null_mut(), |name| find(self.handle, name));
        gxfs_symbols {
            register_handle: address(register_handle),
            backend_vtable: address(backend_vtable),
            ..self.symbols
        }
    }

    /// The address of anything that the core or the standard extension exports; null if neither does. In no other library:
    /// NVIDIA's extensions of 4.x, and maybe others, each have a copy of the runtime in them, which need not be this one.
    pub fn address(&self, name: &CStr) -> *mut c_void {
        // SAFETY: `handle` is an open library and the name is a C string.
        let own = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        if own.is_null() { find_in_library(STANDARD, name).unwrap_or(ptr::null_mut()) } else { own }
    }

    /// The name of an entity; a raw GXF code.
    ///
    /// # Safety
    /// `context` must be live and `name` valid for the write of a pointer.
    pub unsafe fn entity_name(&self, context: gxf_context_t, eid: gxf_uid_t, name: *mut *const c_char) -> i32 {
        // SAFETY: the caller's promise. In 4.0 the name is a parameter of the entity (kInternalNameParameterKey).
        unsafe {
            match self.entity_get_name {
                Some(get) => get(context, eid, name),
                None => self.api.GxfParameterGetStr(context, eid, c"__name".as_ptr(), name),
            }
        }
    }

    /// The runtime's version as it states it, e.g. `4.1.1`.
    ///
    /// # Errors
    /// If the runtime cannot make the short-lived context that it wants for the question.
    pub fn version(&self) -> Result<&CStr, Error> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let mut context = ptr::null_mut();
        // SAFETY: `context` is valid for the write of one pointer.
        let code = unsafe { self.api.GxfContextCreate(&mut context) };
        crate::error::check(code, || "creating a GXF context".to_owned())?;
        let version = self.version_in(context);
        // SAFETY: `context` was created above and nobody else knows it.
        unsafe { self.api.GxfContextDestroy(context) };
        let version = version?;
        Ok(self.version.get_or_init(|| version))
    }

    fn version_in(&self, context: *mut c_void) -> Result<CString, Error> {
        let mut tids = [crate::sys::gxf_tid_t::default(); 1024];
        let mut info = crate::sys::gxf_runtime_info {
            version: ptr::null(),
            num_extensions: tids.len() as u64,
            extensions: tids.as_mut_ptr(),
        };
        // SAFETY: `context` is live; `info` points to room for as many ids as it says.
        let code = unsafe { self.api.GxfRuntimeInfo(context, &mut info) };
        crate::error::check(code, || "asking the GXF runtime for its version".to_owned())?;
        if info.version.is_null() {
            return Err(Error::Missing("its version"));
        }
        // SAFETY: not null; the runtime gives a C string that lives as long as the context.
        Ok(unsafe { CStr::from_ptr(info.version) }.to_owned())
    }
}

/// Keeps the library that this code is in loaded for ever: threads, GObject types and the runtime's own tables point into
/// it. Does what the link argument `-z nodelete` does, without a build script.
pub(crate) fn pin_own_library() {
    let own: fn() = pin_own_library;
    if let Some(library) = library_of(own as *mut c_void, libc::RTLD_NODELETE) {
        // Not closed either: two reasons to stay are as good as one.
        let _ = library.into_raw();
    }
}

/// The already loaded library (or program) that holds `address`.
fn library_of(address: *mut c_void, flags: c_int) -> Option<Library> {
    if address.is_null() {
        return None;
    }
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: `info` is valid for writes; any address may be asked for.
    if unsafe { libc::dladdr(address, &mut info) } == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr succeeded, so the name is a C string owned by the loader while that library is loaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    // SAFETY: RTLD_NOLOAD runs no initialiser: the library is there already or the call fails.
    unsafe { Library::open(Some(OsStr::from_bytes(name.to_bytes())), RTLD_LAZY | libc::RTLD_NOLOAD | flags) }.ok()
}

/// A symbol in the core's library, in the process's global symbols, or in any loaded library (the standard extension is
/// loaded locally, and some versions export the queues' functions only there). Null if nobody has it.
fn find(handle: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: `handle` is an open library, RTLD_DEFAULT is always valid; the name is a C string.
    let found = unsafe {
        let own = libc::dlsym(handle, name.as_ptr());
        if own.is_null() { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) } else { own }
    };
    if !found.is_null() {
        return found;
    }
    // Asked after the walk, not in it: the loader's locks must not be taken in both orders.
    let libraries = loaded();
    libraries.iter().map(|library| find_in(library, name)).find(|found| !found.is_null()).unwrap_or(ptr::null_mut())
}

/// A symbol of the loaded library with this file name.
pub(crate) fn find_in_library(file_name: &str, name: &CStr) -> Option<*mut c_void> {
    let is_it = |path: &&CString| {
        Path::new(OsStr::from_bytes(path.to_bytes())).file_name().is_some_and(|last| last == file_name)
    };
    let found = loaded().iter().find(is_it).map(|library| find_in(library, name));
    found.filter(|found| !found.is_null())
}

/// The paths of everything that is loaded.
fn loaded() -> Vec<CString> {
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: `collect` is called during this call only, with `names` still alive.
    unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut names).cast()) };
    names
}

fn find_in(library: &CStr, name: &CStr) -> *mut c_void {
    // SAFETY: both are C strings and NOLOAD loads nothing. The handle's extra reference is kept on success, because the
    // address found must stay valid, and dropped otherwise.
    unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return ptr::null_mut();
        }
        let found = libc::dlsym(handle, name.as_ptr());
        if found.is_null() {
            libc::dlclose(handle);
        }
        found
    }
}

unsafe extern "C" fn collect(info: *mut libc::dl_phdr_info, _size: usize, names: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid entry, and the pointer to the vector that `loaded` gave it.
    let (info, names) = unsafe { (&*info, &mut *names.cast::<Vec<CString>>()) };
    if !info.dlpi_name.is_null() {
        // SAFETY: not null; the name belongs to the loader and is valid during the callback.
        names.push(unsafe { CStr::from_ptr(info.dlpi_name) }.to_owned());
    }
    0
}
