//! One session that a library records, as a value: what it was asked for, where it is, and when it is to be ended.
//! It waits for nothing and calls nobody.
//! The library is told by `session_thread`; whoever asks for a session or stops it is answered by `sessions`.

use std::path::PathBuf;
use std::time::Duration;

use super::context::Completed;
use crate::core::{Arrival, EndReason, RunningTime, STALL, SessionId, SourceCore};
use crate::writer::Account;

/// What is noted of each frame that arrives: its size in bytes.
pub(super) type Notes = SourceCore<u64, gst::Caps>;

/// Why a session is to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is complete, or as complete as it can be.
    Because(EndReason),
    /// The library has failed.
    Failed(String),
}

/// Where a session is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The library records, or is being asked to.
    Recording {
        /// Something has ended it before its end.
        ending: Option<Ending>,
    },
    /// The library has been told to stop.
    Completing,
    /// Its file is complete, or never will be: the pipeline may go down.
    Complete,
}

/// What is to be done for a session that the library records.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for so long, if nothing happens.
    Wait(Duration),
    /// Stop it.
    End(Ending),
}

/// See the module.
pub(super) struct Session {
    pub(super) id: SessionId,
    /// No other session of the process has it.
    pub(super) serial: usize,
    pub(super) account: Account,
    /// Where the library is stopped.
    pub(super) until: RunningTime,
    /// That is at `smart-rec-max-duration`.
    pub(super) limited: bool,
    /// The asked end had passed when it was asked for.
    pub(super) in_the_past: bool,
    /// The stream's format has changed meanwhile.
    pub(super) format_changed: bool,
    /// The library's cache began after the asked start.
    pub(super) before_cache: bool,
    pub(super) stage: Stage,
    /// Where the library writes to, if it shows that.
    pub(super) location: Option<PathBuf>,
    /// What the library has said of its file.
    pub(super) completed: Option<Completed>,
}

impl Session {
    /// Whether the library is still to go on with it.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Recording { ending: None })
    }

    /// Ends it, unless something else has.
    pub(super) fn end(&mut self, with: Ending) {
        if let Stage::Recording { ending } = &mut self.stage {
            ending.get_or_insert(with);
        }
    }

    /// The one transition of a session that is recorded, as things are now.
    pub(super) fn step(&self, notes: &Notes, at: Arrival) -> Step {
        if let Stage::Recording { ending: Some(ending) } = &self.stage {
            return Step::End(ending.clone());
        }
        if let Some(completed) = &self.completed {
            let what = if completed.has_media { "" } else { ", with neither video nor audio in the file" };
            return Step::End(Ending::Failed(format!("the library has ended the recording by itself{what}")));
        }
        let reached = if self.limited { EndReason::MaxDuration } else { EndReason::EndReached };
        let over = self.until + STALL;
        match (notes.cache(notes.main()).newest(), notes.timeline().now(at)) {
            (Some(newest), _) if newest >= self.until => Step::End(Ending::Because(reached)),
            (_, Some(now)) if now >= over => Step::End(Ending::Because(EndReason::Stalled)),
            (_, now) => Step::Wait(now.map_or(STALL, |now| over.since(now))),
        }
    }

    /// Whether the library speaks of this session: by the file's name where that is known, since a start may have replaced
    /// what the library gives back (facts: smart-record-behaviour.md, section 5).
    pub(super) fn is_meant(&self, completed: &Completed) -> bool {
        match (self.location.as_ref().and_then(|location| location.file_name()), completed.file_name()) {
            (Some(expected), Some(name)) => expected == name,
            _ => completed.serial == self.serial,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Container;
    use crate::core::{Config, Frame, Interval, Overlap, Stream, Timeline};
    use crate::file_name::FileNames;
    use crate::record::SourceName;
    use crate::writer::{Job, Standing};

    const SECOND: i64 = 1_000_000_000;

    fn notes() -> Notes {
        gst::init().unwrap();
        let window = Duration::from_secs(30);
        let (max_sessions, max_pending) = (Config::MAX_SESSIONS, Config::MAX_PENDING);
        let (default_duration, max_duration) = (window, Duration::ZERO);
        let overlap = Overlap::Reject;
        let mut notes = SourceCore::new(Config {
            window,
            cache_bytes: 0,
            default_duration,
            max_duration,
            max_sessions,
            max_pending,
            overlap,
            both: false,
            early: false,
        });
        notes.format(Stream::Video, gst::Caps::new_empty_simple("video/x-h264"));
        notes
    }

    /// A frame of that second arrives in time.
    fn frame(notes: &mut Notes, second: i64) {
        let start = RunningTime(second * SECOND);
        notes.push(Stream::Video, Frame::new(start, true, 1, 1), Arrival(start.0 as u64));
    }

    /// A session that ends at 10 s.
    fn session() -> Session {
        let asked = Interval { start: RunningTime(0), end: RunningTime(10 * SECOND) };
        let job = Job {
            session: SessionId(0),
            source: SourceName { index: 0, sensor: "gate".into() },
            names: FileNames { dir: "/r".into(), prefix: "S".into(), source: None },
            container: Container::Mp4,
            sidecar: false,
            trim: false,
            alive: Arc::default(),
        };
        let standing = Standing { asked, asked_utc: None, timeline: Timeline::default(), served: Arc::default() };
        Session {
            id: SessionId(0),
            serial: 7,
            account: Account::new(job, standing),
            until: asked.end,
            limited: false,
            in_the_past: false,
            format_changed: false,
            before_cache: false,
            stage: Stage::Recording { ending: None },
            location: None,
            completed: None,
        }
    }

    #[test]
    fn it_ends_in_the_stream_s_time_or_when_that_stands_still() {
        let (mut notes, session) = (notes(), session());
        let at = |second: u64| Arrival(second * SECOND as u64);
        frame(&mut notes, 8);
        assert_eq!(session.step(&notes, at(9)), Step::Wait(Duration::from_secs(6)), "to 5 s after its end");
        assert_eq!(session.step(&notes, at(15)), Step::End(Ending::Because(EndReason::Stalled)));
        frame(&mut notes, 10);
        assert_eq!(session.step(&notes, at(10)), Step::End(Ending::Because(EndReason::EndReached)));
        let limited = Session { limited: true, ..session };
        assert_eq!(limited.step(&notes, at(10)), Step::End(Ending::Because(EndReason::MaxDuration)));
    }

    #[test]
    fn what_ends_it_first_is_why() {
        let (notes, mut session) = (notes(), session());
        session.end(Ending::Because(EndReason::Stopped));
        assert!(!session.is_running());
        session.end(Ending::Because(EndReason::Shutdown));
        assert_eq!(session.step(&notes, Arrival(0)), Step::End(Ending::Because(EndReason::Stopped)));
        session.stage = Stage::Completing;
        session.end(Ending::Failed("too late".into()));
        assert!(!session.is_running());
    }

    #[test]
    fn a_file_is_known_by_its_name_and_else_by_what_came_back() {
        let completed = |name: Option<&str>, serial| Completed {
            name: name.map(|name| std::ffi::CString::new(name).unwrap()),
            has_media: true,
            serial,
        };
        let unknown = session();
        assert!(unknown.is_meant(&completed(Some("a.mp4"), 7)) && unknown.is_meant(&completed(None, 7)));
        assert!(!unknown.is_meant(&completed(Some("a.mp4"), 8)));
        let known = Session { location: Some("/r/a.mp4".into()), ..session() };
        assert!(known.is_meant(&completed(Some("a.mp4"), 8)), "another start has replaced what comes back");
        assert!(!known.is_meant(&completed(Some("b.mp4"), 7)));
    }
}
