//! Regions: a gibibyte of addresses for each instance, reserved at once and committed by the page.
#![expect(unsafe_code, reason = "mappings are made, written and unmade by address")]

use std::{collections::BTreeMap, fs::File, os::fd::AsRawFd};

use warren_engine::{
    platform::Exhausted,
    space::{PAGE, Protection, REGION_BASE, REGION_BYTES},
};

/// Bytes of a page.
pub const fn page_bytes() -> usize {
    PAGE as usize
}

/// Which addresses are given out, and what is mapped there.
///
/// R1: every range of `mapped` is committed memory of a region in `taken`, and nothing else is.
#[derive(Default)]
pub struct Regions {
    /// Numbers of the regions that exist.
    taken: Vec<bool>,
    /// Mapped ranges: start, length and protection.
    mapped: BTreeMap<u64, (u64, Protection)>,
    /// Mapped data spaces: address, and the word of the object.
    spaces: BTreeMap<u64, u64>,
}

impl Regions {
    /// An empty table.
    pub const fn new() -> Self {
        Regions { taken: Vec::new(), mapped: BTreeMap::new(), spaces: BTreeMap::new() }
    }

    /// Reserves a region; returns its first address.
    pub fn create(&mut self) -> Result<u64, Exhausted> {
        let number = self.taken.iter().position(|taken| !taken).unwrap_or(self.taken.len());
        let base = REGION_BASE + number as u64 * REGION_BYTES;
        let flags = libc::MAP_PRIVATE
            | libc::MAP_ANONYMOUS
            | libc::MAP_NORESERVE
            | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: MAP_FIXED_NOREPLACE touches nothing that exists.
        let start = unsafe {
            libc::mmap(base as *mut _, REGION_BYTES as usize, libc::PROT_NONE, flags, -1, 0)
        };
        if start as u64 != base {
            return Err(Exhausted);
        }
        match self.taken.get_mut(number) {
            Some(taken) => *taken = true,
            None => self.taken.push(true),
        }
        Ok(base)
    }

    /// Commits pages.
    pub fn map(
        &mut self,
        address: u64,
        bytes: u64,
        contents: &[u8],
        protection: Protection,
    ) -> Result<(), Exhausted> {
        if bytes == 0 {
            return Ok(());
        }
        if !protect(address, bytes, Protection::ReadWrite) {
            return Err(Exhausted);
        }
        // SAFETY: the pages are fresh and writable now, and `contents` is no longer than they are (R1).
        unsafe {
            core::ptr::copy_nonoverlapping(contents.as_ptr(), address as *mut u8, contents.len())
        };
        if !protect(address, bytes, protection) {
            return Err(Exhausted);
        }
        self.mapped.insert(address, (bytes, protection));
        Ok(())
    }

    /// Maps a file that is the contents of the data space `space`.
    pub fn map_file(
        &mut self,
        address: u64,
        bytes: u64,
        file: &File,
        space: u64,
    ) -> Result<(), Exhausted> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let length = bytes as usize;
        // SAFETY: the pages lie in a region, where nothing is mapped there yet.
        let start =
            unsafe { libc::mmap(address as *mut _, length, access, flags, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(Exhausted);
        }
        self.mapped.insert(address, (bytes, Protection::ReadWrite));
        self.spaces.insert(address, space);
        Ok(())
    }

    /// Whether all of a range is mapped.
    pub fn is_mapped(&self, address: u64, bytes: u64) -> bool {
        let Some(end) = address.checked_add(bytes) else { return false };
        let mut at = address;
        while at < end {
            match self.range_of(at) {
                Some((start, length, _)) => at = start + length,
                None => return false,
            }
        }
        true
    }

    /// The mapped range that an address lies in.
    fn range_of(&self, address: u64) -> Option<(u64, u64, Protection)> {
        let (start, (bytes, protection)) = self.mapped.range(..=address).next_back()?;
        (address - start < *bytes).then_some((*start, *bytes, *protection))
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
        // SAFETY: the region was reserved by `create`, and the engine does not use it any more.
        unsafe { libc::munmap(base as *mut _, REGION_BYTES as usize) };
        let region = base..base + REGION_BYTES;
        self.mapped.retain(|start, _| !region.contains(start));
        let words = self.spaces.range(region.clone()).map(|(_, word)| *word).collect();
        self.spaces.retain(|start, _| !region.contains(start));
        let number = ((base - REGION_BASE) / REGION_BYTES) as usize;
        if let Some(taken) = self.taken.get_mut(number) {
            *taken = false;
        }
        words
    }

    /// Whether an address lies in a region that exists.
    pub fn contains(&self, address: u64) -> bool {
        let number = address.checked_sub(REGION_BASE).map(|offset| offset / REGION_BYTES);
        number.and_then(|number| self.taken.get(number as usize)) == Some(&true)
    }
}

/// Changes how pages may be used.
fn protect(address: u64, bytes: u64, protection: Protection) -> bool {
    let access = match protection {
        Protection::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
        Protection::Read => libc::PROT_READ,
        Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
    };
    // SAFETY: the pages lie in a region, which is nobody's but the engine's.
    unsafe { libc::mprotect(address as *mut _, bytes as usize, access) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_given_out_written_through_and_given_back() {
        let mut regions = Regions::new();
        let first = regions.create().unwrap();
        let second = regions.create().unwrap();
        assert_eq!(second, first + REGION_BYTES);
        regions.remove(first);
        assert!(!regions.contains(first));
        assert_eq!(regions.create(), Ok(first));
        assert!(!regions.read(first, &mut [0]), "what was mapped before is gone");

        regions.map(first, 2 * PAGE, b"text", Protection::Read).unwrap();
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
