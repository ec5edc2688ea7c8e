//! `Entropy`: the processor's own generator, which mixes and checks what it gives (Intel 64 Architectures Software Developer's Manual, volume 1, section 7.3.17).

use warren::{Cx, Out};
use warren_idl::EntropyError;

use crate::cpu::registers;

/// Times that a processor may have nothing to give before it is taken for broken (same section).
const ATTEMPTS: usize = 10;

/// The processor's generator.
pub struct Generator;

warren_natives::natives!(Generator);

/// Random bits, if the processor has a generator that works.
fn word() -> Option<u64> {
    let has_one = registers::cpuid(1).ecx & 1 << 30 != 0;
    (0..ATTEMPTS).filter(|_| has_one).find_map(|_| registers::random())
}

impl warren_idl::Entropy for Generator {
    fn fill(_: &mut Cx<'_, Self>, mut bytes: Out<'_>) -> Result<(), EntropyError> {
        for at in (0..bytes.len()).step_by(size_of::<u64>()) {
            let word = word().ok_or(EntropyError::NoSource)?;
            bytes.write(at, &word.to_ne_bytes());
        }
        Ok(())
    }
}
