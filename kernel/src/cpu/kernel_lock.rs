//! The kernel's lock: one for everything that kernel code in Rust does with interrupts off. Calls on the fast path take none.
//!
//! # Rules
//!
//! K1: whoever has the lock has interrupts off. It belongs to a CPU and not to a thread: a switch of threads hands it on inside the
//! CPU, and whoever goes on in kernel code has it. It is given back before interrupts are switched on again.
//!
//! K2: nobody waits for it in a way in which what other CPUs ask cannot be answered ([`super::requests`]).
//!
//! On one CPU it is nothing but a look at how many there are.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::{
    local::count,
    requests::{self, Interrupted},
};

/// Whom nobody is.
pub const NOBODY: usize = usize::MAX;

/// The number of the CPU that has the lock. Assembly reads it, and gives the lock back.
pub static HOLDER: AtomicUsize = AtomicUsize::new(NOBODY);

/// Whether this CPU has the lock. With interrupts off.
pub fn is_held() -> bool {
    count() == 1 || HOLDER.load(Ordering::Relaxed) == super::number()
}

/// The number of the CPU that has the lock.
pub fn holder() -> usize {
    HOLDER.load(Ordering::Relaxed)
}

/// Takes the lock before there is another CPU.
pub fn seize() {
    HOLDER.store(super::number(), Ordering::Relaxed);
}

/// Takes the lock, if it is free. There are several CPUs.
pub fn try_take() -> bool {
    let is_taken = HOLDER
        .compare_exchange(NOBODY, super::number(), Ordering::Acquire, Ordering::Relaxed)
        .is_ok();
    if is_taken {
        requests::end_idle();
    }
    is_taken
}

/// Takes the lock, which this CPU does not have. With interrupts off, where code was `interrupted` that is not kernel code, or
/// in kernel code that other CPUs may get ahead of.
pub fn take(interrupted: Interrupted<'_, '_>) {
    if count() > 1 {
        wait_and_take(interrupted);
    }
}

#[cold]
#[inline(never)]
fn wait_and_take(mut interrupted: Interrupted<'_, '_>) {
    while !try_take() {
        if requests::answer(&mut interrupted) {
            // The thread was parked. Where it goes on this CPU has the lock.
            return;
        }
        core::hint::spin_loop();
    }
}

/// Gives the lock back, which this CPU has. On one CPU nobody looks at it.
pub fn give() {
    HOLDER.store(NOBODY, Ordering::Release);
}
