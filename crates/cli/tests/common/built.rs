//! What a graph needs beside the binary: our extensions, built here, and GXF's.
//! `cargo test` builds no libraries of other packages, so that the first test that wants one builds it.
//! Left to others: the runtime itself, which `make setup` fetches.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_smart-record");

/// The folder with our extensions.
static EXTENSIONS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(BINARY).parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        profile => profile,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package=nvds-smart-record", "--package=cloud-msg", "--lib", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // scripts/sanitize preloads the sanitizers' runtimes for us, which the compiler does not survive.
        .env_remove("LD_PRELOAD")
        .status();
    assert!(built.unwrap().success(), "the extensions do not build");
    folder.to_owned()
});

/// The folder of the GXF runtime's libraries, for GXF_ROOT.
pub static GXF: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = std::env::var_os("GXF_ROOT").map(PathBuf::from).or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|dir| dir.join(".gxf")).find(|dir| dir.is_dir())
    });
    let root = root.expect("no GXF runtime: set GXF_ROOT, or run `make setup`, which makes .gxf");
    let folders = [root.clone(), root.join("lib"), root.join("core")];
    let found = folders.into_iter().find(|folder| folder.join("libgxf_core.so").is_file());
    found.unwrap_or_else(|| panic!("no GXF runtime: there is no libgxf_core.so in {}", root.display()))
});

/// The text of a manifest with everything that our graphs need.
pub fn manifest() -> String {
    let ours = ["libgxf_nvds_smart_record.so", "libgxf_nvds_cloud_msg.so"].map(|name| EXTENSIONS.join(name));
    let lines = ours.iter().map(|path| format!("- {}\n", path.display())).collect::<String>();
    format!("extensions:\n- {}\n{lines}", GXF.join("libgxf_std.so").display())
}
