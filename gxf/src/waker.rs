//! [`Waker`]: makes the scheduler tick a codelet's entity, from any thread.
//!
//! Drives the `nvidia::gxf::AsynchronousSchedulingTerm` in the codelet's own entity. Which terms an entity has is the
//! graph's business; `gxf/README.md` says which YAML goes with it.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::Core;
use crate::sys::{gxf_context_t, gxf_uid_t, gxfs_set_event_state};
use crate::{Code, log};

/// Makes the scheduler tick the entity of the codelet that it came from. Clones wake the same entity.
///
/// Usable from any thread until the codelet is deinitialised, and harmless afterwards. Wakes are not counted: many of
/// them before a tick make one tick, and one during a tick makes another tick after it.
///
/// ```no_run
/// # fn initialize(context: &gxf::Context<'_>) -> Result<(), gxf::BoxError> {
/// let waker = context.waker()?; // in `initialize`
/// std::thread::spawn(move || {
///     for line in std::io::stdin().lines() {
///         // ... put the line where `tick` finds it ...
///         waker.wake();
///     }
///     waker.finish(); // The graph may end.
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Waker(Arc<Shared>);

/// Held while the term is set, so that the term always follows the phase: setting it takes two short locks of the
/// runtime's (the term's own, the scheduler's list of events), under which the runtime never calls us.
pub(crate) struct Shared(Mutex<State>);

struct State {
    phase: Phase,
    /// Between start and stop. Outside of it GXF takes an event for an error, so the phase is only noted.
    started: bool,
    /// During a tick. Each scheduler looks at the entity after a tick or the start, so that it needs no notification; and one
    /// that it does not need stays in the list of Greedy- and MultiThreadScheduler until the entity waits for an event. Where
    /// the codelet finishes, that is never, and the thread that looks after the list does so without a pause.
    ticking: bool,
    /// `None` once the codelet is deinitialised.
    live: Option<Live>,
}

/// What the codelet has asked for last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing to do until the next event.
    Waiting,
    /// To be ticked.
    Woken,
    /// No more events will come.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Wake,
    /// A tick begins, or the codelet has nothing to do.
    Wait,
    Finish,
}

impl Phase {
    /// The phase after an event.
    fn next(self, event: Event) -> Phase {
        match (self, event) {
            (Phase::Finished, _) | (_, Event::Finish) => Phase::Finished,
            (_, Event::Wake) => Phase::Woken,
            (_, Event::Wait) => Phase::Waiting,
        }
    }

    /// The state of the scheduling term; `quiet`: the scheduler looks at it in any case. Source: `AsynchronousEventState` in
    /// gxf/std/scheduling_terms.hpp.
    ///
    /// A finished codelet is in `WAIT`, not in `EVENT_NEVER`: it still takes messages where an OrSchedulingTermCombiner
    /// says so, and no longer keeps the graph alive.
    fn term_state(self, quiet: bool) -> i32 {
        match self {
            Phase::Woken if quiet => 0, // READY: as EVENT_DONE, of which the term notifies the scheduler
            Phase::Finished => 1,       // WAIT
            Phase::Waiting => 2,        // EVENT_WAITING: keeps the graph alive
            Phase::Woken => 3,          // EVENT_DONE
        }
    }
}

struct Live {
    core: &'static Core,
    raw: gxf_context_t,
    eid: gxf_uid_t,
    term: *mut c_void,
}

// SAFETY: the term guards its state with a mutex of its own and sends the event from any thread
// (AsynchronousSchedulingTerm::setEventState); GxfEntityEventNotify may be called from any thread. Both objects live
// until the codelet's entity is destroyed, which is after `Shared::end` took this value away.
unsafe impl Send for Live {}
// SAFETY: as above.
unsafe impl Sync for Live {}

impl Live {
    fn set(&self, state: i32) {
        // SAFETY: `term` is an AsynchronousSchedulingTerm of a live entity; the symbol was checked when it was made.
        unsafe { gxfs_set_event_state(&self.core.symbols, self.term, state) }
    }

    fn apply(&self, phase: Phase, quiet: bool) {
        self.set(phase.term_state(quiet));
        if phase == Phase::Finished && !quiet {
            // The term is silent about this state, and a scheduler looks at a waiting entity only when told to.
            self.notify();
        }
    }

    fn notify(&self) {
        // SAFETY: the context is live.
        let code = unsafe { self.core.api.GxfEntityEventNotify(self.raw, self.eid) };
        if let Err(code) = Code::check(code) {
            log::debug!("entity {} could not be notified: {code}", self.eid);
        }
    }
}

impl Shared {
    pub(crate) fn waker(core: &'static Core, raw: gxf_context_t, eid: gxf_uid_t, term: *mut c_void) -> Waker {
        let live = Live { core, raw, eid, term };
        live.set(Phase::Waiting.term_state(false));
        let state = State { phase: Phase::Waiting, started: false, ticking: false, live: Some(live) };
        Waker(Arc::new(Shared(Mutex::new(state))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, event: Event) {
        let mut state = self.state();
        let before = state.phase;
        state.phase = before.next(event);
        let Some(live) = &state.live else { return };
        // Many wakes before a tick make one notification.
        if state.phase != before && state.started {
            live.apply(state.phase, state.ticking);
        }
    }
}

impl Waker {
    /// Makes the scheduler tick the entity soon.
    pub fn wake(&self) {
        self.0.apply(Event::Wake);
    }

    /// Back to waiting for the next event. Done by itself at the beginning of each tick; needed only to take a wake back.
    pub fn wait(&self) {
        self.0.apply(Event::Wait);
    }

    /// No more events will come. The entity no longer keeps the graph alive; messages still make it tick where an
    /// `nvidia::gxf::OrSchedulingTermCombiner` joins the terms. There is no way back.
    pub fn finish(&self) {
        self.0.apply(Event::Finish);
    }

    /// The codelet has started: what happened before takes effect.
    pub(crate) fn start(&self) {
        let mut state = self.0.state();
        state.started = true;
        if let Some(live) = &state.live {
            live.apply(state.phase, true); // As after a tick.
        }
    }

    /// A tick begins: what woke the codelet is over, so that a wake during the tick makes another one. It ends, however it
    /// does, when the result is dropped.
    pub(crate) fn tick(&self) -> Tick<'_> {
        self.0.state().ticking = true;
        self.0.apply(Event::Wait);
        Tick(&self.0)
    }

    /// The codelet stops.
    pub(crate) fn stop(&self) {
        self.0.state().started = false;
    }

    /// From here on nothing happens any more, whoever still has a clone.
    pub(crate) fn end(&self) {
        self.0.state().live = None;
    }
}

/// While this lives the codelet ticks.
pub(crate) struct Tick<'a>(&'a Shared);

impl Drop for Tick<'_> {
    fn drop(&mut self) {
        self.0.state().ticking = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_is_for_ever() {
        for event in [Event::Wake, Event::Wait, Event::Finish] {
            assert_eq!(Phase::Finished.next(event), Phase::Finished);
        }
    }

    #[test]
    fn during_a_tick_the_term_tells_the_scheduler_nothing() {
        let states = |quiet| [Phase::Finished, Phase::Waiting, Phase::Woken].map(|phase| phase.term_state(quiet));
        assert_eq!((states(false), states(true)), ([1, 2, 3], [1, 2, 0]));
    }

    #[test]
    fn a_wake_outlives_nothing_but_the_next_wait() {
        assert_eq!(Phase::Waiting.next(Event::Wake), Phase::Woken);
        assert_eq!(Phase::Woken.next(Event::Wake), Phase::Woken);
        assert_eq!(Phase::Woken.next(Event::Wait), Phase::Waiting);
    }
}
