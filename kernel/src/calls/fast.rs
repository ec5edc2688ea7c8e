//! What the fast path knows: for each instance in a domain of its own, its calls as it last made them.
//!
//! An entry is learnt from a call that took the long way, and used as long as the called object has the
//! same table of entries: that table belongs to one kind of one living instance, so everything else that was learnt
//! still holds. The fast path still checks what can change: whether the caller holds the reference, the
//! locks, the stacks, and whether a fault is to be injected.
//!
//! A dead instance has no table any more; its memory goes with the instance's record, and with it whatever others have
//! learnt of its entries: their addresses may be those of something else then.
#![expect(unsafe_code, reason = "writes the tables that assembly reads")]

use alloc::{boxed::Box, vec, vec::Vec};

use warren_abi::{call::REGISTER_WORDS, signature::Part};
use warren_engine::{
    instance::{Instance, Outgoing},
    layout::Object,
    stub::FIRST_CALL,
};

use crate::{
    guarded::Guarded,
    memory::{
        regions::{self, TRAMPOLINE_OFFSET},
        user_stacks::{NOWHERE, UserStack},
    },
};

/// What is known of one instance. Assembly reads it.
#[repr(C)]
pub struct Table {
    /// Its counts of references, two bytes for each object.
    pub counts: *const u16,
    /// Its outgoing calls.
    pub calls: *mut Call,
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

/// The tables, each a box, by the address of the record of the instance that it belongs to.
static TABLES: Guarded<Vec<(usize, Box<Table>)>> = Guarded::new(Vec::new());

/// Makes the table of an instance that is about to be entered for the first time.
pub fn prepare(instance: &Instance) {
    if instance.platform.get() != 0 || !instance.is_alive() {
        return;
    }
    let Some(domain) = regions::domain_of(instance.base) else { return };
    let calls = Box::leak(vec![Call::default(); instance.calls.len()].into_boxed_slice());
    let table = Box::new(Table {
        counts: instance.with_counts(|counts| counts.as_ptr()),
        calls: calls.as_mut_ptr(),
        call_count: calls.len() as u64,
        stacks: offset(domain),
    });
    instance.platform.set(&raw const *table as u64);
    TABLES.with(|tables| tables.push((address_of(instance), table)));
}

fn address_of(instance: &Instance) -> usize {
    core::ptr::from_ref(instance) as usize
}

/// Frees the table of an instance whose record is about to be freed, and forgets what others learnt of it. With
/// interrupts off.
pub fn forget(instance: &Instance) {
    TABLES.with(|tables| {
        tables.retain(|(owner, _)| *owner != address_of(instance));
        for (_, table) in tables {
            table.calls().iter_mut().filter(|call| is_of(instance, call)).for_each(|call| {
                *call = Call::default();
            });
        }
    });
}

/// Whether a call was learnt of an object of an instance.
fn is_of(instance: &Instance, call: &Call) -> bool {
    instance.kinds.iter().any(|kind| kind.entries.as_ptr() as u64 == call.entries)
}

impl Table {
    /// The calls, as kernel code changes them while no fast path reads them: with interrupts off.
    fn calls(&mut self) -> &mut [Call] {
        // SAFETY: the calls are a boxed slice of this length, which belongs to the table.
        unsafe { core::slice::from_raw_parts_mut(self.calls, self.call_count as usize) }
    }
}

// SAFETY: kernel code uses tables with interrupts off, whichever thread runs.
unsafe impl Send for Table {}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: the calls were a boxed slice, and nobody uses them any more.
        drop(unsafe { Box::from_raw(self.calls()) });
    }
}

fn offset(domain: usize) -> u64 {
    (domain * size_of::<UserStack>()) as u64
}

/// Remembers a call that has just succeeded the long way, if the fast path could make it.
pub fn learn(caller: &Instance, number: u64, object: *mut Object) {
    let index = (number - u64::from(FIRST_CALL)) as usize;
    let table = caller.platform.get() as *const Table;
    if table.is_null() || !is_simple(&caller.calls[index]) {
        return;
    }
    // SAFETY: objects are valid for good, and the caller holds this one.
    let object = unsafe { &*object };
    // SAFETY: an instance is valid as long as an object of it is held, or a frame names one.
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
    // SAFETY: a living instance's table is there, and has an entry for each call.
    let calls = unsafe { (*table).calls };
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
