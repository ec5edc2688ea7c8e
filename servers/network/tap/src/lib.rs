//! A network device of Linux's, for stacks in Linux processes: the frames of a TAP device.
//!
//! # Whose thread
//!
//! As with drivers: frames are delivered on the thread of whoever is served, and sent on the thread of whoever sends.
//!
//! # Copies
//!
//! Linux reads and writes frames by copies, so each is copied into a buffer of the stack's packet memory, or out of its buffers.
//!
//! # State, and what a restart loses
//!
//! Frames that are being delivered.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{vec, vec::Vec};

use warren::{Cx, New, Ref, Req, Required, Server, StartError, SystemError, server};
use warren_idl::{
    AddressSpace, BATCH, Link, LinkCounts, LinkDescription, LinkError, Packet, PacketError,
    PacketMemory, Sink, SinkError, WIRE_FRAME_BYTES, Wire, WireError,
};
use warren_packets::{Bad, Batch, Buffers, Indices, OwnShare, batch::length};

/// Bytes of a packet behind the header of Ethernet.
const MTU: u32 = 1500;
/// Bytes of the header.
const HEADER_BYTES: usize = 14;
/// Bytes of the longest frame that is sent.
const FRAME_BYTES: usize = MTU as usize + HEADER_BYTES;
/// Buffers that are held: of two batches, one of which is delivered.
const MOST_BUFFERS: u32 = 2 * BATCH as u32;
/// Its number among the devices of a stack, of which it is the only one.
const DEVICE: u64 = 0;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    wire: Req<dyn Wire>,
    packets: Req<dyn PacketMemory>,
    address_space: Req<dyn AddressSpace>,
}

/// A TAP device.
#[server(provides(Link), stack = 32768, summary = "a TAP device of Linux's")]
pub struct Tap {
    packets: Buffers,
    share: OwnShare,
    address: [u8; 6],
    /// Buffers for frames that arrive.
    fresh: Indices,
    /// Buffers whose frames are being delivered.
    delivering: Indices,
    counts: LinkCounts,
    /// Whoever is served now; those before leave when they find that it is not them.
    session: u64,
}

impl Server for Tap {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let needs = cx.req();
        let address = match needs.wire.address(cx) {
            Err(WireError::Absent) => {
                return Err(StartError::new("no TAP device was named: say `--tap NAME`"));
            }
            address => address?.to_be_bytes(),
        };
        let packets = warren_packets::map(cx, &needs.packets, &needs.address_space)?;
        let share = OwnShare::new(needs.packets.device_share(cx, DEVICE, MOST_BUFFERS)?)?;
        let [_, _, address @ ..] = address;
        let (fresh, delivering) = (Indices::new(), Indices::new());
        let counts = LinkCounts::default();
        Ok(Tap { packets, share, address, fresh, delivering, counts, session: 0 })
    }
}

impl Link for Tap {
    fn description(cx: &mut Cx<'_, Self>) -> Result<LinkDescription, LinkError> {
        Ok(LinkDescription { address: cx.address, up: 1, mtu: MTU, offloads: 0, pairs: 1 })
    }

    fn counts(cx: &mut Cx<'_, Self>) -> Result<LinkCounts, LinkError> {
        Ok(cx.counts)
    }

    fn send(cx: &mut Cx<'_, Self>, frames: &[u8]) -> Result<u64, LinkError> {
        let frames = Batch::read(frames).map_err(|Bad| LinkError::BadRecord)?;
        let whole: Result<Vec<_>, Bad> = frames.packets().map(|frame| cx.whole(frame)).collect();
        let mut sent = 0;
        for frame in whole.map_err(|Bad| LinkError::BadRecord)? {
            match cx.req().wire.send(cx, &frame) {
                Ok(()) => (),
                Err(WireError::Full) => break,
                Err(error) => return Err(link(error)),
            }
            cx.counts.sent += 1;
            cx.counts.sent_bytes += frame.len() as u64;
            sent += 1;
        }
        cx.counts.sent_dropped += frames.packets().count() as u64 - sent;
        Ok(sent)
    }

    fn serve<'f>(
        cx: &mut Cx<'f, Self>,
        pair: u32,
        sink: Ref<'f, dyn Sink>,
    ) -> Result<(), LinkError> {
        if pair != 0 {
            return Err(LinkError::NoPair);
        }
        cx.session += 1;
        let session = cx.session;
        let share = cx.share.clone();
        let mut bytes = vec![0; WIRE_FRAME_BYTES];
        // What another one was being shown when it ended.
        Self::shown(cx, &share)?;
        loop {
            let length = cx.req().wire.receive(cx, &mut bytes).map_err(link)?;
            if cx.session != session {
                return Err(LinkError::Superseded);
            }
            let frames = Self::arrived(cx, &share, &mut bytes, length)?;
            if frames.is_empty() {
                continue;
            }
            let delivered = sink.deliver(cx, frames.as_bytes());
            Self::shown(cx, &share)?;
            match delivered {
                Ok(()) => (),
                Err(SinkError::System(error)) => return Err(error.into()),
                // Frames may be lost.
                Err(_) => cx.counts.received_dropped += frames.packets().count() as u64,
            }
        }
    }
}

impl Tap {
    /// Frames that were delivered are done with.
    fn shown(cx: &mut Cx<'_, Self>, share: &OwnShare) -> Result<(), LinkError> {
        let shown = core::mem::take(&mut cx.delivering);
        if shown.is_empty() { Ok(()) } else { Ok(share.give(cx, &shown)?) }
    }

    /// The bytes of a frame that can be sent.
    fn whole(&self, frame: &[Packet]) -> Result<Vec<u8>, Bad> {
        let asks = |piece: &Packet| piece.flags != 0 || piece.segment_bytes != 0;
        let bytes = length(frame);
        if frame.iter().any(asks) || !(HEADER_BYTES..=FRAME_BYTES).contains(&bytes) {
            return Err(Bad);
        }
        let mut whole = vec![0; bytes];
        self.packets.gather(frame, 0, &mut whole)?;
        Ok(whole)
    }

    /// The frame in `bytes` and those that have arrived behind it, in buffers that are held here.
    fn arrived(
        cx: &mut Cx<'_, Self>,
        share: &OwnShare,
        bytes: &mut [u8],
        first: u64,
    ) -> Result<Batch, LinkError> {
        let (mut frames, mut length) = (Batch::new(), first as usize);
        while length != 0 {
            match Self::buffer(cx, share)? {
                Some(buffer) if (HEADER_BYTES..=FRAME_BYTES).contains(&length) => {
                    cx.delivering.push(buffer);
                    let frame = Packet { buffer, bytes: length as u16, ..Packet::default() };
                    let written = cx.packets.write(&frame, 0, &bytes[..length]);
                    let written = written.and_then(|()| frames.push(frame));
                    written.map_err(|Bad| SystemError::BadAnswer)?;
                    cx.counts.received += 1;
                    cx.counts.received_bytes += length as u64;
                }
                buffer => {
                    buffer.into_iter().for_each(|buffer| cx.fresh.push(buffer));
                    cx.counts.received_dropped += 1;
                }
            }
            if frames.room() == 0 {
                break;
            }
            // Whoever is served learns by the next wait what is wrong.
            length = cx.req().wire.poll(cx, bytes).unwrap_or(0) as usize;
        }
        Ok(frames)
    }

    /// A buffer for a frame, if there is one.
    fn buffer(cx: &mut Cx<'_, Self>, share: &OwnShare) -> Result<Option<u32>, LinkError> {
        if cx.fresh.is_empty() {
            match share.take(cx, BATCH) {
                Ok(mut fresh) => cx.fresh.append(&mut fresh),
                Err(PacketError::Exhausted | PacketError::Limit) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(cx.fresh.pop())
    }
}

fn link(error: WireError) -> LinkError {
    match error {
        WireError::System(error) => error.into(),
        _ => LinkError::Broken,
    }
}
