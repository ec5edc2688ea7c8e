//! The kernel's half of every address space: the image with exact protection, RAM, and a window
//! for what is mapped as the kernel runs.
#![expect(unsafe_code, reason = "switches page tables")]

use core::sync::atomic::{AtomicU64, Ordering};

use warren_kernel::information::{Information, Range};

use super::{
    DIRECT_MAP, Exhausted, KERNEL_BASE, MEMORY_LIMIT, PAGE, REGION_VIEW, WINDOW, frames,
    tables::{
        GLOBAL, LARGE, NO_EXECUTE, OWNED, PRESENT, Slot, Table, UNCACHED, WRITABLE, frame_of, index,
    },
};
use crate::cpu::{registers, requests};

const LARGE_PAGE: u64 = 2 << 20;

const READ_WRITE: u64 = PRESENT | WRITABLE | GLOBAL | NO_EXECUTE;
const READ: u64 = PRESENT | GLOBAL | NO_EXECUTE;
const READ_EXECUTE: u64 = PRESENT | GLOBAL;

/// Pages that other CPUs are made to forget at a time: as many as a thread's stack has.
const PAGES_AT_ONCE: usize = 32;

/// Part of the window where devices' registers are mapped, upwards.
const DEVICE_WINDOW: u64 = WINDOW + (256 << 30);

unsafe extern "C" {
    static IMAGE_START: u8;
    static IMAGE_END: u8;
    static TEXT_START: u8;
    static TEXT_END: u8;
    static RODATA_START: u8;
    static RODATA_END: u8;
    static boot_stack_guard: u8;
}

/// Physical address of the kernel's tables.
static ROOT: AtomicU64 = AtomicU64::new(0);
static NEXT_DEVICE: AtomicU64 = AtomicU64::new(DEVICE_WINDOW);

/// The physical addresses of the image.
pub fn image() -> Range {
    Range { start: &raw const IMAGE_START as u64, end: physical(&raw const IMAGE_END) }
}

/// The addresses of kernel code.
pub fn text() -> core::ops::Range<u64> {
    &raw const TEXT_START as u64..&raw const TEXT_END as u64
}

fn physical(symbol: *const u8) -> u64 {
    symbol as u64 - KERNEL_BASE
}

/// The kernel's own tables: they show no region but those of servers in the kernel.
pub fn root() -> Table {
    // SAFETY: they are made at boot, before anybody asks.
    unsafe { Table::at(ROOT.load(Ordering::Relaxed)) }
}

/// Builds the final tables and switches to them.
pub fn install(information: &Information) -> Result<(), Exhausted> {
    let root = Table::new()?;
    for entry in information.memory.entries().iter().filter(|entry| entry.usable) {
        map_memory(root, entry.range)?;
    }
    map_image(root)?;
    for base in [WINDOW, REGION_VIEW] {
        let below = Table::new()?;
        root.slot(index(4, base)).set(below.address() | PRESENT | WRITABLE);
    }
    ROOT.store(root.address(), Ordering::Relaxed);
    // SAFETY: the new tables map the image and all RAM where the boot tables did.
    unsafe { registers::set_page_tables(root.address()) };
    Ok(())
}

/// Maps RAM at the direct map: pages that hold the kernel's text or constants without writing.
fn map_memory(root: Table, range: Range) -> Result<(), Exhausted> {
    let end = range.end.min(MEMORY_LIMIT).next_multiple_of(PAGE);
    let mut address = range.start / PAGE * PAGE;
    while address < end {
        let virtual_address = DIRECT_MAP + address;
        let large = Range { start: address, end: address + LARGE_PAGE };
        if address.is_multiple_of(LARGE_PAGE) && large.end <= end && !large.overlaps(image()) {
            root.make_large_leaf(4, virtual_address)?.set(address | READ_WRITE | LARGE);
            address += LARGE_PAGE;
        } else {
            root.make_leaf(4, virtual_address)?.set(address | memory_protection(address));
            address += PAGE;
        }
    }
    Ok(())
}

fn memory_protection(address: u64) -> u64 {
    let constant = physical(&raw const TEXT_START)..physical(&raw const RODATA_END);
    if constant.contains(&address) { READ } else { READ_WRITE }
}

fn map_image(root: Table) -> Result<(), Exhausted> {
    let parts = [
        (&raw const TEXT_START, &raw const TEXT_END, READ_EXECUTE),
        (&raw const RODATA_START, &raw const RODATA_END, READ),
        (&raw const RODATA_END, &raw const IMAGE_END, READ_WRITE),
    ];
    for (start, end, protection) in parts {
        for address in (start as u64..end as u64).step_by(PAGE as usize) {
            let guard = address == &raw const boot_stack_guard as u64;
            let entry = if guard { 0 } else { physical(address as *const u8) | protection };
            root.make_leaf(4, address)?.set(entry);
        }
    }
    Ok(())
}

/// Shows `table`, the page directory of region `number`, to the kernel; `None` hides it again.
pub fn show_region(number: usize, directory: Option<Table>) {
    let entry = directory.map_or(0, |table| table.address() | PRESENT | WRITABLE | NO_EXECUTE);
    let window = root().slot(index(4, REGION_VIEW)).table_below();
    window.expect("the view has a table since boot").slot(number).set(entry);
}

/// Maps fresh zeroed pages into the window, for a thread: not the last ones, because servers make threads.
pub fn map_kernel_pages(address: u64, pages: u64) -> Result<(), Exhausted> {
    for page in 0..pages {
        let mapped = window_slot(address + page * PAGE).and_then(|slot| {
            slot.set(frames::take_for_server()? | READ_WRITE | OWNED);
            Ok(())
        });
        if mapped.is_err() {
            unmap_kernel_pages(address, page);
            return mapped;
        }
    }
    Ok(())
}

/// Unmaps pages that [`map_kernel_pages`] mapped, and frees them.
pub fn unmap_kernel_pages(address: u64, pages: u64) {
    let mut unmapped = [0; PAGES_AT_ONCE];
    let mut page = 0;
    while page < pages {
        let mut count = 0;
        while page < pages && count < PAGES_AT_ONCE {
            let address = address + page * PAGE;
            if let Some(slot) = root().leaf(4, address) {
                unmapped[count] = frame_of(slot.get());
                count += 1;
                slot.set(0);
                registers::forget_page(address);
            }
            page += 1;
        }
        // No frame is given away while another CPU may still know it.
        requests::flush_others();
        unmapped[..count].iter().copied().for_each(frames::give);
    }
}

/// Maps the registers of a device for the kernel's own use, and returns where.
pub fn map_device(address: u64, bytes: u64) -> Result<u64, Exhausted> {
    let first = address / PAGE * PAGE;
    let pages = (address + bytes - first).div_ceil(PAGE);
    let base = NEXT_DEVICE.fetch_add(pages * PAGE, Ordering::Relaxed);
    for page in 0..pages {
        let entry = (first + page * PAGE) | READ_WRITE | UNCACHED;
        window_slot(base + page * PAGE)?.set(entry);
    }
    Ok(base + address - first)
}

fn window_slot(address: u64) -> Result<Slot, Exhausted> {
    root().make_leaf(4, address)
}

/// Whether an address is mapped in the tables in use. Uses nothing that is guarded.
pub fn is_mapped(address: u64) -> bool {
    // SAFETY: the processor uses them, so they are tables.
    let tables = unsafe { Table::at(registers::page_tables()) };
    tables.shows(4, address)
}
