//! Gives the shared library its name, and keeps it in memory for good.
//! Installing it is left to scripts/install.

fn main() {
    // Programs that were linked with NVIDIA's look for the file's name, which is a link to this one (docs/drop-in.md).
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libnvdsgst_smartrecord.so.1");
    // GObject types cannot be unregistered: after a dlclose they would point to nowhere.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
