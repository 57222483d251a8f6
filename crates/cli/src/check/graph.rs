//! Checks a graph: what its files say against what the runtime knows, then the loading itself, without running.
//! GXF stops at the first mistake and says little about it; here each one is told, and a mandatory parameter is missed
//! before the start. It leaves reading files to `graph_file`, and values to `value`.

use std::{collections::HashSet, path::PathBuf};

use serde_yaml::Value;

use super::{Verdict, finding::Finding, value};
use crate::{
    catalog::{self, Catalog},
    error::Error,
    graph_file::{Component, Graph, short},
    manifest,
};

/// Base of what runs a graph.
const SCHEDULER: &str = "nvidia::gxf::Scheduler";
/// GXF 4.0 does not have it.
const OR_COMBINER: &str = "nvidia::gxf::OrSchedulingTermCombiner";
/// Loads entities from a file of its own, under names that begin with its entity's and a dot, and gives names to their
/// components, as if these were its entity's.
const SUBGRAPH: &str = "nvidia::gxf::Subgraph";
/// How far a misspelled name may be from the one that is meant (Jaro-Winkler, 1: the same).
const LIKENESS: f64 = 0.85;

/// Checks the graph that `files` are together, with the extensions that `manifests` list. Those in `with` are there before
/// them, but after the standard one.
///
/// # Errors
/// A file cannot be read or is no graph or manifest, there is no runtime, or an extension cannot be loaded.
pub(super) fn check(
    files: &[PathBuf],
    with: &[PathBuf],
    manifests: &[PathBuf],
    root: Option<&std::path::Path>,
) -> Result<Verdict, Error> {
    let graph = Graph::read(files)?;
    let mut libraries = Vec::new();
    for file in manifests {
        libraries.extend(manifest::extensions(file)?);
    }
    let standard = libraries.iter().position(|library| catalog::is_standard(library));
    let first = standard.map_or(0, |at| at + 1);
    libraries.splice(first..first, with.iter().cloned());
    let (context, catalog) = Catalog::load(root, &libraries)?;
    let (mut findings, mut notes) = rules(&graph, &catalog);
    let overrides: &[&str] = &[];
    if let Some(error) = files.iter().find_map(|file| context.load_graph_file(file, overrides).err()) {
        // Where a line above says why, this one adds nothing.
        if findings.is_empty() {
            findings.push(Finding::new("", format!("GXF cannot load it: {error}"), "what GXF's log above says"));
        }
    }
    if findings.is_empty() {
        let components: usize = graph.entities.iter().map(|entity| entity.components.len()).sum();
        let version = &catalog.runtime_version;
        notes.push(format!("GXF {version} loads it: {} entities, {components} components", graph.entities.len()));
    }
    Ok(Verdict { findings, notes })
}

/// What is wrong with the graph, and what is worth knowing.
pub(super) fn rules(graph: &Graph, catalog: &Catalog) -> (Vec<Finding>, Vec<String>) {
    let mut rules = Rules { graph, catalog, findings: Vec::new(), notes: Vec::new() };
    for (at, entity) in graph.entities.iter().enumerate() {
        for component in &entity.components {
            rules.component(at, component);
        }
        rules.names(at);
    }
    rules.dependencies();
    let mut all = graph.entities.iter().flat_map(|entity| &entity.components);
    if !all.any(|component| catalog.is_a(&component.type_name, SCHEDULER)) {
        rules.notes.push("there is no scheduler in it: by itself it does not run".into());
    }
    (rules.findings, rules.notes)
}

struct Rules<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
    findings: Vec<Finding>,
    notes: Vec<String>,
}

impl Rules<'_> {
    fn find(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding::new(place, what, mend));
    }

    fn component(&mut self, at: usize, component: &Component) {
        let place = format!("{}/{}", self.graph.entities[at].label(), component.label());
        let name = &component.type_name;
        if name.is_empty() {
            return self.find(place, "no file says its type", "\"type: ...\", or the file that has it before this one");
        }
        let catalog = self.catalog;
        let Some((_, known)) = catalog.component(name) else {
            let all = catalog.extensions.iter().flat_map(|extension| &extension.components);
            let mend = match alike(name, all.map(|component| component.info.type_name.as_str())) {
                _ if name == OR_COMBINER => {
                    "GXF 4.1 or later, or a PeriodicSchedulingTerm in place of it and of its terms, as in graphs/gxf-4.0".into()
                }
                Some(other) => format!("{other}, or the extension that has it in the manifest"),
                None => "the extension that has it in the manifest".into(),
            };
            return self.find(place, format!("no loaded extension has the type {name}"), mend);
        };
        if known.info.is_abstract {
            self.find(&place, format!("{name} is abstract: nothing can be made of it"), "a type that derives from it");
        }
        for (key, value) in &component.parameters {
            let Some(key) = key.as_str() else {
                self.find(&place, "a key of its parameters is no text", "keys as the type declares them");
                continue;
            };
            match known.parameters.iter().find(|parameter| parameter.info.key == key) {
                Some(parameter) => self.parameter(at, &format!("{place}/{key}"), parameter, value),
                None => {
                    let keys = known.parameters.iter().map(|parameter| parameter.info.key.as_str());
                    let mend = match alike(key, keys.clone()) {
                        Some(other) => other.to_owned(),
                        None if known.parameters.is_empty() => format!("no parameters for {}", short(name)),
                        None => keys.collect::<Vec<_>>().join(", "),
                    };
                    self.find(format!("{place}/{key}"), format!("{} has no such parameter", short(name)), mend);
                }
            }
        }
        for parameter in &known.parameters {
            // Of a type of its own GXF does not tell whether there is a default.
            let certain = parameter.info.type_name != "GXF_PARAMETER_TYPE_CUSTOM";
            if certain && parameter.is_mandatory() && !component.parameters.contains_key(parameter.info.key.as_str()) {
                let mend = format!("a value: {}", parameter.info.headline);
                self.find(format!("{place}/{}", parameter.info.key), "it is mandatory and not set", mend);
            }
        }
    }

    fn parameter(&mut self, at: usize, place: &str, parameter: &catalog::Parameter, value: &Value) {
        if let Err((what, mend)) = value::fits(&parameter.info, value) {
            return self.find(place, what, mend);
        }
        let Some(wanted) = &parameter.handle_type else { return };
        let single;
        let values: &[Value] = match value {
            Value::Sequence(list) => list,
            other => {
                single = [other.clone()];
                &single
            }
        };
        for text in values.iter().filter_map(Value::as_str) {
            match self.graph.find(at, text) {
                None if self.is_in_subgraph(text) => {}
                None => {
                    let mend = format!("a component of type {}, as NAME or ENTITY/NAME", short(wanted));
                    self.find(place, format!("there is no component {}", gxf::quoted(text)), mend);
                }
                Some((entity, component)) => {
                    let is = &self.graph.entities[entity].components[component].type_name;
                    // A type that nobody knows is told where the component is.
                    if self.catalog.component(is).is_some() && !self.catalog.is_a(is, wanted) {
                        let what = format!("{} is a {}", gxf::quoted(text), short(is));
                        self.find(place, what, format!("a component of type {wanted}, or one that derives from it"));
                    }
                }
            }
        }
    }

    /// Whether only another file tells what `text` refers to: its entity holds a subgraph, or comes out of one.
    fn is_in_subgraph(&self, text: &str) -> bool {
        let Some((name, _)) = text.rsplit_once('/') else { return false };
        self.graph.entities.iter().any(|entity| {
            let rest = if entity.name.is_empty() { None } else { name.strip_prefix(&entity.name) };
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                && entity.components.iter().any(|component| component.type_name == SUBGRAPH)
        })
    }

    /// A reference is cut at its "/". Of two components with one name GXF makes both, and a reference means one of them.
    fn names(&mut self, at: usize) {
        let entity = &self.graph.entities[at];
        let mut seen = HashSet::new();
        for component in entity.components.iter().filter(|component| !component.name.is_empty()) {
            if !seen.insert(&component.name) {
                let place = format!("{}/{}", entity.label(), component.name);
                self.find(place, "another component of the entity has this name", "a name of its own for each");
            }
        }
        if entity.name.contains('/') {
            self.find(entity.label(), "nothing can refer to a name with \"/\" in it", "a name without");
        }
    }

    fn dependencies(&mut self) {
        let catalog = self.catalog;
        let mut used: Vec<&catalog::Extension> = Vec::new();
        for component in self.graph.entities.iter().flat_map(|entity| &entity.components) {
            if let Some((extension, _)) = catalog.component(&component.type_name)
                && !used.iter().any(|other| other.info.tid == extension.info.tid)
            {
                used.push(extension);
            }
        }
        let entry = |extension: &catalog::Extension| {
            let info = &extension.info;
            format!("{{extension: {}, uuid: {}, version: {}}}", info.name, info.tid, info.version)
        };
        if self.graph.dependencies.is_empty() {
            let entries: Vec<_> = used.iter().map(|extension| entry(extension)).collect();
            self.notes.push(format!(
                "Composer and the registry want a document that says \"dependencies: [{}]\"",
                entries.join(", ")
            ));
            return;
        }
        for extension in used {
            let info = &extension.info;
            let uuid = info.tid.to_string();
            let listed = self.graph.dependencies.iter().find(|each| each.uuid.as_ref() == Some(&uuid));
            match listed {
                None => self.find("dependencies", format!("{} is not listed", info.name), entry(extension)),
                Some(each) if each.version.as_ref() != Some(&info.version) => {
                    let listed = each.version.as_deref().unwrap_or("no version");
                    let what = format!("{} is listed with {listed}, and loaded is {}", info.name, info.version);
                    self.notes.push(format!("dependencies: {what}: the registry looks for what is listed"));
                }
                Some(each) if each.extension.as_ref() != Some(&info.name) => {
                    self.find("dependencies", format!("{uuid} is called {}", info.name), entry(extension));
                }
                Some(_) => {}
            }
        }
    }
}

/// The name that is meant, if one is near.
fn alike<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(short(name), short(other));
    let best = all.map(|other| (likeness(other), other)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= LIKENESS).then_some(best.1)
}
