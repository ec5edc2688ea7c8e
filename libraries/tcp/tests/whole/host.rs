//! A host with this TCP, and simple applications on it.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use warren_tcp::{
    Connection, Engine, Events, Name, Outgoing, Output, Path, Piece, Segment, Settings, goes_on,
};

use crate::{memory::Memory, packet};

/// Bytes of a buffer that an application writes.
const WRITE_BYTES: u64 = 4096;
/// Most pieces of a packet.
const PIECES: usize = 2;
/// Bytes of a piece where there is room for few.
const PIECE_BYTES: u32 = 4096;

/// The byte of all tests' streams at a position.
pub fn pattern(position: u64) -> u8 {
    (position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8
}

/// Something that speaks TCP.
pub trait Speaker {
    fn receive(&mut self, now_ns: u64, packet: Vec<u8>);
    /// Lets applications run, and returns what is to be sent.
    fn run(&mut self, now_ns: u64) -> Vec<Vec<u8>>;
    fn deadline_ns(&self) -> Option<u64>;
}

/// What an application does with its connection, and how far it is.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Bytes that it sends, and then ends.
    pub sends: u64,
    /// Bytes that it writes at a time.
    pub write_bytes: u64,
    /// Bytes that it reads at a time, and how often: a slow reader.
    pub read_bytes: u32,
    pub read_every_ns: u64,
    pub next_read_ns: u64,
    /// Whether it does not end by itself.
    pub stays: bool,
    pub written: u64,
    pub read: u64,
    pub wrong: u64,
    pub finished: bool,
    /// Whether it has read the end.
    pub at_end: bool,
    pub ended_ns: u64,
    pub events: Vec<Events>,
}

impl Task {
    /// A connection that stays open, with which nothing is done.
    pub fn idle() -> Task {
        Task { stays: true, ..Task::sending(0) }
    }

    pub fn sending(bytes: u64) -> Task {
        Task { sends: bytes, write_bytes: WRITE_BYTES, read_bytes: u32::MAX, ..Task::default() }
    }
}

pub struct Host {
    pub address: IpAddr,
    pub engine: Engine<usize>,
    pub memory: Memory,
    pub path: Path,
    pub tasks: Vec<(Name, Task)>,
    /// What is done with connections that come.
    pub on_accept: Task,
    outbox: Vec<Vec<u8>>,
    pub sent: Vec<Segment>,
    /// Whether routers are not to cut what was sent last.
    pub whole: bool,
    /// Whether its device leaves segments as long as they are.
    pub leaves_long: bool,
    /// Pieces that there is room for, if that is little: then each packet fills as many as it needs, and what finds no room is lost.
    pub room: Option<usize>,
    /// Packets that were.
    pub lost: u64,
}

/// The engine's way out: cuts segments as a device would.
pub struct Wire<'a> {
    pub memory: &'a mut Memory,
    pub outbox: &'a mut Vec<Vec<u8>>,
    pub sent: &'a mut Vec<Segment>,
    pub whole: &'a mut bool,
    pub leaves_long: bool,
}

impl Output<usize> for Wire<'_> {
    fn send(&mut self, segment: Outgoing<'_, usize>) {
        self.sent.push(segment.header);
        *self.whole = segment.whole;
        let payload: Vec<u8> =
            segment.pieces().flat_map(|piece| self.memory.bytes(piece)).copied().collect();
        let limit = match self.leaves_long {
            true => payload.len().max(1),
            false => usize::from(segment.segment_bytes).max(1),
        };
        let count = payload.len().div_ceil(limit).max(1);
        for part in 0..count {
            let start = part * limit;
            let last = part + 1 == count;
            let header = Segment {
                sequence: segment.header.sequence + start as u32,
                push: segment.header.push && last,
                finish: segment.header.finish && last,
                ..segment.header
            };
            let bytes = &payload[start..payload.len().min(start + limit)];
            self.outbox.push(packet::encode(segment.flow, &header, bytes));
        }
    }

    fn release(&mut self, buffer: usize) {
        self.memory.release(buffer);
    }
}

impl Host {
    pub fn new(last: u8, settings: Settings) -> Host {
        Host {
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            engine: Engine::new(settings, [last; 16]),
            memory: Memory::default(),
            path: Path::ETHERNET,
            tasks: Vec::new(),
            on_accept: Task::sending(0),
            outbox: Vec::new(),
            sent: Vec::new(),
            whole: false,
            leaves_long: false,
            room: None,
            lost: 0,
        }
    }

    pub fn with<T>(&mut self, act: impl FnOnce(&mut Engine<usize>, &mut Wire<'_>) -> T) -> T {
        let Host { engine, memory, outbox, sent, whole, leaves_long, .. } = self;
        act(engine, &mut Wire { memory, outbox, sent, whole, leaves_long: *leaves_long })
    }

    pub fn listen(&mut self, port: u16, task: Task) {
        self.engine.listen((port, None), 16).expect("nobody listens there");
        self.on_accept = task;
    }

    pub fn connect(&mut self, now_ns: u64, remote: IpAddr, port: u16, task: Task) -> Name {
        let (local, path) = (SocketAddr::new(self.address, 0), self.path);
        let remote = SocketAddr::new(remote, port);
        let name = self
            .with(|engine, wire| engine.connect(now_ns, local, remote, path, wire))
            .expect("there is a free port");
        self.tasks.push((name, task));
        name
    }

    pub fn connection(&self, task: usize) -> &Connection<usize> {
        self.engine.connection(self.tasks[task].0).expect("the connection is used")
    }

    /// Packets arrive together: as one, those that can be.
    pub fn receive_together(&mut self, now_ns: u64, packets: &[Vec<u8>]) {
        let mut packets = packets.iter().peekable();
        while let Some(first) = packets.next() {
            let Some((segment, source, destination, offset)) = self.decode(first) else { continue };
            let between = (destination, source);
            let most = self.engine.together(between, &segment);
            let mut pieces = self.pieces(first, offset);
            let mut bytes = (first.len() - offset) as u32;
            while let Some(next) = packets.peek()
                && let Some((_, source, destination, behind)) = self.decode(next)
                && (destination, source) == between
                && goes_on(&first[packet::IP_BYTES..offset], bytes, &next[packet::IP_BYTES..behind])
                && bytes + (next.len() - behind) as u32 <= most.bytes
                && pieces.len() + PIECES <= most.pieces
            {
                pieces.extend(self.pieces(next, behind));
                bytes += (next.len() - behind) as u32;
                packets.next();
            }
            let path = self.path;
            self.with(|engine, wire| {
                engine.receive(now_ns, between, &path, &segment, &pieces, wire)
            });
        }
    }

    fn decode(&self, packet: &[u8]) -> Option<(Segment, IpAddr, IpAddr, usize)> {
        packet::decode(packet).filter(|(_, _, destination, _)| *destination == self.address)
    }

    /// As a driver does it: the payload stays where the packet is, here in two pieces, or in full ones.
    fn pieces(&mut self, packet: &[u8], offset: usize) -> Vec<Piece<usize>> {
        let (mut offset, mut left) = (offset as u32, (packet.len() - offset) as u32);
        let mut most = if self.room.is_some() { PIECE_BYTES } else { left / 3 };
        let mut pieces = Vec::new();
        while left > 0 {
            let length = most.clamp(1, left);
            pieces.push(Piece { buffer: self.memory.make(packet.to_vec()), offset, length });
            (offset, left) = (offset + length, left - length);
            most = if self.room.is_some() { PIECE_BYTES } else { left };
        }
        pieces
    }

    fn accept(&mut self) {
        let places: Vec<_> = self.engine.listeners().map(|(place, ..)| place).collect();
        for place in places {
            while let Some((name, _)) = self.engine.accept(place) {
                self.tasks.push((name, self.on_accept.clone()));
            }
        }
    }

    fn work(&mut self, now_ns: u64, name: Name, task: &mut Task) {
        self.read(now_ns, name, task);
        self.write(name, task);
    }

    fn read(&mut self, now_ns: u64, name: Name, task: &mut Task) {
        let Some(connection) = self.engine.connection(name) else { return };
        if now_ns >= task.next_read_ns && connection.ready_bytes() > 0 {
            let mut left = task.read_bytes;
            for piece in connection.ready() {
                let bytes = self.memory.bytes(piece);
                let count = bytes.len().min(left as usize);
                for byte in &bytes[..count] {
                    task.wrong += u64::from(*byte != pattern(task.read));
                    task.read += 1;
                }
                left -= count as u32;
            }
            let bytes = task.read_bytes - left;
            task.next_read_ns = now_ns + task.read_every_ns;
            self.with(|engine, wire| engine.consume(name, bytes, wire))
                .expect("the connection is used");
        }
        let Some(connection) = self.engine.connection(name) else { return };
        if connection.is_at_end() && !task.at_end {
            task.at_end = true;
            task.ended_ns = now_ns;
        }
    }

    fn write(&mut self, name: Name, task: &mut Task) {
        while task.written < task.sends {
            let length = task.write_bytes.min(task.sends - task.written);
            let room = self
                .engine
                .connection(name)
                .map_or(0, |connection| connection.room(self.engine.send_limit(name)));
            if room == 0 {
                return;
            }
            let bytes = (task.written..task.written + length).map(pattern).collect();
            let buffer = self.memory.make(bytes);
            let piece = Piece { buffer, offset: 0, length: length as u32 };
            if self.with(|engine, wire| engine.write(name, piece, wire)).is_err() {
                self.memory.release(buffer);
                return;
            }
            task.written += length;
        }
        if !task.finished && !task.stays {
            task.finished = true;
            let _ = self.with(|engine, wire| engine.finish(name, wire));
        }
    }

    /// What was sent since.
    pub fn take_outbox(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.outbox)
    }

    /// Lets go of all connections.
    pub fn leave_all(&mut self, now_ns: u64) {
        for (name, _) in core::mem::take(&mut self.tasks) {
            let _ = self.with(|engine, wire| engine.leave(now_ns, name, wire));
        }
    }
}

impl Speaker for Host {
    fn receive(&mut self, now_ns: u64, packet: Vec<u8>) {
        let Some((segment, source, destination, offset)) = self.decode(&packet) else { return };
        if packet.len() > offset && self.room.is_some_and(|room| self.memory.held() >= room) {
            self.lost += 1;
            return;
        }
        let (pieces, path) = (self.pieces(&packet, offset), self.path);
        self.with(|engine, wire| {
            engine.receive(now_ns, (destination, source), &path, &segment, &pieces, wire)
        });
    }

    fn run(&mut self, now_ns: u64) -> Vec<Vec<u8>> {
        self.with(|engine, wire| engine.expire(now_ns, wire));
        self.accept();
        while let Some((name, events)) = self.engine.next_news() {
            if let Some((_, task)) = self.tasks.iter_mut().find(|(other, _)| *other == name) {
                task.events.push(events);
            }
        }
        let mut tasks = core::mem::take(&mut self.tasks);
        for (name, task) in &mut tasks {
            self.work(now_ns, *name, task);
        }
        self.tasks = tasks;
        self.with(|engine, wire| engine.transmit(now_ns, wire));
        self.take_outbox()
    }

    fn deadline_ns(&self) -> Option<u64> {
        let reads = self.tasks.iter().filter_map(|(name, task)| {
            let ready = self.engine.connection(*name)?.ready_bytes() > 0;
            ready.then_some(task.next_read_ns)
        });
        reads.chain(self.engine.next_deadline_ns()).min()
    }
}
