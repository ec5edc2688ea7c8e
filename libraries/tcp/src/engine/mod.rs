//! All connections of a stack: who a segment is for, who has something to send, who is to be woken when.
//!
//! | file | what |
//! | --- | --- |
//! | `table.rs` | connections by flow and by name |
//! | `listener.rs` | who waits for connections |
//! | `arrival.rs` | segments arrive |
//! | `users.rs` | what the connections' users do |
//! | `cookies.rs` | connections of which nothing is kept until they are open |
//! | `crowd.rs` | among which of them that is divided what there is room for |
//! | `deadlines.rs` | who is to be woken when |
//! | `secrets.rs` | what others must not guess |
//!
//! Nothing here takes longer because there are more connections, but for the deadlines' heap, whose height is the logarithm of their number.

mod arrival;
mod cookies;
mod crowd;
mod deadlines;
mod listener;
mod secrets;
mod table;
mod users;

use alloc::collections::VecDeque;

pub use listener::{Arrivals, Listening};
pub use table::Name;
pub use users::{ConnectError, Gone, ListenError};

use crate::{
    connection::{Connection, Events, State},
    output::Output,
    settings::Settings,
};
use crowd::{Claim, Crowd};
use deadlines::Deadlines;
use listener::Listeners;
use secrets::Secrets;
use table::{Entry, Table};

/// All connections of a stack.
#[derive(Debug)]
pub struct Engine<B> {
    settings: Settings,
    secrets: Secrets,
    table: Table<B>,
    listeners: Listeners,
    deadlines: Deadlines,
    /// Those that may have something to send.
    due: VecDeque<u32>,
    /// Those with news for their users.
    news: VecDeque<Name>,
    /// Whether a connection has come to a listener since that was asked last.
    lined_up: bool,
    /// Those that only answer late segments, the oldest first.
    waiting: VecDeque<Name>,
    /// Pieces that all of them hold behind gaps.
    islands: usize,
    crowd: Crowd,
    /// Those that have bytes to be acknowledged, and pieces of all of them.
    senders: usize,
    unacknowledged: usize,
    totals: Totals,
}

/// What an engine has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Segments that arrived; those that were handed over as one count as one.
    pub segments_in: u64,
    /// Segments for no connection, that were answered with RST.
    pub resets_out: u64,
    /// SYNs that were answered without anything being kept.
    pub cookies_out: u64,
    /// Connections that were made.
    pub connections: u64,
}

impl<B: Copy> Engine<B> {
    /// An engine without connections. `random` are 16 bytes that nobody can guess.
    pub fn new(settings: Settings, random: [u8; 16]) -> Self {
        Engine {
            settings,
            secrets: Secrets::new(random),
            table: Table::new(),
            listeners: Listeners::default(),
            deadlines: Deadlines::default(),
            due: VecDeque::new(),
            news: VecDeque::new(),
            lined_up: false,
            waiting: VecDeque::new(),
            islands: 0,
            crowd: Crowd::default(),
            senders: 0,
            unacknowledged: 0,
            totals: Totals::default(),
        }
    }

    /// When [`Engine::expire`] is to be called, if nothing else happens before; to be asked after [`Engine::transmit`], which is what finds
    /// deadlines. There may be nothing to do by then.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        // Those that wait for room may get what others have not used.
        let room_ns = if self.crowd.is_waiting() { self.crowd.next_term_ns() } else { None };
        self.deadlines.first_ns().into_iter().chain(room_ns).min()
    }

    /// Does what is due because of the time, but for sending.
    pub fn expire(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        while let Some(slot) = self.deadlines.take(now_ns) {
            let Some(entry) = self.table.at(slot) else { continue };
            if entry.connection.deadline_ns() <= now_ns {
                entry.connection.expire(&self.settings, now_ns, output);
            }
            self.follow_up(slot, output);
        }
        if self.crowd.is_waiting() {
            self.crowd.advance(now_ns);
            self.make_offers(output);
        }
    }

    /// Sends what is due of all connections that something happened to, as far as `output` has room. The rest is sent next time.
    pub fn transmit(&mut self, now_ns: u64, output: &mut impl Output<B>) {
        self.make_offers(output);
        let connections = self.table.len();
        while output.has_room()
            && let Some(slot) = self.due.pop_front()
        {
            let Some(entry) = self.table.at(slot) else { continue };
            if !core::mem::replace(&mut entry.due, false) {
                continue;
            }
            self.crowd.allot(&self.settings, connections, slot, entry);
            entry.connection.transmit(now_ns, output);
            let (open, held) = entry.connection.claim(&self.settings);
            self.crowd.set(&mut entry.claim, open, held);
            let deadline_ns = entry.connection.deadline_ns();
            if !output.has_room() {
                // It may have more to say.
                entry.due = true;
                self.due.push_back(slot);
            }
            self.deadlines.set(slot, deadline_ns);
        }
    }

    /// A connection that something happened to, with what it was.
    pub fn next_news(&mut self) -> Option<(Name, Events)> {
        loop {
            let name = self.news.pop_front()?;
            if let Some(entry) = self.table.named_mut(name) {
                entry.has_news = false;
                return Some((name, entry.connection.take_events()));
            }
        }
    }

    /// Whether a connection has come to a listener since this was asked last.
    pub fn take_lined_up(&mut self) -> bool {
        core::mem::take(&mut self.lined_up)
    }

    /// Whether nothing has happened since the last [`Engine::transmit`] that would send something, or tell somebody.
    pub fn is_quiet(&self) -> bool {
        self.due.is_empty() && self.news.is_empty() && !self.lined_up
    }

    /// A connection.
    pub fn connection(&self, name: Name) -> Option<&Connection<B>> {
        self.table.named(name).map(|entry| &entry.connection)
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = (Name, &Connection<B>)> {
        self.table.all()
    }

    /// All listeners: where, how many connections wait, and what came.
    pub fn listeners(&self) -> impl Iterator<Item = (Listening, usize, Arrivals)> {
        self.listeners
            .all()
            .map(|(place, listener)| (place, listener.waiting.len(), listener.arrivals))
    }

    /// How many bytes may be unacknowledged of a connection, if others are to have their part.
    pub fn send_limit(&self, name: Name) -> u32 {
        let Settings { send_bytes, send_pieces, piece_bytes, .. } = self.settings;
        let own = self.table.named(name).map_or(0, |entry| entry.unacknowledged);
        let part = send_pieces / (self.senders + usize::from(own == 0));
        let left = send_pieces.saturating_sub(self.unacknowledged - own);
        let pieces = part.min(left).max(Settings::LEAST_PIECES).min(own + self.send_room());
        send_bytes.min(u32::try_from(pieces).unwrap_or(u32::MAX).saturating_mul(piece_bytes))
    }

    /// How many more pieces may be unacknowledged of all connections together.
    pub fn send_room(&self) -> usize {
        self.settings.most_send_pieces.saturating_sub(self.unacknowledged)
    }

    /// What the engine has done.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The engine's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn insert(
        &mut self,
        connection: Connection<B>,
        listener: Option<Listening>,
        output: &mut impl Output<B>,
    ) -> Name {
        output.opened(connection.flow());
        let used = listener.is_none();
        let (due, has_news, waits, islands, unacknowledged, claim, wants_room) = Default::default();
        let entry = Entry {
            connection,
            listener,
            used,
            due,
            has_news,
            waits,
            islands,
            unacknowledged,
            claim,
            wants_room,
        };
        let slot = self.table.insert(&self.secrets, entry);
        self.totals.connections += 1;
        self.table.name(slot)
    }

    /// Offers room that there is to those that have waited for it longest.
    fn make_offers(&mut self, output: &mut impl Output<B>) {
        let connections = self.table.len();
        while let Some(slot) = self.crowd.first_waiting() {
            let is_done = match self.table.at(slot) {
                Some(entry) => self.crowd.offer(&self.settings, connections, entry),
                None => true,
            };
            if !is_done {
                return;
            }
            self.crowd.end_waiting();
            self.follow_up(slot, output);
        }
    }

    /// Something happened to a connection: notes what follows.
    fn follow_up(&mut self, slot: u32, output: &mut impl Output<B>) {
        let Some(entry) = self.table.at(slot) else { return };
        let islands = entry.connection.islands();
        self.islands += islands;
        self.islands -= core::mem::replace(&mut entry.islands, islands);
        let pieces = entry.connection.unacknowledged_pieces();
        let before = core::mem::replace(&mut entry.unacknowledged, pieces);
        self.unacknowledged = self.unacknowledged + pieces - before;
        self.senders = self.senders + usize::from(pieces > 0) - usize::from(before > 0);
        let (open, held) = entry.connection.claim(&self.settings);
        self.crowd.set(&mut entry.claim, open, held);
        let state = entry.connection.state();
        if state == State::Closed && !entry.used {
            self.remove(slot, output);
            return;
        }
        if !core::mem::replace(&mut entry.due, true) {
            self.due.push_back(slot);
        }
        let tell = entry.used && entry.connection.has_events() && !entry.has_news;
        entry.has_news |= tell;
        let waits = state == State::TimeWait && !core::mem::replace(&mut entry.waits, true);
        if tell {
            self.news.push_back(self.table.name(slot));
        }
        if waits {
            self.waiting.push_back(self.table.name(slot));
            self.limit_waiting(output);
        }
    }

    /// Forgets the oldest of those that only answer late segments, if they are too many.
    fn limit_waiting(&mut self, output: &mut impl Output<B>) {
        while self.waiting.len() > (self.settings.connections / 2).max(1) {
            self.forget_oldest_waiting(output);
        }
    }

    /// Returns false if there is none.
    fn forget_oldest_waiting(&mut self, output: &mut impl Output<B>) -> bool {
        while let Some(name) = self.waiting.pop_front() {
            if self.table.named(name).is_some_and(|entry| !entry.used) {
                self.remove(name.slot, output);
                return true;
            }
        }
        false
    }

    /// Forgets a connection, with all its buffers.
    fn remove(&mut self, slot: u32, output: &mut impl Output<B>) {
        let Some(mut entry) = self.table.remove(&self.secrets, slot) else { return };
        self.deadlines.remove(slot);
        self.islands -= entry.islands;
        self.crowd.forget(&entry.claim);
        self.unacknowledged -= entry.unacknowledged;
        self.senders -= usize::from(entry.unacknowledged > 0);
        entry.connection.clear(output);
        output.forgotten(entry.connection.flow());
        if let Some(listener) = entry.listener.and_then(|place| self.listeners.get_mut(place)) {
            // Those that are open stand in the line, which skips those that are gone.
            if !entry.connection.was_established() {
                listener.opening = listener.opening.saturating_sub(1);
            }
        }
    }
}
