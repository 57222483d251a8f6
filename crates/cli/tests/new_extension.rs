//! `smart-record new-extension` as a user runs it: what it makes is built by cargo, tested and run, and left alone after.
//! Its own test runs its graph in the real GXF runtime. Without network: whatever it needs, this workspace needs, too.
//! Left to others: what each file says (unit tests).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::built::{BINARY, GXF};
use testbed::TempDir;

/// Where cargo has put the program: what a new crate needs is built there already, but for `gxf`, once for all of them.
fn profile_folder() -> &'static Path {
    Path::new(BINARY).parent().unwrap()
}

fn new_extension(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("new-extension").args(arguments).current_dir(dir.path()).env("GXF_ROOT", &*GXF);
    command.output().unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{:?}:\n{}\n{}", output.status, texts[0], texts[1]);
    texts.concat()
}

#[track_caller]
fn refused(output: &Output, status: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

#[test]
fn what_it_makes_is_built_tested_and_run() {
    let dir = testbed::temp_dir().unwrap();
    let gxf = repository().join("gxf");
    let said = succeeded(&new_extension(&dir, &["door-watch", "--gxf-path", gxf.to_str().unwrap()]));
    assert!(said.contains("DoorWatchExt is made in door-watch: cd door-watch && cargo test"), "{said}");
    let made = dir.path().join("door-watch");

    // The versions that this workspace is locked to are those that are on this machine.
    fs::copy(repository().join("Cargo.lock"), made.join("Cargo.lock")).unwrap();
    let profile = match profile_folder().file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        profile => profile,
    };
    let cargo = |action: &str| {
        let mut command = Command::new(env!("CARGO"));
        command.args([action, "--offline", "--profile", profile]).current_dir(&made);
        command.env("CARGO_TARGET_DIR", profile_folder().parent().unwrap()).env("GXF_ROOT", &*GXF);
        succeeded(&command.output().unwrap())
    };
    let tested = cargo("test");
    for test in ["readings_above_the_limit_are_written ... ok", "the_manifest_is_that_of_the_library ... ok"] {
        assert!(tested.contains(test), "{tested}");
    }
    // Of cargo's own warnings, about this machine or the lock file, the crate is not the cause.
    let place = made.to_str().unwrap();
    let own = |line: &&str| {
        line.starts_with("warning: `door-watch` (") || line.starts_with("warning:") && line.contains(place)
    };
    assert_eq!(tested.lines().find(own), None, "{tested}");
    cargo("build");

    // As its README has it; only the target folder is another one here.
    let manifest = fs::read_to_string(made.join("manifest.yaml")).unwrap();
    assert!(manifest.contains(GXF.join("libgxf_std.so").to_str().unwrap()), "{manifest}");
    assert!(manifest.contains("- target/debug/libgxf_door_watch.so"), "{manifest}");
    fs::write(made.join("manifest.yaml"), manifest.replace("target/debug", profile_folder().to_str().unwrap()))
        .unwrap();
    let mut gxe = Command::new(BINARY);
    gxe.args(["gxe", "-app", "graph.yaml", "-manifest", "manifest.yaml", "--param=threshold/threshold/invert=true"]);
    succeeded(&gxe.current_dir(&made).env("GXF_ROOT", &*GXF).output().unwrap());
    assert_eq!(fs::read_to_string(made.join("readings.csv")).unwrap(), "0,0\n1,1\n2,2\n3,3\n4,4\n5,5\n");

    refused(&new_extension(&dir, &["door-watch"]), 1, &["cannot make door-watch", "nothing is overwritten"]);
}

#[test]
fn a_new_crate_names_the_gxf_it_is_to_use() {
    let dir = testbed::temp_dir().unwrap();
    let dependency = |crate_dir: &Path| {
        let manifest = fs::read_to_string(crate_dir.join("Cargo.toml")).unwrap();
        manifest.lines().find(|line| line.starts_with("gxf = ")).unwrap().to_owned()
    };
    let version = env!("CARGO_PKG_VERSION");
    succeeded(&new_extension(&dir, &["published"]));
    assert_eq!(dependency(&dir.path().join("published")), format!("gxf = \"{version}\""));

    // In this repository, its own.
    let inside = dir.path().join("inside");
    let mut command = Command::new(BINARY);
    command.args(["new-extension", "inside", "--path"]).arg(&inside).current_dir(env!("CARGO_MANIFEST_DIR"));
    succeeded(&command.output().unwrap());
    let path = repository().join("gxf");
    assert_eq!(dependency(&inside), format!("gxf = {{ version = \"{version}\", path = \"{}\" }}", path.display()));
}

#[test]
fn what_cannot_be_made_is_said_and_nothing_is_left() {
    let dir = testbed::temp_dir().unwrap();
    for (arguments, words) in [
        (&["Door Watch"][..], &["NAME 'Door Watch'", "for example door_watch"][..]),
        (&["../door"], &["NAME '../door'", "for example door"]),
        (&["-door"], &["door"]),
        (&["std"], &["there is a libgxf_std.so already"]),
        (&["door", "--gxf-path", "nowhere"], &["--gxf-path=nowhere", "needed:"]),
        (&["door", "--author", "A \"B\""], &["--author='A \"B\"'", "allowed:"]),
        (&[], &["NAME"]),
    ] {
        refused(&new_extension(&dir, arguments), 2, words);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
