//! What the connections' users do: listen, connect, write, read, end.

use core::net::SocketAddr;

use super::{Engine, Listening, Name, secrets::PORTS, table::Entry};
use crate::{
    connection::{Connection, End, WriteError},
    flow::Flow,
    output::Output,
    piece::Piece,
    settings::{Path, Settings},
};

/// Why nobody can listen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Somebody does.
    InUse,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// There is one between these ports, or between all ports.
    InUse,
    /// There are as many connections as there may be.
    TooMany,
}

/// The name is of no connection any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl<B: Copy> Engine<B> {
    /// Lets connections come to a port of one of this side's addresses, or of all. `backlog` may be half open, and so many may wait.
    pub fn listen(&mut self, place: Listening, backlog: u32) -> Result<(), ListenError> {
        match self.listeners.insert(place, backlog) {
            true => Ok(()),
            false => Err(ListenError::InUse),
        }
    }

    /// Lets no more connections come. Those that wait are aborted.
    pub fn unlisten(&mut self, now_ns: u64, place: Listening, output: &mut impl Output<B>) {
        for name in self.listeners.remove(place) {
            let _ = self.with(name, output, |entry, _, output| {
                entry.connection.abort(now_ns, output);
            });
        }
    }

    /// The connection that has waited longest, with its other end. It is the caller's until [`Engine::leave`].
    pub fn accept(&mut self, place: Listening) -> Option<(Name, Flow)> {
        let listener = self.listeners.get_mut(place)?;
        loop {
            let name = listener.waiting.pop_front()?;
            if let Some(entry) = self.table.named_mut(name) {
                (entry.used, entry.listener) = (true, None);
                let flow = *entry.connection.flow();
                if entry.connection.has_events() && !core::mem::replace(&mut entry.has_news, true) {
                    self.news.push_back(name);
                }
                return Some((name, flow));
            }
        }
    }

    /// Begins a connection from `local`, where port 0 means any, to `remote`. It is the caller's until [`Engine::leave`].
    pub fn connect(
        &mut self,
        now_ns: u64,
        local: SocketAddr,
        remote: SocketAddr,
        path: Path,
        output: &mut impl Output<B>,
    ) -> Result<Name, ConnectError> {
        if !self.make_room(output) {
            return Err(ConnectError::TooMany);
        }
        let flow = self.free_flow(Flow::between(local, remote)).ok_or(ConnectError::InUse)?;
        let (first, clock) = (self.secrets.first(&flow, now_ns), self.secrets.clock(&flow));
        let connection = Connection::open(&self.settings, now_ns, flow, path, first, clock);
        let name = self.insert(connection, None, output);
        self.follow_up(name.slot, output);
        Ok(name)
    }

    fn free_flow(&self, flow: Flow) -> Option<Flow> {
        let is_free = |flow: &Flow| self.table.is_free(&self.secrets, flow);
        if flow.local_port != 0 {
            return is_free(&flow).then_some(flow);
        }
        let start = self.totals.connections as u16;
        let port = |attempt: u16| self.secrets.port(&flow, start.wrapping_add(attempt));
        (0..PORTS).map(|attempt| Flow { local_port: port(attempt), ..flow }).find(is_free)
    }

    /// Writes a piece, which with an error stays the caller's; see [`Connection::write`].
    pub fn write(
        &mut self,
        name: Name,
        piece: Piece<B>,
        output: &mut impl Output<B>,
    ) -> Result<(), WriteError> {
        self.with(name, output, |entry, settings, output| {
            entry.connection.write(settings, piece, output)
        })
        .unwrap_or(Err(WriteError::Ended))
    }

    /// Writes pieces until one finds no room; how many. The others stay the caller's.
    ///
    /// # Errors
    ///
    /// That of the first one.
    pub fn write_all(
        &mut self,
        name: Name,
        pieces: &[Piece<B>],
        output: &mut impl Output<B>,
    ) -> Result<usize, WriteError> {
        self.with(name, output, |entry, settings, output| {
            for (written, piece) in pieces.iter().enumerate() {
                match entry.connection.write(settings, *piece, output) {
                    Err(error) if written == 0 => return Err(error),
                    Err(_) => return Ok(written),
                    Ok(()) => (),
                }
            }
            Ok(pieces.len())
        })
        .unwrap_or(Err(WriteError::Ended))
    }

    /// Makes the last piece longer; see [`Connection::extend`].
    pub fn extend(
        &mut self,
        name: Name,
        bytes: u32,
        output: &mut impl Output<B>,
    ) -> Result<(), WriteError> {
        self.with(name, output, |entry, settings, _| entry.connection.extend(settings, bytes))
            .unwrap_or(Err(WriteError::Ended))
    }

    /// Forgets bytes that were read; see [`Connection::consume`]. Mostly the other side need not be told.
    pub fn consume(
        &mut self,
        name: Name,
        bytes: u32,
        output: &mut impl Output<B>,
    ) -> Result<u32, Gone> {
        let connections = self.table.len();
        let entry = self.table.named_mut(name).ok_or(Gone)?;
        let consumed = entry.connection.consume(bytes, output);
        let (open, held) = entry.connection.claim(&self.settings);
        self.crowd.set(&mut entry.claim, open, held);
        self.crowd.allot(&self.settings, connections, name.slot, entry);
        if entry.connection.should_tell_window() {
            self.follow_up(name.slot, output);
        }
        self.make_offers(output);
        Ok(consumed)
    }

    /// Hands the next piece out; see [`Connection::take`].
    pub fn take(
        &mut self,
        name: Name,
        output: &mut impl Output<B>,
    ) -> Result<Option<Piece<B>>, Gone> {
        self.with(name, output, |entry, _, _| entry.connection.take())
    }

    /// Nothing more will be written; see [`Connection::finish`].
    pub fn finish(&mut self, name: Name, output: &mut impl Output<B>) -> Result<(), Gone> {
        self.with(name, output, |entry, _, _| entry.connection.finish())
    }

    /// See [`Connection::set_no_delay`].
    pub fn set_no_delay(
        &mut self,
        name: Name,
        no_delay: bool,
        output: &mut impl Output<B>,
    ) -> Result<(), Gone> {
        self.with(name, output, |entry, _, _| entry.connection.set_no_delay(no_delay))
    }

    /// See [`Connection::set_keep_alive`].
    pub fn set_keep_alive(
        &mut self,
        name: Name,
        keep_alive: bool,
        output: &mut impl Output<B>,
    ) -> Result<(), Gone> {
        self.with(name, output, |entry, settings, _| {
            entry.connection.set_keep_alive(settings, keep_alive)
        })
    }

    /// The path turned out to carry less; see [`Connection::narrow`]. Returns false if no connection has sent such a packet.
    pub fn narrow(
        &mut self,
        flow: &Flow,
        packet_bytes: u16,
        sequence: crate::sequence::Sequence,
        output: &mut impl Output<B>,
    ) -> bool {
        let Some(slot) = self.table.find(&self.secrets, flow) else { return false };
        let name = self.table.name(slot);
        self.with(name, output, |entry, _, _| entry.connection.narrow(packet_bytes, sequence))
            .unwrap_or(false)
    }

    /// A packet did not get to the other side; see [`Connection::stop`]. Returns false if it is not the SYN of a connection.
    pub fn stop(
        &mut self,
        flow: &Flow,
        end: End,
        sequence: crate::sequence::Sequence,
        output: &mut impl Output<B>,
    ) -> bool {
        let Some(slot) = self.table.find(&self.secrets, flow) else { return false };
        let name = self.table.name(slot);
        self.with(name, output, |entry, _, output| entry.connection.stop(sequence, end, output))
            .unwrap_or(false)
    }

    /// Lets go of a connection, which ends in order (see [`Connection::leave`]). The name is invalid from now on.
    pub fn leave(
        &mut self,
        now_ns: u64,
        name: Name,
        output: &mut impl Output<B>,
    ) -> Result<(), Gone> {
        self.with(name, output, |entry, settings, output| {
            entry.used = false;
            entry.connection.leave(settings, now_ns, output);
        })
    }

    /// Lets go of a connection, which ends at once, with RST. The name is invalid from now on.
    pub fn abort(
        &mut self,
        now_ns: u64,
        name: Name,
        output: &mut impl Output<B>,
    ) -> Result<(), Gone> {
        self.with(name, output, |entry, _, output| {
            entry.used = false;
            entry.connection.abort(now_ns, output);
        })
    }

    fn with<T, O: Output<B>>(
        &mut self,
        name: Name,
        output: &mut O,
        act: impl FnOnce(&mut Entry<B>, &Settings, &mut O) -> T,
    ) -> Result<T, Gone> {
        let entry = self.table.named_mut(name).ok_or(Gone)?;
        let result = act(entry, &self.settings, output);
        self.follow_up(name.slot, output);
        Ok(result)
    }
}
