//! Promise: every shipped graph passes `smart-record check` with its parameter file, and its picture in docs/graphs is of
//! today; a mistake in a graph is told with its place and what is meant. The real program and the real GXF runtime.
//! Left to others: running graphs, and what a value may be (unit tests of smart-record).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, repository};

/// A manifest for what this test was built with.
fn manifest(folder: &Path) -> PathBuf {
    let parts = built();
    let path = folder.join("manifest.yaml");
    let [standard, recorder, messages] =
        [&parts.gxf_std, &parts.extension, &parts.cloud_msg].map(|path| path.display());
    std::fs::write(&path, format!("extensions:\n- {standard}\n- {recorder}\n- {messages}\n")).unwrap();
    path
}

/// Status, standard output and standard error of the command on some files.
fn run(command: &str, files: &[PathBuf], options: &[&Path]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(built().smart_record)
        .current_dir(repository())
        .arg(command)
        .args(files)
        .args(options)
        .arg("-manifest")
        .arg(manifest(folder.path()))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What the names of the graphs for GXF 4.0 begin with.
const FOR_4_0: &str = "gxf-4.0/";

/// The names of the graphs in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".yaml")?.to_owned()))
        .filter(|name| !name.ends_with(".parameters") && name != "manifest")
        .collect();
    names.sort();
    names
}

/// The shipped graphs: name, files without and with parameters.
fn shipped() -> Vec<(String, Vec<PathBuf>, Vec<PathBuf>)> {
    let folder = repository().join("graphs");
    let mut names = names_in(&folder);
    names.extend(names_in(&folder.join(FOR_4_0)).iter().map(|name| format!("{FOR_4_0}{name}")));
    let files = |name: &String| {
        let own = folder.join(format!("{name}.yaml"));
        // It adds to another graph.
        let base = (name == "receipts-to-file").then(|| folder.join("messages-from-file.yaml"));
        let graph: Vec<_> = base.into_iter().chain([own]).collect();
        let parameters = folder.join(format!("{}.parameters.yaml", name.trim_start_matches(FOR_4_0)));
        let all = graph.iter().cloned().chain(parameters.is_file().then_some(parameters)).collect();
        (name.clone(), graph, all)
    };
    names.iter().map(files).collect()
}

#[test]
fn shipped_graphs_pass() {
    let graphs = shipped();
    assert!(graphs.len() >= 7, "{graphs:?}");
    for (name, _, files) in graphs.iter().filter(|(name, _, _)| !name.starts_with(FOR_4_0)) {
        let (status, out, err) = run("check", files, &[]);
        assert_eq!(status, 0, "{name}: {out}{err}");
        assert!(out.lines().count() == 1 && out.contains("loads it"), "{name}: {out}{err}");
    }
}

/// On each release: `scripts/test-gxf` runs this one too.
#[test]
fn graphs_for_gxf_4_0_pass_everywhere() {
    let graphs: Vec<_> = shipped().into_iter().filter(|(name, _, _)| name.starts_with(FOR_4_0)).collect();
    assert_eq!(graphs.len(), 5, "{graphs:?}");
    for (name, _, files) in graphs {
        let (status, out, err) = run("check", &files, &[]);
        assert_eq!(status, 0, "{name}: {out}{err}");
        // The note is about the version of the standard extension: they name that of 4.0.
        let others =
            out.lines().filter(|line| !line.contains("note: dependencies: StandardExtension is listed with 2.5.0"));
        assert!(others.count() == 1 && out.contains("loads it"), "{name}: {out}{err}");
        assert!(!err.contains("OrSchedulingTermCombiner"), "{name}: {err}");
    }
}

#[test]
fn graphs_for_gxf_4_0_are_those_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Command::new(repository().join("scripts/gxf-4.0-graphs"));
    // scripts/sanitize preloads the sanitizers' runtimes for us, which other programs do not survive.
    let status = script.arg(folder.path()).env_remove("LD_PRELOAD").status();
    assert!(status.unwrap().success());
    let kept = repository().join("graphs").join(FOR_4_0);
    let names = names_in(folder.path());
    assert_eq!(names, names_in(&kept));
    for name in names {
        let text = |folder: &Path| std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        assert!(text(folder.path()) == text(&kept), "graphs/{FOR_4_0}{name}.yaml is stale: run `make docs`");
    }
}

#[test]
fn pictures_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("graph.svg");
    for (name, files, _) in shipped() {
        let (status, out, err) = run("draw", &files, &[Path::new("-o"), &picture]);
        assert!(status == 0 && out.is_empty() && err.is_empty(), "{name}: {out}{err}");
        let kept = std::fs::read_to_string(repository().join(format!("docs/graphs/{name}.svg"))).unwrap_or_default();
        let drawn = std::fs::read_to_string(&picture).unwrap();
        assert!(kept == drawn, "docs/graphs/{name}.svg is stale: run `make docs`");
        assert!(drawn.starts_with("<svg ") && drawn.contains("NvDsSmartRecord"), "{name}");
    }
}

/// `from` in kafka.yaml becomes `to`; there must be exactly one finding, with `words`.
fn bad(from: &str, to: &str, words: &[&str]) {
    let good = std::fs::read_to_string(repository().join("graphs/kafka.yaml")).unwrap();
    assert!(good.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.yaml");
    std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
    let (status, out, _) = run("check", &[path], &[]);
    assert_eq!(status, 1, "{to}: {out}");
    let findings: Vec<_> = out.lines().filter(|line| line.contains("(needed: ")).collect();
    assert!(findings.len() == 1 && words.iter().all(|word| findings[0].contains(word)), "{words:?}: {out}");
}

#[test]
fn mistakes_are_told_with_their_place() {
    bad(
        "type: nvidia::gxf::RealtimeClock",
        "type: nvidia::gxf::RealTimeClock",
        &[
            "scheduler/clock: no loaded extension has the type nvidia::gxf::RealTimeClock",
            "needed: nvidia::gxf::RealtimeClock",
        ],
    );
    bad("type: nvidia::gxf::RealtimeClock", "type: nvidia::gxf::Clock", &["scheduler/clock: ", "is abstract"]);
    bad("topics: smart-record", "topic: smart-record", &["triggers/broker/topic: ", "no such parameter", "topics"]);
    bad("    uri-list: rtsp://127.0.0.1:8554/camera\n", "", &["recorder/smart_record/uri-list: it is mandatory"]);
    bad("capacity: 16", "capacity: -1", &["recorder/msg_rx/capacity: '-1'", "a whole number"]);
    bad("capacity: 16", "capacity: many", &["recorder/msg_rx/capacity: 'many'"]);
    bad("    msg-rx: msg_rx", "    smart-record: 3\n    msg-rx: msg_rx", &["'3' is not allowed", "from 0 to 2"]);
    bad("msg-rx: msg_rx", "msg-rx: msg_tx", &["recorder/smart_record/msg-rx: there is no component 'msg_tx'"]);
    bad("msg-rx: msg_rx", "msg-rx: done_tx", &["'done_tx' is a NvDsMsgRelayTransmitter", "nvidia::gxf::Receiver"]);
    let twice = "  type: nvidia::gxf::RealtimeClock\n- name: clock\n  type: nvidia::gxf::ManualClock";
    bad(
        "  type: nvidia::gxf::RealtimeClock",
        twice,
        &["scheduler/clock: another component of the entity has this name", "a name of its own"],
    );
    bad("source: triggers/tx", "source: trigger/tx", &["there is no component 'trigger/tx'"]);
    bad(
        "uuid: a33423e8-c22e-4017-870f-bfd014aafc84",
        "uuid: a33423e8-c22e-4017-870f-bfd014aafc85",
        &["dependencies: NvDsOpenCloudMsgExt is not listed", "uuid: a33423e8-c22e-4017-870f-bfd014aafc84, version: "],
    );
}

#[test]
fn what_gxf_loads_is_not_complained_of() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner.yaml");
    let clock = "components:\n- {name: clock, type: nvidia::gxf::RealtimeClock}\n";
    std::fs::write(&inner, format!("name: time\n{clock}---\ninterfaces:\n- {{name: k, target: time/clock}}\n"))
        .unwrap();
    let path = folder.path().join("graph.yaml");
    let scheduler = "name: scheduler\ncomponents:\n- type: nvidia::gxf::GreedyScheduler\n  parameters: {clock: ";
    let subgraph = format!(
        "name: sub\ncomponents:\n- {{name: loader, type: nvidia::gxf::Subgraph, parameters: {{location: {}}}}}\n",
        inner.display()
    );
    // A clock in a subgraph by its interface, and one in an entity with a number for a name.
    for graph in
        [format!("{subgraph}---\n{scheduler}sub/k}}\n"), format!("name: 7\n{clock}---\n{scheduler}7/clock}}\n")]
    {
        std::fs::write(&path, &graph).unwrap();
        let (status, out, err) = run("check", std::slice::from_ref(&path), &[]);
        assert!(status == 0 && out.contains("loads it: 2 entities"), "{graph}: {out}{err}");
    }
    // What the subgraph does not have, GXF itself misses.
    std::fs::write(&path, format!("{subgraph}---\n{scheduler}sub/other}}\n")).unwrap();
    let (status, out, err) = run("check", std::slice::from_ref(&path), &[]);
    assert!(status == 1 && out.contains("GXF cannot load it"), "{out}{err}");
}

#[test]
fn what_is_no_graph_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.yaml");
    std::fs::write(&path, "name: [").unwrap();
    for command in ["check", "draw"] {
        let picture = folder.path().join("graph.svg");
        let options: &[&Path] = if command == "draw" { &[Path::new("-o"), &picture] } else { &[] };
        let (status, _, err) = run(command, std::slice::from_ref(&path), options);
        assert!(status == 1 && err.contains("graph.yaml is no graph: "), "{command}: {err}");
    }
}
