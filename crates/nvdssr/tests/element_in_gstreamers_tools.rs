//! Promise: gst-inspect-1.0 shows the element in full, gst-launch-1.0 and Python record with it as it is installed, and
//! what a killed process left is completed by the next one.
//! What exactly is recorded is left to `element_records`.
#![allow(clippy::unwrap_used)]

mod element;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use testbed::{HANG_GUARD, Program, TempDir, decode, temp_dir};

/// A test picture at the pace of the clock; each keyframe is 15 frames after the last.
const PICTURE: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1 ! \
    x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15";

/// A program of GStreamer's that finds the plugin, and has a registry of its own.
fn tool(name: &str) -> Command {
    static PLUGINS: OnceLock<TempDir> = OnceLock::new();
    let plugins = PLUGINS.get_or_init(|| {
        let dir = temp_dir().unwrap();
        std::os::unix::fs::symlink(element::library(), dir.path().join("libnvdsgst_smartrecord.so")).unwrap();
        dir
    });
    let mut command = Command::new(name);
    command.env("GST_PLUGIN_PATH", plugins.path()).env("GST_REGISTRY", plugins.path().join("registry.bin"));
    command.stdin(Stdio::null());
    command
}

fn launch(description: &str, dir: &Path) -> Command {
    let mut command = tool("gst-launch-1.0");
    command.args(["-m", "-e"]).args(description.split_whitespace());
    command.current_dir(dir);
    command
}

/// `name=(type)"value"` or `name=(type)value` in what gst-launch-1.0 prints of a message.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let value = line.split_once(&format!(" {name}=(")).unwrap_or_else(|| panic!("{name} in {line}")).1;
    let value = value.split_once(')').unwrap().1;
    value.split([',', ';']).next().unwrap().trim_matches('"')
}

fn frames(file: &str) -> usize {
    let decoded = decode(Path::new(file)).unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    decoded.video().unwrap().frames.len()
}

#[test]
fn gst_inspect_shows_what_there_is() {
    let output = tool("gst-inspect-1.0").arg("nvdssmartrecord").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    assert!(output.status.success());
    assert!(text.contains("Sink/Muxer/File") && text.contains("Apache 2.0"));
    for pad in ["SINK template: 'sink'", "SINK template: 'asink'", "SRC template: 'src'", "SRC template: 'asrc'"] {
        assert!(text.contains(pad), "{pad}");
    }
    for property in [
        "smart-record ",
        "smart-rec-dir-path",
        "smart-rec-file-prefix",
        "smart-rec-cache ",
        "smart-rec-container",
        "smart-rec-mode",
        "smart-rec-default-duration",
        "smart-rec-status",
        "smart-rec-start-time",
        "smart-rec-duration",
        "smart-rec-interval",
        "smart-rec-max-sessions",
        "smart-rec-overlap",
        "smart-rec-max-duration",
        "smart-rec-cache-bytes",
        "smart-rec-total-cache-bytes",
        "smart-rec-max-pending-bytes",
        "smart-rec-trim",
        "smart-rec-sidecar",
    ] {
        assert!(text.contains(&format!("  {property}")), "{property}");
    }
    for signal in ["start-sr", "stop-sr", "sr-done", "start-recording", "stop-recording", "recording-done"] {
        assert!(text.contains(&format!("\"{signal}\"")), "{signal}");
    }
}

/// Local events record in a line; the pipeline's end comes when the last file is complete.
fn launched(before: &str, after: &str) {
    let dir = temp_dir().unwrap();
    let description = format!(
        "{PICTURE} ! {before} nvdssmartrecord name=r smart-record=smart-rec-multi smart-rec-interval=2 \
         smart-rec-start-time=1 smart-rec-duration=1 {after} audiotestsrc is-live=true ! avenc_aac ! r.asink"
    );
    let mut program = Program::start(&mut launch(&description, dir.path())).unwrap();
    let accepted = |line: &str| line.contains("smart-record-accepted") && line.contains("local-event-2");
    program.wait_for_line("the second start", HANG_GUARD, accepted).unwrap();
    // With -e it ends the streams first.
    program.interrupt().unwrap();
    assert!(program.wait(HANG_GUARD).unwrap().success());
    let lines = program.seen().to_vec();
    let done: Vec<_> = lines.iter().filter(|line| line.contains("smart-record-done")).collect();
    println!("{done:#?}");
    assert!(!done.is_empty());
    assert_eq!(field(done[0], "id"), "local-event-1");
    let file = field(done[0], "location");
    assert!(Path::new(file).is_absolute());
    // 2 s, up to a GOP before, and up to a picture after.
    assert!((60..=77).contains(&frames(file)), "{}", frames(file));
    assert!(decode(Path::new(file)).unwrap().audio().is_ok());
    let complete = testbed::watch::files_with_extension(dir.path(), "mp4");
    assert_eq!(complete.len(), 2, "{complete:?}");
    assert!(complete.iter().all(|file| frames(file.to_str().unwrap()) > 30));
    if after.is_empty() {
        let end = lines.iter().position(|line| line.contains("(eos)")).unwrap();
        let last = lines.iter().rposition(|line| line.contains("smart-record-done")).unwrap();
        assert!(done.len() == 2 && last < end, "{last} {end}");
    }
}

#[test]
fn gst_launch_records_at_the_end_of_a_line() {
    launched("", "");
}

#[test]
fn gst_launch_records_in_the_middle_of_a_line() {
    launched("video/x-h264,stream-format=byte-stream !", "! h264parse ! avdec_h264 ! fakesink");
}

#[test]
fn a_killed_process_s_recording_is_completed_by_the_next_one() {
    let dir = temp_dir().unwrap();
    let recorder = "nvdssmartrecord name=r smart-record=2 smart-rec-interval=2 smart-rec-duration=1000 \
                    smart-rec-overlap=reject";
    let mut program = Program::start(&mut launch(&format!("{PICTURE} ! {recorder}"), dir.path())).unwrap();
    program.wait_for_line("the start", HANG_GUARD, |line| line.contains("smart-record-accepted")).unwrap();
    // A second of media is on disk before it ends.
    let part = || {
        let parts = testbed::watch::files_with_extension(dir.path(), "part");
        let big = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|data| data.len() > 100_000);
        parts.into_iter().find(|path| path.to_string_lossy().ends_with(".mp4.part") && big(path))
    };
    testbed::DirWatch::new(dir.path()).unwrap().wait_for("a second of media", HANG_GUARD, part).unwrap();
    program.signal(rustix::process::Signal::KILL).unwrap();
    program.wait(HANG_GUARD).unwrap();
    let idle = format!("{PICTURE} ! nvdssmartrecord name=r");
    let mut program = Program::start(&mut launch(&idle, dir.path())).unwrap();
    let told = |line: &str| line.contains("smart-record-recovered");
    program.wait_for_line("that it is complete", HANG_GUARD, told).unwrap();
    program.interrupt().unwrap();
    assert!(program.wait(HANG_GUARD).unwrap().success());
    let line = program.seen().iter().find(|line| told(line)).unwrap();
    assert_eq!(field(line, "id"), "local-event-1");
    assert!(frames(field(line, "location")) >= 15);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn python(arguments: &[&str], folder: &Path) -> Command {
    // Debian's own: the bindings are packages of its.
    let mut command = tool("/usr/bin/python3");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/record.py");
    command.arg(example).args(arguments).arg("--folder").arg(folder);
    command
}

#[test]
fn the_python_example_records_after_a_delay() {
    let dir = temp_dir().unwrap();
    let arguments = ["--delay", "2", "--before", "1.5", "--after", "0.75"];
    let mut program = Program::start(&mut python(&arguments, dir.path())).unwrap();
    let status = program.wait(HANG_GUARD).unwrap();
    let lines = program.seen();
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "event-1: recording, session 0"), "{lines:#?}");
    let done = lines.iter().find_map(|line| line.strip_prefix("event-1: ")?.split_once(" s in ")).unwrap();
    let seconds: f64 = done.0.parse().unwrap();
    // A keyframe each second.
    assert!((2.25..3.35).contains(&seconds), "{seconds}");
    assert!(frames(done.1) >= 67);
}

#[test]
fn the_python_example_records_at_a_key() {
    use std::io::Write;
    let dir = temp_dir().unwrap();
    let mut program =
        Program::start(python(&["--before", "0", "--after", "1000"], dir.path()).stdin(Stdio::piped())).unwrap();
    let mut keys = program.take_stdin().unwrap();
    let begins = |line: &str| line.contains("Enter records");
    program.wait_for_line("the prompt", HANG_GUARD, begins).unwrap();
    keys.write_all(b"\n").unwrap();
    program.wait_for_line("the answer", HANG_GUARD, |line| line == "event-1: recording, session 0").unwrap();
    let writes = || testbed::watch::files_with_extension(dir.path(), "part").pop();
    testbed::DirWatch::new(dir.path()).unwrap().wait_for("a file", HANG_GUARD, writes).unwrap();
    keys.write_all(b"q\n").unwrap();
    assert!(program.wait(HANG_GUARD).unwrap().success(), "{:#?}", program.seen());
    assert!(program.seen().iter().any(|line| line.starts_with("event-1: ") && line.contains(" s in ")));
}

#[test]
fn the_python_example_says_what_is_wrong() {
    let dir = temp_dir().unwrap();
    let mut program = Program::start(&mut python(&["--delay", "1"], &dir.path().join("none"))).unwrap();
    assert!(!program.wait(HANG_GUARD).unwrap().success());
    let said = program.seen().iter().any(|line| line.contains("smart-rec-dir-path") && line.contains("exists"));
    assert!(said, "{:#?}", program.seen());
}
