//! Regions of instances, and the domains that show them.
//!
//! A region is one page directory; a domain is a PML4 and one table of pointers to such directories, so
//! showing a region is one entry. A region placed in the kernel stands in every domain, with pages that only
//! the kernel may use. A domain has a region of its own for the stacks of its visitors
//! ([`super::user_stacks`]), and every region is visible to the kernel a second time at
//! [`super::REGION_VIEW`], in every domain.
#![expect(unsafe_code, reason = "reads and writes pages of servers")]

use alloc::string::String;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use warren_engine::{
    platform::{INSTANCE_BYTES, Placement, Protection, REGION_BASE, REGION_BYTES},
    space,
};
use warren_kernel::numbers::Numbers;

use super::{
    Exhausted, PAGE, REGION_VIEW, direct, frames,
    kernel_map::{root, show_region},
    tables::{NO_EXECUTE, OWNED, PRESENT, Slot, Table, UNCACHED, USER, WRITABLE, frame_of, index},
};
use crate::{
    calls,
    cpu::{interrupts, page_tables, registers, requests},
    guarded::Guarded,
    threads,
};

/// Regions that exist at the same time: one table of pointers.
pub const REGIONS: usize = 512;
/// Domains that exist at the same time.
pub const DOMAINS: usize = 64;

/// A domain's number, below [`DOMAINS`].
pub type Domain = usize;

struct Region {
    directory: Table,
    /// `None` if it is placed in the kernel.
    domain: Option<Domain>,
    /// On whose account it is; `None` for stacks, which are those of the threads.
    payer: Option<usize>,
}

struct DomainRecord {
    /// Name of a shared domain.
    name: Option<String>,
    /// Its PML4.
    root: Table,
    /// Its pointers to page directories.
    pointers: Table,
    /// Regions of instances that it shows.
    regions: usize,
    /// The region for stacks.
    stacks: usize,
}

struct Space {
    numbers: Numbers<{ REGIONS / 64 }>,
    regions: [Option<Region>; REGIONS],
    domains: [Option<DomainRecord>; DOMAINS],
    /// The kernel's own pointers.
    pointers: Option<Table>,
    /// The frame with the code through which domains are entered.
    trampoline: u64,
}

static SPACE: Guarded<Space> = Guarded::new(Space {
    numbers: Numbers::new(),
    regions: [const { None }; REGIONS],
    domains: [const { None }; DOMAINS],
    pointers: None,
    trampoline: 0,
});

/// From the start of a domain's stacks to the page of its trampoline.
pub const TRAMPOLINE_OFFSET: u64 = INSTANCE_BYTES - 2 * PAGE;

/// Which regions belong to domains, for whoever has to know it fast.
static OF_DOMAINS: [AtomicBool; REGIONS] = [const { AtomicBool::new(false) }; REGIONS];

/// Whether an address lies in a region that belongs to a domain.
#[inline]
pub fn is_of_a_domain(address: u64) -> bool {
    let number = address.wrapping_sub(REGION_BASE) / REGION_BYTES;
    OF_DOMAINS.get(number as usize).is_some_and(|it| it.load(Relaxed))
}

// Two addresses whose bits above those of an offset are alike lie in the same region.
const _: () = assert!(REGION_BYTES.is_power_of_two() && REGION_BASE.is_multiple_of(REGION_BYTES));

/// Number of the region in which an address lies.
pub fn number_of(address: u64) -> Option<usize> {
    let number = address.checked_sub(REGION_BASE)? / REGION_BYTES;
    usize::try_from(number).ok().filter(|&number| number < REGIONS)
}

/// Where a region's instance, or its stacks, start.
const fn base_of(number: usize) -> u64 {
    space::base_of(number as u64)
}

/// So many bytes further than domains see their addresses the kernel does.
pub const BEYOND: u64 = REGION_VIEW.wrapping_sub(REGION_BASE);

/// Where an address of a region is visible to the kernel, whatever domain is entered.
pub const fn view(address: u64) -> u64 {
    address.wrapping_add(BEYOND)
}

/// Makes the kernel's own pointers, and takes the code of the trampoline.
pub fn install(trampoline: &[u8]) -> Result<(), Exhausted> {
    let pointers = Table::new()?;
    root().slot(index(4, REGION_BASE)).set(pointers.address() | PRESENT | WRITABLE | USER);
    let frame = frames::take_zeroed()?;
    write_frame(frame, 0, trampoline);
    SPACE.with(|space| {
        space.pointers = Some(pointers);
        space.trampoline = frame;
    });
    Ok(())
}

impl Space {
    fn region(&self, address: u64) -> Option<&Region> {
        self.regions[number_of(address)?].as_ref()
    }

    /// A fresh region, shown to the kernel's view only.
    fn add_region(
        &mut self,
        domain: Option<Domain>,
        payer: Option<usize>,
    ) -> Result<usize, Exhausted> {
        let directory = Table::new()?;
        let Some(number) = self.numbers.take() else {
            directory.free(2);
            return Err(Exhausted);
        };
        show_region(number, Some(directory));
        self.regions[number] = Some(Region { directory, domain, payer });
        OF_DOMAINS[number].store(domain.is_some(), Relaxed);
        Ok(number)
    }

    /// Shows a region where it belongs, or hides it there.
    fn show(&self, number: usize, domain: Option<Domain>, entry: u64) {
        let domains = self.domains.iter().enumerate();
        let wanted = domains.filter(|(index, _)| domain.is_none_or(|domain| domain == *index));
        let own = self.pointers.filter(|_| domain.is_none());
        let tables = wanted.filter_map(|(_, record)| record.as_ref().map(|record| record.pointers));
        tables.chain(own).for_each(|pointers| pointers.slot(number).set(entry));
    }

    fn domain_for(&mut self, placement: &Placement) -> Result<Option<Domain>, Exhausted> {
        let name = match placement {
            Placement::Kernel => return Ok(None),
            Placement::Own => None,
            Placement::Shared(name) => Some(name.clone()),
        };
        let same = |record: &DomainRecord| name.is_some() && record.name == name;
        let known = self.domains.iter().position(|record| record.as_ref().is_some_and(same));
        known.map_or_else(|| self.add_domain(name), Ok).map(Some)
    }

    fn add_domain(&mut self, name: Option<String>) -> Result<Domain, Exhausted> {
        let number = self.domains.iter().position(Option::is_none).ok_or(Exhausted)?;
        let pointers = Table::new()?;
        let table = Table::new().inspect_err(|_| frames::give(pointers.address()))?;
        let Ok(stacks) = self.add_region(Some(number), None) else {
            frames::give(pointers.address());
            frames::give(table.address());
            return Err(Exhausted);
        };
        for entry in 256..512 {
            table.slot(entry).set(root().slot(entry).get());
        }
        let own = table.slot(index(4, REGION_BASE));
        own.set(pointers.address() | PRESENT | WRITABLE | USER);
        if let Some(kernel) = self.pointers {
            for (number, region) in self.regions.iter().enumerate() {
                if region.as_ref().is_some_and(|region| region.domain.is_none()) {
                    pointers.slot(number).set(kernel.slot(number).get());
                }
            }
        }
        self.domains[number] =
            Some(DomainRecord { name, root: table, pointers, regions: 0, stacks });
        self.show_directory(stacks);
        match self.leaf(base_of(stacks) + TRAMPOLINE_OFFSET, true) {
            Ok(trampoline) => {
                trampoline.set(self.trampoline | PRESENT | USER);
                Ok(number)
            }
            Err(error) => {
                self.remove_domain(number);
                Err(error)
            }
        }
    }

    fn show_directory(&self, number: usize) {
        if let Some(region) = &self.regions[number] {
            let entry = region.directory.address() | PRESENT | WRITABLE | USER;
            self.show(number, region.domain, entry);
        }
    }

    /// The lowest-level entry of an address in a region.
    fn leaf(&self, address: u64, make: bool) -> Result<Slot, Exhausted> {
        let region = self.region(address).ok_or(Exhausted)?;
        match make {
            true => region.directory.make_leaf(2, address),
            false => region.directory.leaf(2, address).ok_or(Exhausted),
        }
    }

    fn protection(&self, address: u64, protection: Protection) -> u64 {
        let domain = self.region(address).and_then(|region| region.domain);
        let who = if domain.is_some() { USER } else { 0 };
        let how = match protection {
            Protection::ReadExecute => 0,
            Protection::Read => NO_EXECUTE,
            Protection::ReadWrite => NO_EXECUTE | WRITABLE,
        };
        PRESENT | who | how
    }

    fn remove(&mut self, number: usize) {
        let Some(region) = self.regions[number].take() else { return };
        OF_DOMAINS[number].store(false, Relaxed);
        self.show(number, region.domain, 0);
        show_region(number, None);
        leave_translations();
        region.directory.free(2);
        self.numbers.give(number);
        let Some(domain) = region.domain else { return };
        let Some(record) = &mut self.domains[domain] else { return };
        if record.stacks == number {
            return;
        }
        record.regions -= 1;
        if record.regions == 0 {
            self.remove_domain(domain);
        }
    }

    fn remove_domain(&mut self, domain: Domain) {
        let Some(stacks) = self.domains[domain].as_ref().map(|record| record.stacks) else {
            return;
        };
        self.remove(stacks);
        if let Some(record) = self.domains[domain].take() {
            threads::forget_page_tables(record.root.address());
            calls::forget_page_tables(record.root.address());
            page_tables::leave(record.root.address());
            requests::flush_others();
            frames::give(record.root.address());
            frames::give(record.pointers.address());
        }
        threads::forget_domain(domain);
    }
}

/// Makes all processors forget what they know of pages that are not global.
fn leave_translations() {
    let current = registers::page_tables();
    // SAFETY: these are the tables in use.
    unsafe { registers::set_page_tables(current) };
    requests::flush_others();
}

/// Sets a region aside on a principal's account, with a domain if it needs one. Returns its first address.
pub fn create(placement: &Placement, principal: usize) -> Result<u64, Exhausted> {
    interrupts::off(|| frames::on_account(principal, || create_on_account(placement, principal)))
}

fn create_on_account(placement: &Placement, principal: usize) -> Result<u64, Exhausted> {
    SPACE.with(|space| {
        let domain = space.domain_for(placement)?;
        let number = match space.add_region(domain, Some(principal)) {
            Ok(number) => number,
            Err(error) => {
                let unused = |domain: &Domain| {
                    space.domains[*domain].as_ref().is_some_and(|record| record.regions == 0)
                };
                if let Some(domain) = domain.filter(unused) {
                    space.remove_domain(domain);
                }
                return Err(error);
            }
        };
        if let Some(record) = domain.and_then(|domain| space.domains[domain].as_mut()) {
            record.regions += 1;
        }
        space.show_directory(number);
        Ok(base_of(number))
    })
}

/// Frees a region, and its domain with the last one.
pub fn remove(base: u64) {
    if let Some(number) = number_of(base) {
        SPACE.with(|space| space.remove(number));
    }
}

/// Maps fresh pages that hold `contents` and then zeroes: on the account of whom the region was made for, and those of stacks on
/// that of the thread that runs.
pub fn map(
    address: u64,
    bytes: u64,
    contents: &[u8],
    protection: Protection,
) -> Result<(), Exhausted> {
    let payer = SPACE.with(|space| space.region(address).and_then(|region| region.payer));
    let map = || map_pages(address, bytes, contents, protection);
    match payer {
        Some(payer) => interrupts::off(|| frames::on_account(payer, map)),
        None => map(),
    }
}

fn map_pages(
    address: u64,
    bytes: u64,
    contents: &[u8],
    protection: Protection,
) -> Result<(), Exhausted> {
    let mut parts = contents.chunks(PAGE as usize);
    for page in (address..address + bytes).step_by(PAGE as usize) {
        let mapped = frames::take_for_server().and_then(|frame| {
            write_frame(frame, 0, parts.next().unwrap_or(&[]));
            let slot = SPACE.with(|space| space.leaf(page, true));
            let slot = slot.inspect_err(|_| frames::give(frame))?;
            let entry = SPACE.with(|space| space.protection(page, protection));
            slot.set(frame | entry | OWNED);
            Ok(())
        });
        if mapped.is_err() {
            unmap(address, page - address);
            return mapped;
        }
    }
    Ok(())
}

/// Unmaps pages, and frees those that belong to the mapping. Allocates nothing: it is what is done when memory
/// has run out.
pub fn unmap(address: u64, bytes: u64) {
    let slots = || {
        let pages = (address..address + bytes).step_by(PAGE as usize);
        pages.filter_map(|page| SPACE.with(|space| space.leaf(page, false)).ok())
    };
    slots().for_each(|slot| slot.set(slot.get() & !PRESENT));
    // No frame is given away while the processor may still know it.
    leave_translations();
    for slot in slots() {
        let entry = slot.get();
        if entry & OWNED != 0 {
            frames::give(frame_of(entry));
        }
        slot.set(0);
    }
}

/// Maps `count` frames that belong to a data space, readable and writable; `frame` names them.
pub fn map_frames(
    address: u64,
    count: u64,
    frame: &dyn Fn(u64) -> u64,
    uncached: bool,
) -> Result<(), Exhausted> {
    let kind = if uncached { UNCACHED } else { 0 };
    for index in 0..count {
        let page = address + index * PAGE;
        let slot = SPACE.with(|space| space.leaf(page, true));
        // Half a mapping would outlive the data space, which nobody holds for it.
        let slot = slot.inspect_err(|_| unmap(address, page - address))?;
        let entry = SPACE.with(|space| space.protection(page, Protection::ReadWrite));
        slot.set(frame(index) | entry | kind);
    }
    Ok(())
}

/// Overwrites bytes of mapped pages, whatever their protection.
pub fn write(address: u64, mut contents: &[u8]) {
    let mut address = address;
    while !contents.is_empty() {
        let room = (PAGE - address % PAGE) as usize;
        let (part, rest) = contents.split_at(room.min(contents.len()));
        if let Some(frame) = frame_at(address) {
            write_frame(frame, address % PAGE, part);
        }
        address += part.len() as u64;
        contents = rest;
    }
}

/// Reads bytes of mapped pages; `false` if they are not all mapped.
pub fn read(address: u64, contents: &mut [u8]) -> bool {
    let mut address = address;
    let mut rest = contents;
    while !rest.is_empty() {
        let room = ((PAGE - address % PAGE) as usize).min(rest.len());
        let (part, behind) = rest.split_at_mut(room);
        let Some(frame) = frame_at(address) else { return false };
        let source = (direct(frame) + address % PAGE) as *const u8;
        // SAFETY: the frame is mapped for a server; what it holds is bytes, and the part ends in the page.
        unsafe { source.copy_to_nonoverlapping(part.as_mut_ptr(), part.len()) };
        let Some(next) = address.checked_add(room as u64) else { return false };
        address = next;
        rest = behind;
    }
    true
}

/// The frame of RAM behind an address of a region.
fn frame_at(address: u64) -> Option<u64> {
    let entry = SPACE.with(|space| space.leaf(address, false)).ok()?.get();
    (entry & PRESENT != 0 && entry & UNCACHED == 0).then(|| frame_of(entry))
}

fn write_frame(frame: u64, offset: u64, contents: &[u8]) {
    assert!(offset + contents.len() as u64 <= PAGE);
    let target = (direct(frame) + offset) as *mut u8;
    // SAFETY: the frame is a server's or new, the direct map shows it, and the bytes end in it.
    unsafe { target.copy_from_nonoverlapping(contents.as_ptr(), contents.len()) };
}

/// The domain to which a region belongs; `None` if it is placed in the kernel, or no region.
pub fn domain_of(address: u64) -> Option<Domain> {
    SPACE.with(|space| space.region(address)?.domain)
}

/// What entering a domain needs.
#[derive(Clone, Copy, Debug)]
pub struct Entrance {
    /// Its number.
    pub domain: Domain,
    /// Physical address of its PML4.
    pub root: u64,
    /// Where its stacks start.
    pub stacks: u64,
}

/// The entrance of the domain that shows the region of `address`.
pub fn entrance(address: u64) -> Option<Entrance> {
    SPACE.with(|space| {
        let domain = space.region(address)?.domain?;
        let record = space.domains[domain].as_ref()?;
        Some(Entrance { domain, root: record.root.address(), stacks: base_of(record.stacks) })
    })
}
