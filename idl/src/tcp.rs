//! TCP: streams of bytes between this station and others.
//!
//! Waiting calls obey the deadline of whoever calls. Whoever has many connections and few threads makes a [`Poll`], lets connections and
//! listeners report to it, waits there, and uses the calls whose names end in `_now`.

use warren::{Cx, Flat, Out, Ref, errors, service};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, EndpointError, PacketError, RoutingError};

/// Why a connection was refused, or does not go on.
#[errors]
pub enum TcpError {
    /// Nobody listens there.
    Refused = 1,
    /// The other side has no connection any longer.
    Reset = 2,
    /// The other side does not answer.
    TimedOut = 3,
    /// No way leads to the address, or not at this time.
    Unreachable = 4,
    /// This side has ended.
    Closed = 5,
    /// Somebody listens at the port, or there is such a connection.
    InUse = 6,
    /// There are as many connections, or listeners, as there may be.
    TooMany = 7,
    /// There is nothing to do now, and the caller did not want to wait.
    WouldWait = 8,
    /// There is no packet memory left.
    Exhausted = 9,
    /// There is no port 0 to connect to.
    BadPort = 10,
    /// The poll is not of the same server and principal.
    BadPoll = 11,
    /// A buffer has no room for a record.
    BadLength = 12,
}

impl From<RoutingError> for TcpError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::System(error) => TcpError::System(error),
            _ => TcpError::Unreachable,
        }
    }
}

impl From<EndpointError> for TcpError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::System(error) => TcpError::System(error),
            EndpointError::Exhausted => TcpError::Exhausted,
            _ => TcpError::Unreachable,
        }
    }
}

impl From<PacketError> for TcpError {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::System(error) => TcpError::System(error),
            _ => TcpError::Exhausted,
        }
    }
}

/// A connection, as others see it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ConnectionStatus {
    /// Payload bytes that arrived.
    pub received_bytes: u64,
    /// Bytes that were sent for the first time.
    pub sent_bytes: u64,
    /// Bytes that were sent again.
    pub resent_bytes: u64,
    /// The smoothed round trip in nanoseconds; 0 if nothing was acknowledged yet.
    pub round_trip_ns: u64,
    /// This side's address.
    pub local: Address,
    /// The other side's address.
    pub remote: Address,
    /// This side's port.
    pub local_port: u16,
    /// The other side's port.
    pub remote_port: u16,
    /// Where it stands: [`ConnectionStatus::SYN_SENT`] and so on.
    pub state: u32,
    /// The number of the principal that it belongs to.
    pub principal: u32,
    /// Bytes that can be read.
    pub unread_bytes: u32,
    /// Bytes that were written and are not acknowledged.
    pub unsent_bytes: u32,
    /// How many bytes may be on the way, because of congestion.
    pub congestion_bytes: u32,
    /// Payload bytes of a full segment.
    pub segment_bytes: u32,
    /// Zero.
    pub reserved: u32,
}

impl ConnectionStatus {
    /// `state`: an opening was sent.
    pub const SYN_SENT: u32 = 1;
    /// `state`: an opening was received, and its answer is not acknowledged.
    pub const SYN_RECEIVED: u32 = 2;
    /// `state`: both sides send.
    pub const ESTABLISHED: u32 = 3;
    /// `state`: this side ends, which is not acknowledged.
    pub const FIN_WAIT_1: u32 = 4;
    /// `state`: this side has ended.
    pub const FIN_WAIT_2: u32 = 5;
    /// `state`: the other side has ended.
    pub const CLOSE_WAIT: u32 = 6;
    /// `state`: both sides end, this side's end is not acknowledged.
    pub const CLOSING: u32 = 7;
    /// `state`: the other side has ended before, this side's end is not acknowledged.
    pub const LAST_ACK: u32 = 8;
    /// `state`: both sides have ended; late segments are still answered.
    pub const TIME_WAIT: u32 = 9;
    /// `state`: there is no connection any longer, but somebody still has a reference.
    pub const CLOSED: u32 = 10;
}

impl Flat for ConnectionStatus {}

/// A listener, as others see it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ListenerStatus {
    /// Its port; 0 after the last listener.
    pub port: u32,
    /// The number of the principal that it belongs to.
    pub principal: u32,
    /// How many connections wait to be accepted.
    pub waiting: u32,
    /// Zero.
    pub reserved: u32,
    /// Connections that came.
    pub connections: u64,
    /// Openings that were answered without anything being kept, because too many were half open.
    pub cookies: u64,
    /// Openings that were dropped, because nobody accepts what waits.
    pub dropped: u64,
}

impl Flat for ListenerStatus {}

/// What the layer has done since its server started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct TcpCounts {
    /// Segments that arrived.
    pub received: u64,
    /// Of them, those that were damaged or no segments.
    pub bad: u64,
    /// Of them, those to ports that nobody has.
    pub unknown: u64,
    /// Of them, those that there was no room for: the principal's thread did not come to them in time.
    pub dropped: u64,
    /// Segments that were sent, before a device cut them.
    pub sent: u64,
    /// Segments that no layer below took. They are sent again later.
    pub unsent: u64,
    /// Of those that were sent, answers to segments for nobody.
    pub resets: u64,
    /// Connections that were made.
    pub connections: u64,
}

impl Flat for TcpCounts {}

/// Something that is ready.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Readiness {
    /// What whoever asked for reports called it.
    pub tag: u64,
    /// What it is ready for: [`Readiness::READABLE`] and so on, added up.
    pub ready: u32,
    /// Zero.
    pub reserved: u32,
}

impl Readiness {
    /// In `ready`, and in an interest: there is something to read, or the other side has ended; a listener has a connection to accept.
    pub const READABLE: u32 = 1;
    /// In `ready`, and in an interest: there is room to write.
    pub const WRITABLE: u32 = 2;
    /// In `ready`: the connection is over. That is of interest always.
    pub const ENDED: u32 = 4;
}

impl Flat for Readiness {}

/// TCP (RFC 9293) over IPv4 and IPv6. What a thread has here belongs to its principal.
#[service(id = 0x7c90_0005)]
pub trait Tcp {
    /// Opens a connection to a port of another station, and waits until that has agreed.
    fn connect<'f>(
        cx: &mut Cx<'f, Self>,
        address: &Address,
        port: u16,
    ) -> Result<Ref<'f, dyn Connection>, TcpError>;
    /// Lets connections come to a port, or to any that is free if it is 0. `backlog` of them may wait to be accepted.
    fn listen<'f>(
        cx: &mut Cx<'f, Self>,
        port: u16,
        backlog: u32,
    ) -> Result<Ref<'f, dyn Listener>, TcpError>;
    /// A new place to wait for several connections and listeners.
    fn poll<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Poll>, TcpError>;
    /// What the layer has done.
    fn counts(cx: &mut Cx<'_, Self>) -> Result<TcpCounts, TcpError>;
    /// Connection `index` of all, in no order; all zero after the last one.
    fn connection(cx: &mut Cx<'_, Self>, index: u32) -> Result<ConnectionStatus, TcpError>;
    /// Listener `index` of all, in no order; all zero after the last one.
    fn listener(cx: &mut Cx<'_, Self>, index: u32) -> Result<ListenerStatus, TcpError>;
}

/// A port to which connections come. When the last reference is dropped none come any more, and those that nobody has accepted end.
#[service(id = 0x7c90_0006)]
pub trait Listener {
    /// Its port.
    fn port(cx: &mut Cx<'_, Self>) -> Result<u16, TcpError>;
    /// Waits for a connection, and takes it.
    fn accept<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Connection>, TcpError>;
    /// Takes a connection if one waits.
    fn accept_now<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Connection>, TcpError>;
    /// Reports connections that wait, to `poll`, as [`Readiness::READABLE`] under this tag; in the place of what it reported to before.
    fn report<'f>(cx: &mut Cx<'f, Self>, poll: Ref<'f, dyn Poll>, tag: u64)
    -> Result<(), TcpError>;
}

/// A connection. When the last reference is dropped this side ends; what was written is still sent. If the other side has sent what nobody has read, or
/// sends more, it is told that nobody will (RST).
#[service(id = 0x7c90_0007)]
pub trait Connection {
    /// Waits for bytes and takes as many as there are and the buffer holds; 0 if the other side has ended, or if the buffer is empty.
    fn read(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<u64, TcpError>;
    /// Takes bytes that are there.
    fn read_now(cx: &mut Cx<'_, Self>, buffer: Out<'_>) -> Result<u64, TcpError>;
    /// Waits until there is room for bytes, and takes as many as there is room for: at least one, unless there are none.
    fn write(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, TcpError>;
    /// Takes bytes that there is room for.
    fn write_now(cx: &mut Cx<'_, Self>, bytes: &[u8]) -> Result<u64, TcpError>;
    /// Nothing more will be written. The other side learns so when it has got all that was, and may go on itself.
    fn finish(cx: &mut Cx<'_, Self>) -> Result<(), TcpError>;
    /// Ends the connection at once. What was not sent yet is forgotten, and the other side is told (RST).
    fn abort(cx: &mut Cx<'_, Self>) -> Result<(), TcpError>;
    /// Whether few bytes are sent at once, instead of waiting for more while others are on their way (Nagle's algorithm).
    fn set_no_delay(cx: &mut Cx<'_, Self>, no_delay: bool) -> Result<(), TcpError>;
    /// Whether the other side is asked whether it is still there when it has been silent for two hours.
    fn set_keep_alive(cx: &mut Cx<'_, Self>, keep_alive: bool) -> Result<(), TcpError>;
    /// How it stands.
    fn status(cx: &mut Cx<'_, Self>) -> Result<ConnectionStatus, TcpError>;
    /// Reports to `poll` under this tag, as long as it is ready for something in `interest`; in the place of what it reported before.
    fn report<'f>(
        cx: &mut Cx<'f, Self>,
        poll: Ref<'f, dyn Poll>,
        tag: u64,
        interest: u32,
    ) -> Result<(), TcpError>;
}

/// A place to wait for several connections and listeners. It holds none of them: those that are dropped report no more.
#[service(id = 0x7c90_0008)]
pub trait Poll {
    /// Waits until something is ready, and fills `records` with a [`Readiness`] for each that is, as many as fit. Returns how many; 0 if nothing was when the clock
    /// showed `until_ns`. What stays ready is reported again the next time, after the others.
    fn wait(cx: &mut Cx<'_, Self>, until_ns: u64, records: Out<'_>) -> Result<u64, TcpError>;
}
