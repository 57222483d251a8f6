//! What NVIDIA's registry tool demands of an extension's manifest, found without loading anything.
//! Source of every rule: registry 1.1.0 of GXF 4.1.0, run against trial manifests (facts: registry.md, section 2).
//! It leaves the files that the manifest names to `files`, and the library to `library`.

use std::{collections::HashSet, str::FromStr};

use serde_yaml::{Mapping, Value};

use super::finding::Finding;

/// What the other rules need, as far as it is right.
#[derive(Debug, Default, PartialEq)]
pub struct Manifest {
    /// `name`.
    pub name: Option<String>,
    /// `uuid`.
    pub uuid: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `platform.arch`.
    pub arch: Option<String>,
    /// Files: the key that names it, and its path.
    pub files: Vec<(&'static str, String)>,
    /// `dependencies`, each with what is right of it.
    pub dependencies: Vec<Dependency>,
    /// Texts that the registry takes from the library, where the manifest has them, too.
    pub texts: Vec<(&'static str, String)>,
}

/// One of `dependencies`.
#[derive(Debug, Default, PartialEq)]
pub struct Dependency {
    /// `extension`.
    pub extension: Option<String>,
    /// `uuid`.
    pub uuid: Option<String>,
    /// `version`.
    pub version: Option<String>,
}

const ARCHITECTURES: [&str; 3] = ["x86_64", "aarch64", "aarch64_sbsa"];
const SYSTEMS: [&str; 2] = ["linux", "qnx"];
const DISTRIBUTIONS: [&str; 3] = ["ubuntu_22.04", "qnx_sdp_7.1", "rhel9"];
const COMPUTE: [&str; 6] = ["cuda", "cudnn", "tensorrt", "deepstream", "triton", "vpi"];
const FILE_LISTS: [&str; 5] = ["headers", "python_sources", "binaries", "python_bindings", "data"];
const TEXTS: [&str; 6] = ["license", "author", "display_name", "category", "brief", "description"];
const VERSION: &str = "three numbers joined by dots, without leading zeros, as text: \"1.0.0\"";
const UUID: &str = "lower-case hexadecimal digits, 8-4-4-4-12";

/// Reads a manifest; what is wrong with it is in the second part.
pub fn read(text: &str) -> (Manifest, Vec<Finding>) {
    let mut reader = Reader::default();
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Mapping(map)) => reader.manifest(&map),
        Ok(_) => reader.find("", "this is no list of keys and values", "\"name: MyExtension\" and so on"),
        Err(error) => reader.find("", format!("this is no YAML: {error}"), "one YAML document"),
    }
    (reader.manifest, reader.findings)
}

#[derive(Default)]
struct Reader {
    manifest: Manifest,
    findings: Vec<Finding>,
}

impl Reader {
    fn find(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding::new(place, what, mend));
    }

    fn manifest(&mut self, map: &Mapping) {
        self.manifest.name =
            self.text(map, "name", is_name, "1 to 256 letters, digits and underscores, a letter first");
        self.manifest.uuid = self.text(map, "uuid", is_uuid, UUID);
        self.manifest.version = self.text(map, "version", is_version, VERSION);
        if let Some(path) = self.text(map, "extension_library", |path| !path.is_empty(), "the path of the .so file") {
            self.manifest.files.push(("extension_library", path));
        }
        self.license(map);
        self.priority(map);
        self.platform(map);
        self.compute(map);
        self.dependencies(map);
        self.lists(map);
        for key in ["python_alias", "namespace"] {
            if map.get(key).is_some_and(|value| !value.is_null() && !value.is_string()) {
                self.find(key, "it is no text", "a folder's name, or leave the key out");
            }
        }
        for key in TEXTS {
            if let Some(text) = map.get(key).and_then(Value::as_str) {
                self.manifest.texts.push((key, text.trim().to_owned()));
            }
        }
    }

    /// A required text that keeps `rule`.
    fn text(&mut self, map: &Mapping, key: &str, rule: fn(&str) -> bool, mend: &str) -> Option<String> {
        self.text_at(map, key, key, rule, mend)
    }

    fn text_at(&mut self, map: &Mapping, place: &str, key: &str, rule: fn(&str) -> bool, mend: &str) -> Option<String> {
        match map.get(key) {
            None => self.find(place, "the key is missing", mend),
            Some(Value::String(text)) if rule(text) => return Some(text.clone()),
            Some(Value::String(text)) => self.find(place, format!("{} is not allowed", gxf::quoted(text)), mend),
            Some(Value::Number(number)) => {
                self.find(place, format!("YAML takes {number} for a number: put it between quotes"), mend);
            }
            Some(_) => self.find(place, "it is no text", mend),
        }
        None
    }

    fn license(&mut self, map: &Mapping) {
        const MEND: &str = "the path of a file that is called LICENSE: no other is published";
        match map.get("license_file") {
            None => self.find("license_file", "the key is missing", MEND),
            Some(Value::String(path)) if path != "None" => {
                if path.rsplit('/').next() != Some("LICENSE") {
                    self.find("license_file", format!("{} would not be published", gxf::quoted(path)), MEND);
                }
                self.manifest.files.push(("license_file", path.clone()));
            }
            Some(_) => self.find("license_file", "there is none, and the registry would not say so", MEND),
        }
    }

    fn priority(&mut self, map: &Mapping) {
        const MEND: &str = "a whole number from 0 to 100";
        let number = match map.get("priority") {
            None => return self.find("priority", "the key is missing", MEND),
            Some(Value::String(text)) => text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())),
            Some(value) => value.as_u64(),
        };
        if number.is_none_or(|number| number > 100) {
            self.find("priority", "it is not allowed", MEND);
        }
    }

    fn platform(&mut self, map: &Mapping) {
        let Some(platform) = self.map(map, "platform", "a map with arch, os and distribution") else { return };
        for (key, allowed) in [("arch", &ARCHITECTURES[..]), ("os", &SYSTEMS[..]), ("distribution", &DISTRIBUTIONS[..])]
        {
            let place = format!("platform.{key}");
            match platform.get(key).and_then(Value::as_str) {
                Some(text) if allowed.contains(&text) => {
                    if key == "arch" {
                        self.manifest.arch = Some(text.to_owned());
                    }
                }
                Some(text) => {
                    self.find(place, format!("{} is not allowed", gxf::quoted(text)), allowed.join(" or "));
                }
                None => self.find(place, "the key is missing, or its value is no text", allowed.join(" or ")),
            }
        }
    }

    fn compute(&mut self, map: &Mapping) {
        let keys = COMPUTE.join(", ");
        let Some(compute) = self.map(map, "compute", &format!("a map with {keys}, each null or a version")) else {
            return;
        };
        for key in COMPUTE {
            let place = format!("compute.{key}");
            const MEND: &str = "null, or the version between quotes: \"12.6\"";
            match compute.get(key) {
                None => self.find(place, "the key is missing, on which the registry breaks", MEND),
                Some(Value::Null) => {}
                Some(Value::String(text)) if pep440_rs::Version::from_str(text).is_ok() => {}
                Some(Value::Number(number)) => {
                    self.find(place, format!("YAML takes {number} for a number, and 12.10 for 12.1"), MEND);
                }
                Some(_) => self.find(place, "it is no version", MEND),
            }
        }
        for key in compute.keys().filter_map(Value::as_str).filter(|key| !COMPUTE.contains(key)) {
            self.find(format!("compute.{key}"), "the registry refuses this key", format!("no others than {keys}"));
        }
    }

    fn dependencies(&mut self, map: &Mapping) {
        const MEND: &str = "a list of maps with extension, uuid and version; or leave the key out";
        let list = match map.get("dependencies") {
            None => return,
            Some(Value::Sequence(list)) => list,
            Some(_) => return self.find("dependencies", "it is no list", MEND),
        };
        let mut seen = HashSet::new();
        for (at, each) in list.iter().enumerate() {
            let place = format!("dependencies[{at}]");
            let Value::Mapping(each) = each else {
                self.find(place, "it is no map", MEND);
                continue;
            };
            let version = self.text_at(each, &format!("{place}.version"), "version", is_version, VERSION);
            let uuid = match each.contains_key("uuid") {
                true => self.text_at(each, &format!("{place}.uuid"), "uuid", is_uuid, UUID),
                false => None,
            };
            let extension = each.get("extension").and_then(Value::as_str).map(str::to_owned);
            if extension.is_none() && !each.contains_key("uuid") {
                self.find(&place, "it names no extension", "the extension's uuid, and its name in \"extension\"");
            }
            if !seen.insert(uuid.clone().or(extension.clone())) {
                self.find(&place, "the extension is listed twice", "one entry for each");
            }
            self.manifest.dependencies.push(Dependency { extension, uuid, version });
        }
    }

    fn lists(&mut self, map: &Mapping) {
        match map.get("labels") {
            None => {}
            Some(Value::Sequence(labels)) if labels.iter().all(Value::is_string) => {}
            Some(_) => self.find("labels", "it is no list of texts", "a list of texts; or leave the key out"),
        }
        for key in FILE_LISTS {
            let list = match map.get(key) {
                None => continue,
                Some(Value::Sequence(list)) => list,
                Some(_) => {
                    self.find(key, "it is no list", "a list of files; or leave the key out");
                    continue;
                }
            };
            for file in list {
                match file.as_str() {
                    Some(path) => self.manifest.files.push((key, path.to_owned())),
                    None => self.find(key, "an entry is no text", "a list of files"),
                }
            }
        }
    }

    fn map<'a>(&mut self, map: &'a Mapping, key: &str, mend: &str) -> Option<&'a Mapping> {
        match map.get(key) {
            Some(Value::Mapping(inner)) => return Some(inner),
            None => self.find(key, "the key is missing", mend),
            Some(_) => self.find(key, "it is no map", mend),
        }
        None
    }
}

/// What `name` may be, in a manifest and in a library.
pub fn is_name(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word && text.len() <= 256 && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn is_uuid(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(digits)
}

/// Three numbers, as the registry wants them.
pub fn is_version(text: &str) -> bool {
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(number)
}

#[cfg(test)]
mod tests;
