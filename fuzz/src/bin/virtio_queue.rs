//! A virtio queue with a device that writes what and where it likes: only chains that are in flight come back, each once, with no more written
//! than there was room for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_virtio::queue::{Broken, Piece, Queue};
use warren_window::Window;

const ENTRIES: u16 = 16;

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
    let (mut queue, mut memory) = (Queue::new(ENTRIES, 0), Memory(vec![0; Queue::bytes(ENTRIES)]));
    let used = queue.place(0).used as usize;
    // Pieces of the chain that starts at each descriptor.
    let mut flying = [0usize; ENTRIES as usize];
    for step in bytes.as_chunks::<3>().0 {
        let [kind, at, value] = *step;
        match kind % 4 {
            0 => {
                let count = usize::from(at % 5);
                let piece = Piece { address: at.into(), bytes: value.into(), device_writes: true };
                if let Some(head) = queue.push(&mut memory, vec![piece; count].into_iter()) {
                    queue.publish(&mut memory);
                    assert_eq!(std::mem::replace(&mut flying[usize::from(head)], count), 0);
                }
            }
            1 => {
                let places = memory.0.len();
                memory.0[usize::from(at) * 3 % places] = value;
            }
            2 => memory.0[used + usize::from(at) % 40] = value % 20,
            _ => match queue.pop(&memory) {
                Ok(None) => (),
                Ok(Some(done)) => {
                    let count = std::mem::take(&mut flying[usize::from(done.head)]);
                    assert!(count > 0 && done.written as usize <= count * 255);
                }
                Err(Broken) => {
                    queue.reset(&mut memory);
                    flying = Default::default();
                }
            },
        }
        assert_eq!(queue.room() + flying.iter().sum::<usize>(), usize::from(ENTRIES));
    }
});
