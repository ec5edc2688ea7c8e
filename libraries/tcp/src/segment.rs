//! A segment's header: what is read of it and written to it. The bytes are `smoltcp`'s matter.

use smoltcp::wire::{TcpOption, TcpPacket, TcpSeqNumber};

use crate::sequence::{Range, Sequence};

/// Bytes of the longest header: the fixed part, and 40 bytes of options.
pub const HEADER_BYTES: usize = 60;

/// Bytes of the fixed part of a header.
pub const FIXED_BYTES: usize = 20;

/// Blocks of a selective acknowledgment: as many as there is room for beside timestamps (RFC 2018, section 3).
pub const BLOCKS: usize = 3;

/// How timestamps begin where no other options are: with two bytes that mean nothing in front (RFC 7323, appendix A).
const STAMPS: [u8; 4] = [1, 1, 8, 10];

/// The header of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Position of SYN, or else of the first byte.
    pub sequence: Sequence,
    /// The position up to which the sender has received everything, if it says so (ACK).
    pub acknowledgment: Option<Sequence>,
    /// The sender's stream begins (SYN).
    pub synchronize: bool,
    /// The sender's stream ends (FIN).
    pub finish: bool,
    /// There is no connection any longer (RST).
    pub reset: bool,
    /// The bytes should be given to the reader now (PSH).
    pub push: bool,
    /// What the sender has room for, as it stands in the header: not scaled.
    pub window: u16,
    /// The options.
    pub options: Options,
}

/// The options of a header that mean something here. Others are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The most bytes of one segment that the sender takes (RFC 9293, section 3.7.1).
    pub segment_bytes: Option<u16>,
    /// Windows of the sender are to be shifted left by this (RFC 7323, section 2).
    pub window_scale: Option<u8>,
    /// The sender understands selective acknowledgments (RFC 2018, section 2).
    pub selective: bool,
    /// What arrived behind a gap, the newest first (RFC 2018, section 3); or, as the first, what arrived twice (RFC 2883).
    pub blocks: [Option<Range>; BLOCKS],
    /// The sender's clock, and ours as the sender has seen it last (RFC 7323, section 3).
    pub timestamps: Option<Timestamps>,
}

/// Two readings of clocks that count milliseconds from anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock (TSval).
    pub value: u32,
    /// What the receiver's clock was in the segment that this one answers (TSecr).
    pub echo: u32,
}

/// The bytes are not a header: too short, or an option with a wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Segment {
    /// Reads the header at the beginning of `bytes`, which must hold all of it and may hold more. Also returns the header's length.
    /// The checksum is not looked at: it covers what is not here.
    pub fn decode(bytes: &[u8]) -> Result<(Segment, usize), Malformed> {
        let packet = TcpPacket::new_checked(bytes).map_err(|_| Malformed)?;
        let position = |number: TcpSeqNumber| Sequence(number.0 as u32);
        let segment = Segment {
            source_port: packet.src_port(),
            destination_port: packet.dst_port(),
            sequence: position(packet.seq_number()),
            acknowledgment: packet.ack().then(|| position(packet.ack_number())),
            synchronize: packet.syn(),
            finish: packet.fin(),
            reset: packet.rst(),
            push: packet.psh(),
            window: packet.window_len(),
            options: Options::decode(&packet)?,
        };
        Ok((segment, usize::from(packet.header_len())))
    }

    /// Writes the header to the beginning of `buffer`, which has at least [`HEADER_BYTES`], and returns its length. The checksum is left 0.
    ///
    /// # Panics
    ///
    /// If the options take more than 40 bytes, which those of the engine never do.
    pub fn encode(&self, buffer: &mut [u8]) -> usize {
        let length = self.header_bytes();
        let mut packet = TcpPacket::new_unchecked(&mut buffer[..length]);
        packet.set_src_port(self.source_port);
        packet.set_dst_port(self.destination_port);
        packet.set_seq_number(TcpSeqNumber(self.sequence.0 as i32));
        packet.set_ack_number(TcpSeqNumber(self.acknowledgment.unwrap_or_default().0 as i32));
        packet.clear_flags();
        packet.set_header_len(length as u8);
        packet.set_syn(self.synchronize);
        packet.set_fin(self.finish);
        packet.set_rst(self.reset);
        packet.set_psh(self.push);
        packet.set_ack(self.acknowledgment.is_some());
        packet.set_window_len(self.window);
        packet.set_checksum(0);
        packet.set_urgent_at(0);
        self.options.encode(packet.options_mut());
        length
    }

    /// Length of the header in bytes.
    pub fn header_bytes(&self) -> usize {
        FIXED_BYTES + self.options.bytes()
    }

    /// Positions that a segment with `payload` bytes takes: SYN and FIN take one each.
    pub fn length(&self, payload: u32) -> u32 {
        payload + u32::from(self.synchronize) + u32::from(self.finish)
    }
}

impl Options {
    fn decode(packet: &TcpPacket<&[u8]>) -> Result<Options, Malformed> {
        // Nearly all segments have no options but timestamps, and in this form.
        if let [n1, n2, kind, length, value @ .., e0, e1, e2, e3] = packet.options()
            && [*n1, *n2, *kind, *length] == STAMPS
            && let Ok(value) = <[u8; 4]>::try_from(value)
        {
            let echo = u32::from_be_bytes([*e0, *e1, *e2, *e3]);
            let timestamps = Timestamps { value: u32::from_be_bytes(value), echo };
            return Ok(Options { timestamps: Some(timestamps), ..Options::default() });
        }
        let read = packet.options_summary().map_err(|_| Malformed)?;
        let block = |(start, end)| Range { start: Sequence(start), end: Sequence(end) };
        Ok(Options {
            segment_bytes: read.max_segment_size,
            window_scale: read.window_scale,
            selective: read.sack_permitted,
            blocks: read.sack_ranges.map(|range| range.map(block)),
            timestamps: read.timestamp.map(|(value, echo)| Timestamps { value, echo }),
        })
    }

    /// Writes the options, each padded in front to four bytes.
    fn encode(&self, mut buffer: &mut [u8]) {
        // Nearly all segments have these only, and so this is written at once.
        if let Some(Timestamps { value, echo }) = self.timestamps
            && let [n1, n2, kind, length, rest @ ..] = &mut *buffer
            && let Some((stamps, [])) = rest.split_first_chunk_mut::<8>()
        {
            [*n1, *n2, *kind, *length] = STAMPS;
            stamps[..4].copy_from_slice(&value.to_be_bytes());
            stamps[4..].copy_from_slice(&echo.to_be_bytes());
            return;
        }
        let mut write = |padding: usize, option: TcpOption<'_>| {
            let mut rest = core::mem::take(&mut buffer);
            for _ in 0..padding {
                rest = TcpOption::NoOperation.emit(rest);
            }
            buffer = option.emit(rest);
        };
        if let Some(bytes) = self.segment_bytes {
            write(0, TcpOption::MaxSegmentSize(bytes));
        }
        if let Some(scale) = self.window_scale {
            write(1, TcpOption::WindowScale(scale));
        }
        if self.selective {
            write(2, TcpOption::SackPermitted);
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            write(2, TcpOption::TimeStamp { tsval: value, tsecr: echo });
        }
        if self.blocks[0].is_some() {
            let words = |range: Range| (range.start.0, range.end.0);
            write(2, TcpOption::SackRange(self.blocks.map(|block| block.map(words))));
        }
    }

    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().flatten().count();
        4 * usize::from(self.segment_bytes.is_some())
            + 4 * usize::from(self.window_scale.is_some())
            + 4 * usize::from(self.selective)
            + 12 * usize::from(self.timestamps.is_some())
            + if blocks == 0 { 0 } else { 4 + 8 * blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range() -> impl Strategy<Value = Range> {
        (any::<u32>(), 1..100_000u32)
            .prop_map(|(start, length)| Range::new(Sequence(start), length))
    }

    prop_compose! {
        fn options()(
            segment_bytes in any::<Option<u16>>(),
            window_scale in any::<Option<u8>>(),
            selective: bool,
            blocks in prop::collection::vec(range(), 0..2),
            timestamps in any::<Option<(u32, u32)>>(),
        ) -> Options {
            Options {
                segment_bytes,
                window_scale,
                selective,
                blocks: core::array::from_fn(|index| blocks.get(index).copied()),
                timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
            }
        }
    }

    prop_compose! {
        fn segment()(
            ports: (u16, u16), sequence: u32, acknowledgment in any::<Option<u32>>(),
            flags: [bool; 4], window: u16, options in options(),
        ) -> Segment {
            let [synchronize, finish, reset, push] = flags;
            Segment {
                source_port: ports.0,
                destination_port: ports.1,
                sequence: Sequence(sequence),
                acknowledgment: acknowledgment.map(Sequence),
                synchronize, finish, reset, push, window, options,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(segment in segment()) {
            let mut bytes = [0xaa; HEADER_BYTES + 9];
            let length = segment.encode(&mut bytes);
            prop_assert_eq!(length, segment.header_bytes());
            prop_assert_eq!(Segment::decode(&bytes), Ok((segment, length)));
        }

        #[test]
        fn a_header_that_is_cut_off_is_malformed(segment in segment(), part in 0.0..1.0) {
            let mut bytes = [0; HEADER_BYTES];
            let length = segment.encode(&mut bytes);
            let cut = (length as f64 * part) as usize;
            prop_assert_eq!(Segment::decode(&bytes[..cut]), Err(Malformed));
        }
    }

    #[test]
    fn an_option_without_length_is_malformed() {
        let mut bytes = [0; 24];
        bytes[12] = 6 << 4;
        bytes[20] = 2;
        assert_eq!(Segment::decode(&bytes), Err(Malformed));
    }
}
