//! All connections of an engine: by their flow, and by a name that is never given twice.

use alloc::{boxed::Box, vec::Vec};

use hashbrown::HashTable;

use super::{Claim, listener::Listening, secrets::Secrets};
use crate::{connection::Connection, flow::Flow};

/// The name of a connection. It stays valid until its user lets go of it, also when the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub(super) slot: u32,
    generation: u32,
}

impl Name {
    /// The place of the connection among those that there are: a small number, which another one has later.
    pub fn place(self) -> usize {
        self.slot as usize
    }
}

/// A connection and what the engine knows of it.
#[derive(Debug)]
pub struct Entry<B> {
    pub connection: Connection<B>,
    /// The listener that it came to, until somebody has accepted it.
    pub listener: Option<Listening>,
    /// Whether somebody uses it: then it stays when it is closed.
    pub used: bool,
    /// Whether it stands among those that may have something to send.
    pub due: bool,
    /// Whether it stands among those that have news.
    pub has_news: bool,
    /// Pieces behind gaps that are counted.
    pub islands: usize,
    /// Pieces to be acknowledged that are counted.
    pub unacknowledged: usize,
    /// What may come to it.
    pub claim: Claim,
    /// Whether its window is closed because there is no room.
    pub wants_room: bool,
    /// Whether it is counted among those that only answer late segments.
    pub waits: bool,
}

#[derive(Debug)]
struct Slot<B> {
    generation: u32,
    /// In a box, so that the table can grow without all connections being moved.
    entry: Option<Box<Entry<B>>>,
}

/// The connections of an engine.
#[derive(Debug)]
pub struct Table<B> {
    slots: Vec<Slot<B>>,
    free: Vec<u32>,
    by_flow: HashTable<u32>,
    /// The one that was found last: segments come in batches, mostly of one connection.
    last: u32,
}

impl<B: Copy> Table<B> {
    pub fn new() -> Self {
        Table { slots: Vec::new(), free: Vec::new(), by_flow: HashTable::new(), last: 0 }
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The slot of a flow's connection.
    pub fn find(&mut self, secrets: &Secrets, flow: &Flow) -> Option<u32> {
        if self.flow(self.last) == Some(flow) {
            return Some(self.last);
        }
        let is_it = |slot: &u32| self.flow(*slot) == Some(flow);
        let slot = self.by_flow.find(secrets.place(flow), is_it).copied()?;
        self.last = slot;
        Some(slot)
    }

    /// Whether no connection has this flow.
    pub fn is_free(&self, secrets: &Secrets, flow: &Flow) -> bool {
        let is_it = |slot: &u32| self.flow(*slot) == Some(flow);
        self.by_flow.find(secrets.place(flow), is_it).is_none()
    }

    /// Puts a connection in whose flow has none.
    pub fn insert(&mut self, secrets: &Secrets, entry: Entry<B>) -> u32 {
        let place = secrets.place(entry.connection.flow());
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, entry: None });
            self.slots.len() as u32 - 1
        });
        self.slots[slot as usize].entry = Some(Box::new(entry));
        let slots = &self.slots;
        self.by_flow.insert_unique(place, slot, |other| {
            slots[*other as usize]
                .entry
                .as_ref()
                .map_or(0, |entry| secrets.place(entry.connection.flow()))
        });
        slot
    }

    /// Takes a connection out. Its name becomes invalid.
    pub fn remove(&mut self, secrets: &Secrets, slot: u32) -> Option<Box<Entry<B>>> {
        let entry = self.slots.get_mut(slot as usize)?.entry.take()?;
        let place = secrets.place(entry.connection.flow());
        if let Ok(found) = self.by_flow.find_entry(place, |other| *other == slot) {
            found.remove();
        }
        let generation = &mut self.slots[slot as usize].generation;
        *generation = generation.wrapping_add(1);
        self.free.push(slot);
        Some(entry)
    }

    pub fn name(&self, slot: u32) -> Name {
        Name { slot, generation: self.slots[slot as usize].generation }
    }

    pub fn named(&self, name: Name) -> Option<&Entry<B>> {
        let slot = self.slots.get(name.slot as usize)?;
        (slot.generation == name.generation).then_some(slot.entry.as_deref()?)
    }

    pub fn named_mut(&mut self, name: Name) -> Option<&mut Entry<B>> {
        let slot = self.slots.get_mut(name.slot as usize)?;
        (slot.generation == name.generation).then_some(slot.entry.as_deref_mut()?)
    }

    pub fn at(&mut self, slot: u32) -> Option<&mut Entry<B>> {
        self.slots.get_mut(slot as usize)?.entry.as_deref_mut()
    }

    /// All connections, with their names.
    pub fn all(&self) -> impl Iterator<Item = (Name, &Connection<B>)> {
        self.slots.iter().enumerate().filter_map(|(slot, kept)| {
            let entry = kept.entry.as_ref()?;
            Some((Name { slot: slot as u32, generation: kept.generation }, &entry.connection))
        })
    }

    fn flow(&self, slot: u32) -> Option<&Flow> {
        Some(self.slots.get(slot as usize)?.entry.as_ref()?.connection.flow())
    }
}
