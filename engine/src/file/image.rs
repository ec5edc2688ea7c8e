//! A server file at an address: what is mapped, and where its code is entered.

use alloc::vec::Vec;

use super::{
    Descriptor, Import, Segment,
    relocations::{Relocation, Value, WORD},
};

/// A relocated image, ready to be mapped at the address that it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What to map, in the order of addresses.
    pub segments: Vec<Segment>,
    /// Where code is entered, as absolute addresses.
    pub descriptor: Descriptor,
}

/// Relocates segments to an address. `imports` is asked for the address of each import that a relocation uses.
pub(super) fn relocate(
    segments: &[Segment],
    relocations: &[Relocation],
    base: u64,
    imports: &mut dyn FnMut(Import) -> u64,
) -> Vec<Segment> {
    let mut segments = segments.to_vec();
    for relocation in relocations {
        let word = match relocation.value {
            Value::Image(offset) => base.wrapping_add(offset),
            Value::Import(import, addend) => imports(import).wrapping_add(addend),
        };
        store(&mut segments, relocation.address, word);
    }
    segments
}

/// Writes a word. The address was checked when the relocation was read.
fn store(segments: &mut [Segment], address: u64, word: u64) {
    for segment in segments.iter_mut().filter(|segment| segment.relocated) {
        if let Some(at) = segment.position(address, WORD) {
            segment.bytes[at..at + WORD].copy_from_slice(&word.to_le_bytes());
        }
    }
}
