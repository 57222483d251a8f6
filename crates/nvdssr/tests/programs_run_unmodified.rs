//! Promise: a program that is written against NVIDIA's library meets ours, linked or loaded, and needs no change.
//! The program is tests/programs/testsr.c: C11 and C++17, each compiled once, run with each library that is there.
//! The checks of answers and public fields are in the program, those of the files here.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{CLIP_GOP, Compiler, Line, camera_of_clip, libraries, library, meets, read_log, run};
use testbed::{decode, temp_dir};

/// What every library's recording of the clip is.
fn check(line: &Line, sound: bool) {
    assert_eq!(line.figures, if sound { [256, 96, 2, 48_000] } else { [256, 96, 0, 0] }, "{line:?}");
    let decoded = decode(&line.path).unwrap();
    let pictures = decoded.video.as_ref().unwrap().check_unbroken().unwrap();
    assert_eq!(pictures.start() % CLIP_GOP, 0, "begins with a keyframe");
    assert_eq!(decoded.audio.is_some(), sound);
    // Either stream may be the longer one; NVIDIA's library asks the discoverer, and so does the testbed.
    let millis = decoded.duration_ns.unwrap() / 1_000_000;
    assert!(line.duration.abs_diff(millis) <= 2, "{line:?}, and the file {millis} ms");
}

/// Started and stopped by a timer, video and audio, destroyed while the second one runs.
#[test]
fn a_linked_program_in_c_starts_stops_and_destroys() {
    let folder = temp_dir().unwrap();
    let (_, camera) = camera_of_clip(folder.path(), 20);
    let program = Compiler::c11(folder.path()).program_of_nvidias_library("testsr.c", "testsr");
    for (number, library) in libraries().iter().enumerate() {
        let log = folder.path().join(format!("log-{number}"));
        let mut command = Command::new(&program);
        meets(&mut command, library, folder.path());
        command.arg("--dir").arg(folder.path()).arg("--log").arg(&log);
        command.args(["--prefix", "Gate", "--cache", "4", "--start-time", "1", "--duration", "9"]);
        run(command.args(["--interval", "1400", "--starts", "2", "--leave-running", &camera]));
        let lines = read_log(&log, folder.path());
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in &lines {
            check(line, true);
            let name = line.path.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with(&format!("Gate_{:05}_", line.number)), "{name}");
        }
    }
}

/// All parameters zero but a short default duration: prefix, folder and cache are the library's own choice.
#[test]
fn a_program_that_loads_it_records_by_defaults() {
    let folder = temp_dir().unwrap();
    let (clip, _) = camera_of_clip(folder.path(), 20);
    let program = Compiler::c11(folder.path()).program_that_loads("testsr.c", "testsr");
    for (number, library) in libraries().iter().enumerate() {
        let own = folder.path().join(number.to_string());
        std::fs::create_dir(&own).unwrap();
        let mut command = Command::new(&program);
        command.current_dir(&own).arg("--library").arg(library);
        command.args(["--log", "log", "--default-duration", "2", "--interval", "2600", "--starts", "1"]);
        run(command.arg(format!("file://{}", clip.display())));
        let lines = read_log(&own.join("log"), &own);
        assert_eq!(lines.len(), 1, "{lines:?}");
        check(&lines[0], false);
        let name = lines[0].path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("Smart_Record_00000_") && name.ends_with(".mp4"), "{name}");
        assert_eq!(lines[0].path.parent().unwrap().canonicalize().unwrap(), own.canonicalize().unwrap());
    }
}

/// The same source as C++, linked, with Matroska and a recording that ends by itself.
#[test]
fn a_linked_program_in_cpp_records_matroska() {
    let folder = temp_dir().unwrap();
    let (_, camera) = camera_of_clip(folder.path(), 20);
    let program = Compiler::cpp17(folder.path()).program_of_nvidias_library("testsr.c", "testsr");
    for (number, library) in libraries().iter().enumerate() {
        let log = folder.path().join(format!("log-{number}"));
        let mut command = Command::new(&program);
        meets(&mut command, library, folder.path());
        command.arg("--dir").arg(folder.path()).arg("--log").arg(&log);
        command.args(["--mkv", "--cache", "4", "--start-time", "1", "--duration", "1"]);
        run(command.args(["--interval", "1800", "--starts", "1", &camera]));
        let lines = read_log(&log, folder.path());
        assert_eq!(lines.len(), 1, "{lines:?}");
        check(&lines[0], true);
    }
}

/// C++ that loads it: compiled under the same rules, and linked without the library.
#[test]
fn a_program_in_cpp_that_loads_it_says_what_is_missing() {
    let folder = temp_dir().unwrap();
    let program = Compiler::cpp17(folder.path()).program_that_loads("testsr.c", "testsr");
    let load = |library: &Path| {
        let output = Command::new(&program).arg("--library").arg(library).arg("fakesrc name=video").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let nowhere = folder.path().join("nowhere.so");
    let (code, complaint) = load(&nowhere);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("nowhere.so"), "{complaint}");
    assert!(library().is_file());
}
