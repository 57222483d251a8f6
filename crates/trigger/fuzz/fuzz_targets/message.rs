//! libFuzzer on trigger messages.
//! Seeds are in corpus/message.
//! It leaves what must hold to checks/message.rs, which the tests run, too.
#![no_main]

#[path = "../checks/message.rs"]
mod message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| message::check(data));
