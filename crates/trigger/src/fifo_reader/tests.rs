//! Tests of `fifo_reader` with real FIFOs and files, on a reader thread as the extension has it.
//! What is waited for is a line or the end of the thread, never a time.
//! Cutting into lines is tested in `lines`.

use std::{
    io::Write,
    sync::mpsc::{Receiver, channel},
    thread::{JoinHandle, spawn},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

struct Reader {
    lines: Receiver<Line>,
    stop: Stop,
    thread: JoinHandle<(Result<Finish, Error>, Counters)>,
}

impl Reader {
    fn start(path: &Path) -> Self {
        let mut reader = FifoReader::open(path).unwrap();
        let stop = Stop::new().unwrap();
        let (sender, lines) = channel();
        let given = stop.clone();
        let thread = spawn(move || {
            let finish = reader.run(&given, |line| sender.send(line).unwrap());
            (finish, reader.counters())
        });
        Self { lines, stop, thread }
    }

    fn next(&self) -> Line {
        self.lines.recv().unwrap()
    }

    fn end(self) -> (Finish, Counters) {
        self.stop.stop();
        let (finish, counters) = self.thread.join().unwrap();
        (finish.unwrap(), counters)
    }
}

fn fifo(dir: &Path) -> PathBuf {
    let path = dir.join("messages.fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path
}

fn writer(path: &Path) -> fs::File {
    fs::OpenOptions::new().write(true).open(path).unwrap()
}

fn json(text: &str) -> Line {
    Line::Json(text.into())
}

#[test]
fn writers_of_a_fifo_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let reader = Reader::start(&path);
    for _ in 0..20 {
        // Opened, written and closed at once, as echo does it.
        fs::write(&path, "{\"a\":1}\n").unwrap();
        assert_eq!(reader.next(), json("{\"a\":1}"));
    }
    let (mut first, mut second) = (writer(&path), writer(&path));
    first.write_all(b"{\"b\":1}\n").unwrap();
    drop(first);
    second.write_all(b"{\"b\":2}\n").unwrap();
    assert_eq!([reader.next(), reader.next()], [json("{\"b\":1}"), json("{\"b\":2}")]);
    assert_eq!(reader.end(), (Finish::Stopped, Counters { json: 22, ..Counters::default() }));
}

#[test]
fn a_line_without_end_ends_with_the_last_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let reader = Reader::start(&path);
    for _ in 0..20 {
        fs::write(&path, "{\"a\":1}").unwrap();
        assert_eq!(reader.next(), json("{\"a\":1}"));
    }
    let mut first = writer(&path);
    first.write_all(b"{\"b\"").unwrap();
    let mut second = writer(&path);
    drop(first);
    second.write_all(b":1}").unwrap();
    drop(second);
    assert_eq!(reader.next(), json("{\"b\":1}"));
    reader.end();
}

#[test]
fn garbage_is_skipped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let reader = Reader::start(&path);
    let mut writer = writer(&path);
    // More than a pipe holds, so that the reader must empty it while it is written.
    writer.write_all(&vec![b'x'; 1 << 20]).unwrap();
    writer.write_all(b"\nhello\n\n\xff\xfe\n{}\n").unwrap();
    let lines = [reader.next(), reader.next(), reader.next(), reader.next()];
    assert_eq!(lines, [Line::TooLong, Line::NotJson, Line::NotJson, json("{}")]);
    assert_eq!(reader.end().1, Counters { json: 1, too_long: 1, not_json: 2 });
}

#[test]
fn stop_ends_an_idle_reader_and_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let reader = Reader::start(&path);
    let stop = reader.stop.clone();
    assert_eq!(reader.end().0, Finish::Stopped);
    let never = |_| panic!("nothing was written");
    assert_eq!(follow(&path, &stop, never).unwrap(), Finish::Stopped);
}

#[test]
fn after_a_writer_has_gone_there_is_nothing_to_wake_up_for() {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let mut reader = FifoReader::open(&path).unwrap();
    let stop = Stop::new().unwrap();
    assert_eq!(reader.wait(&stop, Some(&NOW)).unwrap(), None);
    fs::write(&path, "{\"a\":1}").unwrap();
    let mut lines = Vec::new();
    // The bytes, then the hang-up.
    for _ in 0..2 {
        assert_eq!(reader.wait(&stop, Some(&NOW)).unwrap(), Some(Ready::Input));
        reader.step(&mut [0; 100], &mut |line| lines.push(line)).unwrap();
    }
    assert_eq!(lines, [json("{\"a\":1}")]);
    assert_eq!(reader.wait(&stop, Some(&NOW)).unwrap(), None);
    stop.stop();
    assert_eq!(reader.wait(&stop, Some(&NOW)).unwrap(), Some(Ready::Stop));
}

#[test]
fn a_file_is_read_once_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("messages.jsonl");
    fs::write(&path, "{\"a\":1}\r\n\n{\"b\":2}").unwrap();
    let mut lines = Vec::new();
    let finish = follow(&path, &Stop::new().unwrap(), |line| lines.push(line)).unwrap();
    assert_eq!(finish, Finish::EndOfFile);
    assert_eq!(lines, [json("{\"a\":1}"), json("{\"b\":2}")]);
}

#[test]
fn a_fifo_that_is_replaced_is_followed_and_one_that_is_removed_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path());
    let reader = Reader::start(&path);

    let mut old = writer(&path);
    old.write_all(b"{\"old\":1}\n").unwrap();
    assert_eq!(reader.next(), json("{\"old\":1}"));
    fs::remove_file(&path).unwrap();
    fifo(dir.path());
    drop(old);
    // The reader turns to the new FIFO when it sees the old one's end; open(2) waits for that.
    let mut new = writer(&path);
    new.write_all(b"{\"new\":1}\n").unwrap();
    assert_eq!(reader.next(), json("{\"new\":1}"));

    fs::remove_file(&path).unwrap();
    new.write_all(b"{\"last\":1}").unwrap();
    drop(new);
    assert_eq!(reader.next(), json("{\"last\":1}"));
    let error = reader.thread.join().unwrap().0.unwrap_err().to_string();
    assert!(error.contains("messages.fifo") && error.contains("No such file"), "{error}");
}

#[test]
fn what_cannot_be_followed_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &Path| FifoReader::open(path).unwrap_err().to_string();

    let missing = error(&dir.path().join("none"));
    assert!(missing.contains("none: cannot be opened: No such file"), "{missing}");
    assert!(missing.contains("needed: a FIFO"), "{missing}");

    assert!(error(dir.path()).contains("is a directory (allowed: a FIFO"));
    assert!(error(Path::new("/dev/null")).contains("is a device"));

    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(error(&socket).contains("is a socket"));

    let circle = dir.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    assert!(error(&circle).contains("symbolic links"));
}
