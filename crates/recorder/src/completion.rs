//! What a start does with the recordings that an earlier process left unfinished: each becomes an ordinary file with its
//! sidecar, and its trigger gets its receipt after all. On a thread of its own, beside the live sources.
//! Making a file complete is left to `recovery`, what happened in the session is in its journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::core::{EndReason, Gaps, Stream};
use crate::event::{Event, EventSink};
use crate::join::join_by;
use crate::record::{AudioTrack, CACHE_BEGINS, FailedRecord, FileRecord, Times, VideoTrack, notes};
use crate::recovery::{self, Finished, Leftover, Recovered, StreamFigures};
use crate::writer::{publish_sidecar, remove_if_there};
use crate::{DoneRecord, Error, file_name};

/// On stop it has so long to end.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The largest journal: a hundred joined starts with 64 KiB of metadata each, twice as long in JSON.
const MAX_JOURNAL: u64 = 16 << 20;

/// The running thread; cancelled and joined when dropped.
pub struct Completion {
    cancel: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Completion {
    /// Looks through `dir` and completes what it finds. Tells `events` of each recording, and at last of its own end.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(dir: PathBuf, sidecar: bool, events: EventSink) -> Result<Self, Error> {
        let cancel = Arc::new(AtomicBool::new(false));
        let thread = {
            let cancel = cancel.clone();
            std::thread::Builder::new()
                .name("srec-recovery".into())
                .spawn(move || {
                    // A panic in here is a bug; it must not keep the graph from ending.
                    let work = std::panic::AssertUnwindSafe(|| complete_all(&dir, sidecar, &cancel, &events));
                    if std::panic::catch_unwind(work).is_err() {
                        let text = "completing earlier recordings panicked; this is a bug, please report it";
                        events(Event::Notice(text.into()));
                    }
                    events(Event::RecoveryEnded);
                })
                .map_err(|error| Error::Thread { purpose: "completing earlier recordings", error })?
        };
        Ok(Self { cancel, thread: Some(thread) })
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // On a disk that hangs it is left behind. What it, or a panic, has left undone, the next start finds.
            join_by(thread, Instant::now() + STOP_LIMIT);
        }
    }
}

fn complete_all(dir: &Path, sidecar: bool, cancel: &AtomicBool, events: &EventSink) {
    let leftovers = match recovery::find(dir) {
        Ok(leftovers) => leftovers,
        Err(error) => {
            let text = format!("'{}' cannot be searched for unfinished recordings: {error}", dir.display());
            return events(Event::Notice(text));
        }
    };
    for leftover in leftovers {
        if cancel.load(Ordering::Relaxed) {
            return;
        }
        match leftover.map_err(|error| error.to_string()).and_then(|leftover| complete(&leftover, sidecar, cancel)) {
            Ok(event) => events(event),
            Err(text) => events(Event::Notice(text)),
        }
    }
    for path in recovery::litter(dir).unwrap_or_default() {
        // What stays, the next start tries to remove.
        drop(std::fs::remove_file(path));
    }
}

fn complete(leftover: &Leftover, sidecar: bool, cancel: &AtomicBool) -> Result<Event, String> {
    // Read before the recording gets its name: what is told must be known by then.
    let journal = leftover.journal.as_deref().and_then(read);
    let finished = leftover.finish(cancel).map_err(|error| error.to_string())?;
    let event = match (finished, journal) {
        (Finished::Recording(recovered), Some(journal)) => {
            let mut done = fill(journal, &recovered);
            if sidecar && let Err(error) = publish_sidecar(&mut done) {
                done.notes.push(format!("the sidecar could not be written: {error}"));
            }
            Ok(Event::Recovered(Ok(Box::new(done))))
        }
        (Finished::Empty, Some(journal)) => Ok(Event::Recovered(Err(Box::new(nothing_left(journal))))),
        (Finished::Recording(recovered), None) => Err(format!(
            "'{}' has been completed, which a crash had cut off; there is no record of what it was asked for",
            recovered.file.display()
        )),
        (Finished::Empty, None) => {
            Err(format!("'{}' was begun before a crash and held nothing; it has been removed", leftover.file.display()))
        }
    };
    let journal = file_name::journal(&leftover.target);
    for done_with in [file_name::fresh_journal(&journal), journal] {
        remove_if_there(&done_with).map_err(|error| format!("'{}' cannot be removed: {error}", done_with.display()))?;
    }
    event
}

/// A journal that was cut off itself says nothing. It names files of its own folder only, whatever it says: anybody who
/// may write to the folder may have written it.
fn read(journal: &Path) -> Option<DoneRecord> {
    let is_journal = |data: &std::fs::Metadata| data.is_file() && data.len() <= MAX_JOURNAL;
    std::fs::symlink_metadata(journal).ok().filter(is_journal)?;
    let mut record: DoneRecord = serde_json::from_slice(&std::fs::read(journal).ok()?).ok()?;
    let dir = journal.parent()?;
    for file in &mut record.files {
        file.file = dir.join(file.file.file_name()?);
        // What the sidecar says is what is there.
        file.sha256 = None;
    }
    let last = record.files.pop();
    record.files.retain(|file| std::fs::symlink_metadata(&file.file).is_ok_and(|data| data.is_file()));
    record.files.extend(last);
    Some(record)
}

/// The session's record, with what its last file really holds.
fn fill(mut done: DoneRecord, recovered: &Recovered) -> DoneRecord {
    let stream = |wanted| recovered.streams.iter().find(|figures| figures.stream == wanted);
    let main = stream(Stream::Video).or_else(|| stream(Stream::Audio));
    let length = main.map_or(0, |main| main.end_ns.saturating_sub(main.first_ns));
    let length = Duration::from_nanos(u64::try_from(length).unwrap_or(0));
    let last = done.files.pop();
    let begins = last.as_ref().map_or(done.actual, |last| last.actual);
    let holds = begins.part(Duration::ZERO..length);
    done.files.push(FileRecord {
        file: recovered.file.clone(),
        actual: holds,
        presented: None,
        video: stream(Stream::Video).map(video),
        audio: stream(Stream::Audio).filter(|audio| audio.frames > 0).map(audio),
        bytes: recovered.bytes,
        sha256: None,
    });
    done.file = done.files[0].file.clone();
    done.bytes = done.files.iter().map(|file| file.bytes).sum();
    done.actual = Times { end: holds.end, end_running_ns: holds.end_running_ns, ..done.actual };
    done.compare();
    done.ended = EndReason::Crashed;
    done.recovered = true;
    done.notes = notes(done.ended, (done.missing_at_start_ns, CACHE_BEGINS), done.missing_at_end_ns, &Gaps::default());
    done.notes.push("completed by a later start; whether the source paused is not known".into());
    done
}

fn video(figures: &StreamFigures) -> VideoTrack {
    let StreamFigures { codec, width, height, frames, .. } = figures.clone();
    VideoTrack { codec, width, height, frames }
}

fn audio(figures: &StreamFigures) -> AudioTrack {
    let StreamFigures { codec, channels, rate, frames, .. } = figures.clone();
    AudioTrack { codec, channels, rate, frames }
}

fn nothing_left(mut journal: DoneRecord) -> FailedRecord {
    journal.files.pop();
    FailedRecord {
        header: journal.header,
        file: None,
        files: journal.files,
        reason: "the process ended before anything of it was on disk".into(),
        merged: journal.merged,
        first_asked: None,
        metadata: journal.metadata,
    }
}
