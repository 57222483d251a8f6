//! Builds the C++ shim and generates the Rust side of the C headers (ours; no NVIDIA header is needed).

use std::{env, fs, path::PathBuf};

fn main() {
    for path in ["abi", "shim"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let mut shim = cc::Build::new();
    sanitize(&mut shim);
    shim.cpp(true)
        .std("c++17")
        .flag("-fvisibility=hidden")
        // Layouts with a std::function in them are not "standard"; their offsets are what the assertions are about.
        .flag("-Wno-invalid-offsetof")
        .warnings(true)
        .extra_warnings(true)
        .files(["shim/objects.cpp", "shim/parameters.cpp", "shim/calls.cpp"])
        .compile("gxf_shim");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    let base = bindgen::Builder::default()
        .derive_default(true)
        .wrap_unsafe_ops(true)
        .rust_edition(bindgen::RustEdition::Edition2024);

    // The runtime's functions are looked up when it is found, so they become one struct of function pointers.
    let api = base
        .clone()
        .header("abi/gxf_api.h")
        .allowlist_file(".*gxf_api.h")
        .dynamic_library_name("Api")
        .dynamic_link_require_all(true)
        .generate()
        .expect("abi/gxf_api.h is valid C");
    // bindgen 0.72 writes the bound that libloading had before 0.9.
    let api = api.to_string().replace("AsRef<::std::ffi::OsStr>", "::libloading::AsFilename");
    fs::write(out.join("api.rs"), api).expect("OUT_DIR can be written");

    let shim = base
        .header("shim/shim.h")
        .allowlist_file(".*shim.h")
        .blocklist_file(".*gxf_api.h")
        .raw_line("use super::api::*;")
        .generate()
        .expect("shim/shim.h is valid C");
    shim.write_to_file(out.join("shim.rs")).expect("OUT_DIR can be written");
}

/// `GXF_SHIM_SANITIZE=address,undefined` (the compiler's own words) builds the shim with sanitizers. Whoever loads it must
/// preload their runtimes: `make sanitize` does.
fn sanitize(shim: &mut cc::Build) {
    const VARIABLE: &str = "GXF_SHIM_SANITIZE";
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let wanted = env::var(VARIABLE).unwrap_or_default();
    if wanted.is_empty() {
        return;
    }
    shim.flag(format!("-fsanitize={wanted}"));
    // Any report ends the program; line numbers and whole stacks in it.
    shim.flag("-fno-sanitize-recover=all").flag("-fno-omit-frame-pointer").flag("-g");
    for (sanitizer, library) in [("address", "asan"), ("undefined", "ubsan")] {
        if wanted.split(',').any(|word| word == sanitizer) {
            println!("cargo::rustc-link-lib=dylib={library}");
        }
    }
}
