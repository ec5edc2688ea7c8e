//! Page tables, as the processor reads them (Intel SDM 3A, 4.5).
#![expect(unsafe_code, reason = "page tables are memory that the processor reads")]

use super::{Exhausted, direct, frames};

/// The entry leads somewhere.
pub const PRESENT: u64 = 1;
/// May be written.
pub const WRITABLE: u64 = 1 << 1;
/// May be used by code in domains.
pub const USER: u64 = 1 << 2;
/// Write-through and uncached: registers of devices.
pub const UNCACHED: u64 = 1 << 3 | 1 << 4;
/// A leaf above the lowest level.
pub const LARGE: u64 = 1 << 7;
/// Kept when page tables are switched.
pub const GLOBAL: u64 = 1 << 8;
/// For software: the frame belongs to this mapping and is freed with it.
pub const OWNED: u64 = 1 << 9;
/// May not be executed.
pub const NO_EXECUTE: u64 = 1 << 63;

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const ENTRIES: usize = 512;

/// The frame that an entry names.
pub const fn frame_of(entry: u64) -> u64 {
    entry & ADDRESS
}

/// A page table of any level, by its frame.
///
/// T1: the frame is a page table and nothing else while a `Table` for it exists. Entries
/// are only changed in kernel code, with interrupts off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(u64);

/// One entry of one table.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    table: Table,
    index: usize,
}

impl Table {
    /// An empty table in a fresh frame: not one of the last, because servers make tables by what they map.
    pub fn new() -> Result<Self, Exhausted> {
        frames::take_for_server().map(Table)
    }

    /// The table at a physical address.
    ///
    /// # Safety
    ///
    /// There is one (T1).
    pub unsafe fn at(address: u64) -> Self {
        Table(frame_of(address))
    }

    /// Its physical address.
    pub fn address(self) -> u64 {
        self.0
    }

    /// Entry `index`, below 512.
    pub fn slot(self, index: usize) -> Slot {
        assert!(index < ENTRIES);
        Slot { table: self, index }
    }

    /// The entry that maps `address` in the lowest level of a tree whose root, this table, has level
    /// `level` (4 is the PML4). `None` if a table is missing or a large page is in the way.
    pub fn leaf(self, level: u32, address: u64) -> Option<Slot> {
        let slot = self.slot(index(level, address));
        match level {
            1 => Some(slot),
            _ => slot.table_below()?.leaf(level - 1, address),
        }
    }

    /// Whether the tree shows something at `address`.
    pub fn shows(self, level: u32, address: u64) -> bool {
        let slot = self.slot(index(level, address));
        let entry = slot.get();
        let leaf = level == 1 || entry & LARGE != 0;
        entry & PRESENT != 0
            && (leaf || slot.table_below().is_some_and(|below| below.shows(level - 1, address)))
    }

    /// Like [`Table::leaf`], but missing tables are made. Their entries allow everything: the leaf decides.
    pub fn make_leaf(self, level: u32, address: u64) -> Result<Slot, Exhausted> {
        let slot = self.slot(index(level, address));
        match level {
            1 => Ok(slot),
            _ => slot.make_table_below()?.make_leaf(level - 1, address),
        }
    }

    /// The entry of a 2 MiB page; missing tables above it are made.
    pub fn make_large_leaf(self, level: u32, address: u64) -> Result<Slot, Exhausted> {
        let slot = self.slot(index(level, address));
        match level {
            2 => Ok(slot),
            _ => slot.make_table_below()?.make_large_leaf(level - 1, address),
        }
    }

    /// Frees the table, every table below it, and every frame that a mapping owns. This table has level `level`.
    pub fn free(self, level: u32) {
        for index in 0..ENTRIES {
            let slot = self.slot(index);
            let entry = slot.get();
            if level == 1 && entry & (PRESENT | OWNED) == PRESENT | OWNED {
                frames::give(frame_of(entry));
            } else if level > 1
                && let Some(below) = slot.table_below()
            {
                below.free(level - 1);
            }
        }
        frames::give(self.0);
    }
}

impl Slot {
    /// The entry.
    pub fn get(self) -> u64 {
        // SAFETY: the frame is a table (T1), the direct map shows it, and the index was checked.
        unsafe { self.pointer().read_volatile() }
    }

    /// Changes the entry.
    pub fn set(self, entry: u64) {
        // SAFETY: as for `get`; who may map what is decided by the callers in this folder.
        unsafe { self.pointer().write_volatile(entry) };
    }

    /// The table that the entry leads to, if it leads to one.
    pub fn table_below(self) -> Option<Table> {
        let entry = self.get();
        (entry & (PRESENT | LARGE) == PRESENT).then_some(Table(frame_of(entry)))
    }

    fn make_table_below(self) -> Result<Table, Exhausted> {
        if let Some(table) = self.table_below() {
            return Ok(table);
        }
        let table = Table::new()?;
        self.set(table.address() | PRESENT | WRITABLE | USER);
        Ok(table)
    }

    fn pointer(self) -> *mut u64 {
        (direct(self.table.0) as *mut u64).wrapping_add(self.index)
    }
}

/// Index into a table of level `level` for an address.
pub const fn index(level: u32, address: u64) -> usize {
    (address >> (12 + 9 * (level - 1)) & 511) as usize
}
