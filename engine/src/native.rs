//! Natives: objects that the platform provides itself.
//!
//! They live in one instance of their own, which shares the engine's space, has no lock and never
//! dies. A native is entered with preemption allowed, like any server.
#![expect(unsafe_code, reason = "objects are the engine's raw memory")]

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{cell::Cell, sync::atomic::AtomicU64};

use crate::{
    death,
    instance::{Function, Instance, Kind, Life},
    layout::{Line, LockWord, OBJECTS, Object},
    platform::Platform,
    reference::{count_up, tables},
    space::Placement,
};

/// Makes the instance to which natives belong. Once, before anything else. Inside `critical`.
pub fn create_instance<P: Platform>(name: &str) -> &'static Instance {
    // SAFETY: inside `critical`.
    unsafe { tables::<P>() }.add(Instance {
        lock: Line(LockWord::new(0)),
        planned: None,
        name: name.into(),
        file: String::new(),
        hash: Cell::default(),
        placement: Placement::Kernel,
        isolated: false,
        base: 0,
        stubs: 0..0,
        concurrent: true,
        counts_output: false,
        stack_bytes: 0,
        kinds: Vec::new(),
        calls: Vec::new(),
        roots: Cell::default(),
        life: Cell::new(Life::Alive),
        objects: Cell::new(1),
        principal: 0,
        references: Cell::default(),
        counts: Cell::new(alloc::vec![0; OBJECTS]),
        weak: Cell::default(),
        heap_end: Cell::default(),
        heap_limit: 0,
        mapping_end: Cell::default(),
        memory_bytes: Cell::default(),
        watchdog_ms: 0,
        fault: Cell::default(),
        platform: AtomicU64::default(),
        restarts: 0,
        failed: Cell::default(),
        superseded: Cell::default(),
        entries: Cell::default(),
        holders: Cell::default(),
        fault_entries: Cell::default(),
    })
}

/// A kind of native: a service, its functions, and their entries in its order.
///
/// `drop` is called with the state when the last reference to a local one goes; a kind without it is for natives
/// that stay for good.
pub fn kind<P: Platform>(
    service: u32,
    name: &str,
    atomic: bool,
    functions: Vec<Function>,
    entries: &[usize],
    drop: Option<extern "C" fn(u64)>,
) -> &'static Kind {
    let hidden = drop.map(|drop| drop as *const () as usize);
    let count = functions.len();
    let entries: Box<[usize]> = entries.iter().copied().chain(hidden).collect();
    let targets = entries.iter().map(|entry| *entry as u64).collect();
    Box::leak(Box::new(Kind {
        service,
        name: name.into(),
        atomic,
        local: drop.is_some(),
        functions,
        closing: death::closing_entries::<P>(&entries, count),
        entries,
        targets,
        platform: AtomicU64::default(),
    }))
}

/// An object of a kind of native, without a reference yet, on the account of the thread that runs. Inside `critical`.
pub fn create<P: Platform>(
    instance: &Instance,
    kind: &'static Kind,
    state: u64,
) -> Option<*mut Object> {
    // SAFETY: inside `critical`.
    unsafe { tables::<P>() }.create(instance, kind, state, P::payer())
}

/// An object that stays for good. Inside `critical`.
pub fn create_permanent<P: Platform>(
    instance: &Instance,
    kind: &'static Kind,
    state: u64,
) -> Option<*mut Object> {
    let object = create::<P>(instance, kind, state)?;
    count_up(object);
    Some(object)
}
