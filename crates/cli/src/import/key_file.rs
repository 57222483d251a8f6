//! Reads the `.txt` form of a DeepStream configuration, a GLib key file: groups in order, repeated ones joined.
//! Own code: crates for INI files lose the order of groups, or take `;` for a comment, which here separates lists.
//! It leaves what groups and keys mean to others.

use std::collections::HashMap;

use super::groups::{Entry, Group};

/// Why a text is no key file.
#[derive(Debug, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// The groups of `text`, each at the place where it is named first.
///
/// # Errors
/// The first line that is neither a comment, a group, nor a key and its value; GLib refuses the file for it, too.
pub fn read(text: &str) -> Result<Vec<Group>, BadLine> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut current = None;
    for (index, line) in text.lines().enumerate() {
        let refuse = |reason: String| BadLine { line: index + 1, reason };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.strip_suffix(']').filter(|name| !name.is_empty() && !name.contains(['[', ']']));
            let name = name.ok_or_else(|| refuse("a group is written as [name]".into()))?;
            current = Some(*places.entry(name).or_insert_with(|| {
                groups.push(Group { name: name.into(), entries: Vec::new() });
                groups.len() - 1
            }));
            continue;
        }
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            return Err(refuse("it is neither a comment (#), a group ([name]), nor key=value".into()));
        };
        if key.is_empty() {
            return Err(refuse("there is no key before \"=\"".into()));
        }
        let group = current.and_then(|current: usize| groups.get_mut(current));
        let group = group.ok_or_else(|| refuse("a key comes before the first group".into()))?;
        group.entries.push(Entry { key: key.into(), value: unescaped(value) });
    }
    Ok(groups)
}

/// GLib's escapes; `\;` is left to the list that it is in, and what is no escape stays.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('s') => text.push(' '),
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('\\') => text.push('\\'),
            other => {
                text.push('\\');
                text.extend(other);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_in_the_order_of_the_file() {
        let text =
            "# comment\r\n\r\n[source1]\r\n uri = rtsp://h/a=b;c#d \n;odd=1\n[source0]\ntype=4\n[source1]\ntype=3\n";
        let groups = read(text).unwrap();
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["source1", "source0"]);
        assert_eq!(groups[0].get("uri"), Some("rtsp://h/a=b;c#d"));
        assert_eq!((groups[0].get("type"), groups[0].get(";odd")), (Some("3"), Some("1")));
    }

    #[test]
    fn escapes_are_those_of_glib() {
        let groups = read("[a]\nx=\\sa\\tb\\\\c\\;d\\x\\").unwrap();
        assert_eq!(groups[0].get("x"), Some(" a\tb\\c\\;d\\x\\"));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line, words) in [
            ("a=1\n", 1, "before the first group"),
            ("[a]\nb\n", 2, "key=value"),
            ("\n\n[a\n", 3, "[name]"),
            ("[]\n", 1, "[name]"),
            ("[a] x\n", 1, "[name]"),
            ("[a]\n=1\n", 2, "no key"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.line == line && error.reason.contains(words), "{text:?}: {error:?}");
        }
        assert_eq!(read("").unwrap(), []);
    }
}
