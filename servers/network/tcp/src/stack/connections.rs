//! The connections of a principal, as those who use them see them.

use alloc::vec::Vec;

use warren_idl::{Address, BUFFER_BYTES, ConnectionStatus, Packet, TcpError, Way};
use warren_tcp::{Connection, End, LARGEST_SEGMENT_BYTES, Name, Path, Piece, State, WriteError};

use super::{Door, Inner, KEPT_FOR_HEADERS, Stack, User};

/// The error that a connection's end is for its user; `None` for an end in order.
fn error_of(end: End) -> Option<TcpError> {
    match end {
        End::Finished => None,
        End::Reset => Some(TcpError::Reset),
        End::Refused => Some(TcpError::Refused),
        End::TimedOut => Some(TcpError::TimedOut),
        End::Unreachable => Some(TcpError::Unreachable),
        End::Aborted => Some(TcpError::Closed),
    }
}

impl Stack {
    /// Begins a connection to a port of the station to which this way leads, which was noted.
    pub fn connect(
        &self,
        now_ns: u64,
        way: &Way,
        remote_port: u16,
    ) -> Result<(Name, Door), TcpError> {
        if self.inner.borrow().is_over {
            return Err(TcpError::Closed);
        }
        let path = match self.inner.borrow().ways.get(&way.destination).flatten() {
            Some(known) => known.path(),
            None => Path::ETHERNET,
        };
        let remote = (way.destination, remote_port);
        let choices = self.common.ports.borrow_mut().choices(self.owner, remote).next();
        let port = choices.ok_or(TcpError::TooMany)?;
        let name = self.with(|engine, output| {
            let local = (way.source.ip(), port).into();
            let remote = (way.destination.ip(), remote_port).into();
            engine.connect(now_ns, local, remote, path, output)
        });
        let name = name.map_err(|error| match error {
            warren_tcp::ConnectError::InUse => TcpError::InUse,
            warren_tcp::ConnectError::TooMany => TcpError::TooMany,
        })?;
        Ok((name, self.use_connection(name)))
    }

    pub(super) fn use_connection(&self, name: Name) -> Door {
        let door = Door::default();
        let users = &mut self.inner.borrow_mut().users;
        if users.len() <= name.place() {
            users.resize_with(name.place() + 1, || None);
        }
        users[name.place()] = Some(User { name, door: door.clone(), report: None });
        door
    }

    /// The last reference to a connection is gone.
    pub fn leave(&self, name: Name) {
        let inner = &mut *self.inner.borrow_mut();
        if let Some(user) = inner.users.get_mut(name.place())
            && user.as_ref().is_some_and(|user| user.name == name)
        {
            *user = None;
        }
        inner.left.push(name);
    }

    /// Looks at a connection; [`TcpError::Closed`] if there is none of this name.
    pub(super) fn look<T>(
        &self,
        name: Name,
        look: impl FnOnce(&Connection<u32>, &Inner) -> T,
    ) -> Result<T, TcpError> {
        let inner = self.inner.borrow();
        match inner.engine.connection(name) {
            Some(connection) if !inner.is_over => Ok(look(connection, &inner)),
            _ if inner.is_over => Err(TcpError::Reset),
            _ => Err(TcpError::Closed),
        }
    }

    /// Whether a connection is open, or will never be.
    pub fn is_open(&self, name: Name) -> Option<Result<(), TcpError>> {
        let state = self.look(name, |connection, _| match connection.state() {
            State::SynSent | State::SynReceived => None,
            State::Closed => {
                Some(Err(connection.end().and_then(error_of).unwrap_or(TcpError::Reset)))
            }
            _ => Some(Ok(())),
        });
        state.unwrap_or_else(|error| Some(Err(error)))
    }

    /// Whether there are bytes to read, or will never be any more.
    pub fn is_readable(&self, name: Name) -> Option<Result<(), TcpError>> {
        let ready = self.look(name, |connection, _| match connection.ready_bytes() {
            0 if connection.is_at_end() => {
                Some(connection.end().and_then(error_of).map_or(Ok(()), Err))
            }
            0 => None,
            _ => Some(Ok(())),
        });
        ready.unwrap_or_else(|error| Some(Err(error)))
    }

    /// Whether there is room to write that is worth it, or will never be any.
    pub fn is_writable(&self, name: Name) -> Option<Result<(), TcpError>> {
        let ready = self.look(name, |connection, inner| {
            let most = inner.engine.send_limit(name);
            match (connection.state(), connection.room(most) / worth_writing(most)) {
                (State::Closed, _) => {
                    let error = connection.end().and_then(error_of);
                    Some(Err(error.unwrap_or(TcpError::Closed)))
                }
                (State::Established | State::CloseWait, 0) => None,
                (State::Established | State::CloseWait, _) => (!inner.is_hungry).then_some(Ok(())),
                (State::SynSent | State::SynReceived, _) => None,
                _ => Some(Err(TcpError::Closed)),
            }
        });
        ready.unwrap_or_else(|error| Some(Err(error)))
    }

    /// Copies bytes that are ready into a caller's buffer; how many.
    pub fn read(&self, name: Name, out: &mut warren::Out<'_>) -> Result<u64, TcpError> {
        let done = self.look(name, |connection, _| {
            let mut done = 0;
            for piece in connection.ready() {
                let bytes = (piece.length as usize).min(out.len() - done);
                let (offset, length) = (piece.offset as u16, bytes as u16);
                let place =
                    Packet { buffer: piece.buffer, offset, bytes: length, ..Packet::default() };
                let Some(mut part) = out.part(done, bytes).filter(|part| !part.is_empty()) else {
                    break;
                };
                if self.common.memory.read_to(&place, &mut part).is_err() {
                    break;
                }
                done += bytes;
            }
            done
        })?;
        // The connection was there just now.
        self.with(|engine, output| engine.consume(name, done as u32, output).ok());
        Ok(done as u64)
    }

    /// Copies bytes of a caller's to where the engine sends them from, as many as there is room and are buffers for; how many. The last of the
    /// principal's buffers are left for headers, and what would leave in a segment by itself is left to the next call.
    pub fn write(&self, name: Name, bytes: &[u8]) -> Result<usize, TcpError> {
        let (most, last) = self.look(name, |connection, inner| {
            let room = connection.room(inner.engine.send_limit(name)) as usize;
            (connection.filling(bytes.len().min(room) as u32), connection.last_written())
        })?;
        let bytes = &bytes[..most as usize];
        let mut done = 0;
        if let Some(last) = last {
            let end = (last.offset + last.length) as usize;
            let part = &bytes[..bytes.len().min(BUFFER_BYTES.saturating_sub(end))];
            if !part.is_empty() && self.store(last.buffer, end, part) {
                self.written(
                    self.with(|engine, output| engine.extend(name, part.len() as u32, output)),
                )?;
                done = part.len();
            }
        }
        if done == bytes.len() {
            return Ok(done);
        }
        let mut pieces = self.fill(&bytes[done..]);
        let written = self.with(|engine, output| engine.write_all(name, &pieces, output));
        let count = written.unwrap_or(0);
        done += pieces.drain(..count).map(|piece| piece.length as usize).sum::<usize>();
        let inner = &mut *self.inner.borrow_mut();
        pieces.drain(..).rev().for_each(|piece| inner.stock.fresh.push(piece.buffer));
        inner.pieces = pieces;
        inner.is_full |= inner.engine.send_room() == 0;
        match self.written(written.map(drop)) {
            Err(error) if error != TcpError::WouldWait => Err(error),
            _ => Ok(done),
        }
    }

    /// Copies bytes into buffers, as far as there are some.
    fn fill(&self, bytes: &[u8]) -> Vec<Piece<u32>> {
        let inner = &mut *self.inner.borrow_mut();
        let mut pieces = core::mem::take(&mut inner.pieces);
        for part in bytes.chunks(BUFFER_BYTES) {
            let fresh = &mut inner.stock.fresh;
            let buffer = if fresh.len() <= KEPT_FOR_HEADERS { None } else { fresh.pop() };
            let Some(buffer) = buffer else { break };
            self.store(buffer, 0, part);
            pieces.push(Piece { buffer, offset: 0, length: part.len() as u32 });
        }
        pieces
    }

    fn store(&self, buffer: u32, offset: usize, bytes: &[u8]) -> bool {
        let place = Packet {
            buffer,
            offset: offset as u16,
            bytes: bytes.len() as u16,
            ..Packet::default()
        };
        self.common.memory.write(&place, 0, bytes).is_ok()
    }

    fn written(&self, result: Result<(), WriteError>) -> Result<(), TcpError> {
        result.map_err(|error| match error {
            WriteError::Full => TcpError::WouldWait,
            WriteError::Ended => TcpError::Closed,
        })
    }

    /// How many buffers are missing to write so many bytes to a connection.
    pub fn missing(&self, name: Name, bytes: usize) -> usize {
        let room = self.look(name, |connection, inner| {
            let room = connection.room(inner.engine.send_limit(name)) as usize;
            let last = connection.last_written();
            let behind = last.map_or(0, |last| BUFFER_BYTES as u32 - (last.offset + last.length));
            bytes.min(room).saturating_sub(behind as usize)
        });
        let wanted = room.unwrap_or(0).div_ceil(BUFFER_BYTES) + KEPT_FOR_HEADERS;
        wanted.saturating_sub(self.fresh())
    }

    /// Nothing more will be written.
    pub fn finish(&self, name: Name) -> Result<(), TcpError> {
        self.look(name, |_, _| ())?;
        self.with(|engine, output| engine.finish(name, output)).map_err(|_| TcpError::Closed)
    }

    /// Ends a connection at once. Whoever waits for it is told.
    pub fn abort(&self, now_ns: u64, name: Name) -> Result<(), TcpError> {
        self.look(name, |_, _| ())?;
        let ended = self.with(|engine, output| engine.abort(now_ns, name, output));
        let inner = &mut *self.inner.borrow_mut();
        if let Some(Some(user)) = inner.users.get_mut(name.place()).filter(|_| ended.is_ok()) {
            inner.bells.extend(user.door.borrow().clone());
        }
        ended.map_err(|_| TcpError::Closed)
    }

    /// See [`Engine::set_no_delay`].
    pub fn set_no_delay(&self, name: Name, no_delay: bool) -> Result<(), TcpError> {
        self.look(name, |_, _| ())?;
        self.with(|engine, output| engine.set_no_delay(name, no_delay, output))
            .map_err(|_| TcpError::Closed)
    }

    /// See [`Engine::set_keep_alive`].
    pub fn set_keep_alive(&self, name: Name, keep_alive: bool) -> Result<(), TcpError> {
        self.look(name, |_, _| ())?;
        self.with(|engine, output| engine.set_keep_alive(name, keep_alive, output))
            .map_err(|_| TcpError::Closed)
    }

    /// How a connection stands.
    pub fn status(&self, name: Name) -> Result<ConnectionStatus, TcpError> {
        self.look(name, |connection, _| status_of(connection, self.principal))
    }

    /// How one of the connections stands, in no order; or how many there are.
    pub fn nth_connection(&self, index: usize) -> Result<ConnectionStatus, usize> {
        let inner = self.inner.borrow();
        let mut count = 0;
        for (_, connection) in inner.engine.connections() {
            if count == index {
                return Ok(status_of(connection, self.principal));
            }
            count += 1;
        }
        Err(count)
    }

    /// What the engine has counted.
    pub fn totals(&self) -> warren_tcp::Totals {
        self.inner.borrow().engine.totals()
    }
}

/// How much room is worth writing to, if so many bytes may be unacknowledged: a quarter, or more where that is less than the largest segment. What is written in smaller pieces leaves in
/// smaller segments, each of which costs as much.
fn worth_writing(most: u32) -> u32 {
    (most / 4).max(LARGEST_SEGMENT_BYTES.min(most / 2)).max(1)
}

/// How a connection stands.
fn status_of(connection: &Connection<u32>, principal: u32) -> ConnectionStatus {
    let (flow, information) = (connection.flow(), connection.information());
    let state = match information.state {
        State::SynSent => ConnectionStatus::SYN_SENT,
        State::SynReceived => ConnectionStatus::SYN_RECEIVED,
        State::Established => ConnectionStatus::ESTABLISHED,
        State::FinWait1 => ConnectionStatus::FIN_WAIT_1,
        State::FinWait2 => ConnectionStatus::FIN_WAIT_2,
        State::CloseWait => ConnectionStatus::CLOSE_WAIT,
        State::Closing => ConnectionStatus::CLOSING,
        State::LastAck => ConnectionStatus::LAST_ACK,
        State::TimeWait => ConnectionStatus::TIME_WAIT,
        State::Closed => ConnectionStatus::CLOSED,
    };
    ConnectionStatus {
        received_bytes: information.counters.bytes_in,
        sent_bytes: information.counters.bytes_out,
        resent_bytes: information.counters.bytes_again,
        round_trip_ns: information.round_trip_ns,
        local: Address::from(flow.local),
        remote: Address::from(flow.remote),
        local_port: flow.local_port,
        remote_port: flow.remote_port,
        state,
        principal,
        unread_bytes: information.receive_queue_bytes,
        unsent_bytes: information.send_queue_bytes,
        congestion_bytes: information.congestion_bytes,
        segment_bytes: information.segment_bytes.into(),
        reserved: 0,
    }
}
