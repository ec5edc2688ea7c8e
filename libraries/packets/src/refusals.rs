//! Refusing packets that nobody here wants: whoever has sent one is told so by a message of ICMP (RFC 1122, sections 3.2.2.1 and 4.1.3.1; RFC 4443, section 3).
//!
//! Whoever finds out that nobody wants it sends the message: `udp` for a port, the network layer for a protocol. It goes out like any other datagram, by the way that
//! `routing` says.
//!
//! # What is not refused
//!
//! What was sent to several stations, and what comes from no station's address (RFC 1122, section 3.2.2; RFC 4443, section 2.4). Messages of ICMP and fragments never come here. So
//! nobody is answered who has not asked, and no answer is answered.

use alloc::{vec, vec::Vec};

use warren::{Cx, Object, Req, Serial};
use warren_idl::{Address, Clock, EndpointError, Packet, Routing, TO_SEVERAL};

use crate::{
    Allowance, Bad, Batch, Buffers, Bytes, OwnShare,
    batch::length,
    checksum::Sum,
    distribution::Distributor,
    network::{Network, is_station, network, pseudo_header},
    ways,
};

/// ICMP's numbers among the protocols of IPv4 and of IPv6.
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// Bytes of a message in front of the packet.
const MESSAGE_BYTES: usize = 8;
/// Most bytes of the packet in a message: with both headers, 576 by IPv4 (RFC 1812, section 4.3.2.3), and what any way carries by IPv6 (RFC 4443, section 2.4).
const MOST_BYTES: usize = 576 - 20 - MESSAGE_BYTES;
const MOST_BYTES6: usize = 1280 - 40 - MESSAGE_BYTES;

/// How long a layer that has just started refuses no protocol: the servers above it start after it, or come to it again, and whoever is told that a protocol is not served
/// does not try again.
pub const SETTLING_NS: u64 = 5_000_000_000;

/// Why a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has the port.
    Port,
    /// Nobody is served the protocol, which is named so many bytes behind the start of the packet: messages of IPv6 say where.
    Protocol(u16),
}

/// What a server needs that refuses packets.
pub struct Refusals {
    allowance: Allowance,
    from_ns: u64,
    share: OwnShare,
}

impl Refusals {
    /// Nothing is refused before the clock shows `from_ns`. The messages lie in buffers of this share, one at a time for each thread.
    pub fn new(share: OwnShare, from_ns: u64) -> Self {
        Refusals { allowance: Allowance::default(), from_ns, share }
    }

    fn may(&mut self, now_ns: u64) -> bool {
        now_ns >= self.from_ns && self.allowance.take(now_ns)
    }
}

/// A server that refuses packets.
pub trait Refuser: Object<Access = Serial> {
    /// What it needs for that.
    fn refusals(&mut self) -> &mut Refusals;
    /// The packet memory.
    fn packets(&self) -> &Buffers;
}

/// Tells whoever has sent a packet that nobody wants it, if that may be. The packet has lost the header of the network layer. A message that cannot be sent is lost, as it could be
/// on its way.
pub fn refuse<S: Refuser>(
    cx: &mut Cx<'_, S>,
    (routing, clock): (&Req<dyn Routing>, &Req<dyn Clock>),
    packet: &[Packet],
    refusal: Refusal,
) {
    let may = asker(cx.packets(), packet).is_ok()
        && clock.now_ns().is_ok_and(|now_ns| cx.refusals().may(now_ns));
    if may {
        cx.scope(|cx| answer(cx, routing, packet, refusal)).ok();
    }
}

/// Tells whoever has sent packets of a protocol that nobody is served it, unless who is served it is only being restarted. `named` says how many bytes behind the start of a packet its protocol
/// is named.
pub fn refuse_protocol<S: Refuser + Distributor>(
    cx: &mut Cx<'_, S>,
    needs: (&Req<dyn Routing>, &Req<dyn Clock>),
    (protocol, packets): (u16, &Batch),
    named: fn(&Buffers, &Packet) -> Result<u16, Bad>,
) {
    if cx.sinks().know(protocol) {
        return;
    }
    for packet in packets.packets() {
        if let Ok(place) = named(cx.packets(), &packet[0]) {
            refuse(cx, needs, packet, Refusal::Protocol(place));
        }
    }
}

fn answer<S: Refuser>(
    cx: &mut Cx<'_, S>,
    routing: &Req<dyn Routing>,
    packet: &[Packet],
    refusal: Refusal,
) -> Result<(), EndpointError> {
    let (asked, message) = message(cx.packets(), packet, refusal)?;
    let found = ways::route(cx, routing, &asked.source);
    let (endpoint, mut way) = found.map_err(|_| EndpointError::Unreachable)?;
    way.source = asked.destination;
    let share = cx.refusals().share.clone();
    share.send(cx, S::packets, (&[], &message), |cx, batch| {
        endpoint.send(cx, protocol(&asked.source), &way, batch.as_bytes())
    })
}

/// ICMP's number where a packet comes from.
fn protocol(source: &Address) -> u8 {
    if source.as_v4().is_some() { ICMP } else { ICMP6 }
}

/// Who has sent a packet to whom, if that may be answered.
fn asker<M: Bytes>(memory: &Buffers<M>, packet: &[Packet]) -> Result<Network, Bad> {
    let first = packet.first().ok_or(Bad)?;
    let network = network(memory, first)?;
    let is_nobody = match network.source.as_v4() {
        Some(number) => number >> 24 == 0,
        None => network.source == Address::NONE,
    };
    let may = first.flags & TO_SEVERAL == 0 && is_station(&network.source) && !is_nobody;
    if may { Ok(network) } else { Err(Bad) }
}

/// The message that refuses a packet, and who has sent that to whom.
///
/// # Errors
///
/// The packet is to be dropped without a word, or there is none.
pub fn message<M: Bytes>(
    memory: &Buffers<M>,
    packet: &[Packet],
    refusal: Refusal,
) -> Result<(Network, Vec<u8>), Bad> {
    let asked = asker(memory, packet)?;
    let mut whole = Vec::from(packet);
    let first = whole.first_mut().ok_or(Bad)?;
    let headers = first.offset.checked_sub(first.network).ok_or(Bad)?;
    first.offset = first.network;
    first.bytes = first.bytes.checked_add(headers).ok_or(Bad)?;
    let is_six = protocol(&asked.source) == ICMP6;
    let (kind, place) = match (refusal, is_six) {
        (Refusal::Port, false) => ([3, 3], 0),
        (Refusal::Port, true) => ([1, 4], 0),
        (Refusal::Protocol(_), false) => ([3, 2], 0),
        (Refusal::Protocol(place), true) => ([4, 1], place),
    };
    let most = if is_six { MOST_BYTES6 } else { MOST_BYTES };
    let mut message = vec![0; MESSAGE_BYTES + length(&whole).min(most)];
    message[..2].copy_from_slice(&kind);
    message[4..MESSAGE_BYTES].copy_from_slice(&u32::from(place).to_be_bytes());
    memory.gather(&whole, 0, &mut message[MESSAGE_BYTES..])?;
    let mut sum = match is_six {
        true => pseudo_header(&asked.destination, &asked.source, ICMP6, message.len()),
        false => Sum::default(),
    };
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    Ok((asked, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Plain;

    const HERE: Address = Address::new(0xfe80 << 112 | 15);
    const THERE: Address = Address::new(0xfe80 << 112 | 2);
    const HERE4: Address = Address::v4(0x0a00_020f);
    const THERE4: Address = Address::v4(0x0a00_0202);

    /// A packet with so many bytes behind its header, in two pieces.
    fn packet(memory: &Buffers<Plain>, source: Address, to: Address, bytes: u16) -> [Packet; 2] {
        let (header, headers) = match (source.as_v4(), to.as_v4()) {
            (Some(source), Some(to)) => {
                let addresses = [source.to_be_bytes(), to.to_be_bytes()].concat();
                ([&[0x45; 12], &addresses[..]].concat(), 20)
            }
            _ => ([&[0x60; 8], &source.bytes[..], &to.bytes].concat(), 40),
        };
        let network = Packet { offset: 60, bytes: headers, ..Packet::default() };
        memory.write(&network, 0, &header).unwrap();
        let own = bytes.min(8);
        let first = Packet { offset: 60 + headers, bytes: own, more: 1, network: 60, ..network };
        let second = Packet { buffer: 1, offset: 7, bytes: bytes - own, ..Packet::default() };
        memory.write(&first, 0, &[8; 8][..own.into()]).unwrap();
        memory.write(&second, 0, &vec![9; second.bytes.into()]).unwrap();
        [first, second]
    }

    #[test]
    fn messages_say_why_and_what() {
        let memory = Buffers::new(Plain::new(2));
        for (from, to, refusal, head, most) in [
            (THERE4, HERE4, Refusal::Port, [3, 3, 0], 576 - 20),
            (THERE4, HERE4, Refusal::Protocol(9), [3, 2, 0], 576 - 20),
            (THERE, HERE, Refusal::Port, [1, 4, 0], 1280 - 40),
            (THERE, HERE, Refusal::Protocol(6), [4, 1, 6], 1280 - 40),
        ] {
            for bytes in [0, 7, 100, 3000] {
                let pieces = packet(&memory, from, to, bytes);
                let (asked, message) = message(&memory, &pieces, refusal).unwrap();
                assert_eq!((asked.source, asked.destination), (from, to));
                assert_eq!([message[0], message[1], message[7]], head);
                let headers = pieces[0].offset - pieces[0].network;
                assert_eq!(message.len(), usize::from(8 + headers + bytes).min(most));
                let mut sum = match from.as_v4() {
                    Some(_) => Sum::default(),
                    None => pseudo_header(&to, &from, ICMP6, message.len()),
                };
                sum.add(&message);
                assert_eq!(sum.finish(), 0, "its checksum is right");
                let mut sent = vec![0; message.len() - 8];
                let all = Packet { offset: 60, bytes: headers + pieces[0].bytes, ..pieces[0] };
                memory.gather(&[all, pieces[1]], 0, &mut sent).unwrap();
                assert_eq!(sent, &message[8..]);
            }
        }
    }

    #[test]
    fn what_is_for_several_or_from_nobody_is_not_answered() {
        let memory = Buffers::new(Plain::new(2));
        let mut pieces = packet(&memory, THERE, HERE, 100);
        pieces[0].flags = TO_SEVERAL;
        assert_eq!(message(&memory, &pieces, Refusal::Port), Err(Bad));
        let [group, group4] = [Address::new(0xff02 << 112 | 1), Address::v4(0xe000_0001)];
        let [nobody4, all] = [Address::v4(0), Address::v4(u32::MAX)];
        for (source, to) in
            [(group, HERE), (Address::NONE, HERE), (group4, HERE4), (nobody4, HERE4), (all, HERE4)]
        {
            let pieces = packet(&memory, source, to, 100);
            assert_eq!(message(&memory, &pieces, Refusal::Port), Err(Bad), "{source}");
        }
        assert_eq!(message(&memory, &[], Refusal::Port), Err(Bad));
    }

    proptest! {
        #[test]
        fn any_record_is_looked_at_in_bounds(
            bytes in prop::collection::vec(any::<u8>(), 64..=64), six: bool,
            buffer in 0u32..3, offset: u16, length: u16, network: u16, near: bool,
        ) {
            let memory = Buffers::new(Plain::new(2));
            let network = if near { network % 200 } else { network };
            let place = Packet { buffer: buffer.min(1), offset: network % 4000, bytes: 64, ..Packet::default() };
            memory.write(&place, 0, &bytes).unwrap();
            memory.write(&place, 0, &[if six { 0x60 } else { 0x45 }]).unwrap();
            let record = Packet { buffer, offset, bytes: length, network, ..Packet::default() };
            if let Ok((_, message)) = message(&memory, &[record], Refusal::Port) {
                prop_assert!(message.len() <= 1280 - 40 && network <= offset);
            }
        }
    }
}
