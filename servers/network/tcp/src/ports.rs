//! Whose a port is.
//!
//! A port belongs to one principal at a time: to whoever listens there, or has a connection with it. So the first four bytes of a segment
//! say whose it is.

use alloc::{boxed::Box, vec::Vec};
use core::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;
use warren_idl::Address;

/// The first port that is chosen for connections of this side (RFC 6335, section 6).
const FIRST_CHOSEN: u16 = 49_152;
/// How many there are.
const CHOSEN: u16 = u16::MAX - FIRST_CHOSEN + 1;
/// Ports that are remembered together.
const PAGE: usize = 256;

/// A principal that has ports, by its place among those that use this server.
pub type Owner = u16;

/// Whose the ports are.
pub struct Ports {
    /// Those of which one was ever used.
    pages: Vec<Option<Box<[Port; PAGE]>>>,
    key: [u8; 16],
    /// Connections that a port was chosen for.
    chosen: u16,
}

#[derive(Clone, Copy, Default)]
struct Port {
    owner: Owner,
    /// Whether somebody listens there.
    listens: bool,
    /// Connections, and whether somebody listens.
    uses: u32,
}

impl Ports {
    /// All ports are free. `key` are bytes that nobody can guess.
    pub fn new(key: [u8; 16]) -> Self {
        Ports { pages: (0..=usize::from(u16::MAX) / PAGE).map(|_| None).collect(), key, chosen: 0 }
    }

    /// Whose a port is, if it is anybody's.
    pub fn owner(&self, port: u16) -> Option<Owner> {
        self.get(port).filter(|port| port.uses > 0).map(|port| port.owner)
    }

    /// Lets a principal listen at a port, or at one that is free if it is 0; which one it is, if that can be.
    pub fn listen(&mut self, port: u16, owner: Owner) -> Option<u16> {
        let port = match port {
            0 => self.candidates(&(Address::NONE, 0)).find(|port| self.owner(*port).is_none())?,
            port => port,
        };
        let may = self.owner(port).is_none_or(|other| other == owner);
        let entry = self.get_mut(port);
        if !may || entry.listens {
            return None;
        }
        *entry = Port { owner, listens: true, uses: entry.uses + 1 };
        Some(port)
    }

    /// Nobody listens there any more. Connections that came to it keep it.
    pub fn unlisten(&mut self, port: u16) {
        self.get_mut(port).listens = false;
        self.release(port);
    }

    /// Ports that a principal's next connection to `remote` can have, in an order that nobody can guess (RFC 6056, section 3.3.3). One that
    /// it has already is among them.
    pub fn choices(&mut self, owner: Owner, remote: (Address, u16)) -> impl Iterator<Item = u16> {
        self.chosen = self.chosen.wrapping_add(1);
        self.candidates(&remote).filter(move |port| {
            let taken = self.get(*port).filter(|port| port.uses > 0);
            taken.is_none_or(|port| port.owner == owner && !port.listens)
        })
    }

    fn candidates(&self, remote: &(Address, u16)) -> impl Iterator<Item = u16> + use<> {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        remote.hash(&mut hasher);
        let first = (hasher.finish() as u16).wrapping_add(self.chosen);
        (0..CHOSEN).map(move |attempt| FIRST_CHOSEN + first.wrapping_add(attempt) % CHOSEN)
    }

    /// A connection has the port.
    pub fn hold(&mut self, port: u16, owner: Owner) {
        let entry = self.get_mut(port);
        entry.owner = owner;
        entry.uses += 1;
    }

    /// It has it no more.
    pub fn release(&mut self, port: u16) {
        let entry = self.get_mut(port);
        entry.uses = entry.uses.saturating_sub(1);
    }

    /// Frees all ports of a principal.
    pub fn forget(&mut self, owner: Owner) {
        let all = self.pages.iter_mut().flatten().flat_map(|page| page.iter_mut());
        all.filter(|port| port.owner == owner).for_each(|port| *port = Port::default());
    }

    fn get(&self, port: u16) -> Option<Port> {
        let (page, place) = (usize::from(port) / PAGE, usize::from(port) % PAGE);
        Some(self.pages[page].as_ref()?[place])
    }

    fn get_mut(&mut self, port: u16) -> &mut Port {
        let (page, place) = (usize::from(port) / PAGE, usize::from(port) % PAGE);
        let page = self.pages[page].get_or_insert_with(|| Box::new([Port::default(); PAGE]));
        &mut page[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Ports {
        Ports::new([7; 16])
    }

    #[test]
    fn a_port_is_one_principals() {
        let mut ports = ports();
        assert_eq!(ports.listen(80, 1), Some(80));
        assert_eq!(ports.owner(80), Some(1));
        assert_eq!(ports.listen(80, 2), None, "another principal");
        assert_eq!(ports.listen(80, 1), None, "twice");
        ports.unlisten(80);
        assert_eq!((ports.owner(80), ports.listen(80, 2)), (None, Some(80)));
    }

    #[test]
    fn connections_keep_the_port_that_they_came_to() {
        let mut ports = ports();
        ports.listen(80, 1);
        ports.hold(80, 1);
        ports.unlisten(80);
        assert_eq!((ports.owner(80), ports.listen(80, 2)), (Some(1), None));
        assert_eq!(ports.listen(80, 1), Some(80), "the same principal may listen again");
        ports.unlisten(80);
        ports.release(80);
        assert_eq!(ports.owner(80), None);
    }

    #[test]
    fn ports_are_chosen_that_no_other_principal_has() {
        let mut ports = ports();
        let remote = (Address::v4(0x0a00_0202), 80);
        let first = ports.choices(1, remote).next().unwrap();
        assert!(first >= FIRST_CHOSEN);
        ports.hold(first, 1);
        assert_eq!(ports.choices(2, remote).filter(|port| *port == first).count(), 0);
        assert_eq!(ports.choices(2, remote).count(), usize::from(CHOSEN) - 1);
        assert_eq!(ports.choices(1, remote).count(), usize::from(CHOSEN));
        let any = ports.listen(0, 2).unwrap();
        assert_ne!(any, first);
        assert_eq!(ports.choices(2, remote).filter(|port| *port == any).count(), 0, "it listens");
    }

    #[test]
    fn all_of_a_principals_ports_are_freed() {
        let mut ports = ports();
        ports.listen(80, 1);
        ports.listen(81, 2);
        ports.hold(50_000, 1);
        ports.forget(1);
        let owners = [80, 81, 50_000].map(|port| ports.owner(port));
        assert_eq!(owners, [None, Some(2), None]);
    }
}
