//! Holds what goes in and what comes out to the published schemas (docs/schema).
//! A fault is told with every place where the document departs from its schema, and the document.
//! Left to others: reading receipts and sidecars (`run`), and what they are to say.

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Registry, ValidationError, Validator};
use serde_json::{Value, json};

/// A receipt, as it comes out of `done-tx`.
pub fn check_receipt(receipt: &Value) -> Result<(), String> {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| schema("receipt"));
    check(&SCHEMA, "receipt", receipt)
}

/// A sidecar.
pub fn check_sidecar(sidecar: &Value) -> Result<(), String> {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| schema("sidecar"));
    check(&SCHEMA, "sidecar", sidecar)
}

/// A schema of docs/schema. Its references to others of them lead to their files, as in an editor.
fn schema(name: &str) -> Validator {
    let mut registry = Registry::new();
    for name in ["message", "receipt", "sidecar"] {
        let path = format!("{}/docs/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        jsonschema::meta::validate(&document).unwrap_or_else(|error| panic!("{path}: {error}"));
        registry = registry.add(format!("file:///{name}.schema.json"), document).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let root = json!({"$ref": format!("file:///{name}.schema.json")});
    jsonschema::options().with_registry(&registry).build(&root).unwrap()
}

fn check(schema: &Validator, what: &str, document: &Value) -> Result<(), String> {
    let faults: Vec<String> = schema.iter_errors(document).flat_map(|error| faults(&error)).collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("no {what} by docs/schema/{what}.schema.json: {}\n{document:#}", faults.join("; ")))
}

/// An error, or where it is that none of several forms fits, what is wrong with each.
fn faults(error: &ValidationError<'_>) -> Vec<String> {
    match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().flatten().map(|error| format!("{}: {error}", error.instance_path())).collect()
        }
        _ => vec![format!("{}: {error}", error.instance_path())],
    }
}
