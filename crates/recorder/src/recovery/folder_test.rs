//! Promise: recovery takes only what is ours and what nobody writes, overwrites nothing, and leaves what it cannot
//! finish as it was.
//! What becomes of the media is tested in `cuts_test`. Cases that need root mount file systems of their own.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use rustix::fs::{FlockOperation, flock};

use super::recording::{PICTURE_AND_SOUND, Recording, finish, leave, target};
use super::{Finished, all};
use crate::file_name::temporary;
use crate::{Container, Error};

/// An unfinished MP4 recording.
static UNFINISHED: LazyLock<Vec<u8>> =
    LazyLock::new(|| Recording::make(Container::Mp4, PICTURE_AND_SOUND).unfinished());

fn left(error: Error) -> String {
    match error {
        Error::Incomplete { .. } => error.to_string(),
        other => panic!("{other}"),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_being_written_is_left_alone() {
    let dir = testbed::temp_dir().unwrap();
    let part = temporary(&target(dir.path(), Container::Mp4));
    std::fs::write(&part, &*UNFINISHED).unwrap();
    let writer = std::fs::File::open(&part).unwrap();
    flock(&writer, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(all(dir.path()).unwrap().is_empty(), "a writer in this process has it");
    flock(&writer, FlockOperation::Unlock).unwrap();
    let first = all(dir.path()).unwrap();
    assert_eq!(first.len(), 1);
    assert!(all(dir.path()).unwrap().is_empty(), "another recovery has it");
    drop(first);
    assert_eq!(all(dir.path()).unwrap().len(), 1);
    let status = Command::new("flock").arg("--nonblock").arg(&part).args(["sleep", "0"]).status().unwrap();
    assert!(status.success(), "nothing holds it any more");
}

#[test]
fn another_process_keeps_what_it_writes() {
    let dir = testbed::temp_dir().unwrap();
    let part = temporary(&target(dir.path(), Container::Mp4));
    std::fs::write(&part, &*UNFINISHED).unwrap();
    // `cat` waits for its input; flock(1) says by the first line that it has the lock.
    let mut holder = Command::new("flock")
        .arg(&part)
        .args(["sh", "-c", "echo locked; exec cat"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.as_mut().unwrap()), &mut line).unwrap();
    assert_eq!(line, "locked\n");
    assert!(all(dir.path()).unwrap().is_empty());
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert_eq!(all(dir.path()).unwrap().len(), 1);
}

#[test]
fn only_regular_files_with_names_of_ours_are_taken() {
    let dir = testbed::temp_dir().unwrap();
    let outside = testbed::temp_dir().unwrap();
    let elsewhere = outside.path().join("elsewhere");
    std::fs::write(&elsewhere, &*UNFINISHED).unwrap();
    let path = |number: u32, ending: &str| dir.path().join(format!("S_{number:05}_20261123-050000_1.{ending}"));
    symlink(&elsewhere, path(1, "mp4.part")).unwrap();
    symlink("nowhere", path(2, "mkv.part")).unwrap();
    std::fs::create_dir(path(3, "mp4.part")).unwrap();
    assert!(Command::new("mkfifo").arg(path(4, "mp4.part")).status().unwrap().success());
    std::fs::write(dir.path().join("holiday.mp4.part"), &*UNFINISHED).unwrap();
    std::fs::write(path(5, "mp4"), &*UNFINISHED).unwrap();
    symlink(&elsewhere, path(6, "mp4")).unwrap();
    std::fs::write(path(6, "mp4.json.part"), "{}").unwrap();
    let before = names(dir.path());
    assert!(all(dir.path()).unwrap().is_empty());
    assert_eq!(names(dir.path()), before);
    assert_eq!(std::fs::read(&elsewhere).unwrap(), *UNFINISHED);
}

#[test]
fn garbage_with_a_name_of_ours_stays() {
    for (container, garbage) in [
        (Container::Mp4, b"Dear diary, this is not a recording.".to_vec()),
        (Container::Mkv, b"Dear diary, this is not a recording.".repeat(10)),
        (Container::Mp4, (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()),
        (Container::Mkv, (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()),
    ] {
        let dir = testbed::temp_dir().unwrap();
        let leftover = leave(dir.path(), container, &garbage);
        let message = left(leftover.finish(&AtomicBool::new(false)).unwrap_err());
        assert!(message.contains("not a recording") && message.contains("Smart_Record_00001"), "{message}");
        assert_eq!(std::fs::read(&leftover.file).unwrap(), garbage);
    }
}

#[test]
fn empty_ones_are_removed() {
    for container in [Container::Mp4, Container::Mkv] {
        for content in [vec![], vec![0; 10_000]] {
            let dir = testbed::temp_dir().unwrap();
            let leftover = leave(dir.path(), container, &content);
            assert_eq!(leftover.finish(&AtomicBool::new(false)).unwrap(), Finished::Empty);
            assert_eq!(names(dir.path()), [""; 0]);
        }
    }
}

#[test]
fn names_that_are_taken_stay_whose_they_are() {
    let dir = testbed::temp_dir().unwrap();
    let target = target(dir.path(), Container::Mp4);
    let second = dir.path().join("Smart_Record_00001_20261123-050000_1-2.mp4");
    std::fs::write(&target, "somebody's").unwrap();
    symlink("nowhere", &second).unwrap();
    let recovered = finish(&leave(dir.path(), Container::Mp4, &UNFINISHED)).unwrap();
    assert_eq!(recovered.file, dir.path().join("Smart_Record_00001_20261123-050000_1-3.mp4"));
    assert_eq!(recovered.bytes, std::fs::metadata(&recovered.file).unwrap().len());
    assert_eq!(std::fs::read(&target).unwrap(), b"somebody's");
    assert_eq!(names(dir.path()).len(), 3);
}

#[test]
fn journals_are_found_with_and_without_their_parts() {
    let dir = testbed::temp_dir().unwrap();
    let target = target(dir.path(), Container::Mp4);
    let journal = PathBuf::from(format!("{}.json.part", target.display()));
    std::fs::write(&journal, "{}").unwrap();
    assert!(all(dir.path()).unwrap().is_empty(), "a journal of nothing");
    let leftover = leave(dir.path(), Container::Mp4, &UNFINISHED);
    assert_eq!(leftover.journal.as_ref(), Some(&journal));
    let recovered = finish(&leftover).unwrap();
    drop(leftover);
    // Killed before its sidecar was written.
    let found = all(dir.path()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].file, &found[0].target, found[0].journal.as_ref()), (&target, &target, Some(&journal)));
    let again = finish(&found[0]).unwrap();
    assert_eq!((again.file, again.streams), (target.clone(), recovered.streams));
    // A complete name is never given to anything incomplete, nor taken from it.
    std::fs::write(&target, &*UNFINISHED).unwrap();
    left(found[0].finish(&AtomicBool::new(false)).unwrap_err());
    assert_eq!(std::fs::read(&target).unwrap(), *UNFINISHED);
}

#[test]
fn cancelling_leaves_everything_as_it_was() {
    let dir = testbed::temp_dir().unwrap();
    let leftover = leave(dir.path(), Container::Mp4, &UNFINISHED);
    let error = leftover.finish(&AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, Error::CompletionCancelled { .. }), "{error}");
    assert_eq!(std::fs::read(&leftover.file).unwrap(), *UNFINISHED);
    assert!(finish(&leftover).is_some());
}

/// A small file system in memory, mounted as long as it lives.
struct Mount(testbed::TempDir);

impl Mount {
    fn new(options: &str) -> Self {
        let dir = testbed::temp_dir().unwrap();
        let mut mount = Command::new("mount");
        let status = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).status().unwrap();
        assert!(status.success(), "this test needs root, to mount a file system");
        Self(dir)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

#[test]
fn a_read_only_folder_stays_as_it_is() {
    let mount = Mount::new("size=16m");
    let path = mount.0.path();
    drop(leave(path, Container::Mp4, &UNFINISHED));
    let status = Command::new("mount").args(["-o", "remount,ro"]).arg(path).status().unwrap();
    assert!(status.success());
    let found = all(path).unwrap();
    let message = left(found[0].finish(&AtomicBool::new(false)).unwrap_err());
    assert!(message.contains("writing to it fails") && message.contains("ead-only"), "{message}");
    assert_eq!(std::fs::read(&found[0].file).unwrap(), *UNFINISHED);
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let mount = Mount::new("size=1m");
    let path = mount.0.path();
    let leftover = leave(path, Container::Mp4, &UNFINISHED);
    // Not a block is free.
    let filler = path.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    let message = left(leftover.finish(&AtomicBool::new(false)).unwrap_err());
    assert!(message.contains("No space left"), "{message}");
    // At most the tail that is not whole has gone.
    let kept = std::fs::read(&leftover.file).unwrap();
    assert!(UNFINISHED.starts_with(&kept));
    let playable = testbed::ffprobe(&leftover.file).unwrap().packets;
    // Not only removed: where another test starts a program at this moment, that has the open file, too, for an instant.
    file.set_len(0).unwrap();
    assert_eq!(finish(&leftover).unwrap().streams[0].frames, playable, "with room it goes on");
}

#[test]
fn a_disk_that_filled_up_in_the_finalisation_leaves_a_playable_file() {
    let recording = Recording::make(Container::Mp4, PICTURE_AND_SOUND);
    let begins: usize = recording.writes[..recording.finalisation()].iter().map(|(_, bytes)| bytes.len()).sum();
    let ends = recording.written();
    let last = recording.writes.last().unwrap().1.len();
    for written in [begins + 1, ends - last, ends - last + 100, ends - last / 2, ends - 1] {
        let mount = Mount::new("size=1m");
        let path = mount.0.path();
        let leftover = leave(path, Container::Mp4, &recording.after(written));
        let mut filler = std::fs::File::create(path.join("filler")).unwrap();
        while std::io::Write::write_all(&mut filler, &[1; 4096]).is_ok() {}
        match leftover.finish(&AtomicBool::new(false)) {
            Ok(Finished::Recording(recovered)) => assert!(recovered.cut > 0, "it took the room of its tail"),
            Ok(Finished::Empty) => panic!("it was playable before"),
            Err(error) => {
                assert!(left(error).contains("No space left"));
                let judged = testbed::ffprobe(&leftover.file).unwrap();
                let frames = judged.packets;
                filler.set_len(0).unwrap();
                let recovered = finish(&leftover).unwrap();
                assert_eq!(frames, recovered.streams[0].frames, "all of it plays while it waits");
            }
        }
    }
}
