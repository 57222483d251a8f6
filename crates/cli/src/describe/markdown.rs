//! The description as a document: one chapter per extension, one section with a table per component.
//! It leaves words for types, flags and ranges to `describe`.
//! Extensions, components and parameters stay in their order.

use std::fmt::Write;

use super::{default_words, flag_words, range_words, type_words};
use crate::catalog::{Component, Extension, Parameter};

const HEAD: &str = "\
# Components

<!-- Written by `make docs` (smart-record describe --format markdown) from the built extensions. Do not edit. -->

What the GXF runtime says of the extensions, which is what Composer and the registry show. \"Mandatory\" means that a graph must
set the parameter; where a default is given, that is the value without.
";

/// All of `extensions` as Markdown.
pub(super) fn markdown(extensions: &[Extension]) -> String {
    let mut out = String::from(HEAD);
    out.extend(extensions.iter().map(extension));
    out
}

fn extension(extension: &Extension) -> String {
    let info = &extension.info;
    let mut out = format!("\n## {}\n\n{}\n\n", escaped(&info.name), escaped(&info.description));
    let rows = [
        ("display name", escaped(&info.display_name)),
        ("brief", escaped(&info.brief)),
        ("category", escaped(&info.category)),
        ("version", escaped(&info.version)),
        ("uuid", format!("`{}`", info.tid)),
        ("author", escaped(&info.author)),
        ("license", escaped(&info.license)),
    ];
    out += "| | |\n|---|---|\n";
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {name} | {value} |");
    }
    out.extend(extension.components.iter().map(component));
    out
}

fn component(component: &Component) -> String {
    let info = &component.info;
    let mut out = format!("\n### {}\n\n", escaped(&info.type_name));
    let sentence = |text: &str| match text.is_empty() {
        true => String::new(),
        false => format!("{}. ", escaped(text.trim_end_matches('.'))),
    };
    let base = match info.base_name.as_str() {
        "" => "no base type".to_owned(),
        base => format!("base type `{base}`"),
    };
    let kind = if info.is_abstract { ", abstract" } else { "" };
    let texts = sentence(&info.brief) + &sentence(&info.description);
    let _ =
        writeln!(out, "**{}**: {}\n\nId `{}`, {base}{kind}.", escaped(&info.display_name), texts.trim_end(), info.tid);
    if !component.parameters.is_empty() {
        out += "\n| parameter | type | default | range | meaning |\n|---|---|---|---|---|\n";
        out.extend(component.parameters.iter().map(row));
    }
    out
}

fn row(parameter: &Parameter) -> String {
    let info = &parameter.info;
    let flags: String = flag_words(parameter).iter().map(|word| format!(", {word}")).collect();
    format!(
        "| `{}` | {}{flags} | {} | {} | **{}.** {} |\n",
        info.key,
        escaped(&type_words(parameter)),
        default_words(parameter).map(|value| escaped(&value)).unwrap_or_default(),
        range_words(parameter).unwrap_or_default(),
        escaped(&info.headline),
        escaped(&info.description),
    )
}

/// `text` as it stands, whatever Markdown or HTML would make of it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => out.extend(['\\', character]),
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '\n' => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_markup() {
        assert_eq!(escaped("a|b_c <d> [e](f)\n*g*"), "a\\|b\\_c &lt;d> \\[e\\](f) \\*g\\*");
    }
}
