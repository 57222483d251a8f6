//! libFuzzer on a broker's connection string and settings file.
//! Seeds are in corpus/broker_settings.
//! It leaves what must hold to checks/broker_settings.rs, which the tests run, too.
#![no_main]

#[path = "../checks/broker_settings.rs"]
mod broker_settings;

libfuzzer_sys::fuzz_target!(|data: &[u8]| broker_settings::check(data));
