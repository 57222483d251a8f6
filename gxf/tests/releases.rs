//! Releases that nobody has measured, and one that is too old: used if every look at its classes finds what is known, and
//! refused with a clear line otherwise. The "releases" are copies of the runtime at hand with another version in them, so
//! that this also shows, on each release that the tests are run with, that all of its classes can be looked at.
#![allow(clippy::unwrap_used)]

mod common;
use common::{Graph, Outcome, SCHEDULERS};
use gxf::Runtime;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A copy of the runtime.
struct Release {
    folder: TempDir,
    version: String,
}

const LIBRARIES: [&str; 2] = ["libgxf_core.so", "libgxf_std.so"];

impl Release {
    /// The runtime at hand under another major and minor number; one digit each, as it has itself.
    fn called(numbers: &str) -> Release {
        let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
        let source = Runtime::find(None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(source.parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if LIBRARIES.contains(&name) || ["libgxf_logger.so", "libcudart.so.12"].contains(&name) {
                std::fs::copy(&path, folder.path().join(name)).unwrap();
            }
        }
        let version = runtime.version().unwrap();
        let (own, patch) = version.rsplit_once('.').unwrap();
        let release = Release { folder, version: format!("{numbers}.{patch}") };
        // It is there twice, as a text and in an instruction of the loader's, which has the last digit elsewhere.
        release.change(format!("{own}.").as_bytes(), format!("{numbers}.").as_bytes());
        release
    }

    fn path(&self, library: &str) -> std::path::PathBuf {
        self.folder.path().join(library)
    }

    /// Replaces bytes by as many others wherever they are.
    fn change(&self, old: &[u8], new: &[u8]) {
        assert_eq!(old.len(), new.len());
        let mut changed = 0;
        for library in LIBRARIES {
            let mut bytes = std::fs::read(self.path(library)).unwrap();
            let places: Vec<usize> = (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
            changed += places.len();
            for at in places {
                bytes[at..at + new.len()].copy_from_slice(new);
            }
            std::fs::write(self.path(library), bytes).unwrap();
        }
        assert!(changed > 0, "no library has {}", String::from_utf8_lossy(old));
    }

    /// Exchanges two virtual functions of a class wherever its table is exported.
    fn exchange(&self, table: &str, left: u64, right: u64) {
        self.exchange_in(&LIBRARIES, table, left, right);
    }

    /// In these libraries alone.
    fn exchange_in(&self, libraries: &[&str], table: &str, left: u64, right: u64) {
        let mut exchanged = 0;
        for library in libraries {
            let Some(address) = symbol(&self.path(library), table) else { continue };
            let mut bytes = std::fs::read(self.path(library)).unwrap();
            // The table is filled in by the loader: the places in the relocations (ELF64's Rela: offset, info, addend)
            // are exchanged. Behind them come offset to top and type information, then the functions.
            let [left, right] = [left, right].map(|slot| relocation(&bytes, address + 8 * (2 + slot)));
            for byte in 0..8 {
                bytes.swap(left + byte, right + byte);
            }
            std::fs::write(self.path(library), bytes).unwrap();
            exchanged += 1;
        }
        assert!(exchanged > 0, "no library exports {table}");
    }

    fn graph(&self) -> Graph {
        let graph = "
name: camera
components:
- {name: failing, type: probe::Failing}
- {type: nvidia::gxf::CountSchedulingTerm, parameters: {count: 2}}
";
        Graph::new(graph).scheduler(SCHEDULERS[0]).root(self.folder.path())
    }

    fn run(&self) -> Outcome {
        self.graph().run()
    }

    #[track_caller]
    fn is_refused(&self, why: &str) {
        let outcome = self.run();
        outcome.failed();
        outcome.says_once(&format!("GxfPingExample: it does not run on GXF {}: {why}", self.version));
        outcome.says_once(". Use GXF 4.0 to 5.7, or a newer version of this extension");
    }
}

/// The value of an exported symbol.
fn symbol(library: &Path, name: &str) -> Option<u64> {
    let output =
        Command::new("nm").args(["-D", "--defined-only"]).arg(library).output().expect("binutils is installed");
    let output = String::from_utf8(output.stdout).unwrap();
    let line = output.lines().find(|line| line.split(' ').next_back() == Some(name))?;
    Some(u64::from_str_radix(line.split(' ').next()?, 16).unwrap())
}

/// Where in the file the relocation of this place is.
fn relocation(bytes: &[u8], place: u64) -> usize {
    // R_X86_64_64 and R_X86_64_RELATIVE: the low half of the second word.
    let is_type = |at: usize| matches!(bytes[at..at + 4], [1 | 8, 0, 0, 0]);
    let found: Vec<usize> = (0..bytes.len() - 24)
        .step_by(8)
        .filter(|at| bytes[*at..*at + 8] == place.to_le_bytes() && is_type(at + 8))
        .collect();
    assert_eq!(found.len(), 1, "relocations of {place:#x}");
    found[0]
}

#[test]
fn a_new_release_with_the_classes_that_are_known_is_used_with_a_warning() {
    let release = Release::called("9.9");
    let (version, outcome) = (&release.version, release.run());
    outcome.succeeded();
    for extension in ["GxfPingExample", "GxfProbe"] {
        outcome.says_once(&format!(
            "{extension}: nobody has tested it on GXF {version} on {}; every check of that release passes",
            std::env::consts::ARCH
        ));
    }
    assert_eq!(outcome.count("reached tick"), 2, "{outcome}");
}

#[test]
fn a_class_with_another_order_of_functions_is_refused() {
    let release = Release::called("9.9");
    release.exchange("_ZTVN6nvidia3gxf5VaultE", 6, 7);
    release.is_refused("where its class Vault should have the virtual function tickEv, there is _ZN6nvidia3gxf");
}

#[test]
fn a_measured_release_whose_classes_are_others_is_refused_too() {
    let version = Runtime::load(None).unwrap_or_else(|error| panic!("{error}")).version().unwrap();
    let release = Release::called(version.rsplit_once('.').unwrap().0);
    release.exchange("_ZTVN6nvidia3gxf26AsynchronousSchedulingTermE", 3, 5);
    release.is_refused("where its class AsynchronousSchedulingTerm should have the virtual function initializeEv");
}

/// NVIDIA's extensions of 4.x have a copy of the runtime in them that nobody calls: here one that differs.
#[test]
fn the_classes_in_another_extension_are_not_looked_at() {
    let version = Runtime::load(None).unwrap_or_else(|error| panic!("{error}")).version().unwrap();
    let release = Release::called(version.rsplit_once('.').unwrap().0);
    release.exchange_in(&["libgxf_std.so"], "_ZTVN6nvidia3gxf5VaultE", 6, 7);
    let other = release.path("libgxf_other.so");
    std::fs::rename(release.path("libgxf_std.so"), &other).unwrap();
    let extensions = [other.to_str().unwrap(), "libgxf_ping.so", "libgxf_probe.so"];
    let outcome = release.graph().without_standard().extensions(&extensions).run();
    outcome.succeeded();
    assert_eq!(outcome.count("reached tick"), 2, "{outcome}");
}

#[test]
fn a_new_release_that_cannot_be_looked_at_is_refused() {
    let release = Release::called("9.9");
    // Another name with the same hash (33 times what came before, plus the letter), so that the library finds it itself.
    release.change(b"_ZN6nvidia3gxf7Codelet10beforeStopEv\0", b"_ZN6nvidia3gxf7Codelet10beforeTSopEv\0");
    release
        .is_refused("nobody has tested it, and its layout cannot be checked: it does not export nvidia::gxf::Codelet");
}

#[test]
fn a_release_before_4_is_refused() {
    Release::called("3.1").is_refused("extensions look different to a GXF before 4.0");
}
