//! What the drivers of network devices have alike: a driver says how its device takes buffers and frames ([`Device`]), and serves
//! [`Link`](warren_idl::Link) by the functions of [`Port`].
//!
//! Controllers with rings of descriptors have more than that alike: [`controller`] makes devices of their registers and descriptors.
//!
//! # Whose thread
//!
//! Frames that arrive are delivered on the thread of whoever is served ([`serve`]), up to a batch at a time; between batches it waits for the
//! interrupt line. Frames are sent on the thread of whoever calls [`send`]. A driver has no thread of its own.
//!
//! Frames for which the device has no room wait here, [`MOST_WAITING`] of them for each pair of queues; then the device is asked to interrupt when frames have left, and
//! the thread of whoever is served goes on with those that wait.
//!
//! # Several pairs of queues
//!
//! A device may have several pairs, each of a queue for frames that arrive and one for frames that are sent, with an interrupt line and a thread of whoever is served. By which pair a frame is
//! sent says [`flow`]; all of a connection's take the same one. The port is one, under the driver's lock, which is free while frames are delivered: what the layers above do with
//! them goes on for all pairs at once. A reset concerns all of them.
//!
//! # Whose buffers
//!
//! The device writes into, and reads from, the stack's packet memory; nothing is copied here but small frames that are sent ([`copies`]). The driver's share holds what the device has.
//! Buffers are taken and given back many at a time: [`RENEWED`].
//!
//! # A device that breaks the rules
//!
//! is reset and started again; what was in flight is lost, as frames may be. A device that cannot be started again serves nobody any more.
//!
//! # State, and what a restart loses
//!
//! Frames in flight. Buffers that the device may still write stay out of use until the new instance has reset it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod controller;
mod copies;
mod driver;
pub mod flow;
pub mod receiver;
pub mod ring;
pub mod segments;

use alloc::{boxed::Box, collections::VecDeque, rc::Rc, vec::Vec};

use warren::{Closing, Cx, Kept, New, Object, Ref, Req, Serial, Server, StartError, SystemError};
use warren_idl::{
    AddressSpace, BUFFER_BYTES, InterruptError, InterruptLine, LinkCounts, LinkDescription,
    LinkError, PIECES, Packet, PacketError, PacketMemory, PciDevice, Sink, SinkError,
};
use warren_packets::{Bad, Batch, Buffers, Indices, OwnShare, batch::length};

use crate::copies::Copies;

/// Buffers that are given back, and taken, at a time.
pub const RENEWED: usize = 64;

/// Frames that wait for room in a pair of queues: what a window of TCP has of packets of Ethernet. What is beyond is lost.
const MOST_WAITING: usize = 1024;

/// The register of the configuration space that says where the device's registers are: no other device has them there.
const FIRST_ADDRESS: u16 = 0x10;

/// The device broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// A network device, as its driver reaches it. Pairs of queues are named by their numbers, which are less than what the description says.
pub trait Device {
    /// What it is.
    fn description(&self) -> LinkDescription;
    /// How many buffers each pair can have for frames that arrive.
    fn entries(&self) -> usize;
    /// How many of them one has.
    fn filled(&self, pair: usize) -> usize;
    /// Gives one buffers out of `fresh`, as many as it has room for.
    fn refill(&mut self, pair: usize, fresh: &mut Indices);
    /// Takes frames that have arrived by one, as many as a batch has room for. Their buffers are added to `spent`.
    ///
    /// # Errors
    ///
    /// The device broke the rules.
    fn harvest(
        &mut self,
        pair: usize,
        packets: &Buffers,
        spent: &mut Indices,
        counts: &mut LinkCounts,
    ) -> Result<Batch, Broken>;
    /// Whether a frame can be sent as its records say.
    ///
    /// # Errors
    ///
    /// Its pieces are empty, too many, or not in buffers, or it asks for what the device does not do.
    fn check(&self, packets: &Buffers, frame: &[Packet]) -> Result<(), Bad>;
    /// Takes a frame to be sent by a pair, whose buffers are held; `false` if there is no room, or it cannot be sent any more.
    fn push(&mut self, pair: usize, packets: &Buffers, frame: &[Packet]) -> bool;
    /// Tells the device that there are frames to be sent by a pair.
    fn publish(&mut self, pair: usize);
    /// Says whether the device is to interrupt when frames have left by a pair.
    fn want_room(&mut self, pair: usize, want: bool);
    /// Takes back the buffers of frames that have left by a pair.
    ///
    /// # Errors
    ///
    /// The device broke the rules.
    fn reclaim(&mut self, pair: usize, spent: &mut Indices) -> Result<(), Broken>;
    /// Takes an interrupt back.
    fn acknowledge(&mut self);
    /// Resets the device, and takes back all buffers that it had: those for frames that arrive, which nobody else has, are `fresh`, and those of frames that are sent are
    /// `spent`.
    ///
    /// # Errors
    ///
    /// It cannot be reset: it may go on writing to its buffers.
    fn stop(&mut self, fresh: &mut Indices, spent: &mut Indices) -> Result<(), Broken>;
    /// Starts a device that was stopped, with as many pairs as it had.
    ///
    /// # Errors
    ///
    /// It cannot be started, or is another one than it was.
    fn start(&mut self) -> Result<(), Broken>;
}

/// What a driver has beside its device.
pub struct Port<D> {
    device: D,
    packets: Buffers,
    share: OwnShare,
    pairs: Vec<Pair>,
    /// Buffers that the device can have.
    fresh: Indices,
    /// Buffers that the device and the sink have done with.
    spent: Indices,
    copies: Copies,
    counts: LinkCounts,
    /// The device could not be started again.
    dead: bool,
}

/// What belongs to a pair of queues.
struct Pair {
    line: Rc<Kept<dyn InterruptLine>>,
    /// Interrupts that were taken back.
    seen: u64,
    /// Buffers whose frames are being delivered.
    delivering: Indices,
    /// Frames whose buffers are held, for which the device has had no room.
    waiting: VecDeque<Box<[Packet]>>,
    /// Whoever is served now; those before leave when they find that it is not them.
    session: u64,
}

/// A server that drives a network device.
pub trait Driver: Object<Access = Serial> {
    /// Its device.
    type Device: Device;
    /// What it has.
    fn port(&self) -> &Port<Self::Device>;
    /// The same, to be changed.
    fn port_mut(&mut self) -> &mut Port<Self::Device>;
}

/// The packet memory of a driver whose device is quiet.
pub struct Memory {
    packets: Buffers,
    share: OwnShare,
    /// The physical address of its first byte.
    pub base: u64,
}

impl Memory {
    /// How many buffers there are.
    pub fn buffers(&self) -> usize {
        self.packets.count()
    }
}

/// Reaches the packet memory, once the device is quiet: what an instance before has lost is free from then on. The share is to hold what the device has,
/// and what is about to be renewed.
///
/// # Errors
///
/// The bus or the packet memory refuses.
pub fn memory<S: Server>(
    cx: &mut Cx<'_, New<S>>,
    device: &Req<dyn PciDevice>,
    packets: &Req<dyn PacketMemory>,
    address_space: &Req<dyn AddressSpace>,
    most_buffers: u32,
) -> Result<Memory, StartError> {
    let identity = device.identity(cx)?;
    let registers_at = device.read(cx, FIRST_ADDRESS)?;
    let name = u64::from(identity.address) << 32 | u64::from(registers_at);
    // Buffers for copies are taken, too, and what is taken may be half of a limit.
    let most_buffers = most_buffers + 2 * copies::MOST as u32;
    let share = OwnShare::new(packets.device_share(cx, name, most_buffers)?)?;
    let base = packets.space(cx)?.physical(cx)?;
    let packets = warren_packets::map(cx, packets, address_space)?;
    Ok(Memory { packets, share, base })
}

impl<D: Device> Port<D> {
    /// A port whose device was started, with a line for each of its pairs, which are 64 at most, and gets its first buffers here. A thread that waits for the interrupt line in the instance before this one wakes by
    /// the first frame that arrives, and so comes here.
    ///
    /// # Errors
    ///
    /// There is no packet memory.
    pub fn new<S: Server>(
        cx: &mut Cx<'_, New<S>>,
        device: D,
        memory: Memory,
        lines: Vec<Kept<dyn InterruptLine>>,
    ) -> Result<Self, StartError> {
        let Memory { packets, share, .. } = memory;
        let pairs: Vec<_> = lines.into_iter().map(Pair::new).collect();
        let fresh = share.take(cx, pairs.len() * device.entries())?;
        // Where memory is short nothing is copied.
        let kept = match copies::kept(packets.count()) {
            0 => Indices::new(),
            count => share.take(cx, count).unwrap_or_default(),
        };
        let copies = Copies::new(kept, packets.count());
        let (spent, counts, dead) = Default::default();
        let mut port = Port { device, packets, share, pairs, fresh, spent, copies, counts, dead };
        port.fill();
        Ok(port)
    }

    /// Gives each pair an equal part of the buffers that there are: one that had none would never interrupt.
    fn fill(&mut self) {
        let Port { device, pairs, fresh, .. } = self;
        for (pair, left) in (0..pairs.len()).zip((1..=pairs.len()).rev()) {
            let mut part = fresh.last(fresh.len() / left);
            device.refill(pair, &mut part);
            fresh.append(&mut part);
        }
    }

    /// What the device is.
    pub fn description(&self) -> LinkDescription {
        self.device.description()
    }

    /// What it has done.
    pub fn counts(&self) -> LinkCounts {
        self.counts
    }

    /// Gives frames whose buffers are held to the device; returns how many it has taken.
    fn transmit(&mut self, frames: &Batch) -> usize {
        let (mut taken, mut used) = (0, 0u64);
        for frame in frames.packets() {
            let pair = self.pair_of(frame);
            if used & (1 << pair) == 0 {
                used |= 1 << pair;
                self.reclaim(pair);
            }
            if !self.pairs[pair].waiting.is_empty() || !self.push(pair, frame) {
                if self.dead || self.pairs[pair].waiting.len() >= MOST_WAITING {
                    break;
                }
                self.pairs[pair].waiting.push_back(frame.into());
            }
            taken += 1;
        }
        self.counts.sent_dropped += (frames.packets().count() - taken) as u64;
        while used != 0 {
            let pair = used.trailing_zeros() as usize;
            used &= used - 1;
            self.device.publish(pair);
            self.go_on(pair);
        }
        taken
    }

    /// The pair by which a frame is sent.
    fn pair_of(&self, frame: &[Packet]) -> usize {
        match self.pairs.len() {
            1 => 0,
            pairs => flow::pair(&self.packets, frame, pairs),
        }
    }

    /// Gives a frame to a pair, if it has room.
    fn push(&mut self, pair: usize, frame: &[Packet]) -> bool {
        let Port { device, packets, counts, dead, .. } = self;
        let has_room = !*dead && device.push(pair, packets, frame);
        if has_room {
            counts.sent += 1;
            counts.sent_bytes += length(frame) as u64;
        }
        has_room
    }

    /// Gives frames that wait to a pair, as far as it has room.
    fn go_on(&mut self, pair: usize) {
        while !self.pairs[pair].waiting.is_empty() && !self.dead {
            // From here on the device says when there is more room.
            self.device.want_room(pair, true);
            self.reclaim(pair);
            let before = self.pairs[pair].waiting.len();
            while let Some(frame) = self.pairs[pair].waiting.pop_front() {
                let Port { device, packets, counts, spent, copies, .. } = self;
                // It was good when it came, and can have become bad only because somebody has written to the memory.
                if device.check(packets, &frame).is_err() {
                    let known = spent.len();
                    spent.extend(&frame);
                    copies.recover(spent, known);
                    counts.sent_dropped += 1;
                } else if !self.push(pair, &frame) {
                    self.pairs[pair].waiting.push_front(frame);
                    break;
                }
            }
            if self.pairs[pair].waiting.len() == before {
                return;
            }
            self.device.publish(pair);
            if self.pairs[pair].waiting.is_empty() {
                self.device.want_room(pair, false);
            }
        }
    }

    /// Takes back the buffers of frames that have left by a pair.
    fn reclaim(&mut self, pair: usize) {
        if self.dead {
            return;
        }
        let Port { device, spent, copies, .. } = self;
        let known = spent.len();
        let reclaimed = device.reclaim(pair, spent);
        copies.recover(spent, known);
        if reclaimed.is_err() {
            self.restart();
        }
    }

    /// Takes back the buffers of all frames that have left.
    fn reclaim_all(&mut self) {
        (0..self.pairs.len()).for_each(|pair| self.reclaim(pair));
    }

    /// Frames that have arrived by a pair.
    fn receive(&mut self, pair: usize) -> Batch {
        let Port { device, packets, pairs, counts, .. } = self;
        match device.harvest(pair, packets, &mut pairs[pair].delivering, counts) {
            Ok(frames) => frames,
            Err(Broken) => {
                self.restart();
                Batch::new()
            }
        }
    }

    /// Starts the device anew; what is in flight is lost.
    fn restart(&mut self) {
        self.counts.resets += 1;
        self.dead = self.stop().and_then(|()| self.device.start()).is_err();
        if !self.dead {
            self.fill();
        }
    }

    /// Stops the device. Nobody waits for it any more.
    fn stop(&mut self) -> Result<(), Broken> {
        let Port { device, fresh, spent, pairs, copies, .. } = self;
        let known = spent.len();
        let waiting = pairs.iter_mut().flat_map(|pair| pair.waiting.drain(..));
        waiting.for_each(|frame| spent.extend(&frame));
        let stopped = device.stop(fresh, spent);
        copies.recover(spent, known);
        stopped
    }
}

impl Pair {
    fn new(line: Kept<dyn InterruptLine>) -> Self {
        Pair {
            line: Rc::new(line),
            seen: 0,
            delivering: Indices::new(),
            waiting: VecDeque::new(),
            session: 0,
        }
    }
}

/// Sends frames: `Link::send`.
///
/// # Errors
///
/// A record is wrong, or the device works no more.
pub fn send<S: Driver>(cx: &mut Cx<'_, S>, frames: &[u8]) -> Result<u64, LinkError> {
    let frames = Batch::read(frames).map_err(|Bad| LinkError::BadRecord)?;
    // Those of a pair by which nothing is sent any more come back only so.
    if cx.port().copies.are_used_up() {
        cx.port_mut().reclaim_all();
    }
    let Port { device, packets, copies, .. } = cx.port_mut();
    for frame in frames.packets() {
        let checked = device.check(packets, frame);
        if checked.is_err() || frame.iter().any(|piece| copies.has(piece)) {
            return Err(LinkError::BadRecord);
        }
    }
    let frames = copies.replace(packets, frames);
    let others = copies.others(frames.records());
    let share = cx.port().share.clone();
    if let Err(error) = hold(cx, &share, &others) {
        cx.port_mut().copies.recover(&mut Indices::of(frames.records()), 0);
        return Err(error);
    }
    let sent = cx.port_mut().transmit(&frames);
    // What found no room is not held.
    let left: usize = frames.packets().take(sent).map(<[Packet]>::len).sum();
    let mut left = Indices::of(&frames.records()[left..]);
    cx.port_mut().copies.recover(&mut left, 0);
    if !left.is_empty() {
        share.give(cx, &left)?;
    }
    give_back(cx, &share, RENEWED)?;
    match cx.port().dead {
        true => Err(LinkError::Broken),
        false => Ok(sent as u64),
    }
}

/// Holds buffers of frames that are to be sent.
fn hold<S: Driver>(
    cx: &mut Cx<'_, S>,
    share: &OwnShare,
    buffers: &Indices,
) -> Result<(), LinkError> {
    if buffers.is_empty() || share.hold(cx, buffers).is_ok() {
        return Ok(());
    }
    // What has left may be what there is too much of.
    cx.port_mut().reclaim_all();
    give_back(cx, share, 1)?;
    Ok(share.hold(cx, buffers)?)
}

/// Delivers what arrives by a pair: `Link::serve`.
///
/// # Errors
///
/// There is no such pair, the sink is gone, the device works no more, or somebody else is served.
pub fn serve<'f, S: Driver>(
    cx: &mut Cx<'f, S>,
    pair: u32,
    sink: Ref<'f, dyn Sink>,
) -> Result<(), LinkError> {
    let pair = pair as usize;
    let it = cx.port_mut().pairs.get_mut(pair).ok_or(LinkError::NoPair)?;
    it.session += 1;
    let (session, line, share) = (it.session, it.line.clone(), cx.port().share.clone());
    // What another one was being shown when it ended.
    shown(cx.port_mut(), pair);
    loop {
        if cx.port().pairs[pair].session != session {
            return Err(LinkError::Superseded);
        }
        cx.port_mut().go_on(pair);
        let frames = cx.port_mut().receive(pair);
        if cx.port().dead {
            return Err(LinkError::Broken);
        }
        // More arrives while these are delivered: a small ring would have no buffer for it.
        refill(cx, pair, &share)?;
        // Somebody else may be served since, and have given them back.
        if cx.port().pairs[pair].session != session {
            return Err(LinkError::Superseded);
        }
        if frames.is_empty() {
            next_interrupt(cx, pair, Kept::as_ref(&line))?;
            continue;
        }
        match sink.deliver(cx, frames.as_bytes()) {
            Ok(()) => (),
            Err(SinkError::System(error)) if is_gone(error) => return Err(error.into()),
            // Frames may be lost.
            Err(_) => cx.port_mut().counts.received_dropped += 1,
        }
        shown(cx.port_mut(), pair);
    }
}

/// Stops the device of a driver that ends: it must not write into memory that is somebody else's by then.
pub fn close<S: Driver + Server>(cx: &mut Cx<'_, Closing<S>>) {
    if cx.port_mut().stop().is_ok() {
        let Port { fresh, spent, copies, .. } = cx.port_mut();
        spent.append(fresh);
        spent.append(&mut copies.end());
        let spent = core::mem::take(spent);
        let share = cx.port().share.clone();
        // A packet memory that is gone needs nothing back.
        share.give(cx, &spent).ok();
    }
}

/// Frames that were delivered are done with.
fn shown<D>(port: &mut Port<D>, pair: usize) {
    let Port { spent, pairs, .. } = port;
    spent.append(&mut pairs[pair].delivering);
}

/// Whether an error of a sink means that it will not come back, or that this thread is at its end.
fn is_gone(error: SystemError) -> bool {
    matches!(
        error,
        SystemError::Lost
            | SystemError::Gone
            | SystemError::Revoked
            | SystemError::Killed
            | SystemError::Deadline
    )
}

/// Gives a pair buffers, once many of them are missing.
fn refill<S: Driver>(cx: &mut Cx<'_, S>, pair: usize, share: &OwnShare) -> Result<(), LinkError> {
    let Port { device, fresh, pairs, .. } = cx.port();
    let missing = device.entries() - device.filled(pair);
    if missing < RENEWED.min(device.entries() / 4) {
        return Ok(());
    }
    let needed = missing.saturating_sub(fresh.len());
    // What is being delivered comes back.
    let has_some = device.filled(pair) > 0 || !pairs[pair].delivering.is_empty();
    give_back(cx, share, RENEWED)?;
    if needed > 0 {
        let mut taken = share.take(cx, needed);
        if taken.is_err() && give_back(cx, share, 1)? {
            taken = share.take(cx, needed);
        }
        let mut more = match taken {
            Ok(more) => more,
            // The device goes on with what it has, or gets back, until there is memory again.
            Err(PacketError::Exhausted | PacketError::Limit) if has_some => Indices::new(),
            Err(error) => return Err(error.into()),
        };
        // Whoever answers names buffers; one that is none would be written by the device.
        let buffers = cx.port().packets.count() as u32;
        if more.as_slice().iter().any(|index| *index >= buffers) {
            return Err(SystemError::BadAnswer.into());
        }
        cx.port_mut().fresh.append(&mut more);
    }
    let Port { device, fresh, .. } = cx.port_mut();
    device.refill(pair, fresh);
    Ok(())
}

/// Gives back what nobody here needs any more, if they are as many buffers as is `worth` it. Whether they were.
fn give_back<S: Driver>(
    cx: &mut Cx<'_, S>,
    share: &OwnShare,
    worth: usize,
) -> Result<bool, LinkError> {
    if cx.port().spent.len() < worth {
        return Ok(false);
    }
    let spent = core::mem::take(&mut cx.port_mut().spent);
    share.give(cx, &spent)?;
    Ok(true)
}

/// Waits for an interrupt that nobody has taken back, or until somebody else has.
fn next_interrupt<S: Driver>(
    cx: &mut Cx<'_, S>,
    pair: usize,
    line: Ref<'_, dyn InterruptLine>,
) -> Result<(), LinkError> {
    let seen = cx.port().pairs[pair].seen;
    let count = line.wait(cx, seen).map_err(|error| match error {
        InterruptError::System(error) => error.into(),
        _ => LinkError::Broken,
    })?;
    let Port { pairs, device, .. } = cx.port_mut();
    if count > pairs[pair].seen {
        pairs[pair].seen = count;
        device.acknowledge();
    }
    Ok(())
}

/// A frame of the longest kind has at most so many pieces.
const _: () = assert!(PIECES * BUFFER_BYTES >= 65_536 + 64);
