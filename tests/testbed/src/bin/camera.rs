//! A camera for people and scripts: prints its RTSP address, then streams until stdin closes or a signal comes.
//! The picture counts its frames; see `testbed::scene`.
//! Left to others: watching it.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use testbed::{AudioCodec, Codec, RtspCamera, Scene};

/// An RTSP camera on loopback. Its address is the first line on stdout; it ends with stdin, SIGTERM or SIGINT.
#[derive(Parser)]
struct Options {
    /// Video codec
    #[arg(long, value_enum, default_value_t = Codec::H264)]
    codec: Codec,
    /// Frames per second, 1 to 120
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Frames from keyframe to keyframe
    #[arg(long, default_value_t = 60)]
    gop: u32,
    /// Picture size in pixels
    #[arg(long, default_value = "640x360", value_parser = parse_size)]
    size: (u32, u32),
    /// Beeps in this codec (none without it)
    #[arg(long, value_enum)]
    audio: Option<AudioCodec>,
    /// TCP port (0: a free one)
    #[arg(long, default_value_t = 0)]
    port: u16,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides.ok_or_else(|| "a size is <width>x<height>, such as 640x360".to_owned())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("camera: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (stop, stopped) = channel();
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let signalled = stop.clone();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            // Nobody listens only where the camera is ending already.
            let _ = signalled.send(());
        }
    });

    let mut scene =
        Scene::new().codec(options.codec).fps(options.fps).gop(options.gop).size(options.size.0, options.size.1);
    if let Some(codec) = options.audio {
        scene = scene.audio(codec);
    }
    let camera = RtspCamera::start_on_port(&scene, options.port)?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", camera.url())?;
    stdout.flush()?;
    std::thread::spawn(move || wait_for_stdin(&stop));
    stopped.recv()?;
    Ok(())
}

/// Returns, and says so, when stdin is at its end: whoever started the camera is gone.
fn wait_for_stdin(stop: &Sender<()>) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = [0; 256];
    while matches!(stdin.read(&mut buffer), Ok(1..)) {}
    // Nobody listens only where the camera is ending already.
    let _ = stop.send(());
}
