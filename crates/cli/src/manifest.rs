//! A manifest: YAML with the list of extensions to load, in their order.
//! Paths are taken as they stand, relative to the current folder, as gxe takes them.
//! It leaves finding and loading the extensions to the GXF runtime.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;

#[derive(Deserialize)]
struct Manifest {
    /// Named without anything behind it, the list is empty; not named, this is no manifest, which
    /// serde would let pass for an `Option` without a function of its own.
    #[serde(deserialize_with = "Option::deserialize")]
    extensions: Option<Vec<PathBuf>>,
}

/// The extensions that the manifest lists.
///
/// # Errors
/// [`Error::ManifestUnreadable`], or [`Error::Manifest`] when there is no such list in it.
pub fn extensions(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let text = std::fs::read(path).map_err(|source| Error::ManifestUnreadable { path: path.into(), source })?;
    match serde_yaml::from_slice::<Manifest>(&text) {
        Ok(manifest) => Ok(manifest.extensions.unwrap_or_default()),
        Err(error) => Err(Error::Manifest { path: path.into(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<PathBuf>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.yaml");
        std::fs::write(&path, text).unwrap();
        extensions(&path)
    }

    #[test]
    fn a_list_of_paths_in_its_order() {
        let read = read("# a comment\nextensions:\n- gxf/std/libgxf_std.so\n- /x/liby.so\nother: 1\n");
        assert_eq!(read.unwrap(), [Path::new("gxf/std/libgxf_std.so"), Path::new("/x/liby.so")]);
    }

    #[test]
    fn a_list_may_be_empty() {
        for text in ["extensions:\n", "extensions: []\n"] {
            assert!(read(text).unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_no_manifest_says_so() {
        for (text, words) in [
            ("", "manifest.yaml"),
            ("extension:\n- a.so\n", "missing field `extensions`"),
            ("extensions: a.so\n", "expected a sequence"),
            ("extensions: [\n", "line"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("needed:"), "{text:?}: {error}");
        }
        let missing = extensions(Path::new("/nowhere/manifest.yaml")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/manifest.yaml: No such file"), "{missing}");
    }
}
