//! What a library says of itself once it is loaded, held against its manifest and against what tools can take.
//! Source of the rules: the registry's reading of a library (facts: registry.md, section 3) and NVIDIA's limits for texts.
//! It leaves loading to `catalog` and `registration`.

use gxf::{Tid, limits};

use super::{
    finding::Finding,
    manifest::{Manifest, is_name, is_version},
};
use crate::catalog::{Catalog, Component, Extension, Parameter};

/// As many components as the registry has room for.
const MOST_COMPONENTS: usize = 300;
/// Base of all components; it is the core's own.
const COMPONENT: &str = "nvidia::gxf::Component";

/// One line that says what was checked.
pub(super) fn summary(extension: &Extension, runtime_version: &str) -> String {
    let parameters: usize = extension.components.iter().map(|component| component.parameters.len()).sum();
    format!(
        "{} {} was registered with GXF {runtime_version}: {} components, {parameters} parameters",
        extension.info.name,
        extension.info.version,
        extension.components.len(),
    )
}

/// What is wrong, and what is allowed but no good. `answers` says whether the extension answers a question about a parameter in full.
pub(super) fn rules(
    manifest: &Manifest,
    catalog: &Catalog,
    extension: &Extension,
    answers: impl Fn(Tid, &str) -> Result<bool, gxf::Error>,
) -> (Vec<Finding>, Vec<String>) {
    let mut rules = Rules { findings: Vec::new(), notes: Vec::new() };
    rules.identity(manifest, catalog, extension);
    rules.extension_texts(extension);
    rules.components(extension);
    for component in &extension.components {
        rules.component_texts(component);
        for parameter in &component.parameters {
            rules.parameter(component, parameter, &answers);
        }
    }
    rules.dependencies(manifest, catalog, extension);
    (rules.findings, rules.notes)
}

struct Rules {
    findings: Vec<Finding>,
    notes: Vec<String>,
}

impl Rules {
    fn find(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding::new(place, what, mend));
    }

    fn identity(&mut self, manifest: &Manifest, catalog: &Catalog, extension: &Extension) {
        let info = &extension.info;
        let uuid = info.tid.to_string();
        for (key, told, is) in [
            ("name", &manifest.name, &info.name),
            ("uuid", &manifest.uuid, &uuid),
            ("version", &manifest.version, &info.version),
        ] {
            if told.as_ref().is_some_and(|told| told != is) {
                let what = format!("the manifest says {}, the library {}", told.as_deref().unwrap_or_default(), is);
                self.find(key, what, "the same in both");
            }
        }
        for (key, told) in &manifest.texts {
            let is = match *key {
                "license" => &info.license,
                "author" => &info.author,
                "display_name" => &info.display_name,
                "category" => &info.category,
                "brief" => &info.brief,
                _ => &info.description,
            };
            if told != is {
                let what = format!("the library says {}, which is what counts", gxf::quoted(is));
                self.find(*key, what, "the same in both, or no such key in the manifest");
            }
        }
        if !is_name(&info.name) {
            let what = format!("the library calls itself {}", gxf::quoted(&info.name));
            self.find("name", what, "1 to 256 letters, digits and underscores, a letter first");
        }
        if !is_version(&info.version) {
            self.find("version", format!("the library says {}", gxf::quoted(&info.version)), "three numbers: 1.0.0");
        }
        for other in catalog.extensions.iter().filter(|other| other.info.tid != info.tid) {
            if other.info.name == info.name {
                self.find("name", format!("{} is another extension", other.info.name), "a name that is not taken");
            }
        }
    }

    /// A text that tools show: there, whole, and not too long.
    fn text(&mut self, place: &str, what: &str, text: &str, most: usize) {
        let length = text.chars().count();
        let place = format!("{place}: {what}");
        if text.trim().is_empty() {
            self.notes.push(format!("{place}: it is empty, and people who see the component in a tool learn nothing"));
        } else if text.contains('\u{fffd}') {
            self.find(place, "it is no UTF-8, on which the registry breaks", "a text in UTF-8");
        } else if length > most {
            self.find(place, format!("it has {length} characters"), format!("at most {most}"));
        }
    }

    fn extension_texts(&mut self, extension: &Extension) {
        let info = &extension.info;
        self.text(&info.name, "display name", &info.display_name, limits::EXTENSION_DISPLAY_NAME);
        self.text(&info.name, "category", &info.category, limits::EXTENSION_CATEGORY);
        self.text(&info.name, "brief", &info.brief, limits::EXTENSION_BRIEF);
        self.text(&info.name, "description", &info.description, limits::EXTENSION_DESCRIPTION);
        self.text(&info.name, "author", &info.author, limits::EXTENSION_AUTHOR);
        self.text(&info.name, "license", &info.license, limits::EXTENSION_AUTHOR);
    }

    fn components(&mut self, extension: &Extension) {
        for error in &extension.unanswered {
            let mend = "every component and parameter declared in registerInterface, with the type's own base there";
            self.find(&extension.info.name, format!("tools cannot ask about a part of it: {error}"), mend);
        }
        if extension.components.len() > MOST_COMPONENTS {
            let what = format!("it has {} components", extension.components.len());
            self.find(
                &extension.info.name,
                what,
                format!("at most {MOST_COMPONENTS}: the registry has no room for more"),
            );
        }
    }

    fn component_texts(&mut self, component: &Component) {
        let info = &component.info;
        if info.type_name.is_empty() {
            self.find(info.tid.to_string(), "the component has no type name", "one, such as mine::Component");
        }
        self.text(&info.type_name, "display name", &info.display_name, limits::COMPONENT_DISPLAY_NAME);
        self.text(&info.type_name, "brief", &info.brief, limits::COMPONENT_BRIEF);
        self.text(&info.type_name, "description", &info.description, limits::COMPONENT_DESCRIPTION);
    }

    fn parameter(
        &mut self,
        component: &Component,
        parameter: &Parameter,
        answers: &impl Fn(Tid, &str) -> Result<bool, gxf::Error>,
    ) {
        let info = &parameter.info;
        let place = format!("{}/{}", component.info.type_name, info.key);
        self.text(&place, "headline", &info.headline, usize::MAX);
        self.text(&place, "description", &info.description, usize::MAX);
        let text = info.type_name == "GXF_PARAMETER_TYPE_STRING" || info.type_name == "GXF_PARAMETER_TYPE_FILE";
        if text && info.rank > 0 && info.has_default {
            self.find(&place, "a list of texts with a default breaks the registry", "no default");
        }
        if parameter
            .handle_type
            .as_ref()
            .is_some_and(|name| Some(name) == info.handle.map(|tid| tid.to_string()).as_ref())
        {
            let mend = "a type of an extension it depends on (--with FILE.so, unless it is the standard one)";
            self.find(&place, "it is a handle of a type that nobody knows", mend);
        }
        match answers(component.info.tid, &info.key) {
            Ok(true) => {}
            Ok(false) => {
                let mend = "getParameterInfo to fill the struct whole; numbers declared as arithmetic";
                self.find(&place, "the extension leaves limits unset, on which the registry breaks", mend);
            }
            Err(error) => {
                let mend = "getParameterInfo to answer for every key that is declared";
                self.find(&place, format!("the extension does not answer: {error}"), mend);
            }
        }
    }

    /// Every type that the extension builds on comes from an extension that it names, in the version that is there.
    fn dependencies(&mut self, manifest: &Manifest, catalog: &Catalog, extension: &Extension) {
        let bases = extension.components.iter().map(|component| component.info.base_name.as_str());
        let parameters = extension.components.iter().flat_map(|component| &component.parameters);
        let handles = parameters.filter_map(|parameter| parameter.handle_type.as_deref());
        let mut needed: Vec<(&Extension, &str)> = Vec::new();
        for name in bases.chain(handles).filter(|name| !name.is_empty() && *name != COMPONENT) {
            let Some((owner, _)) = catalog.component(name) else { continue };
            if owner.info.tid != extension.info.tid && !needed.iter().any(|(other, _)| other.info.tid == owner.info.tid)
            {
                needed.push((owner, name));
            }
        }
        for (owner, type_name) in needed {
            let info = &owner.info;
            let entry = format!("{{extension: {}, uuid: {}, version: {}}}", info.name, info.tid, info.version);
            let listed = manifest.dependencies.iter().find(|dependency| match &dependency.uuid {
                Some(uuid) => *uuid == info.tid.to_string(),
                None => dependency.extension.as_ref() == Some(&info.name),
            });
            match listed {
                None => self.find("dependencies", format!("{type_name} comes from {}", info.name), entry),
                Some(dependency) if dependency.version.as_ref().is_some_and(|version| *version != info.version) => {
                    let what = format!(
                        "{} is {} in GXF {}, and the registry takes no other than the one that is there",
                        info.name, info.version, catalog.runtime_version
                    );
                    self.find("dependencies", what, entry);
                }
                Some(dependency) => {
                    if dependency.extension.as_ref().is_some_and(|name| *name != info.name) {
                        self.find("dependencies", format!("{} is called {}", info.tid, info.name), entry);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
