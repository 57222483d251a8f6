//! Promise: a C++ program with nvds_message.h makes, fills, finds and reads our messages, whichever of our extensions has the
//! type, and what it allocated is freed by it, once, when the message goes.
//! Left to others: messages between our own extensions (`extensions_with_the_same_message_go_together`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, repository};
use testbed::temp_dir;

/// Compiles the program with the header as it is, and links it to the runtime.
fn compile(folder: &Path, runtime: &Path) -> PathBuf {
    let (top, program) = (repository(), folder.join("message_program"));
    let mut command = Command::new("c++");
    command.args(["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"]).arg(&program);
    command.arg("-I").arg(top.join("crates/cloud-msg/include")).arg("-I").arg(top.join("gxf/abi"));
    command.arg(top.join("tests/cpp/message_program.cpp")).arg("-L").arg(runtime).arg("-lgxf_core");
    command.arg(format!("-Wl,-rpath,{}", runtime.display()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    program
}

#[test]
fn with_either_extension_and_with_both() {
    let (parts, folder) = (built(), temp_dir().unwrap());
    let runtime = parts.gxf_std.parent().unwrap();
    let program = compile(folder.path(), runtime);
    let (ours, broker) = (&parts.extension, &parts.cloud_msg);
    for extensions in [vec![ours], vec![broker], vec![ours, broker], vec![broker, ours]] {
        let output = Command::new(&program).arg(&parts.gxf_std).args(&extensions).output().unwrap();
        let (said, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{extensions:?}: {said}{faults}");
        let lines: Vec<_> = said.lines().filter(|line| !line.contains("gxf/")).collect();
        let wanted = [
            "new: empty",
            "topic: doors",
            "payload: {\"door\":7}",
            "released while held: 0",
            "released afterwards: 1",
            "released in all: 1",
        ];
        assert_eq!(lines, wanted, "{extensions:?}: {faults}");
    }
}
