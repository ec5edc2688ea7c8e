//! The heap of an instance.
//!
//! A server file has no writable data, so the allocator's own state lies at the start of the heap, in the
//! control area, which begins as zeroes. The heap grows upwards by a system call, and never shrinks.
//!
//! A serial server's lock would do for the heap, but for [`warren::Cx::unlocked`] and for concurrent
//! servers. So there is a lock here: one atomic exchange when it is free; who finds it taken lets other
//! threads run.
//!
//! Most allocations are short lists that live as long as a call, and come again with the next one. So a few short blocks of each length stay on *shelves*
//! when they are freed, and are handed out again without the allocator.
#![expect(unsafe_code, reason = "an allocator")]

use core::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
};

use talc::{
    DefaultBinning,
    base::{CHUNK_UNIT, Talc, binning::Binning},
    source::Source,
};
use warren::raw::calls;
use warren_abi::system::{HEAP_CONTROL_BYTES, PAGE_BYTES};

/// Bytes by which the heap grows at least.
const GROWTH_BYTES: u64 = 4 * PAGE_BYTES;

/// What an allocation may need besides its own bytes: the allocator's marks and their alignment.
const OVERHEAD_BYTES: usize = 64;

/// Shelves, and blocks on each at most: a server keeps 17 KiB that nobody uses if all are full.
const SHELVES: usize = 16;
const MOST_BLOCKS: u32 = 4;

/// The state at the start of the heap. All zeroes is a free lock, empty shelves and no allocator.
///
/// H1: whoever set `taken` is alone with the other fields.
/// H2: `allocator` is initialised if `ready` is set.
/// H3: the blocks on a shelf come from the allocator, with the layout of [`shelved`], and are nobody's.
#[repr(C)]
struct Control {
    taken: AtomicBool,
    ready: bool,
    shelves: [Shelf; SHELVES],
    allocator: MaybeUninit<Talc<Grow, DefaultBinning>>,
}

const _: () = assert!(
    size_of::<Control>() + talc::min_first_heap_size::<DefaultBinning>() <= HEAP_CONTROL_BYTES,
    "allocator and free lists do not fit into the control area",
);

/// Freed blocks of one length, the last one first.
#[repr(C)]
struct Shelf {
    first: Option<NonNull<Block>>,
    blocks: u32,
}

/// The beginning of a block on a shelf.
struct Block {
    next: Option<NonNull<Block>>,
}

/// The number of the shelf for such blocks, if there is one. The allocator gives all that have the same one chunks of the same length.
fn shelf_of(layout: Layout) -> Option<usize> {
    let number = layout.size() / CHUNK_UNIT;
    (number < SHELVES && layout.align() <= CHUNK_UNIT).then_some(number)
}

/// The layout by which the allocator knows a block: of those that have a shelf the longest that goes there.
fn shelved(layout: Layout) -> Layout {
    let longest = shelf_of(layout).and_then(|number| {
        Layout::from_size_align(number * CHUNK_UNIT + CHUNK_UNIT - 1, CHUNK_UNIT).ok()
    });
    longest.unwrap_or(layout)
}

impl Shelf {
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = self.first?;
        // SAFETY: a block on a shelf is nobody's, and begins with this (H3).
        self.first = unsafe { block.as_ref() }.next;
        self.blocks -= 1;
        Some(block.cast())
    }

    /// Puts a block here, if there is room.
    ///
    /// # Safety
    ///
    /// It is as H3 says.
    unsafe fn push(&mut self, memory: NonNull<u8>) -> bool {
        if self.blocks == MOST_BLOCKS {
            return false;
        }
        let block = memory.cast::<Block>();
        // SAFETY: the block is nobody's, longer than this and aligned for more (H3).
        unsafe { block.write(Block { next: self.first }) };
        self.first = Some(block);
        self.blocks += 1;
        true
    }
}

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

    fn shelf(&mut self, layout: Layout) -> Option<&mut Shelf> {
        let number = shelf_of(layout)?;
        // SAFETY: we hold the lock (H1).
        let shelves = unsafe { &mut (*self.0.as_ptr()).shelves };
        shelves.get_mut(number)
    }

    /// Gives the allocator all blocks back; whether there were any.
    #[cold]
    fn clear_shelves(&mut self) -> bool {
        let mut any = false;
        for number in 0..SHELVES {
            let Ok(layout) = Layout::from_size_align(number * CHUNK_UNIT, CHUNK_UNIT) else {
                break;
            };
            while let Some(block) = self.shelf(layout).and_then(Shelf::pop) {
                any = true;
                // SAFETY: the allocator knows the block by this layout (H3).
                unsafe { self.allocator().deallocate(block.as_ptr(), shelved(layout)) };
            }
        }
        any
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

// SAFETY: talc keeps the contract of an allocator, and is used under the lock; what lies on a shelf is long enough for all that has its number.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut taken = Taken::take();
        if let Some(block) = taken.shelf(layout).and_then(Shelf::pop) {
            return block.as_ptr();
        }
        let layout = shelved(layout);
        // SAFETY: the layout is not empty: it is what the caller has, or longer.
        let mut memory = unsafe { taken.allocator().allocate(layout) };
        if memory.is_none() && taken.clear_shelves() {
            // SAFETY: as above.
            memory = unsafe { taken.allocator().allocate(layout) };
        }
        memory.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let mut taken = Taken::take();
        if let Some(shelf) = taken.shelf(layout)
            && let Some(block) = NonNull::new(memory)
            // SAFETY: it was allocated here with the layout of its shelf, and nobody uses it any more, as the caller promises.
            && unsafe { shelf.push(block) }
        {
            return;
        }
        // SAFETY: it was allocated here with this layout, as the caller promises.
        unsafe { taken.allocator().deallocate(memory, shelved(layout)) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is valid for this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        let (old, wanted) = (shelved(layout), shelved(new_layout).size());
        if old.size() == wanted {
            return memory;
        }
        // SAFETY: it was allocated here with this layout, as the caller promises.
        if unsafe { Taken::take().allocator().try_realloc_in_place(memory, old, wanted) } {
            return memory;
        }
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
