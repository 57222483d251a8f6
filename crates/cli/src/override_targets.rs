//! Which entities and components the graph files name, to find a `--param` that would set nothing.
//! GXF 4.1 passes over such a value without a word; gxe does, too.
//! It leaves everything else about a graph, wrong YAML included, to GXF.

use std::{collections::HashSet, path::Path};

use serde::Deserialize;

/// Entity and component of every parameter that a graph file can have set from the command line.
#[derive(Debug, Default)]
pub struct OverrideTargets(HashSet<(String, String)>);

#[derive(Deserialize)]
struct Entity {
    name: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

/// GXF's loader knows a component by its name or by its type.
#[derive(Deserialize)]
struct Component {
    name: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
}

impl OverrideTargets {
    /// Adds what `file` names. A document that is no entity adds nothing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn add(&mut self, file: &Path) -> std::io::Result<()> {
        let text = std::fs::read(file)?;
        for document in serde_yaml::Deserializer::from_slice(&text) {
            // After a syntax error serde_yaml would hand out the same error for ever.
            let Ok(document) = serde_yaml::Value::deserialize(document) else { break };
            let Ok(Entity { name: Some(entity), components }) = serde_yaml::from_value(document) else {
                continue;
            };
            let known = components.into_iter().flat_map(|component| [component.name, component.type_name]);
            self.0.extend(known.flatten().map(|component| (entity.clone(), component)));
        }
        Ok(())
    }

    /// Whether a graph has this component.
    pub fn has(&self, entity: &str, component: &str) -> bool {
        self.0.contains(&(entity.to_owned(), component.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> OverrideTargets {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("graph.yaml");
        std::fs::write(&path, text).unwrap();
        let mut targets = OverrideTargets::default();
        targets.add(&path).unwrap();
        targets
    }

    #[test]
    fn components_are_known_by_name_and_by_type() {
        let targets = targets(
            "%YAML 1.2\n---\nname: tx\ncomponents:\n- name: signal\n  type: nvidia::gxf::DoubleBufferTransmitter\n\
             - type: x::Y\n  parameters: {k: [1, !a b]}\n---\n# nothing\n---\nname: rx\ncomponents:\n- name: signal\n",
        );
        assert!(targets.has("tx", "signal") && targets.has("rx", "signal"));
        assert!(targets.has("tx", "nvidia::gxf::DoubleBufferTransmitter") && targets.has("tx", "x::Y"));
        assert!(!targets.has("rx", "x::Y") && !targets.has("signal", "tx"));
    }

    #[test]
    fn what_is_no_graph_names_nothing() {
        for text in ["", "just text", "- a\n- b\n", "a: [", "\u{0}\u{1}", "name: e\ncomponents: 5\n"] {
            assert!(targets(text).0.is_empty(), "{text:?}");
        }
    }
}
