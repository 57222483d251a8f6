//! A text of the user's in a message: between quotes, on one line.
//!
//! What the message says is the caller's.

/// `text` between single quotes, with its control characters escaped as Rust writes them (`\n`, `\u{1b}`), so that it
/// neither breaks the line nor commands a terminal. Everything else is shown as it is.
pub fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text))
}

/// `text` with its control characters escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_characters_are_escaped() {
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted(r#"C:\a "b" 'c' ü"#), r#"'C:\a "b" 'c' ü'"#);
        assert_eq!(quoted("a\nb\r\t\0\u{1b}[31m\u{85}"), r"'a\nb\r\t\0\u{1b}[31m\u{85}'");
    }
}
