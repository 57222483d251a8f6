//! Promise: both manifests are what NVIDIA's registry takes, and a library that does not fit its manifest is found.
//! The real program, the real GXF runtime and the built libraries; each bad manifest is the good one with one change.
//! Left to others: rules that need no library (unit tests of smart-record), libraries that are bad (crates/cli/tests).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, repository};

fn check(manifest: &Path, library: &Path) -> (i32, String) {
    let output = Command::new(built().smart_record)
        .current_dir(repository())
        .arg("check")
        .arg(manifest)
        .arg("--library")
        .arg(library)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn both() -> [(PathBuf, PathBuf); 2] {
    let parts = built();
    [
        (repository().join("extension.yaml"), parts.extension),
        (repository().join("crates/cloud-msg/extension.yaml"), parts.cloud_msg),
    ]
}

#[test]
fn both_are_in_order() {
    for (manifest, library) in both() {
        let (status, text) = check(&manifest, &library);
        assert_eq!(status, 0, "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() == 1 && lines[0].contains("was registered with GXF"), "{text}");
    }
}

/// `from` in the recorder's manifest becomes `to`; there must be one finding, with `words`.
fn bad(from: &str, to: &str, words: &[&str]) {
    let (manifest, library) = &both()[0];
    let good = std::fs::read_to_string(manifest).unwrap();
    assert!(good.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("extension.yaml");
    std::fs::write(&path, good.replace(from, to)).unwrap();
    let (status, text) = check(&path, library);
    assert_eq!(status, 1, "{text}");
    let findings: Vec<_> = text.lines().filter(|line| !line.contains(": note: ")).collect();
    assert!(findings.len() == 1 && findings[0].contains("(needed: "), "{to}: {text}");
    assert!(words.iter().all(|word| findings[0].contains(word)), "{to}: {words:?}: {text}");
}

#[test]
fn what_does_not_fit_the_library_is_found() {
    let bad_uuid = "uuid: e67b9aa1-b867-4f69-af1b-cf913a72c6bb";
    bad(bad_uuid, "uuid: e67b9aa1-b867-4f69-af1b-cf913a72c6bc", &["uuid", "the library e67b9aa1-"]);
    bad("version: 0.1.0", "version: 0.1.1", &["version", "0.1.1, the library 0.1.0"]);
    bad("name: NvDsSmartRecordExt", "name: NvDsOtherExt", &["name", "the library NvDsSmartRecordExt"]);
    bad("brief: Records", "brief: Keeps", &["brief", "'Records events", "is what counts"]);
    bad("arch: x86_64", "arch: aarch64", &["x86_64", "platform.arch says otherwise"]);
}

#[test]
fn dependencies_are_those_of_the_runtime() {
    let (from, fits) = ("version: 2.7.0", "{extension: StandardExtension, uuid: 8ec2d5d6-");
    bad(from, "version: 2.6.0", &["StandardExtension is 2.7.0 in GXF 4.1.1", fits]);
    bad("uuid: 8ec2d5d6-", "uuid: 8ec2d5d7-", &["nvidia::gxf::Codelet comes from StandardExtension", fits]);
    bad("extension: StandardExtension", "extension: Standard", &["is called StandardExtension", fits]);
}

/// The shipped graphs name what they use, in the versions that are there.
#[test]
fn graphs_depend_on_what_is_built() {
    let mut seen = 0;
    for (manifest, _) in both() {
        let text = std::fs::read_to_string(manifest).unwrap();
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
        let (name, version) = (line("name:"), line("version:"));
        let listed = ["graphs", "graphs/gxf-4.0"].map(|folder| std::fs::read_dir(repository().join(folder)).unwrap());
        let paths = listed.into_iter().flatten().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")) {
            let graph = std::fs::read_to_string(path).unwrap();
            let Some((_, entry)) = graph.split_once(&format!("- extension: {name}\n")) else { continue };
            assert_eq!(entry.lines().nth(1).unwrap(), format!("  version: {version}"), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 17, "{seen}");
}
