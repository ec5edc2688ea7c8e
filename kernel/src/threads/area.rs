//! The memory of one thread in the kernel: stack, frames, temporaries, with an unmapped page before each.
//!
//! The guard page of the stack is below it, where it grows to; those of the arrays are above them.

use warren_engine::layout::{FRAMES, Frame, TEMPORARIES, Temporary};
use warren_kernel::numbers::Numbers;

use crate::{
    guarded::Guarded,
    memory::{Exhausted, PAGE, WINDOW, map_kernel_pages, unmap_kernel_pages},
};

/// Bytes of a kernel stack.
pub const STACK_BYTES: u64 = 128 * 1024;

/// Threads that exist at the same time, in words of 64.
const THREAD_WORDS: usize = 4;
/// The same, counted.
pub const THREADS: usize = THREAD_WORDS * 64;

const FRAME_BYTES: u64 = pages(FRAMES * size_of::<Frame>());
const TEMPORARY_BYTES: u64 = pages(TEMPORARIES * size_of::<Temporary>());

const STACK: u64 = PAGE;
const FRAME_ARRAY: u64 = STACK + STACK_BYTES + PAGE;
/// The array ends at its guard page, so that one frame too many is a fault.
const FIRST_FRAME: u64 = FRAME_ARRAY + FRAME_BYTES - (FRAMES * size_of::<Frame>()) as u64;
const TEMPORARY_ARRAY: u64 = FRAME_ARRAY + FRAME_BYTES + PAGE;
/// Addresses that one thread takes: an odd number of pages, so that what threads use most is found at different places in what the processor knows of pages
/// ([`base_of`](warren_engine::space::base_of)).
const AREA: u64 = (TEMPORARY_ARRAY + TEMPORARY_BYTES + PAGE) | PAGE;

static TAKEN: Guarded<Numbers<THREAD_WORDS>> = Guarded::new(Numbers::new());

const fn pages(bytes: usize) -> u64 {
    (bytes as u64).next_multiple_of(PAGE)
}

/// Bytes of the stack of a CPU's root, which only waits and handles interrupts.
const ROOT_STACK_BYTES: u64 = 64 * 1024;
/// Where those stacks lie: behind the memory of all threads.
const ROOT_STACKS: u64 = WINDOW + (THREAD_WORDS * 64) as u64 * AREA;

/// Maps the stack of the root thread of a CPU, for good, above a page that is not mapped. Returns where it starts, downwards.
pub fn root_stack(cpu: usize) -> Result<u64, Exhausted> {
    let bottom = ROOT_STACKS + cpu as u64 * (PAGE + ROOT_STACK_BYTES) + PAGE;
    map_kernel_pages(bottom, ROOT_STACK_BYTES / PAGE)?;
    Ok(bottom + ROOT_STACK_BYTES)
}

/// The memory of one thread; it is freed with the value.
#[derive(Debug)]
pub struct Area {
    number: usize,
}

impl Area {
    /// Maps a new one.
    pub fn new() -> Result<Self, Exhausted> {
        let number = TAKEN.with(Numbers::take).ok_or(Exhausted)?;
        let base = WINDOW + number as u64 * AREA;
        let parts = Self::parts();
        for (index, (offset, bytes)) in parts.into_iter().enumerate() {
            if map_kernel_pages(base + offset, bytes / PAGE).is_err() {
                for (offset, bytes) in &parts[..index] {
                    unmap_kernel_pages(base + offset, bytes / PAGE);
                }
                TAKEN.with(|taken| taken.give(number));
                return Err(Exhausted);
            }
        }
        Ok(Area { number })
    }

    const fn parts() -> [(u64, u64); 3] {
        [(STACK, STACK_BYTES), (FRAME_ARRAY, FRAME_BYTES), (TEMPORARY_ARRAY, TEMPORARY_BYTES)]
    }

    /// Its number, below 256.
    pub fn number(&self) -> usize {
        self.number
    }

    fn base(&self) -> u64 {
        WINDOW + self.number as u64 * AREA
    }

    /// Lowest address of the stack.
    pub fn stack_bottom(&self) -> u64 {
        self.base() + STACK
    }

    /// Where the stack starts, downwards.
    pub fn stack_top(&self) -> u64 {
        self.base() + STACK + STACK_BYTES
    }

    /// The first frame.
    pub fn frames(&self) -> *mut Frame {
        (self.base() + FIRST_FRAME) as *mut Frame
    }

    /// The first frame of the thread whose frames this address lies in, or just behind.
    pub fn frames_around(address: u64) -> *const Frame {
        // The array lies between pages that belong to the thread, too.
        let number = (address - WINDOW) / AREA;
        (WINDOW + number * AREA + FIRST_FRAME) as *const Frame
    }

    /// The first temporary.
    pub fn temporaries(&self) -> *mut Temporary {
        (self.base() + TEMPORARY_ARRAY) as *mut Temporary
    }

    /// Behind the last temporary.
    pub fn temporaries_end(&self) -> *mut Temporary {
        self.temporaries().wrapping_add(TEMPORARIES)
    }

    /// Whether an address lies in the page behind the frames, which stops calls that nest too deeply.
    pub fn is_behind_frames(&self, address: u64) -> bool {
        let guard = self.base() + FRAME_ARRAY + FRAME_BYTES;
        (guard..guard + PAGE).contains(&address)
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        for (offset, bytes) in Self::parts() {
            unmap_kernel_pages(self.base() + offset, bytes / PAGE);
        }
        TAKEN.with(|taken| taken.give(self.number));
    }
}
