//! Makes EventBasedScheduler look again after the last tick of a codelet.
//!
//! Its worker thread reports a finished tick before it counts itself as idle. If the dispatcher is quicker, it takes the
//! graph for busy and nobody tells it otherwise: a graph that has ended hangs (GXF 4.1.1, one ping graph in forty, with
//! NVIDIA's codelets as with ours). Some notifications after the last tick cost nothing and close the gap. The other
//! schedulers do not need it, and would keep what they are told (docs/gxf-abi.md): they are left alone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::core::Core;
use crate::sys::{gxf_context_t, gxf_tid_t, gxf_uid_t};
use crate::{Code, log};

/// How long after the last tick the scheduler is told to look again: once after each of these.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(2)];

/// Counts ticks of all codelets that are in `Settle::codelets`; the thread sees by it whether there was another one.
static TICKS: AtomicU64 = AtomicU64::new(0);

static SETTLE: Mutex<Settle> = Mutex::new(Settle { codelets: Vec::new(), thread: None, generation: 0 });
/// The thread waits for a tick. Set under the lock before it looks at `TICKS` for the last time.
static QUIET: AtomicBool = AtomicBool::new(false);
/// Told of the first tick after a quiet time, and of the end. All who wait are told: while one thread ends, the next
/// one may wait already.
static CHANGED: Condvar = Condvar::new();

struct Settle {
    /// Started codelets in graphs with an EventBasedScheduler.
    codelets: Vec<Started>,
    /// Runs while there is one.
    thread: Option<JoinHandle<()>>,
    /// Which thread is the one of now. An older one ends whatever `codelets` says: codelets that started since then
    /// have a thread of their own.
    generation: u64,
}

#[derive(PartialEq)]
struct Started {
    raw: gxf_context_t,
    eid: gxf_uid_t,
    cid: gxf_uid_t,
}

// SAFETY: a context's address, of which only GxfEntityEventNotify is called, from any thread; it is live as long as it
// is in `Settle::codelets`, because a codelet is stopped before its context is destroyed.
unsafe impl Send for Started {}

fn settle() -> MutexGuard<'static, Settle> {
    SETTLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A codelet starts.
pub(crate) fn started(core: &'static Core, raw: gxf_context_t, eid: gxf_uid_t, cid: gxf_uid_t) {
    if !has_event_based_scheduler(core, raw) {
        return;
    }
    enter(&mut settle(), Started { raw, eid, cid }, move |codelets| notify(core, codelets));
    ticked();
}

/// Adds a codelet; the first one starts the thread, which calls `notify` under the lock.
fn enter(settle: &mut Settle, codelet: Started, notify: impl Fn(&[Started]) + Send + 'static) {
    settle.codelets.push(codelet);
    if settle.thread.is_none() {
        let own = settle.generation;
        let thread = std::thread::Builder::new().name("gxf-settle".to_owned());
        match thread.spawn(move || run(own, notify)) {
            Ok(thread) => settle.thread = Some(thread),
            Err(error) => log::warning!("the graph may not end by itself: no thread to watch over it: {error}"),
        }
    }
}

/// A codelet has ticked.
pub(crate) fn ticked() {
    TICKS.fetch_add(1, SeqCst);
    if QUIET.load(SeqCst) {
        drop(settle()); // The thread is now either before its look at `TICKS`, or waiting.
        CHANGED.notify_all();
    }
}

/// A codelet stops: nothing is sent for it afterwards. The last one ends the thread.
pub(crate) fn stopped(raw: gxf_context_t, eid: gxf_uid_t, cid: gxf_uid_t) {
    let thread = leave(&mut settle(), &Started { raw, eid, cid }); // The lock is free again: the thread needs it to end.
    if let Some(thread) = thread
        && thread.join().is_err()
    {
        log::error!("the thread that watches over the end of the graph panicked");
    }
}

/// Removes a codelet; after the last one, the thread, which ends whatever happens next.
fn leave(settle: &mut Settle, codelet: &Started) -> Option<JoinHandle<()>> {
    settle.codelets.retain(|other| other != codelet);
    if !settle.codelets.is_empty() {
        return None;
    }
    let thread = settle.thread.take()?;
    settle.generation += 1;
    QUIET.store(false, SeqCst);
    CHANGED.notify_all();
    Some(thread)
}

fn run(own: u64, notify: impl Fn(&[Started])) {
    let mut settle = settle();
    let mut seen = 0;
    let mut pauses = PAUSES.iter();
    while settle.generation == own {
        let ticks = TICKS.load(SeqCst);
        if ticks != seen {
            seen = ticks;
            pauses = PAUSES.iter();
        }
        let Some(pause) = pauses.next() else {
            settle = wait_for_tick(settle, own, seen);
            continue;
        };
        settle = CHANGED
            .wait_timeout_while(settle, *pause, |settle| settle.generation == own)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if settle.generation == own && TICKS.load(SeqCst) == seen {
            notify(&settle.codelets);
        }
    }
}

fn wait_for_tick(settle: MutexGuard<'static, Settle>, own: u64, seen: u64) -> MutexGuard<'static, Settle> {
    QUIET.store(true, SeqCst);
    let settle = CHANGED
        .wait_while(settle, |settle| settle.generation == own && TICKS.load(SeqCst) == seen)
        .unwrap_or_else(PoisonError::into_inner);
    if settle.generation == own {
        QUIET.store(false, SeqCst); // Else it is the next thread's.
    }
    settle
}

/// Under the lock, so that no codelet stops meanwhile; the runtime only adds the entity to a list.
fn notify(core: &Core, codelets: &[Started]) {
    for codelet in codelets {
        // SAFETY: the codelet is started, so its context is live.
        let code = unsafe { core.api.GxfEntityEventNotify(codelet.raw, codelet.eid) };
        if let Err(code) = Code::check(code) {
            log::debug!("entity {} could not be notified: {code}", codelet.eid);
        }
    }
}

fn has_event_based_scheduler(core: &Core, raw: gxf_context_t) -> bool {
    let mut tid = gxf_tid_t::default();
    let mut entities = vec![0; MOST_ENTITIES];
    let mut count = entities.len() as u64;
    // SAFETY: the context is live, and there is room for as many ids as `count` says.
    let known = unsafe {
        let name = c"nvidia::gxf::EventBasedScheduler";
        Code::check(core.api.GxfComponentTypeId(raw, name.as_ptr(), &mut tid))
            .and_then(|()| Code::check(core.api.GxfEntityFindAll(raw, &mut count, entities.as_mut_ptr())))
    };
    let count = usize::try_from(count).unwrap_or(0);
    known.is_ok()
        && entities.iter().take(count).any(|eid| {
            let (mut offset, mut cid) = (0, 0);
            // SAFETY: as above; a null name finds any.
            let code = unsafe { core.api.GxfComponentFind(raw, *eid, tid, std::ptr::null(), &mut offset, &mut cid) };
            Code::check(code).is_ok()
        })
}

/// Source: kMaxEntities in gxf/core/gxf.h.
const MOST_ENTITIES: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Far more than anything here takes: only there so that a hang fails.
    const HANG: Duration = Duration::from_secs(30);

    fn codelet(cid: gxf_uid_t) -> Started {
        Started { raw: std::ptr::null_mut(), eid: 1, cid }
    }

    fn ends(thread: JoinHandle<()>) {
        let (done, waiting) = channel();
        std::thread::spawn(move || done.send(thread.join().is_ok()));
        assert_eq!(waiting.recv_timeout(HANG), Ok(true), "the thread does not end");
    }

    // One test, because the threads share the statics.
    #[test]
    fn a_thread_ends_although_another_codelet_starts_meanwhile() {
        let (told, telling) = channel();
        let told = move |codelets: &[Started]| {
            let _ = told.send(codelets.iter().map(|codelet| codelet.cid).collect::<Vec<_>>());
        };
        let next = told.clone();
        enter(&mut settle(), codelet(1), told);
        for _ in PAUSES {
            assert_eq!(telling.recv_timeout(HANG), Ok(vec![1]));
        }
        let mut settled = settle(); // So that the thread cannot see the list while it is empty.
        let first = leave(&mut settled, &codelet(1)).expect("the last codelet takes the thread along");
        enter(&mut settled, codelet(2), next);
        drop(settled);
        ends(first);
        ticked();
        assert_eq!(telling.recv_timeout(HANG), Ok(vec![2]), "the next thread works");
        enter(&mut settle(), codelet(3), |_| ());
        assert!(leave(&mut settle(), &codelet(2)).is_none(), "one codelet is left");
        let last = leave(&mut settle(), &codelet(3));
        ends(last.expect("the last codelet takes the thread along"));
        assert!(leave(&mut settle(), &codelet(3)).is_none(), "a codelet that has left may leave again");
    }
}
