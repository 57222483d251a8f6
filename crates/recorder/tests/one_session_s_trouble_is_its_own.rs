//! Promise: what goes wrong with one session, or what somebody has put into the folder, concerns nobody else.
//! Media from the testbed's clips, fed by hand; folders as others may have prepared them.
#![allow(clippy::unwrap_used)]

mod fed;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use fed::clip::{Clip, at};
use fed::{Fed, SECOND};
use gst::prelude::*;
use recorder::core::{Config, Moment, Overlap, StartRequest, Stream};
use recorder::event::{Event, EventSink};
use recorder::file_name::FileNames;
use recorder::record::{MergedTrigger, SourceName, Times, Trigger};
use recorder::recordbin::Setup;
use recorder::recorder::RecorderSetup;
use recorder::source::{Mode, Reception, RtpProtocol};
use recorder::{Container, DoneRecord, Recordbin, Recorder};

const H264: &str = "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 bitrate=1000 \
                    option-string=scenecut=0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au";
static CLIP: LazyLock<Clip> = LazyLock::new(|| Clip::pictures(H264, 300));
static LARGE: LazyLock<Clip> = LazyLock::new(|| Clip::pictures_of(H264, 60, (512, 288)));

const CONFIG: Config = Config {
    window: Duration::from_secs(60),
    cache_bytes: 0,
    default_duration: Duration::from_secs(3),
    max_duration: Duration::ZERO,
    max_sessions: 100,
    max_pending: 256 << 20,
    overlap: Overlap::Separate,
    both: false,
    early: false,
};

fn bin(dir: &Path, sink: EventSink) -> Recordbin {
    let setup = Setup {
        source: SourceName { index: 0, sensor: "gate".into() },
        config: CONFIG,
        container: Container::Mp4,
        names: FileNames { dir: dir.into(), prefix: "S".into(), source: None },
        sidecar: true,
        trim: false,
        total_cache_bytes: 0,
    };
    let bin = Recordbin::new(setup, sink).unwrap();
    bin.set_state(gst::State::Playing).unwrap();
    bin
}

fn queue() -> (EventSink, Receiver<Event>) {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| match event {
        Event::SessionsChanged | Event::Playing(_) => {}
        event => drop(sender.lock().unwrap().send(event)),
    });
    (sink, events)
}

fn begin(bin: &Recordbin) {
    let pad = bin.pad(Stream::Video).unwrap();
    pad.send_event(gst::event::StreamStart::new("video"));
    pad.send_event(gst::event::Caps::new(&CLIP.caps));
    pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
}

fn push(bin: &Recordbin, pictures: std::ops::Range<i64>) {
    for index in pictures {
        let mut buffer = CLIP.units[(index % 300) as usize].media.copy();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(at(index) as u64));
        buffer.get_mut().unwrap().set_dts(gst::ClockTime::NONE);
        bin.pad(Stream::Video).unwrap().chain(buffer).unwrap();
    }
}

fn trigger(id: &str) -> Trigger {
    Trigger { id: Some(id.into()), metadata: None }
}

fn ago(start: u64, end: Moment, overlap: Overlap) -> StartRequest {
    StartRequest { start: Moment::Ago(Duration::from_secs(start)), end: Some(end), overlap: Some(overlap) }
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A start that is joined with a session while that fails has an answer, and never an end.
#[test]
fn a_start_joined_with_a_failing_session_has_an_end() {
    let dir = testbed::temp_dir().unwrap();
    let gone = dir.path().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let (events, failed) = queue();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let sink: EventSink = Arc::new(move |event| {
        let waits = matches!(&event, Event::Failed(failed) if failed.header.id.as_deref() == Some("first"));
        events(event);
        if waits {
            // A log or a lock takes a moment.
            let _ = may_go.lock().unwrap().recv_timeout(Duration::from_secs(5));
        }
    });
    let bin = bin(&gone, sink);
    begin(&bin);
    push(&bin, 0..100);
    std::fs::remove_dir(&gone).unwrap();
    let until = Moment::In(Duration::from_secs(3));
    bin.start(ago(1, until, Overlap::Extend), trigger("first"), |_| {}).unwrap();
    let mut ids = Vec::new();
    let mut take = |event| match event {
        Event::Failed(failed) => failed.for_each_trigger().for_each(|failed| ids.push(failed.header.id.unwrap())),
        Event::Done(done) => done.for_each_trigger().for_each(|done| ids.push(done.header.id.unwrap())),
        _ => {}
    };
    take(failed.recv_timeout(Duration::from_secs(20)).unwrap());
    let accepted = bin.start(ago(0, until, Overlap::Extend), trigger("second"), |_| {}).unwrap();
    go.send(()).unwrap();
    push(&bin, 100..300);
    wait_for("no session is left", || bin.open_sessions() == 0);
    failed.try_iter().for_each(take);
    assert_eq!(ids, ["first", "second"], "each has one end; the second was merged: {}", accepted.merged);
}

/// Takes the names that this process's next journals get, so that opening them blocks: a disk that hangs.
fn hang_journals(dir: &Path) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for second in now..now + 6 {
        let time = jiff_name(second);
        for counter in 0..40 {
            let name = format!("S_{counter:05}_{time}_{}.mp4.json.new", std::process::id());
            let _ = rustix::fs::mknodat(
                rustix::fs::CWD,
                dir.join(name),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
                0,
            );
        }
    }
}

fn jiff_name(second: u64) -> String {
    let output =
        std::process::Command::new("date").args(["-u", "-d", &format!("@{second}"), "+%Y%m%d-%H%M%S"]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().into()
}

/// Sessions on a disk that hangs keep the turns; a session on another disk never begins.
#[test]
fn a_hung_disk_stops_nobody_else() {
    let (hung, fine) = (testbed::temp_dir().unwrap(), testbed::temp_dir().unwrap());
    let (bad, good) = (queue(), queue());
    let (bad_bin, good_bin) = (bin(hung.path(), bad.0), bin(fine.path(), good.0));
    for bin in [&bad_bin, &good_bin] {
        begin(bin);
        push(bin, 0..150);
    }
    let past = ago(3, Moment::Ago(Duration::from_secs(1)), Overlap::Separate);
    let turns = std::thread::available_parallelism().unwrap().get();
    hang_journals(hung.path());
    for _ in 0..turns {
        bad_bin.start(past, trigger("hangs"), |_| {}).unwrap();
    }
    wait_for("a session hangs", || !files(hung.path(), ".part").is_empty());
    std::thread::sleep(Duration::from_millis(300));
    good_bin.start(past, trigger("fine"), |_| {}).unwrap();
    let done = good.1.recv_timeout(Duration::from_secs(10));
    assert!(matches!(done, Ok(Event::Done(_))), "on another disk: {done:?}");
}

fn setup(dir: &Path) -> RecorderSetup {
    RecorderSetup {
        sources: Vec::new(),
        reception: Reception { mode: Mode::VideoOnly, latency_ms: 100, protocol: RtpProtocol::Any, reconnect: None },
        config: CONFIG,
        container: Container::Mp4,
        dir: dir.into(),
        prefix: "S".into(),
        sidecar: true,
        trim: false,
        total_cache_bytes: 0,
        recordbin_lib: None,
    }
}

/// A complete recording, whose journal is left and names `others` before it.
fn left(dir: &Path, others: &[&Path]) {
    let (sink, events) = queue();
    let bin = bin(dir, sink);
    begin(&bin);
    push(&bin, 0..150);
    bin.start(ago(3, Moment::Ago(Duration::from_secs(1)), Overlap::Separate), trigger("x"), |_| {}).unwrap();
    let Ok(Event::Done(done)) = events.recv_timeout(Duration::from_secs(20)) else { panic!() };
    let mut record: DoneRecord = *done;
    let own = record.files[0].clone();
    for other in others {
        let mut file = own.clone();
        file.file = other.to_path_buf();
        record.files.insert(0, file);
    }
    let sidecar = format!("{}.json", own.file.display());
    std::fs::remove_file(&sidecar).unwrap();
    std::fs::write(format!("{sidecar}.part"), serde_json::to_vec(&record).unwrap()).unwrap();
}

#[test]
fn a_journal_of_somebody_else_s_leads_nowhere_else() {
    let (dir, outside) = (testbed::temp_dir().unwrap(), testbed::temp_dir().unwrap());
    let victim = outside.path().join("secret");
    std::fs::write(&victim, "secret").unwrap();
    left(dir.path(), &[&victim]);
    let (sink, events) = queue();
    let recorder = Recorder::start(&setup(dir.path()), &sink).unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.recv_timeout(Duration::from_secs(20)) {
        let ended = matches!(event, Event::RecoveryEnded);
        told.push(event);
        if ended {
            break;
        }
    }
    recorder.stop();
    let names: Vec<_> = files(outside.path(), "");
    assert_eq!(names, [victim], "written outside of the folder: {told:?}");
}

#[test]
fn a_journal_of_somebody_else_s_does_not_hang_the_stop() {
    let dir = testbed::temp_dir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    left(dir.path(), &[&fifo]);
    let (sink, _events) = queue();
    let recorder = Recorder::start(&setup(dir.path()), &sink).unwrap();
    wait_for("the recording is being completed", || true);
    std::thread::sleep(Duration::from_secs(1));
    let (stopped, has_stopped) = channel();
    std::thread::spawn(move || {
        recorder.stop();
        stopped.send(()).unwrap();
    });
    assert!(has_stopped.recv_timeout(Duration::from_secs(15)).is_ok(), "stop() still waits for a FIFO's content");
}

/// Between two files of a running session its journal lies beside a complete file that nobody has locked.
#[test]
fn a_running_session_s_journal_is_nobody_else_s() {
    let fed = Fed::new(Container::Mp4, &[Stream::Video], 60);
    fed.begin(Stream::Video, &CLIP.caps);
    fed.push_all(Stream::Video, &CLIP.units[..100]);
    fed.record(SECOND, 8 * SECOND, "runs");
    fed.format(Stream::Video, &LARGE.caps);
    // In the middle of a group: the next keyframe is to come.
    let units = LARGE.shifted(at(100));
    fed.push_all(Stream::Video, &units[1..20]);
    wait_for("the first file is complete", || !files(fed.dir.path(), ".mp4").is_empty());
    std::thread::sleep(Duration::from_millis(500));
    // What another recorder of the same folder does at its start.
    let found: Vec<_> = recorder::recovery::find(fed.dir.path()).unwrap().collect();
    assert!(found.is_empty(), "taken from a session that runs: {found:?}");
}

/// Two merges while the first has not caught up: the file in the middle stays for ever.
#[test]
fn no_merge_leaves_a_file_behind() {
    let dir = testbed::temp_dir().unwrap();
    let (sink, events) = queue();
    let bin = bin(dir.path(), sink);
    begin(&bin);
    push(&bin, 0..1_800);
    let until = Moment::In(Duration::from_secs(2));
    bin.start(ago(1, until, Overlap::Merge), trigger("0"), |_| {}).unwrap();
    for (index, back) in [25, 35, 45, 55].into_iter().enumerate() {
        let parts = || files(dir.path(), ".mp4.part");
        let before = parts();
        bin.start(ago(back, until, Overlap::Merge), trigger(&format!("{}", index + 1)), |_| {}).unwrap();
        wait_for("the session begins anew", || parts().iter().any(|part| !before.contains(part)));
    }
    push(&bin, 1_800..2_000);
    let done = events.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(done, Event::Done(_)), "{done:?}");
    let left = files(dir.path(), ".part");
    assert!(left.is_empty(), "{left:?}");
}

/// 100 joined starts with 64 KiB of metadata each, as a session allows.
#[test]
fn the_receipts_of_one_session_do_not_take_all_memory() {
    let dir = testbed::temp_dir().unwrap();
    left(dir.path(), &[]);
    let journal = files(dir.path(), ".json.part").remove(0);
    let mut done: DoneRecord = serde_json::from_slice(&std::fs::read(journal).unwrap()).unwrap();
    let metadata = serde_json::json!({ "text": "x".repeat(64_000) });
    let asked: Times = done.header.asked;
    let merged = |number: u32| MergedTrigger { id: Some(number.to_string()), asked, metadata: Some(metadata.clone()) };
    done.merged = (0..100).map(merged).collect();
    let bytes: usize = done.for_each_trigger().map(|done| serde_json::to_vec(&done).unwrap().len()).sum();
    assert!(bytes < 64 << 20, "{} MiB of receipts for 6 MiB of metadata", bytes >> 20);
}

#[test]
fn nothing_of_an_interrupted_journal_stays() {
    let dir = testbed::temp_dir().unwrap();
    // Killed between creating and renaming it; and a session that failed before a byte was on disk.
    std::fs::write(dir.path().join("S_00001_20261123-050000_1.mp4.json.new"), "{").unwrap();
    std::fs::write(dir.path().join("S_00002_20261123-050000_1.mp4.json.part"), "{}").unwrap();
    let (sink, events) = queue();
    let recorder = Recorder::start(&setup(dir.path()), &sink).unwrap();
    while !matches!(events.recv_timeout(Duration::from_secs(20)).unwrap(), Event::RecoveryEnded) {}
    recorder.stop();
    assert_eq!(files(dir.path(), ""), [""; 0].map(PathBuf::from));
}
