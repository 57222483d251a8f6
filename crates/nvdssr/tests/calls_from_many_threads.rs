//! Promise: any call may come from any thread at any time, on contexts that are being destroyed too: no crash, no leak, no
//! data race, and every accepted start is answered exactly once.
//! The program is tests/programs/stress.c, which counts the answers itself; GCC's sanitizers watch it.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Compiler, library, meets, programs};
use testbed::temp_dir;

/// Small pictures: what is tested is calls, not muxing.
fn small_clip(folder: &Path) -> PathBuf {
    let clip = folder.join("clip.mp4");
    let description = format!(
        "videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=64,height=64,framerate=30/1 \
         ! x264enc key-int-max=15 bitrate=50 tune=zerolatency speed-preset=ultrafast option-string=scenecut=0 \
         ! h264parse ! mp4mux ! filesink location={}",
        clip.display()
    );
    common::run(Command::new("gst-launch-1.0").arg("-q").args(description.split_whitespace()));
    clip
}

/// Runs so many calls from 8 threads on 4 contexts; the seed is new each time, and shown where it fails.
fn stress(sanitizer: &str, options: &[(&str, String)], calls: u32) {
    let folder = temp_dir().unwrap();
    let clip = small_clip(folder.path());
    let recordings = folder.path().join("recordings");
    std::fs::create_dir(&recordings).unwrap();
    let program = Compiler::c11(folder.path())
        .flag(format!("-fsanitize={sanitizer}"))
        .program_of_nvidias_library("stress.c", "stress");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_micros();
    let start = |wrapper: &[&str]| -> Output {
        let mut words = wrapper.iter().map(|word| word.into()).chain([program.clone().into_os_string()]);
        let mut command = Command::new(words.next().unwrap());
        meets(&mut command, &library(), folder.path());
        // GLib's own allocator hides from sanitizers what is freed and made again.
        command.env("G_SLICE", "always-malloc").envs(options.iter().map(|(name, value)| (name, value)));
        command.args(words).arg(&clip).arg(&recordings);
        command.args([calls.to_string(), "8".into(), "4".into(), seed.to_string()]).output().unwrap()
    };
    let mut output = start(&[]);
    if String::from_utf8_lossy(&output.stderr).contains("unexpected memory mapping") {
        // Kernels that scatter memory wider than GCC's ThreadSanitizer knows (before GCC 14).
        output = start(&["setarch", "--addr-no-randomize"]);
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "seed {seed}: {}\n{said}", output.status);
    assert!(said.contains(&format!("calls {calls}:")) && said.contains("faults 0"), "seed {seed}: {said}");
    assert_eq!(std::fs::read_dir(&recordings).unwrap().count(), 0, "seed {seed}: every file had its callback");
    println!("{said}");
}

/// AddressSanitizer with its leak detector (the one that comes alone, -fsanitize=leak, crashes in GCC 12 where hundreds of
/// threads come and go).
#[test]
fn ten_thousand_calls_leak_nothing() {
    let suppressions = programs().join("lsan.supp");
    // The slow unwinder goes through libraries that have no frame pointers: needed to tell whose memory it is.
    let options = [
        ("ASAN_OPTIONS", "detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=8".to_owned()),
        ("LSAN_OPTIONS", format!("suppressions={}", suppressions.display())),
    ];
    stress("address", &options, 10_000);
}

/// ThreadSanitizer sees the C program alone; what passes between its threads goes through POSIX mutexes and C11 atomics.
#[test]
fn thousands_of_calls_have_no_data_race() {
    let options = [("TSAN_OPTIONS", "ignore_noninstrumented_modules=1:exitcode=66".to_owned())];
    stress("thread", &options, 3_000);
}
