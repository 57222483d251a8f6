//! A source's answers to requests: which interval a request means, whether it becomes a session, is joined with one, or
//! is rejected, and which sessions a stop ends.
//! Frames, and what sessions do with them, are left to `source_core`.

use std::time::Duration;

use super::action::EndReason;
use super::bound::Bound;
use super::progress::Seen;
use super::request::{Accepted, Late, Meaning, Moment, Overlap, Rejection, StartRequest};
use super::session::{Asked, Session, SessionId};
use super::source_core::SourceCore;
use super::time::{Arrival, UtcInterval};

/// A start further ahead than this is rejected.
const FAR_AHEAD: Duration = Duration::from_secs(24 * 3_600);

/// Sessions whose writers are not through, at most: so many times those that may run. Each has a thread.
const UNFINISHED_PER_RUNNING: usize = 4;

impl<P: super::payload::Payload, C: Clone + PartialEq> SourceCore<P, C> {
    /// Asks for a session.
    ///
    /// # Errors
    /// Why it does not become one.
    pub fn start(&mut self, request: StartRequest, at: Arrival) -> Result<Accepted, Rejection> {
        let main = self.main();
        self.check_open()?;
        let asked = self.asked(request, at)?;
        let policy = request.overlap.unwrap_or(self.config.overlap);
        let newest = self.lane(main).track.newest();
        if policy == Overlap::Reject
            && let Some(session) = self.sessions.iter().find(|session| session.is_running(newest))
        {
            return Err(Rejection::Overlaps { session: session.id });
        }
        if let Some(session) = self.to_join(&asked, policy) {
            let backwards = policy == Overlap::Merge;
            self.each_session(|candidate, tracks| {
                if candidate.id == session {
                    candidate.join(&asked, backwards, tracks);
                }
            });
            self.pin();
            return Ok(self.accepted(session, &asked, true));
        }
        // What has not come within the cache, nor will come.
        let horizon = self.lane(main).track.oldest().or(newest);
        if horizon.is_some_and(|horizon| asked.end.running <= horizon) {
            return Err(Rejection::OlderThanCache);
        }
        let running = self.running();
        if running >= self.config.max_sessions {
            return Err(Rejection::TooManySessions { running });
        }
        let open = self.sessions.len();
        if open >= UNFINISHED_PER_RUNNING * self.config.max_sessions as usize {
            return Err(Rejection::TooManyUnfinished { open });
        }
        let id = self.free_id();
        self.sessions.push(Session::new(id, asked, main));
        self.each_session(|session, tracks| session.begin(tracks));
        self.pin();
        Ok(self.accepted(id, &asked, false))
    }

    fn check_open(&self) -> Result<(), Rejection> {
        match (self.has_ended(), self.lost) {
            (false, _) => Ok(()),
            (true, true) => Err(Rejection::SourceLost),
            (true, false) => Err(Rejection::SourceEnded),
        }
    }

    /// What a start means now, for an engine that keeps its sessions itself.
    ///
    /// # Errors
    /// Why it means nothing.
    pub(crate) fn meaning(&mut self, request: StartRequest, at: Arrival) -> Result<Meaning, Rejection> {
        self.check_open()?;
        let asked = self.asked(request, at)?;
        let end = asked.effective_end().running;
        Ok(Meaning { asked: asked.interval(), utc: asked.utc, end, limited: end < asked.end.running })
    }

    /// The running session that a start is joined with: of those that touch it the one that began first.
    fn to_join(&self, asked: &Asked, policy: Overlap) -> Option<SessionId> {
        if !matches!(policy, Overlap::Extend | Overlap::Merge) {
            return None;
        }
        let newest = self.lane(self.main()).track.newest();
        // One that has all it was asked for, and is still being read, would run again.
        let room = self.running() < self.config.max_sessions;
        let touching = self.sessions.iter().filter(|session| {
            (room || session.is_running(newest)) && session.can_join(asked, self.config.max_duration)
        });
        touching.min_by_key(|session| (session.asked.start.running, session.id)).map(|session| session.id)
    }

    fn accepted(&self, id: SessionId, asked: &Asked, merged: bool) -> Accepted {
        let session = self.sessions.iter().find(|session| session.id == id);
        let track = &self.lane(self.main()).track;
        let cached = track.first_key().map(|key| Seen { running: key.start, utc: key.utc });
        // With nothing cached it begins with what comes.
        let coming = || track.newest().map(|running| Seen { running, utc: None });
        let begins = session.and_then(Session::begins).or(cached).or_else(coming);
        let earlier = |begins: Seen| cached.is_some_and(|cached| cached.running < begins.running);
        let why = match self.shortened {
            _ if merged && begins.is_some_and(earlier) => Late::Joined,
            Some(budget) => Late::Budget(budget),
            None => Late::Cache,
        };
        let late = begins.filter(|begins| asked.start.to(begins.running, begins.utc) > 0);
        let late = late.map(|begins| (begins.running, why));
        Accepted {
            session: id,
            merged,
            asked: asked.interval(),
            asked_utc: asked.utc,
            late,
            limited: asked.limit.filter(|limit| *limit < asked.end.running),
        }
    }

    /// The asked interval on both clocks. What the request names in UTC stays as it is, however the mapping moves.
    fn asked(&mut self, request: StartRequest, at: Arrival) -> Result<Asked, Rejection> {
        if self.config.early {
            self.timeline.need(at);
        }
        let now = self.timeline.now(at).ok_or(Rejection::NothingYet)?;
        let resolve = |moment| {
            let running = match moment {
                Moment::Now => now,
                Moment::Ago(duration) => now - duration,
                Moment::In(duration) => now + duration,
                Moment::Utc(utc) => {
                    let running = self.timeline.running_time(utc).ok_or(Rejection::NothingYet)?;
                    return Ok((Bound { running, utc: Some(utc) }, Some(utc)));
                }
            };
            Ok((Bound::running(running), self.timeline.utc(running)))
        };
        let (start, start_utc) = resolve(request.start)?;
        let default = now.max(start.running) + self.config.default_duration;
        let (end, end_utc) = match request.end {
            Some(moment) => resolve(moment)?,
            None => (Bound::running(default), self.timeline.utc(default)),
        };
        if let Some(utc) = self.timeline.utc(now)
            && start.running.since(now) > FAR_AHEAD
        {
            return Err(Rejection::TooFarAhead { now: utc });
        }
        if end.running <= start.running {
            return Err(Rejection::EmptyInterval);
        }
        let limited = !self.config.max_duration.is_zero();
        Ok(Asked {
            start,
            end,
            utc: start_utc.zip(end_utc).map(|(start, end)| UtcInterval { start, end }),
            limit: limited.then(|| start.running + self.config.max_duration),
        })
    }

    fn free_id(&self) -> SessionId {
        let mut id = 0;
        while self.sessions.iter().any(|session| session.id == SessionId(id)) {
            id += 1;
        }
        SessionId(id)
    }

    /// Ends one session, or all of the source, now. Returns which.
    ///
    /// # Errors
    /// When there is none.
    pub fn stop(&mut self, session: Option<SessionId>, at: Arrival) -> Result<Vec<SessionId>, Rejection> {
        let now = self.timeline.now(at).ok_or(Rejection::NoSession)?;
        let newest = self.lane(self.main()).track.newest();
        // The frame that begins this very moment has been written by now: the end lies just after it.
        let end = now + Duration::from_nanos(1);
        let end_utc = self.timeline.utc(end);
        let mut stopped = Vec::new();
        self.each_session(|candidate, _| {
            if candidate.is_running(newest) && session.is_none_or(|session| session == candidate.id) {
                stopped.push(candidate.id);
                candidate.stop_at(end, end_utc);
                if newest.is_none() || candidate.asked.end.running <= candidate.asked.start.running {
                    // Nothing has come, or it was to begin later: nothing of it lies before now.
                    candidate.end_now(EndReason::Stopped, 0);
                }
            }
        });
        if stopped.is_empty() {
            return Err(session.map_or(Rejection::NoSession, |session| Rejection::NoSuchSession { session }));
        }
        stopped.sort_unstable();
        Ok(stopped)
    }
}
