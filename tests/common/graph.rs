//! A graph to run: one of graphs/ as it is, with parameters, receipts and a FIFO of the test's own.
//! Changes go into a parameter file and further documents, as a user's do; the shipped file is never edited.
//! Left to others: the running program (`run`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use testbed::{JsonLines, Program, TempDir, temp_dir};

use super::{Run, built, repository};

/// On a busy machine a packet is later than the default of 100 ms now and then, and rtspsrc's jitter buffer then begins a
/// new timeline (docs/recording.md): a recording of a second has fewer frames than a second.
const PATIENT_LATENCY_MS: &str = "2000";

/// A graph, and the folder with everything that belongs to its run.
pub struct Graph {
    dir: TempDir,
    files: Vec<PathBuf>,
    /// Entity, component, key and value, the value as YAML.
    parameters: BTreeMap<(String, String), BTreeMap<String, String>>,
    overrides: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    receipts: bool,
    cloud_messages: bool,
}

impl Graph {
    /// A graph of graphs/, by its file name without ending. Recordings go to the test's own folder.
    pub fn shipped(name: &str) -> Self {
        let dir = temp_dir().unwrap();
        std::fs::create_dir(dir.path().join("recordings")).unwrap();
        let graph = Self {
            files: vec![repository().join("graphs").join(format!("{name}.yaml"))],
            parameters: BTreeMap::new(),
            overrides: Vec::new(),
            environment: Vec::new(),
            receipts: false,
            cloud_messages: false,
            dir,
        };
        let recordings = graph.recordings().display().to_string();
        graph.set("smart-rec-dir-path", &recordings).set("latency", PATIENT_LATENCY_MS)
    }

    /// messages-from-file.yaml with these sources, a FIFO of its own, and receipts in a file.
    pub fn messages(sources: &[impl AsRef<str>]) -> Self {
        let graph = Self::shipped("messages-from-file").receipts().sources(sources).with_fifo_of_its_own();
        let fifo = graph.fifo().display().to_string();
        graph.parameter("messages", "file", "path", &fifo)
    }

    /// Makes the FIFO; the graph must be told of it.
    pub fn with_fifo_of_its_own(self) -> Self {
        mknodat(CWD, self.fifo(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        self
    }

    /// Sets `uri-list`.
    pub fn sources(self, sources: &[impl AsRef<str>]) -> Self {
        let list: Vec<&str> = sources.iter().map(AsRef::as_ref).collect();
        self.set("uri-list", &list.join(";"))
    }

    /// Adds the shipped graph that writes each receipt as a line of a file.
    pub fn receipts(mut self) -> Self {
        self.receipts = true;
        let path = self.receipts_path().display().to_string();
        self.file(&repository().join("graphs/receipts-to-file.yaml")).parameter("receipts", "file", "path", &path)
    }

    /// Lists the extension with brokers too.
    pub fn with_cloud_messages(mut self) -> Self {
        self.cloud_messages = true;
        self
    }

    /// Lets the graph end by itself when nothing is left to do, as the shipped graphs' comments say.
    pub fn ends_by_itself(self) -> Self {
        self.override_with("scheduler/scheduler/stop_on_deadlock=true")
            .override_with("scheduler/scheduler/stop_on_deadlock_timeout=1000")
    }

    /// Sets a parameter of the recorder in a parameter file.
    pub fn set(self, key: &str, value: &str) -> Self {
        self.parameter("recorder", "smart_record", key, value)
    }

    /// Sets any component's parameter in a parameter file, to a text or to whatever YAML reads out of it.
    pub fn parameter(mut self, entity: &str, component: &str, key: &str, value: &str) -> Self {
        let component = self.parameters.entry((entity.into(), component.into())).or_default();
        component.insert(key.into(), quoted(value));
        self
    }

    /// Adds `--param=...`.
    pub fn override_with(mut self, text: &str) -> Self {
        self.overrides.push(text.to_owned());
        self
    }

    /// Adds a variable to the runner's environment.
    pub fn environment(mut self, variable: (&'static str, &'static str)) -> Self {
        self.environment.push(variable);
        self
    }

    /// Adds a file after the graph, such as a shipped parameter file.
    pub fn file(mut self, path: &Path) -> Self {
        self.files.push(path.to_owned());
        self
    }

    /// Puts `new` in the place of a text of the graph, in a copy of the shipped file.
    pub fn replace(mut self, old: &str, new: &str) -> Self {
        let text = std::fs::read_to_string(&self.files[0]).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {}", self.files[0].display());
        self.files[0] = self.dir.path().join("graph.yaml");
        std::fs::write(&self.files[0], text.replace(old, new)).unwrap();
        self
    }

    /// The folder that recordings go to.
    pub fn recordings(&self) -> PathBuf {
        self.dir.path().join("recordings")
    }

    /// The FIFO of trigger messages.
    pub fn fifo(&self) -> PathBuf {
        self.dir.path().join("messages.fifo")
    }

    /// The file of receipts.
    pub fn receipts_path(&self) -> PathBuf {
        self.dir.path().join("receipts.jsonl")
    }

    /// The folder of this run.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The command that runs it, from the top of the repository as a user does.
    pub fn command(&self) -> Command {
        let parts = built();
        let manifest = self.dir.path().join("manifest.yaml");
        let mut extensions = vec![&parts.gxf_std, &parts.extension];
        extensions.extend(self.cloud_messages.then_some(&parts.cloud_msg));
        let list: String =
            extensions.iter().map(|path| format!("- {}\n", quoted(&path.display().to_string()))).collect();
        std::fs::write(&manifest, format!("extensions:\n{list}")).unwrap();
        let own = self.dir.path().join("test.parameters.yaml");
        std::fs::write(&own, self.own_documents()).unwrap();
        let app: Vec<_> = self.files.iter().chain([&own]).map(|path| path.display().to_string()).collect();
        let mut command = Command::new(parts.smart_record);
        command.current_dir(repository());
        command.args(["gxe", "-app", &app.join(","), "-manifest"]).arg(manifest);
        command.args(self.overrides.iter().map(|text| format!("--param={text}")));
        command.env_remove("GXF_LOG_LEVEL").envs(self.environment.iter().copied());
        command
    }

    fn own_documents(&self) -> String {
        let mut text = String::from("%YAML 1.2\n");
        // One document for each component: GXF's loader keeps only the last one of a file.
        for ((entity, component), parameters) in &self.parameters {
            write!(text, "---\nname: {entity}\ncomponents:\n- name: {component}\n  parameters:\n").unwrap();
            for (key, value) in parameters {
                writeln!(text, "    {key}: {value}").unwrap();
            }
        }
        text
    }

    /// Starts it.
    pub fn start(self) -> Run {
        let receipts = self.receipts.then(|| JsonLines::follow(&self.receipts_path()).unwrap());
        let fifo = self.fifo();
        // Read and write: opening does not wait for the graph, and a graph that fails does not block the test.
        let messages = fifo.exists().then(|| std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap());
        let program = Program::start(&mut self.command()).unwrap();
        Run::new(program, receipts, messages, self.recordings(), self.dir)
    }
}

/// A text as a YAML scalar: JSON strings are.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
