//! The C headers of `abi/` and `shim/` as Rust, made by bindgen in `build.rs`.
//!
//! The sizes and offsets that the runtime relies on are asserted here as `abi/layout.hpp` asserts them in C++. No logic.
#![allow(missing_docs, dead_code, non_camel_case_types, non_snake_case, non_upper_case_globals)]
#![allow(clippy::all, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]

/// The runtime's C functions, one field each, found by name when the runtime is found.
mod api {
    include!(concat!(env!("OUT_DIR"), "/api.rs"));
}

/// The C++ shim's functions, linked into this crate.
mod shim {
    include!(concat!(env!("OUT_DIR"), "/shim.rs"));
}

pub use api::*;
pub use shim::*;

use std::mem::{offset_of, size_of};

// Source of these numbers: the order of members in gxf/core/gxf.h and gxf_ext.h of GXF 4.1.0 on a 64-bit machine; the
// same in 4.0.0 to 5.7.1.
const _: () = {
    assert!(size_of::<gxf_tid_t>() == 16);
    assert!(size_of::<gxf_runtime_info>() == 24);
    assert!(size_of::<gxf_extension_info_t>() == 104);
    assert!(offset_of!(gxf_extension_info_t, num_components) == 88);
    assert!(size_of::<gxf_component_info_t>() == 80);
    assert!(offset_of!(gxf_component_info_t, type_name) == 32);
    assert!(offset_of!(gxf_component_info_t, num_parameters) == 64);
    assert!(size_of::<gxf_parameter_info_t>() == 128);
    assert!(offset_of!(gxf_parameter_info_t, handle_tid) == 32);
    assert!(offset_of!(gxf_parameter_info_t, default_value) == 48);
    assert!(offset_of!(gxf_parameter_info_t, rank) == 88);
    assert!(size_of::<GxfLoadExtensionsInfo>() == 40);
    assert!(size_of::<GxfEntityCreateInfo>() == 16);
    assert!(size_of::<gxfs_value>() == 8);
};
