//! Generates the Rust side of nvds_msgapi.h (ours; NVIDIA's is not needed).
//! The functions become one struct of pointers, looked up in the adaptor that is given; what it lacks is found out there.
//! It leaves librdkafka to its own crate.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=abi");
    let bindings = bindgen::Builder::default()
        .header("abi/nvds_msgapi.h")
        .allowlist_item("[Nn][Vv][Dd][Ss].*")
        .newtype_enum("NvDsMsgApi.*")
        .dynamic_library_name("Library")
        .dynamic_link_require_all(false)
        .wrap_unsafe_ops(true)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .expect("abi/nvds_msgapi.h is valid C");
    // bindgen 0.72 writes the bound that libloading had before 0.9.
    let bindings = bindings.to_string().replace("AsRef<::std::ffi::OsStr>", "::libloading::AsFilename");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    fs::write(out.join("nvds_msgapi.rs"), bindings).expect("OUT_DIR can be written");
}
