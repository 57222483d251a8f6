//! The description for a terminal: one block per extension, component and parameter, wrapped at 100 columns.
//! It leaves words for types, flags and ranges to `describe`.
//! Extensions, components and parameters stay in their order.

use std::fmt::Write;

use super::{default_words, flag_words, range_words, type_words};
use crate::catalog::{Component, Extension, Parameter};

const WIDTH: usize = 100;

/// All of `extensions` as text.
pub(super) fn text(extensions: &[Extension]) -> String {
    extensions.iter().map(extension).collect::<Vec<_>>().join("\n")
}

fn extension(extension: &Extension) -> String {
    let info = &extension.info;
    let rows = [
        ("display name", info.display_name.clone()),
        ("category", info.category.clone()),
        ("brief", info.brief.clone()),
        ("description", info.description.clone()),
        ("uuid", info.tid.to_string()),
        ("author", info.author.clone()),
        ("license", info.license.clone()),
        ("GXF version", info.runtime_version.clone()),
        ("components", extension.components.len().to_string()),
    ];
    let mut out = format!("{} {}\n", info.name, info.version);
    for (name, value) in rows {
        out += &paragraph(&format!("  {name:<14}"), &value);
    }
    out.extend(extension.components.iter().map(component));
    out
}

fn component(component: &Component) -> String {
    let info = &component.info;
    let kind = match (info.is_abstract, info.base_name.as_str()) {
        (false, "") => String::new(),
        (true, "") => " (abstract)".into(),
        (false, base) => format!(" (a {base})"),
        (true, base) => format!(" (a {base}, abstract)"),
    };
    let mut out = format!("\n{}{kind}\n", info.type_name);
    let texts = [
        ("display name", &info.display_name),
        ("brief", &info.brief),
        ("description", &info.description),
        ("id", &info.tid.to_string()),
    ];
    for (name, value) in texts {
        out += &paragraph(&format!("  {name:<14}"), value);
    }
    out.extend(component.parameters.iter().map(parameter));
    out
}

fn parameter(parameter: &Parameter) -> String {
    let mut facts = vec![type_words(parameter)];
    facts.extend(flag_words(parameter).into_iter().map(str::to_owned));
    facts.extend(default_words(parameter).map(|value| format!("default {value}")));
    facts.extend(range_words(parameter));
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n  {}: {}", parameter.info.key, facts.join(", "));
    out += &paragraph("      ", &parameter.info.headline);
    out += &paragraph("      ", &parameter.info.description);
    out
}

/// `text` behind `lead`, its further lines below its first. Nothing for no text.
fn paragraph(lead: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let indent = " ".repeat(lead.chars().count());
    let options = textwrap::Options::new(WIDTH).initial_indent(lead).subsequent_indent(&indent).break_words(false);
    textwrap::fill(text, options) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_below_their_beginning() {
        let long = "word ".repeat(30);
        let out = paragraph("  brief ", &long);
        assert!(out.lines().count() == 2 && out.lines().all(|line| line.len() <= WIDTH), "{out}");
        assert!(out.starts_with("  brief word") && out.lines().nth(1).unwrap().starts_with("        word"), "{out}");
        assert_eq!(paragraph("  brief ", ""), "");
    }
}
