//! A configuration as both of DeepStream's forms have it: groups of keys with values, in the order of the file.
//! Values are text; what is a number is read where it is used.
//! It leaves the two forms to `key_file` and `yaml`.

/// `[source0]` and its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Without the brackets.
    pub name: String,
    /// In the order of the file; a key may be there twice.
    pub entries: Vec<Entry>,
}

/// A key and its value, without blanks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value; may be empty.
    pub value: String,
}

impl Group {
    /// The value of `key`; of a key given twice the last counts, as in DeepStream.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().rev().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// As [`Group::get`]; an empty value is none.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// The number N of a group called `<prefix>N`.
    pub fn number(&self, prefix: &str) -> Option<u32> {
        let digits = self.name.strip_prefix(prefix)?;
        // `parse` alone would take a sign.
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    }
}

/// The part of a value that DeepStream reads a number from: GLib stops at a blank, and NVIDIA's samples have comments
/// behind it (`type=4 # RTSP`).
pub fn up_to_blank(value: &str) -> &str {
    value.split_ascii_whitespace().next().unwrap_or_default()
}

/// The pieces of a list separated by `;` (`\;` is part of a piece), without blanks around them; empty ones are none.
pub fn list(value: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next_if_eq(&';').is_some() => piece.push(';'),
            ';' => pieces.push(std::mem::take(&mut piece)),
            c => piece.push(c),
        }
    }
    pieces.push(piece);
    pieces.iter().map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_key_counts() {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        let group = Group { name: "source12".into(), entries: vec![entry("a", "1"), entry("b", ""), entry("a", "2")] };
        assert_eq!((group.get("a"), group.get("b"), group.get("c")), (Some("2"), Some(""), None));
        assert_eq!((group.text("a"), group.text("b")), (Some("2"), None));
        assert_eq!((group.number("source"), group.number("sink")), (Some(12), None));
        for name in ["source", "source-1", "source+1", "source1x", "source99999999999"] {
            assert_eq!(Group { name: name.into(), entries: Vec::new() }.number("source"), None, "{name}");
        }
    }

    #[test]
    fn a_number_ends_at_a_blank() {
        for (value, number) in [("4", "4"), (" 4 # RTSP", "4"), ("1\t;on", "1"), ("1;on", "1;on"), ("", "")] {
            assert_eq!(up_to_blank(value), number);
        }
    }

    #[test]
    fn lists_are_cut_at_semicolons() {
        assert_eq!(list("a; b ;;c;"), ["a", "b", "c"]);
        assert_eq!(list(r"a\;b;c\d"), ["a;b", r"c\d"]);
        assert!(list(" ; ").is_empty());
    }
}
