//! [`Catalog`]: what a GXF runtime says of the extensions that are loaded into it, as it says it.
//! Standard first, then the libraries in their order, each by itself, so that every type is known by who brought it.
//! It leaves showing it to `describe`, and judging by it to `check`.

use std::path::{Path, PathBuf};

use gxf::{
    ComponentDescription, ExtensionDescription, GraphContext, ParameterDescription, Runtime, Tid, log::Severity,
};

use crate::error::Error;

/// File of GXF's standard extension: nearly all others need it.
pub const STANDARD_FILE: &str = "libgxf_std.so";
/// For GXF's list of manifests.
const NO_PATHS: &[&Path] = &[];

/// All extensions of a runtime, in the order in which they were loaded.
#[derive(Debug)]
pub struct Catalog {
    /// Version of the runtime.
    pub runtime_version: String,
    /// The extensions.
    pub extensions: Vec<Extension>,
}

/// One extension.
#[derive(Debug)]
pub struct Extension {
    /// The library it came from.
    pub library: PathBuf,
    /// Its texts.
    pub info: ExtensionDescription,
    /// Its component types.
    pub components: Vec<Component>,
    /// What the runtime has no answer about: such a component or parameter is unknown to every tool.
    pub unanswered: Vec<gxf::Error>,
}

/// One component type.
#[derive(Debug)]
pub struct Component {
    /// Its texts.
    pub info: ComponentDescription,
    /// Its parameters, those of its base types included.
    pub parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its texts and limits.
    pub info: ParameterDescription,
    /// For a handle: the name of the type that it points to.
    pub handle_type: Option<String>,
}

impl Parameter {
    /// A graph must set it.
    pub fn is_mandatory(&self) -> bool {
        !self.info.optional && !self.info.has_default
    }

    /// Type in lower case without GXF's prefix: `uint32`, `handle`.
    pub fn short_type(&self) -> String {
        self.info.type_name.trim_start_matches("GXF_PARAMETER_TYPE_").to_lowercase()
    }
}

impl Catalog {
    /// Loads the runtime, its standard extension unless `libraries` has it, and `libraries`.
    /// GXF's log then has errors only.
    ///
    /// # Errors
    /// There is no runtime, a library is no file, or the runtime refuses it; the last stands in GXF's log too.
    pub fn load(root: Option<&Path>, libraries: &[PathBuf]) -> Result<(GraphContext, Self), Error> {
        let runtime = Runtime::load(root)?;
        let graph = runtime.context()?;
        graph.set_severity(Some(Severity::Error))?;
        let mut catalog = Self { runtime_version: runtime.version()?, extensions: Vec::new() };
        if !libraries.iter().any(|library| is_standard(library)) {
            catalog.add(&graph, &runtime.library(STANDARD_FILE)?)?;
        }
        for library in libraries {
            catalog.add(&graph, library)?;
        }
        Ok((graph, catalog))
    }

    /// Loads one more extension.
    ///
    /// # Errors
    /// As [`Catalog::load`].
    pub fn add(&mut self, graph: &GraphContext, library: &Path) -> Result<(), Error> {
        let unreadable = |source| Error::Extension { path: library.into(), source };
        // A name without a folder would be looked for where system libraries are.
        let path = library.canonicalize().map_err(unreadable)?;
        let before = graph.extensions()?;
        graph.load_extensions(&[&path], NO_PATHS, None)?;
        for tid in graph.extensions()?.into_iter().filter(|tid| !before.contains(tid)) {
            self.extensions.push(Extension::ask(graph, tid, library)?);
        }
        Ok(())
    }

    /// The component type with this name, and the extension that has it.
    pub fn component(&self, type_name: &str) -> Option<(&Extension, &Component)> {
        self.extensions.iter().find_map(|extension| {
            let found = extension.components.iter().find(|component| component.info.type_name == type_name);
            found.map(|component| (extension, component))
        })
    }

    /// Whether `type_name` is `base` or derives from it.
    pub fn is_a(&self, type_name: &str, base: &str) -> bool {
        let mut name = type_name;
        // As many steps as there could be types: a circle of bases ends, too.
        for _ in 0..64 {
            if name == base {
                return true;
            }
            match self.component(name) {
                Some((_, component)) if !component.info.base_name.is_empty() => name = &component.info.base_name,
                _ => return false,
            }
        }
        false
    }
}

impl Extension {
    fn ask(graph: &GraphContext, tid: Tid, library: &Path) -> Result<Self, Error> {
        let info = graph.extension_info(tid)?;
        let mut extension = Self { library: library.into(), info, components: Vec::new(), unanswered: Vec::new() };
        for tid in &extension.info.components {
            let info = match graph.component_info(*tid) {
                Ok(info) => info,
                Err(error) => {
                    extension.unanswered.push(error);
                    continue;
                }
            };
            let mut parameters = Vec::new();
            for key in &info.parameters {
                match graph.parameter_info(*tid, key) {
                    Ok(info) => {
                        let handle_type = info.handle.map(|tid| type_name(graph, tid));
                        parameters.push(Parameter { info, handle_type });
                    }
                    Err(error) => extension.unanswered.push(error),
                }
            }
            extension.components.push(Component { info, parameters });
        }
        Ok(extension)
    }
}

/// Whether this is GXF's standard extension, by the name of its file.
pub fn is_standard(library: &Path) -> bool {
    library.file_name().is_some_and(|name| name == STANDARD_FILE)
}

/// The name of a type, or its id where the runtime does not know it.
fn type_name(graph: &GraphContext, tid: Tid) -> String {
    graph.component_info(tid).map_or_else(|_| tid.to_string(), |info| info.type_name)
}
