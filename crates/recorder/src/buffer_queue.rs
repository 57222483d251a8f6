//! Many buffers by reference, oldest first, four bytes each: with thousands of sources, pointers of eight bytes were half of what
//! a cache takes beside its buffers (docs/performance.md).
//! How a pointer becomes that short is this module's; what is kept, and for how long, is left to the core.
//!
//! Checkers that look for pointers in memory (LeakSanitizer, valgrind's leak check) do not see these: what a queue holds that
//! is still there when a program ends, they call lost.

use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use gst::glib::translate::{IntoGlibPtr, from_glib_full, from_glib_none};

use crate::core::{Queue, grow};

/// malloc and GLib's slices give memory at multiples of 16 bytes on machines of 64 bits.
const ALIGNMENT_BITS: u32 = 4;
/// A region has 1 GiB. The heap and the arenas of threads lie far from each other, and one source's buffers in both; each of
/// them is in one piece, so that 100 sources with 1.5 GiB in their caches have buffers in four regions (benches/scale).
const REGION_BITS: u32 = 30;
/// As many as the rest of 32 bits can name: 64.
const REGIONS: usize = 1 << (u32::BITS + ALIGNMENT_BITS - REGION_BITS);
/// A full list grows by at least so many.
const GROWTH: usize = 8;

/// The parts of the address space in which buffers have been seen, of all queues of the process; none is ever forgotten.
struct Regions([AtomicUsize; REGIONS]);

static SEEN: Regions = Regions::new();

impl Regions {
    const fn new() -> Self {
        Self([const { AtomicUsize::new(0) }; REGIONS])
    }

    /// A name of four bytes for an address; `None` where there is none, since it is at no multiple of 16 bytes or the process
    /// has buffers in more regions than have a number.
    #[inline]
    fn name(&self, address: usize) -> Option<u32> {
        // Zero is no region.
        let region = (address >> REGION_BITS) + 1;
        let known = |seen: &AtomicUsize| seen.load(Ordering::Relaxed) == region;
        let number = self.0.iter().position(known).or_else(|| self.see(region))?;
        let within = (address & ((1 << REGION_BITS) - 1)) >> ALIGNMENT_BITS;
        let name = number << (REGION_BITS - ALIGNMENT_BITS) | within;
        address.is_multiple_of(1 << ALIGNMENT_BITS).then_some(name as u32)
    }

    /// The number of a region that is new.
    #[cold]
    fn see(&self, region: usize) -> Option<usize> {
        self.0.iter().position(|free| {
            let taken = free.compare_exchange(0, region, Ordering::Relaxed, Ordering::Relaxed);
            // Somebody else may have seen it at the same time.
            taken.is_ok() || taken == Err(region)
        })
    }

    /// The address that has been given a name.
    #[inline]
    fn address(&self, name: u32) -> usize {
        let name = name as usize;
        let within = name & ((1 << (REGION_BITS - ALIGNMENT_BITS)) - 1);
        // Whoever has a name has read or written this number before, and it does not change.
        let region = self.0[name >> (REGION_BITS - ALIGNMENT_BITS)].load(Ordering::Relaxed) - 1;
        region << REGION_BITS | within << ALIGNMENT_BITS
    }
}

/// See the module.
#[derive(Debug)]
pub struct BufferQueue(List);

#[derive(Debug)]
enum List {
    /// Names that [`SEEN`] has given, each with a reference of its own.
    Short(VecDeque<u32>),
    /// One has come that has no name.
    Long(VecDeque<gst::Buffer>),
}

impl Default for BufferQueue {
    fn default() -> Self {
        Self(List::Short(VecDeque::new()))
    }
}

#[inline]
fn pointer(name: u32) -> *mut gst::ffi::GstBuffer {
    ptr::with_exposed_provenance_mut(SEEN.address(name))
}

/// The reference that was kept under a name.
///
/// # Safety
/// The name must be that of a buffer that was pushed, and must be forgotten with this.
#[inline]
unsafe fn taken(name: u32) -> gst::Buffer {
    // SAFETY: `push` has left the buffer's reference to its name, and this is the only one who takes it.
    unsafe { from_glib_full(pointer(name)) }
}

impl BufferQueue {
    /// Goes on without names.
    #[cold]
    fn lengthen(&mut self) {
        let List::Short(names) = &mut self.0 else { return };
        // SAFETY: each name is forgotten.
        let buffers = std::mem::take(names).into_iter().map(|name| unsafe { taken(name) });
        self.0 = List::Long(buffers.collect());
    }
}

impl Queue<gst::Buffer> for BufferQueue {
    #[inline]
    fn push(&mut self, buffer: gst::Buffer) {
        if let List::Short(names) = &mut self.0 {
            if let Some(name) = SEEN.name(buffer.as_ptr().expose_provenance()) {
                grow(names, GROWTH);
                names.push_back(name);
                // The name has its reference from here on.
                let _ = buffer.into_glib_ptr();
                return;
            }
            self.lengthen();
        }
        if let List::Long(buffers) = &mut self.0 {
            grow(buffers, GROWTH);
            buffers.push_back(buffer);
        }
    }

    #[inline]
    fn pop(&mut self) -> bool {
        match &mut self.0 {
            // SAFETY: the name has just been taken out.
            List::Short(names) => names.pop_front().map(|name| drop(unsafe { taken(name) })).is_some(),
            List::Long(buffers) => buffers.pop_front().is_some(),
        }
    }

    #[inline]
    fn get(&self, index: usize) -> Option<gst::Buffer> {
        match &self.0 {
            // SAFETY: the name's reference keeps the buffer while it is here; this takes another one.
            List::Short(names) => names.get(index).map(|name| unsafe { from_glib_none(pointer(*name)) }),
            List::Long(buffers) => buffers.get(index).cloned(),
        }
    }
}

impl Drop for BufferQueue {
    fn drop(&mut self) {
        while self.pop() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_its_name_says() {
        let regions = Regions::new();
        let addresses = [0x5555_5000_0010, 0x5555_8000_0000, 0x7fff_ffff_fff0, 0x7fff_c000_0000, 0x5555_5000_0020, 16];
        let names = addresses.map(|address| regions.name(address).unwrap());
        assert_eq!(names.map(|name| regions.address(name)), addresses);
        assert_eq!(regions.name(addresses[0] + 8), None, "malloc gives no such address");
    }

    #[test]
    fn only_so_many_regions_have_numbers() {
        let regions = Regions::new();
        let address = |region: usize| region << REGION_BITS | 32;
        let names: Vec<_> = (0..REGIONS).map(|region| regions.name(address(region * 3)).unwrap()).collect();
        assert_eq!(regions.name(address(1)), None);
        let known = names.iter().enumerate().all(|(region, name)| regions.address(*name) == address(region * 3));
        assert!(known);
    }

    #[test]
    fn threads_give_a_region_one_number() {
        let regions = Regions::new();
        let name = |from: usize| {
            (0..REGIONS).map(move |region| ((from + region) % REGIONS) << REGION_BITS).map(|at| regions.name(at))
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|from| scope.spawn(move || name(from * 16).all(|name| name.is_some()))).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
        let mut regions: Vec<_> = regions.0.iter().map(|region| region.load(Ordering::Relaxed)).collect();
        regions.sort_unstable();
        assert_eq!(regions, (1..=REGIONS).collect::<Vec<_>>());
    }

    fn buffers(count: u64) -> Vec<gst::Buffer> {
        gst::init().unwrap();
        (0..count).map(|_| gst::Buffer::with_size(1).unwrap()).collect()
    }

    /// How many references there are, this one among them.
    fn references(buffer: &gst::Buffer) -> i32 {
        // SAFETY: the buffer is there; nobody else has it while a test looks.
        unsafe { (*buffer.as_ptr()).mini_object.refcount }
    }

    fn is(queue: &BufferQueue, expected: &[gst::Buffer]) {
        for (index, buffer) in expected.iter().enumerate() {
            assert_eq!(queue.get(index).unwrap().as_ptr(), buffer.as_ptr());
        }
        assert!(queue.get(expected.len()).is_none());
    }

    #[test]
    fn buffers_come_out_as_they_went_in_and_are_let_go_of() {
        let buffers = buffers(1_000);
        let mut queue = BufferQueue::default();
        buffers.iter().for_each(|buffer| queue.push(buffer.clone()));
        assert!(matches!(queue.0, List::Short(_)), "all of them have names");
        is(&queue, &buffers);
        assert!(buffers.iter().all(|buffer| references(buffer) == 2));
        assert!((0..400).all(|_| queue.pop()));
        is(&queue, &buffers[400..]);
        assert!(buffers[..400].iter().all(|buffer| references(buffer) == 1));
        drop(queue);
        assert!(buffers.iter().all(|buffer| references(buffer) == 1));
    }

    #[test]
    fn a_queue_without_names_is_the_same() {
        let buffers = buffers(100);
        let mut queue = BufferQueue::default();
        buffers[..50].iter().for_each(|buffer| queue.push(buffer.clone()));
        queue.lengthen();
        buffers[50..].iter().for_each(|buffer| queue.push(buffer.clone()));
        is(&queue, &buffers);
        assert!(queue.pop());
        is(&queue, &buffers[1..]);
        assert!(buffers[1..].iter().all(|buffer| references(buffer) == 2));
        drop(queue);
        assert!(buffers.iter().all(|buffer| references(buffer) == 1));
    }
}
