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
use warren_tcp::{FIXED_BYTES, HEADER_BYTES, Piece, Segment, Together, goes_on};

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
        self.check(memory, payload)?;
        let (segment, _) = Segment::decode(self.header()).map_err(|_| Bad)?;
        Ok(Segment { finish: segment.finish && !self.hollow, ..segment })
    }

    fn header(&self) -> &[u8] {
        &self.header[..self.header_bytes.into()]
    }

    /// Whether the checksum is right.
    fn check<M: Bytes>(&self, memory: &Buffers<M>, payload: &[Packet]) -> Result<(), Bad> {
        if self.good {
            return Ok(());
        }
        let mut sum = pseudo_header(&self.source, &self.destination, TCP, self.bytes.into());
        sum.add(self.header());
        memory.add_to(&mut sum, payload)?;
        if sum.finish() == 0 { Ok(()) } else { Err(Bad) }
    }

    /// Whether it only goes on with a segment that has so many bytes of payload.
    fn goes_on_with(&self, first: &Arrival, payload: u32) -> bool {
        (self.source, self.destination) == (first.source, first.destination)
            && !self.hollow
            && goes_on(first.header(), payload, self.header())
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
            if before == 0 {
                // If one has payload, mostly all have.
                self.payload.reserve(self.arrivals.capacity());
            }
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

    /// The same, with those together that can be handed over as one.
    pub fn runs(&self) -> Runs<'_> {
        Runs { arrivals: &self.arrivals, payload: &self.payload }
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

    /// Keeps what can be known without any payload: acknowledgments, of segments whose checksum is right. How many segments are not whole any more.
    pub fn lose_payload<M: Bytes>(&mut self, memory: &Buffers<M>) -> usize {
        let (mut lost, mut at) = (0, 0);
        let payload = core::mem::take(&mut self.payload);
        self.arrivals.retain_mut(|(arrival, pieces)| {
            let count = usize::from(core::mem::take(pieces));
            let own = &payload[at..at + count];
            at += count;
            arrival.hollow = count > 0;
            lost += usize::from(arrival.hollow);
            arrival.good |= arrival.hollow && arrival.check(memory, own).is_ok();
            arrival.good || !arrival.hollow
        });
        lost
    }
}

/// Segments of a batch that are still to be handed over.
pub struct Runs<'a> {
    arrivals: &'a [(Arrival, u16)],
    payload: &'a [Packet],
}

/// Segments that can be handed over as one.
pub struct Run<'a> {
    /// The first of them.
    pub first: &'a Arrival,
    /// Its header; `Bad` if it is none. Then nothing goes on with it.
    pub segment: Result<Segment, Bad>,
    /// The payload of all.
    pub payload: &'a [Packet],
}

impl<'a> Runs<'a> {
    /// The next segment, and those behind it which only go on with it, as far as `together` says of it. Their checksums are right.
    pub fn next<M: Bytes>(
        &mut self,
        memory: &Buffers<M>,
        together: impl FnOnce(&Arrival, &Segment) -> Together,
    ) -> Option<Run<'a>> {
        let ((first, pieces), mut behind) = self.arrivals.split_first()?;
        let mut pieces = usize::from(*pieces);
        let segment = first.segment(memory, &self.payload[..pieces]);
        if let (Ok(segment), [(next, _), ..]) = (&segment, behind) {
            let mut bytes = length(&self.payload[..pieces]) as u32;
            if next.goes_on_with(first, bytes) {
                let most = together(first, segment);
                while let Some(((next, more), others)) = behind.split_first()
                    && next.goes_on_with(first, bytes)
                    && bytes + u32::from(next.payload_bytes()) <= most.bytes
                    && pieces + usize::from(*more) <= most.pieces
                    && next.check(memory, &self.payload[pieces..][..(*more).into()]).is_ok()
                {
                    bytes += u32::from(next.payload_bytes());
                    pieces += usize::from(*more);
                    behind = others;
                }
            }
        }
        let (payload, rest) = self.payload.split_at(pieces);
        (self.arrivals, self.payload) = (behind, rest);
        Some(Run { first, segment, payload })
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
        let lost = some.lose_payload(&memory);
        assert_eq!((lost, some.payload().len()), (2, 0));
    }

    #[test]
    fn without_its_payload_a_segment_still_acknowledges_but_does_not_end() {
        let memory = Buffers::new(Plain::new(2));
        let header = Segment { acknowledgment: Some(Sequence(7)), finish: true, ..header() };
        let packet = packet(&memory, &header, &[1; 200], &[100]);
        let mut some = arrivals(&memory, &[&packet]);
        assert_eq!((some.lose_payload(&memory), some.len()), (1, 1));
        let (arrival, payload) = some.iter().next().unwrap();
        let expected = Segment { finish: false, ..header };
        assert_eq!((arrival.segment(&memory, payload), payload.len()), (Ok(expected), 0));
        memory.write(&packet[1], 0, &[2]).unwrap();
        let mut some = arrivals(&memory, &[&packet]);
        assert_eq!((some.lose_payload(&memory), some.len()), (1, 0), "it was changed on its way");
    }

    /// A segment of ten bytes at a position, in a buffer of its own.
    fn ten(memory: &Buffers<Plain>, buffer: u32, position: u32) -> Vec<Packet> {
        let acknowledgment = Some(Sequence(7));
        let header = Segment { sequence: Sequence(position), acknowledgment, ..header() };
        let mut pieces = packet(memory, &header, &[5; 10], &[]);
        let (mut network, mut bytes) = ([0; 20], [0; 30]);
        memory.read_buffer(0, 100, &mut network).unwrap();
        memory.read(&pieces[0], 0, &mut bytes).unwrap();
        pieces[0].buffer = buffer;
        memory.write(&Packet { offset: 100, bytes: 20, ..pieces[0] }, 0, &network).unwrap();
        memory.write(&pieces[0], 0, &bytes).unwrap();
        pieces
    }

    /// How many pieces each run has, and whether it is right.
    fn runs(
        memory: &Buffers<Plain>,
        arrivals: &Arrivals,
        together: Together,
    ) -> Vec<(usize, bool)> {
        let mut runs = arrivals.runs();
        core::iter::from_fn(|| runs.next(memory, |_, _| together))
            .map(|run| (run.payload.len(), run.segment.is_ok()))
            .collect()
    }

    #[test]
    fn segments_that_go_on_with_each_other_are_one_run_as_far_as_there_is_room() {
        let memory = Buffers::new(Plain::new(8));
        let all: Vec<_> =
            (1..).zip([0, 10, 20, 40, 50, 7]).map(|(at, from)| ten(&memory, at, from)).collect();
        let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
        let some = arrivals(&memory, &all);
        let most = Together { bytes: 100, pieces: 100 };
        assert_eq!(runs(&memory, &some, most), [(3, true), (2, true), (1, true)]);
        assert_eq!(
            runs(&memory, &some, Together { bytes: 29, ..most }),
            [(2, true), (1, true), (2, true), (1, true)]
        );
        assert_eq!(runs(&memory, &some, Together { pieces: 1, ..most }), [(1, true); 6]);
        assert_eq!(runs(&memory, &some, Together::default()), [(1, true); 6]);
    }

    #[test]
    fn what_was_changed_on_its_way_is_in_no_run() {
        let memory = Buffers::new(Plain::new(8));
        let mut all: Vec<_> =
            (1..).zip([0, 10, 20, 30]).map(|(at, from)| ten(&memory, at, from)).collect();
        memory.write(&all[1][0], 25, &[6]).unwrap();
        let most = Together { bytes: 100, pieces: 100 };
        let slices: Vec<_> = all.iter().map(Vec::as_slice).collect();
        let some = arrivals(&memory, &slices);
        assert_eq!(runs(&memory, &some, most), [(1, true), (1, false), (2, true)]);
        // The device has looked.
        all.iter_mut().for_each(|packet| packet[0].flags = CHECKSUM_GOOD);
        let slices: Vec<_> = all.iter().map(Vec::as_slice).collect();
        let mut some = arrivals(&memory, &slices);
        assert_eq!(runs(&memory, &some, most), [(4, true)]);
        some.lose_payload(&memory);
        assert_eq!(runs(&memory, &some, most), [(0, true); 4]);
    }

    #[test]
    fn segments_of_other_stations_are_in_other_runs() {
        let memory = Buffers::new(Plain::new(8));
        let all: Vec<_> = (1..).zip([0, 10]).map(|(at, from)| ten(&memory, at, from)).collect();
        let packet = Packet { offset: 112, bytes: 4, ..all[1][0] };
        memory.write(&packet, 0, &[10, 0, 2, 3]).unwrap();
        let mut some = Arrivals::default();
        for mut packet in all {
            packet[0].flags = CHECKSUM_GOOD;
            some.push(Arrival::read(&memory, &packet).unwrap(), &packet);
        }
        let most = Together { bytes: 100, pieces: 100 };
        assert_eq!(runs(&memory, &some, most), [(1, true); 2]);
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
