//! Promise: a program that records leaves no memory behind, and neither reads nor writes where it must not.
//! The program is tests/programs/testsr.c under valgrind; what GLib and GStreamer themselves leave is listed, with reasons,
//! in tests/programs/valgrind.supp.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{Compiler, camera_of_clip, library, meets, programs, read_log, run};
use testbed::{decode, temp_dir};

/// Two recordings with sound, the second one running when the context is destroyed.
fn record_under_valgrind(container: &[&str]) {
    let folder = temp_dir().unwrap();
    let (_, camera) = camera_of_clip(folder.path(), 20);
    let program = Compiler::c11(folder.path()).program_of_nvidias_library("testsr.c", "testsr");
    let log = folder.path().join("log");
    let mut command = Command::new("valgrind");
    meets(&mut command, &library(), folder.path());
    // Each allocation by itself, as valgrind wants it.
    command.env("G_SLICE", "always-malloc");
    command.args(["--leak-check=full", "--show-leak-kinds=definite,indirect", "--num-callers=40"]);
    command.args(["--errors-for-leak-kinds=definite,indirect", "--error-exitcode=99"]);
    command.arg(format!("--suppressions={}", programs().join("valgrind.supp").display()));
    command.arg(&program).args(container).arg("--dir").arg(folder.path()).arg("--log").arg(&log);
    command.args(["--cache", "4", "--start-time", "1", "--duration", "60"]);
    let output = run(command.args(["--interval", "2000", "--starts", "2", "--leave-running", &camera]));
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(report.contains("ERROR SUMMARY: 0 errors"), "valgrind has watched: {report}");
    let lines = read_log(&log, folder.path());
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        decode(&line.path).unwrap().video.unwrap().check_unbroken().unwrap();
    }
}

#[test]
fn recording_mp4_is_clean_under_valgrind() {
    record_under_valgrind(&[]);
}

#[test]
fn recording_matroska_is_clean_under_valgrind() {
    record_under_valgrind(&["--mkv"]);
}
