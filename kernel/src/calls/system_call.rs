//! System calls: what code in a domain asks for, checked.
//!
//! Nothing that comes in is believed: the call's number is looked up in the instance's own table, the
//! reference and each reference among the arguments in its counts, and buffers are copied by copies that
//! may fail. What the call uses is pinned, so that another thread of the caller cannot take it away.
#![expect(unsafe_code, reason = "temporaries and stacks are raw memory")]

use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    arguments::{Carriage, Lent, Place, Words},
    deadline, death, import,
    instance::{Instance, Outgoing},
    layout::{Object, Temporary},
    lock,
    reference::{current, give_back_since, held_as, instance_of, push_temporary, refuse},
    stub::{self, FIRST_FUNCTION, SYSTEM_CALL_STACK},
};

use super::{
    copy::{self, Owner},
    entry::UserCall,
    fast, watchdog,
};
use crate::{
    cpu::{block, interrupts},
    memory::regions,
    system::Kernel,
    threads,
};

/// What the deepest path of the kernel may need of its stack below a system call, without buffers.
pub const KERNEL_STACK_RESERVE: u64 = 24 * 1024;

/// Index of `wsys.panic`, which does not return.
const PANIC: u64 = 15;

/// Bytes that [`system_call`] needs on the kernel's stack for copies of buffers; a multiple of 16.
pub extern "C" fn room(call: &UserCall) -> u64 {
    interrupts::in_kernel(|| room_for(call))
}

fn room_for(call: &UserCall) -> u64 {
    let caller = current::<Kernel>();
    let Some(outgoing) = outgoing(caller, call.number) else { return 0 };
    let Ok(words) = words_of(call, outgoing) else { return 0 };
    // The callee is not known yet: there is room for its counts.
    let bytes = outgoing.function.carriage.room(&words, true).unwrap_or(0);
    let fits = threads::stack_left(core::ptr::from_ref(call) as u64) > bytes + KERNEL_STACK_RESERVE;
    if fits { bytes } else { 0 }
}

/// Carries out a system call. `copies` is the room that [`room`] asked for.
pub extern "C" fn system_call(call: &UserCall, copies: u64) -> Ret {
    interrupts::in_kernel(|| carry_out(call, copies))
}

fn carry_out(call: &UserCall, copies: u64) -> Ret {
    watchdog::heard();
    let caller = current::<Kernel>();
    let domain = regions::domain_of(caller.base);
    if let Some(domain) = domain {
        threads::with_running(|thread| thread.user_stacks.set_next(domain, call.stack));
    }
    let result = if call.number >= u64::from(FIRST_FUNCTION) {
        system_function(call)
    } else {
        service_call(caller, call, copies).unwrap_or_else(refuse)
    };
    if !caller.is_alive() {
        // It died while it waited: whoever called it goes on instead.
        super::leave_dead();
    }
    result
}

/// One of the functions that every server may use.
fn system_function(call: &UserCall) -> Ret {
    let index = call.number - u64::from(FIRST_FUNCTION);
    let Some(&address) = import::functions::<Kernel>().get(index as usize) else {
        return refuse(SystemError::BadArgument);
    };
    let function = address as *const ();
    let [first, second, ..] = call.words;
    interrupts::on(|| {
        if index == PANIC {
            // SAFETY: this function of the table has this type, and reads text with care.
            let function: unsafe extern "C" fn(u64, u64) -> ! =
                unsafe { core::mem::transmute(function) };
            // SAFETY: as above.
            unsafe { function(first, second) }
        }
        // SAFETY: every other function takes at most two words and returns `Ret`; surplus
        // arguments are registers that it does not look at.
        let function: extern "C" fn(u64, u64) -> Ret = unsafe { core::mem::transmute(function) };
        function(first, second)
    })
}

/// The outgoing call of an instance that a system call's number names.
fn outgoing(caller: &Instance, number: u64) -> Option<&Outgoing> {
    caller.calls.get(usize::try_from(number).ok()?)
}

/// The words after the reference: registers, then the caller's stack.
fn words_of(call: &UserCall, outgoing: &Outgoing) -> Result<Words, SystemError> {
    let mut words = Words::default();
    words[..5].copy_from_slice(&call.words[1..]);
    let on_stack = outgoing.function.words.saturating_sub(5);
    let from = call.stack.checked_add(SYSTEM_CALL_STACK).ok_or(SystemError::BadBuffer)?;
    let to = words[5..][..on_stack].as_mut_ptr() as u64;
    if on_stack != 0 {
        // SAFETY: the words are the kernel's own.
        unsafe { copy::copy_in(Owner::User, to, from, on_stack as u64 * 8)? };
    }
    Ok(words)
}

/// A call of a service.
fn service_call(caller: &Instance, call: &UserCall, copies: u64) -> Result<Ret, SystemError> {
    let outgoing = outgoing(caller, call.number).ok_or(SystemError::BadArgument)?;
    if !outgoing.atomic {
        deadline::check::<Kernel>()?;
        if threads::in_atomic_call() {
            return Err(SystemError::NotAtomic);
        }
    }
    let mut words = words_of(call, outgoing)?;
    let object = held_as::<Kernel>(caller, call.words[0], outgoing.service)?;
    let carriage = &outgoing.function.carriage;
    // SAFETY: objects are valid for good, and so is the instance of one that is held.
    let callee = unsafe { instance_of(object) };
    let (bounce, counts) = (callee.shares_space(), callee.counts_output);
    let bytes = carriage.room(&words, counts)?;
    let stack = core::ptr::from_ref(call) as u64;
    if stack - copies < bytes || threads::stack_left(copies) < KERNEL_STACK_RESERVE {
        return Err(SystemError::TooDeep);
    }
    let original = words;
    let place = Place { end: copies + bytes, beyond: 0, counts };
    let pins = pins();
    let pinned = pin_all(caller, object, carriage, &words)
        .and_then(|()| if bounce { copy_in(carriage, &mut words, place) } else { Ok(()) });
    if let Err(error) = pinned {
        unpin(pins, outgoing.atomic, false);
        return Err(error);
    }
    let shape = outgoing.function.shape(outgoing.atomic);
    let index = outgoing.index as usize;
    // SAFETY: the object is pinned and provides the service; file and service were compared when the file was
    // loaded, so the words are what the entry expects; buffers are copies on this stack, or go to a gate.
    let result = interrupts::on(|| unsafe { stub::invoke(object, index, &words, shape) });
    unpin(pins, outgoing.atomic, shape.reference && result.error == 0);
    if bounce && result.error < warren_abi::call::SYSTEM_ERRORS {
        // SAFETY: the copies are there still.
        let copy = |to, from, bytes| unsafe { copy::copy_out(Owner::User, to, from, bytes) };
        // SAFETY: `copy_in` has made them.
        unsafe { carriage.carry_out(&original, place, copy)? };
    }
    if result.error == 0 {
        fast::learn(caller, call.number, object);
    }
    Ok(result)
}

/// Where the next pin goes.
fn pins() -> *mut Temporary {
    // SAFETY: interrupts are off, and the block is this CPU's.
    unsafe { (*block::engine()).temporary }
}

/// Holds the called object and every reference among the arguments.
fn pin_all(
    caller: &Instance,
    object: *mut Object,
    carriage: &Carriage,
    words: &Words,
) -> Result<(), SystemError> {
    push_temporary::<Kernel>(object, None)?;
    for &Lent { word, service } in carriage.references() {
        push_temporary::<Kernel>(held_as::<Kernel>(caller, words[word], service)?, None)?;
    }
    Ok(())
}

/// Lets go of everything pinned since `mark`; a reference that the call returned stays, in its place.
fn unpin(mark: *mut Temporary, atomic: bool, keep_last: bool) {
    // SAFETY: entries from the mark on were pushed by `pin_all`, or left by an atomic call, and a returned reference is the last.
    let dying = unsafe { give_back_since::<Kernel>(mark, keep_last) };
    if dying && !atomic {
        interrupts::on(|| {
            lock::unlock::<Kernel>();
            death::finish::<Kernel>();
            lock::lock::<Kernel>();
        });
    }
}

/// Copies what the callee reads to the kernel's stack, and lets the words name the copies.
fn copy_in(carriage: &Carriage, words: &mut Words, place: Place) -> Result<(), SystemError> {
    let original = *words;
    // SAFETY: `room` set the bytes aside.
    let copy = |to, from, bytes| unsafe { copy::copy_in(Owner::User, to, from, bytes) };
    // SAFETY: as above.
    unsafe { carriage.carry_in(&original, words, place, copy) }
}
