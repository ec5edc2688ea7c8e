//! `Memory`, `PhysicalMemory`, `DataSpace`, `AddressSpace`.
//!
//! A mapping holds a count of its data space until the region is gone. The count is the kernel's own: if it
//! were the server's, the server could release it and keep the mapping.
#![expect(unsafe_code, reason = "states of objects are raw addresses")]

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use warren::Service;
use warren_abi::call::Ret;
use warren_engine::{
    instance::Kind,
    layout::Object,
    platform::REGION_BYTES,
    reference::{count_down, count_up},
};
use warren_idl::{AddressSpace, DataSpace, Memory, MemoryError, PhysicalMemory};

use super::{
    add,
    glue::{answer_new, caller, entries, fail, kind},
};
use crate::{
    cpu::interrupts,
    guarded::Guarded,
    memory::{PAGE, frames, regions},
    system::Kernel,
};

/// The frames of a data space.
struct Frames {
    list: Vec<u64>,
    /// One row that stays where it is.
    row: bool,
    /// Device memory: not the kernel's to free, and not cached.
    device: bool,
}

impl Drop for Frames {
    fn drop(&mut self) {
        if !self.device {
            self.list.iter().for_each(|&frame| frames::give(frame));
        }
    }
}

/// Data spaces that are mapped in a region, by its first address.
type Mappings = BTreeMap<u64, Vec<u64>>;

static SPACES: Guarded<Option<&'static Kind>> = Guarded::new(None);
static MAPPINGS: Guarded<Mappings> = Guarded::new(Mappings::new());

pub fn install() {
    add(<dyn Memory>::ID, kind::<dyn Memory>(entries![anonymous, contiguous], None));
    add(<dyn PhysicalMemory>::ID, kind::<dyn PhysicalMemory>(entries![window], None));
    add(<dyn AddressSpace>::ID, kind::<dyn AddressSpace>(entries![map], None));
    let spaces = kind::<dyn DataSpace>(entries![bytes, physical], Some(drop_space));
    SPACES.with(|stored| *stored = Some(spaces));
}

fn spaces() -> &'static Kind {
    SPACES.with(|kind| *kind).expect("natives are made at boot")
}

fn answer(frames: Frames) -> Ret {
    answer_new(spaces(), Box::into_raw(Box::new(frames)) as u64)
}

/// Pages of a length, if it is one.
fn pages(bytes: u64) -> Result<u64, MemoryError> {
    if bytes == 0 || bytes % PAGE != 0 { Err(MemoryError::Unaligned) } else { Ok(bytes / PAGE) }
}

extern "C" fn anonymous(_: u64, bytes: u64) -> Ret {
    let count = match pages(bytes) {
        Ok(count) if count <= frames::free_count() => count,
        Ok(_) => return fail(MemoryError::Exhausted),
        Err(error) => return fail(error),
    };
    let mut frames = Frames { list: Vec::new(), row: false, device: false };
    for _ in 0..count {
        match frames::take_zeroed() {
            Ok(frame) => frames.list.push(frame),
            Err(_) => return fail(MemoryError::Exhausted),
        }
    }
    answer(frames)
}

extern "C" fn contiguous(_: u64, bytes: u64) -> Ret {
    let row = pages(bytes).and_then(|count| {
        let first = frames::take_row(count, frames::DEVICE_LIMIT);
        first.map(|first| (first, count)).map_err(|_| MemoryError::Exhausted)
    });
    match row {
        Ok((first, count)) => answer(row_of(first, count, false)),
        Err(error) => fail(error),
    }
}

fn row_of(first: u64, count: u64, device: bool) -> Frames {
    let list = (0..count).map(|page| first + page * PAGE).collect();
    Frames { list, row: true, device }
}

extern "C" fn window(_: u64, address: u64, bytes: u64) -> Ret {
    let count = match pages(bytes) {
        Ok(count) if address % PAGE == 0 => count,
        _ => return fail(MemoryError::Unaligned),
    };
    let end = address.checked_add(bytes);
    if bytes > REGION_BYTES || end.is_none_or(|end| !frames::is_device(address, end)) {
        return fail(MemoryError::OutOfRange);
    }
    answer(row_of(address, count, true))
}

/// The frames of a data space.
///
/// # Safety
///
/// `state` is that of a data space that the caller holds.
unsafe fn frames_of<'a>(state: u64) -> &'a Frames {
    // SAFETY: the state was made by `answer` and lives as long as the object.
    unsafe { &*(state as *const Frames) }
}

extern "C" fn bytes(state: u64) -> Ret {
    // SAFETY: the engine calls with the state of an object of this kind.
    Ret::ok(unsafe { frames_of(state) }.list.len() as u64 * PAGE)
}

extern "C" fn physical(state: u64) -> Ret {
    // SAFETY: as in `bytes`.
    let frames = unsafe { frames_of(state) };
    if frames.row { Ret::ok(frames.list[0]) } else { fail(MemoryError::NotPhysical) }
}

extern "C" fn drop_space(state: u64) {
    // SAFETY: the engine drops a state once, after the last use.
    drop(unsafe { Box::from_raw(state as *mut Frames) });
}

extern "C" fn map(_: u64, space: u64) -> Ret {
    let object = space as *mut Object;
    // SAFETY: the word is a reference to some data space, which the call holds; objects are valid for good.
    let (provider, state) = unsafe { ((*object).kind, (*object).state) };
    if !core::ptr::eq(provider, spaces()) {
        // A data space of some other server's making: the kernel has no frames for it.
        return fail(MemoryError::NotPhysical);
    }
    // SAFETY: it is one of the kernel's, as just checked.
    let frames = unsafe { frames_of(state) };
    let caller = caller();
    let start = caller.mapping_end.get();
    let bytes = frames.list.len() as u64 * PAGE;
    if start + bytes > caller.base + REGION_BYTES {
        return fail(MemoryError::NoRoom);
    }
    interrupts::off(|| {
        let list = frames.list.iter().copied();
        if regions::map_frames(start, list, frames.device).is_err() {
            return fail(MemoryError::Exhausted);
        }
        caller.mapping_end.set(start + bytes);
        caller.memory_bytes.set(caller.memory_bytes.get() + bytes);
        count_up(object);
        MAPPINGS.with(|mappings| mappings.entry(caller.base).or_default().push(space));
        Ret::ok(start)
    })
}

/// Lets go of the data spaces that were mapped in a region that is gone.
pub fn release_mappings(base: u64) {
    let spaces = MAPPINGS.with(|mappings| mappings.remove(&base)).unwrap_or_default();
    for space in spaces {
        count_down::<Kernel>(space as *mut Object);
    }
}
