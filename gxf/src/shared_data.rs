//! [`SharedData`]: a data component that several extensions know, each in a library of its own and built apart.
//!
//! Which of them registers it with a runtime is decided in `registration`; `message` finds it by its name.

use crate::{ComponentInfo, Tid};

/// A data component whose memory layout more than one extension relies on.
///
/// GXF lets only one extension register a type name, and only one an id. So each extension has an id of its own for the
/// type, in [`SharedData::TIDS`]; the one that is loaded first registers it, the others use what they find. A graph may
/// then list any of them, or all. Memory in the value is freed by whoever filled it in, through a function pointer in
/// the value: see [`SharedData`]'s safety rules.
///
/// # Safety
/// Whatever any extension registers under one of [`SharedData::TIDS`] must have this type's layout: `#[repr(C)]`, and a
/// changed layout gets new ids. The value must own nothing that the library which drops it cannot free: other libraries
/// have another allocator, another `String`, another `Vec`.
pub unsafe trait SharedData: Sized + Send + 'static {
    /// Its name and texts. The id in it is not used: each extension names its own in [`extension!`](crate::extension!).
    const INFO: ComponentInfo;
    /// The ids under which extensions register it.
    const TIDS: &'static [Tid];
    /// The value of a component that nobody has filled in yet.
    fn empty() -> Self;
}

/// Whether `tid` is one of `tids`; for constants.
pub(crate) const fn is_one_of(tid: Tid, tids: &[Tid]) -> bool {
    let mut at = 0;
    while at < tids.len() {
        let (left, right) = (tids[at].raw(), tid.raw());
        if left.hash1 == right.hash1 && left.hash2 == right.hash2 {
            return true;
        }
        at += 1;
    }
    false
}
