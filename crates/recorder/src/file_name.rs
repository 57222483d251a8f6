//! Names of recordings, as NVIDIA's are: `<prefix>[_<source>]_<counter>_<UTC>_<pid>.<ending>` (design.md).
//! The counter counts the recordings of the process. Creating files is left to the writer, finding them to `recovery`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::core::Utc;
use crate::{Container, Error};

/// Recordings that were begun in this process, whatever their source.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Where the recordings of a source go and what they are called.
#[derive(Clone, Debug)]
pub struct FileNames {
    /// Their folder.
    pub dir: PathBuf,
    /// `smart-rec-file-prefix`; see [`check_prefix`].
    pub prefix: String,
    /// The source's index, where there is more than one source.
    pub source: Option<usize>,
}

impl FileNames {
    /// The next name, for a recording that begins at `now`. Each call gives another one.
    pub fn next(&self, container: Container, now: Utc) -> PathBuf {
        let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.dir.join(self.name(container, now, counter, std::process::id()))
    }

    fn name(&self, container: Container, now: Utc, counter: u32, pid: u32) -> String {
        // Every i64 of nanoseconds lies within jiff's range.
        let time = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let time = time.strftime("%Y%m%d-%H%M%S");
        format!("{}_{counter:05}_{time}_{pid}.{}", self.stem(), container.extension())
    }

    /// What all names begin with: the prefix, and the source where there are several.
    pub(crate) fn stem(&self) -> String {
        let source = self.source.map(|index| format!("_{index}")).unwrap_or_default();
        format!("{}{source}", self.prefix)
    }
}

/// What the name of a recording ends in while it is written, and the name of its journal.
const PART: &str = ".part";
/// What the name of a recording's sidecar ends in.
const JSON: &str = ".json";

/// The name of a recording while it is written: in the same folder, and not to be taken for a finished one.
pub fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, PART)
}

/// The name of a recording's sidecar.
pub fn sidecar(path: &Path) -> PathBuf {
    with_suffix(path, JSON)
}

/// The name of what is noted about a recording while it is written.
pub fn journal(path: &Path) -> PathBuf {
    temporary(&sidecar(path))
}

/// The name of a journal that is being written, before it takes the place of the one before.
pub fn fresh_journal(journal: &Path) -> PathBuf {
    journal.with_extension("new")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn strip<'a>(name: &'a OsStr, suffix: &str) -> Option<&'a OsStr> {
    name.as_bytes().strip_suffix(suffix.as_bytes()).map(OsStr::from_bytes)
}

/// A file of a recording that is being written, or was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Named by [`temporary`].
    Recording,
    /// Named by [`journal`].
    Journal,
}

/// What a name in a folder is a part of: the final name of a recording of ours, its container, and which part.
pub(crate) fn part_of(name: &OsStr) -> Option<(&OsStr, Container, Part)> {
    let name = strip(name, PART)?;
    let (target, part) = strip(name, JSON).map_or((name, Part::Recording), |target| (target, Part::Journal));
    Some((target, container_of(target)?, part))
}

/// The final name of the recording that a journal is about, finished or fresh, by the journal's own name.
pub(crate) fn target_of_journal(name: &OsStr) -> Option<&OsStr> {
    let target = strip(strip(name, PART).or_else(|| strip(name, ".new"))?, JSON)?;
    container_of(target).map(|_| target)
}

/// The container of a final name as [`FileNames::next`] makes them.
fn container_of(name: &OsStr) -> Option<Container> {
    let (stem, container) = [Container::Mp4, Container::Mkv].into_iter().find_map(|container| {
        let stem = strip(strip(name, container.extension())?, ".")?;
        Some((stem.as_bytes(), container))
    })?;
    let mut parts = stem.rsplitn(4, |byte| *byte == b'_');
    let (pid, time, counter, prefix) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_time = time.len() == 15 && time[8] == b'-' && digits(&time[..8]) && digits(&time[9..]);
    let ours = digits(pid) && is_time && digits(counter) && counter.len() >= 5 && !prefix.is_empty();
    ours.then_some(container)
}

/// A prefix must not lead out of the folder, and must leave room for the rest of the name (255 bytes on Linux's file
/// systems).
///
/// # Errors
/// What is allowed, in words.
pub fn check_prefix(prefix: &str) -> Result<(), String> {
    if prefix.contains(['/', '\0']) || prefix.chars().any(char::is_control) {
        return Err("a file name without '/' and control characters is allowed".into());
    }
    if prefix.is_empty() || prefix.len() > 180 {
        return Err("1 to 180 bytes are allowed".into());
    }
    Ok(())
}

/// The folder must exist, be a folder, and take new files; checked by making one.
///
/// # Errors
/// The system's words, with the folder's name.
pub fn check_dir(dir: &Path) -> Result<(), Error> {
    let probe = dir.join(format!(".smart-record-{}-{}.probe", std::process::id(), COUNTER.load(Ordering::Relaxed)));
    let result = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    match result {
        Ok(file) => {
            drop(file);
            std::fs::remove_file(&probe)
        }
        // An earlier check of the same process found the same name: the folder takes files.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| Error::Folder { path: dir.into(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nvidia_s() {
        let names = FileNames { dir: "/r".into(), prefix: "Smart_Record".into(), source: None };
        let now = Utc(1_589_832_120_051_000_000);
        assert_eq!(names.name(Container::Mp4, now, 3, 77), "Smart_Record_00003_20200518-200200_77.mp4");
        let names = FileNames { source: Some(2), ..names };
        assert_eq!(names.name(Container::Mkv, now, 123_456, 1), "Smart_Record_2_123456_20200518-200200_1.mkv");
    }

    #[test]
    fn a_prefix_stays_in_the_folder() {
        assert!(check_prefix("cam 7 – door").is_ok());
        for bad in ["", "../x", "a/b", "a\nb", "a\0b", &"x".repeat(181)] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_folder_is_tried_by_writing() {
        let dir = tempfile::tempdir().unwrap();
        check_dir(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let missing = check_dir(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none") && missing.contains("exists"), "{missing}");
    }

    #[test]
    fn only_names_of_ours_are_taken() {
        let container = |name: &str| container_of(OsStr::new(name));
        assert_eq!(container("Smart_Record_00003_20200518-200200_77.mp4"), Some(Container::Mp4));
        assert_eq!(container("a b_2_123456_20200518-200200_1.mkv"), Some(Container::Mkv));
        for other in [
            "holiday.mp4",
            "_00003_20200518-200200_77.mp4",
            "00003_20200518-200200_77.mp4",
            "S_0003_20200518-200200_77.mp4",
            "S_00003_20200518200200_77.mp4",
            "S_00003_20200518-200200_.mp4",
            "S_00003_20200518-200200_77.avi",
            "S_00003_20200518-200200_77-2.mp4",
        ] {
            assert_eq!(container(other), None, "{other}");
        }
    }

    #[test]
    fn parts_are_known_by_their_names() {
        let target = Path::new("S_00003_20200518-200200_77.mkv");
        for (path, part) in [(temporary(target), Part::Recording), (journal(target), Part::Journal)] {
            assert_eq!(part_of(path.as_os_str()), Some((target.as_os_str(), Container::Mkv, part)));
        }
        for other in [target.to_owned(), sidecar(target), temporary(Path::new("holiday.mkv")), "x.json.part".into()] {
            assert_eq!(part_of(other.as_os_str()), None, "{}", other.display());
        }
    }
}
