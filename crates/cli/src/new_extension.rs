//! `smart-record new-extension`: makes a crate with a GXF extension that builds, runs and is tested as it is.
//! What is in it: `new_extension/templates`, with names and fresh ids put in; nothing that exists is overwritten.
//! It leaves building to cargo, and names to `new_extension/names`.

mod names;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use names::Names;

use crate::error::Error;

const HELP: &str = "\
Example:
  smart-record new-extension door_watch
  cd door_watch
  cargo test
  cargo build
  smart-record gxe -app graph.yaml -manifest manifest.yaml

Exit status:
  0  the crate is made
  1  it is not: its folder is in use or cannot be written
  2  the command line is wrong";

/// The version of the crate `gxf` that belongs to this program: the two have one version.
const GXF_VERSION: &str = env!("CARGO_PKG_VERSION");
/// What `gxf` needs, and with it every extension.
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");
/// Most bytes of an author's name (source: `author` of `gxf::extension!`).
const LONGEST_AUTHOR: usize = 64;

macro_rules! templates {
    ($($path:literal from $file:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("new_extension/templates/", $file)))),*]
    };
}

/// The files of a new crate. They end in `.template` here, so that no tool takes them for what they will be.
const TEMPLATES: [(&str, &str); 13] = templates![
    ".gitignore" from "gitignore.template",
    "Cargo.toml" from "Cargo.toml.template",
    "README.md" from "README.md.template",
    "extension.yaml" from "extension.yaml.template",
    "graph.yaml" from "graph.yaml.template",
    "manifest.yaml" from "manifest.yaml.template",
    "src/csv_writer.rs" from "src/csv_writer.rs.template",
    "src/lib.rs" from "src/lib.rs.template",
    "src/reading.rs" from "src/reading.rs.template",
    "src/sensor.rs" from "src/sensor.rs.template",
    "src/threshold.rs" from "src/threshold.rs.template",
    "tests/graph.rs" from "tests/graph.rs.template",
    "tests/manifest.rs" from "tests/manifest.rs.template",
];

/// The licence of a new crate, which is this program's.
const LICENSE: &str = include_str!("../../../LICENSE");

/// What to make.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// Name of the crate: lower-case letters, digits, '_' and '-', a letter first; at most 26 bytes.
    #[arg(allow_hyphen_values = true)]
    name: String,
    /// Folder of the crate, which must be new or empty. [default: NAME in the current folder]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Use the crate gxf in this folder, not the published one. [default: the one of the repository that the current
    /// folder is in, if it has one]
    #[arg(long = "gxf-path", value_name = "DIR")]
    gxf_path: Option<PathBuf>,
    /// Who the extension is by, as Composer and the registry show it. [default: The authors of NAME]
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
}

/// Makes the crate.
///
/// # Errors
/// [`Error::BadNewExtension`] where the command line is to be changed; else what could not be written.
pub fn run(options: &Options) -> Result<ExitCode, Error> {
    let names = Names::of(&options.name).map_err(Error::BadNewExtension)?;
    let author = author(options, &names)?;
    let gxf = gxf_dependency(options)?;
    let std = standard_extension();
    let values = values(&names, &author, &gxf, &std);
    let folder = options.path.clone().unwrap_or_else(|| PathBuf::from(names.package()));
    make_folder(&folder)?;
    for (path, template) in TEMPLATES {
        write_new(&folder.join(path), &fill(template, &values))?;
    }
    write_new(&folder.join("LICENSE"), LICENSE)?;

    let shown = folder.display();
    let mut out = io::stdout().lock();
    writeln!(out, "{} is made in {shown}: cd {shown} && cargo test", names.extension()).map_err(Error::Stdout)?;
    if std.is_none() {
        writeln!(
            out,
            "its test and its graph need a GXF runtime, and there is none here: {shown}/README.md says how to get one"
        )
        .map_err(Error::Stdout)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn author(options: &Options, names: &Names) -> Result<String, Error> {
    let author = options.author.clone().unwrap_or_else(|| format!("The authors of {}", names.package()));
    // It stands between quotes in Rust.
    let good = author.chars().all(|character| !character.is_control() && character != '"' && character != '\\');
    if good && (1..=LONGEST_AUTHOR).contains(&author.len()) {
        return Ok(author);
    }
    Err(Error::BadNewExtension(format!(
        "--author={} (allowed: 1 to {LONGEST_AUTHOR} bytes on one line, without \" and \\)",
        gxf::quoted(&author)
    )))
}

/// The line of Cargo.toml that names the crate `gxf`: by its version, for when both are published, and by its folder as
/// long as there is one.
fn gxf_dependency(options: &Options) -> Result<String, Error> {
    let folder = match &options.gxf_path {
        Some(folder) if is_gxf(folder) => folder.canonicalize().ok(),
        Some(folder) => {
            return Err(Error::BadNewExtension(format!(
                "--gxf-path={} (needed: the folder of the crate gxf, with its Cargo.toml)",
                folder.display()
            )));
        }
        None => gxf_of_repository(),
    };
    match folder.as_deref().map(Path::to_str) {
        None => Ok(format!("gxf = \"{GXF_VERSION}\"")),
        Some(Some(folder)) => Ok(format!("gxf = {{ version = \"{GXF_VERSION}\", path = {} }}", toml_text(folder))),
        Some(None) => Err(Error::BadNewExtension(
            "--gxf-path: the folder's name is not UTF-8, and Cargo.toml takes no other (needed: another folder)"
                .to_owned(),
        )),
    }
}

/// A text in TOML. JSON's escapes are a part of TOML's.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a folder holds the crate `gxf`.
fn is_gxf(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim_end() == "name = \"gxf\"")
}

/// The crate `gxf` of the repository that the current folder is in.
fn gxf_of_repository() -> Option<PathBuf> {
    let current = std::env::current_dir().ok()?;
    current.ancestors().map(|folder| folder.join("gxf")).find(|folder| is_gxf(folder))
}

/// GXF's standard extension of the runtime that a graph would run in here; none where there is no runtime.
fn standard_extension() -> Option<PathBuf> {
    let core = gxf::Runtime::find(None).ok()?;
    let folder = core.parent()?;
    // Beside the core, or in Graph Composer's folder for it.
    [folder.join("libgxf_std.so"), folder.join("../std/libgxf_std.so")].into_iter().find(|path| path.is_file())
}

/// What goes into the templates for each name in double braces.
fn values(names: &Names, author: &str, gxf: &str, std: &Option<PathBuf>) -> Vec<(&'static str, String)> {
    let std = match std {
        Some(path) => path.display().to_string(),
        None => ".gxf/lib/libgxf_std.so".to_owned(),
    };
    let mut values = vec![
        ("name", names.package().to_owned()),
        ("snake", names.snake()),
        ("extension", names.extension()),
        ("title", names.title()),
        ("author", author.to_owned()),
        ("gxf", gxf.to_owned()),
        // YAML takes JSON's texts, whatever is in a path.
        ("std", serde_json::Value::from(std).to_string()),
        ("rust_version", RUST_VERSION.to_owned()),
    ];
    for key in ["uuid_extension", "uuid_reading", "uuid_sensor", "uuid_threshold", "uuid_csv_writer"] {
        values.push((key, uuid::Uuid::new_v4().to_string()));
    }
    values
}

fn fill(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (key, value)| text.replace(&format!("{{{{{key}}}}}"), value))
}

/// Makes the folder, which may be there if it is empty.
fn make_folder(folder: &Path) -> Result<(), Error> {
    let refuse = |source| Error::NewExtension { path: folder.into(), source };
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(refuse(io::Error::other("there is something in it, and nothing is overwritten"))),
        Ok(false) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(refuse),
        Err(error) => Err(refuse(error)),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(parent)
        .and_then(|()| fs::File::create_new(path))
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| Error::NewExtension { path: path.into(), source })
}

#[cfg(test)]
mod tests;
