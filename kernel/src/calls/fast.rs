//! What the fast path knows: for each instance in a domain of its own, its calls as it last made them.
//!
//! An entry is learnt from a call that took the long way, and used as long as the called object has the
//! same table of entries: that table belongs to one kind of one living instance that is not to fail on purpose, so
//! everything else that was learnt still holds. The fast path still checks what can change: whether the caller holds the
//! reference, the locks, the stacks.
//!
//! A table's memory goes with the record of its instance, and with it whatever others have learnt of its entries: their
//! addresses may be those of something else then. Until then frames may lead to it.
//!
//! # While others read
//!
//! Fast paths on other CPUs read tables without a lock. So a [`Call`] is never changed: another one takes its place by one store. The old one
//! is freed after a [barrier](Platform::barrier), when every CPU has left the fast path in which it may have found it.
#![expect(unsafe_code, reason = "writes the tables that assembly reads")]

use alloc::{boxed::Box, vec, vec::Vec};
use core::{
    mem::size_of,
    ptr,
    sync::atomic::{
        AtomicU64,
        Ordering::{Relaxed, Release},
    },
};

use warren_abi::{call::REGISTER_WORDS, signature::Part};
use warren_engine::{
    arguments::Carriage,
    instance::{Function, Instance, Kind},
    layout::Object,
    platform::Platform,
    reference::tables,
};

use super::fast_path::{self, Way};
use crate::{
    guarded::Guarded,
    memory::{
        regions::{self, TRAMPOLINE_OFFSET},
        user_stacks::{self, NOWHERE, UserStack},
    },
    system::Kernel,
};

/// What is known of one instance. Behind it lie the addresses of its [`Call`]s. Assembly reads it.
#[repr(C)]
pub struct Table {
    /// Its counts of references, two bytes for each object.
    pub counts: *const u16,
    /// Its outgoing calls.
    pub call_count: u64,
    /// The page tables of its domain.
    pub root: u64,
    /// The trampoline of its domain.
    pub trampoline: u64,
    /// Offset of its domain among a thread's stacks.
    pub stacks: u64,
}

/// Words of a [`Table`].
const HEAD: usize = size_of::<Table>() / 8;

/// One outgoing call, as it was last learnt. Assembly reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Call {
    /// The object that was called.
    pub object: u64,
    /// Where the caller's count of references to it is.
    pub held: *const u16,
    /// Its entries; 0 if the call was never learnt.
    pub entries: u64,
    /// The function's address.
    pub target: u64,
    /// The callee's page tables, if it lives in a domain of its own.
    pub root: u64,
    /// The trampoline of the callee's domain.
    pub trampoline: u64,
    /// What the callee's own calls are found by.
    pub table: u64,
    /// Offset of the callee's domain among a thread's stacks.
    pub stacks: u64,
    /// Where to go on if no stack in that domain is large enough.
    pub otherwise: u64,
    /// Offset of the callee's domain among a thread's stacks, if the call carries more than values.
    pub carrying_stacks: u64,
    /// The callee.
    pub callee: *const Instance,
    /// Not 0 if the callee counts what it writes of a buffer.
    pub counts: u64,
    /// What the call carries besides values, as the caller's record says.
    pub carriage: *const Carriage,
}

// SAFETY: its addresses are of memory that every CPU may use.
unsafe impl Send for Call {}

/// What an object is held by that nobody holds.
static NOT_HELD: u16 = 0;

impl Call {
    /// A call that was never learnt.
    fn unknown() -> Self {
        Call {
            object: 0,
            held: &raw const NOT_HELD,
            entries: 0,
            target: 0,
            root: 0,
            trampoline: 0,
            table: 0,
            stacks: offset(NOWHERE),
            otherwise: fast_path::otherwise(Way::Long),
            carrying_stacks: offset(NOWHERE),
            callee: ptr::null(),
            counts: 0,
            carriage: ptr::null(),
        }
    }
}

/// A [`Table`] and what it leads to.
struct Known {
    /// Address of the record of the instance that it belongs to.
    owner: usize,
    /// The table, as words.
    table: Box<[AtomicU64]>,
}

impl Known {
    /// Where its calls stand.
    fn places(&self) -> impl Iterator<Item = Place> {
        self.table[HEAD..].iter().map(|word| Place(ptr::from_ref(word)))
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        for call in &mut self.table[HEAD..] {
            // SAFETY: the calls were boxes, and nobody uses them any more.
            drop(unsafe { Box::from_raw(*call.get_mut() as *mut Call) });
        }
    }
}

/// A word of a table that leads to a call.
///
/// F1: it is the address of a boxed [`Call`], as long as the table's instance has a record. Only kernel code with interrupts off
/// writes it.
struct Place(*const AtomicU64);

impl Place {
    fn word(&self) -> &AtomicU64 {
        // SAFETY: the word is valid (F1).
        unsafe { &*self.0 }
    }

    /// The call that stands there.
    fn get(&self) -> Call {
        // SAFETY: the call is valid, and nobody takes it away meanwhile (F1).
        unsafe { *(self.word().load(Relaxed) as *const Call) }
    }

    /// Puts another one there, if it is another one.
    fn set(&self, call: Call) {
        if self.get() == call {
            return;
        }
        let old = self.word().load(Relaxed) as *mut Call;
        self.word().store(Box::into_raw(Box::new(call)) as u64, Release);
        // SAFETY: it was a box (F1), and no word leads to it any more.
        let old = unsafe { Box::from_raw(old) };
        let are_many = REPLACED.with(|replaced| {
            replaced.push(old);
            replaced.len() >= REPLACED_AT_MOST
        });
        if are_many {
            free_replaced();
        }
    }
}

/// Calls in whose place others stand, but which a fast path may still read.
#[expect(clippy::vec_box, reason = "they must stay where they are")]
static REPLACED: Guarded<Vec<Box<Call>>> = Guarded::new(Vec::new());

/// So many are kept before all CPUs are asked to leave their fast paths.
const REPLACED_AT_MOST: usize = 32;

/// Frees the calls that were replaced. With interrupts off.
fn free_replaced() {
    Kernel::barrier();
    REPLACED.with(Vec::clear);
}

/// The tables.
static TABLES: Guarded<Vec<Known>> = Guarded::new(Vec::new());

/// Makes the table of an instance that is about to be entered for the first time.
pub fn prepare(instance: &Instance) {
    if instance.platform.load(Relaxed) != 0 || !instance.is_alive() {
        return;
    }
    let Some(entrance) = regions::entrance(instance.base) else { return };
    user_stacks::need(entrance.domain, instance.stack_bytes.into());
    let unknown = Call::unknown();
    let head = [
        instance.with_counts(|counts| counts.as_ptr()) as u64,
        instance.calls.len() as u64,
        entrance.root,
        entrance.stacks + TRAMPOLINE_OFFSET,
        offset(entrance.domain),
    ];
    let calls = instance.calls.iter().map(|_| Box::into_raw(Box::new(unknown)) as u64);
    let table: Box<[AtomicU64]> = head.into_iter().chain(calls).map(AtomicU64::new).collect();
    instance.platform.store(table.as_ptr() as u64, Release);
    TABLES.with(|tables| tables.push(Known { owner: address_of(instance), table }));
}

fn address_of(instance: &Instance) -> usize {
    ptr::from_ref(instance) as usize
}

/// Frees the table of an instance whose record is about to be freed, and forgets what others learnt of it. With
/// interrupts off.
pub fn forget(instance: &Instance) {
    TABLES.with(|tables| {
        tables.retain(|known| known.owner != address_of(instance));
        for place in tables.iter().flat_map(Known::places) {
            if ptr::eq(place.get().callee, instance) {
                place.set(Call::unknown());
            }
        }
    });
    // Their entries are freed next, and others may come to lie there.
    free_replaced();
    for kind in &instance.kinds {
        let functions = kind.platform.swap(0, Relaxed) as *mut u64;
        if !functions.is_null() {
            let functions = ptr::slice_from_raw_parts_mut(functions, kind.targets.len());
            // SAFETY: the array was a box of that length, and nobody enters a function of the kind any more.
            drop(unsafe { Box::from_raw(functions) });
        }
    }
}

fn offset(domain: usize) -> u64 {
    (domain * size_of::<UserStack>()) as u64
}

/// Remembers a call that has just succeeded the long way, if the fast path could make it.
pub fn learn(caller: &Instance, number: u64, object: *mut Object) {
    let index = number as usize;
    let table = caller.platform.load(Relaxed) as *const AtomicU64;
    if table.is_null() {
        return;
    }
    let place = Place(table.wrapping_add(HEAD + index));
    let function = &caller.calls[index].function;
    if !is_for_fast_path(function) {
        return;
    }
    let carried = !function.carriage.is_empty();
    // SAFETY: interrupts are off, and the borrow ends at once.
    let number_of_object = unsafe { tables::<Kernel>() }.index(object);
    // SAFETY: objects are valid for good, and the caller holds this one.
    let entry = unsafe { &*object };
    // SAFETY: instances are valid as long as one of their objects is in use.
    let callee = unsafe { &*entry.instance };
    // SAFETY: so are kinds.
    let kind = unsafe { &*entry.kind };
    if entry.entries != kind.entries.as_ptr() {
        return;
    }
    let atomic = caller.calls[index].atomic;
    let entrance = if callee.shares_space() { None } else { regions::entrance(callee.base) };
    let way = match (callee.shares_space(), atomic, carried) {
        (false, false, false) if entrance.is_some() => Way::Long,
        (false, false, true) if entrance.is_some() => Way::CarryingToDomain,
        (true, false, false) => Way::ToKernel,
        (true, false, true) => Way::CarryingToKernel,
        (true, true, false) => Way::AtomicToKernel,
        _ => return,
    };
    let domain = offset(entrance.map_or(NOWHERE, |entrance| entrance.domain));
    place.set(Call {
        object: object as u64,
        held: caller.with_counts(|counts| &raw const counts[number_of_object]),
        entries: entry.entries as u64,
        target: kind.targets[caller.calls[index].index as usize],
        root: entrance.map_or(0, |entrance| entrance.root),
        trampoline: entrance.map_or(0, |entrance| entrance.stacks + TRAMPOLINE_OFFSET),
        table: callee.platform.load(Relaxed),
        stacks: if carried { offset(NOWHERE) } else { domain },
        otherwise: fast_path::otherwise(way),
        carrying_stacks: domain,
        callee: entry.instance,
        counts: callee.counts_output.into(),
        carriage: &raw const function.carriage,
    });
}

/// Whether the fast path can make calls of a function.
fn is_for_fast_path(function: &Function) -> bool {
    let plain = matches!(function.result, Part::Nothing | Part::Value | Part::Word);
    plain && function.words <= REGISTER_WORDS
}

/// Remembers that a function of a domain was entered by its gate, if that can be done in assembly: the kind's
/// [`platform`](Kind::platform) names an array of the addresses of such functions.
pub fn learn_entry(kind: &Kind, index: usize) {
    let Some(function) = kind.functions.get(index) else { return };
    // An atomic call is noted by the long way.
    if kind.atomic || !is_simple(function) {
        return;
    }
    if kind.platform.load(Relaxed) == 0 {
        let functions = vec![0u64; kind.targets.len()].into_boxed_slice();
        kind.platform.store(Box::into_raw(functions) as *mut u64 as u64, Release);
    }
    let place = kind.platform.load(Relaxed) as *mut u64;
    // SAFETY: the array has an entry for each function; gates on other CPUs read it.
    unsafe { AtomicU64::from_ptr(place.wrapping_add(index)) }.store(kind.targets[index], Relaxed);
}

/// Whether a call passes values only, all of them in registers.
fn is_simple(function: &Function) -> bool {
    is_for_fast_path(function) && function.carriage.is_empty()
}
