//! The virtio ring with a device that writes what and where it likes: only requests that are in flight
//! end, each once, and a reset leaves none of them in flight.
#![no_main]

// The pure part of the server, by its files: the whole server can only be linked for a loader.
#[path = "../../../servers/storage/virtio-blk/src"]
mod virtio_blk {
    pub mod ring;
}

use libfuzzer_sys::fuzz_target;
use virtio_blk::ring::{AREA_BYTES, Request, Ring, SLOTS};
use warren_window::Window;

/// The memory that both sides write.
struct Memory(Vec<u8>);

impl Window for Memory {
    fn read8(&self, offset: usize) -> u8 {
        self.0[offset]
    }
    fn read16(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.0[offset..][..2].try_into().unwrap())
    }
    fn read32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.0[offset..][..4].try_into().unwrap())
    }
    fn write8(&mut self, offset: usize, value: u8) {
        self.0[offset] = value;
    }
    fn write16(&mut self, offset: usize, value: u16) {
        self.0[offset..][..2].copy_from_slice(&value.to_le_bytes());
    }
    fn write32(&mut self, offset: usize, value: u32) {
        self.0[offset..][..4].copy_from_slice(&value.to_le_bytes());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (mut ring, mut memory) = (Ring::new(), Memory(vec![0; AREA_BYTES]));
    let used = ring.place(0).used as usize;
    let mut in_flight = [false; SLOTS];
    for step in bytes.chunks_exact(4) {
        let [kind, low, high, value] = step.try_into().unwrap();
        let offset = usize::from(u16::from_le_bytes([low, high]));
        let slot = usize::from(low) % SLOTS;
        match kind % 6 {
            0 => {
                if let Some(slot) = ring.free_slot() {
                    assert!(!in_flight[slot]);
                    let (sector, bytes) = (u64::from(low), u32::from(high) * 256);
                    let request = [
                        Request::Read { sector, bytes },
                        Request::Write { sector, bytes },
                        Request::Flush,
                    ][usize::from(value % 3)];
                    ring.submit(&mut memory, 0x1000, slot, request);
                    in_flight[slot] = true;
                }
            }
            1 => memory.0[offset] = value,
            2 => memory.0[used + offset % 260] = value,
            3 => {
                if ring.reap(&memory).is_err() {
                    ring.reset(&mut memory);
                    assert_eq!(ring.in_flight(), 0);
                }
            }
            4 => {
                if ring.take(slot).is_some() {
                    assert!(std::mem::take(&mut in_flight[slot]));
                }
            }
            _ => {
                ring.abandon(slot);
                in_flight[slot] = false;
            }
        }
    }
});
