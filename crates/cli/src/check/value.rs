//! Whether a value in a graph is one that GXF's loader takes for a parameter, and is in its range.
//! Scalars only: of lists and of types of their own the loader itself has the last word.
//! It leaves what a handle points to to `graph`.

use gxf::{ParameterDescription, ParameterValue};
use serde_yaml::Value;

/// What yaml-cpp takes for a truth value; the first letter may be a capital, or all of them.
const TRUTH: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];

/// # Errors
/// What is wrong, and what is needed.
pub(super) fn fits(parameter: &ParameterDescription, value: &Value) -> Result<(), (String, String)> {
    if parameter.rank > 0 {
        return match value {
            Value::Sequence(_) => Ok(()),
            _ => Err(("it is no list".into(), "a list: [a, b]".into())),
        };
    }
    let kind = parameter.type_name.trim_start_matches("GXF_PARAMETER_TYPE_");
    // A quoted number is one as well, so that the text counts and not YAML's type.
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null => String::new(),
        _ if kind == "CUSTOM" || kind.starts_with("COMPLEX") => return Ok(()),
        _ => return Err(("it is a list or a map".into(), needed(parameter, kind))),
    };
    let refused = || Err((format!("{} is not allowed", gxf::quoted(&text)), needed(parameter, kind)));
    match kind {
        "BOOL" => match TRUTH.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            true => Ok(()),
            false => refused(),
        },
        "FLOAT64" | "FLOAT32" => match text.parse::<f64>() {
            Ok(number) if within(parameter, number) => Ok(()),
            _ => refused(),
        },
        _ if kind.starts_with("UINT") || kind.starts_with("INT") => match whole(&text) {
            Some(number) if is_of(kind, number) && within_whole(parameter, number) => Ok(()),
            _ => refused(),
        },
        _ => Ok(()),
    }
}

fn whole(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether `number` has a place in the type: `UINT32`, `INT8`.
fn is_of(kind: &str, number: i128) -> bool {
    let bits: u32 = kind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(64);
    match kind.starts_with('U') {
        true => (0..1_i128 << bits).contains(&number),
        false => (-(1_i128 << (bits - 1))..1_i128 << (bits - 1)).contains(&number),
    }
}

fn within_whole(parameter: &ParameterDescription, number: i128) -> bool {
    let end = |value: &Option<ParameterValue>| match value {
        Some(ParameterValue::Unsigned(end)) => Some(i128::from(*end)),
        Some(ParameterValue::Signed(end)) => Some(i128::from(*end)),
        _ => None,
    };
    end(&parameter.min).is_none_or(|min| number >= min) && end(&parameter.max).is_none_or(|max| number <= max)
}

fn within(parameter: &ParameterDescription, number: f64) -> bool {
    let end = |value: &Option<ParameterValue>| match value {
        Some(ParameterValue::Float(end)) => Some(*end),
        _ => None,
    };
    end(&parameter.min).is_none_or(|min| number >= min) && end(&parameter.max).is_none_or(|max| number <= max)
}

fn needed(parameter: &ParameterDescription, kind: &str) -> String {
    let what = match kind {
        "BOOL" => "true or false",
        "HANDLE" => "the name of a component",
        "STRING" => "a text",
        "FILE" => "a path",
        _ if kind.starts_with("FLOAT") => "a number",
        _ if kind.starts_with("UINT") => "a whole number, not negative",
        _ => "a whole number",
    };
    match (&parameter.min, &parameter.max) {
        (Some(min), Some(max)) => format!("{what} from {min} to {max}"),
        (Some(min), None) => format!("{what} from {min} on"),
        (None, Some(max)) => format!("{what} up to {max}"),
        (None, None) => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(type_name: &'static str, range: Option<(u64, u64)>) -> ParameterDescription {
        ParameterDescription {
            key: "key".into(),
            headline: String::new(),
            description: String::new(),
            type_name,
            optional: false,
            dynamic: false,
            handle: None,
            default: None,
            has_default: false,
            min: range.map(|(min, _)| ParameterValue::Unsigned(min)),
            max: range.map(|(_, max)| ParameterValue::Unsigned(max)),
            step: None,
            rank: 0,
            shape: Vec::new(),
        }
    }

    fn fit(parameter: &ParameterDescription, yaml: &str) -> bool {
        fits(parameter, &serde_yaml::from_str(yaml).unwrap()).is_ok()
    }

    #[test]
    fn whole_numbers_and_their_range() {
        let uint = parameter("GXF_PARAMETER_TYPE_UINT32", Some((1, 3600)));
        for (yaml, good) in [("1", true), ("3600", true), ("'5'", true), ("0x10", true), ("0", false), ("3601", false)]
        {
            assert_eq!(fit(&uint, yaml), good, "{yaml}");
        }
        for bad in ["-1", "1.5", "many", "[1]", "{a: 1}", "true", "''"] {
            assert!(!fit(&uint, bad), "{bad}");
        }
        let (what, mend) = fits(&uint, &Value::from("many")).unwrap_err();
        assert_eq!(
            (what.as_str(), mend.as_str()),
            ("'many' is not allowed", "a whole number, not negative from 1 to 3600")
        );
        let byte = parameter("GXF_PARAMETER_TYPE_INT8", None);
        assert!(fit(&byte, "-128") && fit(&byte, "127") && !fit(&byte, "128") && !fit(&byte, "-129"));
        let long = parameter("GXF_PARAMETER_TYPE_UINT64", None);
        assert!(fit(&long, "18446744073709551615") && !fit(&long, "-1"));
    }

    #[test]
    fn other_values() {
        let truth = parameter("GXF_PARAMETER_TYPE_BOOL", None);
        assert!(
            fit(&truth, "true")
                && fit(&truth, "'True'")
                && fit(&truth, "off")
                && !fit(&truth, "1")
                && !fit(&truth, "maybe")
        );
        let number = parameter("GXF_PARAMETER_TYPE_FLOAT64", None);
        assert!(fit(&number, "1") && fit(&number, "-1.5e3") && !fit(&number, "much") && !fit(&number, "[1.0]"));
        let text = parameter("GXF_PARAMETER_TYPE_STRING", None);
        assert!(fit(&text, "5") && fit(&text, "words") && fit(&text, "") && !fit(&text, "[a]"));
        assert!(fit(&parameter("GXF_PARAMETER_TYPE_CUSTOM", None), "[a]"));
        let list = ParameterDescription { rank: 1, ..parameter("GXF_PARAMETER_TYPE_HANDLE", None) };
        assert!(fit(&list, "[a]") && !fit(&list, "a"));
    }
}
