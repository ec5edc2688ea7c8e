//! The heap of an instance.
//!
//! A server file has no writable data, so the allocator's own state lies at the start of the heap, in the
//! control area, which begins as zeroes. The heap grows upwards by a system call, and never shrinks.
//!
//! A serial server's lock would do for the heap, but for [`warren::Cx::unlocked`] and for concurrent
//! servers. So there is a lock here: one atomic exchange when it is free; who finds it taken lets other
//! threads run.
#![expect(unsafe_code, reason = "an allocator")]

use core::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
};

use talc::{
    DefaultBinning,
    base::{Talc, binning::Binning},
    source::Source,
};
use warren::raw::calls;
use warren_abi::system::{HEAP_CONTROL_BYTES, PAGE_BYTES};

/// Bytes by which the heap grows at least.
const GROWTH_BYTES: u64 = 4 * PAGE_BYTES;

/// What an allocation may need besides its own bytes: the allocator's marks and their alignment.
const OVERHEAD_BYTES: usize = 64;

/// The state at the start of the heap. All zeroes is a free lock and no allocator.
///
/// H1: whoever set `taken` is alone with the other fields.
/// H2: `allocator` is initialised if `ready` is set.
#[repr(C)]
struct Control {
    taken: AtomicBool,
    ready: bool,
    allocator: MaybeUninit<Talc<Grow, DefaultBinning>>,
}

const _: () = assert!(
    size_of::<Control>() + talc::min_first_heap_size::<DefaultBinning>() <= HEAP_CONTROL_BYTES,
    "allocator and free lists do not fit into the control area",
);

/// Where the allocator gets memory.
#[derive(Debug)]
struct Grow {
    /// End of the memory that the allocator has.
    end: Option<NonNull<u8>>,
}

// SAFETY: it uses the system call only, and no other allocator.
unsafe impl Source for Grow {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = layout.size().checked_add(layout.align() + OVERHEAD_BYTES).ok_or(())?;
        let bytes =
            (needed as u64).max(GROWTH_BYTES).checked_next_multiple_of(PAGE_BYTES).ok_or(())?;
        // SAFETY: memory is allocated in activations.
        let answer = unsafe { calls::grow(bytes) };
        if answer.error != 0 {
            return Err(());
        }
        let start = core::ptr::with_exposed_provenance_mut::<u8>(answer.value as usize);
        let end = start.wrapping_add(bytes as usize);
        talc.source.end = match talc.source.end {
            // SAFETY: the new pages are ours alone, and lie right behind those that the allocator has.
            Some(old) if old.as_ptr() == start => Some(unsafe { talc.extend(old, end) }),
            // SAFETY: the new pages are ours alone.
            _ => unsafe { talc.claim(start, bytes as usize) },
        };
        talc.source.end.map(drop).ok_or(())
    }
}

/// The heap; its state lies elsewhere.
struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// The right to use the allocator.
struct Taken(NonNull<Control>);

impl Taken {
    fn take() -> Self {
        let control = (&raw const calls::HEAP).cast_mut().cast::<Control>();
        // SAFETY: the control area begins with a `Control`, of which all zeroes is one, and which only
        // this module uses. Only the flag is borrowed, which others may change.
        let taken = unsafe { &(*control).taken };
        while taken.swap(true, Ordering::Acquire) {
            // SAFETY: memory is allocated in activations.
            unsafe { calls::yield_now() };
        }
        // SAFETY: a symbol's address is not null.
        Taken(unsafe { NonNull::new_unchecked(control) })
    }

    fn allocator(&mut self) -> &mut Talc<Grow, DefaultBinning> {
        let control = self.0.as_ptr();
        // SAFETY: we hold the lock (H1).
        if !unsafe { (*control).ready } {
            self.begin();
        }
        // SAFETY: we hold the lock (H1).
        let allocator = unsafe { &mut (*control).allocator };
        // SAFETY: it is ready (H2).
        unsafe { allocator.assume_init_mut() }
    }

    /// Makes the allocator, in what the control area has left.
    #[cold]
    fn begin(&mut self) {
        let control = self.0.as_ptr();
        let mut talc = Talc::new(Grow { end: None });
        let first = control.wrapping_add(1).cast::<u8>();
        // SAFETY: the rest of the control area is mapped and ours alone.
        talc.source.end = unsafe { talc.claim(first, HEAP_CONTROL_BYTES - size_of::<Control>()) };
        // SAFETY: we hold the lock (H1).
        let allocator = unsafe { &mut (*control).allocator };
        allocator.write(talc);
        // SAFETY: we hold the lock (H1).
        unsafe { (*control).ready = true };
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: as in `take`.
        let taken = unsafe { &(*self.0.as_ptr()).taken };
        taken.store(false, Ordering::Release);
    }
}

// SAFETY: talc keeps the contract of an allocator, and is used under the lock.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is not empty, as the caller promises.
        let memory = unsafe { Taken::take().allocator().allocate(layout) };
        memory.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: it was allocated here with this layout, as the caller promises.
        unsafe { Taken::take().allocator().deallocate(memory, layout) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: it was allocated here with this layout, as the caller promises.
        if unsafe { Taken::take().allocator().try_realloc_in_place(memory, layout, bytes) } {
            return memory;
        }
        // SAFETY: the caller promises that the size is valid for this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        // SAFETY: the new size is not 0, as the caller promises.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both are at least as long as the shorter, and different.
            unsafe { new.copy_from_nonoverlapping(memory, layout.size().min(bytes)) };
            // SAFETY: it was allocated here with this layout, as the caller promises.
            unsafe { self.dealloc(memory, layout) };
        }
        new
    }
}
