//! Generates the Rust side of nvds_message.h, the one place where the layout of a message is written down.
//! Safe use of it is left to `src`.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=../include");
    let bindings = bindgen::Builder::default()
        .header("../include/nvds_message.h")
        .allowlist_type("NvDsMessage")
        .derive_default(false)
        .derive_copy(false)
        .generate_comments(false)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .expect("include/nvds_message.h is valid C");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    fs::write(out.join("nvds_message.rs"), bindings.to_string()).expect("OUT_DIR can be written");
}
