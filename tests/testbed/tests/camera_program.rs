//! The `camera` program: its first line is its address, and it ends when it is told to or left alone.
//! Runs the real binary.
//! Left to others: the picture (`counter_survives`).
// The helpers of a test fail as the test does.
#![allow(clippy::unwrap_used)]

use std::net::TcpStream;
use std::process::{Command, Stdio};

use testbed::{HANG_GUARD, Program};

fn start() -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_camera"));
    command.args(["--codec", "h264", "--audio", "aac"]).stdin(Stdio::piped());
    let mut camera = Program::start(&mut command).unwrap();
    let url = camera.wait_for_line("an address", HANG_GUARD, |_| true).unwrap();
    let address = url.strip_prefix("rtsp://").and_then(|url| url.strip_suffix("/camera"));
    let address = address.unwrap_or_else(|| panic!("not an address: {url}")).to_owned();
    (camera, address)
}

#[test]
fn it_serves_until_stdin_closes() {
    let (mut camera, address) = start();
    assert!(TcpStream::connect(&address).is_ok());
    drop(camera.take_stdin());
    assert!(camera.wait(HANG_GUARD).unwrap().success());
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn it_ends_on_ctrl_c() {
    let (mut camera, _) = start();
    camera.interrupt().unwrap();
    assert!(camera.wait(HANG_GUARD).unwrap().success());
}

#[test]
fn it_ends_on_sigterm() {
    let (mut camera, _) = start();
    camera.signal(rustix::process::Signal::TERM).unwrap();
    assert!(camera.wait(HANG_GUARD).unwrap().success());
}

#[test]
fn a_bad_size_is_explained() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_camera"));
    let mut camera = Program::start(command.args(["--size", "100x100"])).unwrap();
    assert_eq!(camera.wait(HANG_GUARD).unwrap().code(), Some(1));
    assert!(camera.seen().join("\n").contains("at least 256x96"), "{:?}", camera.seen());
}
