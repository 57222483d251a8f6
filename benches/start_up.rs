//! How long the runtime takes to load each extension, beside one with nothing in it, and how large their files are.
//! Every load is in a process of its own, so that all libraries that an extension needs are loaded with it.
//! Asserts nothing; the size is guarded by scripts/package.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::meter::Median;
use common::rows::{Row, Verdict, Who};

mod common;

/// The first argument of a process that loads; the library is the second.
const LOAD: &str = "--load-one";
/// The promise is about medians of 7; one more before warms up the file cache.
const ROUNDS: usize = 7;
/// What is promised: over the empty one, and stripped.
const LONGEST: Duration = Duration::from_millis(50);
const LARGEST: u64 = 6 << 20;

/// Loads an extension as gxe does, after the standard one, and prints how many nanoseconds that took.
fn load(library: &Path) {
    let runtime = gxf::Runtime::load(None).unwrap();
    let graph = runtime.context().unwrap();
    graph.set_severity(Some(gxf::log::Severity::Error)).unwrap();
    let none: &[&Path] = &[];
    graph.load_extensions(&[runtime.library("libgxf_std.so").unwrap()], none, None).unwrap();
    let began = Instant::now();
    graph.load_extensions(&[library], none, None).unwrap();
    println!("{}", began.elapsed().as_nanos());
    graph.destroy().unwrap();
}

/// The same in a process of its own.
fn load_apart(library: &Path) -> Duration {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(LOAD)
        .arg(library)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", library.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Duration::from_nanos(text.lines().last().unwrap().trim().parse().unwrap())
}

/// Size without symbols, in bytes.
fn stripped(library: &Path) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("stripped.so");
    assert!(Command::new("strip").arg("-o").arg(&copy).arg(library).status().unwrap().success());
    std::fs::metadata(copy).unwrap().len()
}

fn main() {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let [_, first, library] = &arguments[..]
        && first == LOAD
    {
        return load(Path::new(library));
    }
    // The folder of what `make bench` has built before.
    let built: PathBuf = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().into();
    let libraries = [
        built.join("examples/libgxf_empty.so"),
        built.join("libgxf_nvds_smart_record.so"),
        built.join("libgxf_nvds_cloud_msg.so"),
    ];
    let mut times = vec![Vec::new(); libraries.len()];
    for round in 0..=ROUNDS {
        for (library, times) in libraries.iter().zip(&mut times) {
            let took = load_apart(library);
            if round > 0 {
                times.push(took);
            }
        }
    }
    println!("time to load an extension, each in a process of its own; medians of {ROUNDS}, in turn");
    println!("{:<34} {:>9} {:>9} {:>9} {:>11} {:>14}", "", "median", "least", "greatest", "over empty", "stripped");
    let millis = |times: &[Duration]| times.iter().map(|time| time.as_secs_f64() * 1e3).collect::<Vec<_>>();
    let (empty, empty_size) = (Median::of(millis(&times[0])), stripped(&libraries[0]));
    for (library, times) in libraries.iter().zip(&times) {
        let took = Median::of(millis(times));
        let over = took.median - empty.median;
        let size = stripped(library);
        let (soon, small) = (over < LONGEST.as_secs_f64() * 1e3, size < LARGEST);
        let name = library.file_name().unwrap().to_string_lossy();
        let mib = size as f64 / f64::from(1 << 20);
        println!(
            "{name:<34} {:>6.2} ms {:>6.2} ms {:>6.2} ms {over:>8.2} ms {mib:>10.2} MiB{}{}",
            took.median,
            took.range.0,
            took.range.1,
            if soon { "" } else { "; NOT loaded in time" },
            if small { "" } else { "; TOO LARGE" },
        );
        if library == &libraries[0] {
            continue;
        }
        Row::new(&format!("{name}: loading, ms"))
            .figure(Who::Ours, took)
            .figure(Who::Floor("an empty extension"), empty)
            .verdict(Verdict {
                promised: &format!("under {} more", LONGEST.as_millis()),
                kept: soon,
                note: &format!("{over:.1} more"),
            });
        Row::new(&format!("{name}: size, stripped, MiB"))
            .figure(Who::Ours, Median::once(mib))
            .figure(Who::Floor("an empty extension"), Median::once(empty_size as f64 / f64::from(1 << 20)))
            .verdict(Verdict { promised: &format!("under {}", LARGEST >> 20), kept: small, note: "" });
    }
    println!("promised: under {LONGEST:?} over the empty one, under {} MiB", LARGEST >> 20);
}
