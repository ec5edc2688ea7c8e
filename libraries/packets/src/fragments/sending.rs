//! Sending a datagram in fragments.

use warren::{Cx, Object};
use warren_idl::{EndpointError, HEADROOM, Packet};

use super::Fragment;
use crate::{Bad, Batch, Buffers, OwnShare};

/// Sends the fragments of a datagram, each with a header in a buffer of its own: `header` makes it, and `leave` sends a batch.
///
/// # Errors
///
/// `Exhausted` if there are not so many buffers; `TooLong` if a fragment can have no header; those of `leave`.
pub fn send<'f, S: Object, H: AsRef<[u8]>>(
    cx: &mut Cx<'f, S>,
    share: &OwnShare,
    packets: fn(&S) -> &Buffers,
    fragments: &[Fragment],
    header: impl Fn(&Fragment) -> Result<H, Bad>,
    leave: impl Fn(&mut Cx<'f, S>, &Batch) -> Result<(), EndpointError>,
) -> Result<(), EndpointError> {
    share.lend(cx, fragments.len(), |cx, buffers| {
        let mut batch = Batch::new();
        for (fragment, buffer) in fragments.iter().zip(buffers.as_slice()) {
            let header = header(fragment).map_err(|Bad| EndpointError::TooLong)?;
            let more = fragment.pieces.len() as u16;
            let mut first =
                Packet { buffer: *buffer, offset: HEADROOM as u16, more, ..Packet::default() };
            packets(cx).prepend(&mut first, header.as_ref())?;
            if batch.room() <= fragment.pieces.len() {
                leave(cx, &core::mem::take(&mut batch))?;
            }
            batch.push(first)?;
            batch.push_packet(&fragment.pieces)?;
        }
        leave(cx, &batch)
    })
}
