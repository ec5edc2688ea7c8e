//! Global state of the kernel, and the only way to it.
//!
//! One CPU at a time has the kernel's lock, with interrupts off ([`crate::cpu::kernel_lock`]). A [`Guarded`] value needs no
//! other lock: a flag catches code that comes back to a value that it is already using.
#![expect(unsafe_code, reason = "a global is shared mutable memory")]

use core::cell::{Cell, UnsafeCell};

use crate::cpu::critical;

/// A value that one piece of kernel code uses at a time.
///
/// G1: `value` is only reached by [`Guarded::with`], with the kernel's lock and `busy` set.
pub struct Guarded<T> {
    busy: Cell<bool>,
    value: UnsafeCell<T>,
}

// SAFETY: G1; one CPU has the kernel's lock, with interrupts off, so no two users overlap.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Guards a value.
    pub const fn new(value: T) -> Self {
        Guarded { busy: Cell::new(false), value: UnsafeCell::new(value) }
    }

    /// Uses the value. Must not be called again before `work` is done, nor be left by a switch of threads.
    #[track_caller]
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let before = critical::begin_marked(&self.busy);
        // SAFETY: `busy` was clear and this CPU has the kernel's lock, so this is the only reference (G1).
        let result = work(unsafe { &mut *self.value.get() });
        self.busy.set(false);
        critical::end(before);
        result
    }
}
