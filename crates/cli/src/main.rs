//! The command `smart-record`.
fn main() {}
