//! Segments that have arrived and wait for the thread of their principal.
//!
//! The thread that brings a segment does no more than what is here: it finds out whose it is, and copies its header. Everything else is done on the time of
//! whoever it is for.

use alloc::{collections::VecDeque, vec::Vec};

use warren_idl::{Address, CHECKSUM_GOOD, Packet, TO_SEVERAL};
use warren_packets::{
    Bad, Buffers, Bytes,
    batch::length,
    network,
    network::{Network, is_station},
    pseudo_header,
};
use warren_tcp::{FIXED_BYTES, HEADER_BYTES, Piece, Segment};

/// TCP's number among the protocols of IP.
pub const TCP: u8 = 6;

/// Where in the header of TCP its own length stands, in words of four bytes, in the upper half of the byte.
const HEADER_LENGTH: usize = 12;

/// Most segments that wait.
const MOST: usize = 1024;

/// A segment as it has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub source: Address,
    /// Which of this side's addresses it was sent to.
    pub destination: Address,
    /// Its header, and what follows it there, copied before anybody looked at it.
    header: [u8; HEADER_BYTES],
    /// Bytes of the header, as it says itself.
    header_bytes: u16,
    /// Bytes of all of it.
    bytes: u16,
    /// Whether its checksum is known to be right.
    good: bool,
    /// Whether its payload was lost.
    hollow: bool,
}

impl Arrival {
    /// Looks at a packet that has lost the header of the network layer.
    pub fn read<M: Bytes>(memory: &Buffers<M>, packet: &[Packet]) -> Result<Self, Bad> {
        let first = packet.first().ok_or(Bad)?;
        let Network { source, destination, .. } = network(memory, first)?;
        if first.flags & TO_SEVERAL != 0 || !is_station(&source) {
            return Err(Bad);
        }
        let bytes = length(packet);
        let mut header = [0; HEADER_BYTES];
        let copied = bytes.min(HEADER_BYTES);
        memory.gather(packet, 0, &mut header[..copied])?;
        let header_bytes = usize::from(header[HEADER_LENGTH] >> 4) * 4;
        if header_bytes < FIXED_BYTES || header_bytes > copied {
            return Err(Bad);
        }
        Ok(Arrival {
            source,
            destination,
            header,
            header_bytes: header_bytes as u16,
            bytes: u16::try_from(bytes).map_err(|_| Bad)?,
            good: first.flags & CHECKSUM_GOOD != 0,
            hollow: false,
        })
    }

    /// The port that it was sent to.
    pub fn port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Whether it may begin a connection.
    pub fn may_open(&self) -> bool {
        self.header[13] & 2 != 0
    }

    /// Bytes of its payload.
    pub fn payload_bytes(&self) -> u16 {
        self.bytes - self.header_bytes
    }

    /// The pieces of its payload.
    pub fn payload(&self, packet: &[Packet]) -> impl Iterator<Item = Packet> {
        let mut skip = self.header_bytes;
        packet.iter().filter_map(move |piece| {
            let passed = skip.min(piece.bytes);
            skip -= passed;
            let bytes = piece.bytes - passed;
            let offset = piece.offset.saturating_add(passed);
            (bytes > 0).then_some(Packet { offset, bytes, ..*piece })
        })
    }

    /// Reads the header, if the checksum of it and of the payload is right. If the payload was lost, so was the end behind it.
    pub fn segment<M: Bytes>(
        &self,
        memory: &Buffers<M>,
        payload: &[Packet],
    ) -> Result<Segment, Bad> {
        let header = &self.header[..self.header_bytes.into()];
        if !self.good {
            let mut sum = pseudo_header(&self.source, &self.destination, TCP, self.bytes.into());
            sum.add(header);
            memory.add_to(&mut sum, payload)?;
            if sum.finish() != 0 {
                return Err(Bad);
            }
        }
        let (segment, _) = Segment::decode(header).map_err(|_| Bad)?;
        Ok(Segment { finish: segment.finish && !self.hollow, ..segment })
    }
}

/// A piece of payload as the engine knows it.
pub fn piece(payload: &Packet) -> Piece<u32> {
    Piece { buffer: payload.buffer, offset: payload.offset.into(), length: payload.bytes.into() }
}

/// Segments of one batch that are for the same principal.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Each with the number of its pieces of payload.
    arrivals: Vec<(Arrival, u16)>,
    payload: Vec<Packet>,
    /// Whether one of them may begin a connection.
    may_open: bool,
}

impl Arrivals {
    /// None, with room for so many. Most that come one at a time have no payload.
    pub fn with_room(count: usize) -> Self {
        Arrivals { arrivals: Vec::with_capacity(count), ..Arrivals::default() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// Who sent those that may begin a connection.
    pub fn strangers(&self) -> impl Iterator<Item = Address> {
        let all = if self.may_open { &self.arrivals[..] } else { &[] };
        all.iter().filter(|(arrival, _)| arrival.may_open()).map(|(arrival, _)| arrival.source)
    }

    /// Adds the segment of a packet.
    pub fn push(&mut self, arrival: Arrival, packet: &[Packet]) {
        let before = self.payload.len();
        if arrival.payload_bytes() > 0 {
            self.payload.reserve(packet.len());
            self.payload.extend(arrival.payload(packet));
        }
        self.may_open |= arrival.may_open();
        self.arrivals.push((arrival, (self.payload.len() - before) as u16));
    }

    /// The segments, each with its payload.
    pub fn iter(&self) -> impl Iterator<Item = (&Arrival, &[Packet])> {
        let mut rest = &self.payload[..];
        self.arrivals.iter().map(move |(arrival, pieces)| {
            let (own, behind) = rest.split_at(usize::from(*pieces));
            rest = behind;
            (arrival, own)
        })
    }

    /// All payload.
    pub fn payload(&self) -> &[Packet] {
        &self.payload
    }

    /// Keeps the first `count`; how many are lost.
    pub fn truncate(&mut self, count: usize) -> usize {
        let lost = self.len().saturating_sub(count);
        self.arrivals.truncate(count);
        let pieces = self.arrivals.iter().map(|(_, pieces)| usize::from(*pieces)).sum();
        self.payload.truncate(pieces);
        lost
    }

    /// Keeps what can be known without any payload: acknowledgments, if the checksum need not be computed. How many segments are not whole any more.
    pub fn lose_payload(&mut self) -> usize {
        self.payload.clear();
        let mut lost = 0;
        self.arrivals.retain_mut(|(arrival, pieces)| {
            arrival.hollow = core::mem::take(pieces) > 0;
            lost += usize::from(arrival.hollow);
            arrival.good || !arrival.hollow
        });
        lost
    }
}

/// Segments that wait, in the order in which they came.
#[derive(Debug, Default)]
pub struct Queue {
    batches: VecDeque<Arrivals>,
    /// Segments in all of them.
    count: usize,
}

impl Queue {
    /// How many more there is room for.
    pub fn room(&self) -> usize {
        MOST - self.count
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Puts segments in whose payload somebody holds. There must be room.
    pub fn push(&mut self, arrivals: Arrivals) {
        if !arrivals.is_empty() {
            self.count += arrivals.len();
            self.batches.push_back(arrivals);
        }
    }

    /// Takes the segments out that came first, and together.
    pub fn pop(&mut self) -> Option<Arrivals> {
        let arrivals = self.batches.pop_front()?;
        self.count -= arrivals.len();
        Some(arrivals)
    }

    /// Who sent segments that may begin a connection.
    pub fn strangers(&self) -> impl Iterator<Item = Address> {
        self.batches.iter().flat_map(Arrivals::strangers)
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;
    use warren_packets::testing::Plain;
    use warren_tcp::Sequence;

    use super::*;

    const FROM: Address = Address::v4(0x0a00_0202);
    const TO: Address = Address::v4(0x0a00_020f);

    /// A segment in memory, cut into pieces, with a header of IPv4 in front of the first.
    fn packet(
        memory: &Buffers<Plain>,
        segment: &Segment,
        data: &[u8],
        cuts: &[u16],
    ) -> Vec<Packet> {
        let mut bytes = vec![0; HEADER_BYTES];
        let header = segment.encode(&mut bytes);
        bytes.truncate(header);
        bytes.extend(data);
        let mut sum = pseudo_header(&FROM, &TO, TCP, bytes.len());
        sum.add(&bytes);
        bytes[16..18].copy_from_slice(&sum.finish().to_be_bytes());
        let mut network = [0; 20];
        network[0] = 0x45;
        network[12..16].copy_from_slice(&FROM.bytes[12..]);
        network[16..].copy_from_slice(&TO.bytes[12..]);
        let place = Packet { offset: 100, bytes: 20, ..Packet::default() };
        memory.write(&place, 0, &network).unwrap();
        let (mut pieces, mut at, mut buffer) = (Vec::new(), 0, 0);
        let ends = cuts.iter().map(|cut| usize::from(*cut)).chain([bytes.len()]);
        for end in ends {
            let end = end.clamp(at, bytes.len());
            let part = &bytes[at..end];
            let piece = Packet {
                buffer,
                offset: 120,
                bytes: part.len() as u16,
                network: 100,
                ..Packet::default()
            };
            memory.write(&piece, 0, part).unwrap();
            pieces.push(piece);
            (at, buffer) = (end, buffer + 1);
        }
        pieces
    }

    fn header() -> Segment {
        Segment { source_port: 5000, destination_port: 80, window: 100, ..Segment::default() }
    }

    proptest! {
        #[test]
        fn a_segment_is_read_however_it_lies(data in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(0u16..330, 0..4)) {
            let memory = Buffers::new(Plain::new(6));
            let packet = packet(&memory, &header(), &data, &cuts);
            let arrival = Arrival::read(&memory, &packet).unwrap();
            prop_assert_eq!((arrival.source, arrival.destination, arrival.port()), (FROM, TO, 80));
            prop_assert_eq!(usize::from(arrival.payload_bytes()), data.len());
            let payload: Vec<Packet> = arrival.payload(&packet).collect();
            let mut read = vec![0; data.len()];
            memory.gather(&payload, 0, &mut read).ok();
            prop_assert_eq!(&read, &data);
            prop_assert_eq!(arrival.segment(&memory, &payload), Ok(header()));
        }

        #[test]
        fn what_was_changed_on_its_way_is_no_segment(at in 0usize..60, bit in 0u32..8) {
            let memory = Buffers::new(Plain::new(1));
            let packet = packet(&memory, &header(), &[5; 40], &[]);
            let mut byte = [0];
            memory.read(&packet[0], at, &mut byte).unwrap();
            memory.write(&packet[0], at, &[byte[0] ^ 1 << bit]).unwrap();
            let read = Arrival::read(&memory, &packet).and_then(|arrival| {
                let payload: Vec<Packet> = arrival.payload(&packet).collect();
                arrival.segment(&memory, &payload)
            });
            prop_assert_eq!(read, Err(Bad));
        }

        #[test]
        fn any_records_are_read_in_bounds(fields: [[u16; 4]; 2], bytes: [u8; 60]) {
            let memory = Buffers::new(Plain::new(2));
            let whole = Packet { bytes: 60, ..Packet::default() };
            memory.write(&whole, 0, &bytes).unwrap();
            let packet = fields.map(|[buffer, offset, bytes, network]| Packet {
                buffer: buffer.into(), offset, bytes: bytes % 200, network, ..Packet::default()
            });
            if let Ok(arrival) = Arrival::read(&memory, &packet) {
                let payload: Vec<Packet> = arrival.payload(&packet).collect();
                prop_assert_eq!(length(&payload), usize::from(arrival.payload_bytes()));
                let _ = arrival.segment(&memory, &payload);
            }
        }
    }

    #[test]
    fn what_was_sent_to_several_stations_is_no_segment() {
        let memory = Buffers::new(Plain::new(1));
        let mut packet = packet(&memory, &header(), &[], &[]);
        packet[0].flags = TO_SEVERAL;
        assert_eq!(Arrival::read(&memory, &packet), Err(Bad));
    }

    fn arrivals(memory: &Buffers<Plain>, packets: &[&[Packet]]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for packet in packets {
            arrivals.push(Arrival::read(memory, packet).unwrap(), packet);
        }
        arrivals
    }

    #[test]
    fn what_finds_no_room_is_lost_with_its_payload() {
        let memory = Buffers::new(Plain::new(3));
        let long = packet(&memory, &header(), &[1; 200], &[100]);
        let short = packet(&memory, &header(), &[], &[]);
        let mut some = arrivals(&memory, &[&long, &short, &long, &long]);
        assert_eq!((some.truncate(3), some.len(), some.payload().len()), (1, 3, 4));
        assert_eq!(some.iter().map(|(_, own)| own.len()).collect::<Vec<_>>(), [2, 0, 2]);
        assert_eq!((some.truncate(5), some.len()), (0, 3));
        assert_eq!((some.lose_payload(), some.len(), some.payload().len()), (2, 1, 0));
    }

    #[test]
    fn without_its_payload_a_segment_still_acknowledges_but_does_not_end() {
        let memory = Buffers::new(Plain::new(2));
        let header = Segment { acknowledgment: Some(Sequence(7)), finish: true, ..header() };
        let mut packet = packet(&memory, &header, &[1; 200], &[100]);
        packet[0].flags = CHECKSUM_GOOD;
        let mut some = arrivals(&memory, &[&packet]);
        assert_eq!((some.lose_payload(), some.len()), (1, 1));
        let (arrival, payload) = some.iter().next().unwrap();
        let expected = Segment { finish: false, ..header };
        assert_eq!((arrival.segment(&memory, payload), payload.len()), (Ok(expected), 0));
    }

    #[test]
    fn those_who_may_begin_a_connection_are_known() {
        let memory = Buffers::new(Plain::new(1));
        let opening = packet(&memory, &Segment { synchronize: true, ..header() }, &[], &[]);
        let mut queue = Queue::default();
        queue.push(arrivals(&memory, &[&opening]));
        let other = packet(&memory, &header(), &[], &[]);
        queue.push(arrivals(&memory, &[&other]));
        assert_eq!(queue.strangers().collect::<Vec<_>>(), [FROM]);
    }

    #[test]
    fn segments_leave_the_queue_as_they_came() {
        let memory = Buffers::new(Plain::new(3));
        let mut queue = Queue::default();
        let (long, short) =
            (packet(&memory, &header(), &[1; 200], &[100]), packet(&memory, &header(), &[], &[]));
        queue.push(arrivals(&memory, &[&long, &short]));
        queue.push(arrivals(&memory, &[&long]));
        queue.push(Arrivals::default());
        assert_eq!(queue.room(), MOST - 3);
        let mut lengths = Vec::new();
        while let Some(arrivals) = queue.pop() {
            lengths.extend(arrivals.iter().map(|(_, own)| length(own)));
        }
        assert_eq!(lengths, [200, 0, 200]);
        assert!(queue.is_empty() && queue.room() == MOST);
    }
}
