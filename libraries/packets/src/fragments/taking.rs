//! Taking fragments that arrive, and handing on what is complete.

use warren::Cx;
use warren_idl::{Packet, PacketError};

use super::{Came, Reassembly};
use crate::{
    Batch, Indices, OwnShare,
    distribution::{Distributor, hand_on},
};

/// Keeps a fragment, and hands the datagram on if it is complete. The fragment is described as in [`Reassembly::add`]; `protocol` looks at the first
/// piece of a whole datagram, and says whose it is, if anybody's.
///
/// # Errors
///
/// The fragment cannot be held, or what is given up not be given back.
pub fn take<S: Distributor, N: Copy + PartialEq>(
    cx: &mut Cx<'_, S>,
    share: &OwnShare,
    reassembly: fn(&mut S) -> &mut Reassembly<N>,
    (name, place): (N, (usize, bool)),
    pieces: &[Packet],
    now_ns: u64,
    protocol: impl FnOnce(&S, &mut Packet) -> Option<u8>,
) -> Result<(), PacketError> {
    if let Err(error) = share.hold(cx, &Indices::of(pieces)) {
        reassembly(cx).refuse();
        return Err(error);
    }
    let Came { mut complete, mut dropped } = reassembly(cx).add(name, place, pieces, now_ns);
    dropped.extend_from_slice(&complete);
    let mut batch = Batch::new();
    if let Some(protocol) = complete.first_mut().and_then(|first| protocol(cx, first))
        && batch.push_packet(&complete).is_ok()
    {
        let was_known = hand_on(cx, protocol.into(), &batch);
        reassembly(cx).handed_on(was_known);
    }
    match dropped.is_empty() {
        true => Ok(()),
        false => share.give(cx, &Indices::of(&dropped)),
    }
}
