//! Promise: whatever text comes as a DeepStream configuration, it becomes a graph or is refused, and nothing breaks.
//! The short run of `make fuzz`: the same corpus, the same checks, a fixed number of mutations.
//! Left to others: messages and sensor lists (tests of the crate `trigger`), and the search for new paths (libFuzzer).
#![allow(clippy::unwrap_used)]

use std::path::Path;

#[path = "../../trigger/fuzz/checks/import_config.rs"]
mod import_config;
#[path = "../../trigger/fuzz/checks/mutations.rs"]
mod mutations;

/// A few seconds in a debug build.
const MUTATIONS: u32 = 5_000;

#[test]
fn configurations() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../trigger/fuzz/corpus/import_config");
    mutations::run(&corpus, MUTATIONS, import_config::check);
}
