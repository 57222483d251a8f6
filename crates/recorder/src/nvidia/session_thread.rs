//! The course of one session: it waits for the session's end, has the library complete the file, measures what that
//! holds, and makes out the record.
//! When the end is there is left to `session`, reading the file to `file`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::context::Completed;
use super::file::{Content, Track};
use super::place;
use super::session::{Ending, Session, Stage, Step};
use super::sessions::{Sessions, State};
use crate::DoneRecord;
use crate::core::{EndReason, Ended, Gap, Gaps, Interval, RunningTime};
use crate::record::{CACHE_BEGINS, FileRecord, Times, notes, shortage};
use crate::recordbin::arrival;
use crate::writer::{self, Failure, Outcome, publish_sidecar};

/// So long the library's cache has for going through its muxer.
const DRAIN: Duration = Duration::from_secs(2);

/// A frame that has left the library's cache is with its muxer within this time.
const IN_BETWEEN: Duration = Duration::from_millis(20);

/// So long the library has for completing a file. It says nothing where it fails.
const COMPLETION: Duration = Duration::from_secs(10);

/// So long it has until it would take the next start.
const RESET: Duration = Duration::from_secs(2);

/// How often the library is looked at where it does not tell.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a session, which is the only one of `sessions`, to its end. `library_session` is the library's id for it.
pub(super) fn run(sessions: &Sessions, library_session: u32) -> Outcome {
    let ending = wait_for_end(sessions);
    let completed = complete(sessions, &ending, library_session);
    sessions.state.lock().session.iter_mut().for_each(|session| session.stage = Stage::Complete);
    sessions.changed.notify_all();
    match (completed, ending) {
        (Ok((completed, stop)), Ending::Because(reason)) => measure(sessions, &completed, reason, stop),
        (Ok(_), Ending::Failed(reason)) | (Err(reason), _) => {
            Err(Failure { file: left_behind(sessions), ..Failure::new(reason) })
        }
    }
}

fn wait_for_end(sessions: &Sessions) -> Ending {
    let mut state = sessions.state.lock();
    loop {
        let State { notes, session, .. } = &mut *state;
        // Nobody else removes it, unless it has been given up.
        let Some(session) = session else { return Ending::Because(EndReason::Shutdown) };
        match session.step(notes, arrival()) {
            Step::End(ending) => {
                session.end(ending.clone());
                return ending;
            }
            Step::Wait(limit) => drop(sessions.changed.wait_for(&mut state, limit)),
        }
    }
}

/// Has the library complete the file. Returns what it says of that, and how many frames had arrived by the stop.
fn complete(sessions: &Sessions, ending: &Ending, library_session: u32) -> Result<(Completed, u64), String> {
    let context = sessions.context();
    let failed = matches!(ending, Ending::Failed(_));
    if !failed {
        look_until(DRAIN, || context.is_drained());
        std::thread::sleep(IN_BETWEEN);
    }
    {
        let mut state = sessions.state.lock();
        if let Some(session) = &mut state.session {
            session.stage = Stage::Completing;
        }
    }
    // It refuses where it has ended the recording by itself, and says no less afterwards.
    let stopped = context.stop(library_session);
    let stop = sessions.core(|notes| notes.cache(notes.main()).next());
    if let Ending::Failed(reason) = ending {
        context.detach_sink();
        return Err(reason.clone());
    }
    let completed = {
        let mut state = sessions.state.lock();
        let waits = |state: &mut State| state.session.as_ref().is_some_and(|session| session.completed.is_none());
        sessions.changed.wait_while_for(&mut state, waits, COMPLETION);
        state.session.as_mut().and_then(|session| session.completed.take())
    };
    let Some(completed) = completed else {
        let refused = stopped.err().map(|status| format!("; told to stop, {status}")).unwrap_or_default();
        return Err(format!(
            "{} has not said within {} s that the file is complete{refused}",
            sessions.library,
            COMPLETION.as_secs()
        ));
    };
    look_until(RESET, || context.is_reset());
    match completed.has_media {
        true => Ok((completed, stop)),
        false => Err(format!("{} finds neither video nor audio in the file", sessions.library)),
    }
}

/// Waits for what nothing tells of, for so long at most.
fn look_until(limit: Duration, is_there: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_there() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
}

/// What there is of a recording that is not complete.
fn left_behind(sessions: &Sessions) -> Option<PathBuf> {
    let location = sessions.state.lock().session.as_ref().and_then(|session| session.location.clone())?;
    std::fs::metadata(&location).is_ok_and(|metadata| metadata.len() > 0).then_some(location)
}

/// Reads the file and makes out the record.
fn measure(sessions: &Sessions, completed: &Completed, reason: EndReason, stop: u64) -> Outcome {
    let library = sessions.library;
    let name = completed.file_name().ok_or_else(|| Failure::new(format!("{library} does not name its file")))?;
    let path = sessions.setup.names.dir.join(name);
    let failed = |reason: String| Failure { file: Some(path.clone()), ..Failure::new(reason) };
    let bytes = writer::make_durable(&path)
        .map_err(|error| failed(format!("'{}' cannot be completed: {error}", path.display())))?;
    let content = Content::read(&path, sessions.setup.container).map_err(|error| {
        failed(format!("'{}', which {library} has completed, cannot be read: {error}", path.display()))
    })?;
    let mut done = {
        let mut state = sessions.state.lock();
        let State { notes, session, .. } = &mut *state;
        let Some(session) = session else { return Err(failed("the session was given up".into())) };
        // A library that does not gate its sound records it without a picture.
        let Some(main) = content.track(notes.main()) else {
            return Err(failed(format!(
                "no keyframe came while {library} recorded ({}): there is only sound in the file",
                reason.as_str()
            )));
        };
        session.account.standing.timeline = *notes.timeline();
        let track = notes.cache(notes.main());
        let arrived: Vec<place::Sized> = track.frames().map(|frame| (frame.start, frame.payload)).collect();
        let first = track.next() - arrived.len() as u64;
        let stop = usize::try_from(stop.saturating_sub(first)).unwrap_or(usize::MAX).min(arrived.len());
        let placed = Placed::new(main, &arrived, stop);
        record(session, &placed, reason, library.to_string(), |actual| FileRecord {
            file: path.clone(),
            actual,
            presented: None,
            video: content.video_track(),
            audio: content.audio_track(),
            bytes,
            sha256: None,
        })
    };
    if sessions.setup.sidecar
        && let Err(error) = publish_sidecar(&mut done)
    {
        done.notes.push(format!("the sidecar could not be written: {error}"));
    }
    Ok(done)
}

/// A file in the source's time.
struct Placed {
    interval: Interval,
    gaps: Gaps,
    /// Its frames are among those that have arrived.
    found: bool,
}

impl Placed {
    fn new(main: &Track, arrived: &[place::Sized], stop: usize) -> Self {
        let found = place::offset(&main.tail, arrived, stop);
        // Else the newest frame at the stop is taken to be its last one.
        let newest = || arrived[..stop].iter().map(|(start, _)| *start).max().unwrap_or(RunningTime::ZERO);
        let offset = found.unwrap_or_else(|| newest().0.saturating_sub(main.last_start().0));
        let at = |time: RunningTime| RunningTime(time.0.saturating_add(offset));
        let listed = main.gaps().listed.iter().map(|gap| Gap { after: at(gap.after), until: at(gap.until) }).collect();
        Self {
            interval: Interval { start: at(main.first), end: at(main.end) },
            gaps: Gaps { listed, ..main.gaps().clone() },
            found: found.is_some(),
        }
    }
}

fn record(
    session: &Session,
    placed: &Placed,
    reason: EndReason,
    library: String,
    file: impl FnOnce(Times) -> FileRecord,
) -> Box<DoneRecord> {
    let (account, Interval { start, end }) = (&session.account, placed.interval);
    let (asked, asked_utc) = (account.standing.asked, account.standing.asked_utc);
    let ended = Ended {
        asked,
        asked_utc,
        interval: placed.interval,
        utc: None,
        last_file: None,
        gaps: placed.gaps.clone(),
        missed_other: false,
        lead: asked.start.since(start),
        missing_at_start: start.since(asked.start),
        missing_at_end: asked.end.since(end),
        reason,
    };
    let actual = Times::new(placed.interval, account.utc(None, placed.interval));
    let mut done = account.done(&ended, &[file(actual)]);
    let begins = format!("{library} begins with the first keyframe after that which it has cached");
    let why = if session.before_cache { CACHE_BEGINS } else { &begins };
    done.notes = notes(reason, (done.missing_at_start_ns, why), done.missing_at_end_ns, &placed.gaps);
    let over = shortage(crate::core::nanos(end.since(asked.end)));
    if session.in_the_past && over > 0 {
        done.notes.push(format!(
            "goes on for {:.3} s after the asked end: {library} can only record up to now",
            over as f64 / 1e9
        ));
    }
    if session.format_changed {
        done.notes.push(format!(
            "the stream's format changed while {library} recorded: it goes on in the same file, where players may not decode it"
        ));
    }
    if !placed.found {
        done.notes
            .push(format!("its times are estimated: {library} has changed the frames, so that they cannot be found"));
    }
    done.notes.extend(account.clock_note());
    done.notes.push(format!("recorded by {library}"));
    done
}
