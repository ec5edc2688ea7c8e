//! References: what the system calls on them do, in every placement.
//!
//! The functions here are the imports of [`warren_abi::system`]. A caller in the engine's space is bound
//! to them directly; for a caller in a domain of its own the kernel calls them on its behalf. Nothing that
//! a caller passes is believed: a word is looked up in the table, and, unless the caller shares
//! the engine's space anyway, in the instance's counts.
//!
//! # Who is the caller
//!
//! The callee of the thread's newest frame.
#![expect(unsafe_code, reason = "objects, frames and temporaries are the engine's raw memory")]

use core::sync::atomic::Ordering::Relaxed;

use warren_abi::call::{Ret, SystemError};

use crate::{
    death,
    instance::{Instance, Life},
    layout::{Cpu, Frame, Object, TEMPORARIES, Temporary},
    lock,
    platform::Platform,
    space::{HEAP_OFFSET, MAPPING_OFFSET, PAGE, Protection},
    system::System,
};

/// A refusal as a call's result.
pub fn refuse(error: SystemError) -> Ret {
    Ret::err(error.number())
}

/// The newest frame of the thread that runs.
pub fn newest_frame<P: Platform>() -> *mut Frame {
    // SAFETY: the platform's block is always valid.
    let free = unsafe { (*P::cpu()).frame };
    // Every thread starts with a bottom frame, so there is one below the first free one.
    free.wrapping_sub(1)
}

/// The instance that runs: the callee of the newest frame.
pub fn current<P: Platform>() -> &'static Instance {
    // SAFETY: the newest frame is valid.
    let object = unsafe { (*newest_frame::<P>()).object };
    // SAFETY: a frame's object is valid while the frame is there.
    unsafe { instance_of(object) }
}

/// The instance of an object.
///
/// # Safety
///
/// `object` is an entry of the table that is in use, or was while the frame that names it is there.
pub unsafe fn instance_of(object: *const Object) -> &'static Instance {
    // SAFETY: promised by the caller.
    let instance = unsafe { (*object).instance };
    // SAFETY: an instance is valid as long as one of its objects is in use, or a frame names one.
    unsafe { &*instance }
}

/// The engine's tables.
///
/// # Safety
///
/// Inside `critical`, with no other borrow of them alive.
pub unsafe fn tables<P: Platform>() -> &'static mut System {
    // SAFETY: the platform's pointer is valid for good, and the caller promised to be alone.
    unsafe { &mut *P::system() }
}

/// The object that `word` names, if the caller holds a reference to it. Inside `critical`.
pub fn held<P: Platform>(caller: &Instance, word: u64) -> Result<*mut Object, SystemError> {
    // SAFETY: inside `critical`, and the borrow ends with this function.
    let system = unsafe { tables::<P>() };
    let object = system.object(word).ok_or(SystemError::BadReference)?;
    let index = system.index(object);
    if !caller.shares_space() && caller.with_counts(|counts| counts.get(index) == Some(&0)) {
        return Err(SystemError::BadReference);
    }
    Ok(object)
}

/// The same, if it provides the service, too.
pub fn held_as<P: Platform>(
    caller: &Instance,
    word: u64,
    service: u32,
) -> Result<*mut Object, SystemError> {
    let object = held::<P>(caller, word)?;
    // SAFETY: objects are valid for good.
    let provided = unsafe { (*object).service };
    if provided == u64::from(service) { Ok(object) } else { Err(SystemError::BadReference) }
}

/// Adds a temporary reference, with a count of its own, for the activation that runs. Inside `critical`.
pub fn push_temporary<P: Platform>(
    object: *mut Object,
    holder: Option<&Instance>,
) -> Result<(), SystemError> {
    // SAFETY: the platform's block is valid.
    push_temporary_of::<P>(object, holder, unsafe { (*P::cpu()).frame })
}

/// The same for the activation of the frame before `owner`, above which none has temporaries. Inside `critical`.
pub fn push_temporary_of<P: Platform>(
    object: *mut Object,
    holder: Option<&Instance>,
    owner: *mut Frame,
) -> Result<(), SystemError> {
    let holder = holder.filter(|instance| !instance.shares_space());
    if let Some(instance) = holder {
        // SAFETY: inside `critical`.
        let index = unsafe { tables::<P>() }.index(object);
        instance.change(index, 1).ok_or(SystemError::Budget)?;
    }
    count_up(object);
    match append::<P>(object, holder, owner) {
        Ok(()) => Ok(()),
        Err(error) => {
            if let Some(instance) = holder {
                // SAFETY: inside `critical`.
                let index = unsafe { tables::<P>() }.index(object);
                instance.change(index, -1);
            }
            uncount(object);
            Err(error)
        }
    }
}

/// Puts a count that exists already on the thread's stack of temporaries.
fn append<P: Platform>(
    object: *mut Object,
    holder: Option<&Instance>,
    owner: *mut Frame,
) -> Result<(), SystemError> {
    // SAFETY: the platform's block is valid and the thread's own.
    let cpu = unsafe { &mut *P::cpu() };
    if cpu.temporary >= cpu.temporary_end {
        return Err(SystemError::Budget);
    }
    let holder =
        holder.map_or(core::ptr::null_mut(), |instance| core::ptr::from_ref(instance).cast_mut());
    // SAFETY: there is room, as just checked.
    unsafe { cpu.temporary.write(Temporary { object, holder, owner }) };
    // SAFETY: the next entry is in the array or its end.
    cpu.temporary = unsafe { cpu.temporary.add(1) };
    cpu.owner = owner;
    Ok(())
}

/// The first of the newest temporaries that belong to the activation of the frame before `owner`.
pub fn first_temporary<P: Platform>(owner: *mut Frame) -> *mut Temporary {
    // SAFETY: the platform's block is valid.
    let cpu = unsafe { &*P::cpu() };
    let mut first = cpu.temporary;
    while first > first_of_thread(cpu) {
        let below = first.wrapping_sub(1);
        // SAFETY: entries below the end are initialised.
        if unsafe { (*below).owner } != owner {
            break;
        }
        first = below;
    }
    first
}

/// Start of the running thread's temporaries.
fn first_of_thread(cpu: &Cpu) -> *mut Temporary {
    cpu.temporary_end.wrapping_sub(TEMPORARIES)
}

/// Forgets the temporaries from `end` on. Inside `critical`.
///
/// # Safety
///
/// What they hold was given back, and those below are initialised.
pub unsafe fn end_temporaries<P: Platform>(end: *mut Temporary) {
    // SAFETY: the platform's block is valid and the thread's own.
    let cpu = unsafe { &mut *P::cpu() };
    cpu.temporary = end;
    cpu.owner = match end > first_of_thread(cpu) {
        // SAFETY: the caller's promise.
        true => unsafe { (*end.wrapping_sub(1)).owner },
        false => core::ptr::null_mut(),
    };
}

/// Adds a count to an object that may have had none. Inside `critical`.
#[expect(clippy::not_unsafe_ptr_arg_deref, reason = "objects come from the table, which stays")]
pub fn count_up(object: *mut Object) {
    // SAFETY: objects are valid for good.
    let entry = unsafe { &*object };
    if entry.count.fetch_add(1, Relaxed) == 0 && entry.flags & Object::DYING == 0 {
        // SAFETY: an instance is valid as long as one of its objects is in use, or a frame names one.
        let instance = unsafe { &*entry.instance };
        instance.objects.set(instance.objects.get() + 1);
    }
}

/// The root object by which an instance provides a service, with a count for the caller, if it answers calls. Inside `critical`.
pub fn counted_root(instance: &Instance, service: u32) -> Option<*mut Object> {
    let root = instance.living_root(instance.root_kind(service)?)?;
    count_up(root);
    Some(root)
}

/// Takes one count away without destroying anything. Inside `critical`.
#[expect(clippy::not_unsafe_ptr_arg_deref, reason = "objects come from the table, which stays")]
pub fn uncount(object: *mut Object) {
    // SAFETY: objects are valid for good.
    let entry = unsafe { &*object };
    if entry.count.fetch_sub(1, Relaxed) == 1 && entry.flags & Object::DYING == 0 {
        // SAFETY: an instance is valid as long as one of its objects is in use, or a frame names one.
        let instance = unsafe { &*entry.instance };
        instance.objects.set(instance.objects.get().saturating_sub(1));
    }
}

/// Makes `word` a permanent reference of the caller.
pub extern "C" fn keep<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| match held::<P>(caller, word) {
        Ok(object) => hold::<P>(caller, object).map_or_else(refuse, |()| Ret::ok(word)),
        Err(error) => refuse(error),
    })
}

/// Adds one permanent reference, which the holder's principal pays for. Inside `critical`.
pub fn hold<P: Platform>(holder: &Instance, object: *mut Object) -> Result<(), SystemError> {
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    if !system.holdings.charge_reference(holder) {
        return Err(SystemError::Budget);
    }
    if holder.change(system.index(object), 1).is_none() {
        system.holdings.release_references(holder, 1);
        return Err(SystemError::Budget);
    }
    holder.references.set(holder.references.get() + 1);
    count_up(object);
    Ok(())
}

/// Gives up a permanent reference of the caller, once its activation has returned.
pub extern "C" fn release<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        let Some(object) = system.object(word) else { return refuse(SystemError::BadReference) };
        let index = system.index(object);
        // In a domain of its own it may release a temporary one in the place of a permanent one, but none more than it is charged for.
        let Some(references) = caller.references.get().checked_sub(1) else {
            return refuse(SystemError::BadReference);
        };
        if caller.change(index, -1).is_none() {
            return refuse(SystemError::BadReference);
        }
        caller.references.set(references);
        system.holdings.release_references(caller, 1);
        // SAFETY: the platform's block is valid.
        let owner = unsafe { (*P::cpu()).frame };
        if append::<P>(object, None, owner).is_err() {
            // There is no room to remember it: what dies by that waits for the end of the activation.
            count_down::<P>(object);
        }
        Ret::ok(0)
    })
}

/// Holds `word` until the caller's activation returns or its scope ends.
pub extern "C" fn pin<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| match held::<P>(caller, word) {
        Ok(object) => {
            push_temporary::<P>(object, Some(caller)).map_or_else(refuse, |()| Ret::ok(word))
        }
        Err(error) => refuse(error),
    })
}

/// Makes a weak reference of the caller.
pub extern "C" fn weak<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        let object = match held::<P>(caller, word) {
            Ok(object) => object,
            Err(error) => return refuse(error),
        };
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        if !system.holdings.charge_reference(caller) {
            return refuse(SystemError::Budget);
        }
        if caller.change_weak(system.index(object), 1).is_none() {
            system.holdings.release_references(caller, 1);
            return refuse(SystemError::Budget);
        }
        // SAFETY: objects are valid for good.
        unsafe { (*object).weak.fetch_add(1, Relaxed) };
        Ret::ok(word)
    })
}

/// The caller's weak reference as a temporary one.
pub extern "C" fn upgrade<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        let object = match weakly_held::<P>(caller, word) {
            Ok(object) => object,
            Err(error) => return refuse(error),
        };
        // SAFETY: objects are valid for good.
        let entry = unsafe { &*object };
        if entry.flags & Object::DEAD != 0 || entry.count.load(Relaxed) == 0 {
            return refuse(SystemError::Gone);
        }
        push_temporary::<P>(object, Some(caller)).map_or_else(refuse, |()| Ret::ok(word))
    })
}

/// Gives up a weak reference of the caller.
pub extern "C" fn unweak<P: Platform>(word: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        let object = match weakly_held::<P>(caller, word) {
            Ok(object) => object,
            Err(error) => return refuse(error),
        };
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        let index = system.index(object);
        caller.change_weak(index, -1);
        system.holdings.release_references(caller, 1);
        // SAFETY: the caller had a weak reference, as just checked.
        unsafe { system.forget_weak(index, 1) };
        Ret::ok(0)
    })
}

/// The object that `word` names, if the caller has a weak reference to it. Inside `critical`.
fn weakly_held<P: Platform>(caller: &Instance, word: u64) -> Result<*mut Object, SystemError> {
    // SAFETY: inside `critical`.
    let system = unsafe { tables::<P>() };
    let object = system.object(word).ok_or(SystemError::BadReference)?;
    let index = system.index(object);
    // Down and up again tells whether there is one.
    caller.change_weak(index, -1).ok_or(SystemError::BadReference)?;
    caller.change_weak(index, 1).ok_or(SystemError::BadReference)?;
    Ok(object)
}

/// Makes `state` a local server of the caller, of its kind `kind`.
pub extern "C" fn spawn<P: Platform>(kind: u64, state: u64) -> Ret {
    let caller = current::<P>();
    let kind = usize::try_from(kind).ok().and_then(|kind| caller.kinds.get(kind));
    let Some(kind) = kind.filter(|kind| kind.local) else {
        return refuse(SystemError::BadArgument);
    };
    P::critical(|| {
        // SAFETY: inside `critical`.
        let system = unsafe { tables::<P>() };
        let Some(object) = system.create(caller, kind, state, P::payer()) else {
            return refuse(SystemError::Budget);
        };
        match push_temporary::<P>(object, Some(caller)) {
            Ok(()) => Ret::ok(object as u64),
            Err(error) => {
                // SAFETY: the object was made just now, and nobody knows it.
                unsafe { (*object).flags |= Object::DEAD };
                // SAFETY: inside `critical`.
                let system = unsafe { tables::<P>() };
                // SAFETY: as above.
                unsafe { system.recycle(object) };
                refuse(error)
            }
        }
    })
}

/// The object of the caller's activation.
pub extern "C" fn this<P: Platform>() -> Ret {
    // SAFETY: the newest frame is valid.
    let object = unsafe { (*newest_frame::<P>()).object };
    own::<P>(object)
}

/// The caller's root object that provides kind `kind`.
pub extern "C" fn root<P: Platform>(kind: u64) -> Ret {
    let caller = current::<P>();
    let root = P::critical(|| usize::try_from(kind).ok().and_then(|kind| caller.root(kind)));
    root.map_or_else(|| refuse(SystemError::BadArgument), own::<P>)
}

/// A temporary reference of the caller to an object of its own.
fn own<P: Platform>(object: *mut Object) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        push_temporary::<P>(object, Some(caller)).map_or_else(refuse, |()| Ret::ok(object as u64))
    })
}

/// Opens a scope: the mark at which it starts.
pub extern "C" fn scope<P: Platform>() -> Ret {
    // SAFETY: the platform's block is valid.
    Ret::ok(unsafe { (*P::cpu()).temporary } as u64)
}

/// Ends a scope: drops what was added since `mark`.
pub extern "C" fn scope_end<P: Platform>(mark: u64) -> Ret {
    // SAFETY: the platform's block is valid.
    let owner = unsafe { (*P::cpu()).frame };
    let from = first_temporary::<P>(owner) as u64;
    // SAFETY: the platform's block is valid.
    let to = unsafe { (*P::cpu()).temporary } as u64;
    if !(from..=to).contains(&mark) || !(mark - from).is_multiple_of(size_of::<Temporary>() as u64)
    {
        return refuse(SystemError::BadArgument);
    }
    // A destructor of the caller's own local server needs the caller's lock.
    lock::unlock::<P>();
    match death::may_destroy::<P>() {
        true => drop_temporaries::<P>(mark as *mut Temporary),
        false => death::pass_temporaries_on::<P>(mark as *mut Temporary, owner),
    }
    lock::lock::<P>();
    Ret::ok(0)
}

/// Drops the newest temporaries down to `mark`, with what dies by that or waits to. Outside of `critical`, without a
/// lock.
pub fn drop_temporaries<P: Platform>(mark: *mut Temporary) {
    while let Some(dying) = P::critical(|| drop_newest::<P>(mark)) {
        if dying {
            death::finish::<P>();
        }
    }
    // SAFETY: inside `critical`.
    if P::critical(|| !unsafe { tables::<P>() }.dying.is_empty()) {
        death::finish::<P>();
    }
}

/// Drops the newest temporary above `mark`; `true` if something is to be destroyed. Inside `critical`.
fn drop_newest<P: Platform>(mark: *mut Temporary) -> Option<bool> {
    // SAFETY: the platform's block is valid.
    let last = unsafe { (*P::cpu()).temporary }.wrapping_sub(1);
    if last < mark {
        return None;
    }
    // SAFETY: entries below the end are initialised.
    let entry = unsafe { *last };
    // SAFETY: what the entry holds is given back below.
    unsafe { end_temporaries::<P>(last) };
    // SAFETY: the entry was forgotten just now.
    Some(unsafe { give_back::<P>(entry) })
}

/// Gives back what a temporary reference holds; `true` if something is to be destroyed. Inside `critical`.
///
/// # Safety
///
/// The entry was on the thread's stack of temporaries and is not any more.
pub unsafe fn give_back<P: Platform>(entry: Temporary) -> bool {
    // SAFETY: a holder is an instance, valid as long as the entry names it, or null.
    if let Some(holder) = unsafe { entry.holder.as_ref() } {
        // SAFETY: inside `critical`.
        let index = unsafe { tables::<P>() }.index(entry.object);
        if holder.change(index, -1).is_none() {
            // The holder released the count itself, or it was taken back when the holder was buried.
            if holder.life.get() != Life::Buried {
                // What it released was this temporary one, and not one of those that it is charged for.
                holder.references.set(holder.references.get() + 1);
                // SAFETY: inside `critical`.
                unsafe { tables::<P>() }.holdings.add_reference(holder);
            }
            return false;
        }
    }
    count_down::<P>(entry.object)
}

/// Gives back the newest temporaries of the thread, from `mark` on; with `keep_last` the last one stays, in the place of the first.
/// `true` if something is to be destroyed. Inside `critical`.
///
/// # Safety
///
/// `mark` was the first free entry before, and with `keep_last` there is one behind it.
pub unsafe fn give_back_since<P: Platform>(mark: *mut Temporary, keep_last: bool) -> bool {
    // SAFETY: the platform's block is valid.
    let end = unsafe { (*P::cpu()).temporary }.wrapping_sub(usize::from(keep_last));
    // SAFETY: the entry that stays lies below the first free one.
    let last = keep_last.then(|| unsafe { end.read() });
    let mut dying = false;
    let mut next = mark;
    while next < end {
        // SAFETY: entries from the mark to the end are initialised.
        let entry = unsafe { next.read() };
        // SAFETY: the entry is forgotten below.
        dying |= unsafe { give_back::<P>(entry) };
        next = next.wrapping_add(1);
    }
    let mut rest = mark;
    if let Some(last) = last {
        // SAFETY: there was an entry at the mark.
        unsafe { mark.write(last) };
        rest = mark.wrapping_add(1);
    }
    // SAFETY: what was above was given back.
    unsafe { end_temporaries::<P>(rest) };
    dying
}

/// Takes one count away; `true` if something is to be destroyed by [`death::finish`]. Inside `critical`.
#[expect(clippy::not_unsafe_ptr_arg_deref, reason = "objects come from the table, which stays")]
pub fn count_down<P: Platform>(object: *mut Object) -> bool {
    // SAFETY: objects are valid for good, and nobody else touches them inside `critical`.
    let entry = unsafe { &mut *object };
    if entry.count.fetch_sub(1, Relaxed) != 1 || entry.flags & Object::DYING != 0 {
        return false;
    }
    entry.flags |= Object::DYING;
    // SAFETY: inside `critical`.
    unsafe { tables::<P>() }.dying.push(object);
    true
}

/// Adds zeroed pages to the caller's heap.
pub extern "C" fn grow<P: Platform>(bytes: u64) -> Ret {
    let caller = current::<P>();
    P::critical(|| {
        let start = caller.heap_end.get();
        let limit =
            (caller.base + HEAP_OFFSET + caller.heap_limit).min(caller.base + MAPPING_OFFSET);
        if bytes == 0 || !bytes.is_multiple_of(PAGE) {
            return refuse(SystemError::BadArgument);
        }
        if start.checked_add(bytes).is_none_or(|end| end > limit)
            || P::map(start, bytes, &[], Protection::ReadWrite).is_err()
        {
            return refuse(SystemError::Budget);
        }
        caller.heap_end.set(start + bytes);
        caller.memory_bytes.set(caller.memory_bytes.get() + bytes);
        Ret::ok(start)
    })
}
