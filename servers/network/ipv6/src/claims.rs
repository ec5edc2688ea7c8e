//! Claiming addresses. Whether another station has one is asked at once, and the address is used meanwhile; a while later, if none has said that it has it, all are
//! told where it is (RFC 4862, section 5.4; RFC 4861, section 7.2.6). Without that, whoever has talked to another station of this address goes on sending to
//! that one, for minutes at worst.
//!
//! Pure: time is a parameter.

use alloc::vec::Vec;

use warren_idl::Address;

/// How long another station may take to say that it has an address (RFC 4861, section 10).
const PATIENCE_NS: u64 = 1_000_000_000;

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Does another station have this address?
    Ask(Address),
    /// This station has it.
    Announce(Address),
}

/// The addresses of this station that others know of, or are about to.
#[derive(Debug, Default)]
pub struct Claims(Vec<Claim>);

#[derive(Clone, Copy, Debug)]
struct Claim {
    address: Address,
    /// When it is to be announced; the end of time once it was.
    announce_ns: u64,
}

impl Claims {
    /// What is to be said at this time, where these addresses are the station's.
    pub fn step(&mut self, own: &[Address], now_ns: u64) -> Vec<Due> {
        let Claims(all) = self;
        // One that was given up, because another station has it, is not announced.
        all.retain(|claim| own.contains(&claim.address));
        let mut due = Vec::new();
        for claim in all.iter_mut().filter(|claim| claim.announce_ns <= now_ns) {
            claim.announce_ns = u64::MAX;
            due.push(Due::Announce(claim.address));
        }
        for address in own {
            if !all.iter().any(|claim| claim.address == *address) {
                all.push(Claim { address: *address, announce_ns: now_ns + PATIENCE_NS });
                due.push(Due::Ask(*address));
            }
        }
        due
    }

    /// When there is something to be said next; the end of time if there is nothing.
    pub fn next_ns(&self) -> u64 {
        self.0.iter().map(|claim| claim.announce_ns).min().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Address = Address::new(0xfe80 << 112 | 1);
    const OTHER: Address = Address::new(0xfec0 << 112 | 2);

    #[test]
    fn an_address_is_asked_for_and_announced_once() {
        let mut claims = Claims::default();
        assert_eq!(claims.step(&[ONE], 5), [Due::Ask(ONE)]);
        assert_eq!(claims.next_ns(), 5 + PATIENCE_NS);
        assert_eq!(claims.step(&[ONE, OTHER], 7), [Due::Ask(OTHER)]);
        assert_eq!(claims.step(&[ONE, OTHER], 5 + PATIENCE_NS), [Due::Announce(ONE)]);
        assert_eq!(claims.step(&[ONE, OTHER], 8 + PATIENCE_NS), [Due::Announce(OTHER)]);
        assert_eq!(
            (claims.step(&[ONE, OTHER], u64::MAX - 1).len(), claims.next_ns()),
            (0, u64::MAX)
        );
    }

    #[test]
    fn what_another_station_has_is_not_announced() {
        let mut claims = Claims::default();
        claims.step(&[ONE], 0);
        assert_eq!(claims.step(&[], 1), []);
        assert_eq!(claims.next_ns(), u64::MAX);
        assert_eq!(claims.step(&[ONE], PATIENCE_NS), [Due::Ask(ONE)], "it is claimed again");
    }
}
