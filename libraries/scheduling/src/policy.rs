//! What a scheduler decides.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use warren_idl::Terms;

/// A budget that is never spent, or a time that never comes.
pub const FOREVER_NS: u64 = u64::MAX;

/// A context, as policies name it: a small number, which another context gets when this one is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(crate) usize);

/// Who runs next, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The context.
    pub slot: Slot,
    /// Processor time after which it is to be asked again, in nanoseconds; at least 1.
    pub budget_ns: u64,
    /// Time at which it is to be asked again, in nanoseconds since the system started.
    pub until_ns: u64,
}

/// Decides whose turn it is.
///
/// Time is a parameter and never goes back. The functions are called in an order that makes sense: a context arrives, becomes
/// ready and blocked in turn, is gone when it is not ready; only a ready context is chosen and charged.
pub trait Policy {
    /// Whether a turn ends, too, when the context whose turn it is makes another one ready itself. Where nobody is more urgent than it that need not be: mostly it
    /// waits soon after, and the policy hears of it then; after a millisecond it is asked again at the latest.
    const HEEDS_OWN: bool = true;

    /// A context is new. It is not ready yet.
    fn arrived(&mut self, slot: Slot, terms: &Terms, now_ns: u64);
    /// A context can run from now on.
    fn ready(&mut self, slot: Slot, now_ns: u64);
    /// A ready context cannot run any more.
    fn blocked(&mut self, slot: Slot, now_ns: u64);
    /// A context that was not ready does not exist any more.
    fn gone(&mut self, slot: Slot, now_ns: u64);
    /// A context has had a turn and used so much time, which may exceed its budget. If it gave way, it does not want the
    /// rest of its turn; others run before it is chosen again, if there are any.
    fn charge(&mut self, slot: Slot, used_ns: u64, gave_way: bool, now_ns: u64);
    /// Whose turn it is; `None` only if no context is ready.
    ///
    /// The turn also ends when a context arrives, is ready again or is gone, but see [`Policy::HEEDS_OWN`]. A policy that sees no reason in that to choose
    /// another one chooses the same again.
    fn choose(&mut self, now_ns: u64) -> Option<Turn>;
}

/// What a policy keeps of each context.
#[derive(Clone, Debug)]
pub struct PerContext<T> {
    entries: Vec<T>,
}

impl<T> PerContext<T> {
    /// Nothing.
    pub const fn new() -> Self {
        PerContext { entries: Vec::new() }
    }

    /// Takes up a context that has arrived.
    pub fn set(&mut self, slot: Slot, entry: T) {
        match self.entries.get_mut(slot.0) {
            Some(old) => *old = entry,
            // Slots are given out in ascending order, so this is the next one.
            None => self.entries.push(entry),
        }
    }
}

impl<T> Default for PerContext<T> {
    fn default() -> Self {
        PerContext::new()
    }
}

impl<T> Index<Slot> for PerContext<T> {
    type Output = T;

    fn index(&self, slot: Slot) -> &T {
        &self.entries[slot.0]
    }
}

impl<T> IndexMut<Slot> for PerContext<T> {
    fn index_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.entries[slot.0]
    }
}
