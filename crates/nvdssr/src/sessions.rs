//! The sessions of a context that have not been answered, and their numbers: the smallest one that no running session
//! has (design.md, "Session ids in the C API"). Values only.
//! Which sessions run is known to the engine.

use std::sync::{Arc, OnceLock};

use recorder::core::SessionId;

use crate::public::UserData;

/// A start that has not been answered by a callback.
pub(crate) struct Open {
    /// Its number for the program.
    pub(crate) id: u32,
    /// The engine's number, which is in use until the file is complete.
    session: SessionId,
    pub(crate) user_data: UserData,
    /// It has been stopped; the engine learns so with the next frame.
    stopped: bool,
    /// Set when whoever started it knows its number.
    pub(crate) announced: Arc<OnceLock<()>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Vec<Open>,
}

impl Sessions {
    /// Those that run: of `running` what has not been stopped.
    pub(crate) fn running<'a>(&'a self, running: &'a [SessionId]) -> impl Iterator<Item = SessionId> + 'a {
        self.open.iter().filter(|open| !open.stopped && running.contains(&open.session)).map(|open| open.session)
    }

    /// Takes in a start that the engine has made `session` of; its number. `running`: the engine's running sessions.
    pub(crate) fn start(
        &mut self,
        session: SessionId,
        running: &[SessionId],
        user_data: UserData,
        announced: &Arc<OnceLock<()>>,
    ) -> u32 {
        let is_running = |open: &&Open| !open.stopped && running.contains(&open.session);
        // A start that has been joined with a session has its number.
        let joined = self.open.iter().filter(is_running).find(|open| open.session == session).map(|open| open.id);
        let id = joined.unwrap_or_else(|| {
            let taken: Vec<u32> = self.open.iter().filter(is_running).map(|open| open.id).collect();
            (0..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX)
        });
        self.open.push(Open { id, session, user_data, stopped: false, announced: announced.clone() });
        id
    }

    /// The engine's number of the running session `id`.
    pub(crate) fn find(&self, id: u32, running: &[SessionId]) -> Option<SessionId> {
        let runs = |open: &&Open| open.id == id && !open.stopped && running.contains(&open.session);
        self.open.iter().find(runs).map(|open| open.session)
    }

    /// A session has been stopped.
    pub(crate) fn stopped(&mut self, session: SessionId) {
        self.open.iter_mut().filter(|open| open.session == session).for_each(|open| open.stopped = true);
    }

    /// A session has ended: the starts that it has served, the first one first.
    pub(crate) fn ended(&mut self, session: SessionId) -> Vec<Open> {
        let (ended, open) = std::mem::take(&mut self.open).into_iter().partition(|open| open.session == session);
        self.open = open;
        ended
    }

    /// Whether all have been answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(sessions: &mut Sessions, session: u32, running: &[SessionId]) -> u32 {
        sessions.start(SessionId(session), running, UserData::NONE, &Arc::default())
    }

    #[test]
    fn whoever_records_one_at_a_time_sees_zero() {
        let mut sessions = Sessions::default();
        assert_eq!(start(&mut sessions, 0, &[]), 0);
        // Over, and still being written: the engine's number is in use, the program's is not.
        assert_eq!(start(&mut sessions, 1, &[]), 0);
        let running = [SessionId(1)];
        assert_eq!(sessions.find(0, &running), Some(SessionId(1)));
        sessions.stopped(SessionId(1));
        assert_eq!(sessions.find(0, &running), None, "stopped already");
        assert_eq!(start(&mut sessions, 2, &running), 0);
        assert_eq!(sessions.ended(SessionId(0)).len(), 1);
        assert!(!sessions.is_empty());
    }

    #[test]
    fn overlapping_ones_have_the_smallest_free_number() {
        let mut sessions = Sessions::default();
        let running = [0, 1, 2].map(SessionId);
        let ids: Vec<_> = (0..3).map(|index| start(&mut sessions, index, &running[..index as usize])).collect();
        assert_eq!(ids, [0, 1, 2]);
        sessions.stopped(SessionId(1));
        assert_eq!(start(&mut sessions, 3, &running), 1);
        assert_eq!(sessions.running(&running).collect::<Vec<_>>(), [SessionId(0), SessionId(2)]);
    }

    #[test]
    fn a_joined_start_has_the_number_of_its_session() {
        let mut sessions = Sessions::default();
        start(&mut sessions, 0, &[]);
        start(&mut sessions, 1, &[SessionId(0)]);
        assert_eq!(start(&mut sessions, 1, &[0, 1].map(SessionId)), 1);
        assert_eq!(sessions.ended(SessionId(1)).len(), 2);
    }
}
