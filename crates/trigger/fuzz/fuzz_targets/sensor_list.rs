//! libFuzzer on sensor lists.
//! Seeds are in corpus/sensor_list.
//! It leaves what must hold to checks/sensor_list.rs, which the tests run, too.
#![no_main]

#[path = "../checks/sensor_list.rs"]
mod sensor_list;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor_list::check(data));
