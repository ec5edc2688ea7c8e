//! Threads that wait for something that a native keeps.

use alloc::vec::Vec;

use warren::SystemError;
use warren_engine::platform::Platform;

/// A platform whose natives can let threads wait.
pub trait Waiting: Platform {
    /// Calls `look` inside `critical` with the token of the thread that runs, until that finds what the thread waits for. In between
    /// the thread waits; `look` has noted it wherever it will be woken from.
    ///
    /// # Errors
    ///
    /// `Deadline` or `Killed`, if the thread is not to wait any more.
    fn wait_until<R>(mut look: impl FnMut(u64) -> Option<R>) -> Result<R, SystemError> {
        Self::wait_until_or(|thread| look(thread).ok_or(u64::MAX))
    }

    /// The same; what `look` answers if there is nothing yet is until when the thread waits, in nanoseconds of the clock, to look again.
    ///
    /// # Errors
    ///
    /// As above.
    fn wait_until_or<R>(look: impl FnMut(u64) -> Result<R, u64>) -> Result<R, SystemError>;
}

/// Who waits for one thing, by tokens. Used inside `critical`.
#[derive(Debug, Default)]
pub struct Waiters(Vec<u64>);

impl Waiters {
    /// Nobody.
    pub const fn new() -> Self {
        Waiters(Vec::new())
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a thread, once.
    pub fn note(&mut self, thread: u64) {
        if !self.0.contains(&thread) {
            self.0.push(thread);
        }
    }

    /// Forgets a thread that waits no more.
    pub fn forget(&mut self, thread: u64) {
        self.0.retain(|waiting| *waiting != thread);
    }

    /// All who wait, who do so no more.
    pub fn take(&mut self) -> Vec<u64> {
        core::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;

    #[test]
    fn whoever_looks_twice_is_noted_once() {
        let mut waiters = Waiters::new();
        [7, 8, 7, 9].into_iter().for_each(|thread| waiters.note(thread));
        waiters.forget(8);
        assert_eq!(waiters.take(), [7, 9]);
        assert!(waiters.take().is_empty());
    }
}
