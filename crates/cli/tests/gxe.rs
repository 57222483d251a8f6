//! `smart-record gxe` as a user runs it: the real binary, the real GXF runtime, the ping example of `gxf`.
//! The runtime comes from GXF_ROOT or the nearest `.gxf` folder; without one every test here fails and says so.
//! Left to others: spelling of options (unit tests), what our own extension does in a graph (tests of the root package).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use testbed::{HANG_GUARD, Program, TempDir};

const BINARY: &str = env!("CARGO_BIN_EXE_smart-record");
/// What PingRx logs in its `stop`.
const STOPPED: &str = "pings received";

/// The folder of libgxf_core.so and libgxf_std.so, as `gxf::Runtime` looks for it.
static GXF: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = std::env::var_os("GXF_ROOT").map(PathBuf::from).or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|dir| dir.join(".gxf")).find(|dir| dir.is_dir())
    });
    let root = root.expect("no GXF runtime: set GXF_ROOT, or run `make setup`, which makes .gxf");
    let folders = [root.clone(), root.join("lib"), root.join("core")];
    folders
        .into_iter()
        .find(|folder| folder.join("libgxf_core.so").is_file())
        .unwrap_or_else(|| panic!("no GXF runtime: there is no libgxf_core.so in {}", root.display()))
});

/// The ping example, built beside the binary: `cargo test` builds no examples of other packages.
static PING: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(BINARY).parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        profile => profile,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package=gxf", "--example=gxf_ping", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // scripts/sanitize preloads the sanitizers' runtimes for us, which the compiler does not survive.
        .env_remove("LD_PRELOAD")
        .status();
    assert!(built.unwrap().success(), "the ping example does not build");
    folder.join("examples/libgxf_ping.so")
});

/// A folder with a manifest and a graph, and a command line that the cases add to.
struct Case {
    dir: TempDir,
    command: Command,
}

impl Case {
    /// Ten pings, as the example has them; `manifest.yaml` and `graph.yaml` are in the current folder.
    fn new() -> Self {
        let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/../../gxf/examples/ping/ping_multi_thread.yaml");
        let dir = testbed::temp_dir().unwrap();
        fs::copy(graph, dir.path().join("graph.yaml")).unwrap();
        let manifest = format!("extensions:\n- {}\n- {}\n", GXF.join("libgxf_std.so").display(), PING.display());
        fs::write(dir.path().join("manifest.yaml"), manifest).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("gxe").current_dir(dir.path()).env("GXF_ROOT", &*GXF).env_remove("GXF_LOG_LEVEL");
        Self { dir, command }
    }

    /// A ping every millisecond until somebody ends it, and a log line for each.
    fn endless() -> Self {
        let mut case = Self::new().args(&["-app=graph.yaml", "-manifest=manifest.yaml", "-severity=4"]);
        let path = case.path("graph.yaml");
        let counted = "CountSchedulingTerm\n  parameters:\n    count: 10\n";
        let periodic = "PeriodicSchedulingTerm\n  parameters:\n    recess_period: 1ms\n";
        let graph = fs::read_to_string(&path).unwrap();
        assert!(graph.contains(counted), "the ping example has changed");
        fs::write(&path, graph.replace(counted, periodic)).unwrap();
        case.command.env("RUST_BACKTRACE", "1");
        case
    }

    fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&mut self) -> Program {
        Program::start(&mut self.command).unwrap()
    }

    /// Runs it to its end.
    fn run(mut self) -> Outcome {
        let mut program = self.start();
        let status = program.wait(HANG_GUARD).unwrap();
        Outcome { code: status.code(), lines: program.seen().to_vec(), case: self }
    }
}

struct Outcome {
    code: Option<i32>,
    lines: Vec<String>,
    case: Case,
}

impl Outcome {
    fn says(&self, words: &str) -> bool {
        self.lines.iter().any(|line| line.contains(words))
    }

    #[track_caller]
    fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{:#?}", self.lines);
    }

    /// Exit status 1, and one line of ours with all these words.
    #[track_caller]
    fn failed(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{:#?}", self.lines);
        let ours = self.lines.iter().filter(|line| line.starts_with("smart-record"));
        let ours: Vec<&String> = ours.filter(|line| !line.contains("warning:")).collect();
        assert_eq!(ours.len(), 1, "{:#?}", self.lines);
        for word in words {
            assert!(ours[0].contains(word), "{:?} does not say {word:?}", ours[0]);
        }
    }
}

const BOTH: [&str; 2] = ["-app=graph.yaml", "-manifest=manifest.yaml"];

#[test]
fn a_graph_runs_to_its_end() {
    let outcome = Case::new().args(&BOTH).run();
    outcome.succeeded();
    assert!(outcome.says("10 pings received"), "{:#?}", outcome.lines);
}

#[test]
fn parameters_can_be_set_from_the_command_line() {
    let outcome = Case::new().args(&BOTH).args(&["--param=tx/pings/count=3", "-param=tx/x/y=1"]).run();
    outcome.succeeded();
    assert!(outcome.says("3 pings received"), "{:#?}", outcome.lines);
    // Without the value: it may have a password in it.
    assert!(outcome.says("warning: --param=tx/x/y=... sets nothing"), "{:#?}", outcome.lines);
}

#[test]
fn a_value_with_an_equals_sign_arrives_whole() {
    // No scheduling term takes this text; GXF's complaint shows what it was given.
    let graph = "%YAML 1.2\n---\nname: tx\ncomponents:\n- name: period\n  type: nvidia::gxf::PeriodicSchedulingTerm\n  parameters:\n    recess_period: 1ms\n---\ncomponents:\n- name: clock\n  type: nvidia::gxf::RealtimeClock\n- type: nvidia::gxf::GreedyScheduler\n  parameters:\n    clock: clock\n";
    let case = Case::new().args(&BOTH).args(&["--param=tx/period/recess_period=never?a=b=c"]);
    fs::write(case.path("graph.yaml"), graph).unwrap();
    let outcome = case.run();
    outcome.failed(&[]);
    assert!(outcome.says("never?a=b=c"), "{:#?}", outcome.lines);
}

#[test]
fn graphs_are_found_in_app_root_and_graph_directory() {
    let case = Case::new();
    let folder = case.path("root/graphs");
    fs::create_dir_all(&folder).unwrap();
    fs::rename(case.path("graph.yaml"), folder.join("graph.yaml")).unwrap();
    let outcome = case
        .args(&["-app", "graph.yaml", "-manifest", "manifest.yaml", "-app_root", "root"])
        .args(&["-graph_directory", "graphs"])
        .run();
    outcome.succeeded();
    assert!(outcome.says(STOPPED), "{:#?}", outcome.lines);
}

#[test]
fn without_run_a_graph_is_only_loaded() {
    let outcome = Case::new().args(&BOTH).args(&["-run=false"]).run();
    outcome.succeeded();
    assert!(!outcome.says(STOPPED), "{:#?}", outcome.lines);
}

#[test]
fn the_log_goes_where_it_is_told() {
    let outcome = Case::new().args(&BOTH).args(&["-log_file_path=log.txt"]).run();
    outcome.succeeded();
    assert!(!outcome.says(STOPPED), "{:#?}", outcome.lines);
    assert!(fs::read_to_string(outcome.case.path("log.txt")).unwrap().contains(STOPPED));

    let silent = Case::new().args(&BOTH).args(&["-severity=0"]).run();
    silent.succeeded();
    assert!(!silent.says(STOPPED), "{:#?}", silent.lines);

    let nowhere = Case::new().args(&BOTH).args(&["-log_file_path=/nowhere/log.txt"]).run();
    nowhere.failed(&["/nowhere/log.txt", "No such file"]);
}

#[test]
fn every_mistake_is_one_line_and_exit_status_1() {
    for (arguments, words) in [
        (&["-manifest=manifest.yaml"][..], &["no graph to run", "-app"][..]),
        (&["-app=none.yaml", "-manifest=manifest.yaml"], &["graph file none.yaml", "No such file"]),
        (&["-app=.", "-manifest=manifest.yaml"], &["graph file .", "directory"]),
        (&["-app=graph.yaml", "-manifest=none.yaml"], &["manifest none.yaml", "No such file"]),
        (&["-app=graph.yaml", "-manifest=graph.yaml"], &["manifest graph.yaml", "extensions"]),
        (&["-app=graph.yaml"], &["loading graph graph.yaml"]),
        (
            &["-app=graph.yaml", "-manifest=manifest.yaml", "--param=tx/pings=3"],
            &["'tx/pings' does not name one parameter", "entity/component/key=value"],
        ),
        (&["-app=graph.yaml", "-manifest=manifest.yaml", "--param=tx/pings/count=many"], &["graph.yaml"]),
        (&["-app=graph.yaml", "-manifest=manifest.yaml", "--gxf-root=/nowhere"], &["no GXF runtime", "/nowhere"]),
        (&["-severity=9"], &["9 is not in -1..=5"]),
        (&["-nonsense"], &["--nonsense"]),
    ] {
        Case::new().args(arguments).run().failed(words);
    }
    let many: Vec<String> = (0..33).map(|n| format!("--param=tx/pings/count={n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    Case::new().args(&BOTH).args(&many).run().failed(&["33 times --param", "at most 32"]);
}

#[test]
fn an_extension_that_is_missing_or_none_is_named() {
    for (library, text) in [("missing.so", None), ("text.so", Some("no library"))] {
        let case = Case::new().args(&BOTH);
        fs::write(case.path("manifest.yaml"), format!("extensions:\n- ./{library}\n")).unwrap();
        if let Some(text) = text {
            fs::write(case.path(library), text).unwrap();
        }
        case.run().failed(&[library]);
    }
}

#[test]
fn a_signal_ends_an_endless_graph_in_order() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut case = Case::endless();
        let mut program = case.start();
        program.wait_for_line("a ping", HANG_GUARD, |line| line.contains("ping 0")).unwrap();
        program.signal(signal).unwrap();
        let status = program.wait(HANG_GUARD).unwrap();
        let said = program.seen().iter().filter(|line| line.contains(STOPPED)).count();
        assert_eq!((status.code(), said), (Some(0), 1), "{:#?}", program.seen());
    }
}
