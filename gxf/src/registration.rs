//! Registers the types of an extension's table with a runtime: what is new there, known already, or taken.
//!
//! Whose objects they are is in `component` and `stand_in`; their parameters are declared in `register`.

use std::ffi::{CStr, CString};

use crate::component::{ComponentType, Make};
use crate::core::Core;
use crate::error::check;
use crate::stand_in::{self, Base, BaseType, STANDARD};
use crate::sys::{gxf_context_t, gxf_tid_t};
use crate::{Code, Error, Tid, info};

/// What registering one type came to.
#[derive(Clone, Copy)]
pub(crate) enum Registered {
    /// The runtime makes its objects through this extension.
    Here,
    /// A type of the standard extension stands behind it.
    StandIn(BaseType),
    /// Another extension has registered the same data already, and its components serve.
    Elsewhere,
}

/// Registers one type of the extension called `extension`.
///
/// # Safety
/// `context` must be live.
pub(crate) unsafe fn register(
    core: &'static Core,
    context: gxf_context_t,
    row: &ComponentType,
    texts: (&CStr, Option<&CStr>),
    extension: &str,
    before: impl FnOnce(&Registered),
) -> Result<(), Error> {
    let name = row.info.type_name;
    let registered = match row.make {
        Make::StandIn { base } => {
            let base_name = CString::new(base).map_err(|_| Error::Nul("a type name"))?;
            // SAFETY: live by the caller's promise.
            let tid = unsafe { stand_in::type_id(core, context, &base_name, name) }?;
            let base = BaseType { name: base, tid };
            // Objects are made later; what would keep them from it is said now.
            if stand_in::is_standard_loaded() {
                Base::find(base, name)?;
            }
            Registered::StandIn(base)
        }
        Make::Shared { tids, .. } if tids.iter().any(|tid| *tid != row.info.tid && is_known(core, context, *tid)) => {
            Registered::Elsewhere
        }
        _ => Registered::Here,
    };
    // The runtime makes an object right away.
    before(&registered);
    if let Registered::Elsewhere = registered {
        return Ok(());
    }
    let (type_name, base_name) = texts;
    // Empty, not null: 4.0 reads it.
    let base_name = base_name.unwrap_or(c"");
    // SAFETY: live by the caller's promise; the names are C strings.
    let code =
        unsafe { core.api.GxfRegisterComponent(context, row.info.tid.raw(), type_name.as_ptr(), base_name.as_ptr()) };
    if code == Code::FACTORY_DUPLICATE_TID.raw() {
        return Err(taken(core, context, name, extension));
    }
    if code == Code::FACTORY_UNKNOWN_CLASS_NAME.raw() {
        let base = base_name.to_string_lossy();
        return check(code, || {
            format!("registering {name}: there is no {base} yet. List {STANDARD} before {extension}")
        });
    }
    check(code, || format!("registering {name}"))
}

/// Whether an extension with this type is loaded. The runtime logs nothing when this question is answered with no.
fn is_known(core: &Core, context: gxf_context_t, tid: Tid) -> bool {
    info::component(core, context, tid).is_ok()
}

/// Who has a type name already.
fn taken(core: &Core, context: gxf_context_t, name: &str, extension: &str) -> Error {
    let other = info::extensions(core, context)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|tid| info::extension(core, context, tid).ok())
        .find(|other| other.components.iter().any(|tid| is_called(core, context, *tid, name)));
    let (has, list) = match other {
        Some(other) => (format!("{} by {}, which is loaded already, has it too", other.name, other.author), other.name),
        None => ("an extension that is loaded already has it too".to_owned(), "that one".to_owned()),
    };
    Error::Gxf {
        doing: format!("registering {name}: {has}. List either {list} or {extension}, not both"),
        code: Code::FACTORY_DUPLICATE_TID,
    }
}

fn is_called(core: &Core, context: gxf_context_t, tid: Tid, name: &str) -> bool {
    info::component(core, context, tid).is_ok_and(|component| component.type_name == name)
}

/// The id under which the runtime knows the data type with this name, if it is one of `tids`.
///
/// # Errors
/// If no loaded extension registers the type, or one whose layout is another.
///
/// # Safety
/// `context` must be live.
pub(crate) unsafe fn shared_tid(
    core: &Core,
    context: gxf_context_t,
    name: &'static str,
    tids: &[Tid],
) -> Result<gxf_tid_t, Error> {
    let c_name = CString::new(name).map_err(|_| Error::Nul("a type name"))?;
    let mut tid = gxf_tid_t::default();
    // SAFETY: live by the caller's promise; name and id are valid for the call.
    let code = unsafe { core.api.GxfComponentTypeId(context, c_name.as_ptr(), &mut tid) };
    check(code, || format!("asking for the id of {name}: is its extension loaded"))?;
    if !crate::shared_data::is_one_of(Tid::from_raw(tid), tids) {
        return Err(Error::Misuse(format!("the {name} of this runtime has a layout that is not known here")));
    }
    Ok(tid)
}
