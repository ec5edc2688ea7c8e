//! Threads that wait for something that a native keeps.

use alloc::vec::{self, Vec};
use core::{iter::Chain, option};

use warren::SystemError;
use warren_engine::platform::Platform;

/// A platform whose natives can let threads wait.
pub trait Waiting: Platform {
    /// Calls `look` inside `critical` with the token of the thread that runs, until that finds what the thread waits for. In between
    /// the thread waits; `look` has noted it wherever it will be woken from, and answers when, in nanoseconds of the clock, it looks again at the latest.
    ///
    /// # Errors
    ///
    /// `Deadline` or `Killed`, if the thread is not to wait any more.
    fn wait_until<R>(look: impl FnMut(u64) -> Result<R, u64>) -> Result<R, SystemError>;
}

/// Who waits for one thing, by tokens. Used inside `critical`. Mostly that is one thread at most, for whom nothing is allocated.
#[derive(Debug, Default)]
pub struct Waiters {
    first: Option<u64>,
    others: Vec<u64>,
}

impl Waiters {
    /// Nobody.
    pub const fn new() -> Self {
        Waiters { first: None, others: Vec::new() }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.first.is_none() && self.others.is_empty()
    }

    /// Notes a thread, once.
    pub fn note(&mut self, thread: u64) {
        let Waiters { first, others } = self;
        if *first == Some(thread) || others.contains(&thread) {
            return;
        }
        match first {
            None => *first = Some(thread),
            Some(_) => others.push(thread),
        }
    }

    /// Forgets a thread that waits no more.
    pub fn forget(&mut self, thread: u64) {
        self.first.take_if(|waiting| *waiting == thread);
        self.others.retain(|waiting| *waiting != thread);
    }

    /// All who wait, who do so no more.
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }
}

impl IntoIterator for Waiters {
    type Item = u64;
    type IntoIter = Chain<option::IntoIter<u64>, vec::IntoIter<u64>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
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
        assert!(waiters.take().into_iter().eq([7, 9]));
        assert!(waiters.is_empty() && waiters.take().is_empty());
    }

    #[test]
    fn the_first_one_may_be_forgotten() {
        let mut waiters = Waiters::new();
        [7, 8].into_iter().for_each(|thread| waiters.note(thread));
        waiters.forget(7);
        assert!(!waiters.is_empty());
        [8, 9, 9].into_iter().for_each(|thread| waiters.note(thread));
        assert!(waiters.take().into_iter().eq([9, 8]));
    }
}
