//! Finds what `make test` has built and set up: the runner, the extension, the GXF runtime.
//! Whatever is missing fails the test with the command that makes it; nothing is skipped.
//! Left to others: using it.

use std::path::{Path, PathBuf};

/// What a graph needs to run.
pub struct Built {
    /// The program `smart-record`.
    pub smart_record: PathBuf,
    /// Our extension.
    pub extension: PathBuf,
    /// Our extension with brokers.
    pub cloud_msg: PathBuf,
    /// GXF's standard extension.
    pub gxf_std: PathBuf,
}

/// The top of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Finds everything, the built parts beside this test program.
pub fn built() -> Built {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).expect("cargo puts tests into <profile>/deps");
    let part = |name: &str| {
        let path = profile.join(name);
        assert!(path.is_file(), "{} is missing: run `make test`, which builds it", path.display());
        path
    };
    Built {
        smart_record: part("smart-record"),
        extension: part("libgxf_nvds_smart_record.so"),
        cloud_msg: part("libgxf_nvds_cloud_msg.so"),
        gxf_std: runtime_library("libgxf_std.so"),
    }
}

impl Built {
    /// The test double of DeepStream's closed NvDsCloudMsgExt.
    pub fn closed_cloud_msg(&self) -> PathBuf {
        let path = self.extension.with_file_name("examples/libgxf_closed_cloud_msg.so");
        assert!(path.is_file(), "{} is missing: run `make test`, which builds it", path.display());
        path
    }
}

/// A library of the GXF runtime, where the runner looks for the runtime itself.
fn runtime_library(name: &str) -> PathBuf {
    let root = std::env::var_os("GXF_ROOT").filter(|root| !root.is_empty());
    let roots = match root {
        Some(root) => vec![PathBuf::from(root)],
        None => vec![repository().join(".gxf"), "/opt/nvidia/graph-composer".into()],
    };
    let places: Vec<_> =
        roots.iter().flat_map(|root| ["", "lib", "std"].map(|folder| root.join(folder).join(name))).collect();
    match places.iter().find(|path| path.is_file()) {
        Some(path) => path.clone(),
        None => panic!("the GXF runtime is missing: run `make test`, which sets it up. Looked for {places:?}"),
    }
}
