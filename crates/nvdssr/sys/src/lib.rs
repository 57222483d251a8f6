//! The types of gst-nvdssr.h as bindgen sees them, and [`Library`]: a library with that interface, looked up at run time.
//! Providing such a library is left to the crate `nvdssr`, recording with one to `recorder`.
//! Layouts are checked here against those of NVIDIA's header (DeepStream 9.1, x86-64).
#![allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)] // As in C; the header has the texts.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)] // Generated code.

include!(concat!(env!("OUT_DIR"), "/nvdssr.rs"));

#[cfg(test)]
mod tests;
