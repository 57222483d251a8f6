//! [`Code`]: a GXF result code that is known not to be a success.
//!
//! GXF's success is 0, so a raw code read as a truth value says the opposite; this type keeps that mistake out. What was
//! being done when a code came back is told by [`crate::Error`].

use std::fmt;

use crate::core::Core;

/// A GXF result code other than `GXF_SUCCESS`.
///
/// The numbers differ between versions (4.0 lacks four codes in the middle), the names do not: a code is kept by its
/// place in `NAMES` and translated by name where it comes from the runtime or goes to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(i32);

/// The names of the codes by their number in GXF 4.1. Source: `gxf_result_t` in gxf/core/gxf.h.
pub(crate) const NAMES: &[&str] = &[
    "GXF_SUCCESS",
    "GXF_FAILURE",
    "GXF_NOT_IMPLEMENTED",
    "GXF_FILE_NOT_FOUND",
    "GXF_INVALID_ENUM",
    "GXF_NULL_POINTER",
    "GXF_UNINITIALIZED_VALUE",
    "GXF_ARGUMENT_NULL",
    "GXF_ARGUMENT_OUT_OF_RANGE",
    "GXF_ARGUMENT_INVALID",
    "GXF_OUT_OF_MEMORY",
    "GXF_MEMORY_INVALID_STORAGE_MODE",
    "GXF_CONTEXT_INVALID",
    "GXF_EXTENSION_NOT_FOUND",
    "GXF_EXTENSION_FILE_NOT_FOUND",
    "GXF_EXTENSION_NO_FACTORY",
    "GXF_FACTORY_TOO_MANY_COMPONENTS",
    "GXF_FACTORY_DUPLICATE_TID",
    "GXF_FACTORY_UNKNOWN_TID",
    "GXF_FACTORY_ABSTRACT_CLASS",
    "GXF_FACTORY_UNKNOWN_CLASS_NAME",
    "GXF_FACTORY_INVALID_INFO",
    "GXF_FACTORY_INCOMPATIBLE",
    "GXF_ENTITY_NOT_FOUND",
    "GXF_ENTITY_NAME_EXCEEDS_LIMIT",
    "GXF_ENTITY_COMPONENT_NOT_FOUND",
    "GXF_ENTITY_COMPONENT_NAME_EXCEEDS_LIMIT",
    "GXF_ENTITY_CAN_NOT_ADD_COMPONENT_AFTER_INITIALIZATION",
    "GXF_ENTITY_CAN_NOT_REMOVE_COMPONENT_AFTER_INITIALIZATION",
    "GXF_ENTITY_MAX_COMPONENTS_LIMIT_EXCEEDED",
    "GXF_PARAMETER_NOT_FOUND",
    "GXF_PARAMETER_ALREADY_REGISTERED",
    "GXF_PARAMETER_INVALID_TYPE",
    "GXF_PARAMETER_OUT_OF_RANGE",
    "GXF_PARAMETER_NOT_INITIALIZED",
    "GXF_PARAMETER_CAN_NOT_MODIFY_CONSTANT",
    "GXF_PARAMETER_PARSER_ERROR",
    "GXF_PARAMETER_NOT_NUMERIC",
    "GXF_PARAMETER_MANDATORY_NOT_SET",
    "GXF_CONTRACT_INVALID_SEQUENCE",
    "GXF_CONTRACT_PARAMETER_NOT_SET",
    "GXF_CONTRACT_MESSAGE_NOT_AVAILABLE",
    "GXF_INVALID_LIFECYCLE_STAGE",
    "GXF_INVALID_EXECUTION_SEQUENCE",
    "GXF_REF_COUNT_NEGATIVE",
    "GXF_RESULT_ARRAY_TOO_SMALL",
    "GXF_INVALID_DATA_FORMAT",
    "GXF_EXCEEDING_PREALLOCATED_SIZE",
    "GXF_QUERY_NOT_ENOUGH_CAPACITY",
    "GXF_QUERY_NOT_APPLICABLE",
    "GXF_QUERY_NOT_FOUND",
    "GXF_NOT_FINISHED",
    "GXF_HTTP_GET_FAILURE",
    "GXF_HTTP_POST_FAILURE",
    "GXF_ENTITY_GROUP_NOT_FOUND",
    "GXF_RESOURCE_NOT_INITIALIZED",
    "GXF_RESOURCE_NOT_FOUND",
    "GXF_CONNECTION_BROKEN",
    "GXF_CONNECTION_ATTEMPTS_EXCEEDED",
    "GXF_IPC_CONNECTION_FAILURE",
    "GXF_IPC_CALL_FAILURE",
    "GXF_IPC_SERVICE_NOT_FOUND",
];

macro_rules! codes {
    ($($name:ident = $number:literal, $gxf:literal;)*) => {
        impl Code {
            $(#[doc = concat!("`", $gxf, "`")] pub const $name: Code = Code($number);)*
        }
        const _: () = { $(assert!(same(NAMES[$number], $gxf));)* };
    };
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

codes! {
    FAILURE = 1, "GXF_FAILURE";
    NOT_IMPLEMENTED = 2, "GXF_NOT_IMPLEMENTED";
    NULL_POINTER = 5, "GXF_NULL_POINTER";
    ARGUMENT_NULL = 7, "GXF_ARGUMENT_NULL";
    ARGUMENT_INVALID = 9, "GXF_ARGUMENT_INVALID";
    CONTEXT_INVALID = 12, "GXF_CONTEXT_INVALID";
    FACTORY_DUPLICATE_TID = 17, "GXF_FACTORY_DUPLICATE_TID";
    FACTORY_UNKNOWN_TID = 18, "GXF_FACTORY_UNKNOWN_TID";
    FACTORY_UNKNOWN_CLASS_NAME = 20, "GXF_FACTORY_UNKNOWN_CLASS_NAME";
    FACTORY_INVALID_INFO = 21, "GXF_FACTORY_INVALID_INFO";
    FACTORY_INCOMPATIBLE = 22, "GXF_FACTORY_INCOMPATIBLE";
    COMPONENT_NOT_FOUND = 25, "GXF_ENTITY_COMPONENT_NOT_FOUND";
    PARAMETER_NOT_FOUND = 30, "GXF_PARAMETER_NOT_FOUND";
    PARAMETER_INVALID_TYPE = 32, "GXF_PARAMETER_INVALID_TYPE";
    PARAMETER_OUT_OF_RANGE = 33, "GXF_PARAMETER_OUT_OF_RANGE";
    PARAMETER_NOT_INITIALIZED = 34, "GXF_PARAMETER_NOT_INITIALIZED";
    PARAMETER_PARSER_ERROR = 36, "GXF_PARAMETER_PARSER_ERROR";
    PARAMETER_MANDATORY_NOT_SET = 38, "GXF_PARAMETER_MANDATORY_NOT_SET";
    MESSAGE_NOT_AVAILABLE = 41, "GXF_CONTRACT_MESSAGE_NOT_AVAILABLE";
    INVALID_LIFECYCLE_STAGE = 42, "GXF_INVALID_LIFECYCLE_STAGE";
    RESULT_ARRAY_TOO_SMALL = 45, "GXF_RESULT_ARRAY_TOO_SMALL";
    QUERY_NOT_ENOUGH_CAPACITY = 48, "GXF_QUERY_NOT_ENOUGH_CAPACITY";
    QUERY_NOT_FOUND = 50, "GXF_QUERY_NOT_FOUND";
}

/// The number of `GXF_SUCCESS`.
pub(crate) const SUCCESS: i32 = 0;

/// The numbers that the runtime of this process gives the codes.
pub(crate) struct Numbers {
    /// By place in `NAMES`.
    of_runtime: Vec<Option<i32>>,
}

impl Numbers {
    /// Asks the runtime for the name of each number. `name_of` is `GxfResultStr`.
    pub(crate) fn ask(name_of: impl Fn(i32) -> String) -> Numbers {
        /// More than any version has.
        const MOST: i32 = 128;
        let mut of_runtime = vec![None; NAMES.len()];
        for number in 0..MOST {
            let name = name_of(number);
            if let Some(at) = NAMES.iter().position(|known| *known == name) {
                of_runtime[at] = Some(number);
            }
        }
        Numbers { of_runtime }
    }

    fn own(&self, raw: i32) -> Option<usize> {
        self.of_runtime.iter().position(|number| *number == Some(raw))
    }
}

impl Code {
    /// `Ok` for `GXF_SUCCESS`, the code otherwise.
    pub(crate) fn check(raw: i32) -> Result<(), Code> {
        if raw == SUCCESS {
            return Ok(());
        }
        let own = Core::get().and_then(|core| core.codes.own(raw)).and_then(|at| i32::try_from(at).ok());
        Err(Code(own.unwrap_or(raw)))
    }

    /// The number as the runtime of this process knows it; that of GXF 4.1 before there is one.
    pub fn raw(self) -> i32 {
        let at = usize::try_from(self.0).ok();
        let known = Core::get().zip(at).and_then(|(core, at)| core.codes.of_runtime.get(at).copied());
        match known {
            Some(Some(number)) => number,
            Some(None) if self != Code::FAILURE => Code::FAILURE.raw(), // A code that this version does not have.
            _ => self.0,
        }
    }

    /// GXF's name of the code, e.g. `GXF_PARAMETER_OUT_OF_RANGE`.
    pub fn name(self) -> &'static str {
        usize::try_from(self.0).ok().and_then(|at| NAMES.get(at).copied()).unwrap_or("an unknown GXF result")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.name(), self.raw())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_translated_by_name() {
        let old = ["GXF_SUCCESS", "GXF_FAILURE", "GXF_PARAMETER_NOT_FOUND", "GXF_NOT_IMPLEMENTED"];
        let name = |number: i32| old.get(number as usize).map_or("N/A", |name| *name).to_owned();
        let numbers = Numbers::ask(name);
        assert_eq!(numbers.own(2).map(|at| NAMES[at]), Some("GXF_PARAMETER_NOT_FOUND"));
        assert_eq!(numbers.of_runtime[2], Some(3));
        assert_eq!(numbers.own(77), None);
    }
}
