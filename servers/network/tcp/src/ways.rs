//! What a principal knows of ways to stations.

use alloc::collections::BTreeMap;

use warren_idl::{Address, OFFLOAD_SEGMENT_IPV4, OFFLOAD_SEGMENT_IPV6, PIECES, Way};
use warren_tcp::{HEADER_BYTES, Path};

/// Stations to which a way is remembered.
const MOST: usize = 256;
/// Bytes that a link cuts at most: what is left of a frame, whose length is a word of two bytes for some devices, behind the longest headers of Ethernet, IPv6 and TCP.
/// With packets of 1500 bytes that is one segment more than 63 KiB are.
const CUT_BYTES: u32 = u16::MAX as u32 - 14 - 40 - HEADER_BYTES as u32;

/// Ways, until they are forgotten: then they are asked for again. By station; `None` if there is none to it.
#[derive(Debug, Default)]
pub struct Ways(BTreeMap<Address, Option<Known>>);

/// A way.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The way.
    pub way: Way,
    /// The place of the endpoint that leads there.
    pub endpoint: usize,
}

impl Known {
    /// As the engine sees it.
    pub fn path(&self) -> Path {
        let cuts = match self.way.destination.as_v4() {
            Some(_) => OFFLOAD_SEGMENT_IPV4,
            None => OFFLOAD_SEGMENT_IPV6,
        };
        Path {
            packet_bytes: self.way.mtu.min(u16::MAX.into()) as u16,
            offload_bytes: if self.way.offloads & cuts != 0 { CUT_BYTES } else { 0 },
            offload_pieces: PIECES - 1,
        }
    }
}

impl Ways {
    /// The way to a station: nothing if nobody has asked for it, and a `None` if there is none.
    pub fn get(&self, station: &Address) -> Option<Option<&Known>> {
        self.0.get(station).map(Option::as_ref)
    }

    /// Whether there is room for another one.
    pub fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    /// Notes a way, by the endpoint at a place; or that none leads to the station.
    pub fn note(&mut self, station: Address, known: Option<Known>) {
        self.0.insert(station, known);
    }

    /// Forgets all, which may have changed.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
