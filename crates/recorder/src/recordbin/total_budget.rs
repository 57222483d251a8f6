//! The byte budget of all caches of the process (`smart-rec-total-cache-bytes`): who has how much, and who gives way when
//! it is too much: whoever reaches back furthest, one group of pictures at a time.
//! The budget of one source is the core's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::sessions::Sessions;
use crate::control_group;

/// Caches are counted in steps of about this part of the budget, and of at most so many bytes, rounded up: what all sources
/// share is not written to with every frame of each.
const STEPS: usize = 65_536;
const LARGEST_STEP: usize = 65_536;

/// The step of a budget in bytes, a power of two.
fn step(limit: usize) -> usize {
    1 << (limit / STEPS).clamp(1, LARGEST_STEP).ilog2()
}

static TOTAL: LazyLock<Total> = LazyLock::new(Total::default);

#[derive(Default)]
struct Total {
    bytes: AtomicUsize,
    limit: AtomicUsize,
    /// Each with the limit that it came with; the least of them holds.
    members: Mutex<Vec<(usize, usize, Weak<Sessions>)>>,
    /// One thread at a time chooses who gives way.
    enforcing: Mutex<()>,
    next: AtomicUsize,
}

impl Total {
    fn limit_anew(&self, members: &[(usize, usize, Weak<Sessions>)]) {
        let least = members.iter().map(|(_, limit, _)| *limit).min().unwrap_or(usize::MAX);
        self.limit.store(least, Ordering::Relaxed);
    }
}

/// One recordbin's part in it; given back when dropped.
pub(super) struct Share {
    number: usize,
    bytes: AtomicUsize,
}

impl Share {
    /// Takes part. `limit` in bytes; 0: a quarter of the machine's memory.
    pub(super) fn join(limit: usize, owner: Weak<Sessions>) -> Self {
        let limit = if limit > 0 { limit } else { usable_memory() / 4 };
        let number = TOTAL.next.fetch_add(1, Ordering::Relaxed);
        let mut members = TOTAL.members.lock();
        members.push((number, limit, owner));
        TOTAL.limit_anew(&members);
        Self { number, bytes: AtomicUsize::new(0) }
    }

    /// The cache has so many bytes now; `changed` is called where that counts. True if the process has too many.
    #[inline]
    pub(super) fn report(&self, bytes: usize, changed: impl FnOnce()) -> bool {
        let limit = TOTAL.limit.load(Ordering::Relaxed);
        let step = step(limit);
        let bytes = bytes.saturating_add(step - 1) & !(step - 1);
        if self.bytes.load(Ordering::Relaxed) == bytes {
            return TOTAL.bytes.load(Ordering::Relaxed) > limit;
        }
        changed();
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        let total = TOTAL.bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        total.wrapping_add(bytes.wrapping_sub(before)) > limit
    }

    /// Shortens caches until the process keeps its budget. No lock of a recordbin may be held.
    pub(super) fn enforce(&self) {
        // Somebody is at it already.
        let Some(_enforcing) = TOTAL.enforcing.try_lock() else { return };
        while TOTAL.bytes.load(Ordering::Relaxed) > TOTAL.limit.load(Ordering::Relaxed) {
            let members: Vec<_> = TOTAL.members.lock().iter().filter_map(|(_, _, owner)| owner.upgrade()).collect();
            let longest: Option<Arc<Sessions>> = members.into_iter().max_by_key(|sessions| sessions.history_ns());
            if !longest.is_some_and(|longest| longest.shorten()) {
                return;
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut members = TOTAL.members.lock();
        members.retain(|(number, _, _)| *number != self.number);
        TOTAL.limit_anew(&members);
        TOTAL.bytes.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// The machine's memory, or what this process's control group (version 2) and those around it allow of it, in bytes.
fn usable_memory() -> usize {
    let info = rustix::system::sysinfo();
    // Its field is as wide as the machine's words.
    let machine = usize::try_from(info.totalram).unwrap_or(usize::MAX).saturating_mul(info.mem_unit as usize);
    let allowed = control_group::limit("memory.max").and_then(|bytes| usize::try_from(bytes).ok());
    allowed.map_or(machine, |allowed| allowed.min(machine))
}
