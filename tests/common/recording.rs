//! What a recording holds: the numbers that its frames carry, and its sidecar.
//! Left to others: decoding (`testbed`), what was asked (`schedule`), and what a test asserts.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testbed::decode;

/// The one file of a recording, from its done receipt.
pub fn path(done: &Value) -> PathBuf {
    assert_eq!(done["files"].as_array().map(Vec::len), Some(1), "{done}");
    done["file"].as_str().unwrap().into()
}

/// The numbers of a recording's frames: decoded without a warning, none missing.
pub fn frames(file: &Path) -> RangeInclusive<u32> {
    let decoded = decode(file).unwrap();
    assert_eq!(decoded.warnings, [""; 0], "{}", file.display());
    decoded.video().unwrap().check_unbroken().unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The sidecar of a file.
pub fn sidecar(file: &Path) -> Value {
    let path = format!("{}.json", file.display());
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}
