//! `smart-record check` with libraries that break a rule: the real binary, the real GXF runtime, libraries in C.
//! The compiler is the one that the shim of `gxf` needs anyway.
//! Left to others: rules on the manifest's text (unit tests), our own extensions (tests of the root package).
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use testbed::TempDir;

const MANIFEST: &str = "\
name: Bad
extension_library: libbad.so
uuid: 11111111-2222-3333-4444-555555555555
version: 1.0.0
license_file: LICENSE
priority: 1
platform: {arch: x86_64, os: linux, distribution: ubuntu_22.04}
compute: {cuda: null, cudnn: null, tensorrt: null, deepstream: null, triton: null, vpi: null}
";

/// Leaves a function of GXF open, and does not register in any case.
const OPEN: &str = "\
int GxfRegisterComponent(void);
int GxfExtensionFactory(void** out) { return out == 0 ? GxfRegisterComponent() : 1; }";

/// The folder of libgxf_core.so, as `gxf::Runtime` finds it from this package's folder.
fn core() -> PathBuf {
    let path = gxf::Runtime::find(None).unwrap_or_else(|error| panic!("{error}: run `make setup`"));
    path.parent().unwrap().to_owned()
}

/// Compiles `source` as the manifest's library.
fn library(folder: &Path, source: &str, options: &[&str]) {
    fs::write(folder.join("bad.c"), source).unwrap();
    let mut command = Command::new("cc");
    command.current_dir(folder).args(["-shared", "-fPIC", "-o", "libbad.so", "bad.c"]).args(options);
    assert!(command.status().unwrap().success());
}

/// Status and output of the check in `folder`.
fn check(folder: &Path) -> (i32, String) {
    check_with(folder, &[])
}

fn check_with(folder: &Path, options: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_smart-record"))
        .current_dir(folder)
        .args(["check", "extension.yaml", "--gxf-root"])
        .arg(core())
        .args(options)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn folder() -> TempDir {
    let folder = testbed::temp_dir().unwrap();
    fs::write(folder.path().join("extension.yaml"), MANIFEST).unwrap();
    fs::write(folder.path().join("LICENSE"), "words").unwrap();
    folder
}

/// The first finding on the library that `source` makes has `words`.
fn bad(source: &str, options: &[&str], words: &[&str]) {
    let folder = folder();
    library(folder.path(), source, options);
    let (status, text) = check(folder.path());
    assert_eq!(status, 1, "{text}");
    let findings: Vec<_> = text.lines().filter(|line| line.contains("(needed: ")).collect();
    assert!(!findings.is_empty() && words.iter().all(|word| findings[0].contains(word)), "{words:?}: {text}");
    assert!(findings[0].starts_with("extension.yaml: extension_library: "), "{text}");
}

#[test]
fn a_library_that_is_no_extension() {
    bad("int other;", &[], &["does not export GxfExtensionFactory"]);
    let folder = folder();
    fs::write(folder.path().join("libbad.so"), "words").unwrap();
    let (status, text) = check(folder.path());
    assert!(status == 1 && text.contains("is no library"), "{text}");
}

#[test]
fn a_library_that_the_registry_cannot_load() {
    bad(OPEN, &[], &["leaves 1 functions of GXF open (GxfRegisterComponent)"]);
    let core = core();
    bad(
        OPEN,
        &["-Wl,--no-as-needed", core.join("libgxf_core.so").to_str().unwrap(), "-Wl,--allow-shlib-undefined"],
        &["needs libgxf_core.so by name"],
    );
}

#[test]
fn a_library_that_does_not_register() {
    bad("int GxfExtensionFactory(void** out) { return 1; }", &[], &["could not register"]);
    bad(
        "int GxfExtensionFactory(void** out) { *(volatile int*)0 = 1; return 0; }",
        &[],
        &["ended the process (signal"],
    );
}

#[test]
fn a_library_that_hangs() {
    let folder = folder();
    library(folder.path(), "int pause(void);\nint GxfExtensionFactory(void** out) { for (;;) pause(); }", &[]);
    let (status, text) = check_with(folder.path(), &["--timeout", "1s"]);
    assert!(status == 1 && text.contains("registering libbad.so did not end within 1 s (needed: "), "{text}");
    let (status, text) = check_with(folder.path(), &["--timeout", "0s"]);
    assert!(status == 2 && text.contains("more than 0"), "{text}");
}

#[test]
fn what_cannot_be_checked_is_said() {
    let folder = folder();
    let (status, text) = check(folder.path());
    assert!(status == 1 && text.contains("there is no file 'libbad.so' in /"), "{text}");
    assert!(text.contains("note: the library was not checked"), "{text}");
    fs::remove_file(folder.path().join("extension.yaml")).unwrap();
    let (status, text) = check(folder.path());
    assert!(status == 1 && text.contains("cannot read extension.yaml: No such file"), "{text}");
}
