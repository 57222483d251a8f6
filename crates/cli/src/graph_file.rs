//! [`Graph`]: what graph files say, put together as GXF's loader does, without a runtime.
//! A later document adds to an entity of the same name, and to a component of the same name in it.
//! It leaves whether that is right to `check`, and how it looks to `draw`.

use std::{collections::HashSet, path::PathBuf};

use serde::Deserialize;
use serde_yaml::Mapping;

use crate::error::Error;

/// All entities of one or more files.
#[derive(Debug, Default)]
pub struct Graph {
    /// In the order of their first appearance.
    pub entities: Vec<Entity>,
    /// The extensions that the graph says it needs.
    pub dependencies: Vec<Dependency>,
}

/// One entity.
#[derive(Debug, Default)]
pub struct Entity {
    /// Empty: the runtime picks one.
    pub name: String,
    /// Its components, in their order.
    pub components: Vec<Component>,
}

/// One component.
#[derive(Debug, Default)]
pub struct Component {
    /// Empty: nothing can refer to it by name.
    pub name: String,
    /// Empty: no file says it.
    pub type_name: String,
    /// Keys and values; of the same key the last counts.
    pub parameters: Mapping,
}

/// One of the document with `dependencies`.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// Name.
    pub extension: Option<String>,
    /// Id.
    pub uuid: Option<String>,
    /// Version.
    pub version: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    name: Option<String>,
    components: Option<Vec<RawComponent>>,
    dependencies: Option<Vec<Dependency>>,
}

#[derive(Deserialize)]
struct RawComponent {
    name: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    parameters: Option<Mapping>,
}

impl Graph {
    /// Reads `files` in their order.
    ///
    /// # Errors
    /// A file cannot be read or is no graph; the message says where.
    pub fn read(files: &[PathBuf]) -> Result<Self, Error> {
        let mut graph = Self::default();
        for path in files {
            let text =
                std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            graph.add(&text).map_err(|reason| Error::NoGraphFile { path: path.clone(), reason })?;
        }
        Ok(graph)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        for document in serde_yaml::Deserializer::from_str(text) {
            // Not by way of a value: a name that looks like a number is a text, as it is for GXF.
            let document = Option::<Document>::deserialize(document).map_err(|error| error.to_string())?;
            let Some(document) = document else { continue };
            self.dependencies.extend(document.dependencies.into_iter().flatten());
            if let Some(components) = document.components {
                self.add_entity(document.name.unwrap_or_default(), components);
            }
        }
        Ok(())
    }

    fn add_entity(&mut self, name: String, components: Vec<RawComponent>) {
        let known = self.entities.iter().position(|entity| !name.is_empty() && entity.name == name);
        let at = known.unwrap_or_else(|| {
            self.entities.push(Entity { name, components: Vec::new() });
            self.entities.len() - 1
        });
        let entity = &mut self.entities[at];
        // Two of one name and with a type in one document are two for GXF, too.
        let mut made = HashSet::new();
        for RawComponent { name, type_name, parameters } in components {
            let name = name.unwrap_or_default();
            let another = type_name.is_some() && !made.insert(name.clone());
            let same = |component: &Component| !another && !name.is_empty() && component.name == name;
            let known = entity.components.iter().position(same);
            let at = known.unwrap_or_else(|| {
                entity.components.push(Component { name, ..Component::default() });
                entity.components.len() - 1
            });
            let component = &mut entity.components[at];
            if let Some(type_name) = type_name {
                component.type_name = type_name;
            }
            component.parameters.extend(parameters.unwrap_or_default());
        }
    }

    /// Where the component is that `text` names in a parameter of a component in entity `from`: `ENTITY/COMPONENT`, or
    /// `COMPONENT` of the same entity.
    pub fn find(&self, from: usize, text: &str) -> Option<(usize, usize)> {
        let (entity, name) = match text.rsplit_once('/') {
            Some((entity, name)) => (self.entities.iter().position(|each| each.name == entity)?, name),
            None => (from, text),
        };
        let components = &self.entities[entity].components;
        let found = components.iter().position(|component| !name.is_empty() && component.name == name)?;
        Some((entity, found))
    }
}

impl Entity {
    /// Its name, or words for one without.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { "(entity without a name)" } else { &self.name }
    }
}

impl Component {
    /// Its name, or else its type.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { short(&self.type_name) } else { &self.name }
    }
}

/// A type's name without its namespaces.
pub fn short(type_name: &str) -> &str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(texts: &[&str]) -> Graph {
        let mut graph = Graph::default();
        texts.iter().for_each(|text| graph.add(text).unwrap());
        graph
    }

    #[test]
    fn a_later_file_adds_to_what_is_there() {
        let graph = graph(&[
            "%YAML 1.2\n---\ndependencies:\n- {extension: A, uuid: b, version: 1.0.0}\n---\nname: e\nui_property: {position: {x: 1.0, y: 2.0}}\n\
             components:\n- {name: a, type: x::A, parameters: {k: 1, l: 2}}\n- {type: x::B}\n",
            "name: e\ncomponents:\n- {name: a, parameters: {k: 3}}\n- {name: c, type: x::C}\n---\n---\ncomponents:\n- {type: x::D}\n",
        ]);
        assert_eq!(graph.dependencies.len(), 1);
        let entities: Vec<_> = graph.entities.iter().map(|each| (each.label(), each.components.len())).collect();
        assert_eq!(entities, [("e", 3), ("(entity without a name)", 1)]);
        let first = &graph.entities[0].components[0];
        assert_eq!(
            (first.type_name.as_str(), first.parameters["k"].as_u64(), first.parameters["l"].as_u64()),
            ("x::A", Some(3), Some(2))
        );
        assert_eq!(graph.entities[0].components[1].label(), "B");
        assert_eq!((graph.find(0, "c"), graph.find(1, "e/a"), graph.find(1, "a")), (Some((0, 2)), Some((0, 0)), None));
        assert_eq!((graph.find(0, ""), graph.find(0, "e/"), graph.find(0, "other/a")), (None, None, None));
    }

    #[test]
    fn scalars_are_names() {
        let graph =
            graph(&["name: 7\ncomponents:\n- {name: 1.10, type: x::A}\n- {name: true, type: 0x10}\n", "", "---\n"]);
        let components: Vec<_> =
            graph.entities[0].components.iter().map(|each| (each.label(), each.type_name.as_str())).collect();
        assert_eq!((graph.entities[0].label(), components), ("7", vec![("1.10", "x::A"), ("true", "0x10")]));
        assert_eq!(graph.find(0, "7/1.10"), Some((0, 0)));
    }

    #[test]
    fn what_is_no_graph_says_so() {
        for text in ["components: 5", "name: [a]\ncomponents: []", "a: [", "just words", "components:\n- 5\n"] {
            assert!(Graph::default().add(text).is_err(), "{text:?}");
        }
    }
}
