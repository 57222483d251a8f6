//! Logging through GXF's own log: its severities, its files, its format.
//!
//! Works from any thread and needs no context. Where a line comes from is told by the macros; what it says is the
//! caller's. Before a runtime has been found, lines go to standard error.

use std::ffi::CString;
use std::fmt;

use crate::core::Core;
use crate::quoted::escaped;
use crate::sys::gxfs_log;

/// How much a log line matters. Source of the numbers: `nvidia::Severity` in gxf/logger/gxf_logger.hpp, the same as
/// `gxf_severity_t` for these five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Severity {
    /// Something failed.
    Error = 1,
    /// Something is not as it should be, and work goes on.
    Warning = 2,
    /// What a user wants to know.
    Info = 3,
    /// What a developer wants to know.
    Debug = 4,
    /// Everything.
    Verbose = 5,
}

/// The word that begins a line on standard error.
impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
            Severity::Debug => "DEBUG",
            Severity::Verbose => "VERBOSE",
        })
    }
}

/// `nvidia::Severity::ALL`: nothing is filtered.
const ALL: i32 = -1;

/// Whether a line of this severity would be written: spares the work of building it. Any thread.
pub fn enabled(severity: Severity) -> bool {
    let Some(core) = Core::get() else { return true };
    if core.symbols.get_severity.is_null() {
        return true;
    }
    // SAFETY: the address is that of `nvidia::GetSeverity()`, which takes nothing, returns an enumeration with the
    // underlying type int and may be called from any thread.
    let level = unsafe {
        let function: extern "C" fn() -> i32 = std::mem::transmute(core.symbols.get_severity);
        function()
    };
    level == ALL || severity as i32 <= level
}

/// Writes one line. The macros are nicer.
#[doc(hidden)]
pub fn write(severity: Severity, file: &str, line: u32, text: fmt::Arguments<'_>) {
    if !enabled(severity) {
        return;
    }
    // A line stays a line, whatever an untrusted text contains.
    let text = escaped(&text.to_string());
    let short = file.rsplit('/').next().unwrap_or(file);
    let (Ok(short), Ok(c_text)) = (CString::new(short), CString::new(text.as_str())) else { return };
    let line = i32::try_from(line).unwrap_or(0);
    let written = Core::get().is_some_and(|core| {
        // SAFETY: the symbols are the runtime's, the strings are C strings that outlive the call.
        unsafe { gxfs_log(&core.symbols, short.as_ptr(), line, severity as i32, c_text.as_ptr()) }
    });
    if !written {
        eprintln!("{severity} {text}");
    }
}

/// Logs with severity Error: Something failed. Arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_error {
    ($($argument:tt)*) => {
        $crate::__private::write($crate::log::Severity::Error, file!(), line!(), format_args!($($argument)*))
    };
}
/// Logs with severity Warning: Something is not as it should be. Arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_warning {
    ($($argument:tt)*) => {
        $crate::__private::write($crate::log::Severity::Warning, file!(), line!(), format_args!($($argument)*))
    };
}
/// Logs with severity Info: What a user wants to know. Arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_info {
    ($($argument:tt)*) => {
        $crate::__private::write($crate::log::Severity::Info, file!(), line!(), format_args!($($argument)*))
    };
}
/// Logs with severity Debug: What a developer wants to know. Arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_debug {
    ($($argument:tt)*) => {
        $crate::__private::write($crate::log::Severity::Debug, file!(), line!(), format_args!($($argument)*))
    };
}
/// Logs with severity Verbose: Everything. Arguments as for `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_verbose {
    ($($argument:tt)*) => {
        $crate::__private::write($crate::log::Severity::Verbose, file!(), line!(), format_args!($($argument)*))
    };
}

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_verbose as verbose, __log_warning as warning,
};
