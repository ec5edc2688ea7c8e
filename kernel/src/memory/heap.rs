//! The kernel's heap: talc over rows of frames.
#![expect(unsafe_code, reason = "an allocator")]

use core::{
    alloc::Layout,
    sync::atomic::{AtomicBool, Ordering},
};

use talc::{
    TalcLock,
    base::{Talc, binning::Binning},
    source::Source,
};

use super::{PAGE, direct, frames};
use crate::cpu::interrupts;

/// The heap grows by at least this much.
const CHUNK_BYTES: u64 = 1 << 20;

/// Takes rows of frames when the heap is full.
#[derive(Debug)]
struct Rows;

// SAFETY: `acquire` takes frames and does not allocate.
unsafe impl Source for Rows {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let wanted = (layout.size() + layout.align()) as u64 + PAGE;
        let bytes = wanted.next_multiple_of(PAGE).max(CHUNK_BYTES);
        let row = frames::take_row(bytes / PAGE, u64::MAX).map_err(|_| ())?;
        // SAFETY: the row is the heap's from now on; the direct map shows it.
        unsafe { talc.claim(direct(row) as *mut u8, bytes as usize) }.map(|_| ()).ok_or(())
    }
}

/// The heap's lock: interrupts off, and a flag that is never found set.
///
/// H1: whoever holds the lock has interrupts off, and `RESTORE` says whether they were on before.
struct InterruptsOff;

static HELD: AtomicBool = AtomicBool::new(false);
static RESTORE: AtomicBool = AtomicBool::new(false);

// SAFETY: there is one CPU, and interrupts are off while the lock is held (H1).
unsafe impl lock_api::RawMutex for InterruptsOff {
    const INIT: Self = InterruptsOff;
    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {
        assert!(self.try_lock(), "the heap is used inside its own use");
    }

    fn try_lock(&self) -> bool {
        let were_on = interrupts::enabled();
        interrupts::disable();
        if HELD.swap(true, Ordering::Acquire) {
            return false;
        }
        RESTORE.store(were_on, Ordering::Relaxed);
        true
    }

    unsafe fn unlock(&self) {
        let restore = RESTORE.load(Ordering::Relaxed);
        HELD.store(false, Ordering::Release);
        if restore {
            interrupts::enable();
        }
    }
}

#[global_allocator]
static HEAP: TalcLock<InterruptsOff, Rows> = TalcLock::new(Rows);
