//! Promise: a file has the name that NVIDIA's library would give it, and the callback's figures are the file's own.
//! FFmpeg and GStreamer judge: size, sound, duration, container.
//! Defaults of prefix and folder, and names as C programs see them, are left to programs_run_unmodified.rs.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{Camera, Context, Parameters, Recording, leftovers};
use testbed::decode;

/// `<prefix>_<counter>_<UTC date>-<time>_<process>.<ending>`
fn check_name(recording: &Recording, prefix: &str, ending: &str) -> u32 {
    let rest = recording.file.strip_prefix(prefix).unwrap_or_else(|| panic!("{recording:?}"));
    let rest = rest.strip_suffix(ending).unwrap_or_else(|| panic!("{recording:?}"));
    let parts: Vec<_> = rest.split('_').collect();
    let [empty, counter, time, process] = parts[..] else { panic!("{recording:?}") };
    assert!(empty.is_empty() && counter.len() == 5 && time.len() == 15 && &time[8..9] == "-", "{recording:?}");
    assert!(time.bytes().enumerate().all(|(at, byte)| at == 8 || byte.is_ascii_digit()), "{recording:?}");
    assert_eq!(process, std::process::id().to_string());
    counter.parse().unwrap()
}

fn record(parameters: Parameters, with: impl FnOnce(&Context) -> Vec<Camera>) -> (Context, Recording) {
    let context = Context::with(parameters);
    let mut cameras = with(&context);
    let mut run = |from: u32, to: u32| {
        // As a live source does: the streams side by side.
        for tenth in from * 10..to * 10 {
            cameras.iter_mut().for_each(|camera| camera.run_to(f64::from(tenth + 1) / 10.0));
        }
    };
    run(0, 4);
    context.start(2, 2, 1).unwrap();
    run(4, 9);
    let recording = context.recorded();
    (context, recording)
}

#[test]
fn video_in_mp4() {
    let (context, recording) =
        record(Parameters { cache: 5, prefix: Some("Gate"), ..Parameters::default() }, |context| {
            vec![Camera::pictures(context)]
        });
    check_name(&recording, "Gate", ".mp4");
    assert_eq!((recording.size, recording.sound, recording.mkv), (Some((256, 96)), None, false));
    assert_eq!(recording.folder, context.dir.path());
    assert_eq!(decode(&recording.path()).unwrap().container, "video/quicktime");
    recording.check_duration();
    assert_eq!(leftovers(context.dir.path()), Vec::<std::path::PathBuf>::new(), "no sidecar, no temporary file");
    context.destroy();
}

#[test]
fn video_and_sound_in_matroska() {
    let parameters = Parameters { cache: 5, mkv: true, ..Parameters::default() };
    let (context, recording) = record(parameters, |context| vec![Camera::pictures(context), Camera::sound(context)]);
    check_name(&recording, "Smart_Record", ".mkv");
    assert_eq!((recording.size, recording.sound, recording.mkv), (Some((256, 96)), Some((2, 48_000)), true));
    let decoded = decode(&recording.path()).unwrap();
    assert_eq!(decoded.container, "video/x-matroska");
    assert_eq!(decoded.audio.map(|audio| (audio.channels, audio.rate)), Some((2, 48_000)));
    recording.check_duration();
    context.destroy();
}

#[test]
fn video_and_sound_in_mp4() {
    let (context, recording) = record(Parameters { cache: 5, ..Parameters::default() }, |context| {
        vec![Camera::pictures(context), Camera::sound(context)]
    });
    assert_eq!((recording.size, recording.sound), (Some((256, 96)), Some((2, 48_000))));
    recording.pictures();
    recording.check_duration();
    context.destroy();
}

#[test]
fn sound_alone() {
    for mkv in [false, true] {
        let (context, recording) =
            record(Parameters { cache: 5, mkv, ..Parameters::default() }, |context| vec![Camera::sound(context)]);
        assert_eq!((recording.size, recording.sound), (None, Some((2, 48_000))));
        let decoded = decode(&recording.path()).unwrap();
        let audio = decoded.audio.unwrap();
        assert!(decoded.video.is_none());
        assert!((3_950_000_000..=4_500_000_000).contains(&(audio.end_ns - audio.first_ns)), "{audio:?}");
        recording.check_duration();
        context.destroy();
    }
}

/// The counter is the process's: files that begin in the same second differ by it.
#[test]
fn the_counter_tells_files_apart() {
    let context = Context::with(Parameters { cache: 5, prefix: Some("Counted"), ..Parameters::default() });
    let mut camera = Camera::pictures(&context);
    camera.run_to(3.0);
    for tag in 0..3 {
        camera.start(&context, 1, 1, tag);
    }
    camera.run_to(6.0);
    let counters: BTreeSet<_> =
        context.all_recorded(3).iter().map(|recording| check_name(recording, "Counted", ".mp4")).collect();
    assert_eq!(counters.len(), 3, "{counters:?}");
    context.destroy();
}
