//! Our own protocol adaptor in C, compiled for each test that asks for it: tests/double/adaptor.c says what it can do.
//! Each test has its own file, and so its own connections.
//! It leaves NVIDIA's to `nvidia_s_adaptors`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use trigger::broker::{Endpoint, Protocol};

/// Compiles it into the folder.
pub fn compile(folder: &Path, options: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("libdouble.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&path).args(options);
    command.arg("-I").arg(root.join("abi")).arg(root.join("tests/double/adaptor.c"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

pub fn endpoint(path: &Path, behaviour: &str) -> Endpoint {
    Endpoint { protocol: Protocol::Adaptor(path.into()), conn_str: behaviour.into(), config_file: None }
}
