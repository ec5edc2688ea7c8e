//! Words that a hostile program would try.

use crate::random::Random;

/// Where the regions of servers start, and how far apart they are.
const REGIONS: (u64, u64) = (0x1000_0000_0000, 1 << 30);

/// Addresses where something of the kernel's lies, or where addresses wrap.
const PLACES: [u64; 12] = [
    0,
    0xfff,
    0x10_0000,
    0x0000_7fff_ffff_f000,
    0x0000_7fff_ffff_ffff,
    0x0000_8000_0000_0000,
    0xffff_7fff_ffff_ffff,
    0xffff_8000_0000_0000,
    0xffff_8000_0010_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_8020_1000,
    u64::MAX,
];

/// What the prober owns and lets others write to, and references that it holds.
pub struct Known<'a> {
    /// Address of memory that any call may change.
    pub playground: u64,
    /// Its length.
    pub playground_bytes: u64,
    /// Words of references.
    pub references: &'a [u64],
}

/// An address and whether a call may use the memory there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub address: u64,
    pub length: u64,
    pub allowed: bool,
}

impl Known<'_> {
    /// A word for a register.
    pub fn word(&self, random: &mut Random) -> u64 {
        match random.below(7) {
            0 => random.below(80),
            1 => random.number(),
            2 => self.playground + random.below(self.playground_bytes),
            3 => self.reference(random),
            4 => random.one_of(&PLACES).wrapping_add(random.below(32)).wrapping_sub(16),
            5 => region(random),
            _ => 1_u64.wrapping_shl(random.below(64) as u32).wrapping_sub(random.below(2)),
        }
    }

    /// A reference, or something near one.
    pub fn reference(&self, random: &mut Random) -> u64 {
        let reference = random.one_of(self.references);
        match random.below(4) {
            0 => reference.wrapping_add(random.below(64).wrapping_mul(64)),
            1 => reference.wrapping_add(random.below(64)),
            2 => reference ^ 1_u64.wrapping_shl(random.below(64) as u32),
            _ => reference,
        }
    }

    /// Memory for a buffer: inside the playground, or where there is none of the prober's.
    pub fn target(&self, random: &mut Random) -> Target {
        if random.below(2) == 0 {
            let offset = random.below(self.playground_bytes);
            let length = random.below(self.playground_bytes - offset + 1);
            return Target { address: self.playground + offset, length, allowed: true };
        }
        let address = match random.below(3) {
            0 => random.one_of(&PLACES),
            1 => random.number() | 1 << 63,
            _ => region(random),
        };
        let length = match random.below(3) {
            0 => 1 + random.below(64),
            1 => 1 + random.below(1 << 17),
            _ => random.number() | 1,
        };
        Target { address, length, allowed: false }
    }
}

/// An address in some server's region other than the first bytes of its state; seldom the prober's own, and then
/// in the middle of nowhere.
fn region(random: &mut Random) -> u64 {
    let (base, bytes) = REGIONS;
    base + random.below(64) * bytes + (900 << 20) + random.below(64 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_lies_in_the_playground() {
        let known = Known { playground: 0x5000, playground_bytes: 100, references: &[0x40] };
        let mut random = Random::new(3);
        for _ in 0..1000 {
            let target = known.target(&mut random);
            let inside = target.address >= 0x5000
                && target.address.checked_add(target.length).is_some_and(|end| end <= 0x5064);
            assert_eq!(inside, target.allowed);
        }
    }
}
