//! What a boot loader says: memory map, modules, command line, where ACPI's tables start.
//!
//! [`pvh`] and [`multiboot2`] decode the two forms in which it arrives. Their structures lie at any
//! alignment (on microvm they do), and their counts and addresses are only believed as far as the
//! memory behind them can be read.

pub mod multiboot2;
pub mod pvh;

/// Memory ranges that are remembered; further ones are left out, which only loses memory.
pub const RANGES: usize = 64;
/// Modules that are remembered.
pub const MODULES: usize = 8;
/// Bytes of the command line that are remembered.
pub const COMMAND_LINE_BYTES: usize = 1024;

/// Physical addresses from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// First address behind it; never below `start`.
    pub end: u64,
}

impl Range {
    /// The range of `bytes` from `start` on; `None` if it is empty or wraps around.
    pub fn new(start: u64, bytes: u64) -> Option<Self> {
        let end = start.checked_add(bytes)?;
        (bytes != 0).then_some(Range { start, end })
    }

    /// Its length.
    pub fn bytes(self) -> u64 {
        self.end - self.start
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A list of fixed capacity: boot code has no heap yet.
#[derive(Clone, Copy, Debug)]
pub struct List<T, const CAPACITY: usize> {
    entries: [T; CAPACITY],
    length: usize,
}

impl<T: Copy + Default, const CAPACITY: usize> Default for List<T, CAPACITY> {
    fn default() -> Self {
        List { entries: [T::default(); CAPACITY], length: 0 }
    }
}

impl<const CAPACITY: usize> List<Range, CAPACITY> {
    /// An empty list of ranges.
    pub const fn new() -> Self {
        List { entries: [Range { start: 0, end: 0 }; CAPACITY], length: 0 }
    }
}

impl<T: Copy, const CAPACITY: usize> List<T, CAPACITY> {
    /// Appends, unless the list is full.
    pub fn push(&mut self, entry: T) {
        if let Some(free) = self.entries.get_mut(self.length) {
            *free = entry;
            self.length += 1;
        }
    }

    /// What was appended.
    pub fn entries(&self) -> &[T] {
        &self.entries[..self.length]
    }
}

/// One entry of the memory map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapEntry {
    /// Where.
    pub range: Range,
    /// Whether it is RAM that nobody has reserved.
    pub usable: bool,
}

/// What the boot loader said.
#[derive(Clone, Copy, Debug)]
pub struct Information {
    /// The memory map, in the loader's order. Entries may overlap: a reserved one then counts.
    pub memory: List<MapEntry, RANGES>,
    /// Files that were loaded with the kernel.
    pub modules: List<Range, MODULES>,
    /// Where ACPI's root pointer is.
    pub root_pointer: Option<u64>,
    command_line: [u8; COMMAND_LINE_BYTES],
    command_line_length: usize,
}

impl Default for Information {
    fn default() -> Self {
        Information {
            memory: List::default(),
            modules: List::default(),
            root_pointer: None,
            command_line: [0; COMMAND_LINE_BYTES],
            command_line_length: 0,
        }
    }
}

impl Information {
    /// The command line, or nothing if it is not UTF-8.
    pub fn command_line(&self) -> &str {
        str::from_utf8(&self.command_line[..self.command_line_length]).unwrap_or("")
    }

    fn set_command_line(&mut self, text: &[u8]) {
        let length = text.len().min(COMMAND_LINE_BYTES);
        self.command_line[..length].copy_from_slice(&text[..length]);
        self.command_line_length = length;
    }

    /// Finds `bytes` of usable memory on a page boundary below `limit` and not below 1 MiB, that
    /// overlap neither anything reserved nor a module nor `image`.
    pub fn place(&self, bytes: u64, image: Range, limit: u64) -> Option<Range> {
        let usable = self.memory.entries().iter().filter(|entry| entry.usable);
        usable.filter_map(|entry| self.place_in(entry.range, bytes, image, limit)).next()
    }

    fn place_in(&self, within: Range, bytes: u64, image: Range, limit: u64) -> Option<Range> {
        let mut start = page_up(within.start.max(1 << 20))?;
        loop {
            let wanted = Range::new(start, bytes)?;
            if wanted.end > within.end.min(limit) {
                return None;
            }
            match self.taken(image).find(|taken| taken.overlaps(wanted)) {
                Some(taken) => start = page_up(taken.end)?,
                None => return Some(wanted),
            }
        }
    }

    /// Everything that must not be used for anything else.
    pub fn taken(&self, image: Range) -> impl Iterator<Item = Range> {
        let reserved = self.memory.entries().iter().filter(|entry| !entry.usable);
        let modules = self.modules.entries().iter().copied();
        reserved.map(|entry| entry.range).chain(modules).chain([image])
    }
}

fn page_up(address: u64) -> Option<u64> {
    address.checked_next_multiple_of(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_avoids_image_modules_and_reserved_memory() {
        let mut information = Information::default();
        let entry =
            |start, bytes, usable| MapEntry { range: Range::new(start, bytes).unwrap(), usable };
        information.memory.push(entry(0, 0x9f000, true));
        information.memory.push(entry(0x10_0000, 0x100_0000, true));
        information.memory.push(entry(0x14_0000, 0x1000, false));
        information.modules.push(Range::new(0x14_2800, 0x10).unwrap());
        let image = Range { start: 0x10_0000, end: 0x13_0000 };
        let place = information.place(0x2_0000, image, 1 << 32).unwrap();
        assert_eq!(place, Range { start: 0x14_3000, end: 0x16_3000 });
        assert_eq!(information.place(0x200_0000, image, 1 << 32), None);
        assert_eq!(information.place(0x2_0000, image, 0x15_0000), None);
    }

    #[test]
    fn a_range_that_wraps_around_is_refused() {
        assert_eq!(Range::new(u64::MAX, 2), None);
        assert_eq!(Range::new(5, 0), None);
    }
}
