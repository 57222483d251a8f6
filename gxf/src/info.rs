//! What the runtime knows about extensions, components and parameters, as plain Rust values.
//!
//! [`ExtensionInfo`] is what an author writes; the descriptions are what any loaded runtime answers.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use crate::core::Core;
use crate::error::check;
use crate::sys::{gxf_component_info_t, gxf_context_t, gxf_extension_info_t, gxf_parameter_info_t, gxf_runtime_info};
use crate::{Error, ParameterValue, Tid, limits};

/// Who an extension is; written through [`crate::extension!`].
#[derive(Clone, Copy, Debug)]
pub struct ExtensionInfo {
    /// The extension's id.
    pub uuid: Tid,
    /// Letters, digits, underscores; what a manifest and the registry call it.
    pub name: &'static str,
    /// What Composer calls it; at most 30 bytes.
    pub display_name: &'static str,
    /// Where Composer lists it; at most 30 bytes.
    pub category: &'static str,
    /// A few words; at most 50 bytes.
    pub brief: &'static str,
    /// What a user needs to know; at most 256 bytes.
    pub description: &'static str,
    /// At most 64 bytes.
    pub author: &'static str,
    /// Three numbers.
    pub version: &'static str,
    /// At most 64 bytes.
    pub license: &'static str,
}

impl ExtensionInfo {
    /// Checks the texts at compile time.
    pub(crate) const fn check(&self) {
        assert!(is_identifier(self.name), "name: 1 to 256 letters, digits and underscores, a letter first");
        assert!(is_version(self.version), "version: three numbers joined by dots");
        assert!(limits::fits(self.display_name, limits::EXTENSION_DISPLAY_NAME), "display_name: at most 30 bytes");
        assert!(limits::fits(self.category, limits::EXTENSION_CATEGORY), "category: at most 30 bytes");
        assert!(limits::fits(self.brief, limits::EXTENSION_BRIEF), "brief: at most 50 bytes");
        assert!(limits::fits(self.description, limits::EXTENSION_DESCRIPTION), "description: at most 256 bytes");
        assert!(limits::fits(self.author, limits::EXTENSION_AUTHOR), "author: at most 64 bytes");
        assert!(limits::fits(self.license, limits::EXTENSION_AUTHOR), "license: at most 64 bytes");
    }
}

/// Source of the rule: the registry tool of GXF 4.1.0 refuses any other name in a manifest.
const fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let ok = bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_';
        if !ok || (at == 0 && !bytes[at].is_ascii_alphabetic()) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= 256
}

const fn is_version(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut dots, mut digits) = (0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'0'..=b'9' => digits += 1,
            b'.' if digits > 0 => {
                dots += 1;
                digits = 0;
            }
            _ => return false,
        }
        at += 1;
    }
    dots == 2 && digits > 0
}

/// A loaded extension as the runtime describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionDescription {
    /// The extension's id.
    pub tid: Tid,
    /// What a manifest and the registry call it.
    pub name: String,
    /// What Composer calls it.
    pub display_name: String,
    /// Where Composer lists it.
    pub category: String,
    /// A few words.
    pub brief: String,
    /// What a user needs to know.
    pub description: String,
    /// The extension's own version, three numbers.
    pub version: String,
    /// The version of the runtime that it says it is for.
    pub runtime_version: String,
    /// Who made it.
    pub author: String,
    /// Its licence, in the author's words.
    pub license: String,
    /// The types that it registers.
    pub components: Vec<Tid>,
}

/// A registered component type as the runtime describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentDescription {
    /// The type's id.
    pub tid: Tid,
    /// The type's name with its namespace.
    pub type_name: String,
    /// The name of the type that it derives from; empty for a type without a base.
    pub base_name: String,
    /// No component of it can be made, only of types that derive from it.
    pub is_abstract: bool,
    /// What Composer calls it.
    pub display_name: String,
    /// One sentence.
    pub brief: String,
    /// What a user needs to know.
    pub description: String,
    /// The keys of its parameters, in the order of their declaration.
    pub parameters: Vec<String>,
}

/// A parameter as the runtime describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDescription {
    /// The key in YAML.
    pub key: String,
    /// A few words.
    pub headline: String,
    /// What a user needs to know.
    pub description: String,
    /// GXF's name of the type, e.g. `GXF_PARAMETER_TYPE_UINT32`.
    pub type_name: &'static str,
    /// A graph may leave it unset.
    pub optional: bool,
    /// It may change while the graph runs.
    pub dynamic: bool,
    /// For a handle: the type of the component that it points to.
    pub handle: Option<Tid>,
    /// The value where a graph sets none, if it is a single one of a type that [`ParameterValue`] has.
    pub default: Option<ParameterValue>,
    /// There is a default, of whatever type.
    pub has_default: bool,
    /// The least value allowed.
    pub min: Option<ParameterValue>,
    /// The greatest value allowed.
    pub max: Option<ParameterValue>,
    /// The step in which tools change it.
    pub step: Option<ParameterValue>,
    /// 0 for a single value.
    pub rank: i32,
    /// The length of each dimension, as many as `rank` says; -1: any.
    pub shape: Vec<i32>,
}

/// Copies a C string; empty for null.
pub(crate) fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the runtime's info structs hold null or C strings that live as long as the extension, and are copied here.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// Most components or parameters that are asked for. Source: kMaxComponents and kMaxParameters in gxf/core/gxf.h.
const MOST: usize = 1024;

/// Asks for the ids of all extensions that are loaded.
pub(crate) fn extensions(core: &Core, raw: gxf_context_t) -> Result<Vec<Tid>, Error> {
    let mut tids = vec![Default::default(); MOST];
    let mut info =
        gxf_runtime_info { version: ptr::null(), num_extensions: MOST as u64, extensions: tids.as_mut_ptr() };
    // SAFETY: the context is live; `info` has room for as many ids as it says.
    check(unsafe { core.api.GxfRuntimeInfo(raw, &mut info) }, || "asking for the extensions".to_owned())?;
    tids.truncate(usize::try_from(info.num_extensions).unwrap_or(MOST));
    Ok(tids.into_iter().map(Tid::from_raw).collect())
}

/// Asks for an extension.
pub(crate) fn extension(core: &Core, raw: gxf_context_t, tid: Tid) -> Result<ExtensionDescription, Error> {
    let mut components = vec![Default::default(); MOST];
    let mut info =
        gxf_extension_info_t { num_components: MOST as u64, components: components.as_mut_ptr(), ..Default::default() };
    // SAFETY: the context is live; `info` has room for as many ids as it says.
    check(unsafe { core.api.GxfExtensionInfo(raw, tid.raw(), &mut info) }, || format!("asking for extension {tid}"))?;
    components.truncate(usize::try_from(info.num_components).unwrap_or(MOST));
    Ok(ExtensionDescription {
        tid: Tid::from_raw(info.id),
        name: text(info.name),
        display_name: text(info.display_name),
        category: text(info.category),
        brief: text(info.brief),
        description: text(info.description),
        version: text(info.version),
        runtime_version: text(info.runtime_version),
        author: text(info.author),
        license: text(info.license),
        components: components.into_iter().map(Tid::from_raw).collect(),
    })
}

/// Asks for a component type.
pub(crate) fn component(core: &Core, raw: gxf_context_t, tid: Tid) -> Result<ComponentDescription, Error> {
    let mut keys: Vec<*const c_char> = vec![ptr::null(); MOST];
    let mut info =
        gxf_component_info_t { num_parameters: MOST as u64, parameters: keys.as_mut_ptr(), ..Default::default() };
    // SAFETY: the context is live; `info` has room for as many keys as it says.
    check(unsafe { core.api.GxfComponentInfo(raw, tid.raw(), &mut info) }, || format!("asking for component {tid}"))?;
    keys.truncate(usize::try_from(info.num_parameters).unwrap_or(MOST));
    Ok(ComponentDescription {
        tid: Tid::from_raw(info.cid),
        type_name: text(info.type_name),
        base_name: text(info.base_name),
        is_abstract: info.is_abstract != 0,
        display_name: text(info.display_name),
        brief: text(info.brief),
        description: text(info.description),
        parameters: keys.into_iter().map(text).collect(),
    })
}

/// Asks for a parameter of a component type.
pub(crate) fn parameter(core: &Core, raw: gxf_context_t, tid: Tid, key: &str) -> Result<ParameterDescription, Error> {
    let c_key = CString::new(key).map_err(|_| Error::Nul("a parameter key"))?;
    let mut info = gxf_parameter_info_t::default();
    // SAFETY: the context is live; key and `info` are valid for the call.
    let code = unsafe { core.api.GxfGetParameterInfo(raw, tid.raw(), c_key.as_ptr(), &mut info) };
    check(code, || format!("asking for parameter '{key}' of component {tid}"))?;
    let handle = Tid::from_raw(info.handle_tid);
    // SAFETY: the runtime fills each pointer with null or the address of a value of the type that it states.
    let number = |pointer| unsafe { value(info.type_, pointer) };
    let rank = usize::try_from(info.rank).unwrap_or_default().min(info.shape.len());
    Ok(ParameterDescription {
        key: text(info.key),
        headline: text(info.headline),
        description: text(info.description),
        type_name: type_name(info.type_),
        optional: info.flags & 1 != 0,
        dynamic: info.flags & 2 != 0,
        handle: (info.type_ == 1).then_some(handle),
        // The default of an array is a C++ container, whose layout is not ours to know.
        default: (info.rank == 0).then(|| number(info.default_value)).flatten(),
        has_default: !info.default_value.is_null(),
        min: number(info.numeric_min),
        max: number(info.numeric_max),
        step: number(info.numeric_step),
        rank: info.rank,
        shape: info.shape[..rank].to_vec(),
    })
}

/// Whether an extension answers a question about a parameter in full, for callers that leave the struct unset.
pub(crate) fn answers_in_full(core: &Core, raw: gxf_context_t, tid: Tid, key: &str) -> Result<bool, Error> {
    let c_key = CString::new(key).map_err(|_| Error::Nul("a parameter key"))?;
    // An address that nothing lies at; it is compared only.
    let unset: *const c_void = ptr::without_provenance(usize::MAX);
    let mut info = gxf_parameter_info_t {
        default_value: unset,
        numeric_min: unset,
        numeric_max: unset,
        numeric_step: unset,
        ..Default::default()
    };
    // SAFETY: the context is live; key and `info` are valid for the call.
    let code = unsafe { core.api.GxfParameterInfo(raw, tid.raw(), c_key.as_ptr(), &mut info) };
    check(code, || format!("asking the extension for parameter '{key}' of component {tid}"))?;
    // Limits of what is no number are read by nobody.
    let is_number = matches!(info.type_, 3..=5 | 7 | 9..=16);
    let limits = [info.numeric_min, info.numeric_max, info.numeric_step];
    Ok(info.default_value != unset && !(is_number && limits.contains(&unset)))
}

/// Source: gxf_parameter_type_t in gxf/core/gxf.h.
pub(crate) fn type_name(number: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "GXF_PARAMETER_TYPE_CUSTOM",
        "GXF_PARAMETER_TYPE_HANDLE",
        "GXF_PARAMETER_TYPE_STRING",
        "GXF_PARAMETER_TYPE_INT64",
        "GXF_PARAMETER_TYPE_UINT64",
        "GXF_PARAMETER_TYPE_FLOAT64",
        "GXF_PARAMETER_TYPE_BOOL",
        "GXF_PARAMETER_TYPE_INT32",
        "GXF_PARAMETER_TYPE_FILE",
        "GXF_PARAMETER_TYPE_INT8",
        "GXF_PARAMETER_TYPE_INT16",
        "GXF_PARAMETER_TYPE_UINT8",
        "GXF_PARAMETER_TYPE_UINT16",
        "GXF_PARAMETER_TYPE_UINT32",
        "GXF_PARAMETER_TYPE_FLOAT32",
        "GXF_PARAMETER_TYPE_COMPLEX64",
        "GXF_PARAMETER_TYPE_COMPLEX128",
    ];
    usize::try_from(number).ok().and_then(|at| NAMES.get(at).copied()).unwrap_or(NAMES[0])
}

/// # Safety
/// `pointer` must be null or point to a value of the type with this number; for a text, to a C string.
unsafe fn value(number: i32, pointer: *const c_void) -> Option<ParameterValue> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe {
        Some(match number {
            2 | 8 => ParameterValue::Text(text(pointer.cast())),
            3 => ParameterValue::Signed(*pointer.cast()),
            4 => ParameterValue::Unsigned(*pointer.cast()),
            5 => ParameterValue::Float(*pointer.cast()),
            6 => ParameterValue::Bool(*pointer.cast()),
            7 => ParameterValue::Signed((*pointer.cast::<i32>()).into()),
            9 => ParameterValue::Signed((*pointer.cast::<i8>()).into()),
            10 => ParameterValue::Signed((*pointer.cast::<i16>()).into()),
            11 => ParameterValue::Unsigned((*pointer.cast::<u8>()).into()),
            12 => ParameterValue::Unsigned((*pointer.cast::<u16>()).into()),
            14 => ParameterValue::Float((*pointer.cast::<f32>()).into()),
            13 => ParameterValue::Unsigned((*pointer.cast::<u32>()).into()),
            _ => return None,
        })
    }
}
