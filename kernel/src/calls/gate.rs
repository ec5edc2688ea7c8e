//! Gates: a call from the kernel's space enters a domain, and comes back.
//!
//! What has to be restored when the call is cut off lies in the frame's `platform` words: the kernel's stack
//! pointer before, the page tables before, and where the thread's next visit to the domain would start. The
//! first of them is 0 in every frame whose call is not inside a domain by a gate; its lowest bit says whether the thread
//! was in an atomic call before. The last two are for calls that the domain makes: see [`super::fast_path`].
#![expect(unsafe_code, reason = "frames and stacks are raw memory")]

use core::sync::atomic::Ordering::Relaxed;

use warren_abi::{
    call::{REGISTER_WORDS, Ret, SystemError},
    signature::Part,
};
use warren_engine::{
    arguments::{Carriage, Lent, NOTHING, Place, Words},
    injection,
    instance::{Function, Instance, Kind},
    layout::{Frame, Object},
    reference::{held_as, newest_frame, push_temporary, refuse},
};

use super::{
    copy::{self, Owner},
    entry::GateCall,
    fast,
};
use crate::{
    cpu::{block, interrupts, page_tables},
    memory::{
        kernel_map,
        regions::{self, Entrance, TRAMPOLINE_OFFSET},
        user_stacks::start,
    },
    system::Kernel,
    threads,
};

/// A call into a domain, found by the thread's newest frame.
struct Entered {
    frame: *mut Frame,
    callee: &'static Instance,
    kind: &'static Kind,
    owner: Owner,
}

/// Frame, callee and caller of the call that is being made.
fn entered() -> Entered {
    let frame = newest_frame::<Kernel>();
    let object = object_of(frame);
    // SAFETY: a kind is valid as long as an object of it is in use, or a frame names one.
    let kind = unsafe { &*object.kind };
    let callee = instance_of(object);
    // The frame below the newest exists in every thread.
    let caller = instance_of(object_of(frame.wrapping_sub(1)));
    fast::prepare(callee);
    let owner = if caller.shares_space() { Owner::Kernel } else { Owner::User };
    Entered { frame, callee, kind, owner }
}

/// What a frame in use called.
fn object_of(frame: *mut Frame) -> &'static Object {
    // SAFETY: the frame is the running thread's and in use.
    let object = unsafe { (*frame).object };
    // SAFETY: objects are valid for good.
    unsafe { &*object }
}

fn instance_of(object: &Object) -> &'static Instance {
    // SAFETY: an instance is valid as long as an object of it is held, or a frame names one.
    unsafe { &*object.instance }
}

/// The words of a call: registers after the first, then the stack's.
fn words_of(call: &GateCall, function: Option<&Function>) -> Words {
    let mut words = Words::default();
    words[..REGISTER_WORDS].copy_from_slice(&call.words[1..]);
    let behind = function.map_or(0, |it| it.words).saturating_sub(REGISTER_WORDS);
    // Only as many as were pushed: what lies behind them may be the end of the stack.
    words[REGISTER_WORDS..][..behind].copy_from_slice(&call.stack_words[..behind]);
    words
}

/// Prepares a visit to a domain. The error is 0 if `call` says where and how.
pub extern "C" fn enter(call: &mut GateCall) -> Ret {
    interrupts::in_kernel(|| prepare(call, &entered()).map_or_else(refuse, |()| Ret::ok(0)))
}

fn prepare(call: &mut GateCall, entered: &Entered) -> Result<(), SystemError> {
    let index = call.index as usize;
    let function = entered.kind.functions.get(index);
    let carriage = function.map_or(&NOTHING, |function| &function.carriage);
    let on_stack = function.map_or(0, |it| it.words).saturating_sub(REGISTER_WORDS);
    let mut words = words_of(call, function);
    let entrance = regions::entrance(entered.callee.base).ok_or(SystemError::Lost)?;
    let next = threads::with_running(|thread| {
        let slot = thread.slot();
        thread.user_stacks.next(&entrance, slot)
    });
    let end = start(next);
    let room = carriage.room(&words, entered.callee.counts_output)?;
    let pointer = stack_for(entered.callee, &entrance, end, room + on_stack as u64 * 8)?;
    fast::learn_entry(entered.kind, index);
    let original = words;
    // SAFETY: `stack_for` reached this part of the thread's stack in the domain.
    let copy = |to, from, bytes| unsafe { copy::copy_in(entered.owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { carriage.carry_in(&original, &mut words, place(entered, end), copy)? };
    grant_references(entered, carriage, &words)?;
    let mut target = regions::view(pointer) as *mut u64;
    for word in &words[REGISTER_WORDS..][..on_stack] {
        // SAFETY: `stack_for` reached this part of the thread's stack in the domain.
        unsafe { target.write(*word) };
        target = target.wrapping_add(1);
    }
    call.user[0] = call.words[0];
    call.user[1..].copy_from_slice(&words[..REGISTER_WORDS]);
    call.function =
        injection::take::<Kernel>(entered.callee).unwrap_or(entered.kind.targets[index]);
    call.stack = pointer;
    call.trampoline = entrance.stacks + TRAMPOLINE_OFFSET;
    cross(entered, &entrance, next);
    Ok(())
}

/// Sets `bytes` aside at the beginning of a visit's stack, which starts at `start`, and makes it usable. Where the function finds its stack,
/// below them.
fn stack_for(
    callee: &Instance,
    entrance: &Entrance,
    start: u64,
    bytes: u64,
) -> Result<u64, SystemError> {
    let pointer = start.checked_sub(bytes).ok_or(SystemError::TooDeep)? & !15;
    let lowest = pointer.checked_sub(callee.stack_bytes.into()).ok_or(SystemError::TooDeep)?;
    threads::with_running(|thread| thread.user_stacks.reach(entrance.domain, lowest, pointer))
        .map_err(|_| SystemError::TooDeep)?;
    Ok(pointer)
}

/// Where the copies of a visit that starts at `end` lie.
fn place(entered: &Entered, end: u64) -> Place {
    Place { end, beyond: regions::BEYOND, counts: entered.callee.counts_output }
}

/// Makes the references among the words temporary references of the callee, for the time of the call.
fn grant_references(
    entered: &Entered,
    carriage: &Carriage,
    words: &Words,
) -> Result<(), SystemError> {
    for &Lent { word, service } in carriage.references() {
        // SAFETY: kernel code runs with interrupts off, and the borrow ends at once.
        let system = unsafe { warren_engine::reference::tables::<Kernel>() };
        let object = system.object(words[word]).ok_or(SystemError::BadReference)?;
        // SAFETY: objects are valid for good.
        if unsafe { (*object).service } != u64::from(service) {
            return Err(SystemError::BadReference);
        }
        push_temporary::<Kernel>(object, Some(entered.callee))?;
    }
    Ok(())
}

/// Notes in the frame how to come back, and switches page tables.
fn cross(entered: &Entered, entrance: &Entrance, next: u64) {
    let was_in_atomic_call = threads::in_atomic_call();
    if entered.kind.atomic {
        threads::set_in_atomic_call(true);
    }
    let kernel_stack = block::current().kernel_stack.get() | u64::from(was_in_atomic_call);
    // SAFETY: the newest frame belongs to the running thread.
    unsafe {
        (*entered.frame).platform = [
            kernel_stack,
            page_tables::own(),
            next,
            threads::with_running(|thread| thread.user_stacks.address(entrance.domain)),
            entered.callee.platform.load(Relaxed),
        ];
    }
    page_tables::set_own(entrance.root);
}

/// Undoes [`cross`], if the frame's call is inside a domain.
pub fn uncross(frame: *mut Frame) {
    let callee = instance_of(object_of(frame));
    // SAFETY: the newest frame belongs to the running thread.
    let platform = unsafe { &mut (*frame).platform };
    let [kernel_stack, page_tables, next, ..] = *platform;
    platform[0] = 0;
    if kernel_stack == 0 {
        return;
    }
    block::current().kernel_stack.set(kernel_stack & !1);
    threads::set_in_atomic_call(kernel_stack & 1 != 0);
    page_tables::set_own(page_tables);
    if let Some(domain) = regions::domain_of(callee.base) {
        threads::with_running(|thread| thread.user_stacks.set_next(domain, next));
    }
}

/// Lets calls that would come back to the page tables `gone`, because their domain's server made them by way of the kernel's space, come back
/// to the kernel's: the domain has ended meanwhile. While no other thread runs.
pub fn forget_page_tables(gone: u64) {
    threads::visit(&mut |thread| {
        let mut frame = thread.frames;
        while frame < thread.frame {
            // SAFETY: frames below the first free one are initialised, and their threads do not use them meanwhile.
            let [kernel_stack, page_tables, ..] = unsafe { &mut (*frame).platform };
            if *kernel_stack != 0 && *page_tables == gone {
                *page_tables = kernel_map::root().address();
            }
            frame = frame.wrapping_add(1);
        }
    });
}

/// Comes back from a domain with its result.
pub extern "C" fn leave(error: u64, value: u64, call: &mut GateCall) -> Ret {
    interrupts::in_kernel(|| {
        let entered = entered();
        // SAFETY: the newest frame belongs to the running thread.
        let next = unsafe { (*entered.frame).platform[2] };
        uncross(entered.frame);
        finish(&entered, call, next, Ret { error, value }).unwrap_or_else(refuse)
    })
}

/// Copies out what the callee wrote, and checks what it answers.
fn finish(entered: &Entered, call: &GateCall, next: u64, answer: Ret) -> Result<Ret, SystemError> {
    let Some(function) = entered.kind.functions.get(call.index as usize) else {
        return Ok(answer);
    };
    let words = words_of(call, Some(function));
    // SAFETY: the copies lie on the thread's stack in the domain, where `prepare` put them.
    let copy = |to, from, bytes| unsafe { copy::copy_out(entered.owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { function.carriage.carry_out(&words, place(entered, start(next)), copy)? };
    match function.result {
        _ if answer.error != 0 => Ok(Ret::err(answer.error)),
        Part::Reference(service) => check_reference(entered.callee, answer.value, service),
        Part::Nothing => Ok(Ret::ok(0)),
        _ => Ok(answer),
    }
}

/// Lets a domain hand over only what it holds, and only as what it is.
fn check_reference(callee: &Instance, word: u64, service: u32) -> Result<Ret, SystemError> {
    let object = held_as::<Kernel>(callee, word, service).map_err(|_| SystemError::BadAnswer)?;
    // Held until the stub has handed it over: another thread of the callee may let go of it before that.
    push_temporary::<Kernel>(object, None)?;
    Ok(Ret::ok(word))
}
