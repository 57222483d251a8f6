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

/// Compiles an extension with one type as `file`. Ids are told by their first half; the second is that of MANIFEST's uuid.
fn one_type(folder: &Path, file: &str, [name, uuid, type_name, type_id, base]: [&str; 5]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let define = |key: &str, text: &str| format!("-D{key}=\"{text}\"");
    let output = Command::new("c++")
        .current_dir(folder)
        .args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-invalid-offsetof", "-shared", "-fPIC", "-o", file])
        .args([define("NAME", name), define("TYPE", type_name), define("BASE", base)])
        .args([format!("-DUUID={uuid}"), format!("-DTYPE_ID={type_id}"), "-I".into()])
        .args([here.join("../../gxf/abi"), here.join("tests/cpp/one_type.cpp")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The manifest's type derives from one of a second extension, which derives from one of a third.
#[test]
fn a_library_that_builds_on_other_extensions() {
    let folder = folder();
    for (file, texts) in [
        ("libbase.so", ["Base", "0x101", "other::Base", "0x102", "nvidia::gxf::Component"]),
        ("libbetween.so", ["Between", "0x201", "other::Between", "0x202", "other::Base"]),
        ("libbad.so", ["Bad", "0x1111111122223333", "bad::Bad", "0x302", "other::Between"]),
    ] {
        one_type(folder.path(), file, texts);
    }
    let (status, text) = check(folder.path());
    assert!(status == 1 && text.contains("could not register libbad.so: "), "{text}");
    assert!(text.contains("--with FILE.so for each extension whose types it builds on"), "{text}");

    let with = ["--with", "libbase.so", "--with", "libbetween.so"];
    let entry = "{extension: Between, uuid: 00000000-0000-0201-4444-555555555555, version: 1.0.0}";
    let (status, text) = check_with(folder.path(), &with);
    let finding = format!("dependencies: other::Between comes from Between (needed: {entry})");
    assert!(status == 1 && text.contains(&finding), "{text}");
    fs::write(folder.path().join("extension.yaml"), format!("{MANIFEST}dependencies: [{entry}]\n")).unwrap();
    let (status, text) = check_with(folder.path(), &with);
    assert!(status == 0 && text.contains("note: Bad 1.0.0 was registered with GXF "), "{text}");

    // In their order: what is built on comes first.
    let (status, text) = check_with(folder.path(), &["--with", "libbetween.so", "--with", "libbase.so"]);
    assert!(status == 1 && text.contains("libbetween.so"), "{text}");
    let (status, text) = check_with(folder.path(), &["--with", "libnone.so"]);
    assert!(status == 1 && text.contains("libnone.so: No such file"), "{text}");
}

/// A graph's manifest need not list it then.
#[test]
fn a_graph_with_a_type_of_another_extension() {
    let folder = folder();
    one_type(folder.path(), "libbase.so", ["Base", "0x101", "other::Base", "0x102", "nvidia::gxf::Component"]);
    one_type(folder.path(), "libnext.so", ["Next", "0x201", "other::Next", "0x202", "other::Base"]);
    let standard = core().join("libgxf_std.so");
    fs::write(folder.path().join("manifest.yaml"), format!("extensions: [{}, libnext.so]\n", standard.display()))
        .unwrap();
    fs::write(folder.path().join("extension.yaml"), "components:\n- type: other::Next\n").unwrap();
    let (status, text) = check(folder.path());
    assert!(status == 1 && text.contains("libnext.so"), "{text}");
    let (status, text) = check_with(folder.path(), &["--with", "libbase.so"]);
    assert!(status == 1 && text.contains("other::Next is abstract"), "{text}");
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
