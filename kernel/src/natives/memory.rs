//! `Memory`, `PhysicalMemory`, `DataSpace`, `AddressSpace`.
//!
//! A mapping holds a count of its data space until the region is gone. The count is the kernel's own: if it
//! were the server's, the server could release it and keep the mapping.

use alloc::vec::Vec;

use warren::{Cx, Ref};
use warren_engine::{
    layout::Object,
    platform::INSTANCE_BYTES,
    reference::{count_down, count_up},
};
use warren_idl::{AddressSpace, DataSpace, Memory, MemoryError, PhysicalMemory};

use super::{Word, answer, kinds};
use crate::{
    cpu::interrupts,
    guarded::Guarded,
    memory::{Exhausted, PAGE, frames, heap::reserve_for_server, regions},
    system::Kernel,
};

/// Where pages come from.
pub struct Source;

/// Everything in physical memory that is not RAM.
pub struct Devices;

/// What makes pages visible.
pub struct Mapper;

/// Pages.
pub enum Space {
    /// Frames from anywhere.
    Anonymous(Vec<u64>),
    /// Frames in a row that stay where they are.
    Row { first: u64, pages: u64 },
    /// The same without RAM: not the kernel's to free, and not cached.
    Device { first: u64, pages: u64 },
}

warren_natives::natives!(Source, Devices, Mapper, Space);

/// The data spaces that are mapped in one region, one entry for each mapping.
struct Mapped {
    /// First address of the region.
    base: u64,
    spaces: Vec<Word>,
}

/// What is mapped, by region.
static MAPPINGS: Guarded<Vec<Mapped>> = Guarded::new(Vec::new());

impl Drop for Space {
    fn drop(&mut self) {
        match self {
            Space::Anonymous(all) => all.iter().for_each(|&frame| frames::give(frame)),
            Space::Row { first, pages } => frames::give_row(*first, *pages),
            Space::Device { .. } => (),
        }
    }
}

impl Space {
    /// Fresh pages, anywhere.
    fn anonymous(pages: u64) -> Result<Self, MemoryError> {
        if pages > frames::free_count() {
            return Err(MemoryError::Exhausted);
        }
        let mut all = Vec::new();
        reserve_for_server(&mut all, pages as usize).map_err(exhausted)?;
        let mut space = Space::Anonymous(all);
        for _ in 0..pages {
            let frame = frames::take_for_server().map_err(exhausted)?;
            if let Space::Anonymous(all) = &mut space {
                all.push(frame);
            }
        }
        Ok(space)
    }

    /// How many there are.
    fn pages(&self) -> u64 {
        match self {
            Space::Anonymous(all) => all.len() as u64,
            Space::Row { pages, .. } | Space::Device { pages, .. } => *pages,
        }
    }

    /// The physical address of a page.
    fn page(&self, index: u64) -> u64 {
        match self {
            Space::Anonymous(all) => all[index as usize],
            Space::Row { first, .. } | Space::Device { first, .. } => first + index * PAGE,
        }
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.pages() * PAGE
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

fn exhausted(_: Exhausted) -> MemoryError {
    MemoryError::Exhausted
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
        let first = frames::take_row_for_server(pages).map_err(exhausted)?;
        answer_space(Space::Row { first, pages })
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
        if bytes > INSTANCE_BYTES
            || end > 1 << frames::ADDRESS_BITS
            || !frames::is_device(address, end)
        {
            return Err(MemoryError::OutOfRange);
        }
        answer_space(Space::Device { first: address, pages })
    }
}

impl DataSpace for Space {
    fn bytes(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        Ok(cx.state().bytes())
    }

    fn physical(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        match cx.state() {
            Space::Anonymous(_) => Err(MemoryError::NotPhysical),
            Space::Row { first, .. } | Space::Device { first, .. } => Ok(*first),
        }
    }
}

impl AddressSpace for Mapper {
    fn map<'f>(_: &mut Cx<'f, Self>, space: Ref<'f, dyn DataSpace>) -> Result<u64, MemoryError> {
        // A data space of some other server's making has no frames that could be mapped.
        let pages = kinds().spaces.state(space).ok_or(MemoryError::NotPhysical)?;
        let caller = warren_natives::caller::<Kernel>();
        interrupts::off(|| {
            let start = caller.mapping_end.get();
            if start + pages.bytes() > caller.base + INSTANCE_BYTES {
                return Err(MemoryError::NoRoom);
            }
            let device = matches!(pages, Space::Device { .. });
            MAPPINGS.with(|mappings| {
                let spaces = mapped_in(mappings, caller.base);
                reserve_for_server(spaces, 1).map_err(exhausted)?;
                regions::map_frames(start, pages.pages(), &|index| pages.page(index), device)
                    .map_err(exhausted)?;
                spaces.push(space.word());
                Ok::<_, MemoryError>(())
            })?;
            count_up(space.word() as *mut Object);
            caller.mapping_end.set(start + pages.bytes());
            caller.memory_bytes.set(caller.memory_bytes.get() + pages.bytes());
            Ok(start)
        })
    }
}

/// The data spaces that are mapped in a region.
fn mapped_in(mappings: &mut Vec<Mapped>, base: u64) -> &mut Vec<Word> {
    let known = mappings.iter().position(|mapped| mapped.base == base);
    let index = known.unwrap_or_else(|| {
        mappings.push(Mapped { base, spaces: Vec::new() });
        mappings.len() - 1
    });
    &mut mappings[index].spaces
}

/// Lets go of the data spaces that were mapped in a region that is gone. With interrupts off.
pub fn release_mappings(base: u64) {
    let gone = MAPPINGS.with(|mappings| {
        let index = mappings.iter().position(|mapped| mapped.base == base)?;
        Some(mappings.swap_remove(index).spaces)
    });
    for space in gone.unwrap_or_default() {
        count_down::<Kernel>(space as *mut Object);
    }
}
