//! The engine's tables: objects, instances, services.
//!
//! There is one [`System`] in a program; the platform keeps it and hands it out by
//! [`crate::platform::Platform::system`]. It is touched inside `critical` only, and no borrow of it
//! lives while a server is called.
#![expect(unsafe_code, reason = "the object table is memory that references point into")]

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{ptr::NonNull, sync::atomic::Ordering::Relaxed};

use crate::{
    file::{Mismatch, OutgoingCall, ServerFile, Service},
    holdings::Holdings,
    instance::{Instance, Kind, Life},
    layout::{NO_LOCK, OBJECTS, Object},
    plan::Plan,
    restart::Deaths,
    stub::{self, STUB_BYTES},
};

/// Everything that the engine knows.
pub struct System {
    /// First of [`OBJECTS`] objects. S1: they stay there, and only the engine and its stubs touch them.
    objects: *mut Object,
    /// Free entries of the object table.
    free: Vec<u16>,
    /// How many entries, from the first on, were ever in use: those behind are taken only while no other is free.
    taken: usize,
    /// Who pays for the others, and for references.
    pub holdings: Holdings,
    /// The records of all instances, dead ones included, in the order of loading. S2: each is a box of its own, and
    /// valid until it is removed.
    records: Vec<NonNull<Instance>>,
    /// What the system consists of.
    pub plan: &'static Plan,
    /// For each server of the plan, its living instance.
    pub running: Vec<Option<&'static Instance>>,
    /// For each server of the plan, the thread that is launching it now.
    pub launching: Vec<Option<u64>>,
    /// For each server of the plan, the thread that is destructing its instance now, to which nobody refers any more.
    pub closing: Vec<Option<u64>>,
    /// Instances that are dead but still hold memory and references.
    pub unburied: usize,
    /// Objects whose last reference went, for [`crate::death::finish`].
    pub dying: Vec<*mut Object>,
    /// For each server of the plan, how often it died.
    pub deaths: Vec<Deaths>,
    /// Servers of the plan that died and are to come back, and when, for [`crate::launch::revive`].
    returns: Vec<(u64, usize)>,
    /// The thread that brings back those whose pause is over, if there is one yet.
    pub attendant: Option<u64>,
    /// Each service that any file has described.
    services: Vec<Service>,
    /// Calls that files make to services which no file has described yet.
    calls: Vec<OutgoingCall>,
}

/// The plan before there is one.
static NO_PLAN: Plan =
    Plan { system: String::new(), principals: Vec::new(), servers: Vec::new(), start: Vec::new() };

impl System {
    /// Tables without an instance.
    ///
    /// # Safety
    ///
    /// `objects` points to [`OBJECTS`] zeroed objects that nobody else uses, for good (S1).
    pub const unsafe fn new(objects: *mut Object) -> Self {
        System {
            objects,
            free: Vec::new(),
            taken: 0,
            holdings: Holdings::new(),
            records: Vec::new(),
            plan: &NO_PLAN,
            running: Vec::new(),
            launching: Vec::new(),
            closing: Vec::new(),
            unburied: 0,
            dying: Vec::new(),
            deaths: Vec::new(),
            returns: Vec::new(),
            attendant: None,
            services: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Takes the plan, which stays for good. Once, before there are objects.
    pub fn set_plan(&mut self, plan: Plan) {
        self.free = (0..OBJECTS as u16).rev().collect();
        self.holdings.open(&plan);
        // Never grows: an object stands in the list once, and what dies must not need memory for that.
        self.dying.reserve_exact(OBJECTS);
        self.running = alloc::vec![None; plan.servers.len()];
        self.deaths = alloc::vec![Deaths::default(); plan.servers.len()];
        self.launching = alloc::vec![None; plan.servers.len()];
        self.closing = alloc::vec![None; plan.servers.len()];
        self.plan = Box::leak(Box::new(plan));
    }

    /// Notes that a server is to come back when the clock shows `at_ns`, and not when was noted before.
    pub fn come_back(&mut self, planned: usize, at_ns: u64) {
        self.stay_away(|other| other == planned);
        self.returns.push((at_ns, planned));
    }

    /// Forgets that these servers were to come back.
    pub fn stay_away(&mut self, is_one: impl Fn(usize) -> bool) {
        self.returns.retain(|(_, planned)| !is_one(*planned));
    }

    /// When the first of those that are to come back does.
    pub fn next_return_ns(&self) -> Option<u64> {
        self.returns.iter().map(|(at_ns, _)| *at_ns).min()
    }

    /// Takes one from those that are to come back by now.
    pub fn take_return(&mut self, now_ns: u64) -> Option<usize> {
        let at = self.returns.iter().rposition(|(at_ns, _)| *at_ns <= now_ns)?;
        Some(self.returns.remove(at).1)
    }

    /// Whether a thread is launching a server now, or destructing an instance of one.
    pub fn is_changed_by(&self, thread: u64) -> bool {
        self.launching.contains(&Some(thread)) || self.closing.contains(&Some(thread))
    }

    /// Adds an instance. Its record is valid as long as [`crate::record`] says.
    pub fn add(&mut self, instance: Instance) -> &'static Instance {
        for earlier in self.instances().filter(|earlier| earlier.planned == instance.planned) {
            earlier.superseded.set(true);
        }
        let record = NonNull::from(Box::leak(Box::new(instance)));
        self.records.push(record);
        // SAFETY: the record was made just now (S2).
        unsafe { record.as_ref() }
    }

    /// All instances, dead ones included, in the order of loading.
    pub fn instances(&self) -> impl Iterator<Item = &'static Instance> {
        // SAFETY: a record in the list is valid (S2).
        self.records.iter().map(|record| unsafe { record.as_ref() })
    }

    /// The instance with this number in the order of loading.
    pub fn instance(&self, index: usize) -> Option<&'static Instance> {
        // SAFETY: as for `instances`.
        self.records.get(index).map(|record| unsafe { record.as_ref() })
    }

    /// The record of an instance, by its address.
    pub fn find(&self, instance: &Instance) -> Option<&'static Instance> {
        self.instances().find(|known| core::ptr::eq(*known, instance))
    }

    /// Takes the record with this number out of the list.
    ///
    /// # Safety
    ///
    /// Nothing leads to it any more, as [`crate::record`] says.
    pub unsafe fn remove(&mut self, index: usize) -> Box<Instance> {
        // SAFETY: it was a box (S2), and the caller promises that nobody else uses it.
        unsafe { Box::from_raw(self.records.remove(index).as_ptr()) }
    }

    /// A new object with no reference yet, which the principal `payer` pays for; `None` if that may have no more.
    pub fn create(
        &mut self,
        instance: &Instance,
        kind: &Kind,
        state: u64,
        payer: usize,
    ) -> Option<*mut Object> {
        if !self.holdings.charge_object(payer) {
            return None;
        }
        let index = self.free.pop().expect("no more objects are charged than there are");
        self.taken = self.taken.max(usize::from(index) + 1);
        self.holdings.note_object(index.into(), payer);
        // SAFETY: the index is below OBJECTS (S1).
        let object = unsafe { self.objects.add(index.into()) };
        let lock =
            if instance.concurrent { &raw const NO_LOCK } else { &raw const instance.lock.0 };
        let value = Object {
            state,
            entries: kind.entries.as_ptr(),
            lock,
            service: kind.service.into(),
            instance: core::ptr::from_ref(instance).cast_mut(),
            kind,
            count: 0.into(),
            weak: 0.into(),
            flags: if kind.local { Object::LOCAL } else { 0 },
        };
        // SAFETY: the entry is free, so nobody reads or writes it now (S1).
        unsafe { object.write(value) };
        instance.entries.set(instance.entries.get() + 1);
        Some(object)
    }

    /// Gives an object's entry back, if no reference of either sort is left.
    ///
    /// Entries of a server that died stay until it is buried: frames of calls under way name them.
    ///
    /// # Safety
    ///
    /// `object` was made by [`System::create`] and is dead.
    pub unsafe fn recycle(&mut self, object: *mut Object) {
        // SAFETY: the entry belongs to the table (the caller's promise).
        let entry = unsafe { &mut *object };
        // SAFETY: an instance is valid as long as one of its objects is in use.
        let instance = unsafe { &*entry.instance };
        let is_dead = instance.life.get() == Life::Dead;
        let unused = !is_dead && entry.count.load(Relaxed) == 0 && entry.weak.load(Relaxed) == 0;
        if unused && entry.flags & Object::DYING == 0 && entry.service != 0 {
            entry.service = 0;
            instance.entries.set(instance.entries.get() - 1);
            let index = self.index(object);
            self.holdings.release_object(index);
            self.free.push(index as u16);
        }
    }

    /// Takes weak references to the object with this number away.
    ///
    /// # Safety
    ///
    /// The object has that many.
    pub unsafe fn forget_weak(&mut self, index: usize, count: u32) {
        let object = self.by_index(index);
        // SAFETY: entries are always initialised (S1).
        let entry = unsafe { &*object };
        entry.weak.fetch_sub(count, Relaxed);
        if entry.flags & Object::DEAD != 0 {
            // SAFETY: the object is dead.
            unsafe { self.recycle(object) };
        }
    }

    /// The object that a word from outside names, if it names an entry that is in use.
    pub fn object(&self, word: u64) -> Option<*mut Object> {
        let offset = word.checked_sub(self.objects as u64)?;
        let bytes = size_of::<Object>() as u64;
        let index = usize::try_from(offset / bytes).ok().filter(|index| *index < OBJECTS)?;
        // SAFETY: the index is below OBJECTS (S1).
        let object = unsafe { self.objects.add(index) };
        // SAFETY: entries are always initialised (S1).
        let service = unsafe { (*object).service };
        (offset % bytes == 0 && service != 0).then_some(object)
    }

    /// Number of an object in the table.
    pub fn index(&self, object: *const Object) -> usize {
        (object as usize - self.objects as usize) / size_of::<Object>()
    }

    /// How many objects there were at most: those with higher numbers have no references.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// All objects that are in use.
    pub fn objects(&self) -> impl Iterator<Item = *mut Object> + use<> {
        let first = self.objects;
        (0..self.taken).filter_map(move |index| {
            // SAFETY: the index is below OBJECTS (S1).
            let object = unsafe { first.add(index) };
            // SAFETY: entries are always initialised (S1).
            let service = unsafe { (*object).service };
            (service != 0).then_some(object)
        })
    }

    /// The object with this number.
    pub fn by_index(&self, index: usize) -> *mut Object {
        assert!(index < OBJECTS, "an object's number is below the limit");
        // SAFETY: just checked (S1).
        unsafe { self.objects.add(index) }
    }

    /// Where a thread that was interrupted at `rip` in the engine's space has to go on: `rip` itself, unless it was
    /// between a stub's compare and store ([`stub::restart`]).
    pub fn restart(&self, rip: u64) -> u64 {
        let owner = self.instances().find(|instance| instance.has_stub_at(rip));
        let Some(owner) = owner else { return stub::restart(rip, None) };
        let distance = rip - owner.stubs.start;
        let (index, offset) = (distance / STUB_BYTES as u64, distance % STUB_BYTES as u64);
        let call = owner.calls.get(index as usize);
        call.map_or(rip, |call| {
            stub::restart(rip, Some((offset, call.function.shape(call.atomic))))
        })
    }

    /// Notes what a file says of services, and refuses a file that means something else by one of them than a
    /// file before it: the two could not run in one system.
    pub fn agree(&mut self, file: &ServerFile) -> Result<(), Mismatch> {
        for service in file.description().services() {
            self.agree_on_service(service)?;
        }
        for call in file.calls() {
            match self.services.iter().find(|service| service.id == call.service) {
                Some(service) => call.agrees(service)?,
                None if self.calls.contains(call) => (),
                None => self.calls.push(call.clone()),
            }
        }
        Ok(())
    }

    /// Notes what somebody says of one service.
    pub fn agree_on_service(&mut self, service: &Service) -> Result<(), Mismatch> {
        if let Some(known) = self.services.iter().find(|known| known.id == service.id) {
            return known.agrees(service);
        }
        for call in self.calls.iter().filter(|call| call.service == service.id) {
            call.agrees(service)?;
        }
        self.services.push(service.clone());
        Ok(())
    }
}
