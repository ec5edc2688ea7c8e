//! `Memory`, `DataSpace`, `AddressSpace`: files in memory, mapped into regions.

use std::fs::File;

use warren::{Cx, Ref};
use warren_engine::platform::{INSTANCE_BYTES, PAGE, Platform};
use warren_idl::{AddressSpace, DataSpace, Memory, MemoryError};
use warren_natives::LocalKind;

use crate::{Hosted, machine, region::file_in_memory};

/// The kind of all data spaces.
pub type Spaces = LocalKind<dyn DataSpace, Space>;

/// Pages that may be mapped more than once.
pub struct Space {
    file: File,
    bytes: u64,
    /// The principal that pays for them.
    payer: usize,
}

/// Where pages come from.
pub struct Source(&'static Spaces);

/// What makes pages visible.
pub struct Mapper(&'static Spaces);

warren_natives::natives!(Space, Source, Mapper);

impl Source {
    /// A source of data spaces of this kind.
    pub fn new(spaces: &'static Spaces) -> Self {
        Source(spaces)
    }
}

impl Mapper {
    /// Maps data spaces of this kind.
    pub fn new(spaces: &'static Spaces) -> Self {
        Mapper(spaces)
    }
}

impl Space {
    /// Zeroed pages.
    fn new(bytes: u64) -> Result<Self, MemoryError> {
        if bytes == 0 || !bytes.is_multiple_of(PAGE) {
            return Err(MemoryError::Unaligned);
        }
        if bytes > INSTANCE_BYTES {
            return Err(MemoryError::Exhausted);
        }
        let file = file_in_memory().ok_or(MemoryError::Exhausted)?;
        file.set_len(bytes).map_err(|_| MemoryError::Exhausted)?;
        let payer = Hosted::payer();
        let charged = machine::with(|machine| machine.regions.charge(payer, bytes));
        charged.map_err(|_| MemoryError::Exhausted)?;
        Ok(Space { file, bytes, payer })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        machine::with(|machine| machine.regions.release(self.payer, self.bytes));
    }
}

impl Memory for Source {
    fn anonymous<'f>(
        cx: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        let space = Space::new(bytes)?;
        let created =
            warren_natives::create_local::<Hosted, _, _>(machine::natives(), cx.state().0, space);
        created.map_err(MemoryError::System)
    }

    /// A process knows no physical addresses; the pages will do for whoever does not ask for one.
    fn contiguous<'f>(
        cx: &mut Cx<'f, Self>,
        bytes: u64,
    ) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        Self::anonymous(cx, bytes)
    }
}

impl DataSpace for Space {
    fn bytes(cx: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        Ok(cx.state().bytes)
    }

    fn physical(_: &mut Cx<'_, Self>) -> Result<u64, MemoryError> {
        Err(MemoryError::NotPhysical)
    }
}

impl AddressSpace for Mapper {
    fn map<'f>(cx: &mut Cx<'f, Self>, space: Ref<'f, dyn DataSpace>) -> Result<u64, MemoryError> {
        // A data space of some other server's making has no pages that could be mapped.
        let pages = cx.state().0.state(space).ok_or(MemoryError::NotPhysical)?;
        let caller = warren_natives::caller::<Hosted>();
        machine::with(|machine| {
            let start = caller.mapping_end.get();
            if start + pages.bytes > caller.base + INSTANCE_BYTES {
                return Err(MemoryError::NoRoom);
            }
            let mapped = machine.regions.map_file(start, pages.bytes, &pages.file, space.word());
            mapped.map_err(|_| MemoryError::Exhausted)?;
            warren_engine::reference::count_up(space.word() as *mut _);
            caller.mapping_end.set(start + pages.bytes);
            caller.memory_bytes.set(caller.memory_bytes.get() + pages.bytes);
            Ok(start)
        })
    }
}
