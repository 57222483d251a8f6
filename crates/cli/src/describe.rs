//! `smart-record describe`: prints everything that a GXF runtime says of an extension, for people, documents and programs.
//! Nothing comes from our own tables: what is printed is what Composer and the registry get to see.
//! It leaves the three forms to `text`, `markdown` and `json`, and asking and order to `catalog` and the runtime.

mod json;
mod markdown;
mod text;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    catalog::{Catalog, Extension, Parameter},
    error::Error,
};

/// The extensions that are built with this program.
const OWN: [&str; 2] = ["libgxf_nvds_smart_record.so", "libgxf_nvds_cloud_msg.so"];

const HELP: &str = "\
Examples:
  smart-record describe
  smart-record describe target/release/libgxf_nvds_smart_record.so --format markdown
  smart-record describe .gxf/lib/libgxf_std.so --format json

Exit status: 0, or 1 if there is no GXF runtime, or it cannot load an extension or has no answer about a part of it.";

/// Options of the description.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// Extensions to describe, in the order in which they are loaded; the standard extension comes first by itself.
    /// None: those that lie beside this program.
    #[arg(value_name = "EXTENSION.so")]
    extensions: Vec<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Folder of libgxf_core.so; else GXF_ROOT, the nearest .gxf folder, or /opt/nvidia/graph-composer.
    #[arg(long = "gxf-root", alias = "gxf_root", value_name = "DIR")]
    gxf_root: Option<PathBuf>,
}

/// Forms of a description.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For reading in a terminal.
    Text,
    /// A document: docs/components.md is made so.
    Markdown,
    /// For programs: one object, all that is known.
    Json,
}

/// Prints the description.
///
/// # Errors
/// No runtime, an extension that cannot be loaded, or one about which the runtime has no answer.
pub fn run(options: Options) -> Result<(), Error> {
    let libraries = match options.extensions.is_empty() {
        true => beside_this_program()?,
        false => options.extensions,
    };
    let (_graph, catalog) = Catalog::load(options.gxf_root.as_deref(), &libraries)?;
    let described = chosen(catalog.extensions, &libraries)?;
    let text = match options.format {
        Format::Text => text::text(&described),
        Format::Markdown => markdown::markdown(&described),
        Format::Json => json::json(&catalog.runtime_version, &described),
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stdout)
}

/// Those that came from `libraries`; what the runtime cannot say of others is nobody's question.
///
/// # Errors
/// The runtime has no answer about a part of one.
fn chosen(extensions: Vec<Extension>, libraries: &[PathBuf]) -> Result<Vec<Extension>, Error> {
    let chosen = extensions.into_iter().filter(|extension| libraries.contains(&extension.library));
    chosen
        .map(|mut extension| match extension.unanswered.pop() {
            Some(error) => Err(error.into()),
            None => Ok(extension),
        })
        .collect()
}

/// Own extensions in the folder of this program.
fn beside_this_program() -> Result<Vec<PathBuf>, Error> {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("."));
    let found: Vec<_> = OWN.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    if found.is_empty() { Err(Error::NoExtension { folder: folder.into() }) } else { Ok(found) }
}

/// The type in words: `uint32`, `handle of nvidia::gxf::Receiver`, `string[]`.
fn type_words(parameter: &Parameter) -> String {
    let mut words = parameter.short_type();
    if let Some(target) = &parameter.handle_type {
        words += " of ";
        words += target;
    }
    let length = |length: &i32| if *length < 0 { String::new() } else { length.to_string() };
    let dimensions: String = parameter.info.shape.iter().map(|each| format!("[{}]", length(each))).collect();
    words + &dimensions
}

/// What a graph may do with it, beside the type.
fn flag_words(parameter: &Parameter) -> Vec<&'static str> {
    let mut words = Vec::new();
    if parameter.is_mandatory() {
        words.push("mandatory");
    }
    if parameter.info.optional && !parameter.info.has_default {
        words.push("optional");
    }
    if parameter.info.dynamic {
        words.push("may change while the graph runs");
    }
    words
}

/// The default in words.
fn default_words(parameter: &Parameter) -> Option<String> {
    match &parameter.info.default {
        Some(value) => Some(value.to_string()),
        None => parameter.info.has_default.then(|| "(not a single value)".into()),
    }
}

/// The range in words, with its step.
fn range_words(parameter: &Parameter) -> Option<String> {
    let show = |value: &Option<gxf::ParameterValue>| value.as_ref().map(ToString::to_string);
    let mut words = match (show(&parameter.info.min), show(&parameter.info.max)) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("from {min}"),
        (None, Some(max)) => format!("up to {max}"),
        (None, None) => return None,
    };
    if let Some(step) = show(&parameter.info.step) {
        words += &format!(" in steps of {step}");
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(library: &str, unanswered: bool) -> Extension {
        let text = String::new;
        let info = gxf::ExtensionDescription {
            tid: gxf::Tid::parse("11111111-2222-3333-4444-555555555555"),
            name: text(),
            display_name: text(),
            category: text(),
            brief: text(),
            description: text(),
            version: text(),
            runtime_version: text(),
            author: text(),
            license: text(),
            components: Vec::new(),
        };
        let unanswered = unanswered.then(|| gxf::Error::Parameter("no answer".into())).into_iter().collect();
        Extension { library: library.into(), info, components: Vec::new(), unanswered }
    }

    #[test]
    fn only_of_what_is_described_an_answer_is_missed() {
        let all = || vec![extension("std.so", true), extension("a.so", false)];
        let found = chosen(all(), &["a.so".into()]).unwrap();
        assert_eq!(found.iter().map(|each| each.library.as_path()).collect::<Vec<_>>(), [Path::new("a.so")]);
        let error = chosen(all(), &["a.so".into(), "std.so".into()]).unwrap_err();
        assert_eq!(error.to_string(), "no answer");
    }
}
