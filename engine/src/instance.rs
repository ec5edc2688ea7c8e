//! Instances: servers at work.
//!
//! # What outlives what
//!
//! What an [`Instance`] holds (its memory, its references, its table of counts) goes when it is buried. Its record
//! stays longer, because locks, frames and temporaries may point to it after its death: see [`crate::record`].
#![expect(unsafe_code, reason = "objects point to kinds and instances")]

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{cell::Cell, ops::Range, sync::atomic::AtomicU64};

use warren_abi::{call::REGISTER_WORDS, signature::Part};

use crate::{
    arguments::Carriage,
    layout::{Line, LockWord, OBJECTS, Object},
    space::Placement,
    stub::Shape,
};

/// Where an instance stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Being constructed: nobody has a reference yet.
    Embryo,
    /// Answers calls.
    Alive,
    /// Its last reference is gone; its destructor runs.
    Closing,
    /// Died. Its memory may still be there.
    Dead,
    /// Nothing is left but the record.
    Buried,
}

/// What a function passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its result.
    pub result: Part,
    /// What its calls carry besides values.
    pub carriage: Carriage,
    /// Words that follow the reference.
    pub words: usize,
}

impl From<&crate::file::Function> for Function {
    fn from(function: &crate::file::Function) -> Self {
        let signature = function.signature.get();
        let parameters: Vec<_> = signature.parameters().collect();
        Function::new(function.name.clone(), &parameters, signature.result())
    }
}

impl Function {
    /// A function with these parameters.
    pub fn new(name: String, parameters: &[Part], result: Part) -> Self {
        let words = parameters.iter().map(|part| part.words()).sum();
        Function { name, result, carriage: Carriage::of(parameters), words }
    }

    /// Which stub calls it.
    pub fn shape(&self, atomic: bool) -> Shape {
        Shape {
            atomic,
            reference: matches!(self.result, Part::Reference(..)),
            wide: self.words > REGISTER_WORDS,
        }
    }
}

/// One kind of object of an instance: a service of its root, or a local server.
///
/// Behind the functions of the service lie the hidden entries: for the root's first kind
/// [`Kind::construct`], [`Kind::start`], [`Kind::destruct`], for a local kind [`Kind::drop_entry`].
pub struct Kind {
    /// ID of its service.
    pub service: u32,
    /// Name of its service.
    pub name: String,
    /// Whether calls keep the caller's lock.
    pub atomic: bool,
    /// Whether it is a local server.
    pub local: bool,
    /// Functions of the service.
    pub functions: Vec<Function>,
    /// What a caller in the engine's space calls, hidden entries included.
    pub entries: Box<[usize]>,
    /// The same for an object whose destructor runs: each function answers `Lost` ([`crate::death::closing_entries`]).
    pub closing: Box<[usize]>,
    /// The server's own addresses, hidden entries included.
    pub targets: Box<[u64]>,
    /// For the platform: what it knows of this kind. 0 at first.
    pub platform: AtomicU64,
}

impl Kind {
    /// Index of the constructor.
    pub fn construct(&self) -> usize {
        self.functions.len()
    }

    /// Index of the `start` hook; its target is 0 if there is none.
    pub fn start(&self) -> usize {
        self.functions.len() + 1
    }

    /// Index of the destructor.
    pub fn destruct(&self) -> usize {
        self.functions.len() + 2
    }

    /// Index of a local server's drop.
    pub fn drop_entry(&self) -> usize {
        self.functions.len()
    }
}

/// An outgoing call that an instance's file names. The index is its system call number less
/// [`crate::stub::FIRST_CALL`] in a domain of its own.
pub struct Outgoing {
    /// ID of the called service.
    pub service: u32,
    /// Index of the function.
    pub index: u16,
    /// Whether the caller's lock is kept.
    pub atomic: bool,
    /// What it passes.
    pub function: Function,
}

impl From<&crate::file::OutgoingCall> for Outgoing {
    fn from(call: &crate::file::OutgoingCall) -> Self {
        Outgoing {
            service: call.service,
            index: call.index,
            atomic: call.atomic,
            function: Function::from(&call.function),
        }
    }
}

/// A server at work. Fields in cells change inside [`crate::platform::Platform::critical`] only.
pub struct Instance {
    /// The lock, unless `concurrent`.
    pub lock: Line<LockWord>,
    /// Index of its server in the plan; `None` for the platform's own instance.
    pub planned: Option<usize>,
    /// Name of the server in the system.
    pub name: String,
    /// Name of its file.
    pub file: String,
    /// First bytes of the SHA-256 of its file, once somebody has asked for them
    /// ([`crate::launch::first_bytes_of_hash`]); 0 before.
    pub hash: Cell<u64>,
    /// Where the plan wants it to run.
    pub placement: Placement,
    /// Whether that is a domain of its own, and not the engine's space.
    pub isolated: bool,
    /// First address of its region; 0 for the platform's own instance.
    pub base: u64,
    /// Where its stubs lie.
    pub stubs: Range<u64>,
    /// Whether it is entered without a lock.
    pub concurrent: bool,
    /// Whether it says how much it wrote of a buffer, if it is asked to ([`warren_abi::call::COUNTED`]).
    pub counts_output: bool,
    /// Stack that one activation needs.
    pub stack_bytes: u32,
    /// Kinds of its objects.
    pub kinds: Vec<Kind>,
    /// Calls that it makes.
    pub calls: Vec<Outgoing>,
    /// Its root objects, one for each kind that the root provides.
    pub roots: Cell<Vec<*mut Object>>,
    /// Where it stands.
    pub life: Cell<Life>,
    /// Objects that somebody refers to.
    pub objects: Cell<u32>,
    /// Index in the plan of the principal that pays for it, and for the references that it keeps.
    pub principal: usize,
    /// How many permanent references it is charged for ([`Instance::counts`] has them by object).
    pub references: Cell<u32>,
    /// Permanent references it holds, and temporary ones if it runs in a domain of its own, by object.
    pub counts: Cell<Vec<u16>>,
    /// Weak references it holds.
    pub weak: Cell<Vec<u16>>,
    /// End of its heap.
    pub heap_end: Cell<u64>,
    /// Bytes that its heap may have.
    pub heap_limit: u64,
    /// End of its mapped data spaces.
    pub mapping_end: Cell<u64>,
    /// Bytes of memory it holds.
    pub memory_bytes: Cell<u64>,
    /// Milliseconds that one call may compute without calling or returning; for the platform's watchdog.
    pub watchdog_ms: u32,
    /// Page with a fault that the next call into it runs; 0 for none ([`crate::injection`]).
    pub fault: Cell<u64>,
    /// For the platform: what it knows of this instance. 0 at first, and again when the instance dies.
    pub platform: AtomicU64,
    /// Times that its server was restarted before.
    pub restarts: u32,
    /// Whether it died of a failure, and not because nobody referred to it any more.
    pub failed: Cell<bool>,
    /// Whether its server was launched again after it.
    pub superseded: Cell<bool>,
    /// Entries of the table of objects that belong to it.
    pub entries: Cell<u32>,
    /// Those who keep its record ([`crate::record::Held`]).
    pub holders: Cell<u32>,
    /// Entries that lead to the page with a fault, once there was one ([`crate::injection`]).
    pub fault_entries: Cell<Box<[usize]>>,
}

impl Instance {
    /// Whether it shares the engine's space.
    pub fn shares_space(&self) -> bool {
        !self.isolated
    }

    /// Whether it answers calls.
    pub fn is_alive(&self) -> bool {
        matches!(self.life.get(), Life::Embryo | Life::Alive | Life::Closing)
    }

    /// Whether one of its stubs lies at this address. A region is used again, so a buried instance's may be
    /// another's code.
    pub fn has_stub_at(&self, address: u64) -> bool {
        self.life.get() != Life::Buried && self.stubs.contains(&address)
    }

    /// Address of its state.
    pub fn state(&self) -> u64 {
        self.base + crate::space::STATE_OFFSET
    }

    /// Address of its table of requirements.
    pub fn required(&self) -> u64 {
        self.state() - crate::space::PAGE
    }

    /// Works on one of its tables of counts.
    pub fn with_counts<R>(&self, work: impl FnOnce(&mut [u16]) -> R) -> R {
        let mut counts = self.counts.take();
        let result = work(&mut counts);
        self.counts.set(counts);
        result
    }

    /// Changes the count of one object; `None` where it would leave 0..=65535.
    pub fn change(&self, object: usize, by: i32) -> Option<()> {
        self.with_counts(|counts| {
            let count = counts.get_mut(object)?;
            *count = u16::try_from(i32::from(*count) + by).ok()?;
            Some(())
        })
    }

    /// Changes the weak count of one object; `None` also where there is no memory for the table.
    pub fn change_weak(&self, object: usize, by: i32) -> Option<()> {
        let mut weak = self.weak.take();
        if weak.is_empty() && weak.try_reserve_exact(OBJECTS).is_ok() {
            weak.resize(OBJECTS, 0);
        }
        let changed = weak.get_mut(object).and_then(|count| {
            *count = u16::try_from(i32::from(*count) + by).ok()?;
            Some(())
        });
        self.weak.set(weak);
        changed
    }

    /// Index of the kind as which its root provides a service.
    pub fn root_kind(&self, service: u32) -> Option<usize> {
        self.kinds.iter().position(|kind| kind.service == service && !kind.local)
    }

    /// Its root object that provides kind `kind`. Its entry may be another's once the instance is dead.
    pub fn root(&self, kind: usize) -> Option<*mut Object> {
        let roots = self.roots.take();
        let root = roots.get(kind).copied();
        self.roots.set(roots);
        root
    }

    /// The same, if it answers calls. One whose destructor runs does so no more.
    pub fn living_root(&self, kind: usize) -> Option<*mut Object> {
        self.root(kind).filter(|_| self.is_alive() && self.life.get() != Life::Closing)
    }
}

// SAFETY: cells are touched inside `Platform::critical` only, which excludes every other thread.
unsafe impl Sync for Instance {}
