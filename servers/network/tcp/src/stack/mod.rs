//! What one principal has of TCP: an engine, the segments that wait for it, its buffers, and those who use its connections.
//!
//! Nothing here makes a call but to ring. The rest of the server does so between the functions of [`Stack`], each of which is a critical section.
//!
//! | file | what |
//! | --- | --- |
//! | this one | segments come and go, time passes, who is to be told |
//! | `connections.rs` | what clients do with connections |
//! | `listeners.rs` | what they do with listeners |
//! | `reports.rs` | who reports where that it is ready |

mod connections;
mod listeners;
mod reports;

use alloc::{collections::BTreeMap, rc::Rc, vec::Vec};
use core::cell::{Cell, RefCell};

use warren::{Kept, Mapping, Ref, SystemError};
use warren_idl::{Address, BUFFER_BYTES, Endpoint, Packet, TcpCounts, Way};
use warren_packets::{Buffers, Indices, OwnShare, returned::Fate};
use warren_tcp::{
    Engine, Events, Flow, MILLISECOND_NS, Name, Outgoing, Output, Path, Piece, Segment, Sequence,
    Settings,
};
use warren_waiting::Bell;

pub use reports::{Cause, Subject, Watch};

use reports::Report;

use crate::{
    arrival::{Arrival, Arrivals, Queue, Run, piece},
    outgoing::{Sending, Stock, ToStation},
    ports::{Owner, Ports},
    remembered::Remembered,
    returned::{Returned, end_by},
    ways::{Known, Ways},
};

/// Bytes that a connection may hold unread, and unacknowledged: what a path of 1 Gbit/s and 8 ms has on its way, and sixteen segments of the largest kind. With less
/// of them, each batch that arrives has fewer, and wakes as many threads.
const WINDOW_BYTES: u32 = 1024 * 1024;
/// Pieces of buffers that a connection may hold unread.
const WINDOW_PIECES: usize = 1024;
/// Segments that are handed to the engine at least before others get their turn, if so many wait; with what came together with the last one.
const ROUND: usize = 64;
/// Endpoints by which ways lead.
const MOST_ENDPOINTS: usize = 8;
/// Buffers that are kept for headers: whoever writes leaves them.
pub const KEPT_FOR_HEADERS: usize = 8;
/// Buffers that are given back together at most.
const GIVEN_TOGETHER: usize = 32;
/// Buffers that are not divided among connections: those that are kept for headers, and those that wait to be used or given back.
const UNDIVIDED: usize = 32;
/// When to ask again for buffers, where there were none.
const HUNGER_NS: u64 = 10 * MILLISECOND_NS;
/// How long threads wait at most before they look again: a person hardly waits longer.
const LOOK_AGAIN_NS: u64 = 500 * MILLISECOND_NS;

/// What all principals share.
pub struct Common {
    /// The packet memory.
    pub memory: Buffers,
    /// Whose ports are whose.
    pub ports: RefCell<Ports>,
    /// Connections of all.
    pub remembered: Remembered<Mapping>,
    /// What happened.
    pub counts: Cell<TcpCounts>,
    /// Buffers that a principal may hold.
    pub most_buffers: usize,
}

impl Common {
    /// Counts something.
    pub fn count(&self, note: impl FnOnce(&mut TcpCounts)) {
        let mut counts = self.counts.get();
        note(&mut counts);
        self.counts.set(counts);
    }
}

/// What one principal has of TCP.
pub struct Stack {
    /// The principal's number.
    pub principal: u32,
    owner: Owner,
    common: Rc<Common>,
    /// What it holds of the packet memory.
    pub share: OwnShare,
    /// Rings when its thread has something to do.
    pub work: Bell,
    inner: RefCell<Inner>,
}

struct Inner {
    engine: Engine<u32>,
    queue: Queue,
    stock: Stock,
    batches: Vec<ToStation>,
    /// Room for the pieces of a call, of which there are none in between.
    pieces: Vec<Piece<u32>>,
    users: Vec<Option<User>>,
    listeners: BTreeMap<u16, Listener>,
    polls: Vec<(u64, Rc<Watch>)>,
    ways: Ways,
    /// Who leads there, each with its name.
    endpoints: Vec<(u64, Rc<Kept<dyn Endpoint>>)>,
    /// Connections, and ports, of which the last reference is gone.
    left: Vec<Name>,
    unlistened: Vec<u16>,
    /// Those to be rung when the state is as it is to be seen.
    bells: Vec<Bell>,
    /// Whether a thread is sending.
    is_sending: bool,
    /// Whether there was no buffer when one was needed.
    is_hungry: bool,
    /// Whether all connections together had written what they may when one has written last.
    is_full: bool,
    /// Whether segments have arrived since its thread waited last.
    is_busy: bool,
    /// Whether its thread waits for longer than it should.
    wants_look: bool,
    /// Until when its thread waits.
    waits_until_ns: u64,
    /// Whether its thread has ended, and with it all its connections.
    is_over: bool,
}

/// Where threads wait for one thing; made when the first one waits.
pub type Door = Rc<RefCell<Option<Bell>>>;

/// Whoever uses a connection.
struct User {
    name: Name,
    door: Door,
    report: Option<Report>,
}

/// Whoever uses the connection of this name.
fn user_of(users: &mut [Option<User>], name: Name) -> Option<&mut User> {
    users.get_mut(name.place())?.as_mut().filter(|user| user.name == name)
}

struct Listener {
    door: Door,
    report: Option<Report>,
    /// Connections that had come when this was looked at last.
    seen: u64,
}

impl Inner {
    fn forget_ways(&mut self) {
        self.ways.forget();
        self.endpoints.clear();
    }
}

impl Stack {
    /// A principal's, without connections. `key` are 16 bytes that nobody can guess.
    pub fn new(
        principal: u32,
        owner: Owner,
        common: &Rc<Common>,
        share: OwnShare,
        work: Bell,
        key: [u8; 16],
    ) -> Self {
        let divided = common.most_buffers.saturating_sub(UNDIVIDED);
        let settings = Settings {
            receive_bytes: WINDOW_BYTES,
            send_bytes: WINDOW_BYTES,
            receive_pieces: WINDOW_PIECES,
            piece_bytes: BUFFER_BYTES as u32,
            // Together no more than what a share may hold after others have filled it: a window that was offered is not taken back.
            window_pieces: divided * 3 / 8,
            send_pieces: divided / 4,
            most_send_pieces: divided * 5 / 16,
            // What closes the gaps finds room besides.
            island_pieces: divided * 3 / 8,
            ..Settings::default()
        };
        let inner = Inner {
            engine: Engine::new(settings, key),
            queue: Queue::default(),
            stock: Stock::default(),
            batches: Vec::new(),
            pieces: Vec::new(),
            users: Vec::new(),
            listeners: BTreeMap::new(),
            polls: Vec::new(),
            ways: Ways::default(),
            endpoints: Vec::new(),
            left: Vec::new(),
            unlistened: Vec::new(),
            bells: Vec::new(),
            is_sending: false,
            is_hungry: false,
            is_full: false,
            is_busy: false,
            wants_look: false,
            waits_until_ns: 0,
            is_over: false,
        };
        let common = common.clone();
        Stack { principal, owner, common, share, work, inner: RefCell::new(inner) }
    }

    /// What all principals share.
    pub fn common(&self) -> &Common {
        &self.common
    }

    /// Works on the engine, with its way out.
    fn with<T>(&self, act: impl FnOnce(&mut Engine<u32>, &mut Sending<'_, Mapping>) -> T) -> T {
        let Inner { engine, stock, batches, ways, .. } = &mut *self.inner.borrow_mut();
        let mut ports = self.common.ports.borrow_mut();
        let mut sending = Sending {
            memory: &self.common.memory,
            stock,
            ports: &mut ports,
            remembered: &self.common.remembered,
            owner: self.owner,
            ways,
            batches,
        };
        act(engine, &mut sending)
    }

    // Segments arrive.

    /// How many more segments there is room for.
    pub fn room(&self) -> usize {
        self.inner.borrow().queue.room()
    }

    /// Puts segments in the queue, whose payload is held by the principal's share.
    pub fn enqueue(&self, arrivals: Arrivals) {
        let mut inner = self.inner.borrow_mut();
        inner.is_busy = true;
        inner.queue.push(arrivals);
    }

    /// Whether segments wait, and the principal has a thread still.
    pub fn has_arrivals(&self) -> bool {
        let inner = self.inner.borrow();
        !inner.queue.is_empty() && !inner.is_over
    }

    /// The next station of which a segment came and to which the way is not known.
    pub fn stranger(&self) -> Option<Address> {
        let inner = self.inner.borrow();
        inner.queue.strangers().find(|source| inner.ways.get(source).is_none())
    }

    /// Notes a way, and who leads there.
    ///
    /// # Errors
    ///
    /// `Budget` if there is no room for a reference.
    pub fn note_way(&self, way: &Way, endpoint: Ref<'_, dyn Endpoint>) -> Result<(), SystemError> {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.ways.has_room() || inner.endpoints.len() >= MOST_ENDPOINTS {
            inner.forget_ways();
        }
        let Inner { ways, endpoints, .. } = inner;
        let name = endpoint.word();
        let place = match endpoints.iter().position(|(other, _)| *other == name) {
            Some(place) => place,
            None => {
                endpoints.push((name, Rc::new(endpoint.keep()?)));
                endpoints.len() - 1
            }
        };
        ways.note(way.destination, Some(Known { way: *way, endpoint: place }));
        Ok(())
    }

    /// Notes that none leads to a station: what comes from there is dropped.
    pub fn note_no_way(&self, station: Address) {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.ways.has_room() {
            inner.forget_ways();
        }
        inner.ways.note(station, None);
    }

    /// The way to a station, and who leads there.
    pub fn way(&self, station: &Address) -> Option<(Way, Rc<Kept<dyn Endpoint>>)> {
        let inner = self.inner.borrow();
        let known = inner.ways.get(station).flatten()?;
        let (_, endpoint) = inner.endpoints.get(known.endpoint)?;
        Some((known.way, endpoint.clone()))
    }

    /// Forgets what is known of ways, which may have changed.
    pub fn forget_ways(&self) {
        self.inner.borrow_mut().forget_ways();
    }

    /// Hands segments to the engine; whether more wait.
    pub fn receive(&self, now_ns: u64) -> bool {
        let Common { memory, ports, remembered, .. } = &*self.common;
        let Inner { engine, queue, stock, batches, ways, .. } = &mut *self.inner.borrow_mut();
        let mut ports = ports.borrow_mut();
        let (owner, ways) = (self.owner, &*ways);
        let mut output =
            Sending { memory, stock, ports: &mut ports, remembered, owner, ways, batches };
        let mut pieces = Vec::new();
        // Segments that come together are mostly of one station.
        let mut last: Option<(Address, Option<Path>)> = None;
        let mut count = 0;
        while count < ROUND {
            let Some(arrivals) = queue.pop() else { return false };
            count += arrivals.len();
            let mut runs = arrivals.runs();
            let between = |arrival: &Arrival| (arrival.destination.ip(), arrival.source.ip());
            while let Some(Run { first, segment, payload }) =
                runs.next(memory, |first, segment| engine.together(between(first), segment))
            {
                let path = match last {
                    Some((station, path)) if station == first.source => path,
                    _ => {
                        // What goes on with a connection needs no way.
                        let path = match ways.get(&first.source) {
                            None => Some(Path::ETHERNET),
                            Some(way) => way.map(Known::path),
                        };
                        last.insert((first.source, path)).1
                    }
                };
                match (segment, path) {
                    (Ok(segment), Some(path)) => {
                        pieces.clear();
                        pieces.extend(payload.iter().map(piece));
                        let between = between(first);
                        engine.receive(now_ns, between, &path, &segment, &pieces, &mut output);
                    }
                    _ => {
                        self.common.count(|counts| counts.bad += 1);
                        output.stock.spent.extend(payload);
                    }
                }
            }
        }
        !queue.is_empty()
    }

    /// Hears what has become of a segment, which the principal's thread sends again then, or not; whether one of this stack's connections has sent it.
    pub fn hear_of(&self, returned: &Returned) -> bool {
        let Returned { flow, fate, sequence } = returned;
        let sent = self.with(|engine, output| match fate {
            Fate::TooBig(bytes) => engine.narrow(flow, *bytes, *sequence, output),
            Fate::Stopped(obstacle) => engine.stop(flow, end_by(*obstacle), *sequence, output),
        });
        self.inner.borrow_mut().wants_look |= sent;
        sent
    }

    /// Answers a segment that is for nobody, with RST.
    pub fn answer_stranger(&self, now_ns: u64, arrival: &Arrival, payload: &[Packet]) {
        let Ok(segment) = arrival.segment(&self.common.memory, payload) else { return };
        self.with(|engine, output| {
            let between = (arrival.destination.ip(), arrival.source.ip());
            engine.receive(now_ns, between, &Path::ETHERNET, &segment, &[], output);
        });
    }

    /// Asks the other side of a connection that is not known here where it stands ([`crate::farewell`]).
    pub fn ask(&self, flow: &Flow) {
        if self.common.remembered.knows(flow) {
            return;
        }
        let header = Segment {
            source_port: flow.local_port,
            destination_port: flow.remote_port,
            acknowledgment: Some(Sequence(0)),
            synchronize: true,
            ..Segment::default()
        };
        self.with(|_, output| output.send(Outgoing::bare(flow, header)));
    }

    // Time passes, and segments leave.

    /// Does what is due because of the time, and for those who are gone.
    pub fn expire(&self, now_ns: u64) {
        self.with(|engine, output| engine.expire(now_ns, output));
    }

    /// Lets go of connections and ports of which the last reference is gone.
    pub fn let_go(&self, now_ns: u64) {
        let (left, unlistened) = {
            let inner = &mut *self.inner.borrow_mut();
            (core::mem::take(&mut inner.left), core::mem::take(&mut inner.unlistened))
        };
        for name in left {
            // One that is gone already need not be left.
            self.with(|engine, output| engine.leave(now_ns, name, output).ok());
        }
        for port in unlistened {
            self.with(|engine, output| engine.unlisten(now_ns, (port, None), output));
            self.common.ports.borrow_mut().unlisten(port);
        }
    }

    /// Whether [`Stack::transmit`] would do nothing.
    pub fn is_quiet(&self) -> bool {
        let Inner { engine, batches, left, unlistened, is_full, .. } = &*self.inner.borrow();
        let nobody_is_gone = left.is_empty() && unlistened.is_empty();
        let stays_full = !is_full || engine.send_room() == 0;
        engine.is_quiet() && batches.is_empty() && nobody_is_gone && stays_full
    }

    /// Whether the caller is the one who sends now; if not, somebody is who will not end before everything is sent. Who gets true calls
    /// [`Stack::end_sending`] in the same critical section in which [`Stack::transmit`] had nothing more, or [`Stack::is_quiet`].
    pub fn begin_sending(&self) -> bool {
        !core::mem::replace(&mut self.inner.borrow_mut().is_sending, true)
    }

    /// Nobody sends.
    pub fn end_sending(&self) {
        self.inner.borrow_mut().is_sending = false;
    }

    /// Lets the engine send, and takes what it has sent.
    pub fn transmit(&self, now_ns: u64) -> Vec<ToStation> {
        self.let_go(now_ns);
        self.with(|engine, output| engine.transmit(now_ns, output));
        self.note_news();
        core::mem::take(&mut self.inner.borrow_mut().batches)
    }

    /// Takes back a list of what was sent, which is empty, for its room.
    pub fn keep_room(&self, batches: Vec<ToStation>) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.batches.is_empty() {
            inner.batches = batches;
        }
    }

    /// Whether some other thread's change wants the principal's thread to look.
    pub fn wants_thread(&self) -> bool {
        let inner = self.inner.borrow();
        let next_ns = inner.engine.next_deadline_ns().unwrap_or(u64::MAX);
        !inner.queue.is_empty() || next_ns < inner.waits_until_ns || inner.wants_look
    }

    /// Until when the principal's thread waits, if it has nothing to do. It looks for what nobody tells it of: that the last reference to a connection is gone,
    /// that there are buffers again, and that this server has died. While segments arrive, it looks so often that no acknowledgment that may wait has to wake it.
    pub fn rest(&self, now_ns: u64) -> u64 {
        let mut inner = self.inner.borrow_mut();
        let is_busy = core::mem::take(&mut inner.is_busy);
        inner.wants_look = false;
        let look_ns = match (inner.is_hungry, is_busy) {
            (true, _) => HUNGER_NS,
            (_, true) => inner.engine.settings().delayed_acknowledgment_ns,
            _ => LOOK_AGAIN_NS,
        };
        let look_ns = now_ns + look_ns;
        let deadline_ns = inner.engine.next_deadline_ns();
        inner.waits_until_ns = deadline_ns.map_or(look_ns, |deadline_ns| deadline_ns.min(look_ns));
        inner.waits_until_ns
    }

    // Buffers.

    /// Buffers that are given back together: those that wait for that are no large part of the share.
    pub fn given_together(&self) -> usize {
        (self.common.most_buffers / 16).clamp(1, GIVEN_TOGETHER)
    }

    /// How many buffers without contents there are.
    pub fn fresh(&self) -> usize {
        self.inner.borrow().stock.fresh.len()
    }

    /// Takes over buffers.
    pub fn feed(&self, mut buffers: Indices) {
        let inner = &mut *self.inner.borrow_mut();
        inner.stock.fresh.append(&mut buffers);
        if core::mem::take(&mut inner.is_hungry) {
            self.revive(inner);
        }
    }

    /// Nothing could be written to a connection: if it is not full, there was no buffer.
    pub fn starve_unless_full(&self, name: Name) {
        if self.is_writable(name).is_some() {
            self.starve();
        }
    }

    /// There was no buffer. The principal's thread, which may wait until something else happens, is to look for some soon.
    pub fn starve(&self) {
        let inner = &mut *self.inner.borrow_mut();
        inner.wants_look |= !core::mem::replace(&mut inner.is_hungry, true);
    }

    /// Whether there was no buffer when one was needed last.
    pub fn is_hungry(&self) -> bool {
        self.inner.borrow().is_hungry
    }

    /// Buffers of segments that have arrived and are not needed any more, if they are as many as is worth a call.
    pub fn spent(&self, worth: usize) -> Option<Indices> {
        worth_giving(&mut self.inner.borrow_mut().stock.spent, worth)
    }

    /// Those of segments that were sent. Only for whoever sends, and has handed on all that there was.
    pub fn sent(&self, worth: usize) -> Option<Indices> {
        worth_giving(&mut self.inner.borrow_mut().stock.sent, worth)
    }

    /// There are buffers again for those who want to write.
    fn revive(&self, inner: &mut Inner) {
        let Inner { users, bells, .. } = inner;
        for user in users.iter_mut().flatten() {
            bells.extend(user.door.borrow().clone());
            if let Some(report) = &mut user.report {
                report.line_up(Subject::Connection(user.name), bells);
            }
        }
    }

    // News.

    /// Notes who is to be told of what has happened. A poll is told if what it waits for is there: most acknowledgments do not make room enough to write.
    fn note_news(&self) {
        self.note_room();
        while let Some((name, events)) = self.next_news() {
            if events == Events::NONE {
                continue;
            }
            let interest = user_of(&mut self.inner.borrow_mut().users, name)
                .and_then(|user| Some(user.report.as_ref()?.interest));
            let is_ready = interest.is_some_and(|interest| self.ready_for(name, interest) != 0);
            let Inner { users, bells, .. } = &mut *self.inner.borrow_mut();
            let Some(user) = user_of(users, name) else { continue };
            bells.extend(user.door.borrow().clone());
            if let Some(report) = user.report.as_mut().filter(|_| is_ready) {
                report.line_up(Subject::Connection(name), bells);
            }
        }
        let Inner { engine, listeners, bells, .. } = &mut *self.inner.borrow_mut();
        if !engine.take_lined_up() {
            return;
        }
        for ((port, _), waiting, arrivals) in engine.listeners() {
            let Some(listener) = listeners.get_mut(&port) else { continue };
            let before = core::mem::replace(&mut listener.seen, arrivals.connections);
            if before == arrivals.connections || waiting == 0 {
                continue;
            }
            bells.extend(listener.door.borrow().clone());
            if let Some(report) = &mut listener.report {
                report.line_up(Subject::Listener(port), bells);
            }
        }
    }

    /// Notes whether there is room again for those whom others have left none.
    fn note_room(&self) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.is_full && inner.engine.send_room() > 0 {
            inner.is_full = false;
            self.revive(inner);
        }
    }

    fn next_news(&self) -> Option<(Name, Events)> {
        self.inner.borrow_mut().engine.next_news()
    }

    /// Tells those who are to be told.
    pub fn ring(&self) -> Result<(), SystemError> {
        if self.inner.borrow().bells.is_empty() {
            return Ok(());
        }
        let mut bells = core::mem::take(&mut self.inner.borrow_mut().bells);
        let rung = bells.iter().try_for_each(Bell::ring);
        bells.clear();
        // The list keeps its room, unless another one was begun meanwhile.
        let inner = &mut *self.inner.borrow_mut();
        if inner.bells.is_empty() {
            inner.bells = bells;
        }
        rung
    }

    // The end.

    /// The principal's thread has ended: its connections are gone without a word, and its ports are free. Those who wait are told.
    pub fn end(&self) {
        self.common.ports.borrow_mut().forget(self.owner);
        let inner = &mut *self.inner.borrow_mut();
        let all = inner.engine.connections();
        all.for_each(|(_, connection)| self.common.remembered.forget(connection.flow()));
        inner.is_over = true;
        let users = inner.users.iter().flatten().map(|user| &user.door);
        let listeners = inner.listeners.values().map(|listener| &listener.door);
        let doors = users.chain(listeners).filter_map(|door| door.borrow().clone());
        let polls = inner.polls.iter().map(|(_, watch)| watch.bell.clone());
        inner.bells = doors.chain(polls).collect();
    }
}

/// All of the buffers, if they are so many. There is room for as many again.
fn worth_giving(buffers: &mut Indices, worth: usize) -> Option<Indices> {
    let room = buffers.len();
    (room >= worth).then(|| core::mem::replace(buffers, Indices::with_room(room)))
}
