//! Segments on their way out: headers in buffers of their own, payload where it was written.

use alloc::vec::Vec;

use warren_idl::{
    Address, BATCH, BUFFER_BYTES, CHECKSUM_FILL, HEADROOM, OFFLOAD_CHECKSUM, PIECES, Packet,
    SEGMENT_IPV6, WHOLE,
};
use warren_packets::{Batch, Buffers, Bytes, Indices, batch::length, pseudo_header};
use warren_tcp::{Flow, HEADER_BYTES, Outgoing, Output, Segment};

use crate::{
    arrival::TCP,
    ports::{Owner, Ports},
    remembered::Remembered,
    stack::KEPT_FOR_HEADERS,
    ways::Ways,
};

/// Bytes from one header to the next: room for those of the layers below, and the longest of TCP.
const HEADER_STRIDE: usize = (HEADROOM + HEADER_BYTES).next_multiple_of(64);
/// Where in a header its checksum stands.
const CHECKSUM: usize = 16;
/// Batches that are made at a time.
const MOST_BATCHES: usize = 4;

/// Buffers that are held to be sent, or not needed any more.
#[derive(Debug, Default)]
pub struct Stock {
    /// Those in which nothing is yet.
    pub fresh: Indices,
    /// Those of segments that have arrived, and are to be given back.
    pub spent: Indices,
    /// Those of segments that were sent, which are to be given back when none of these is still to be handed on.
    pub sent: Indices,
    /// Where the next header goes.
    header: Option<(u32, usize)>,
    /// Room for the records of a segment, of which there are none in between.
    pieces: Vec<Packet>,
}

impl Stock {
    /// A place for a header, in a buffer that is held.
    fn header(&mut self) -> Option<Packet> {
        let (buffer, start) = match self.header.take() {
            Some(place) => place,
            None => (self.fresh.pop()?, 0),
        };
        let next = start + HEADER_STRIDE;
        match next + HEADER_STRIDE <= BUFFER_BYTES {
            true => self.header = Some((buffer, next)),
            false => self.sent.push(buffer),
        }
        Some(Packet { buffer, offset: (start + HEADROOM) as u16, ..Packet::default() })
    }

    /// Whether there is a place for a header.
    pub fn has_header(&self) -> bool {
        self.header.is_some() || !self.fresh.is_empty()
    }
}

/// Segments from one of this side's addresses to one station.
#[derive(Debug)]
pub struct ToStation {
    /// The address.
    pub source: Address,
    /// The station.
    pub destination: Address,
    /// What the link does by itself.
    offloads: u32,
    /// The segments.
    pub segments: Batch,
}

/// What an engine sends, until it is handed to the layer below.
pub struct Sending<'a, M: Bytes> {
    /// The packet memory.
    pub memory: &'a Buffers<M>,
    /// The principal's buffers.
    pub stock: &'a mut Stock,
    /// Whose ports are whose.
    pub ports: &'a mut Ports,
    /// Where connections are noted for this server's next life.
    pub remembered: &'a Remembered<M>,
    /// The principal.
    pub owner: Owner,
    /// What is known of ways.
    pub ways: &'a Ways,
    /// What was sent.
    pub batches: &'a mut Vec<ToStation>,
}

impl<M: Bytes> Sending<'_, M> {
    /// What the link on the way to a station does by itself. If that is not known now, everything is done here.
    fn offloads(&self, destination: &Address) -> u32 {
        match self.batches.last().filter(|last| last.destination == *destination) {
            Some(last) => last.offloads,
            None => self.ways.get(destination).flatten().map_or(0, |known| known.way.offloads),
        }
    }

    /// Writes the header of a segment to its place. The checksum is computed, or only begun if the link goes on with it.
    fn write_header(
        &self,
        header: &Segment,
        [source, destination]: [&Address; 2],
        offloads: u32,
        pieces: &mut [Packet],
    ) -> Option<()> {
        let mut bytes = [0; HEADER_BYTES];
        let header_bytes = header.encode(&mut bytes);
        let (first, payload) = pieces.split_first_mut()?;
        let total = header_bytes + length(payload);
        let mut sum = pseudo_header(source, destination, TCP, total);
        // Who cuts, sums.
        if offloads & OFFLOAD_CHECKSUM != 0 || first.segment_bytes != 0 {
            first.flags |= CHECKSUM_FILL;
            (first.checksum_start, first.checksum_offset) = (first.offset, CHECKSUM as u16);
            bytes[CHECKSUM..][..2].copy_from_slice(&(!sum.finish()).to_be_bytes());
        } else {
            sum.add(&bytes[..header_bytes]);
            self.memory.add_to(&mut sum, payload).ok()?;
            bytes[CHECKSUM..][..2].copy_from_slice(&sum.finish().to_be_bytes());
        }
        first.bytes = header_bytes as u16;
        self.memory.write(first, 0, &bytes[..header_bytes]).ok()
    }

    /// The batch between two stations that has room for so many records.
    fn batch(
        &mut self,
        [source, destination]: [&Address; 2],
        offloads: u32,
        records: usize,
    ) -> Option<&mut Batch> {
        let fits = self.batches.last().is_some_and(|last| {
            last.destination == *destination
                && last.source == *source
                && last.segments.room() >= records
        });
        if !fits {
            let segments = Batch::new();
            let (source, destination) = (*source, *destination);
            self.batches.push(ToStation { source, destination, offloads, segments });
        }
        self.batches.last_mut().map(|last| &mut last.segments)
    }
}

/// There are headers for the answers to all segments that arrive together.
const _: () = assert!(KEPT_FOR_HEADERS * (BUFFER_BYTES / HEADER_STRIDE) >= BATCH);

impl<M: Bytes> Output<u32> for Sending<'_, M> {
    fn send(&mut self, segment: Outgoing<'_, u32>) {
        let [source, destination] = [segment.flow.local, segment.flow.remote].map(Address::from);
        let (between, offloads) = ([&source, &destination], self.offloads(&destination));
        // Without a place it is lost, as it could be on its way.
        let Some(first) = self.stock.header() else { return };
        let mut pieces = core::mem::take(&mut self.stock.pieces);
        pieces.push(first);
        pieces.extend(segment.pieces().take(PIECES - 1).map(|piece| {
            let (offset, bytes) = (piece.offset as u16, piece.length as u16);
            Packet { buffer: piece.buffer, offset, bytes, ..Packet::default() }
        }));
        (0..).zip(pieces.iter_mut().rev()).for_each(|(behind, piece)| piece.more = behind);
        if segment.payload.bytes() > segment.segment_bytes.into() {
            pieces[0].segment_bytes = segment.segment_bytes;
        }
        pieces[0].flags = match destination.as_v4() {
            Some(_) if segment.whole => WHOLE,
            None if pieces[0].segment_bytes != 0 => SEGMENT_IPV6,
            _ => 0,
        };
        if self.write_header(&segment.header, between, offloads, &mut pieces).is_some()
            && let Some(batch) = self.batch(between, offloads, pieces.len())
        {
            // There is room: it was looked for.
            batch.push_packet(&pieces).ok();
        }
        pieces.clear();
        self.stock.pieces = pieces;
    }

    fn release(&mut self, buffer: u32) {
        self.stock.spent.push(buffer);
    }

    fn acknowledged(&mut self, buffer: u32) {
        self.stock.sent.push(buffer);
    }

    fn opened(&mut self, flow: &Flow) {
        self.ports.hold(flow.local_port, self.owner);
        self.remembered.note(flow);
    }

    fn forgotten(&mut self, flow: &Flow) {
        self.ports.release(flow.local_port);
        self.remembered.forget(flow);
    }

    fn has_room(&self) -> bool {
        self.batches.len() < MOST_BATCHES && self.stock.has_header()
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use warren_idl::Way;
    use warren_packets::testing::Plain;
    use warren_tcp::{Engine, Path, Piece, Sequence, Settings};

    use super::*;
    use crate::{arrival::Arrival, ways::Known};

    const HERE: Address = Address::v4(0x0a00_020f);
    const THERE: Address = Address::v4(0x0a00_0202);

    fn address(address: Address) -> IpAddr {
        address.ip()
    }

    /// An engine, and what it needs to send.
    struct World {
        memory: Buffers<Plain>,
        stock: Stock,
        ports: Ports,
        engine: Engine<u32>,
        ways: Ways,
    }

    impl World {
        fn new(offloads: u32) -> Self {
            let mut stock = Stock::default();
            (0..8).for_each(|buffer| stock.fresh.push(buffer));
            let mut ways = Ways::default();
            let way = Way { destination: THERE, offloads, ..Way::default() };
            ways.note(THERE, Some(Known { way, endpoint: 0 }));
            World {
                memory: Buffers::new(Plain::new(16)),
                stock,
                ports: Ports::new([1; 16]),
                engine: Engine::new(Settings::default(), [2; 16]),
                ways,
            }
        }

        fn with<T>(
            &mut self,
            act: impl FnOnce(&mut Engine<u32>, &mut Sending<'_, Plain>) -> T,
        ) -> (T, Vec<ToStation>) {
            let World { memory, stock, ports, engine, ways } = self;
            let remembered = &Remembered::new(None);
            let mut batches = Vec::new();
            let (owner, batches_out) = (1, &mut batches);
            let mut sending =
                Sending { memory, stock, ports, remembered, owner, ways, batches: batches_out };
            let result = act(engine, &mut sending);
            (result, batches)
        }

        /// A connection that is open, to a station that takes everything.
        fn connected(&mut self, path: Path) -> warren_tcp::Name {
            let local = (address(HERE), 50_000).into();
            let remote = (address(THERE), 80).into();
            let (name, sent) = self.with(|engine, output| {
                let name = engine.connect(0, local, remote, path, output).unwrap();
                engine.transmit(0, output);
                name
            });
            let opening = self.read(&sent[0].segments, 0);
            let answer = Segment {
                source_port: 80,
                destination_port: 50_000,
                sequence: Sequence(7),
                acknowledgment: Some(opening.sequence + 1),
                synchronize: true,
                window: 60_000,
                ..Segment::default()
            };
            self.with(|engine, output| {
                let from = (address(HERE), address(THERE));
                engine.receive(1, from, &path, &answer, &[], output);
                engine.transmit(1, output);
            });
            name
        }

        /// Reads a segment of a batch as whoever it is sent to would.
        fn read(&self, batch: &Batch, number: usize) -> Segment {
            let mut packet: Vec<Packet> = batch.packets().nth(number).unwrap().into();
            let mut network = [0; 20];
            network[0] = 0x45;
            network[12..16].copy_from_slice(&HERE.bytes[12..]);
            network[16..20].copy_from_slice(&THERE.bytes[12..]);
            let place = Packet { offset: packet[0].offset - 20, bytes: 20, ..packet[0] };
            self.memory.write(&place, 0, &network).unwrap();
            packet[0].network = place.offset;
            let arrival = Arrival::read(&self.memory, &packet).unwrap();
            let payload: Vec<Packet> = arrival.payload(&packet).collect();
            arrival.segment(&self.memory, &payload).unwrap()
        }
    }

    #[test]
    fn a_segment_leaves_with_a_right_checksum() {
        let mut world = World::new(0);
        let name = world.connected(Path::ETHERNET);
        let piece = Packet { buffer: 12, offset: 5, bytes: 301, ..Packet::default() };
        world.memory.write(&piece, 0, &[0xa5; 301]).unwrap();
        let ((), sent) = world.with(|engine, output| {
            engine.write(name, Piece { buffer: 12, offset: 5, length: 301 }, output).unwrap();
            engine.transmit(2, output);
        });
        let segment = world.read(&sent[0].segments, 0);
        assert!(segment.push && sent[0].destination == THERE);
        let packet = sent[0].segments.packets().next().unwrap();
        assert_eq!((packet[1].buffer, packet[1].offset, packet[1].bytes), (12, 5, 301));
        assert_eq!((packet[0].more, packet[1].more), (1, 0));
    }

    #[test]
    fn a_link_that_can_does_the_rest() {
        let mut world = World::new(OFFLOAD_CHECKSUM);
        let path = Path { offload_bytes: 60_000, offload_pieces: PIECES - 1, ..Path::ETHERNET };
        let local = (address(HERE), 50_000).into();
        let remote = (address(THERE), 80).into();
        let (_, sent) = world.with(|engine, output| {
            engine.connect(0, local, remote, path, output).unwrap();
            engine.transmit(0, output);
        });
        let first = sent[0].segments.records()[0];
        assert_eq!((first.flags, first.segment_bytes), (CHECKSUM_FILL | WHOLE, 0));
        assert_eq!((first.checksum_start, first.checksum_offset), (first.offset, 16));
        let mut field = [0; 2];
        world.memory.read(&first, CHECKSUM, &mut field).unwrap();
        let expected = !pseudo_header(&HERE, &THERE, TCP, first.bytes.into()).finish();
        assert_eq!(u16::from_be_bytes(field), expected);
    }

    #[test]
    fn headers_have_room_in_front_and_buffers_are_given_back_when_they_are_full() {
        let mut stock = Stock::default();
        stock.fresh.push(3);
        let mut places = Vec::new();
        while let Some(place) = stock.header() {
            places.push(usize::from(place.offset));
        }
        assert_eq!(places.len(), BUFFER_BYTES / HEADER_STRIDE);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= HEADROOM + HEADER_BYTES));
        assert!(places.iter().all(|place| *place >= HEADROOM));
        assert!(places.iter().all(|place| place + HEADER_BYTES <= BUFFER_BYTES));
        assert_eq!((stock.sent.as_slice(), stock.spent.len()), (&[3][..], 0));
    }

    #[test]
    fn a_connection_holds_its_port_until_it_is_forgotten() {
        let mut world = World::new(0);
        let name = world.connected(Path::ETHERNET);
        assert_eq!(world.ports.owner(50_000), Some(1));
        world.with(|engine, output| engine.abort(3, name, output)).0.unwrap();
        assert_eq!(world.ports.owner(50_000), None);
    }
}
