//! A camera in a process of its own, so that it can be killed and can live in a network namespace.
//! It tells its address on stdout; `silent` and `loud` on stdin stop and restart its pictures; it ends with its stdin.
//! What is done to it is left to `network`.

use std::io::{BufRead, Write};
use std::process::{ChildStdin, Command, Stdio};

use testbed::{HANG_GUARD, Program, RtspCamera, Scene};

use crate::Error;

/// Frames per second of every source here.
pub const FPS: u32 = 30;
/// Frames from keyframe to keyframe of every source here.
pub const GOP: u32 = 30;

/// What every source here shows: small, since many of them run at once.
pub fn scene() -> Scene {
    Scene::new().fps(FPS).gop(GOP).size(256, 96).without_text()
}

/// Runs a camera until stdin ends.
///
/// # Errors
/// When it cannot listen.
pub fn run(host: &str, port: u16) -> Result<(), Error> {
    let camera = RtspCamera::start_on_host(&scene(), host, port)?;
    let mut stdout = std::io::stdout().lock();
    let told = writeln!(stdout, "{} {}", camera.port(), camera.url()).and_then(|()| stdout.flush());
    told.map_err(|e| Error::io("tell the address", "stdout", e))?;
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("silent") => camera.set_silent(true),
            Ok("loud") => camera.set_silent(false),
            _ => break,
        }
    }
    Ok(())
}

/// A running camera.
pub struct Camera {
    program: Program,
    stdin: Option<ChildStdin>,
    /// Its RTSP address.
    pub url: String,
    /// Its TCP port.
    pub port: u16,
}

impl Camera {
    /// Starts one on an address of this machine, or of a network namespace of it. Port 0: a free one.
    ///
    /// # Errors
    /// When it does not tell its address.
    pub fn start(namespace: Option<&str>, host: &str, port: u16) -> Result<Self, Error> {
        let own = std::env::current_exe().map_err(|e| Error::io("find this program", "chaos", e))?;
        let mut command = match namespace {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.args(["camera", "--host", host, "--port", &port.to_string()]).stdin(Stdio::piped());
        let mut program = Program::start(&mut command)?;
        let stdin = program.take_stdin();
        let line = program.wait_for_line("the camera's address", HANG_GUARD, |line| line.contains(" rtsp://"))?;
        let bad = || Error::setup("start a camera", format!("it says '{line}'"));
        let (port, url) = line.split_once(' ').ok_or_else(bad)?;
        Ok(Self { program, stdin, url: url.to_owned(), port: port.parse().map_err(|_| bad())? })
    }

    /// Stops or restarts its pictures.
    ///
    /// # Errors
    /// When it is gone.
    pub fn set_silent(&mut self, silent: bool) -> Result<(), Error> {
        let word: &[u8] = if silent { b"silent\n" } else { b"loud\n" };
        let stdin = self.stdin.as_mut().ok_or_else(|| Error::setup("tell a camera", "it has no stdin"))?;
        stdin.write_all(word).and_then(|()| stdin.flush()).map_err(|e| Error::io("tell a camera", "its stdin", e))
    }

    /// Kills it, as a power cut does.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(mut self) -> Result<(), Error> {
        self.program.signal(rustix::process::Signal::KILL)?;
        self.program.wait(HANG_GUARD)?;
        Ok(())
    }
}
