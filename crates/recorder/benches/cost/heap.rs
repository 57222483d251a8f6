//! How much of the heap is in use.
//! What is measured is left to the benchmarks.
#![allow(dead_code)] // Each benchmark uses its own part of this folder.

/// Bytes of heap in use, in all of malloc's arenas and in mappings of its own.
pub fn heap() -> usize {
    // SAFETY: it takes nothing, returns numbers by value, and takes malloc's own locks.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}
