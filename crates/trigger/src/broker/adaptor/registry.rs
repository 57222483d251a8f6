//! Finds the connection that a callback of an adaptor belongs to: by number, or by handle where there is nothing else.
//! Numbers are never used twice, so a callback that comes after its connection ended finds nothing, and no dead memory.
//! It leaves what a callback brings to `shared`.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;

use super::shared::Shared;

#[derive(Default)]
struct Inside {
    /// The last number given out; 0 is none.
    last: usize,
    by_number: HashMap<usize, Arc<Shared>>,
    by_handle: HashMap<usize, Arc<Shared>>,
    /// Connections that are being made now.
    connecting: usize,
    /// Handles that were reported lost before connect returned them.
    early: HashSet<usize>,
}

static REGISTRY: LazyLock<Mutex<Inside>> = LazyLock::new(Mutex::default);

/// Gives out a number under which this connection is found.
pub(super) fn enter(shared: &Arc<Shared>) -> usize {
    let mut inside = REGISTRY.lock();
    inside.last += 1;
    let number = inside.last;
    inside.by_number.insert(number, Arc::clone(shared));
    number
}

/// Nothing is found under this number any more. Returns what was.
pub(super) fn leave(number: usize) -> Option<Arc<Shared>> {
    REGISTRY.lock().by_number.remove(&number)
}

pub(super) fn find(number: usize) -> Option<Arc<Shared>> {
    REGISTRY.lock().by_number.get(&number).cloned()
}

/// From here until [`connected`], events of unknown handles may belong to the connection that is being made.
pub(super) fn connecting() {
    REGISTRY.lock().connecting += 1;
}

/// Connect returned: with a handle, or without one.
pub(super) fn connected(handle: Option<usize>, shared: &Arc<Shared>) {
    let mut inside = REGISTRY.lock();
    inside.connecting = inside.connecting.saturating_sub(1);
    let early = handle.is_some_and(|handle| inside.early.remove(&handle));
    if let Some(handle) = handle {
        inside.by_handle.insert(handle, Arc::clone(shared));
    }
    if inside.connecting == 0 {
        inside.early.clear();
    }
    drop(inside);
    if early {
        shared.lose(LOST);
    }
}

/// The handle is about to be disconnected.
pub(super) fn disconnecting(handle: usize) {
    REGISTRY.lock().by_handle.remove(&handle);
}

/// The adaptor says that the connection of this handle is lost.
pub(super) fn lost(handle: usize) {
    let mut inside = REGISTRY.lock();
    let shared = inside.by_handle.get(&handle).cloned();
    if shared.is_none() && inside.connecting > 0 {
        inside.early.insert(handle);
    }
    drop(inside);
    if let Some(shared) = shared {
        shared.lose(LOST);
    }
}

const LOST: &str = "the adaptor says that the broker is not there";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_used_twice() {
        let shared = Arc::new(Shared::new());
        let first = enter(&shared);
        assert!(Arc::ptr_eq(&find(first).unwrap(), &shared));
        assert!(leave(first).is_some() && leave(first).is_none() && find(first).is_none());
        assert_ne!(enter(&shared), first);
    }

    #[test]
    fn a_loss_is_known_even_if_it_comes_before_the_handle() {
        let shared = Arc::new(Shared::new());
        connecting();
        lost(4711);
        connected(Some(4711), &shared);
        assert!(shared.lost().is_some());
        disconnecting(4711);
    }

    #[test]
    fn a_loss_after_the_end_means_nobody() {
        let shared = Arc::new(Shared::new());
        connecting();
        connected(Some(4712), &shared);
        disconnecting(4712);
        lost(4712);
        assert!(shared.lost().is_none());
    }
}
