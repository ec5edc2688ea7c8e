//! The configuration space of a bus on which functions say what they like: the search ends, and what it finds of messages lies within
//! the functions' memory.
#![no_main]

extern crate alloc;

// The pure part of the server, by its files: the whole server can only be linked for a loader.
#[expect(dead_code, reason = "the server uses the rest")]
#[path = "../../../servers/hardware/pci/src"]
mod pci {
    pub mod capability;
    pub mod configuration;
}

use libfuzzer_sys::fuzz_target;
use pci::configuration::{Bar, Configuration, search};

/// Bytes of one function's configuration space.
const SPACE_BYTES: usize = 256;

/// The functions of the first devices, each with the next bytes of the input, and which of them can be written.
struct Bus<'a> {
    spaces: Vec<&'a [u8]>,
    written: Vec<(u32, u16, u32)>,
}

impl Configuration for Bus<'_> {
    type Error = ();

    fn read(&mut self, address: u32, offset: u16) -> Result<u32, ()> {
        assert!(offset.is_multiple_of(4) && usize::from(offset) < SPACE_BYTES);
        let Some(space) = self.spaces.get(address as usize) else { return Ok(!0) };
        let written = self.written.iter().rev().find(|it| (it.0, it.1) == (address, offset));
        let mask = space.get(usize::from(offset) ^ 0x80).copied().unwrap_or(0);
        let word = |at: usize| space.get(at).copied().unwrap_or(0);
        let plain = u32::from_le_bytes([0, 1, 2, 3].map(|byte| word(usize::from(offset) + byte)));
        let mask = u32::from_le_bytes([mask; 4]);
        Ok(written.map_or(plain, |it| plain & !mask | it.2 & mask))
    }

    fn write(&mut self, address: u32, offset: u16, value: u32) -> Result<(), ()> {
        assert!(offset.is_multiple_of(4) && usize::from(offset) < SPACE_BYTES);
        self.written.push((address, offset, value));
        Ok(())
    }
}

fuzz_target!(|input: &[u8]| {
    let mut bus = Bus { spaces: input.chunks(SPACE_BYTES).collect(), written: Vec::new() };
    for function in search(&mut bus).unwrap() {
        for index in 0..2048 {
            let Some((table, entry)) = function.message(index) else { break };
            let Some(Bar::Memory { address, bytes }) = function.bars[table.bar] else { panic!() };
            let inside = entry >= address && entry - address <= bytes - 16;
            assert!(inside, "{entry:#x} is not in {bytes:#x} from {address:#x} on");
            assert!(function.open_bytes(table.bar as u32, bytes) <= entry - address);
        }
    }
});
