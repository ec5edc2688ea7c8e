//! Holding buffers, and reaching them.
//!
//! # Giving back when no call can be made
//!
//! A thread whose deadline has passed, or that works for a server that has died, makes no calls any more, not even to give back what its server holds. If that were
//! lost, each death of a layer above would take buffers from the ones below, until these have reached their limits and receive nothing any more. So an
//! [`OwnShare`] remembers what it owes, and whoever calls it next gives that back first.

use alloc::{rc::Rc, vec::Vec};
use core::cell::RefCell;

use warren::{Cx, Kept, New, Object, Ref, Req, Server, StartError, SystemError};
use warren_idl::{AddressSpace, Packet, PacketError, PacketMemory, Share, map_space};
use zerocopy::IntoBytes;

use crate::{
    batch::Batch,
    buffers::{Bad, Buffers, needed},
};

/// Maps the packet memory of the server's stack.
///
/// # Errors
///
/// The packet memory refuses, or there is no room in the server's region.
pub fn map<S: Server>(
    cx: &mut Cx<'_, New<S>>,
    memory: &Req<dyn PacketMemory>,
    address_space: &Req<dyn AddressSpace>,
) -> Result<Buffers, StartError> {
    let space = memory.space(cx)?;
    Ok(Buffers::new(map_space(cx, address_space, space)?))
}

/// A server's share of the packet memory. A clone is the same share.
#[derive(Clone)]
pub struct OwnShare(Rc<Parts>);

struct Parts {
    share: Kept<dyn Share>,
    owed: Owed,
}

impl OwnShare {
    /// One that holds nothing yet.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for the reference.
    pub fn new(share: Ref<'_, dyn Share>) -> Result<Self, SystemError> {
        Ok(OwnShare(Rc::new(Parts { share: share.keep()?, owed: Owed::default() })))
    }

    /// Takes at most so many free buffers, and at least one.
    ///
    /// # Errors
    ///
    /// There are none, the share has reached its limit, or the packet memory does not answer.
    pub fn take<S>(&self, cx: &mut Cx<'_, S>, most: usize) -> Result<Indices, PacketError> {
        self.settle(cx)?;
        let mut buffers = Indices::zeroed(most);
        let taken = self.share().take(cx, buffers.as_mut_bytes())?;
        buffers.truncate(taken as usize);
        Ok(buffers)
    }

    /// Holds buffers that somebody holds.
    ///
    /// # Errors
    ///
    /// One is nobody's, the share has reached its limit, or the packet memory does not answer. Then none is held.
    pub fn hold<S>(&self, cx: &mut Cx<'_, S>, buffers: &Indices) -> Result<(), PacketError> {
        self.settle(cx)?;
        self.share().hold(cx, buffers.as_bytes())
    }

    /// Gives up one hold of each buffer, now or by the next call.
    ///
    /// # Errors
    ///
    /// One is not held, or the packet memory does not answer.
    pub fn give<S>(&self, cx: &mut Cx<'_, S>, buffers: &Indices) -> Result<(), PacketError> {
        let given = self.settle(cx).and_then(|()| self.share().give(cx, buffers.as_bytes()));
        if is_owed(&given) {
            self.0.owed.add(buffers);
        }
        given
    }

    /// Takes so many buffers, lets `work` use them, and gives them back.
    ///
    /// # Errors
    ///
    /// `Exhausted` if there are not so many; those of [`OwnShare::take`] and of `work`.
    pub fn lend<'f, S, R, E: From<PacketError>>(
        &self,
        cx: &mut Cx<'f, S>,
        count: usize,
        work: impl FnOnce(&mut Cx<'f, S>, &Indices) -> Result<R, E>,
    ) -> Result<R, E> {
        let buffers = self.take(cx, count)?;
        let done = match buffers.len() == count {
            true => work(cx, &buffers),
            false => Err(PacketError::Exhausted.into()),
        };
        // What cannot be given back now is owed, and a packet memory that is gone needs nothing back.
        self.give(cx, &buffers).ok();
        done
    }

    /// Puts a header, with data behind it, into buffers, and lets `send` have the packet.
    ///
    /// # Errors
    ///
    /// Those of [`OwnShare::lend`] and of `send`; `BadBuffer` if there is no room for all of it.
    pub fn send<'f, S: Object, R, E: From<PacketError>>(
        &self,
        cx: &mut Cx<'f, S>,
        packets: fn(&S) -> &Buffers,
        (header, data): (&[u8], &[u8]),
        send: impl FnOnce(&mut Cx<'f, S>, &Batch) -> Result<R, E>,
    ) -> Result<R, E> {
        self.lend(cx, needed(data.len()), |cx, buffers| {
            let packet = packets(cx).spread_behind(buffers, header, data);
            send(cx, &packet.map_err(|Bad| PacketError::BadBuffer)?)
        })
    }

    /// Gives back what is owed.
    fn settle<S>(&self, cx: &mut Cx<'_, S>) -> Result<(), PacketError> {
        let Some(owed) = self.0.owed.take() else { return Ok(()) };
        let given = self.share().give(cx, owed.as_bytes());
        if is_owed(&given) {
            self.0.owed.add(&owed);
        }
        given
    }

    fn share(&self) -> Ref<'_, dyn Share> {
        self.0.share.as_ref()
    }
}

/// Whether what was to be given back still has to be. A packet memory that is gone needs nothing back, and what was not held is nobody's to give.
fn is_owed(given: &Result<(), PacketError>) -> bool {
    matches!(given, Err(PacketError::System(error)) if *error != SystemError::Lost)
}

/// What could not be given back yet.
#[derive(Default)]
struct Owed(RefCell<Indices>);

impl Owed {
    /// More.
    fn add(&self, buffers: &Indices) {
        self.0.borrow_mut().0.extend_from_slice(buffers.as_slice());
    }

    /// All of it, if there is some, to be given back by the caller alone.
    fn take(&self) -> Option<Indices> {
        let owed = self.0.take();
        (!owed.is_empty()).then_some(owed)
    }
}

/// Indices of buffers, as they travel in calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indices(Vec<u32>);

impl Indices {
    /// None.
    pub const fn new() -> Self {
        Indices(Vec::new())
    }

    /// None, with room for so many.
    pub fn with_room(count: usize) -> Self {
        Indices(Vec::with_capacity(count))
    }

    /// So many zeroes, to be filled by a call.
    pub fn zeroed(count: usize) -> Self {
        Indices(alloc::vec![0; count])
    }

    /// Those of the pieces of packets.
    pub fn of(pieces: &[Packet]) -> Self {
        Indices(pieces.iter().map(|piece| piece.buffer).collect())
    }

    /// As a call carries them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As a call fills them.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.0.as_mut_bytes()
    }

    /// The indices.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, index: u32) {
        self.0.push(index);
    }

    /// Adds those of the pieces of packets.
    pub fn extend(&mut self, pieces: &[Packet]) {
        self.0.extend(pieces.iter().map(|piece| piece.buffer));
    }

    /// Moves all of `others` here.
    pub fn append(&mut self, others: &mut Indices) {
        self.0.append(&mut others.0);
    }

    /// Keeps the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Takes the last `count` out, or all if they are fewer.
    pub fn last(&mut self, count: usize) -> Self {
        Indices(self.0.split_off(self.0.len().saturating_sub(count)))
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<u32> {
        self.0.pop()
    }

    /// Keeps those behind the first `known` for which `keep` says so, and the first.
    pub fn retain_from(&mut self, known: usize, mut keep: impl FnMut(u32) -> bool) {
        let known = known.min(self.0.len());
        let mut to = known;
        for from in known..self.0.len() {
            let index = self.0[from];
            if keep(index) {
                self.0[to] = index;
                to += 1;
            }
        }
        self.0.truncate(to);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_given_back_once_and_by_one_caller() {
        let owed = Owed::default();
        assert!(owed.take().is_none());
        owed.add(&Indices(alloc::vec![3, 5]));
        owed.add(&Indices(alloc::vec![3]));
        assert_eq!(owed.take().map(|all| all.as_slice().to_vec()), Some(alloc::vec![3, 5, 3]));
        assert!(owed.take().is_none());
    }

    #[test]
    fn the_first_stay_and_of_the_others_whatever_is_kept() {
        for (known, left) in [(0, &[4, 6][..]), (2, &[3, 4, 6]), (9, &[3, 4, 5, 6])] {
            let mut indices = Indices(alloc::vec![3, 4, 5, 6]);
            indices.retain_from(known, |index| index % 2 == 0);
            assert_eq!(indices.as_slice(), left);
        }
    }

    #[test]
    fn only_what_was_not_asked_for_yet_is_owed() {
        use SystemError::{Budget, Deadline, Killed, Lost};
        assert!([Killed, Deadline, Budget].into_iter().all(|error| is_owed(&Err(error.into()))));
        assert!(!is_owed(&Err(Lost.into())) && !is_owed(&Err(PacketError::BadBuffer)));
        assert!(!is_owed(&Ok(())));
    }
}
