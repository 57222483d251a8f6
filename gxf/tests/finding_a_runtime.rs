//! Where a runtime is looked for, and what a user is told who has none.

mod common;
use common::examples;
use std::path::Path;
use std::process::{Command, Output};

fn run_graph_in(folder: &Path, root: Option<&Path>) -> Output {
    let mut command = Command::new(examples().join("run_graph"));
    command.current_dir(folder).env_remove("GXF_ROOT").arg("no-such-graph.yaml");
    if let Some(root) = root {
        command.env("GXF_ROOT", root);
    }
    command.output().expect("run_graph was built with the tests")
}

#[test]
fn a_given_folder_stays_alone_and_each_file_looked_for_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // GXF_ROOT, or the .gxf of this project, has a runtime: these tests run in it.
    let error = gxf::Runtime::find(Some(folder.path())).unwrap_err().to_string();
    for place in ["libgxf_core.so", "lib/libgxf_core.so", "core/libgxf_core.so"] {
        let place = folder.path().join(place).display().to_string();
        assert!(error.contains(&place), "{place}\n{error}");
    }
    assert_eq!(error.matches("/libgxf_core.so").count(), 3, "{error}");
}

#[test]
fn a_gxf_root_without_a_runtime_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".gxf")).unwrap();
    // A file that is no library: it shows that this one was chosen.
    std::fs::write(folder.path().join(".gxf/libgxf_core.so"), "no library").unwrap();
    let output = run_graph_in(folder.path(), Some(&folder.path().join("root")));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot use") && error.contains("/.gxf/libgxf_core.so"), "{error}");
    assert_eq!(output.status.code(), Some(1), "{error}");
}

#[test]
fn without_gxf_root_the_project_is_searched_upwards() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir_all(folder.path().join(".gxf/lib")).unwrap();
    // A file that is no library: it shows that this one was chosen.
    std::fs::write(folder.path().join(".gxf/lib/libgxf_core.so"), "no library").unwrap();
    let output = run_graph_in(&inner, None);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot use") && error.contains("/.gxf/lib/libgxf_core.so"), "{error}");
    assert_eq!(output.status.code(), Some(1), "{error}");
}

#[test]
fn gxf_root_comes_before_the_project() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".gxf")).unwrap();
    std::fs::create_dir_all(folder.path().join("root/core")).unwrap();
    for library in [".gxf/libgxf_core.so", "root/core/libgxf_core.so"] {
        std::fs::write(folder.path().join(library), "no library").unwrap();
    }
    let output = run_graph_in(folder.path(), Some(&folder.path().join("root")));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("root/core/libgxf_core.so") && !error.contains(".gxf/"), "{error}");
}
