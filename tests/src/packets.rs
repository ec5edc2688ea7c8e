//! Packets that no protocol of this host's would send.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::wire::{IpProtocol, Ipv4Packet, TcpPacket, TcpSeqNumber};
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes of the headers of IPv4 and of TCP without options.
const IPV4: usize = 20;
const TCP: usize = 20;
/// The number by which Linux takes packets with a header of IPv4 from its caller: `IPPROTO_RAW`.
const RAW: i32 = 255;

/// Numbers without pattern that are the same each time.
pub struct Noise(u64);

impl Noise {
    /// Those that follow from a seed.
    pub fn new(seed: u64) -> Self {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next one.
    pub fn draw(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// The next one below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.draw() as usize % limit
    }
}

/// Sends packets as they are, from this process's network.
pub struct Sender(Socket);

impl Sender {
    /// A new one.
    ///
    /// # Panics
    ///
    /// The process may not send such packets.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)));
        Sender(socket.expect("the process may do that in its own namespace"))
    }

    /// Sends a packet; Linux fills in its length and the checksum of its header.
    pub fn send(&self, packet: &[u8]) {
        let [.., a, b, c, d] = packet[..IPV4] else { return };
        let to = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), 0);
        // What finds no room is lost, as packets are.
        let _ = self.0.send_to(packet, &to.into());
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

/// A segment of TCP in a packet of IPv4.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// From where it says that it comes.
    pub from: SocketAddrV4,
    /// Where it goes.
    pub to: SocketAddrV4,
    /// Its number.
    pub sequence: u32,
    /// Which number it acknowledges, if it does.
    pub acknowledges: Option<u32>,
    /// Whether it begins a connection.
    pub syn: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Its packet.
    pub fn packet(&self) -> Vec<u8> {
        let length = IPV4 + TCP + self.payload.len();
        let mut bytes = vec![0; length];
        let mut header = Ipv4Packet::new_unchecked(&mut bytes[..]);
        header.set_version(4);
        header.set_header_len(IPV4 as u8);
        header.set_total_len(length as u16);
        header.set_hop_limit(64);
        header.set_next_header(IpProtocol::Tcp);
        header.set_src_addr(*self.from.ip());
        header.set_dst_addr(*self.to.ip());
        let mut segment = TcpPacket::new_unchecked(&mut bytes[IPV4..]);
        segment.set_src_port(self.from.port());
        segment.set_dst_port(self.to.port());
        segment.set_seq_number(TcpSeqNumber(self.sequence.cast_signed()));
        segment.set_ack_number(TcpSeqNumber(self.acknowledges.unwrap_or(0).cast_signed()));
        segment.set_header_len(TCP as u8);
        segment.set_window_len(u16::MAX);
        segment.set_syn(self.syn);
        segment.set_ack(self.acknowledges.is_some());
        segment.payload_mut().copy_from_slice(self.payload);
        fill_checksum(&mut bytes);
        bytes
    }
}

/// Makes the checksum of a segment right, if the packet is long enough for it to have one.
pub fn fill_checksum(packet: &mut [u8]) {
    let (header, rest) = packet.split_at_mut(IPV4);
    let header = Ipv4Packet::new_unchecked(&*header);
    let (from, to) = (header.src_addr(), header.dst_addr());
    let mut segment = TcpPacket::new_unchecked(rest);
    if segment.check_len().is_ok() {
        segment.fill_checksum(&from.into(), &to.into());
    }
}

/// Changes up to eight bytes behind the header of IPv4, cuts the packet now and then, and makes the checksum right every second time.
pub fn mutate(packet: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..=noise.below(8) {
        let at = IPV4 + noise.below(packet.len() - IPV4);
        packet[at] = noise.draw() as u8;
    }
    if noise.below(8) == 0 {
        packet.truncate(IPV4 + noise.below(packet.len() - IPV4));
    }
    if noise.below(2) == 0 {
        fill_checksum(packet);
    }
}
