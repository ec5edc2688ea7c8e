//! A lock inside a concurrent server.
#![expect(unsafe_code, reason = "a lock hands out what it guards")]

use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{Cx, raw::calls};

/// Data of a concurrent server that one activation at a time may use.
///
/// The guard borrows the context, so that no call other than an atomic one fits between taking and
/// freeing the lock. Whoever finds it taken lets other threads run. An activation that takes it twice
/// waits for itself.
///
/// D1: `data` is only reached through the guard of whoever set `taken`.
pub struct Lock<T> {
    taken: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: the data is used by one thread at a time (D1), so it is only sent.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// A free lock.
    pub const fn new(data: T) -> Self {
        Lock { taken: AtomicBool::new(false), data: UnsafeCell::new(data) }
    }

    /// Takes the lock until the guard is dropped.
    pub fn lock<'a, S, M>(&'a self, cx: &'a Cx<'_, S, M>) -> Guard<'a, T> {
        while self
            .taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: there is a context, so this is an activation.
            unsafe { calls::yield_now() };
        }
        let _ = cx;
        Guard { lock: self, context: PhantomData }
    }

    /// The data, when nobody else can take the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

/// The right to use what a [`Lock`] guards.
pub struct Guard<'a, T> {
    lock: &'a Lock<T>,
    context: PhantomData<*const ()>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard's owner set `taken` (D1).
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard's owner set `taken` (D1), and the guard is borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.lock.taken.store(false, Ordering::Release);
    }
}
