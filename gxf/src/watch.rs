//! New values of parameters: accepted or refused, with one log line that names entity, component, key and value.
//!
//! Also puts right what the runtime's YAML parsers do to a value on its way: a negative number for an unsigned parameter
//! would wrap around, and a text that YAML has to quote would keep its quotes. Making parameters is in `register`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::core::Core;
use crate::parameter::Refusal;
use crate::parameter_type::{ParameterType, Source};
use crate::register::Declared;
use crate::sys::{gxf_context_t, gxf_uid_t, gxfs_parameter_calls, gxfs_value};
use crate::{Code, FilePath, context, log, quoted};

/// What the shim calls for a watched parameter; its `watch` is a `Declared`.
pub(crate) static CALLS: gxfs_parameter_calls =
    gxfs_parameter_calls { before_parse: Some(before_parse), accept: Some(accept), after_parse: Some(after_parse) };

thread_local! {
    /// The refusal of the value that is being parsed on this thread.
    static REFUSED: RefCell<Option<Refusal>> = const { RefCell::new(None) };
}

const STRING: i32 = <String as ParameterType>::KIND.number;
const FILE: i32 = <FilePath as ParameterType>::KIND.number;
const UNSIGNED: [i32; 2] = [<u32 as ParameterType>::KIND.number, <u64 as ParameterType>::KIND.number];

/// # Safety
/// `own` must be the pointer to a `Declared` that was given to gxfs_watch_parameter: those live for ever.
unsafe fn declared(own: *const c_void) -> &'static Declared {
    // SAFETY: the caller's promise.
    unsafe { &*own.cast::<Declared>() }
}

unsafe extern "C" fn before_parse(
    own: *const c_void,
    raw: gxf_context_t,
    node: *mut c_void,
    prefix: *const c_char,
) -> i32 {
    // SAFETY: called by the shim with what was given to it.
    let declared = unsafe { declared(own) };
    REFUSED.set(None);
    if !UNSIGNED.contains(&declared.declaration.kind.number) {
        return crate::code::SUCCESS;
    }
    // The runtime's parser takes "-1" for 4294967295.
    let negative =
        || Core::get().and_then(|core| yaml_text(core, raw, node, prefix)).is_some_and(|t| t.starts_with('-'));
    match catch_unwind(AssertUnwindSafe(negative)) {
        Ok(true) => Code::PARAMETER_PARSER_ERROR.raw(),
        Ok(false) | Err(_) => crate::code::SUCCESS,
    }
}

unsafe extern "C" fn accept(own: *const c_void, cid: gxf_uid_t, value: *const gxfs_value, in_parse: bool) -> bool {
    // SAFETY: called by the shim with what was given to it, and with a value that lives during the call.
    let (declared, value) = unsafe { (declared(own), &*value) };
    let check = || {
        // SAFETY: the shim sets the member of the declared type and passes a C string for a text.
        let unquoted = if in_parse { unsafe { unquoted(declared, value) } } else { None };
        match &unquoted {
            // SAFETY: the text is a C string that lives during the call.
            Some(text) => unsafe { declared.parameter.check(&gxfs_value { text: text.as_ptr() }) },
            // SAFETY: as above.
            None => unsafe { declared.parameter.check(value) },
        }
    };
    // The author's validation may panic; a panic is a refusal.
    let result = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| {
        Err(Refusal { value: "(a value)".to_owned(), reason: "its validation panicked".to_owned() })
    });
    let Err(refusal) = result else { return true };
    if in_parse {
        REFUSED.set(Some(refusal)); // after_parse follows and may ask for names.
    } else {
        log_refusal(&label_of(cid), declared, &refusal);
    }
    false
}

unsafe extern "C" fn after_parse(
    own: *const c_void,
    raw: gxf_context_t,
    cid: gxf_uid_t,
    node: *mut c_void,
    prefix: *const c_char,
    code: i32,
) {
    // SAFETY: called by the shim with what was given to it.
    let declared = unsafe { declared(own) };
    let finish = || {
        let Some(core) = Core::get() else { return };
        if code == crate::code::SUCCESS {
            unquote(core, declared, raw, cid);
        } else {
            let refusal = REFUSED.take().unwrap_or_else(|| Refusal {
                value: yaml_text(core, raw, node, prefix).map_or("(a value)".to_owned(), |text| quoted(&text)),
                reason: format!("it must be {}", declared.parameter.expected()),
            });
            log_refusal(&label_in(core, raw, cid), declared, &refusal);
        }
    };
    if catch_unwind(AssertUnwindSafe(finish)).is_err() {
        log::error!("parameter '{}' could not be set", declared.declaration.key);
    }
}

fn log_refusal(label: &str, declared: &Declared, refusal: &Refusal) {
    let key = declared.declaration.key;
    log::error!("{label}: parameter '{key}' = {} is refused: {}", refusal.value, refusal.reason);
}

/// The text behind a value that the runtime's parser has written back as YAML, where that put quotes around it.
///
/// # Safety
/// For a parameter of a text type, `value.text` must be a C string.
unsafe fn unquoted(declared: &Declared, value: &gxfs_value) -> Option<CString> {
    if ![STRING, FILE].contains(&declared.declaration.kind.number) {
        return None;
    }
    // SAFETY: the caller's promise.
    unquote_text(&unsafe { CStr::from_ptr(value.text) }.to_string_lossy())
}

/// The runtime writes a node as YAML to get a text, so a text that cannot stand in YAML without quotes comes with them
/// (one that begins with a quote as well: there is no doubt what the quotes mean).
fn unquote_text(text: &str) -> Option<CString> {
    if !text.starts_with('"') || !text.ends_with('"') {
        return None;
    }
    // Something else than one quoted text, e.g. a map with quoted keys, stays as it is.
    CString::new(serde_yaml::from_str::<String>(text).ok()?).ok()
}

/// Sets a text that came with YAML's quotes again, without them.
fn unquote(core: &Core, declared: &Declared, raw: gxf_context_t, cid: gxf_uid_t) {
    let kind = declared.declaration.kind.number;
    if ![STRING, FILE].contains(&kind) {
        return;
    }
    let source = Source { core, context: raw, cid, key: &declared.key };
    let text = match kind {
        FILE => FilePath::read(source).map(|path| path.0.to_string_lossy().into_owned()),
        _ => String::read(source),
    };
    let Some(text) = text.ok().as_deref().and_then(unquote_text) else { return };
    if let Err(code) = Code::check(declared.parameter.write(source, gxfs_value { text: text.as_ptr() })) {
        log::error!(
            "{}: parameter '{}' keeps YAML's quotes: {code}",
            label_in(core, raw, cid),
            declared.declaration.key
        );
    }
}

/// What stands in the graph. The runtime turns any node into a text when a text is asked for, which spares knowing its
/// YAML library here. The parameter that this needs is kept under the id that no component has.
fn yaml_text(core: &Core, raw: gxf_context_t, node: *mut c_void, prefix: *const c_char) -> Option<String> {
    const NOBODY: gxf_uid_t = 0; // kNullUid
    let key = c"__gxf_rust_yaml_text";
    let mut text = ptr::null();
    // SAFETY: called around the runtime's own parse, so that context, node and prefix are live, and no lock of the
    // parameters is held; the text is copied at once.
    unsafe {
        Code::check(core.api.GxfParameterSetStr(raw, NOBODY, key.as_ptr(), c"".as_ptr())).ok()?;
        Code::check(core.api.GxfParameterSetFromYamlNode(raw, NOBODY, key.as_ptr(), node, prefix)).ok()?;
        Code::check(core.api.GxfParameterGetStr(raw, NOBODY, key.as_ptr(), &mut text)).ok()?;
        let text = CStr::from_ptr(text).to_string_lossy().into_owned();
        Some(unquote_text(&text).and_then(|text| text.into_string().ok()).unwrap_or(text))
    }
}

fn label_in(core: &Core, raw: gxf_context_t, cid: gxf_uid_t) -> String {
    let mut eid = 0;
    // SAFETY: the context is live while it parses; `eid` can be written. On a failure the label shows the ids.
    unsafe { core.api.GxfComponentEntity(raw, cid, &mut eid) };
    context::label(core, raw, eid, cid)
}

/// Names of components by id, for the refusals that are logged while the runtime must not be asked.
static LABELS: Mutex<Option<HashMap<gxf_uid_t, String>>> = Mutex::new(None);

/// Remembers the name of a component whose parameters may be set.
pub(crate) fn remember(cid: gxf_uid_t, label: String) {
    LABELS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(cid, label);
}

/// Forgets it again.
pub(crate) fn forget(cid: gxf_uid_t) {
    if let Some(labels) = LABELS.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        labels.remove(&cid);
    }
}

fn label_of(cid: gxf_uid_t) -> String {
    let labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
    labels.as_ref().and_then(|labels| labels.get(&cid).cloned()).unwrap_or_else(|| format!("component with id {cid}"))
}
