//! What the engine asks of the machine under it.
//!
//! There is one platform in a program, so nothing here takes a `self`: the kernel and the hosted
//! process each implement the trait on an empty type and keep their state where their own rules say.

use alloc::string::String;

use crate::{layout::Cpu, system::System, thread::ThreadRecord};

/// Which space an instance runs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The engine's own space: the kernel, or the hosted process.
    Kernel,
    /// A domain that no other instance enters.
    Own,
    /// The domain with this name.
    Shared(String),
}

/// How pages may be used by the instance they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Text and stubs.
    ReadExecute,
    /// Constants, relocated data, the table of requirements.
    Read,
    /// State, heap.
    ReadWrite,
}

/// Memory or domains have run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// Bytes of a page, the unit of every mapping.
pub const PAGE: u64 = 4096;

/// First address of region 0; region n follows n × [`REGION_BYTES`] later.
pub const REGION_BASE: u64 = 0x1000_0000_0000;
/// Length of a region.
pub const REGION_BYTES: u64 = 1 << 30;
/// Offset of the root state, and of the page with the table of requirements right before it.
pub const STATE_OFFSET: u64 = 16 << 20;
/// Offset of the heap.
pub const HEAP_OFFSET: u64 = 64 << 20;
/// Offset of mapped data spaces.
pub const MAPPING_OFFSET: u64 = 512 << 20;

/// The machine under the engine.
///
/// Every function is called inside [`Platform::critical`] unless it says otherwise.
pub trait Platform: Sized + 'static {
    /// The block that gs points to.
    fn cpu() -> *mut Cpu;

    /// The engine's tables. They are only touched inside [`Platform::critical`].
    fn system() -> *mut System;

    /// Runs `work` without being preempted. Nests.
    fn critical<R>(work: impl FnOnce() -> R) -> R;

    /// Sets aside an empty region and, unless the placement is the engine's own space, a domain (a new one,
    /// or the one with the placement's name) that shows it. Returns the region's first address.
    fn create_region(placement: &Placement) -> Result<u64, Exhausted>;

    /// Maps fresh pages at `address`, which lies in a region, is a multiple of the page and not
    /// mapped yet. The pages hold `contents` and then zeroes up to `bytes`, a multiple of the page.
    fn map(address: u64, bytes: u64, contents: &[u8], protection: Protection)
    -> Result<(), Exhausted>;

    /// Overwrites bytes of mapped pages of a region, whatever their protection.
    fn write(address: u64, contents: &[u8]);

    /// Reads bytes of mapped pages of a region; `false` if they are not mapped.
    fn read(address: u64, contents: &mut [u8]) -> bool;

    /// Frees the region with everything mapped in it, and its domain with the last region.
    fn remove_region(base: u64);

    /// Code that a caller in the engine's own space calls to enter function `index` of an object
    /// in a domain of its own. Finds the object in the thread's newest frame.
    fn gate(index: usize) -> usize;

    /// Lets the thread `holder` run until it lets go of a lock; called by a thread that waits for it,
    /// with preemption allowed. May return early.
    fn give_time_to(holder: u64);

    /// Lets another thread run, if there is one.
    fn yield_now();

    /// The threads, each with its frames. The thread that runs has its live values written back.
    fn threads(visit: &mut dyn FnMut(&mut ThreadRecord));

    /// Makes a thread that does not run now go on, when it next does, in the `resume` of its newest
    /// frame with [`warren_abi::call::SystemError::Lost`].
    fn cut_off(thread: u64);

    /// Leaves the newest frame of the thread that runs with this error, from wherever it is.
    /// Called outside of `critical`.
    fn abort(error: u64) -> !;

    /// A line for the system's log.
    fn log(line: core::fmt::Arguments<'_>);
}
