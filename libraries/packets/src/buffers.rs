//! The bytes that records name.

use warren::{Mapping, Out};
use warren_idl::{
    BUFFER_BYTES, EndpointError, EthernetError, HEADROOM, NeighbourhoodError, Packet, SinkError,
};

use crate::{
    Batch, Indices,
    checksum::{self, Sum},
};

/// A record or a batch that is not to be used, or a packet that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad;

/// What [`Bad`] is called in front of other servers.
macro_rules! bad_records {
    ($($error:ty),+) => {
        $(impl From<Bad> for $error {
            fn from(Bad: Bad) -> Self {
                Self::BadRecord
            }
        })+
    };
}
bad_records!(EndpointError, EthernetError, NeighbourhoodError, SinkError);

/// Memory that others may change at any time.
pub trait Bytes {
    /// Its length.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Copies bytes from `offset` on.
    fn copy_out(&self, offset: usize, bytes: &mut [u8]);
    /// Copies bytes from `offset` on into all of a caller's buffer.
    fn copy_to(&self, offset: usize, out: &mut Out<'_>);
    /// Overwrites bytes from `offset` on.
    fn copy_in(&self, offset: usize, bytes: &[u8]);
    /// Sums bytes from `offset` on, as [`checksum::sum`] does it, and reads each once.
    fn sum(&self, offset: usize, count: usize) -> u64 {
        let (mut chunk, mut all, mut at) = ([0; CHUNK], 0, 0);
        while at < count {
            let part = &mut chunk[..CHUNK.min(count - at)];
            self.copy_out(offset + at, part);
            all = checksum::plus(all, checksum::sum(part));
            at += part.len();
        }
        all
    }
}

impl Bytes for Mapping {
    fn len(&self) -> usize {
        Mapping::len(self)
    }
    fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        Mapping::copy_out(self, offset, bytes);
    }
    fn copy_to(&self, offset: usize, out: &mut Out<'_>) {
        Mapping::copy_to(self, offset, out);
    }
    fn copy_in(&self, offset: usize, bytes: &[u8]) {
        Mapping::copy_in(self, offset, bytes);
    }
    fn sum(&self, offset: usize, count: usize) -> u64 {
        Mapping::sum(self, offset, count)
    }
}

/// Bytes that are copied and summed at a time, where they are copied: a multiple of the bytes of a word.
const CHUNK: usize = 512;

/// The buffers of a stack's packet memory, as they are mapped.
#[derive(Debug)]
pub struct Buffers<M = Mapping> {
    memory: M,
}

impl<M: Bytes> Buffers<M> {
    /// The buffers in this memory.
    pub fn new(memory: M) -> Self {
        Buffers { memory }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.memory.len() / BUFFER_BYTES
    }

    /// Where in the memory a buffer starts, if there is one of this index.
    pub fn start(&self, buffer: u32) -> Result<usize, Bad> {
        let index = buffer as usize;
        if index < self.count() { Ok(index * BUFFER_BYTES) } else { Err(Bad) }
    }

    /// Where in the memory a piece starts, if it lies in a buffer.
    pub fn place(&self, piece: &Packet) -> Result<usize, Bad> {
        let end = usize::from(piece.offset) + usize::from(piece.bytes);
        if end > BUFFER_BYTES {
            return Err(Bad);
        }
        Ok(self.start(piece.buffer)? + usize::from(piece.offset))
    }

    /// Whether all pieces of a packet lie in buffers.
    pub fn check(&self, pieces: &[Packet]) -> Result<(), Bad> {
        pieces.iter().try_for_each(|piece| self.place(piece).map(drop))
    }

    /// Copies the first bytes of a piece, all of which must lie in it.
    pub fn header<const N: usize>(&self, piece: &Packet) -> Result<[u8; N], Bad> {
        let mut bytes = [0; N];
        self.read(piece, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes of a piece from `at` on, all of which must lie in it.
    pub fn read(&self, piece: &Packet, at: usize, bytes: &mut [u8]) -> Result<(), Bad> {
        let start = self.place(piece)?;
        inside(piece, at, bytes.len())?;
        self.memory.copy_out(start + at, bytes);
        Ok(())
    }

    /// Overwrites bytes of a piece from `at` on, all of which must lie in it.
    pub fn write(&self, piece: &Packet, at: usize, bytes: &[u8]) -> Result<(), Bad> {
        let start = self.place(piece)?;
        inside(piece, at, bytes.len())?;
        self.memory.copy_in(start + at, bytes);
        Ok(())
    }

    /// Copies bytes of a buffer from `offset` on, wherever packets are in it.
    pub fn read_buffer(&self, buffer: u32, offset: usize, bytes: &mut [u8]) -> Result<(), Bad> {
        let start = self.start(buffer)?;
        let fits = offset.checked_add(bytes.len()).is_some_and(|end| end <= BUFFER_BYTES);
        if !fits {
            return Err(Bad);
        }
        self.memory.copy_out(start + offset, bytes);
        Ok(())
    }

    /// Spreads data over these buffers, as one packet with room for headers before it.
    ///
    /// # Errors
    ///
    /// They are not buffers, or more than travel together.
    pub fn spread(&self, buffers: &Indices, data: &[u8]) -> Result<Batch, Bad> {
        let mut packet = Batch::new();
        let mut rest = data;
        for (number, buffer) in buffers.as_slice().iter().enumerate() {
            let offset = if number == 0 { HEADROOM } else { 0 };
            let (bytes, behind) = rest.split_at(rest.len().min(BUFFER_BYTES - offset));
            let piece = Packet {
                buffer: *buffer,
                offset: offset as u16,
                bytes: bytes.len() as u16,
                more: (buffers.len() - 1 - number) as u16,
                ..Packet::default()
            };
            self.write(&piece, 0, bytes)?;
            packet.push(piece)?;
            rest = behind;
        }
        Ok(packet)
    }

    /// The same, with a header before the data.
    ///
    /// # Errors
    ///
    /// Those of [`Buffers::spread`], and there is no room for the header.
    pub fn spread_behind(
        &self,
        buffers: &Indices,
        header: &[u8],
        data: &[u8],
    ) -> Result<Batch, Bad> {
        let mut packet = self.spread(buffers, data)?;
        self.prepend(packet.first_mut().ok_or(Bad)?, header)?;
        Ok(packet)
    }

    /// Puts a header in front of a packet. There must be room for it.
    pub fn prepend(&self, first: &mut Packet, header: &[u8]) -> Result<(), Bad> {
        let bytes = u16::try_from(header.len()).map_err(|_| Bad)?;
        let longer = Packet {
            offset: first.offset.checked_sub(bytes).ok_or(Bad)?,
            bytes: first.bytes.checked_add(bytes).ok_or(Bad)?,
            ..*first
        };
        self.write(&longer, 0, header)?;
        *first = longer;
        Ok(())
    }

    /// Copies bytes of a packet from `at` on, across its pieces; all must lie in it.
    pub fn gather(&self, pieces: &[Packet], mut at: usize, bytes: &mut [u8]) -> Result<(), Bad> {
        let mut done = 0;
        for piece in pieces {
            let length = usize::from(piece.bytes);
            let count = length.saturating_sub(at).min(bytes.len() - done);
            if count > 0 {
                self.read(piece, at, &mut bytes[done..done + count])?;
                done += count;
            }
            at = at.saturating_sub(length);
        }
        if done == bytes.len() { Ok(()) } else { Err(Bad) }
    }

    /// Copies all bytes of a piece into a caller's buffer, which is as long.
    pub fn read_to(&self, piece: &Packet, out: &mut Out<'_>) -> Result<(), Bad> {
        let start = self.place(piece)?;
        inside(piece, 0, out.len())?;
        self.memory.copy_to(start, out);
        Ok(())
    }

    /// Sums the bytes of a packet.
    pub fn sum(&self, pieces: &[Packet]) -> Result<Sum, Bad> {
        let mut sum = Sum::default();
        self.add_to(&mut sum, pieces)?;
        Ok(sum)
    }

    /// Adds the bytes of a packet to a sum.
    pub fn add_to(&self, sum: &mut Sum, pieces: &[Packet]) -> Result<(), Bad> {
        for piece in pieces {
            let bytes = usize::from(piece.bytes);
            sum.append(self.memory.sum(self.place(piece)?, bytes), bytes);
        }
        Ok(())
    }
}

/// How many buffers [`Buffers::spread`] needs for so many bytes.
pub fn needed(bytes: usize) -> usize {
    (HEADROOM + bytes).div_ceil(BUFFER_BYTES)
}

/// Takes a header off a packet.
pub fn strip(first: &mut Packet, bytes: usize) -> Result<(), Bad> {
    let bytes = u16::try_from(bytes).map_err(|_| Bad)?;
    first.bytes = first.bytes.checked_sub(bytes).ok_or(Bad)?;
    first.offset = first.offset.checked_add(bytes).ok_or(Bad)?;
    Ok(())
}

fn inside(piece: &Packet, at: usize, count: usize) -> Result<(), Bad> {
    let end = at.checked_add(count).ok_or(Bad)?;
    if end <= usize::from(piece.bytes) { Ok(()) } else { Err(Bad) }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;
    use crate::testing::Plain;

    fn piece(buffer: u32, offset: u16, bytes: u16) -> Packet {
        Packet { buffer, offset, bytes, ..Packet::default() }
    }

    #[test]
    fn a_header_is_put_on_and_taken_off() {
        let buffers = Buffers::new(Plain::new(2));
        let mut packet = piece(1, 100, 4);
        buffers.write(&packet, 0, b"data").unwrap();
        buffers.prepend(&mut packet, b"header").unwrap();
        assert_eq!(packet, piece(1, 94, 10));
        assert_eq!(&buffers.header::<10>(&packet).unwrap(), b"headerdata");
        strip(&mut packet, 6).unwrap();
        assert_eq!(packet, piece(1, 100, 4));
        assert_eq!(strip(&mut packet, 5), Err(Bad));
        assert_eq!(buffers.prepend(&mut packet, &[0; 101]), Err(Bad));
        assert_eq!(packet, piece(1, 100, 4));
    }

    #[test]
    fn data_is_spread_over_as_many_buffers_as_it_needs() {
        let buffers = Buffers::new(Plain::new(3));
        let first = BUFFER_BYTES - HEADROOM;
        for (bytes, count) in [(0, 1), (first, 1), (first + 1, 2), (first + BUFFER_BYTES + 1, 3)] {
            assert_eq!(needed(bytes), count);
            let mut indices = Indices::new();
            (0..count as u32).for_each(|index| indices.push(index));
            let data: Vec<u8> = (0..bytes).map(|at| at as u8).collect();
            let packet = buffers.spread(&indices, &data).unwrap();
            let mut read = vec![0; bytes];
            buffers.gather(packet.records(), 0, &mut read).unwrap();
            assert!(read == data && packet.packets().count() == 1, "{bytes}");
        }
    }

    #[test]
    fn bytes_outside_of_a_piece_are_out_of_reach() {
        let buffers = Buffers::new(Plain::new(2));
        assert_eq!(buffers.check(&[piece(2, 0, 1)]), Err(Bad), "no such buffer");
        assert_eq!(buffers.check(&[piece(u32::MAX, 0, 1)]), Err(Bad), "no such buffer");
        assert_eq!(buffers.check(&[piece(1, 4000, 97)]), Err(Bad), "beyond the buffer");
        assert_eq!(buffers.check(&[piece(1, u16::MAX, u16::MAX)]), Err(Bad), "beyond the buffer");
        assert_eq!(buffers.read(&piece(0, 0, 10), 5, &mut [0; 6]), Err(Bad));
        assert_eq!(buffers.read(&piece(0, 0, 10), usize::MAX, &mut [0; 1]), Err(Bad));
        assert_eq!(buffers.write(&piece(0, 0, 10), 10, &[1]), Err(Bad));
        assert_eq!(buffers.read_buffer(0, 4090, &mut [0; 7]), Err(Bad));
    }

    proptest! {
        #[test]
        fn pieces_are_read_as_one(
            lengths in prop::collection::vec(0u16..700, 1..6),
            at in 0usize..2000,
            count in 0usize..2000,
        ) {
            let buffers = Buffers::new(Plain::new(6));
            let mut all = Vec::new();
            let mut pieces = Vec::new();
            for (buffer, bytes) in (0..).zip(lengths) {
                let piece = piece(buffer, 3, bytes);
                let text: Vec<u8> = (0..bytes).map(|at| (at as u8).wrapping_mul(7) ^ buffer as u8).collect();
                buffers.write(&piece, 0, &text).unwrap();
                all.extend(text);
                pieces.push(piece);
            }
            let mut bytes = vec![0; count];
            match buffers.gather(&pieces, at, &mut bytes) {
                Ok(()) if count == 0 => (),
                Ok(()) => prop_assert_eq!(&bytes[..], &all[at..at + count]),
                Err(Bad) => prop_assert!(at + count > all.len()),
            }
            let mut whole = crate::checksum::Sum::default();
            whole.add(&all);
            prop_assert_eq!(buffers.sum(&pieces).unwrap().finish(), whole.finish());
        }
    }
}
