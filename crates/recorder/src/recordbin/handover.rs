//! A state behind a lock for which streaming threads never wait: what they bring is laid down beside it while somebody else
//! has the lock, and whoever has it takes it in.
//! What is brought, and what becomes of it, is left to `sessions`.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// So much may be laid down; whoever brings more waits for the lock. Of one camera that is some seconds: only a source that is
/// not paced by a clock brings it while somebody has the lock.
const MOST: usize = 256;

/// What the lock guards.
pub(super) trait TakesIn {
    /// What streaming threads bring.
    type Brought;

    /// Takes it in. Must return soon, and is called by whichever thread has the lock.
    fn take_in(&mut self, brought: Self::Brought);
}

/// See the module. What one thread brings is taken in in its order, and before whatever the same thread asks for later.
#[repr(C)] // What each push looks at stands together.
pub(super) struct Handover<S: TakesIn> {
    /// Something has been laid down.
    any: AtomicBool,
    brought: Mutex<Vec<S::Brought>>,
    state: Mutex<S>,
}

impl<S: TakesIn> Handover<S> {
    pub(super) fn new(state: S) -> Self {
        Self { any: AtomicBool::new(false), brought: Mutex::default(), state: Mutex::new(state) }
    }

    /// The state, with all that has been brought. Waits for the lock: not for what comes with each buffer.
    pub(super) fn lock(&self) -> Held<'_, S> {
        self.held(self.state.lock())
    }

    /// The state, with all that has been brought; `None` while somebody else has it.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<Held<'_, S>> {
        self.state.try_lock().map(|state| self.held(state))
    }

    /// Lays something down for whoever has the state to take in, or takes it in if nobody has any more.
    #[cold]
    pub(super) fn lay_down(&self, brought: S::Brought) {
        {
            let mut list = self.brought.lock();
            if list.len() < MOST {
                list.push(brought);
                self.any.store(true, Ordering::Relaxed);
                drop(list);
                return self.settle();
            }
        }
        self.lock().take_in(brought);
    }

    #[inline]
    fn held<'a>(&'a self, mut state: MutexGuard<'a, S>) -> Held<'a, S> {
        self.take_in(&mut state);
        Held { state, settles: Settles(self) }
    }

    #[inline]
    fn take_in(&self, state: &mut S) {
        if self.any.load(Ordering::Relaxed) {
            self.take_in_all(state);
        }
    }

    #[cold]
    fn take_in_all(&self, state: &mut S) {
        let brought = {
            let mut list = self.brought.lock();
            self.any.store(false, Ordering::Relaxed);
            std::mem::take(&mut *list)
        };
        for brought in brought {
            state.take_in(brought);
        }
    }

    /// Takes in what has been laid down while the lock was held: called by whoever has just given it back, and by whoever has
    /// just laid something down.
    #[inline]
    fn settle(&self) {
        // One gives the lock back and then looks for what is there, the other lays it down and then tries the lock: with
        // this in between, at least one of them sees what the other has done. (A model of both in loom 0.7, two threads in
        // all interleavings, three with three preemptions: nothing stays behind; without this something does.)
        fence(Ordering::SeqCst);
        if self.any.load(Ordering::Relaxed) {
            self.settle_all();
        }
    }

    #[cold]
    fn settle_all(&self) {
        // After a panic it is left to the next one.
        while self.any.load(Ordering::Relaxed) && !std::thread::panicking() {
            // Whoever has it comes here, too.
            let Some(mut state) = self.state.try_lock() else { return };
            self.take_in(&mut state);
            drop(state);
            fence(Ordering::SeqCst);
        }
    }
}

/// The state, held; given back when dropped.
pub(super) struct Held<'a, S: TakesIn> {
    state: MutexGuard<'a, S>,
    /// After the state: fields are dropped in their order.
    settles: Settles<'a, S>,
}

impl<S: TakesIn> Held<'_, S> {
    /// Gives the state back until `condition` is notified or `deadline` has come. True if that has come. What is laid down
    /// just before is taken in by whoever has the state next: this is no place for a condition that buffers bring about.
    pub(super) fn wait_until(&mut self, condition: &Condvar, deadline: Instant) -> bool {
        let late = condition.wait_until(&mut self.state, deadline).timed_out();
        self.settles.0.take_in(&mut self.state);
        late
    }
}

impl<S: TakesIn> Deref for Held<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S: TakesIn> DerefMut for Held<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.state
    }
}

struct Settles<'a, S: TakesIn>(&'a Handover<S>);

impl<S: TakesIn> Drop for Settles<'_, S> {
    #[inline]
    fn drop(&mut self) {
        self.0.settle();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    impl TakesIn for Vec<(usize, usize)> {
        type Brought = (usize, usize);

        fn take_in(&mut self, brought: Self::Brought) {
            self.push(brought);
        }
    }

    /// As a streaming thread does it. False if the state was somebody else's.
    fn bring(handover: &Handover<Vec<(usize, usize)>>, of: usize, number: usize) -> bool {
        match handover.try_lock() {
            Some(mut held) => held.push((of, number)),
            None => {
                handover.lay_down((of, number));
                return false;
            }
        }
        true
    }

    #[test]
    fn what_is_brought_while_the_lock_is_held_is_taken_in_by_its_holder() {
        let handover = Handover::new(Vec::new());
        let bring = |number| bring(&handover, 0, number);
        assert!(bring(0));
        let held = handover.lock();
        thread::scope(|scope| {
            scope.spawn(|| assert!(!(1..10).any(bring)));
        });
        assert_eq!(held.len(), 1);
        drop(held);
        assert_eq!(handover.state.lock().len(), 10);
        assert_eq!(*handover.lock(), (0..10).map(|number| (0, number)).collect::<Vec<_>>());
    }

    #[test]
    fn who_brings_too_much_waits() {
        let handover = Handover::new(Vec::new());
        let laid_down = Barrier::new(2);
        let held = handover.lock();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!(0..MOST).any(|number| bring(&handover, 0, number)));
                laid_down.wait();
                bring(&handover, 0, MOST);
            });
            laid_down.wait();
            drop(held);
        });
        assert_eq!(*handover.lock(), (0..=MOST).map(|number| (0, number)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_lost_or_reordered_and_nothing_stays_behind() {
        const EACH: usize = 20_000;
        const THREADS: usize = 3;
        let handover = Handover::new(Vec::new());
        thread::scope(|scope| {
            for of in 0..THREADS {
                let handover = &handover;
                scope.spawn(move || {
                    for number in 0..EACH {
                        bring(handover, of, number);
                        if number % 64 == 0 {
                            let held = handover.lock();
                            // What this thread has brought is there.
                            assert_eq!(held.iter().rfind(|(by, _)| *by == of), Some(&(of, number)));
                        }
                    }
                });
            }
        });
        // Not by way of `lock`, which would take it in.
        let all = handover.state.lock();
        for of in 0..THREADS {
            assert!(all.iter().filter(|(by, _)| *by == of).map(|(_, number)| *number).eq(0..EACH), "of {of}");
        }
    }

    #[test]
    fn a_panic_of_whoever_holds_it_loses_nothing() {
        let handover = Handover::new(Vec::new());
        let panics = || {
            let _held = handover.lock();
            thread::scope(|scope| {
                scope.spawn(|| bring(&handover, 0, 0));
            });
            panic!("a bug");
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert_eq!(*handover.lock(), [(0, 0)]);
    }
}
