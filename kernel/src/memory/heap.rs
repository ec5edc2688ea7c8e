//! The kernel's heap: talc over rows of frames.
//!
//! Memory that has run out stops the kernel, so that servers must not be able to use it up. What they
//! can make the kernel hold is either limited in number and size ([`super::frames`] keeps frames for it), or is
//! asked for by [`reserve_for_server`], which refuses.
#![expect(unsafe_code, reason = "an allocator")]

use alloc::vec::Vec;
use core::{
    alloc::Layout,
    sync::atomic::{AtomicBool, Ordering},
};

use talc::{
    TalcLock,
    base::{Talc, binning::Binning},
    source::Source,
};

use super::{Exhausted, PAGE, direct, frames};
use crate::cpu::{critical, interrupts};

/// The heap grows by at least this much, if there is a row of frames as long.
const CHUNK_BYTES: u64 = 1 << 20;

/// Whether what is allocated now must leave the last frames alone.
static FOR_SERVER: AtomicBool = AtomicBool::new(false);

/// Makes room for `count` more elements that a server asked for, without the frames that servers cannot have.
pub fn reserve_for_server<T>(elements: &mut Vec<T>, count: usize) -> Result<(), Exhausted> {
    interrupts::off(|| {
        FOR_SERVER.store(true, Ordering::Relaxed);
        let reserved = elements.try_reserve(count);
        FOR_SERVER.store(false, Ordering::Relaxed);
        reserved.map_err(|_| Exhausted)
    })
}

/// Whether there is room for `pieces` of so many bytes each, without the frames that servers cannot have: the heap is
/// made as large as that.
pub fn has_room(bytes: usize, pieces: usize) -> bool {
    // All of them at once; they are free again when this returns.
    let mut all: Vec<Vec<u8>> = Vec::new();
    reserve_for_server(&mut all, pieces).is_ok()
        && (0..pieces).all(|_| {
            let mut piece = Vec::new();
            let reserved = reserve_for_server(&mut piece, bytes);
            all.push(piece);
            reserved.is_ok()
        })
}

/// A row of frames for the heap.
fn take_row(bytes: u64) -> Result<u64, Exhausted> {
    if FOR_SERVER.load(Ordering::Relaxed) {
        frames::take_row_above_reserve(bytes / PAGE, u64::MAX)
    } else {
        frames::take_row(bytes / PAGE, u64::MAX)
    }
}

/// Takes rows of frames when the heap is full.
#[derive(Debug)]
struct Rows;

// SAFETY: `acquire` takes frames and does not allocate.
unsafe impl Source for Rows {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let wanted = (layout.size() + layout.align()) as u64 + PAGE;
        let least = wanted.next_multiple_of(PAGE);
        // Where only short rows are left, what is needed now must do.
        for bytes in [least.max(CHUNK_BYTES), least] {
            if let Ok(row) = take_row(bytes) {
                // SAFETY: the row is the heap's from now on; the direct map shows it.
                return unsafe { talc.claim(direct(row) as *mut u8, bytes as usize) }
                    .map(|_| ())
                    .ok_or(());
            }
        }
        Err(())
    }
}

/// The heap's lock: interrupts off, the kernel's lock, and a flag that is never found set.
///
/// H1: whoever holds the lock has interrupts off and the kernel's lock; `WERE_ON` says whether both is to be undone.
struct InterruptsOff;

static HELD: AtomicBool = AtomicBool::new(false);
static WERE_ON: AtomicBool = AtomicBool::new(false);

// SAFETY: one CPU has the kernel's lock, and interrupts are off while the heap's is held (H1).
unsafe impl lock_api::RawMutex for InterruptsOff {
    const INIT: Self = InterruptsOff;
    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {
        assert!(self.try_lock(), "the heap is used inside its own use");
    }

    fn try_lock(&self) -> bool {
        let before = critical::begin();
        if HELD.swap(true, Ordering::Acquire) {
            return false;
        }
        WERE_ON.store(before.is_outside(), Ordering::Relaxed);
        true
    }

    unsafe fn unlock(&self) {
        let were_on = WERE_ON.load(Ordering::Relaxed);
        HELD.store(false, Ordering::Release);
        if were_on {
            interrupts::enable();
        }
    }
}

#[global_allocator]
static HEAP: TalcLock<InterruptsOff, Rows> = TalcLock::new(Rows);
