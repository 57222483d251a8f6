//! `smart-record draw`: a picture of a graph for those who have no Composer, as SVG.
//! Entities are boxes with their components in them; arrows are connections, and what parameters refer to.
//! It leaves what is in the picture to `picture`, where it goes to `layout`, and how it looks to `svg`.

mod layout;
mod picture;
mod svg;

use std::path::PathBuf;

use crate::{catalog::Catalog, check, error::Error, graph_file::Graph, manifest};

const HELP: &str = "\
Example:
  smart-record draw graphs/kafka.yaml -o kafka.svg

Solid arrows are the way of messages, from a transmitter to a receiver. Dashed ones say what a parameter of a component refers
to. Exit status: 0, or 1 if there is no graph, no GXF runtime, or the picture cannot be written.";

/// What to draw, and where to.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// The files of a graph, in their order.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The picture.
    #[arg(short, long, value_name = "FILE.svg")]
    output: PathBuf,
    /// Manifests that list the extensions to load, as for gxe. None: the manifest.yaml beside the graph.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    manifest: Vec<PathBuf>,
    /// Folder of libgxf_core.so; else GXF_ROOT, the nearest .gxf folder, or /opt/nvidia/graph-composer.
    #[arg(long = "gxf-root", alias = "gxf_root", value_name = "DIR")]
    gxf_root: Option<PathBuf>,
}

/// Draws the graph.
///
/// # Errors
/// A file cannot be read or written or is no graph or manifest, there is no runtime, or an extension cannot be loaded.
pub fn run(options: &Options) -> Result<(), Error> {
    let graph = Graph::read(&options.files)?;
    let mut libraries = Vec::new();
    let first = options.files.first().cloned().unwrap_or_default();
    for file in check::manifests(&options.manifest, &first) {
        libraries.extend(manifest::extensions(&file)?);
    }
    // Which parameters refer to components is what the types say.
    let (_context, catalog) = Catalog::load(options.gxf_root.as_deref(), &libraries)?;
    let picture = picture::Picture::of(&graph, &catalog);
    let text = svg::svg(&picture, &layout::places(&picture));
    std::fs::write(&options.output, text).map_err(|source| Error::Unwritable { path: options.output.clone(), source })
}
