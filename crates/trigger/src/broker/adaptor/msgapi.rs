//! nvds_msgapi.h as bindgen sees it, and `Library`: an adaptor's functions, looked up at run time.
//! It is generated; the header in `abi/` has the texts.
//! It leaves calling the functions to `ffi`.
#![allow(unsafe_code)]
#![allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc, clippy::type_complexity, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/nvds_msgapi.rs"));
