//! The heap of a server: what lies there.

use alloc::{vec, vec::Vec};

use warren::Cx;

use crate::{Failure, Run};

/// The check of the heap.
pub const NAME: &str = "what lies in the heap stays while other blocks come, grow, shrink and go";

/// Blocks at the same time, and the length of the longest: some are longer than those that the heap keeps when they are freed.
const BLOCKS: usize = 64;
const MOST_BYTES: usize = 700;
/// What is done with them.
const EVENTS: u32 = 5000;

/// Fills each block with its own byte, and looks whether it is still there.
pub fn check(_: &mut Cx<'_, Run>) -> Result<(), Failure> {
    let mut blocks = vec![Vec::new(); BLOCKS];
    let mut random: u64 = 1;
    for _ in 0..EVENTS {
        // Knuth's generator for MMIX, of which the upper bits are used.
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (place, bytes) =
            ((random >> 32) as usize % BLOCKS, (random >> 40) as usize % MOST_BYTES);
        look(&blocks, place)?;
        let block = &mut blocks[place];
        match random >> 62 {
            0 => *block = Vec::new(),
            1 => *block = vec![place as u8; bytes],
            2 => block.resize(bytes, place as u8),
            _ => block.shrink_to_fit(),
        }
    }
    (0..BLOCKS).try_for_each(|place| look(&blocks, place))
}

fn look(blocks: &[Vec<u8>], place: usize) -> Result<(), Failure> {
    match blocks[place].iter().all(|byte| *byte == place as u8) {
        true => Ok(()),
        false => Err(Failure::Refused("the bytes of a block")),
    }
}
