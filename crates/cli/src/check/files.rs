//! The files that a manifest names: they are there, and no folder of this machine gets published.
//! Paths are relative to the current folder, as in the registry tool; a manifest's own folder does not count.
//! It leaves what is in the library to `elf` and `library`.

use std::{collections::HashSet, path::Path};

use super::{finding::Finding, manifest::Manifest};

/// What is wrong; the library's own path does not count where another one is checked.
pub(crate) fn rules(manifest: &Manifest, other_library: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for (key, path) in &manifest.files {
        let file = Path::new(path);
        if file.is_absolute() {
            let what = format!("{} would be published as it stands", gxf::quoted(path));
            findings.push(Finding::new(*key, what, "a path relative to the folder that the registry is run in"));
        }
        if !(file.is_file() || other_library && *key == "extension_library") {
            let here = std::env::current_dir().unwrap_or_default();
            let what = format!("there is no file {} in {}", gxf::quoted(path), here.display());
            findings.push(Finding::new(
                *key,
                what,
                "a file; paths are relative to the folder that the command is run in",
            ));
        }
        // The registry copies without folders: headers and Python sources to places of their own, the rest together.
        let place = match *key {
            "headers" | "python_sources" | "license_file" => *key,
            _ => "beside the library",
        };
        if !seen.insert((place, file.file_name())) {
            let what = format!("another file is called as {} is, and folders do not count", gxf::quoted(path));
            findings.push(Finding::new(*key, what, "a name of its own for each file"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&'static str, &str)], other: bool) -> Vec<String> {
        let files = files.iter().map(|(key, path)| (*key, (*path).to_owned())).collect();
        let manifest = Manifest { files, ..Manifest::default() };
        rules(&manifest, other).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_are_there_and_relative() {
        assert_eq!(findings(&[("license_file", "Cargo.toml"), ("headers", "src/lib.rs")], false), [""; 0]);
        let absolute = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let found = findings(&[("license_file", absolute)], false);
        assert!(found.len() == 1 && found[0].contains("would be published"), "{found:?}");
        let found = findings(&[("headers", "nowhere.h")], false);
        assert!(found.len() == 1 && found[0].contains("no file 'nowhere.h' in /"), "{found:?}");
        assert_eq!(findings(&[("extension_library", "nowhere.so")], true), [""; 0]);
        assert_eq!(findings(&[("extension_library", "nowhere.so")], false).len(), 1);
        assert_eq!(findings(&[("headers", "src")], false).len(), 1);
    }

    #[test]
    fn names_are_unique_where_files_are_copied_to() {
        let found = findings(&[("headers", "src/error.rs"), ("headers", "../trigger/src/error.rs")], false);
        assert!(found.len() == 1 && found[0].contains("another file"), "{found:?}");
        assert_eq!(findings(&[("headers", "src/error.rs"), ("data", "src/error.rs")], false), [""; 0]);
        assert_eq!(findings(&[("data", "src/error.rs"), ("binaries", "src/error.rs")], false).len(), 1);
    }
}
