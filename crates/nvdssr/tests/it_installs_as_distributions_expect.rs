//! Promise: `make install` gives a tree that a distribution can ship and a compiler can use by pkg-config alone.
//! The development build is installed, by the script that the make target calls, into folders of the test's own.
//! What the installed library does is left to programs_run_unmodified.rs.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Compiler, camera_of_clip, headers, library, pkg_config, programs, read_log, repository, run};
use testbed::temp_dir;

const FUNCTIONS: [&str; 4] = ["NvDsSRCreate", "NvDsSRDestroy", "NvDsSRStart", "NvDsSRStop"];
/// What GStreamer looks up in a plugin of this file name.
const PLUGIN: [&str; 2] = ["gst_plugin_nvdsgst_smartrecord_get_desc", "gst_plugin_nvdsgst_smartrecord_register"];

/// Runs the script with only these variables of its own.
fn install(arguments: &[&str], variables: &[(&str, &Path)]) {
    let mut command = Command::new(repository().join("scripts/install"));
    for name in ["PREFIX", "LIBDIR", "INCLUDEDIR", "DESTDIR", "PROFILE"] {
        command.env_remove(name);
    }
    run(command.args(arguments).env("LIBRARY", library()).envs(variables.iter().copied()));
}

/// Every file and link of a tree, relative to its top, with a link's target.
fn tree(top: &Path) -> BTreeSet<(PathBuf, Option<PathBuf>)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let target = path.read_link().ok();
                found.insert((path.strip_prefix(top).unwrap().into(), target));
            }
        }
    }
    found
}

fn expected(libdir: &str, includedir: &str) -> BTreeSet<(PathBuf, Option<PathBuf>)> {
    let name = "libnvdsgst_smartrecord.so";
    [
        (format!("{libdir}/{name}.1.0.0"), None),
        (format!("{libdir}/{name}.1"), Some(format!("{name}.1.0.0"))),
        (format!("{libdir}/{name}"), Some(format!("{name}.1"))),
        (format!("{libdir}/gstreamer-1.0/{name}"), Some(format!("../{name}.1.0.0"))),
        (format!("{libdir}/pkgconfig/nvdsgst_smartrecord.pc"), None),
        (format!("{includedir}/gst-nvdssr.h"), None),
    ]
    .map(|(path, target)| (path.into(), target.map(PathBuf::from)))
    .into()
}

/// Values of a kind in the dynamic section, as readelf shows them in brackets.
fn dynamic(file: &Path, kind: &str) -> Vec<String> {
    let output = run(Command::new("readelf").args(["--dynamic", "--wide"]).arg(file));
    let text = String::from_utf8(output.stdout).unwrap();
    let values = text.lines().filter(|line| line.contains(&format!("({kind})")));
    values.map(|line| line[line.find('[').unwrap() + 1..line.rfind(']').unwrap()].to_owned()).collect()
}

#[test]
fn a_program_is_compiled_and_run_by_pkg_config_alone() {
    let prefix = temp_dir().unwrap();
    install(&[], &[("PREFIX", prefix.path())]);
    assert_eq!(tree(prefix.path()), expected("lib", "include"));
    let header = std::fs::read(prefix.path().join("include/gst-nvdssr.h")).unwrap();
    assert!(header == std::fs::read(headers().join("gst-nvdssr.h")).unwrap(), "the header is ours");

    let folder = temp_dir().unwrap();
    let packages = prefix.path().join("lib/pkgconfig");
    let environment = [("PKG_CONFIG_PATH", packages.to_str().unwrap())];
    let flags = pkg_config(&["--cflags", "--libs", "nvdsgst_smartrecord"], &environment);
    let program = folder.path().join("testsr");
    let source = programs().join("testsr.c");
    run(Command::new("gcc").arg(&source).arg("-o").arg(&program).args(flags.split_whitespace()));
    assert!(dynamic(&program, "NEEDED").contains(&"libnvdsgst_smartrecord.so.1".to_owned()), "by its SONAME");

    let (_, camera) = camera_of_clip(folder.path(), 8);
    let log = folder.path().join("log");
    let mut command = Command::new(&program);
    command.env("LD_LIBRARY_PATH", prefix.path().join("lib"));
    command.arg("--dir").arg(folder.path()).arg("--log").arg(&log);
    run(command.args(["--cache", "2", "--duration", "9", "--interval", "1500", "--starts", "1", &camera]));
    assert_eq!(read_log(&log, folder.path()).len(), 1);
}

#[test]
fn the_library_shows_its_public_symbols_alone() {
    assert_eq!(dynamic(&library(), "SONAME"), ["libnvdsgst_smartrecord.so.1"]);
    let output = run(Command::new("nm").args(["--dynamic", "--defined-only", "--format=just-symbols"]).arg(library()));
    let symbols = String::from_utf8(output.stdout).unwrap();
    let symbols: BTreeSet<_> = symbols.split_whitespace().collect();
    assert_eq!(symbols, FUNCTIONS.into_iter().chain(PLUGIN).collect());
}

/// As packages are made: multiarch, put together elsewhere; and taken away again.
#[test]
fn packages_can_be_put_together_and_taken_away() {
    let stage = temp_dir().unwrap();
    let libdir = Path::new("/usr/lib/x86_64-linux-gnu");
    let variables =
        [("PREFIX", Path::new("/usr")), ("LIBDIR", Path::new("lib/x86_64-linux-gnu")), ("DESTDIR", stage.path())];
    install(&[], &variables);
    assert_eq!(tree(stage.path()), expected("usr/lib/x86_64-linux-gnu", "usr/include"));
    let package = stage.path().join("usr/lib/x86_64-linux-gnu/pkgconfig/nvdsgst_smartrecord.pc");
    let text = std::fs::read_to_string(&package).unwrap();
    assert!(!text.contains(stage.path().to_str().unwrap()) && !text.contains('@'), "{text}");
    let environment = [("PKG_CONFIG_PATH", package.parent().unwrap().to_str().unwrap())];
    let variable = |name: &str| {
        pkg_config(&[&format!("--variable={name}"), "nvdsgst_smartrecord"], &environment).trim().to_owned()
    };
    assert_eq!(["prefix", "libdir", "includedir"].map(variable), ["/usr", libdir.to_str().unwrap(), "/usr/include"]);
    let version = pkg_config(&["--modversion", "nvdsgst_smartrecord"], &environment);
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));

    // Again, over what is there, and away.
    install(&[], &variables);
    assert_eq!(tree(stage.path()).len(), 6);
    install(&["--uninstall"], &variables);
    assert_eq!(tree(stage.path()), BTreeSet::new());
}

/// GStreamer finds the library as a plugin, under its own folder.
#[test]
fn gstreamer_finds_the_plugin() {
    let prefix = temp_dir().unwrap();
    install(&[], &[("PREFIX", prefix.path())]);
    let mut inspect = Command::new("gst-inspect-1.0");
    inspect.env("GST_PLUGIN_PATH", prefix.path().join("lib/gstreamer-1.0"));
    inspect.env("GST_REGISTRY", prefix.path().join("registry.bin"));
    let output = run(inspect.args(["--plugin", "nvdsgst_smartrecord"]));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("nvdssmartrecord"), "{text}");
}

#[test]
fn compilers_warn_of_nothing_in_the_header() {
    let folder = temp_dir().unwrap();
    for (compiler, name) in [(Compiler::c11(folder.path()), "c"), (Compiler::cpp17(folder.path()), "cpp")] {
        compiler.flag("-fsyntax-only").gstreamer().program("header.c", name, &[]);
    }
}
