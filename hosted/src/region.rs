//! Regions: a gibibyte of addresses for each instance, reserved at once and committed by the page.
//!
//! The memory of a domain is part of one file in memory, so that the domain's process can show it, too; whatever is mapped
//! here is mapped there. Its offset in the file is that from the first region.
#![expect(unsafe_code, reason = "mappings are made, written and unmade by address")]

use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    os::fd::{AsRawFd, FromRawFd},
};

use warren_engine::{
    ledger::Ledger,
    plan::Plan,
    platform::Exhausted,
    space::{PAGE, Protection, REGION_BASE, REGION_BYTES, base_of},
};

/// Bytes of a page.
pub const fn page_bytes() -> usize {
    PAGE as usize
}

use crate::domain::process::Process;

/// End of the last region that there may be.
const END_OF_REGIONS: u64 = REGION_BASE + 4096 * REGION_BYTES;

/// Whom a region belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    /// Code that runs in this process.
    Engine,
    /// The domain with this number.
    Domain(usize),
}

/// A region that is given out, or was.
#[derive(Clone, Copy, Debug)]
struct Region {
    owner: Owner,
    /// Who pays for what is mapped there; if nobody is named, whoever maps it.
    payer: Option<usize>,
}

/// A range that is mapped.
#[derive(Clone, Copy, Debug)]
struct Mapped {
    bytes: u64,
    protection: Protection,
    /// Who pays for it; nobody for what is part of a data space, which is paid for by itself.
    payer: Option<usize>,
}

/// Which addresses are given out, and what is mapped there.
///
/// R1: every range of `mapped` is committed memory of a region in `taken`, and nothing else is.
#[derive(Default)]
pub struct Regions {
    /// What each region is.
    regions: Vec<Region>,
    /// Mapped ranges by their first addresses.
    mapped: BTreeMap<u64, Mapped>,
    /// Bytes that principals hold, those of data spaces and threads included.
    ledger: Ledger,
    /// Mapped data spaces: address, and the word of the object.
    spaces: BTreeMap<u64, u64>,
    /// The processes of domains.
    processes: BTreeMap<usize, Process>,
    /// Memory of all domains, once there is one.
    memory: Option<File>,
}

impl Regions {
    /// An empty table.
    pub const fn new() -> Self {
        Regions {
            regions: Vec::new(),
            mapped: BTreeMap::new(),
            ledger: Ledger::new(),
            spaces: BTreeMap::new(),
            processes: BTreeMap::new(),
            memory: None,
        }
    }

    /// Opens the accounts of a plan's principals, before anything is mapped.
    pub fn open_accounts(&mut self, plan: &Plan) {
        for (number, principal) in plan.principals.iter().enumerate() {
            let parent = principal.parent.unwrap_or(number);
            self.ledger.open(number, parent, principal.limits.memory_bytes);
        }
    }

    /// Charges a principal for memory, if it may have so much more.
    pub fn charge(&mut self, principal: usize, bytes: u64) -> Result<(), Exhausted> {
        if self.ledger.charge(principal, bytes) { Ok(()) } else { Err(Exhausted) }
    }

    /// Gives memory back that a principal was charged for.
    pub fn release(&mut self, principal: usize, bytes: u64) {
        self.ledger.release(principal, bytes);
    }

    /// Bytes that a principal holds.
    pub fn held_by(&self, principal: usize) -> u64 {
        self.ledger.held(principal)
    }

    /// Reserves a region, for a domain or for code that runs here; returns where its instance, or its stacks, start. What is mapped there is charged to `payer`, or
    /// to whoever maps it.
    pub fn create(
        &mut self,
        domain: Option<usize>,
        payer: Option<usize>,
    ) -> Result<u64, Exhausted> {
        let free = self.regions.iter().position(|region| region.owner == Owner::Nobody);
        let number = free.unwrap_or(self.regions.len());
        let start = REGION_BASE + number as u64 * REGION_BYTES;
        if start >= END_OF_REGIONS || !reserve(start, REGION_BYTES, libc::MAP_FIXED_NOREPLACE) {
            return Err(Exhausted);
        }
        let region = Region { owner: domain.map_or(Owner::Engine, Owner::Domain), payer };
        match self.regions.get_mut(number) {
            Some(slot) => *slot = region,
            None => self.regions.push(region),
        }
        Ok(base_of(number as u64))
    }

    /// Lets a process show what is mapped from now on in the regions of a domain.
    pub fn show(&mut self, domain: usize, process: Process) {
        self.processes.insert(domain, process);
    }

    /// Forgets the process of a domain that is gone.
    pub fn hide(&mut self, domain: usize) {
        self.processes.remove(&domain);
    }

    /// Commits pages, on the account of whom the region names, or else of `visitor`.
    pub fn map(
        &mut self,
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
        visitor: usize,
    ) -> Result<(), Exhausted> {
        if bytes == 0 {
            return Ok(());
        }
        let payer = self.region(address).and_then(|region| region.payer).unwrap_or(visitor);
        self.charge(payer, bytes)?;
        self.commit(address, bytes, contents, protection)
            .inspect_err(|_| self.ledger.release(payer, bytes))?;
        self.mapped.insert(address, Mapped { bytes, protection, payer: Some(payer) });
        Ok(())
    }

    fn commit(
        &mut self,
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
    ) -> Result<(), Exhausted> {
        match self.domain_of(address) {
            None if !protect(address, bytes, Protection::ReadWrite) => return Err(Exhausted),
            None => (),
            Some(_) => map_shared(address, bytes, self.memory()?, address - REGION_BASE)?,
        }
        // SAFETY: the pages are fresh and writable now, and `contents` is no longer than they are (R1).
        unsafe {
            core::ptr::copy_nonoverlapping(contents.as_ptr(), address as *mut u8, contents.len())
        };
        if !protect(address, bytes, protection) {
            return Err(Exhausted);
        }
        if let Some(process) = self.process_of(address) {
            let file = (self.memory()?, address - REGION_BASE);
            process.map(address, bytes, protection, file)?;
        }
        Ok(())
    }

    /// Takes pages of a domain back, contents and all. They begin and end where something was mapped.
    pub fn unmap(&mut self, address: u64, bytes: u64) {
        if let Some(process) = self.process_of(address) {
            process.unmap(address, bytes);
        }
        reserve(address, bytes, libc::MAP_FIXED);
        self.forget_contents(address, bytes);
        self.forget_mapped(address..address + bytes);
    }

    /// Forgets ranges that are mapped no more, and releases whoever paid for them.
    fn forget_mapped(&mut self, addresses: Range<u64>) {
        for (_, Mapped { bytes, payer, .. }) in self.mapped.extract_if(addresses, |_, _| true) {
            if let Some(payer) = payer {
                self.ledger.release(payer, bytes);
            }
        }
    }

    /// Descriptor of the memory of domains.
    fn memory(&mut self) -> Result<i32, Exhausted> {
        if self.memory.is_none() {
            let file = file_in_memory().ok_or(Exhausted)?;
            // Nothing of it exists before it is written to.
            file.set_len(END_OF_REGIONS - REGION_BASE).map_err(|_| Exhausted)?;
            self.memory = Some(file);
        }
        self.memory.as_ref().map(AsRawFd::as_raw_fd).ok_or(Exhausted)
    }

    /// Gives memory of domains back to Linux: what is mapped there next is zeroed.
    fn forget_contents(&self, address: u64, bytes: u64) {
        let Some(file) = &self.memory else { return };
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let (offset, length) = ((address - REGION_BASE) as i64, bytes as i64);
        // SAFETY: the file is ours, and nobody maps these parts of it any more.
        unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, length) };
    }

    /// Maps a file that is the contents of the data space `space`.
    pub fn map_file(
        &mut self,
        address: u64,
        bytes: u64,
        file: &File,
        space: u64,
    ) -> Result<(), Exhausted> {
        map_shared(address, bytes, file.as_raw_fd(), 0)?;
        if let Some(process) = self.process_of(address) {
            process.map(address, bytes, Protection::ReadWrite, (file.as_raw_fd(), 0))?;
        }
        let mapped = Mapped { bytes, protection: Protection::ReadWrite, payer: None };
        self.mapped.insert(address, mapped);
        self.spaces.insert(address, space);
        Ok(())
    }

    /// Whether all of a range is mapped.
    pub fn is_mapped(&self, address: u64, bytes: u64) -> bool {
        self.is_mapped_so(address, bytes, |_| true)
    }

    /// Whether all of a range is mapped in regions of a domain, in a way that is allowed.
    pub fn belongs(
        &self,
        address: u64,
        bytes: u64,
        domain: usize,
        allowed: impl Fn(Protection) -> bool,
    ) -> bool {
        let Some(last) = address.checked_add(bytes.saturating_sub(1)) else { return false };
        let own = [address, last].map(|end| self.domain_of(end)) == [Some(domain); 2];
        own && last - address < REGION_BYTES && self.is_mapped_so(address, bytes, allowed)
    }

    fn is_mapped_so(&self, address: u64, bytes: u64, allowed: impl Fn(Protection) -> bool) -> bool {
        let Some(end) = address.checked_add(bytes) else { return false };
        let mut at = address;
        while at < end {
            match self.range_of(at) {
                Some((start, length, protection)) if allowed(protection) => at = start + length,
                _ => return false,
            }
        }
        true
    }

    /// The mapped range that an address lies in.
    fn range_of(&self, address: u64) -> Option<(u64, u64, Protection)> {
        let (start, mapped) = self.mapped.range(..=address).next_back()?;
        (address - start < mapped.bytes).then_some((*start, mapped.bytes, mapped.protection))
    }

    /// Overwrites mapped bytes of one range.
    pub fn write(&mut self, address: u64, contents: &[u8]) {
        let (start, bytes, protection) =
            self.range_of(address).expect("the engine writes to what it mapped");
        assert!(address + contents.len() as u64 <= start + bytes, "a write stays in its mapping");
        protect(start, bytes, Protection::ReadWrite);
        // SAFETY: the bytes are mapped and writable (R1), and the engine's own slice is elsewhere.
        unsafe {
            core::ptr::copy_nonoverlapping(contents.as_ptr(), address as *mut u8, contents.len())
        };
        protect(start, bytes, protection);
    }

    /// Reads mapped bytes.
    pub fn read(&self, address: u64, contents: &mut [u8]) -> bool {
        let mapped = self.is_mapped(address, contents.len() as u64);
        if mapped {
            // SAFETY: the bytes are mapped, and every protection allows reading (R1).
            unsafe {
                core::ptr::copy_nonoverlapping(
                    address as *const u8,
                    contents.as_mut_ptr(),
                    contents.len(),
                )
            };
        }
        mapped
    }

    /// Gives a region back; returns the words of the data spaces that were mapped in it.
    pub fn remove(&mut self, base: u64) -> Vec<u64> {
        let start = REGION_BASE + (base - REGION_BASE) / REGION_BYTES * REGION_BYTES;
        // SAFETY: the region was reserved by `create`, and the engine does not use it any more.
        unsafe { libc::munmap(start as *mut _, REGION_BYTES as usize) };
        if self.domain_of(start).is_some() {
            self.forget_contents(start, REGION_BYTES);
        }
        let region = start..start + REGION_BYTES;
        self.forget_mapped(region.clone());
        let words = self.spaces.range(region.clone()).map(|(_, word)| *word).collect();
        self.spaces.retain(|start, _| !region.contains(start));
        let number = ((start - REGION_BASE) / REGION_BYTES) as usize;
        if let Some(region) = self.regions.get_mut(number) {
            region.owner = Owner::Nobody;
        }
        words
    }

    /// Whether an address lies in a region whose code runs in this process.
    pub fn contains(&self, address: u64) -> bool {
        self.owner(address) == Owner::Engine
    }

    /// The domain to which the region around an address belongs.
    pub fn domain_of(&self, address: u64) -> Option<usize> {
        match self.owner(address) {
            Owner::Domain(number) => Some(number),
            _ => None,
        }
    }

    /// The process that shows the region around an address.
    fn process_of(&self, address: u64) -> Option<Process> {
        self.processes.get(&self.domain_of(address)?).copied()
    }

    fn owner(&self, address: u64) -> Owner {
        self.region(address).map_or(Owner::Nobody, |region| region.owner)
    }

    fn region(&self, address: u64) -> Option<&Region> {
        let number = address.checked_sub(REGION_BASE)? / REGION_BYTES;
        self.regions.get(number as usize)
    }
}

/// A file without a name whose contents are memory.
pub fn file_in_memory() -> Option<File> {
    // SAFETY: the name is a string with its end.
    let descriptor = unsafe { libc::memfd_create(c"warren".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: the descriptor was made just now, and is nobody else's.
    (descriptor >= 0).then(|| unsafe { File::from_raw_fd(descriptor) })
}

/// Sets addresses of a region aside, where nothing may be touched; `false` if Linux refuses.
fn reserve(address: u64, bytes: u64, fixed: i32) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    // SAFETY: the addresses are a region's, or nobody's if `fixed` is MAP_FIXED_NOREPLACE.
    let start =
        unsafe { libc::mmap(address as *mut _, bytes as usize, libc::PROT_NONE, flags, -1, 0) };
    start as u64 == address
}

/// Maps part of a file where nothing is mapped yet in a region.
fn map_shared(address: u64, bytes: u64, file: i32, offset: u64) -> Result<(), Exhausted> {
    let access = access(Protection::ReadWrite);
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    let (length, offset) = (bytes as usize, offset as i64);
    // SAFETY: the pages lie in a region, where nothing is mapped there yet.
    let start = unsafe { libc::mmap(address as *mut _, length, access, flags, file, offset) };
    if start == libc::MAP_FAILED { Err(Exhausted) } else { Ok(()) }
}

/// A protection in Linux's words.
pub fn access(protection: Protection) -> i32 {
    match protection {
        Protection::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
        Protection::Read => libc::PROT_READ,
        Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
    }
}

/// Changes how pages may be used.
fn protect(address: u64, bytes: u64, protection: Protection) -> bool {
    // SAFETY: the pages lie in a region, which is nobody's but the engine's.
    unsafe { libc::mprotect(address as *mut _, bytes as usize, access(protection)) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_given_out_written_through_and_given_back() {
        let mut regions = Regions::new();
        let first = regions.create(None, None).unwrap();
        let second = regions.create(None, None).unwrap();
        assert_eq!([first, second], [0, 1].map(base_of));
        regions.remove(first);
        assert!(!regions.contains(first));
        assert_eq!(regions.create(None, Some(1)), Ok(first));
        assert!(!regions.read(first, &mut [0]), "what was mapped before is gone");

        regions.map(first, 2 * PAGE, b"text", Protection::Read, 2).unwrap();
        assert_eq!([1, 2].map(|who| regions.held_by(who)), [2 * PAGE, 0]);
        let mut bytes = [0xff; 6];
        assert!(regions.read(first, &mut bytes));
        assert_eq!(&bytes, b"text\0\0");
        regions.write(first + 1, b"a");
        assert!(regions.read(first, &mut bytes));
        assert_eq!(&bytes, b"taxt\0\0");
        assert!(!regions.read(first + 2 * PAGE - 1, &mut bytes), "the end is not mapped");
        assert!(!regions.is_mapped(u64::MAX, 2));
    }
}
