//! Waits for files: for a change in a folder, for a line of JSON in a growing file.
//! The kernel's notifications wake the wait (inotify); the hang guard only ends a test that would never end.
//! Left to others: what is waited for.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::Value;

use crate::Error;

/// Wakes a wait whenever something changes in a folder.
pub struct DirWatch {
    folder: PathBuf,
    changes: Receiver<()>,
    /// Ends the notifications when dropped.
    _watcher: RecommendedWatcher,
}

impl DirWatch {
    /// Begins to watch a folder (not its subfolders).
    ///
    /// # Errors
    /// [`Error::Io`] when the folder does not exist or the system has no watch left.
    pub fn new(folder: &Path) -> Result<Self, Error> {
        let fail = |e: notify::Error| Error::io("watch a folder", folder, std::io::Error::other(e.to_string()));
        let (sender, changes) = mpsc::channel();
        // The receiver is gone only while the watch is being dropped.
        let mut watcher = notify::recommended_watcher(move |_| {
            let _ = sender.send(());
        })
        .map_err(fail)?;
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(fail)?;
        Ok(Self { folder: folder.to_owned(), changes, _watcher: watcher })
    }

    /// Tries `look` now and after each change until it finds something.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first.
    pub fn wait_for<T>(&self, what: &str, guard: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, Error> {
        let deadline = Instant::now() + guard;
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.changes.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                return Err(Error::Hung { what: what.to_owned(), waited: guard, seen: self.list() });
            }
        }
    }

    /// Waits until `count` files with this extension are in the folder; returns all of them, sorted by name.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first.
    pub fn wait_for_files(&self, extension: &str, count: usize, guard: Duration) -> Result<Vec<PathBuf>, Error> {
        self.wait_for(&format!("{count} files *.{extension}"), guard, || {
            let files = files_with_extension(&self.folder, extension);
            (files.len() >= count).then_some(files)
        })
    }

    fn list(&self) -> String {
        let names = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names: Vec<_> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        format!("{}: {}", self.folder.display(), names.join(", "))
    }
}

/// The files of a folder with this extension, sorted by name; none where the folder cannot be read.
pub fn files_with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// Follows a growing file of JSON lines, which need not exist yet.
pub struct JsonLines {
    path: PathBuf,
    watch: DirWatch,
    reader: Option<BufReader<File>>,
    /// The start of a line whose end is not written yet.
    partial: String,
    /// Every line read so far.
    pub seen: Vec<Value>,
}

impl JsonLines {
    /// Follows the file from its beginning. Its folder must exist.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be watched.
    pub fn follow(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let watch = DirWatch::new(folder.unwrap_or_else(|| Path::new(".")))?;
        let (reader, partial, seen) = (None, String::new(), Vec::new());
        Ok(Self { path: path.to_owned(), watch, reader, partial, seen })
    }

    /// Reads on until `wanted` says yes to a line, and returns that line.
    ///
    /// # Errors
    /// [`Error::Hung`] when `guard` runs out first, [`Error::Recording`] for a line that is no JSON,
    /// [`Error::Io`] when the file cannot be read.
    pub fn wait_for(
        &mut self,
        what: &str,
        guard: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value, Error> {
        let Self { path, watch, reader, partial, seen } = self;
        let result = watch.wait_for(what, guard, || {
            loop {
                match next_line(path, reader, partial).transpose()? {
                    Ok(value) => {
                        seen.push(value.clone());
                        if wanted(&value) {
                            return Some(Ok(value));
                        }
                    }
                    Err(e) => return Some(Err(e)),
                }
            }
        });
        result.unwrap_or_else(|hung| {
            Err(match hung {
                Error::Hung { what, waited, .. } => {
                    let lines: Vec<_> = seen.iter().map(Value::to_string).collect();
                    Error::Hung { what, waited, seen: lines.join("\n") }
                }
                other => other,
            })
        })
    }
}

/// The next complete line as JSON. None: there is none yet.
fn next_line(path: &Path, reader: &mut Option<BufReader<File>>, partial: &mut String) -> Result<Option<Value>, Error> {
    if reader.is_none() {
        match File::open(path) {
            Ok(file) => *reader = Some(BufReader::new(file)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("open a file of JSON lines", path, e)),
        }
    }
    let Some(reader) = reader else { return Ok(None) };
    // A reader that met the file's end looks again: the file may have grown since.
    reader.read_line(partial).map_err(|e| Error::io("read a file of JSON lines", path, e))?;
    if !partial.ends_with('\n') {
        return Ok(None);
    }
    let line = std::mem::take(partial);
    serde_json::from_str(&line)
        .map(Some)
        .map_err(|e| Error::Recording { path: path.to_owned(), fault: format!("not JSON ({e}): {line}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_line_counts_once_its_end_is_written() {
        let folder = crate::temp_dir().unwrap();
        let path = folder.path().join("receipts.jsonl");
        let mut lines = JsonLines::follow(&path).unwrap();
        let writer = std::thread::spawn(move || {
            let mut file = File::create(path).unwrap();
            for part in ["{\"status\":\"acc", "epted\"}\n{\"status\":", "\"done\"}\n"] {
                file.write_all(part.as_bytes()).unwrap();
                file.flush().unwrap();
            }
        });
        let done = lines.wait_for("done", crate::HANG_GUARD, |v| v["status"] == "done").unwrap();
        writer.join().unwrap();
        assert_eq!(done["status"], "done");
        assert_eq!(lines.seen.len(), 2);
    }

    #[test]
    fn a_wait_in_vain_says_what_was_there() {
        let folder = crate::temp_dir().unwrap();
        File::create(folder.path().join("other.txt")).unwrap();
        let watch = DirWatch::new(folder.path()).unwrap();
        let hung = watch.wait_for_files("mp4", 1, Duration::from_millis(10)).unwrap_err();
        assert!(hung.to_string().contains("other.txt"), "{hung}");
    }
}
