//! `Memory`, `PhysicalMemory`, `DataSpace`, `AddressSpace`.
//!
//! A mapping holds a count of its data space until the region is gone. The count is the kernel's own: if it
//! were the server's, the server could release it and keep the mapping.

use alloc::{collections::BTreeMap, vec::Vec};

use warren::{Cx, Ref};
use warren_engine::{
    layout::Object,
    platform::REGION_BYTES,
    reference::{count_down, count_up},
};
use warren_idl::{AddressSpace, DataSpace, Memory, MemoryError, PhysicalMemory};

use super::{Word, answer, kinds};
use crate::{
    cpu::interrupts,
    guarded::Guarded,
    memory::{PAGE, frames, regions},
    system::Kernel,
};

/// Where pages come from.
pub struct Source;

/// Everything in physical memory that is not RAM.
pub struct Devices;

/// What makes pages visible.
pub struct Mapper;

/// Pages.
pub struct Space {
    frames: Vec<u64>,
    /// One row that stays where it is.
    row: bool,
    /// Device memory: not the kernel's to free, and not cached.
    device: bool,
}

warren_natives::natives!(Source, Devices, Mapper, Space);

/// Data spaces that are mapped in a region, by its first address.
static MAPPINGS: Guarded<BTreeMap<u64, Vec<Word>>> = Guarded::new(BTreeMap::new());

impl Drop for Space {
    fn drop(&mut self) {
        match (self.device, self.row) {
            (true, _) => (),
            (false, true) => frames::give_row(self.frames[0], self.frames.len() as u64),
            (false, false) => self.frames.iter().for_each(|&frame| frames::give(frame)),
        }
    }
}

impl Space {
    /// Fresh pages, anywhere.
    fn anonymous(pages: u64) -> Result<Self, MemoryError> {
        if pages > frames::free_count() {
            return Err(MemoryError::Exhausted);
        }
        let mut space = Space { frames: Vec::new(), row: false, device: false };
        for _ in 0..pages {
            space.frames.push(frames::take_for_server().map_err(|_| MemoryError::Exhausted)?);
        }
        Ok(space)
    }

    /// Frames in a row from `first` on.
    fn row(first: u64, pages: u64, device: bool) -> Self {
        let frames = (0..pages).map(|page| first + page * PAGE).collect();
        Space { frames, row: true, device }
    }

    fn bytes(&self) -> u64 {
        self.frames.len() as u64 * PAGE
    }
}

/// Pages of a length, if it is one.
fn pages(bytes: u64) -> Result<u64, MemoryError> {
    if bytes == 0 || !bytes.is_multiple_of(PAGE) {
        Err(MemoryError::Unaligned)
    } else {
        Ok(bytes / PAGE)
    }
}

fn answer_space<'f>(space: Space) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
    answer(kinds().spaces, space).map_err(MemoryError::System)
}

impl Memory for Source {
    fn anonymous<'f>(
        _: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        answer_space(Space::anonymous(pages(bytes)?)?)
    }

    fn contiguous<'f>(
        _: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        let pages = pages(bytes)?;
        let first = frames::take_row_for_server(pages);
        let first = first.map_err(|_| MemoryError::Exhausted)?;
        answer_space(Space::row(first, pages, false))
    }
}

impl PhysicalMemory for Devices {
    fn window<'f>(
        _: &mut Cx<'f, Self>,
        address: u64,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        let pages = pages(bytes)?;
        if !address.is_multiple_of(PAGE) {
            return Err(MemoryError::Unaligned);
        }
        let end = address.checked_add(bytes).ok_or(MemoryError::OutOfRange)?;
        if bytes > REGION_BYTES
            || end > 1 << frames::ADDRESS_BITS
            || !frames::is_device(address, end)
        {
            return Err(MemoryError::OutOfRange);
        }
        answer_space(Space::row(address, pages, true))
    }
}

impl DataSpace for Space {
    fn bytes(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        Ok(cx.state().bytes())
    }

    fn physical(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        let space = cx.state();
        if space.row { Ok(space.frames[0]) } else { Err(MemoryError::NotPhysical) }
    }
}

impl AddressSpace for Mapper {
    fn map<'f>(_: &mut Cx<'f, Self>, space: Ref<'f, dyn DataSpace>) -> Result<u64, MemoryError> {
        // A data space of some other server's making has no frames that could be mapped.
        let pages = kinds().spaces.state(space).ok_or(MemoryError::NotPhysical)?;
        let caller = warren_natives::caller::<Kernel>();
        interrupts::off(|| {
            let start = caller.mapping_end.get();
            if start + pages.bytes() > caller.base + REGION_BYTES {
                return Err(MemoryError::NoRoom);
            }
            let frames = pages.frames.iter().copied();
            let mapped = regions::map_frames(start, frames, pages.device);
            mapped.map_err(|_| MemoryError::Exhausted)?;
            count_up(space.word() as *mut Object);
            MAPPINGS.with(|mappings| mappings.entry(caller.base).or_default().push(space.word()));
            caller.mapping_end.set(start + pages.bytes());
            caller.memory_bytes.set(caller.memory_bytes.get() + pages.bytes());
            Ok(start)
        })
    }
}

/// Lets go of the data spaces that were mapped in a region that is gone. With interrupts off.
pub fn release_mappings(base: u64) {
    let spaces = MAPPINGS.with(|mappings| mappings.remove(&base)).unwrap_or_default();
    for space in spaces {
        count_down::<Kernel>(space as *mut Object);
    }
}
