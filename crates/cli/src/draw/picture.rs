//! [`Picture`]: the boxes, rows and arrows that a graph comes to.
//! A connection is an arrow and no row; an entity with nothing else is no box.
//! It leaves places and looks to `layout` and `svg`.

use std::collections::HashMap;

use serde_yaml::Value;

use crate::{
    catalog::Catalog,
    graph_file::{Component, Graph, short},
};

/// What joins a transmitter to a receiver, and everything that stands for it.
const CONNECTION: &str = "nvidia::gxf::Connection";
/// A place in a graph: entity and component. In a picture: box and row.
type Place = (usize, usize);

/// What is to be drawn.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub boxes: Vec<EntityBox>,
    pub arrows: Vec<Arrow>,
}

/// An entity.
#[derive(Debug, PartialEq)]
pub(super) struct EntityBox {
    /// Its name; empty if it has none.
    pub title: String,
    pub rows: Vec<Row>,
}

/// A component.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its type without namespaces.
    pub type_name: String,
}

/// From one row to another.
#[derive(Debug, PartialEq)]
pub(super) struct Arrow {
    pub from: Place,
    pub to: Place,
    pub kind: Kind,
    /// The connection's type or the parameter's key.
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages go this way.
    Messages,
    /// A parameter of the first names the second.
    Refers,
}

impl Picture {
    pub fn of(graph: &Graph, catalog: &Catalog) -> Self {
        let mut picture = Self::default();
        let mut places: HashMap<Place, Place> = HashMap::new();
        for (at, entity) in graph.entities.iter().enumerate() {
            let mut rows = Vec::new();
            for (index, component) in entity.components.iter().enumerate() {
                if ends(graph, catalog, at, component).is_none() {
                    places.insert((at, index), (picture.boxes.len(), rows.len()));
                    let type_name = short(&component.type_name).to_owned();
                    rows.push(Row { name: component.name.clone(), type_name });
                }
            }
            if !rows.is_empty() || entity.components.is_empty() {
                picture.boxes.push(EntityBox { title: entity.name.clone(), rows });
            }
        }
        for (at, entity) in graph.entities.iter().enumerate() {
            for (index, component) in entity.components.iter().enumerate() {
                let mut arrow = |from: &Place, to: &Place, kind, label: &str| {
                    if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
                        picture.arrows.push(Arrow { from: *from, to: *to, kind, label: label.to_owned() });
                    }
                };
                match ends(graph, catalog, at, component) {
                    Some([source, target]) => {
                        arrow(&source, &target, Kind::Messages, short(&component.type_name));
                    }
                    None => {
                        for (key, place) in references(graph, catalog, at, component) {
                            arrow(&(at, index), &place, Kind::Refers, key);
                        }
                    }
                }
            }
        }
        picture
    }
}

/// The two ends of a connection that has them.
fn ends(graph: &Graph, catalog: &Catalog, at: usize, component: &Component) -> Option<[Place; 2]> {
    if !catalog.is_a(&component.type_name, CONNECTION) {
        return None;
    }
    let end = |key: &str| graph.find(at, component.parameters.get(key)?.as_str()?);
    Some([end("source")?, end("target")?])
}

/// What the component's parameters refer to: handles, and types of GXF's own that are lists of them.
fn references<'a>(graph: &Graph, catalog: &Catalog, at: usize, component: &'a Component) -> Vec<(&'a str, Place)> {
    let known = catalog.component(&component.type_name);
    let refers = |key: &str| {
        let parameter = known.and_then(|(_, known)| known.parameters.iter().find(|each| each.info.key == key));
        parameter.is_some_and(|each| each.handle_type.is_some() || each.info.type_name == "GXF_PARAMETER_TYPE_CUSTOM")
    };
    let mut found = Vec::new();
    for (key, value) in &component.parameters {
        let Some(key) = key.as_str().filter(|key| refers(key)) else { continue };
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Sequence(list) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        found.extend(texts.into_iter().filter_map(|text| graph.find(at, text)).map(|place| (key, place)));
    }
    found
}
