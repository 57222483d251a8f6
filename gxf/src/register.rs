//! Parameters in front of the runtime: declared while a type is registered, made for each component.
//!
//! What is allowed is decided in `parameter`; what happens to a new value is in `watch`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::component::ComponentType;
use crate::core::Core;
use crate::error::check;
use crate::parameter::Declaration;
use crate::parameter_type::Source;
use crate::sys::{
    gxf_context_t, gxf_tid_t, gxfs_component, gxfs_declare_parameter, gxfs_declare_parameterless, gxfs_parameter,
    gxfs_register_parameter, gxfs_registrar, gxfs_value, gxfs_watch_parameter,
};
use crate::{AnyParameter, Error, HandleTarget, Receiver, Tid, release, watch};

/// A parameter with its strings as C strings. Made once per parameter and kept: the runtime keeps the pointers.
pub(crate) struct Declared {
    pub parameter: &'static dyn AnyParameter,
    pub declaration: Declaration,
    pub key: CString,
    headline: CString,
    description: CString,
    default_text: Option<CString>,
}

// SAFETY: `parameter` is Sync, and the raw pointers that a `gxfs_value` may hold are never set in a `Declaration`: its
// texts are in `default_text`.
unsafe impl Send for Declared {}
// SAFETY: as above; nothing changes after it was made.
unsafe impl Sync for Declared {}

impl Declared {
    fn of(parameter: &'static dyn AnyParameter) -> Result<&'static Declared, Error> {
        static ALL: Mutex<Option<HashMap<usize, &'static Declared>>> = Mutex::new(None);
        let address = ptr::from_ref(parameter).cast::<()>() as usize;
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        if let Some(declared) = all.get(&address) {
            return Ok(declared);
        }
        let declaration = parameter.declaration();
        let c_string = |text: &str| CString::new(text).map_err(|_| Error::Nul("a text of a parameter"));
        let declared = Box::leak(Box::new(Declared {
            parameter,
            key: c_string(declaration.key)?,
            headline: c_string(declaration.headline)?,
            description: c_string(declaration.description)?,
            default_text: declaration.default_text.map(c_string).transpose()?,
            declaration,
        }));
        declared.check_default()?;
        all.insert(address, declared);
        Ok(declared)
    }

    fn default(&self) -> Option<gxfs_value> {
        match &self.default_text {
            Some(text) => Some(gxfs_value { text: text.as_ptr() }),
            None => self.declaration.default,
        }
    }

    /// A default that is not allowed is a mistake of the extension's author, found when the extension is loaded.
    fn check_default(&self) -> Result<(), Error> {
        let Some(default) = self.default() else { return Ok(()) };
        // SAFETY: `default` has the member of the parameter's own type set.
        unsafe { self.parameter.check(&default) }.map_err(|refusal| {
            Error::Parameter(format!(
                "the default of parameter '{}', {}, is not allowed: {}",
                self.declaration.key, refusal.value, refusal.reason
            ))
        })
    }

    /// As the shim wants it. The pointers in it live as long as the process.
    fn raw(&'static self, handle_tid: gxf_tid_t) -> gxfs_parameter {
        let d = &self.declaration;
        let [least, most] = d.range.unwrap_or_default();
        gxfs_parameter {
            key: self.key.as_ptr(),
            headline: self.headline.as_ptr(),
            description: self.description.as_ptr(),
            type_: d.kind.number,
            // Source: gxf_parameter_flags_t in gxf/core/gxf.h: 1 optional, 2 dynamic.
            flags: u32::from(d.optional) | u32::from(d.dynamic) << 1,
            handle_tid,
            has_default: d.default.is_some() || self.default_text.is_some(),
            has_range: d.range.is_some(),
            has_step: d.step.is_some(),
            default_value: self.default().unwrap_or_default(),
            range: [least, most, d.step.unwrap_or_default()],
        }
    }
}

/// What the runtime calls for each object that it makes of a type: for one without a context while the type is registered, when
/// the registrar has a parameter registrar to declare to, and for each component of a graph, when it has none and the values are
/// in the parameter storage. So on each release from 4.0.0 to 5.7.1: `check_places` refuses anything else.
pub(crate) fn register_interface(
    core: &'static Core,
    component: &'static ComponentType,
    at: &gxfs_component,
    registrar: &gxfs_registrar,
) -> Result<(), Error> {
    check_places(core, component, at, registrar)?;
    if registrar.parameter_registrar.is_null() {
        component.parameters.iter().try_for_each(|parameter| make(core, *parameter, at, registrar))
    } else {
        declare(core, component, registrar)
    }
}

/// The ids that the runtime has written must stand where they are read: if not, its objects are other ones than those that
/// abi/layout.hpp describes, and nothing may be written into them.
fn check_places(
    core: &Core,
    component: &ComponentType,
    at: &gxfs_component,
    registrar: &gxfs_registrar,
) -> Result<(), Error> {
    let declares = !registrar.parameter_registrar.is_null();
    let fits = Tid::from_raw(registrar.tid) == component.info.tid
        && (declares || (!at.context.is_null() && at.cid == registrar.cid && !registrar.parameter_storage.is_null()));
    if fits {
        return Ok(());
    }
    let name = component.info.type_name;
    Err(release::refused(
        &core.version()?.to_string_lossy(),
        format!("it does not say where expected that it makes a {name}"),
    ))
}

/// The declaration pass: nothing but names, types, defaults and texts.
fn declare(core: &'static Core, component: &'static ComponentType, registrar: &gxfs_registrar) -> Result<(), Error> {
    let name = component.info.type_name;
    let type_name = CString::new(name).map_err(|_| Error::Nul("a type name"))?;
    if component.parameters.is_empty() {
        // SAFETY: the registrar's pointer comes from the runtime that calls us, and the strings are C strings.
        let code = unsafe {
            let symbols = &core.symbols;
            gxfs_declare_parameterless(symbols, registrar.parameter_registrar, registrar.tid, type_name.as_ptr())
        };
        return check(code, || format!("declaring {name}"));
    }
    for parameter in component.parameters {
        let declared = Declared::of(*parameter)?;
        let handle_tid = match declared.declaration.kind.handle {
            Some((target, _)) => handle_tid(target)?,
            None => gxf_tid_t::default(),
        };
        let raw = declared.raw(handle_tid);
        // SAFETY: as above; `raw` points to strings that live for ever, and the shim copies the rest.
        let code = unsafe {
            gxfs_declare_parameter(
                &core.symbols,
                registrar.parameter_registrar,
                registrar.tid,
                type_name.as_ptr(),
                &raw,
            )
        };
        check(code, || format!("declaring parameter '{}' of {name}", declared.declaration.key))?;
    }
    Ok(())
}

thread_local! {
    /// The context whose types are being registered on this thread: the declaration pass is given none.
    static REGISTERING: RefCell<Option<(&'static Core, gxf_context_t)>> = const { RefCell::new(None) };
}

/// Remembers the context while an extension's types are registered, for the ids of handle targets.
pub(crate) fn registering<R>(core: &'static Core, raw: gxf_context_t, body: impl FnOnce() -> R) -> R {
    /// Forgets it, also when `body` panics: the panic ends at the boundary, and the thread goes on.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            REGISTERING.set(None);
        }
    }
    REGISTERING.set(Some((core, raw)));
    let _forget = Forget;
    body()
}

/// Whether an extension's types are being registered on this thread: what is made now is asked for its parameters alone.
pub(crate) fn is_registering() -> bool {
    REGISTERING.with_borrow(|at| at.is_some())
}

fn handle_tid(target: &CStr) -> Result<gxf_tid_t, Error> {
    let name = target.to_string_lossy();
    let (core, raw) = REGISTERING
        .with_borrow(|at| *at)
        .ok_or_else(|| Error::Misuse(format!("a handle to {name} is declared outside of a registration")))?;
    let mut tid = gxf_tid_t::default();
    // SAFETY: the context is being registered with, so it is live; the pointers are valid for the call.
    let code = unsafe { core.api.GxfComponentTypeId(raw, target.as_ptr(), &mut tid) };
    check(code, || format!("asking for the id of {name}: the standard extension must be loaded first"))?;
    Ok(tid)
}

/// The second pass: makes the parameter of one component, gives it its default, and watches it.
fn make(
    core: &'static Core,
    parameter: &'static dyn AnyParameter,
    at: &gxfs_component,
    registrar: &gxfs_registrar,
) -> Result<(), Error> {
    let declared = Declared::of(parameter)?;
    let kind = declared.declaration.kind;
    let doing = |what: &str| format!("{what} parameter '{}'", declared.declaration.key);
    // A text can be made from a handle where the runtime has no other way; any kind of handle will do.
    let register_handle = kind.handle.map_or(<Receiver as HandleTarget>::REGISTER, |(_, register)| register);
    let symbols = core.symbols_with(Some(register_handle), kind.vtable);
    let raw = declared.raw(gxf_tid_t::default());
    let mut backend = ptr::null_mut();
    // SAFETY: the storage comes from the runtime that calls us; `raw`'s strings live for ever.
    let code =
        unsafe { gxfs_register_parameter(&symbols, registrar.parameter_storage, registrar.cid, &raw, &mut backend) };
    check(code, || doing("making"))?;
    if let Some(value) = declared.default() {
        let source = Source { core, context: at.context, cid: registrar.cid, key: &declared.key };
        check(parameter.write(source, value), || doing("setting the default of"))?;
    }
    if kind.handle.is_some() {
        return Ok(()); // The runtime itself says what is wrong with a handle, with entity and component.
    }
    let own = ptr::from_ref(declared).cast();
    // SAFETY: `backend` was made above; `declared` and the calls live for ever.
    let code = unsafe { gxfs_watch_parameter(backend, kind.number, &watch::CALLS, own) };
    check(code, || doing("watching"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_a_registration() {
        crate::Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
        let core = Core::get().unwrap_or_else(|| panic!("a runtime was loaded, but there is no core"));
        let result = std::panic::catch_unwind(|| {
            registering(core, ptr::null_mut(), || {
                assert!(is_registering());
                std::panic::resume_unwind(Box::new("in the body"));
            })
        });
        assert_eq!(result.err().and_then(|panic| panic.downcast_ref().copied()), Some("in the body"));
        assert!(!is_registering());
    }
}
