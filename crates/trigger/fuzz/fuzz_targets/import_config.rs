//! libFuzzer on DeepStream configurations.
//! Seeds are in corpus/import_config.
//! It leaves what must hold to checks/import_config.rs, which the tests run, too.
#![no_main]

#[path = "../checks/import_config.rs"]
mod import_config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| import_config::check(data));
