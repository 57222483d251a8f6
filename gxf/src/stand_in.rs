//! [`StandIn`]: a component type of an extension whose objects are those of a type in GXF's standard extension.
//!
//! Finds the standard extension's factory in the process and asks it for objects. What the runtime is told about the
//! type is left to `registration`.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

use crate::core::find_in_library;
use crate::error::check;
use crate::sys::{
    gxf_context_t, gxf_tid_t, gxfs_factory_allocate, gxfs_factory_deallocate, gxfs_factory_has_component,
};
use crate::{AnyParameter, ComponentInfo, Error};

/// A component type that stands for a type of GXF's standard extension (`libgxf_std.so`): another name, the same objects,
/// the same parameters. A graph may name it wherever it may name the other, and handles to the other accept it.
#[derive(Clone, Copy)]
pub struct StandIn {
    /// Who the new type is.
    pub info: ComponentInfo,
    /// The type it stands for, e.g. `nvidia::gxf::DoubleBufferReceiver`: one that is not abstract.
    pub base: &'static str,
    /// What tools are told of its parameters, e.g. [`crate::standard::QUEUE`]. Its objects are the other type's, with the
    /// parameters that they have; so these must be the same, but for the texts.
    pub parameters: &'static [&'static dyn AnyParameter],
}

/// File name of the library with the standard extension, in every version.
pub(crate) const STANDARD: &str = "libgxf_std.so";

/// The type that a stand-in stands for, as its registration found it.
#[derive(Clone, Copy)]
pub(crate) struct BaseType {
    /// Its name.
    pub name: &'static str,
    /// Its id.
    pub tid: gxf_tid_t,
}

/// The type that a stand-in stands for, where the standard extension's library is in this process.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    /// The standard extension's C++ object. It lives as long as the process: GXF unloads no extension.
    factory: *mut c_void,
    tid: gxf_tid_t,
}

impl Base {
    /// Finds the type in the standard extension, for the stand-in with this name.
    ///
    /// # Errors
    /// If the standard extension is not in this process or does not have the type.
    pub fn find(base: BaseType, stand_in: &str) -> Result<Base, Error> {
        let BaseType { name, tid } = base;
        let factory = standard().ok_or_else(|| {
            Error::Misuse(format!("{stand_in} stands for {name} of {STANDARD}: load {STANDARD} first"))
        })?;
        // SAFETY: `factory` is an extension object of GXF's; the id is valid for the call.
        if unsafe { gxfs_factory_has_component(factory, &tid) } != crate::code::SUCCESS {
            return Err(Error::Misuse(format!("{stand_in} stands for {name}, which this {STANDARD} does not have")));
        }
        Ok(Base { factory, tid })
    }

    /// A new object.
    pub fn allocate(&self) -> Result<*mut c_void, Error> {
        let mut object = std::ptr::null_mut();
        // SAFETY: `factory` is an extension object of GXF's; id and `object` are valid for the call.
        let code = unsafe { gxfs_factory_allocate(self.factory, &self.tid, &mut object) };
        check(code, || format!("making an object in {STANDARD}"))?;
        Ok(object)
    }

    /// Frees an object.
    ///
    /// # Safety
    /// `object` must come from `allocate` of an equal value and must not be used any more.
    pub unsafe fn deallocate(&self, object: *mut c_void) -> Result<(), Error> {
        // SAFETY: `factory` is an extension object of GXF's; the object is its own by the caller's promise.
        let code = unsafe { gxfs_factory_deallocate(self.factory, &self.tid, object) };
        check(code, || format!("freeing an object of {STANDARD}"))
    }
}

/// Whether the standard extension's library is in this process. A registry knows its types from their texts alone.
pub(crate) fn is_standard_loaded() -> bool {
    standard().is_some()
}

/// The standard extension's object, if its library is in this process.
fn standard() -> Option<*mut c_void> {
    static FOUND: OnceLock<usize> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Some(*found as *mut c_void);
    }
    const FACTORY: &CStr = c"GxfExtensionFactory";
    let address = find_in_library(STANDARD, FACTORY)?;
    // SAFETY: GXF's loader calls this symbol of every extension with this signature: ours too, on each release from
    // 4.0.0 to 5.7.1.
    let factory = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut *mut c_void) -> c_int>(address) };
    let mut object = std::ptr::null_mut();
    if factory(&mut object) != crate::code::SUCCESS || object.is_null() {
        return None;
    }
    Some(*FOUND.get_or_init(|| object as usize) as *mut c_void)
}

/// The id of the type with this name in a context.
///
/// # Errors
/// If no extension that is loaded has it.
///
/// # Safety
/// `context` must be live.
pub(crate) unsafe fn type_id(
    core: &crate::core::Core,
    context: gxf_context_t,
    name: &CStr,
    stand_in: &str,
) -> Result<gxf_tid_t, Error> {
    let mut tid = gxf_tid_t::default();
    // SAFETY: live by the caller's promise; name and id are valid for the call.
    let code = unsafe { core.api.GxfComponentTypeId(context, name.as_ptr(), &mut tid) };
    let base = name.to_string_lossy();
    check(code, || format!("{stand_in} stands for {base}: list {STANDARD} before this extension"))?;
    Ok(tid)
}
