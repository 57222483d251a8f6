//! What two independent players, GStreamer's and FFmpeg's, show of presented files; and what damaged ones do.
//! Every file is made by the muxer that the engine uses, every frame carries its number.
//! The files are made in `media`.

mod media;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use testbed::{Frame, decode, ffmpeg_frames, ffprobe};

use self::media::{AAC, FPS, GOP, Media, OPUS};
use super::*;

const MS: u64 = 1_000_000;

fn present_ms(path: &Path, start: u64, end: u64) -> io::Result<Presented> {
    present_ns(path, start * MS, end * MS)
}

fn present_ns(path: &Path, start: u64, end: u64) -> io::Result<Presented> {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    present(&file, Duration::from_nanos(start)..Duration::from_nanos(end))
}

#[test]
fn explore() {
    for media in [Media::PLAIN, Media::REORDERED] {
        for audio in [None, Some(AAC), Some(OPUS)] {
            let media = Media { audio, ..media };
            for (a, b) in [(2345, 7120), (0, 5000), (1900, 2300), (1990, 2010), (3950, 9000), (6789, 6999)] {
                let (_folder, path) = media.make();
                let p = present_ms(&path, a, b).unwrap();
                println!("\n{media:?}\n{a} {b} {p:?}");
                let g = decode(&path).unwrap();
                let v = g.video.as_ref().unwrap();
                let show = |f: &Frame| format!("{:?}@{}+{}", f.counter, f.pts_ns, f.duration_ns);
                println!(
                    "gst {:?} {:?} {:?} n={} {:?} {:?} w {:?}",
                    g.duration_ns,
                    v.frames.first().map(show),
                    v.frames.last().map(show),
                    v.frames.len(),
                    v.check_unbroken(),
                    g.audio,
                    g.warnings
                );
                let f = ffmpeg_frames(&path).unwrap();
                println!("ff {} {} n={}", show(&f[0]), show(f.last().unwrap()), f.len());
                println!("{:?}", ffprobe(&path));
                if let Ok(keep) = std::env::var("KEEP") {
                    std::fs::copy(
                        &path,
                        format!(
                            "{keep}/{}{}.mp4",
                            media.video.unwrap().1,
                            audio.unwrap_or("none").split(' ').next().unwrap()
                        ),
                    )
                    .unwrap();
                }
            }
        }
    }
}
