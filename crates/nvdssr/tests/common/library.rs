//! Finds the library that cargo has built, and NVIDIA's where the environment variable NVDSSR_PEER names it.
//! A library that is missing fails the test with the command that makes it.
//! Left to others: loading it (`api`), linking to it (`compiler`).

use std::path::{Path, PathBuf};

/// What programs call it, and what NVIDIA's file is called.
pub const FILE_NAME: &str = "libnvdsgst_smartrecord.so";

/// The top of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folder of gst-nvdssr.h.
pub fn headers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sys/include")
}

/// Our library. Cargo has built it for this test: it lies beside it, whatever else has been built or not.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().expect("a file has a folder").join(FILE_NAME);
    assert!(path.is_file(), "{} is missing: run `make test`, which builds it", path.display());
    path
}

/// The libraries that a program must work with: ours, and NVIDIA's where it is named.
pub fn libraries() -> Vec<PathBuf> {
    let mut libraries = vec![library()];
    match std::env::var_os("NVDSSR_PEER").filter(|peer| !peer.is_empty()) {
        Some(peer) => libraries.push(peer.into()),
        None => eprintln!("not run with NVIDIA's library: set NVDSSR_PEER to its file for that"),
    }
    libraries
}
