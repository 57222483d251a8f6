//! `smart-record trigger` as a user runs it: the real binary, a real FIFO with the extension's own reader behind it.
//! What is written is read back by the parser of the crate `trigger`.
//! Left to others: every form of a message (unit tests), and a recorder behind the FIFO (tests of the root package).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

use std::{
    io::Read,
    path::Path,
    process::{Command, Output},
    sync::mpsc,
};

use testbed::HANG_GUARD;
use trigger::{Line, Message, Stop, Utc};

fn smart_record(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smart-record")).arg("trigger").args(arguments).output().unwrap()
}

/// Exit status and the one line on standard error.
#[track_caller]
fn refused(arguments: &[&str], status: i32, words: &[&str]) {
    let output = smart_record(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{said:?} does not say {word:?}");
    }
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

fn start_and_end(message: &Message) -> (Utc, Utc) {
    match message.command {
        trigger::Command::Start { start: Some(start), end: Some(end), .. } => (start, end),
        other => panic!("{other:?}"),
    }
}

#[test]
fn standard_output_gets_one_line_that_a_recorder_takes() {
    let output = smart_record(&["start", "gate", "--before=5s", "--for", "15s", "-id=door-1", "--metadata=plate=B-XY"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1, "{text:?}");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!((message.sensor.as_str(), message.id.as_deref()), ("gate", Some("door-1")));
    assert_eq!(message.metadata.as_ref().unwrap()["plate"], "B-XY");
    let (start, end) = start_and_end(&message);
    assert_eq!(end.0 - start.0, 15_000_000_000);
}

#[test]
fn a_fifo_takes_a_start_and_a_stop() {
    let dir = testbed::temp_dir().unwrap();
    let path = dir.path().join("fifo");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let fifo = path.to_str().unwrap();
    refused(&["start", "gate", "--to-file", fifo], 1, &["nobody reads this FIFO", fifo]);

    let stop = Stop::new().unwrap();
    let mut reader = trigger::FifoReader::open(&path).unwrap();
    let (lines, received) = mpsc::channel();
    let reading = {
        let stop = stop.clone();
        std::thread::spawn(move || reader.run(&stop, |line| lines.send(line).unwrap()))
    };
    for arguments in [&["start", "gate", "--to-file", fifo][..], &["stop", "gate", "--session=3", "--to-file", fifo]] {
        let output = smart_record(arguments);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]), "{output:?}");
    }
    let commands = [(); 2].map(|()| match received.recv_timeout(HANG_GUARD).unwrap() {
        Line::Json(line) => Message::parse(&line).unwrap().command,
        other => panic!("{other:?}"),
    });
    assert_eq!(
        commands,
        [
            trigger::Command::Start { start: None, end: None, overlap: None },
            trigger::Command::Stop { session: Some(3) }
        ]
    );
    stop.stop();
    reading.join().unwrap().unwrap();
}

#[test]
fn a_fifo_that_nobody_empties_ends_in_a_time_out() {
    let dir = testbed::temp_dir().unwrap();
    let path = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let fifo = path.to_str().unwrap();
    // Both ends: there is a reader, and it does not read.
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let arguments = ["start", "gate", "--metadata", &format!("m={}", "x".repeat(60_000)), "--to-file", fifo];
    let arguments = [&arguments[..], &["--timeout", "10ms"]].concat();
    assert_eq!(smart_record(&arguments).status.code(), Some(0));
    // Room for 65,536 bytes: the second message fits in part, of the third nothing does.
    refused(&arguments, 2, &["time-out: the FIFO is full", fifo, "only a part of the message is in it"]);
    refused(&["stop", "gate", "--to-file", fifo, "--timeout=10ms"], 2, &["time-out: the FIFO is full", "--timeout"]);

    // It waits for a reader that is slow.
    let waiting = Command::new(env!("CARGO_BIN_EXE_smart-record"))
        .args(["trigger", "stop", "gate", "--to-file", fifo])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut read = vec![0; 60_000];
    reader.read_exact(&mut read).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_file_keeps_what_it_has() {
    let dir = testbed::temp_dir().unwrap();
    let path = dir.path().join("messages");
    std::fs::write(&path, "{\"sensor\":{\"id\":\"a\"}}\n").unwrap();
    let output = smart_record(&["stop", "b", "--to-file", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let sensors: Vec<_> = text.lines().map(|line| Message::parse(line.as_bytes()).unwrap().sensor).collect();
    assert_eq!(sensors, ["a", "b"]);
}

#[test]
fn nothing_is_created_and_no_device_opened() {
    let dir = testbed::temp_dir().unwrap();
    let missing = dir.path().join("fifo");
    refused(
        &["start", "gate", "--to-file", missing.to_str().unwrap()],
        1,
        &["No such file", "a FIFO that a graph reads"],
    );
    assert!(!missing.exists());
    refused(&["start", "gate", "--to-file", "/dev/null"], 1, &["neither a FIFO nor a regular file"]);
    assert!(Path::new("/dev/null").exists());
}

#[test]
fn a_line_is_no_longer_than_its_reader_takes() {
    let dir = testbed::temp_dir().unwrap();
    let path = dir.path().join("messages");
    std::fs::write(&path, "").unwrap();
    let metadata = format!("m={}", "x".repeat(65_520));
    let arguments = ["start", "gate", "--metadata", metadata.as_str(), "--to-file", path.to_str().unwrap()];
    refused(&arguments, 1, &["allowed in a line: 65536"]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for (arguments, words) in [
        (&[][..], &["a command is missing"][..]),
        (&["start"], &["<SENSOR>"]),
        (&["pause", "gate"], &["pause"]),
        (&["start", "gate", "--for", "5"], &["--for", "5s, 500ms"]),
        (&["start", "gate", "--for", "0s"], &["more than 0"]),
        (&["start", "gate", "--before", "1s", "--start", "2026-01-01T00:00:00Z"], &["--start", "cannot be used with"]),
        (&["start", "gate", "--for", "1s", "--end", "2026-01-01T00:00:00Z"], &["cannot be used with"]),
        (&["start", "gate", "--start", "yesterday"], &["RFC 3339"]),
        (&["start", "gate", "--overlap", "both"], &["separate, extend, merge, reject"]),
        (&["start", "gate", "--metadata", "plate"], &["KEY=VALUE"]),
        (&["start", "gate", "--session", "1"], &["--session"]),
        (&["stop", "gate", "--session", "-1"], &["-1"]),
        (&["stop", "gate", "--for", "1s"], &["--for"]),
        (&["start", ""], &["sensor.id", "1 to 256 bytes"]),
        (
            &["start", "gate", "--start", "2026-01-01T00:00:01Z", "--end", "2026-01-01T00:00:00Z"],
            &["is not after", "2026-01-01T00:00:01.000Z"],
        ),
    ] {
        refused(arguments, 2, words);
    }
}

#[test]
fn help_has_examples_and_exit_statuses() {
    for command in ["start", "stop"] {
        let output = smart_record(&[command, "--help"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        for words in ["Examples:", "Exit status:", "--to-file", "--metadata"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
