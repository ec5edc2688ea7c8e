//! Keeping packets until it is known where their neighbour is, and sending them then.
//!
//! What [`Neighbours`] has decided, which is pure, is done here: buffers are held and given back, packets leave.

use warren::{Cx, Object, Serial};
use warren_idl::{Packet, PacketError};

use crate::{
    Bad, Batch, Indices, OwnShare,
    neighbours::{LinkAddress, Neighbours, number},
};

/// Neighbours, and a share that holds what waits for them.
pub struct Held<A> {
    /// Who is where, and what waits for whom.
    pub neighbours: Neighbours<A>,
    /// Of the packet memory.
    pub share: OwnShare,
}

impl<A> Held<A> {
    /// Nobody is known, and nothing waits.
    pub fn new(share: OwnShare) -> Self {
        Held { neighbours: Neighbours::default(), share }
    }
}

/// A server that sends packets to neighbours.
pub trait Holder: Object<Access = Serial> {
    /// The addresses of neighbours.
    type Address: Copy + PartialEq;
    /// Why packets are not sent.
    type Error: From<PacketError> + From<Bad>;

    /// What waits.
    fn held(&mut self) -> &mut Held<Self::Address>;
    /// Sends packets to a station of the link.
    ///
    /// # Errors
    ///
    /// The link does not take them.
    fn put_out(cx: &mut Cx<'_, Self>, link: u64, packets: &Batch) -> Result<(), Self::Error>;
}

/// Keeps packets until it is known where their neighbour is. Those that have waited too long are given up.
///
/// # Errors
///
/// The packets cannot be held, or not be sent if it is known by now.
pub fn keep<S: Holder>(
    cx: &mut Cx<'_, S>,
    neighbour: S::Address,
    packets: &Batch,
    now_ns: u64,
) -> Result<(), S::Error> {
    let late = cx.held().neighbours.give_up(now_ns);
    give(cx, &late)?;
    let share = cx.held().share.clone();
    share.hold(cx, &Indices::of(packets.records()))?;
    let neighbours = &mut cx.held().neighbours;
    let left = neighbours.keep(neighbour, packets.packets());
    // The answer may have come while the packets were being held.
    let ready = neighbours.ready(neighbour, now_ns);
    give(cx, &left)?;
    match ready {
        Some((link, packets)) => send(cx, link, &packets),
        None => Ok(()),
    }
}

/// Somebody has said where a neighbour is, see [`Neighbours::heard`]: what has waited for it leaves.
///
/// # Errors
///
/// It cannot be sent.
pub fn heard<S: Holder>(
    cx: &mut Cx<'_, S>,
    neighbour: S::Address,
    link: LinkAddress,
    asks: bool,
    now_ns: u64,
) -> Result<(), S::Error> {
    let waiting = cx.held().neighbours.heard(neighbour, link, asks, now_ns);
    send(cx, link, &waiting)
}

/// Sends packets that are held, and holds them no longer.
fn send<S: Holder>(
    cx: &mut Cx<'_, S>,
    link: LinkAddress,
    packets: &[Packet],
) -> Result<(), S::Error> {
    let batches = Batch::split(packets)?;
    let sent = batches.iter().try_for_each(|batch| S::put_out(cx, number(link), batch));
    give(cx, packets)?;
    sent
}

fn give<S: Holder>(cx: &mut Cx<'_, S>, packets: &[Packet]) -> Result<(), PacketError> {
    if packets.is_empty() {
        return Ok(());
    }
    let share = cx.held().share.clone();
    share.give(cx, &Indices::of(packets))
}
