//! One `--param=entity/component/key=value`: checked, and spelled so that GXF's loader keeps the value.
//! The loader reads the value as YAML, drops what follows a second `=`, and skips what it cannot read.
//! It leaves whether entity, component and key exist to the graph.

use std::{fmt, str::FromStr};

/// A parameter's value from the command line, in place of the graph's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterOverride {
    entity: String,
    component: String,
    spelled: String,
}

const FORM: &str = "allowed: entity/component/key=value";

impl FromStr for ParameterOverride {
    type Err = String;

    /// # Errors
    /// What is missing, or which value cannot be handed to the loader.
    fn from_str(text: &str) -> Result<Self, String> {
        let (place, value) = text.split_once('=').ok_or(format!("there is no '=' ({FORM})"))?;
        let parts: Vec<&str> = place.split('/').collect();
        let [entity, component, key] = parts[..] else {
            return Err(format!("{} does not name one parameter ({FORM})", gxf::quoted(place)));
        };
        if [entity, component, key].contains(&"") {
            return Err(format!("{} does not name one parameter ({FORM})", gxf::quoted(place)));
        }
        if text.contains('\0') {
            return Err("there is a zero byte in it".into());
        }
        let spelled = format!("{place}={}", spell(value)?);
        Ok(Self { entity: entity.into(), component: component.into(), spelled })
    }
}

impl ParameterOverride {
    /// As GXF's loader is to get it.
    pub fn as_str(&self) -> &str {
        &self.spelled
    }

    /// What it sets: entity/component/key. For messages: the value may be a password, or have one in it.
    pub fn place(&self) -> &str {
        self.spelled.split_once('=').map_or("", |(place, _)| place)
    }

    /// The entity whose component it is for.
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The component that has the parameter, by its name or its type.
    pub fn component(&self) -> &str {
        &self.component
    }
}

impl fmt::Display for ParameterOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

/// `value` as YAML without `=`. A value that has none is passed on as it is, as gxe does.
fn spell(value: &str) -> Result<String, String> {
    /// First characters of YAML that is no plain scalar (YAML 1.2, 7.3.3).
    const INDICATORS: [char; 16] = ['[', ']', '{', '}', ',', '#', '&', '*', '!', '|', '>', '\'', '%', '@', '`', '"'];
    if !value.contains('=') {
        return Ok(value.to_owned());
    }
    if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        return Ok(value.replace('=', "\\x3d"));
    }
    let collection = ["- ", "? ", ": "].iter().any(|mark| value.starts_with(mark));
    if collection || value.starts_with(INDICATORS) {
        return Err(
            "GXF would cut the value at its \"=\" (put the value, or the texts in it, between double quotes and write \\x3d for \"=\")".into(),
        );
    }
    // Between double quotes YAML knows escapes; a plain text with "=" in it is a string anyway.
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('=', "\\x3d");
    Ok(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        text.parse::<ParameterOverride>().unwrap().to_string()
    }

    #[test]
    fn values_without_an_equals_sign_are_passed_on() {
        for text in ["e/c/k=5", "e/c/k=", "e/c/k=[a, b]", "e/c/k=rtsp://u:p@h:554/x", "e/c/k=\"5\""] {
            assert_eq!(spelled(text), text);
        }
    }

    #[test]
    fn an_equals_sign_in_a_value_survives() {
        assert_eq!(spelled("e/c/k=rtsp://h/x?a=b"), r#"e/c/k="rtsp://h/x?a\x3db""#);
        assert_eq!(spelled(r#"e/c/k=launch:videotestsrc name=\"a""#), r#"e/c/k="launch:videotestsrc name\x3d\\\"a\"""#);
        assert_eq!(spelled(r#"e/c/k="a=b""#), r#"e/c/k="a\x3db""#);
    }

    #[test]
    fn what_the_loader_would_skip_or_cut_is_refused() {
        for (text, words) in [
            ("", "no '='"),
            ("e/c/k", "no '='"),
            ("c/k=5", "'c/k' does not name one parameter (allowed: entity/component/key=value)"),
            ("a/e/c/k=5", "does not name one parameter"),
            ("e//k=5", "does not name one parameter"),
            ("e/c/k=[a=b]", "\\x3d"),
            ("e/c/k=- a=b", "\\x3d"),
            ("e/c/k=a\0", "zero byte"),
        ] {
            let error = text.parse::<ParameterOverride>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
