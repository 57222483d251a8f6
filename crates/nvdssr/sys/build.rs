//! Generates the Rust side of gst-nvdssr.h (ours; NVIDIA's is not needed). GLib's and GStreamer's own types come from
//! their -sys crates.
//! The functions become one struct of pointers, looked up in whatever library is given: NVIDIA's or ours.

use bindgen::callbacks::{DeriveTrait, ImplementsTrait, ParseCallbacks};
use std::path::PathBuf;
use std::{env, fs};

/// Knows of the types that come from elsewhere what bindgen cannot see: numbers and pointers can be copied.
#[derive(Debug)]
struct Numbers;

impl ParseCallbacks for Numbers {
    fn blocklisted_type_implements_trait(&self, name: &str, derive: DeriveTrait) -> Option<ImplementsTrait> {
        let number = name != "GMutex" && matches!(derive, DeriveTrait::Copy | DeriveTrait::Debug);
        Some(if number { ImplementsTrait::Yes } else { ImplementsTrait::No })
    }
}

fn main() {
    println!("cargo::rerun-if-changed=include");
    let gstreamer = pkg_config::Config::new()
        .cargo_metadata(false)
        .probe("gstreamer-1.0")
        .expect("the GStreamer headers are installed (libgstreamer1.0-dev)");
    let includes = gstreamer.include_paths.iter().map(|path| format!("-isystem{}", path.display()));
    let bindings = bindgen::Builder::default()
        .header("include/gst-nvdssr.h")
        .clang_args(includes)
        .allowlist_item("NvDsSR.*")
        .allowlist_recursively(false)
        .raw_line("use glib_sys::{GMutex, GThread, gboolean, gpointer};")
        .raw_line("use gstreamer_sys::GstElement;")
        .raw_line("use std::os::raw::{c_char as gchar, c_uint as guint};")
        .raw_line("type guint32 = u32;")
        .raw_line("type guint64 = u64;")
        .parse_callbacks(Box::new(Numbers))
        .newtype_enum("NvDsSR.*")
        .derive_default(false)
        .dynamic_library_name("Library")
        .dynamic_link_require_all(true)
        .wrap_unsafe_ops(true)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .expect("include/gst-nvdssr.h is valid C");
    // bindgen 0.72 writes the bound that libloading had before 0.9.
    let bindings = bindings.to_string().replace("AsRef<::std::ffi::OsStr>", "::libloading::AsFilename");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    fs::write(out.join("nvdssr.rs"), bindings).expect("OUT_DIR can be written");
}
