//! What the application does with a connection: write, read, end.

use core::ops::BitOr;

use super::{Connection, End, State};
use crate::{
    output::{Outgoing, Output},
    piece::Piece,
    segment::Segment,
    sending::Payload,
    sequence::Sequence,
    settings::Settings,
};

/// What happened to a connection that its user may want to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u8);

impl Events {
    /// Nothing.
    pub const NONE: Events = Events(0);
    /// Both sides agree that there is a connection.
    pub const CONNECTED: Events = Events(1);
    /// There is something to read, or the other side has ended.
    pub const READABLE: Events = Events(2);
    /// There is room to write again.
    pub const WRITABLE: Events = Events(4);
    /// The connection is closed.
    pub const ENDED: Events = Events(8);

    /// Whether all of `other` happened.
    pub fn contains(self, other: Events) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn insert(&mut self, other: Events) {
        *self = *self | other;
    }
}

impl BitOr for Events {
    type Output = Events;

    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

/// Why something cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// Too much is unacknowledged: wait for [`Events::WRITABLE`].
    Full,
    /// The connection is closed, or this side has ended.
    Ended,
}

impl<B: Copy> Connection<B> {
    /// Puts a piece at the end of what is to be sent. With an error, it stays the caller's.
    /// A queue that has any room takes a whole piece.
    pub fn write(
        &mut self,
        settings: &Settings,
        piece: Piece<B>,
        output: &mut impl Output<B>,
    ) -> Result<(), WriteError> {
        self.check_room(settings, piece.length)?;
        match piece.length {
            0 => output.release(piece.buffer),
            _ => self.queue.push(piece),
        }
        Ok(())
    }

    /// What was written last, if it was not acknowledged yet.
    pub fn last_written(&self) -> Option<Piece<B>> {
        self.queue.last()
    }

    /// Makes the piece that was written last longer: so many more bytes lie behind it in its buffer.
    pub fn extend(&mut self, settings: &Settings, bytes: u32) -> Result<(), WriteError> {
        self.check_room(settings, bytes)?;
        match self.queue.extend(bytes) {
            true => Ok(()),
            false => Err(WriteError::Full),
        }
    }

    fn check_room(&self, settings: &Settings, bytes: u32) -> Result<(), WriteError> {
        if self.wishes.finish || self.state == State::Closed {
            return Err(WriteError::Ended);
        }
        match self.room(settings.send_bytes) == 0 || bytes > settings.send_bytes {
            true => Err(WriteError::Full),
            false => Ok(()),
        }
    }

    /// Bytes that can be written now, if `most` may be unacknowledged.
    pub fn room(&self, most: u32) -> u32 {
        most.saturating_sub(self.queue.bytes())
    }

    /// Pieces that were written and are not acknowledged.
    pub fn unacknowledged_pieces(&self) -> usize {
        self.queue.pieces()
    }

    /// What can be read, in order.
    pub fn ready(&self) -> impl Iterator<Item = Piece<B>> {
        self.received.ready()
    }

    /// Pieces that are held behind gaps.
    pub fn islands(&self) -> usize {
        self.received.islands()
    }

    /// How many bytes can be read.
    pub fn ready_bytes(&self) -> u32 {
        self.received.ready_bytes()
    }

    /// Forgets `bytes` that were read, or all if there are not so many, and returns how many they were.
    pub fn consume(&mut self, bytes: u32, output: &mut impl Output<B>) -> u32 {
        self.received.consume(bytes, output)
    }

    /// Hands the next piece out. Whoever takes it gives its buffer back.
    pub fn take(&mut self) -> Option<Piece<B>> {
        self.received.take()
    }

    /// Whether everything was read and nothing more comes.
    pub fn is_at_end(&self) -> bool {
        let open =
            matches!(self.state, State::SynSent | State::SynReceived) || self.state.receives();
        !open && self.received.ready_bytes() == 0
    }

    /// Nothing more will be written. What was is still sent, and the other side can go on.
    pub fn finish(&mut self) {
        if core::mem::replace(&mut self.wishes.finish, true) {
            return;
        }
        self.state = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            state => state,
        };
    }

    /// Nobody uses the connection any longer: this side ends, and what the other side still says is not read. If it has said something
    /// that nobody read, it is told so with RST (RFC 2525, section 2.17).
    pub fn leave(&mut self, settings: &Settings, now_ns: u64, output: &mut impl Output<B>) {
        self.wishes.deaf = true;
        if self.received.ready_bytes() > 0 || self.state == State::SynSent {
            self.abort(now_ns, output);
        } else {
            self.finish();
            self.abandon_if_deaf(settings, now_ns);
        }
    }

    /// Ends the connection at once, with RST. What was not sent is forgotten.
    pub fn abort(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        let has_nothing_to_say =
            matches!(self.state, State::SynSent | State::Closed | State::TimeWait);
        if !has_nothing_to_say {
            let header = self.header(now_ns, self.next, false);
            let header = Segment { reset: true, ..header };
            self.counters.segments_out += 1;
            let segment_bytes = self.segment_bytes;
            output.send(Outgoing {
                flow: &self.flow,
                header,
                payload: Payload::empty(),
                segment_bytes,
                whole: true,
            });
        }
        if self.state != State::Closed {
            self.close(End::Aborted, output);
        }
        self.received.clear(output);
    }

    /// Whether small segments are sent at once, instead of one in each round trip (Nagle's algorithm).
    pub fn set_no_delay(&mut self, no_delay: bool) {
        self.wishes.no_delay = no_delay;
    }

    /// Whether the other side is asked for when it is silent for long.
    pub fn set_keep_alive(&mut self, settings: &Settings, keep_alive: bool) {
        self.wishes.keep_alive = keep_alive;
        if keep_alive && !matches!(self.state, State::TimeWait | State::Closed) {
            let due_ns = self.deadlines.heard_ns + settings.keep_alive_ns;
            self.deadlines.idle_ns = self.deadlines.idle_ns.min(due_ns);
        }
    }

    /// What happened since this was asked last.
    pub fn take_events(&mut self) -> Events {
        core::mem::take(&mut self.events)
    }

    /// Whether something happened since.
    pub(crate) fn has_events(&self) -> bool {
        self.events != Events::NONE
    }

    /// Whether both sides have known each other.
    pub(crate) fn was_established(&self) -> bool {
        self.unacknowledged != self.first
    }

    /// Whether a SYN begins a new connection in the place of this one (RFC 6191, section 2).
    pub(crate) fn can_be_replaced(&self, segment: &Segment) -> bool {
        let newer = segment.options.timestamps.is_some_and(|stamps| {
            self.agreement.stamped && Sequence(stamps.value).after(Sequence(self.stamps.recent))
        });
        self.state == State::TimeWait && (newer || segment.sequence.after(self.received.next()))
    }

    /// Gives all buffers back.
    pub(crate) fn clear(&mut self, output: &mut impl Output<B>) {
        self.queue.clear(output);
        self.received.clear(output);
    }

    /// Both sides know each other.
    pub(super) fn establish(&mut self) {
        self.state = if self.wishes.finish { State::FinWait1 } else { State::Established };
        self.events.insert(Events::CONNECTED | Events::WRITABLE);
        if self.counters.timeouts > 0 {
            self.congestion.begin_small();
        }
    }
}
