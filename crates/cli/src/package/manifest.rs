//! A manifest as it is packed: paths within the package, and one for each GXF release.
//! The registry takes a dependency in exactly the version that it has, and StandardExtension's differs per release.
//! It leaves the rules of a manifest to `check`.

use std::path::Path;

use serde_yaml::{Mapping, Value};

use super::findings;

/// StandardExtension's uuid.
const STANDARD: &str = "8ec2d5d6-b5df-48bf-8dee-0252606fdd7e";
/// GXF releases, and the version of StandardExtension in each. Source: each release's libgxf_std.so, out of the wheels in
/// scripts/test-gxf, as `smart-record describe --gxf-root FOLDER FOLDER/libgxf_std.so` prints it (2026-11-23).
const RELEASES: [(&str, &str); 12] = [
    ("4.0.0", "2.5.0"),
    ("4.1.0", "2.6.0"),
    ("4.1.1", "2.7.0"),
    ("5.0.0", "2.8.0"),
    ("5.1.0", "2.9.0"),
    ("5.2.0", "2.9.0"),
    ("5.3.0", "2.9.0"),
    ("5.4.0", "2.9.0"),
    ("5.5.1", "2.9.0"),
    ("5.6.0", "2.9.0"),
    ("5.7.0", "2.9.0"),
    ("5.7.1", "2.9.0"),
];
const HEAD: &str = "\
# For NVIDIA's registry tool, to be run in this folder: registry extn add -m FILE
";

/// A manifest that is in order.
pub(super) struct Packed {
    map: Mapping,
    /// Where each file is, and where it goes.
    files: Vec<(String, String)>,
    library: String,
    name: String,
    version: String,
    platform: String,
}

impl Packed {
    /// Reads a manifest, and makes it one for `arch` if that is given.
    ///
    /// # Errors
    /// The first finding.
    pub fn read(text: &str, arch: Option<&str>) -> Result<Self, String> {
        let mut map: Mapping = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        if let (Some(arch), Some(Value::Mapping(platform))) = (arch, map.get_mut("platform")) {
            platform.insert("arch".into(), arch.into());
        }
        let text = serde_yaml::to_string(&map).map_err(|error| error.to_string())?;
        let (manifest, findings) = findings(&text);
        if let Some(first) = findings.first() {
            return Err(first.to_string());
        }
        let mut packed = Self {
            files: Vec::new(),
            library: String::new(),
            // Without a finding they are there.
            name: manifest.name.unwrap_or_default(),
            version: manifest.version.unwrap_or_default(),
            platform: manifest.arch.unwrap_or_default(),
            map,
        };
        for (key, from) in manifest.files {
            let to = place(key, &from);
            if key == "extension_library" {
                packed.library.clone_from(&to);
            }
            packed.rename(key, &from, &to);
            packed.files.push((from, to));
        }
        Ok(packed)
    }

    /// The path of a file in the manifest becomes the one in the package.
    fn rename(&mut self, key: &str, from: &str, to: &str) {
        match self.map.get_mut(key) {
            Some(Value::Sequence(list)) => {
                for each in list.iter_mut().filter(|each| each.as_str() == Some(from)) {
                    *each = to.into();
                }
            }
            Some(value) => *value = to.into(),
            None => {}
        }
    }

    /// `NAME-VERSION-SYSTEM-ARCH`.
    pub fn folder_name(&self) -> String {
        let system = self.map.get("platform").and_then(|platform| platform.get("os")).and_then(Value::as_str);
        format!("{}-{}-{}-{}", self.name, self.version, system.unwrap_or_default(), self.platform)
    }

    /// Where each file is, and where it goes in the package.
    pub fn files(&self) -> impl Iterator<Item = (&str, String)> {
        self.files.iter().map(|(from, to)| (from.as_str(), to.clone()))
    }

    /// Where the library goes.
    pub fn library_name(&self) -> &str {
        &self.library
    }

    /// Names and texts: the manifest as it is, and one for each other release.
    pub fn manifests(&self) -> Vec<(String, String)> {
        let mut all = vec![("extension.yaml".to_owned(), self.text(&self.map))];
        let Some(own) = standard(&mut self.map.clone()).and_then(|version| version.as_str().map(str::to_owned)) else {
            return all;
        };
        for (release, version) in RELEASES {
            if version == own {
                continue;
            }
            let mut map = self.map.clone();
            if let Some(entry) = standard(&mut map) {
                *entry = version.into();
            }
            all.push((format!("extension-gxf-{release}.yaml"), self.text(&map)));
        }
        all
    }

    fn text(&self, map: &Mapping) -> String {
        // It was made from YAML, so that YAML has a form for it.
        HEAD.to_owned() + &serde_yaml::to_string(map).unwrap_or_default()
    }
}

/// The version of StandardExtension among the dependencies.
fn standard(map: &mut Mapping) -> Option<&mut Value> {
    let list = map.get_mut("dependencies")?.as_sequence_mut()?;
    let is = |entry: &&mut Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        text("uuid") == Some(STANDARD) || text("extension") == Some("StandardExtension")
    };
    list.iter_mut().find(is)?.get_mut("version")
}

/// Where a file of this key goes: as the registry copies it, with the folders that it makes.
fn place(key: &str, from: &str) -> String {
    let name = Path::new(from).file_name().unwrap_or_default().to_string_lossy();
    match key {
        "headers" => format!("headers/{name}"),
        "python_sources" => format!("py_srcs/{name}"),
        _ => name.into_owned(),
    }
}
