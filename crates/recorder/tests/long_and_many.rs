//! Promise: a recording of two hours and five hundred sessions one after another leave memory and threads as they were,
//! and each file is exact.
//! A clip again and again with times that go on, fed faster than real time; the process's own figures from /proc.
#![allow(clippy::unwrap_used)]

mod fed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use fed::clip::{Clip, Unit};
use fed::judge::{actual, packets, pictures};
use fed::{Fed, SECOND};
use recorder::core::{EndReason, Stream};
use recorder::{Container, DoneRecord};

/// Thirty seconds of noise at about 200 kbit/s, ten pictures a second, a keyframe every two seconds: quickly written, and
/// yet far more than an index of it.
static CLIP: LazyLock<Clip> = LazyLock::new(|| {
    Clip::of_description(
        "videotestsrc pattern=snow num-buffers=300 ! video/x-raw,width=128,height=96,framerate=10/1 \
         ! x264enc speed-preset=ultrafast tune=zerolatency key-int-max=20 bitrate=200 vbv-buf-capacity=2000 \
           option-string=scenecut=0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    )
});
const GOP: i64 = 20;

/// When picture `number` is shown, in nanoseconds.
fn at(number: i64) -> i64 {
    number * SECOND / 10
}

/// The tests measure the process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The stream's unit `number`, from 0 on for ever.
fn unit(number: i64) -> Unit {
    let length = CLIP.units.len() as i64;
    let unit = &CLIP.units[(number % length) as usize];
    Unit { pts: Some(at(number)), dts: Some(at(number)), ..unit.clone() }
}

/// A figure of this process: `VmRSS` in KiB, `Threads`.
fn figure(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The recording that is being written in a folder.
fn unfinished(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_media = |path: &PathBuf| ["mp4.part", "mkv.part"].iter().any(|end| path.to_string_lossy().ends_with(end));
    entries.into_iter().find(is_media)
}

/// Waits until the writer is less than `lag` bytes of media behind: what was fed has to reach the disk.
fn wait_for_writer(dir: &Path, fed_bytes: u64, lag: u64) {
    let began = Instant::now();
    while unfinished(dir).is_some_and(|path| std::fs::metadata(path).is_ok_and(|file| file.len() + lag < fed_bytes)) {
        assert!(began.elapsed() < testbed::HANG_GUARD, "the writer is stuck");
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
}

/// Exactly the pictures `first..=last`, by the packets in the file and by the record.
fn is_exact(done: &DoneRecord, first: i64, last: i64) {
    let files = &done.files;
    assert_eq!((done.ended, files.len()), (EndReason::EndReached, 1), "{:?}", done.notes);
    assert_eq!((done.missing_at_start_ns, done.missing_at_end_ns, done.gap_count), (0, 0, 0));
    assert_eq!(actual(&files[0]), (at(first), at(last + 1)));
    assert_eq!(pictures(&files[0]) as i64, last - first + 1);
    let packets = packets(&files[0].file, "v:0");
    assert_eq!(packets.len() as i64, last - first + 1, "packets in the file");
    for (packet, number) in packets.iter().zip(first..) {
        let off = packet - packets[0] - (at(number) - at(first));
        assert!(off.abs() < 1_500_000, "picture {number} is {off} ns off its time");
    }
}

/// Duration of the container in the words of FFmpeg.
fn stated_duration(path: &Path) -> f64 {
    let show = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(show).arg(path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn two_hours(container: Container) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    const HOURS_2: i64 = 2 * 3_600 * SECOND;
    let fed = Fed::new(container, &[Stream::Video], 10);
    fed.begin(Stream::Video, &CLIP.caps);
    let (mut number, mut bytes) = (0, 0);
    while number < 20 * GOP {
        fed.push(Stream::Video, &unit(number));
        number += 1;
    }
    let from = at(19 * GOP) - SECOND;
    let to = from + HOURS_2;
    fed.record(from, to, "two hours");
    let first = 18 * GOP;
    let mut rss = Vec::new();
    while at(number - 1) < to {
        let unit = unit(number);
        bytes += unit.media.size() as u64;
        fed.push(Stream::Video, &unit);
        number += 1;
        if number % 100 == 0 {
            wait_for_writer(fed.dir.path(), bytes, 4 << 20);
        }
        if number % 7_200 == 0 {
            rss.push(figure("VmRSS"));
        }
    }
    let done = fed.done();
    let last = (first..number).rfind(|number| at(*number) < to).unwrap();
    is_exact(&done, first, last);
    let length = (at(last + 1) - at(first)) as f64 / 1e9;
    let stated = stated_duration(&done.file);
    assert!((stated - length).abs() < 0.003, "lasts {stated} s instead of {length} s");
    println!("{container}: {} pictures, {} bytes, RSS in KiB every 12 minutes: {rss:?}", last - first + 1, done.bytes);
    // The muxer's index grows with the file, by some 10 bytes a picture. Media that was kept would be as much as the file.
    let grown = rss.last().unwrap().saturating_sub(rss[0]) * 1_024;
    assert!(grown < done.bytes / 20, "memory has grown by {grown} bytes while {} were recorded", done.bytes);
}

#[test]
fn two_hours_in_mp4() {
    two_hours(Container::Mp4);
}

#[test]
fn two_hours_in_mkv() {
    two_hours(Container::Mkv);
}

const SESSIONS: i64 = 500;

/// Asked start and end of session n, in pictures: from 4.5 s before the request to 1.5 s after it.
fn interval(session: i64) -> (i64, i64) {
    let request = 300 + session * 15;
    (request - 45, request + 15)
}

/// Judges one of the sessions, and removes its files.
fn judge(done: &DoneRecord) {
    let (from, to) = interval(done.header.id.as_deref().unwrap().parse().unwrap());
    let asked = done.header.asked;
    assert_eq!((asked.start_running_ns, asked.end_running_ns), (at(from), at(to)));
    is_exact(done, from / GOP * GOP, to - 1);
    std::fs::remove_file(recorder::file_name::sidecar(&done.file)).unwrap();
    std::fs::remove_file(&done.file).unwrap();
}

/// Feeds until all sessions are through, and gives their records to `judge`. Memory in KiB and threads after 100 of them
/// and at the end.
fn run_sessions(fed: &Fed, judge: &Sender<Box<DoneRecord>>) -> [(u64, u64); 2] {
    let (mut number, mut asked, mut done) = (0, 0, 0);
    let mut after_100 = (0, 0);
    while done < SESSIONS {
        fed.push(Stream::Video, &unit(number));
        number += 1;
        if asked < SESSIONS && number == 300 + asked * 15 {
            let (from, to) = interval(asked);
            fed.record(at(from), at(to), &asked.to_string());
            asked += 1;
        }
        // Eight of them may be on their way.
        let all_sent = number > interval(SESSIONS - 1).1;
        while done < asked - 8 || (all_sent && done < asked) {
            judge.send(fed.done()).unwrap();
            done += 1;
            if done == 100 {
                after_100 = (figure("VmRSS"), figure("Threads"));
            }
        }
    }
    [after_100, (figure("VmRSS"), figure("Threads"))]
}

/// 500 sessions, each of six seconds, a new one every second and a half: four overlap, and their writers some more.
#[test]
fn five_hundred_sessions() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let fed = Fed::new(Container::Mp4, &[Stream::Video], 10);
    fed.begin(Stream::Video, &CLIP.caps);
    let (sender, records) = channel::<Box<DoneRecord>>();
    let (judged, [(rss_100, threads_100), (rss_500, threads_500)]) = std::thread::scope(|scope| {
        // Beside the feeding, for it takes as long.
        let judges = scope.spawn(move || records.iter().map(|done| judge(&done)).count());
        let figures = run_sessions(&fed, &sender);
        drop(sender);
        (judges.join().unwrap(), figures)
    });
    assert_eq!(judged as i64, SESSIONS);
    assert!(fed.bin.wait_idle(testbed::HANG_GUARD));
    println!("after 100 sessions {rss_100} KiB, {threads_100} threads; after 500 {rss_500} KiB, {threads_500} threads");
    // Those that are on their way at that moment: eight writers with two or three threads each.
    assert!(threads_500 <= threads_100 + 24, "{threads_100} threads after 100 sessions, {threads_500} after 500");
    // 400 sessions more: a leak of one file's media (150 KB) each would be 60 MB.
    assert!(rss_500 < rss_100 + 10 * 1_024, "{rss_100} KiB after 100 sessions, {rss_500} after 500");
    let left: Vec<_> = std::fs::read_dir(fed.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
