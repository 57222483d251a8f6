//! `smart-record import`: turns a configuration of deepstream-test5 or deepstream-app into a graph and its parameters.
//! Both forms, `.txt` and `.yml`; what does not fit is told, one line each. docs/import.md has the table of all keys.
//! It leaves running the result to `gxe`, and reading the forms to `key_file` and `yaml`.

mod consumers;
mod graph;
mod groups;
mod key_file;
mod plan;
mod report;
mod source_keys;
mod sources;
mod yaml;

use std::{
    fs::{File, Metadata, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use groups::Group;
pub(crate) use report::one_line;
pub use report::{Line, Report};
use sources::Sources;

use crate::error::Error;

/// Largest configuration, CSV or sensor list in bytes: hundreds of times NVIDIA's largest sample.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Exit status of an import that is not complete.
const INCOMPLETE: u8 = 3;

/// What groups of DeepStream that have nothing to do with recordings begin with.
const OTHER_PARTS: [&str; 20] = [
    "application",
    "dewarper",
    "ds-example",
    "img-save",
    "message-converter",
    "nvds-analytics",
    "osd",
    "pre-process",
    "primary-gie",
    "replay",
    "secondary-gie",
    "secondary-pre-process",
    "segvisual",
    "sink",
    "streammux",
    "tests",
    "text-embedder",
    "tiled-display",
    "tracker",
    "visionencoder",
];

const HELP: &str = "\
Example:
  smart-record import test5_config.txt -o graphs
  smart-record gxe -app graphs/test5_config.yaml,graphs/test5_config.parameters.yaml -manifest graphs/manifest.yaml

Sources of type 4 (RTSP) that have smart-record=1 or 2 become NvDsSmartRecord components, message consumers become
NvDsMsgBrokerC2DReceiver components, and sensor lists become sensor names. Everything else in the file belongs to parts
of DeepStream that a recorder does without. docs/import.md says what becomes of each key.

Exit status:
  0  everything that concerns recordings is taken over
  1  nothing is written: the file cannot be read, or has no source to record
  2  the command line is wrong
  3  the graph is written, and something is missing in it: each line of output that begins with \"not taken over\"";

/// Options of the import.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// Configuration file: .yml and .yaml have DeepStream's YAML form, all others its key file form.
    config: PathBuf,
    /// Folder for the graph and its parameter file, which are called as the configuration is.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Replace files that are there already.
    #[arg(long)]
    force: bool,
    /// In place of NVIDIA's adaptors for Kafka and MQTT, use the clients that are built in.
    #[arg(long)]
    builtin: bool,
    /// A graph for GXF 4.0 (DeepStream 7.0), which cannot wait for messages and receipts at once: the recorders look every 10 ms.
    #[arg(long = "for-gxf-4.0")]
    for_gxf_4_0: bool,
}

/// The forms of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `.txt`.
    KeyFile,
    /// `.yml`.
    Yaml,
}

/// When a recorder with messages ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticks {
    /// When there is a message or something to tell: an OrSchedulingTermCombiner, which GXF 4.0 does not have.
    WhenNeeded,
    /// Every 10 ms.
    ByTheClock,
}

/// What an import needs to know beside the text.
pub struct Context<'a> {
    /// Form of the text.
    pub form: Form,
    /// Absolute folder of the configuration: what relative paths in it are relative to.
    pub folder: &'a Path,
    /// Use built-in clients in place of NVIDIA's adaptors.
    pub built_in: bool,
    /// When recorders with messages tick.
    pub ticks: Ticks,
    /// Reads another file that the configuration names.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// What came out.
#[derive(Debug)]
pub struct Import {
    /// The graph's YAML documents, without a head.
    pub graph: String,
    /// The parameter file's YAML documents, without a head.
    pub parameters: String,
    /// How many sources are recorded, by how many recorders, from how many consumers.
    pub counts: [usize; 3],
}

impl Context<'_> {
    /// A path in the configuration, as DeepStream resolves it.
    fn beside(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

/// Turns the text of a configuration into the text of a graph; what is missing goes to `report`.
///
/// # Errors
/// Why there is no graph, in one line without the file's name.
pub fn convert(text: &str, context: &Context<'_>, report: &mut Report) -> Result<Import, String> {
    import(text, context, report).map_err(|reason| report::one_line(&reason))
}

fn import(text: &str, context: &Context<'_>, report: &mut Report) -> Result<Import, String> {
    let groups = match context.form {
        Form::KeyFile => key_file::read(text).map_err(|bad| format!("line {}: {}", bad.line, bad.reason))?,
        Form::Yaml => yaml::read(text)?,
    };
    let sources = match context.form {
        Form::KeyFile => sources::of_key_file(&groups, report),
        Form::Yaml => sources_of_yaml(&groups, context, report),
    };
    let consumers = consumers::read(&groups, context, report);
    let names = consumers::names(&consumers, sources.enabled, context, report);
    tell_the_rest(&groups, report);
    if sources.recorded.is_empty() {
        let needed = match context.form {
            Form::KeyFile => "an enabled group [sourceN] with type=4, uri=rtsp://... and smart-record=1 or 2",
            Form::Yaml => {
                "a row with enable 1, type 4, uri rtsp://... and smart-record 1 or 2 in the CSV of \"source\""
            }
        };
        return Err(format!("there is no source to record (needed: {needed})"));
    }
    if consumers.is_empty() && sources.recorded.iter().any(|source| source.recording.local_events.is_none()) {
        report.note("", "", "no message consumer is enabled, so that sources with smart-record=1 are never triggered");
    }
    let recorders = plan::recorders(&sources, names, report);
    Ok(Import {
        graph: graph::graph(&recorders, &consumers, context.ticks).map_err(|error| error.to_string())?,
        parameters: graph::parameter_file(&recorders, &consumers).map_err(|error| error.to_string())?,
        counts: [sources.recorded.len(), recorders.len(), consumers.len()],
    })
}

/// The sources of the YAML form: rows of a CSV file.
fn sources_of_yaml(groups: &[Group], context: &Context<'_>, report: &mut Report) -> Sources {
    for group in groups.iter().filter(|group| group.name.starts_with("source") && group.name != "source") {
        report.loss(
            &group.name,
            "",
            "in the YAML form DeepStream takes sources from \"source\" and its CSV file alone",
        );
    }
    let Some(source) = groups.iter().find(|group| group.name == "source") else { return Sources::default() };
    for entry in source.entries.iter().filter(|entry| entry.key != "csv-file-path") {
        report.note(&source.name, &entry.key, "DeepStream does not know this key, either");
    }
    let Some(path) = source.text("csv-file-path") else {
        report.loss(&source.name, "csv-file-path", "it is missing, and with it all sources");
        return Sources::default();
    };
    match (context.read)(&context.beside(path)) {
        Ok(text) => sources::of_rows(&yaml::rows(&text), report),
        Err(error) => {
            report.loss(&source.name, "csv-file-path", format_args!("it cannot be read: {error}"));
            Sources::default()
        }
    }
}

/// Groups and keys that have nothing to do with recordings: one line for all.
fn tell_the_rest(groups: &[Group], report: &mut Report) {
    let named = |known: bool| -> Vec<&str> {
        let ours = |name: &str| name.starts_with("source") || name.starts_with("message-consumer");
        let names = groups.iter().map(|group| group.name.as_str()).filter(|name| !ours(name) && !name.is_empty());
        names.filter(|name| OTHER_PARTS.iter().any(|part| name.starts_with(part)) == known).collect()
    };
    let (others, unknown) = (named(true), named(false));
    if !others.is_empty() {
        report.note("", "", format_args!("groups of other parts of DeepStream: {}", shortened(&others)));
    }
    if !unknown.is_empty() {
        report.note("", "", format_args!("groups that DeepStream does not know, either: {}", shortened(&unknown)));
    }
    let mut keys: Vec<&str> = groups
        .iter()
        .filter(|group| group.name.starts_with("source"))
        .flat_map(|group| group.entries.iter().map(|entry| entry.key.as_str()))
        .filter(|key| source_keys::is_not_of_recording(key))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    if !keys.is_empty() {
        report.note("", "", format_args!("keys of sources about decoding and display: {}", shortened(&keys)));
    }
}

/// A list for a person.
fn shortened(words: &[&str]) -> String {
    const MOST: usize = 40;
    let shown = words.iter().take(MOST).map(|word| report::shown(word)).collect::<Vec<_>>().join(", ");
    if words.len() > MOST { format!("{shown}, and {} more", words.len() - MOST) } else { shown }
}

/// Reads, converts, writes, and tells on standard output what came of it.
///
/// # Errors
/// Nothing was written: a file cannot be read or written, or there is nothing to record.
pub fn run(options: &Options) -> Result<ExitCode, Error> {
    let refuse = |reason: String| Error::Import { path: options.config.clone(), reason };
    let path = std::path::absolute(&options.config).map_err(|error| refuse(error.to_string()))?;
    // As DeepStream: where the file is, not where a link to it is.
    let real = path.canonicalize().map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let text = read_text(&path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let context = Context {
        form: if extension == "yml" || extension == "yaml" { Form::Yaml } else { Form::KeyFile },
        folder: real.parent().unwrap_or(Path::new("/")),
        built_in: options.builtin,
        ticks: if options.for_gxf_4_0 { Ticks::ByTheClock } else { Ticks::WhenNeeded },
        read: &read_text,
    };
    let mut report = Report::default();
    let converted = convert(&text, &context, &mut report);
    let mut out = io::stdout().lock();
    for line in report.lines() {
        writeln!(out, "{line}").map_err(Error::Stdout)?;
    }
    let import = converted.map_err(refuse)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (graph, parameters) = (options.output.join(format!("{stem}.yaml")), format!("{stem}.parameters.yaml"));
    let parameters = options.output.join(parameters);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A new line in a file's name would end the comment.
    let name = report::one_line(&name);
    let head = |what: &str| format!("%YAML 1.2\n# {what} of {name}, made by `smart-record import`.\n");
    let files = [
        (&graph, head("The graph") + &import.graph),
        (&parameters, head("What to change in the graph") + &import.parameters),
    ];
    let own = std::fs::metadata(&path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    for (file, _) in &files {
        check_output(file, &own, options.force)?;
    }
    for (file, text) in &files {
        write_file(file, text, own.mode(), options.force)?;
    }
    let [sources, recorders, consumers] = import.counts;
    writeln!(
        out,
        "{} and {}: sources: {sources}, recorders: {recorders}, message consumers: {consumers}",
        graph.display(),
        parameters.display()
    )
    .map_err(Error::Stdout)?;
    Ok(if report.has_losses() { INCOMPLETE.into() } else { ExitCode::SUCCESS })
}

/// A regular file of text, of bounded size.
fn read_text(path: &Path) -> io::Result<String> {
    // What it is comes first: opening a FIFO would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        io::Error::other(format!("line {line} is not UTF-8 (iconv -f LATIN1 -t UTF-8 may make it so)"))
    })
}

/// Before anything is written: a file that is there is replaced only where that is asked for, the configuration never.
fn check_output(path: &Path, own: &Metadata, force: bool) -> Result<(), Error> {
    let refuse = |reason: &str| Err(Error::ImportOutput { path: path.into(), source: io::Error::other(reason) });
    match std::fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => {
            refuse("it is the configuration itself; choose another folder with -o")
        }
        Ok(_) if !force => refuse("it exists"),
        // What else may be wrong is seen when it is written.
        _ => Ok(()),
    }
}

/// `mode`: the configuration's, since its passwords are in the new file, too.
fn write_file(path: &Path, text: &str, mode: u32, force: bool) -> Result<(), Error> {
    let mut options = File::options();
    options.write(true).mode(mode & 0o666);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| {
        // A file that was there may be open to more people.
        let there = file.metadata()?.mode() & 0o777;
        if there & mode != there {
            file.set_permissions(Permissions::from_mode(there & mode))?;
        }
        file.write_all(text.as_bytes())
    });
    written.map_err(|source| Error::ImportOutput { path: path.into(), source })
}

#[cfg(test)]
mod tests;
