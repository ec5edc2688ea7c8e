//! What the fast path knows: for each instance in a domain of its own, its calls as it last made them.
//!
//! An entry is learnt from a call that took the long way, and used as long as the called object has the
//! same table of entries: that table belongs to one kind of one living instance, so everything else that was learnt
//! still holds. The fast path still checks what can change: whether the caller holds the reference, the
//! locks, the stacks, and whether a fault is to be injected.
//!
//! Tables are never freed, like the instances that they belong to; a dead instance has none.

use alloc::{boxed::Box, vec};

use warren_abi::{call::REGISTER_WORDS, signature::Part};
use warren_engine::{
    instance::{Instance, Outgoing},
    layout::Object,
    stub::FIRST_CALL,
};

use crate::memory::{
    regions::{self, TRAMPOLINE_OFFSET},
    user_stacks::{NOWHERE, UserStack},
};

/// What is known of one instance. Assembly reads it.
#[repr(C)]
pub struct Table {
    /// Its counts of references, two bytes for each object.
    pub counts: *const u16,
    /// Its outgoing calls.
    pub calls: *const Call,
    /// How many.
    pub call_count: u64,
    /// Offset of its domain among a thread's stacks.
    pub stacks: u64,
}

/// One outgoing call. Assembly reads it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Call {
    /// The entries of the object that was called; 0 if the call was never learnt.
    pub entries: u64,
    /// The function's address.
    pub target: u64,
    /// The callee's page tables; 0 if it lives in the kernel.
    pub root: u64,
    /// Where the callee's instance says that a fault is to be injected.
    pub fault: u64,
    /// Stack that the callee needs.
    pub stack_bytes: u64,
    /// Offset of the callee's domain among a thread's stacks.
    pub stacks: u64,
    /// The trampoline of the callee's domain.
    pub trampoline: u64,
    /// 1 if the call is atomic: then the callee lives in the kernel.
    pub atomic: u64,
}

/// Bytes of a [`Call`] as a shift: assembly multiplies so.
pub const CALL_SHIFT: u32 = size_of::<Call>().trailing_zeros();
const _: () = assert!(size_of::<Call>() == 1 << CALL_SHIFT);

/// Makes the table of an instance that is about to be entered for the first time.
pub fn prepare(instance: &Instance) {
    if instance.platform.get() != 0 || !instance.is_alive() {
        return;
    }
    let Some(domain) = regions::domain_of(instance.base) else { return };
    let calls = vec![Call::default(); instance.calls.len()].leak();
    let table = Table {
        counts: instance.with_counts(|counts| counts.as_ptr()),
        calls: calls.as_ptr(),
        call_count: calls.len() as u64,
        stacks: offset(domain),
    };
    instance.platform.set(core::ptr::from_ref(Box::leak(Box::new(table))) as u64);
}

fn offset(domain: usize) -> u64 {
    (domain * size_of::<UserStack>()) as u64
}

/// Remembers a call that has just succeeded the long way, if the fast path could make it.
#[expect(unsafe_code, reason = "writes the table that assembly reads")]
pub fn learn(caller: &Instance, number: u64, object: *mut Object) {
    let index = (number - u64::from(FIRST_CALL)) as usize;
    let table = caller.platform.get() as *const Table;
    if table.is_null() || !is_simple(&caller.calls[index]) {
        return;
    }
    // SAFETY: objects are valid for good, and the caller holds this one.
    let object = unsafe { &*object };
    // SAFETY: instances are valid for good.
    let callee = unsafe { &*object.instance };
    // SAFETY: so are kinds.
    let kind = unsafe { &*object.kind };
    if object.entries != kind.entries.as_ptr() {
        return;
    }
    let entrance = if callee.shares_space() { None } else { regions::entrance(callee.base) };
    // Into a domain the fast path makes ordinary calls only.
    if !callee.shares_space() && (entrance.is_none() || caller.calls[index].atomic) {
        return;
    }
    let call = Call {
        entries: object.entries as u64,
        target: kind.targets[caller.calls[index].index as usize],
        root: entrance.map_or(0, |entrance| entrance.root),
        fault: callee.fault.as_ptr() as u64,
        // Never 0: a stack that is not there starts at 0 and must not reach.
        stack_bytes: callee.stack_bytes.max(16).into(),
        stacks: offset(entrance.map_or(NOWHERE, |entrance| entrance.domain)),
        trampoline: entrance.map_or(0, |entrance| entrance.stacks + TRAMPOLINE_OFFSET),
        atomic: caller.calls[index].atomic.into(),
    };
    // SAFETY: the table is never freed, and has an entry for each call.
    let calls = unsafe { (*table).calls }.cast_mut();
    // SAFETY: interrupts are off, so that no fast path reads the entry now.
    unsafe { calls.wrapping_add(index).write(call) };
}

/// Whether a call passes values only, all of them in registers.
fn is_simple(call: &Outgoing) -> bool {
    let is_value = |part: &Part| matches!(part, Part::Value | Part::Word);
    let function = &call.function;
    function.parameters.iter().all(is_value)
        && function.words() <= REGISTER_WORDS
        && matches!(function.result, Part::Nothing | Part::Value | Part::Word)
}
