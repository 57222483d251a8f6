//! Makes extension.yaml the one source of the extension's name, UUID, version and texts.
//! What is registered under that name is left to `src`.

use std::error::Error;

/// Members of the manifest that the code repeats to the runtime, as `EXTENSION_<NAME>` for `env!`.
const TEXTS: [&str; 9] =
    ["name", "uuid", "version", "license", "author", "display_name", "category", "brief", "description"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=extension.yaml");
    let manifest: serde_yaml::Value = serde_yaml::from_str(&std::fs::read_to_string("extension.yaml")?)?;
    for key in TEXTS {
        let text = manifest.get(key).and_then(serde_yaml::Value::as_str);
        let text = text.ok_or_else(|| format!("extension.yaml: '{key}' must be there and be a text"))?;
        println!("cargo::rustc-env=EXTENSION_{}={}", key.to_uppercase(), text.trim());
    }
    let version = manifest.get("version").and_then(serde_yaml::Value::as_str).unwrap_or_default();
    let package = std::env::var("CARGO_PKG_VERSION")?;
    if version != package {
        return Err(format!("extension.yaml says version {version}, Cargo.toml {package}: make them equal").into());
    }
    Ok(())
}
