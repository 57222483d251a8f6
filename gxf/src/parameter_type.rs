//! The types that a parameter can have, and what the runtime has to be told about each.
//!
//! How a value is read through the C API is here; when it is read, and what is allowed, is in `parameter`.

use std::ffi::{CStr, OsStr, c_char};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::core::Core;
use crate::handle::{Handle, HandleTarget};
use crate::quoted;
use crate::sys::{gxf_context_t, gxf_uid_t, gxfs_value};

mod sealed {
    pub trait Sealed {}
}

/// The path of a file, as a parameter value. Composer shows a file chooser for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePath(pub PathBuf);

impl std::ops::Deref for FilePath {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

/// A value of a parameter whose type is only known at run time: in descriptions and messages.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterValue {
    /// A whole number, unsigned, 64 or 32 bits.
    Unsigned(u64),
    /// A whole number, signed, 64 or 32 bits.
    Signed(i64),
    /// A 64-bit floating point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text or a path.
    Text(String),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterValue::Unsigned(value) => write!(out, "{value}"),
            ParameterValue::Signed(value) => write!(out, "{value}"),
            ParameterValue::Float(value) => write!(out, "{value}"),
            ParameterValue::Bool(value) => write!(out, "{value}"),
            ParameterValue::Text(value) => out.write_str(&quoted(value)),
        }
    }
}

/// What the runtime knows a parameter type by. Source of `number`: `gxf_parameter_type_t` in gxf/core/gxf.h.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Kind {
    pub(crate) number: i32,
    /// What a user is told that a value must be.
    pub(crate) expected: &'static str,
    /// For numbers and texts: the vtable of `ParameterBackend<T>`.
    pub(crate) vtable: Option<&'static CStr>,
    /// For handles: the target's type name and `registerParameter<Handle<T>>`.
    pub(crate) handle: Option<(&'static CStr, &'static CStr)>,
}

/// Where a value is read from.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub(crate) core: &'a Core,
    pub(crate) context: gxf_context_t,
    pub(crate) cid: gxf_uid_t,
    pub(crate) key: &'a CStr,
}

/// A type that a parameter can have. Sealed: GXF knows a fixed set.
pub trait ParameterType: sealed::Sealed + Sized + 'static {
    /// What a default is written as in a constant.
    type Const: Copy + Send + Sync + 'static;
    /// What a validation function is shown.
    type View: ?Sized;
    #[doc(hidden)]
    const KIND: Kind;
    /// Reads the value; the raw GXF code if there is none.
    #[doc(hidden)]
    fn read(source: Source<'_>) -> Result<Self, i32>;
    /// Writes the value that a constant stands for. `text` is that constant as a C string.
    #[doc(hidden)]
    fn write(source: Source<'_>, value: gxfs_value) -> i32;
    /// The text of a constant, for the types that are texts.
    #[doc(hidden)]
    fn text(constant: Self::Const) -> Option<&'static str>;
    /// The scalar of a constant, for the types that are scalars.
    #[doc(hidden)]
    fn scalar(constant: Self::Const) -> gxfs_value;
    /// Shows a raw value of this type to `look`.
    ///
    /// # Safety
    /// `value` must have the member of this type set; a text must be a C string.
    #[doc(hidden)]
    unsafe fn view<R>(value: &gxfs_value, look: impl FnOnce(&Self::View, ParameterValue) -> R) -> R;
}

/// A parameter type with an order: the numbers. They can have a range.
pub trait Ordered: ParameterType {
    #[doc(hidden)]
    fn within(value: &Self::View, least: Self::Const, most: Self::Const) -> bool;
    #[doc(hidden)]
    fn show(constant: Self::Const) -> ParameterValue;
}

macro_rules! scalars {
    ($($type:ty, $member:ident, $number:literal, $vtable:expr, $get:ident, $set:ident, $value:ident as $as:ty, $expected:literal;)*) => {
        $(
            impl sealed::Sealed for $type {}
            impl ParameterType for $type {
                type Const = $type;
                type View = $type;
                const KIND: Kind = Kind { number: $number, expected: $expected, vtable: $vtable, handle: None };

                fn read(source: Source<'_>) -> Result<Self, i32> {
                    let mut value = <$type>::default();
                    // SAFETY: context and cid belong together, the key is a C string, `value` can be written.
                    let code = unsafe {
                        source.core.api.$get(source.context, source.cid, source.key.as_ptr(), &mut value)
                    };
                    if code == 0 { Ok(value) } else { Err(code) }
                }

                fn write(source: Source<'_>, value: gxfs_value) -> i32 {
                    // SAFETY: as in `read`; the caller made `value` with `scalar` of this type.
                    unsafe { source.core.api.$set(source.context, source.cid, source.key.as_ptr(), value.$member) }
                }

                fn text(_: $type) -> Option<&'static str> {
                    None
                }

                fn scalar(constant: $type) -> gxfs_value {
                    gxfs_value { $member: constant }
                }

                unsafe fn view<R>(value: &gxfs_value, look: impl FnOnce(&$type, ParameterValue) -> R) -> R {
                    // SAFETY: the caller promises that this member is set.
                    let scalar = unsafe { value.$member };
                    look(&scalar, ParameterValue::$value(<$as>::from(scalar)))
                }
            }
        )*
    };
}

macro_rules! ordered {
    ($($type:ty, $value:ident as $as:ty;)*) => {
        $(
            impl Ordered for $type {
                fn within(value: &$type, least: $type, most: $type) -> bool {
                    // Not a negated comparison: NaN is in no range.
                    least <= *value && *value <= most
                }

                fn show(constant: $type) -> ParameterValue {
                    ParameterValue::$value(<$as>::from(constant))
                }
            }
        )*
    };
}

scalars! {
    u64, u64_, 4, Some(c"_ZTVN6nvidia3gxf16ParameterBackendImEE"), GxfParameterGetUInt64, GxfParameterSetUInt64,
        Unsigned as u64, "a whole number from 0 to 18446744073709551615";
    i64, i64_, 3, Some(c"_ZTVN6nvidia3gxf16ParameterBackendIlEE"), GxfParameterGetInt64, GxfParameterSetInt64,
        Signed as i64, "a whole number from -9223372036854775808 to 9223372036854775807";
    u32, u32_, 13, Some(c"_ZTVN6nvidia3gxf16ParameterBackendIjEE"), GxfParameterGetUInt32, GxfParameterSetUInt32,
        Unsigned as u64, "a whole number from 0 to 4294967295";
    i32, i32_, 7, Some(c"_ZTVN6nvidia3gxf16ParameterBackendIiEE"), GxfParameterGetInt32, GxfParameterSetInt32,
        Signed as i64, "a whole number from -2147483648 to 2147483647";
    f64, f64_, 5, Some(c"_ZTVN6nvidia3gxf16ParameterBackendIdEE"), GxfParameterGetFloat64, GxfParameterSetFloat64,
        Float as f64, "a number";
    bool, boolean, 6, None, GxfParameterGetBool, GxfParameterSetBool, Bool as bool, "true or false";
}

ordered! {
    u64, Unsigned as u64;
    i64, Signed as i64;
    u32, Unsigned as u64;
    i32, Signed as i64;
    f64, Float as f64;
}

macro_rules! texts {
    ($($type:ty, $view:ty, $number:literal, $vtable:literal, $get:ident, $set:ident, $expected:literal, $from:expr;)*) => {
        $(
            impl sealed::Sealed for $type {}
            impl ParameterType for $type {
                type Const = &'static str;
                type View = $view;
                const KIND: Kind = Kind { number: $number, expected: $expected, vtable: Some($vtable), handle: None };

                fn read(source: Source<'_>) -> Result<Self, i32> {
                    let mut text: *const c_char = std::ptr::null();
                    // SAFETY: context and cid belong together, the key is a C string, `text` can be written.
                    let code = unsafe {
                        source.core.api.$get(source.context, source.cid, source.key.as_ptr(), &mut text)
                    };
                    if code != 0 {
                        return Err(code);
                    }
                    // SAFETY: on success the runtime gives its own C string, valid until the parameter is set again;
                    // it is copied at once.
                    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
                    let from: fn(&[u8]) -> $type = $from;
                    Ok(from(bytes))
                }

                fn write(source: Source<'_>, value: gxfs_value) -> i32 {
                    // SAFETY: as in `read`; the caller set `text` to a C string, which the runtime copies.
                    unsafe { source.core.api.$set(source.context, source.cid, source.key.as_ptr(), value.text) }
                }

                fn text(constant: &'static str) -> Option<&'static str> {
                    Some(constant)
                }

                fn scalar(_: &'static str) -> gxfs_value {
                    gxfs_value::default()
                }

                unsafe fn view<R>(value: &gxfs_value, look: impl FnOnce(&$view, ParameterValue) -> R) -> R {
                    // SAFETY: the caller promises a C string that lives during this call.
                    let text = unsafe { CStr::from_ptr(value.text) }.to_string_lossy();
                    look(text.as_ref().as_ref(), ParameterValue::Text(text.clone().into_owned()))
                }
            }
        )*
    };
}

texts! {
    String, str, 2,
        c"_ZTVN6nvidia3gxf16ParameterBackendINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEE",
        GxfParameterGetStr, GxfParameterSetStr, "a text",
        |bytes| String::from_utf8_lossy(bytes).into_owned();
    FilePath, Path, 8, c"_ZTVN6nvidia3gxf16ParameterBackendINS0_8FilePathEEE", GxfParameterGetPath, GxfParameterSetPath, "a path",
        |bytes| FilePath(PathBuf::from(OsStr::from_bytes(bytes)));
}

/// A handle has no default that could be written in a constant: its component does not exist yet.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum NoDefault {}

impl<T: HandleTarget> sealed::Sealed for Handle<T> {}

impl<T: HandleTarget> ParameterType for Handle<T> {
    type Const = NoDefault;
    type View = Handle<T>;
    const KIND: Kind = Kind {
        number: 1,
        expected: "the name of a component, as component or entity/component",
        vtable: None,
        handle: Some((T::C_TYPE_NAME, T::REGISTER)),
    };

    fn read(source: Source<'_>) -> Result<Self, i32> {
        let mut cid = 0;
        // SAFETY: context and cid belong together, the key is a C string, `cid` can be written.
        let code =
            unsafe { source.core.api.GxfParameterGetHandle(source.context, source.cid, source.key.as_ptr(), &mut cid) };
        if code == 0 { Ok(Handle::new(cid)) } else { Err(code) }
    }

    fn write(_: Source<'_>, _: gxfs_value) -> i32 {
        crate::Code::ARGUMENT_INVALID.raw()
    }

    fn text(constant: NoDefault) -> Option<&'static str> {
        match constant {}
    }

    fn scalar(constant: NoDefault) -> gxfs_value {
        match constant {}
    }

    unsafe fn view<R>(_: &gxfs_value, look: impl FnOnce(&Handle<T>, ParameterValue) -> R) -> R {
        look(&Handle::new(0), ParameterValue::Unsigned(0))
    }
}
