//! Shows a piece of foreign text inside an error message: quoted, escaped, cut to a fixed length.
//! So that a hostile message cannot flood a log or write control characters to a terminal.
//! It leaves the wording around it to `error`.

/// Characters of foreign text that a message repeats at most.
const MAX_SHOWN_CHARS: usize = 64;

/// `text` in double quotes, control characters escaped, cut after 64 characters.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// As [`quote`], without the quotes: for text that stands between other marks.
pub(crate) fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(MAX_SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if chars.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// A JSON value as an error message shows it: scalars by value, the rest by kind.
pub(crate) fn quote_value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "null".into(),
        serde_json::Value::Bool(b) => b.to_string(),
        serde_json::Value::Number(n) => n.to_string(),
        serde_json::Value::String(s) => quote(s),
        serde_json::Value::Array(_) => "an array".into(),
        serde_json::Value::Object(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_hostile_text_is_cut_and_escaped() {
        assert_eq!(quote("a\u{1b}[31m\n"), r#""a\u{1b}[31m\n""#);
        assert_eq!(quote(&"x".repeat(64)), format!("\"{}\"", "x".repeat(64)));
        assert_eq!(quote(&"x".repeat(65)), format!("\"{}...\"", "x".repeat(64)));
    }
}
