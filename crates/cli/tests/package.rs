//! `smart-record package`: the folder is whole, the archive has the same in it, and the same files give the same bytes.
//! The real binary; what is packed is small, since a package does not look into the library.
//! Left to others: whether the registry takes it (`check`), and what builds the library (scripts/package).
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use testbed::TempDir;

const MANIFEST: &str = "\
# Words that are not packed.
name: Small
extension_library: build/libsmall.so
uuid: 11111111-2222-3333-4444-555555555555
version: 1.2.3
license_file: legal/LICENSE
priority: 1
platform: {arch: x86_64, os: linux, distribution: ubuntu_22.04}
compute: {cuda: null, cudnn: null, tensorrt: null, deepstream: null, triton: null, vpi: null}
dependencies:
- {extension: Other, uuid: 21111111-2222-3333-4444-555555555555, version: 1.0.0}
- {extension: StandardExtension, uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e, version: 2.7.0}
headers: [include/small.h]
";

fn project() -> TempDir {
    let folder = testbed::temp_dir().unwrap();
    for (path, text) in [
        ("extension.yaml", MANIFEST),
        ("build/libsmall.so", "library"),
        ("build/other.so", "another library"),
        ("legal/LICENSE", "terms"),
        ("include/small.h", "header"),
        ("sbom.json", "{}"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Runs the command in `folder`; status, standard output, standard error.
fn package(folder: &Path, options: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smart-record"));
    let output = command.current_dir(folder).args(["package", "extension.yaml"]).args(options).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_package_is_whole() {
    let folder = project();
    let (status, out, err) = package(folder.path(), &["--sbom", "sbom.json"]);
    assert!(status == 0 && err.is_empty(), "{err}");
    let name = "Small-1.2.3-linux-x86_64";
    assert_eq!(out, format!("dist/{name}\ndist/{name}.tar.gz\n"));
    let packed = folder.path().join("dist").join(name);
    // Whoever has coreutils and tar can look into it.
    assert!(run(&packed, "sha256sum", &["--strict", "-c", "SHA256SUMS"]).lines().count() == 16);
    let listed = run(&folder.path().join("dist"), "tar", &["tzf", &format!("{name}.tar.gz")]);
    let mut listed: Vec<_> = listed.lines().map(|line| line.strip_prefix(&format!("{name}/")).unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(
        listed,
        [
            "LICENSE",
            "SHA256SUMS",
            "extension-gxf-4.0.0.yaml",
            "extension-gxf-4.1.0.yaml",
            "extension-gxf-5.0.0.yaml",
            "extension-gxf-5.1.0.yaml",
            "extension-gxf-5.2.0.yaml",
            "extension-gxf-5.3.0.yaml",
            "extension-gxf-5.4.0.yaml",
            "extension-gxf-5.5.1.yaml",
            "extension-gxf-5.6.0.yaml",
            "extension-gxf-5.7.0.yaml",
            "extension-gxf-5.7.1.yaml",
            "extension.yaml",
            "headers/small.h",
            "libsmall.so",
            "sbom.cdx.json",
        ]
    );
    let manifest = fs::read_to_string(packed.join("extension.yaml")).unwrap();
    for line in ["extension_library: libsmall.so", "license_file: LICENSE", "- headers/small.h", "  version: 2.7.0"] {
        assert!(manifest.lines().any(|each| each == line), "{line}: {manifest}");
    }
    for (release, version) in [("4.0.0", "2.5.0"), ("4.1.0", "2.6.0"), ("5.0.0", "2.8.0"), ("5.7.1", "2.9.0")] {
        let other = fs::read_to_string(packed.join(format!("extension-gxf-{release}.yaml"))).unwrap();
        assert_eq!(other, manifest.replace("2.7.0", version), "{release}");
    }
    assert_eq!(fs::read_to_string(packed.join("libsmall.so")).unwrap(), "library");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let archive = |folder: &TempDir| {
        let (status, out, err) = package(folder.path(), &["-o", "out"]);
        assert_eq!(status, 0, "{err}");
        fs::read(folder.path().join(out.lines().nth(1).unwrap())).unwrap()
    };
    let (one, other) = (project(), project());
    let first = archive(&one);
    assert_eq!(first, archive(&one), "once more in the same place");
    // What an earlier package left is gone.
    fs::write(one.path().join("out/Small-1.2.3-linux-x86_64/old.so"), "old").unwrap();
    assert_eq!(first, archive(&one));
    assert!(!one.path().join("out/Small-1.2.3-linux-x86_64/old.so").exists());
    assert_eq!(first, archive(&other), "in another place");
    fs::write(other.path().join("legal/LICENSE"), "other terms").unwrap();
    assert_ne!(first, archive(&other));
}

#[test]
fn another_library_and_architecture() {
    let folder = project();
    fs::remove_file(folder.path().join("build/libsmall.so")).unwrap();
    let (status, out, err) = package(folder.path(), &["--arch", "aarch64", "--library", "build/other.so"]);
    assert_eq!(status, 0, "{err}");
    let packed: PathBuf = folder.path().join(out.lines().next().unwrap());
    assert!(packed.ends_with("Small-1.2.3-linux-aarch64"), "{out}");
    // Under the name that the manifest gives it.
    assert_eq!(fs::read_to_string(packed.join("libsmall.so")).unwrap(), "another library");
    assert!(fs::read_to_string(packed.join("extension.yaml")).unwrap().contains("  arch: aarch64\n"));
}

#[test]
fn what_is_not_in_order_is_not_packed() {
    for (from, to, words) in [
        ("version: 1.2.3", "version: 1.2", "YAML takes 1.2 for a number"),
        ("legal/LICENSE", "legal/TERMS", "would not be published"),
        ("include/small.h", "include/none.h", "there is no file 'include/none.h'"),
    ] {
        let folder = project();
        fs::write(folder.path().join("extension.yaml"), MANIFEST.replace(from, to)).unwrap();
        let (status, out, err) = package(folder.path(), &[]);
        assert!(status == 1 && out.is_empty() && err.contains(words), "{to}: {err}");
        assert!(err.lines().count() == 1 && !folder.path().join("dist").exists(), "{err}");
    }
    for (file, name) in [
        ("other/LICENSE", "LICENSE"),
        ("other/extension.yaml", "extension.yaml"),
        ("other/extension-gxf-5.0.0.yaml", "extension-gxf-5.0.0.yaml"),
        ("other/SHA256SUMS", "SHA256SUMS"),
        ("other/sbom.cdx.json", "sbom.cdx.json"),
    ] {
        let folder = project();
        fs::create_dir(folder.path().join("other")).unwrap();
        fs::write(folder.path().join(file), "words").unwrap();
        fs::write(folder.path().join("extension.yaml"), format!("{MANIFEST}data: [{file}]\n")).unwrap();
        let (status, out, err) = package(folder.path(), &["--sbom", "sbom.json"]);
        let words = format!("extension.yaml: two files of the package would be called '{name}' (needed: ");
        assert!(status == 1 && out.is_empty() && err.contains(&words), "{file}: {err}");
        assert!(err.lines().count() == 1 && !folder.path().join("dist").exists(), "{err}");
    }
    let folder = project();
    let (status, _, err) = package(folder.path(), &["--sbom", "none.json"]);
    assert!(status == 1 && err.contains("cannot read none.json"), "{err}");
    fs::remove_file(folder.path().join("build/libsmall.so")).unwrap();
    let (status, _, err) = package(folder.path(), &[]);
    assert!(status == 1 && err.contains("cannot read build/libsmall.so"), "{err}");
}
