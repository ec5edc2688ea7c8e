//! Records of instances: how long an [`Instance`] stays where it is.
//!
//! A record is reached by addresses that nobody counts: from the table of objects, from frames and temporaries of
//! threads, from locks. So it is not freed with what it holds, when the instance is buried, but later, at a
//! launch, and only if all of this is true:
//!
//! * R1: no entry of the table of objects that is in use belongs to it.
//! * R2: no frame and no temporary of any thread names it or its lock.
//! * R3: nobody has a [`Held`] of it. Whoever keeps an instance outside of `critical` and is not in a call
//!   of it, or of one of its objects, has one.
//! * R4: it is not the last of its server to have failed, which is shown to people.
//!
//! Its kinds, its calls and what the platform knows of it go with it.
#![expect(unsafe_code, reason = "records are shared by address")]

use alloc::boxed::Box;
use core::{marker::PhantomData, ops::Deref, ptr};

use crate::{
    instance::{Instance, Life},
    layout::{Frame, Temporary},
    platform::Platform,
    reference::tables,
    thread::ThreadRecord,
};

/// An instance whose record stays until this is dropped.
pub struct Held<P: Platform> {
    instance: *const Instance,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Held<P> {
    /// Holds an instance. Inside `critical`.
    pub fn new(instance: &Instance) -> Self {
        instance.holders.set(instance.holders.get() + 1);
        Held { instance, platform: PhantomData }
    }
}

impl<P: Platform> Deref for Held<P> {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        // SAFETY: the record is there, because it is held (R3).
        unsafe { &*self.instance }
    }
}

impl<P: Platform> Drop for Held<P> {
    fn drop(&mut self) {
        P::critical(|| self.holders.set(self.holders.get() - 1));
    }
}

/// Frees the records that nothing leads to any more. Outside of `critical`, which it enters for one record at
/// a time.
pub fn free_unused<P: Platform>() {
    let mut index = 0;
    while let Some(next) = P::critical(|| look_at::<P>(index)) {
        match next {
            Look::Unused(record) => drop(record),
            Look::Used => index += 1,
        }
    }
}

/// What came of looking at one record.
enum Look {
    /// It was taken out of the tables.
    Unused(Box<Instance>),
    /// It stays.
    Used,
}

/// Looks at the record with this number; `None` if there are not so many. Inside `critical`.
fn look_at<P: Platform>(index: usize) -> Option<Look> {
    // SAFETY: inside `critical`, and the borrow ends at once.
    let instance = unsafe { tables::<P>() }.instance(index)?;
    if !may_go(instance) || P::alone(|| is_named::<P>(instance)) {
        return Some(Look::Used);
    }
    P::forget(instance);
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    // SAFETY: nothing leads to the record (R1 to R3).
    Some(Look::Unused(unsafe { system.remove(index) }))
}

/// R1, R3 and R4.
fn may_go(instance: &Instance) -> bool {
    let shown = instance.failed.get() && !instance.superseded.get();
    let unused = instance.entries.get() == 0 && instance.holders.get() == 0;
    instance.life.get() == Life::Buried && unused && !shown
}

/// Whether a thread leads to the record (R2). Inside `alone`.
fn is_named<P: Platform>(instance: &Instance) -> bool {
    let mut named = false;
    P::threads(&mut |thread| named |= is_named_by(instance, thread));
    named
}

fn is_named_by(instance: &Instance, thread: &ThreadRecord) -> bool {
    let lock = &raw const instance.lock.0;
    let mut named = false;
    let mut frame: *const Frame = thread.frames;
    while frame < thread.frame.cast_const() {
        // SAFETY: frames below the first free one are initialised.
        let Frame { object, lock: callees_lock, .. } = unsafe { &*frame };
        // SAFETY: entries of the table of objects are always initialised.
        let owner = unsafe { (**object).instance };
        named |= ptr::eq(owner, instance) || ptr::eq(*callees_lock, lock);
        frame = frame.wrapping_add(1);
    }
    let mut temporary: *const Temporary = thread.temporaries;
    while temporary < thread.temporary.cast_const() {
        // SAFETY: temporaries below the first free one are initialised.
        named |= ptr::eq(unsafe { (*temporary).holder }, instance);
        temporary = temporary.wrapping_add(1);
    }
    named
}
