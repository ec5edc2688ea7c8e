//! Calls into a domain, and what its code asks for until they end.
//!
//! A call comes from a stub, through a gate, to [`enter`], which prepares a visit and then stays with the domain's
//! process until the function has returned. What the process asks for meanwhile is carried out here, on the thread's own
//! stack, and nothing that it says is believed: calls are looked up in the instance's own table, references in its counts,
//! and buffers are copied. What a call uses is pinned, so that another thread of the caller cannot take it away.
//!
//! # What a frame holds
//!
//! Its `platform` words say how to end a visit from anywhere: [`Crossing`].
#![expect(unsafe_code, reason = "gates, frames and temporaries are raw memory")]

use std::{io, mem::MaybeUninit};

use warren_abi::{
    call::{REGISTER_WORDS, Ret, SYSTEM_ERRORS, SystemError},
    signature::Part,
};
use warren_engine::{
    arguments::{Carriage, Lent, NOTHING, Place, Words},
    deadline, death, import, injection,
    instance::{Function, Instance, Kind, Outgoing},
    layout::{Frame, Temporary},
    lock,
    reference::{
        current, give_back_since, held_as, instance_of, newest_frame, push_temporary, refuse,
        tables,
    },
    stub::{self, FIRST_FUNCTION, RETURN, SYSTEM_CALL_STACK},
};

use super::{
    copy::{self, Owner},
    process::{Event, Extended, Process, Registers},
};
use crate::{Hosted, critical, fault, machine, schedule, signal};

/// How many gates there are: as many as an object has entries.
const GATES: usize = 64;
/// Bytes of one gate.
const GATE_BYTES: usize = 16;
/// What the deepest path of the platform may need of a thread's stack, without buffers.
const STACK_RESERVE: u64 = 40 * 1024;
/// Index of `wsys.panic`, which does not return.
const PANIC: u32 = 15;

core::arch::global_asm!(
    // One gate for each index.
    ".balign 16",
    ".globl warren_hosted_gates",
    "warren_hosted_gates:",
    ".set gate, 0",
    ".rept {gates}",
    ".balign {gate_bytes}",
    "mov eax, offset gate",
    "jmp warren_hosted_gate",
    ".set gate, gate + 1",
    ".endr",
    // A stub comes here by `call`. eax: which entry. What the caller passes on the stack lies above the return address.
    "warren_hosted_gate:",
    "push rbp",
    "mov rbp, rsp",
    "push r9",
    "push r8",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "mov edi, eax",
    "mov rsi, rsp",
    "lea rdx, [rbp + 16]",
    "call {enter}",
    "mov rsp, rbp",
    "pop rbp",
    "ret",
    gates = const GATES,
    gate_bytes = const GATE_BYTES,
    enter = sym enter,
);

unsafe extern "C" {
    fn warren_hosted_gates();
}

/// Address of a gate.
pub fn gate(index: usize) -> usize {
    assert!(index < GATES, "a service has fewer functions than there are gates");
    warren_hosted_gates as *const () as usize + index * GATE_BYTES
}

/// What a frame's `platform` words say of a visit.
struct Crossing {
    /// Where it started on the thread's stack in the domain; 0 if the frame's call is not inside a domain.
    start: u64,
    /// Whether the thread was in an atomic call before.
    was_in_atomic_call: bool,
}

impl Crossing {
    fn write(&self, frame: *mut Frame) {
        // SAFETY: the frame is the running thread's and in use.
        let platform = unsafe { &mut (*frame).platform };
        platform[0] = self.start;
        platform[1] = self.was_in_atomic_call.into();
    }

    /// What the frame says, which it does not any more.
    fn take(frame: *mut Frame) -> Option<Self> {
        // SAFETY: the frame is the running thread's and in use.
        let platform = unsafe { &mut (*frame).platform };
        let start = core::mem::take(&mut platform[0]);
        (start != 0).then_some(Crossing { start, was_in_atomic_call: platform[1] != 0 })
    }
}

/// Ends the visit of a frame, if it is one: the call returns, or is cut off. Inside a critical section.
pub fn uncross(frame: *mut Frame) {
    let Some(Crossing { start, was_in_atomic_call }) = Crossing::take(frame) else { return };
    // SAFETY: the frame is in use.
    let object = unsafe { (*frame).object };
    // SAFETY: a frame's object is valid while the frame is there.
    let callee = unsafe { instance_of(object) };
    machine::with(|machine| {
        let domain = machine.regions.domain_of(callee.base);
        // SAFETY: the running thread's record is valid.
        let thread = unsafe { &mut *machine.current };
        thread.in_atomic_call = was_in_atomic_call;
        if let Some(domain) = domain {
            thread.stacks.set_next(domain, start);
        }
    });
}

/// A call into a domain.
struct Entered {
    frame: *mut Frame,
    callee: &'static Instance,
    kind: &'static Kind,
    /// Whose the buffers are.
    owner: Owner,
    /// The function that is called; `None` for a hidden entry.
    function: Option<&'static Function>,
    domain: usize,
    process: Process,
}

impl Entered {
    /// The call of the newest frame. Inside a critical section.
    fn newest(index: usize) -> Result<Self, SystemError> {
        let frame = newest_frame::<Hosted>();
        // SAFETY: the frame is in use.
        let object = unsafe { (*frame).object };
        // SAFETY: a frame's object is valid while the frame is there.
        let callee = unsafe { instance_of(object) };
        // SAFETY: as above.
        let kind = unsafe { (*object).kind };
        // SAFETY: a kind is valid as long as an object of it is in use, or a frame names one.
        let kind = unsafe { &*kind };
        // SAFETY: there is a frame below the newest in every thread.
        let below = unsafe { (*frame.wrapping_sub(1)).object };
        // SAFETY: as above.
        let caller = unsafe { instance_of(below) };
        machine::with(|machine| {
            let domain = machine.regions.domain_of(callee.base).ok_or(SystemError::Lost)?;
            let process = machine.domains.get(domain).ok_or(SystemError::Lost)?.process;
            let owner = machine.regions.domain_of(caller.base).map_or(Owner::Engine, Owner::Domain);
            let function = kind.functions.get(index);
            Ok(Entered { frame, callee, kind, owner, function, domain, process })
        })
    }

    fn carriage(&self) -> &'static Carriage {
        self.function.map_or(&NOTHING, |function| &function.carriage)
    }
}

/// Makes a call into a domain: its stub's gate comes here. `registers` are the state and the words in registers, `stack` is
/// where the others lie, if there are any.
extern "C" fn enter(index: u32, registers: &[u64; REGISTER_WORDS + 1], stack: *const u64) -> Ret {
    let index = index as usize;
    let prepared = critical::run(|| {
        let entered = Entered::newest(index)?;
        let words = words_of(registers, stack, entered.function);
        let (visit, end) = prepare(&entered, index, registers[0], &words)?;
        Ok((entered, words, visit, end))
    });
    let (entered, words, visit, end) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return refuse(error),
    };
    let answer = stay(&entered, visit);
    critical::run(|| {
        uncross(entered.frame);
        finish(&entered, &words, end, answer).unwrap_or_else(refuse)
    })
}

/// The words of a call after the state.
fn words_of(
    registers: &[u64; REGISTER_WORDS + 1],
    stack: *const u64,
    function: Option<&Function>,
) -> Words {
    let mut words = Words::default();
    words[..REGISTER_WORDS].copy_from_slice(&registers[1..]);
    let behind = function.map_or(0, |it| it.words).saturating_sub(REGISTER_WORDS);
    for (at, word) in words[REGISTER_WORDS..][..behind].iter_mut().enumerate() {
        // SAFETY: the caller has pushed as many words as the function has.
        *word = unsafe { stack.wrapping_add(at).read() };
    }
    words
}

/// Prepares a visit: the registers that it starts with, and where copies of buffers end. Inside a critical section.
fn prepare(
    entered: &Entered,
    index: usize,
    state: u64,
    original: &Words,
) -> Result<(Registers, u64), SystemError> {
    let Entered { callee, domain, process, .. } = *entered;
    if !has_stack(0) {
        return Err(SystemError::TooDeep);
    }
    let carriage = entered.carriage();
    let mut words = *original;
    let start = machine::with(|machine| {
        let stacks = machine.domains.get(domain)?.stacks;
        // SAFETY: the running thread's record is valid.
        let thread = unsafe { &mut *machine.current };
        thread.stacks.next(domain, stacks, thread.slot)
    });
    let start = start.ok_or(SystemError::TooDeep)?;
    let room = carriage.room(&words, callee.counts_output)?;
    let on_stack = entered.function.map_or(0, |it| it.words).saturating_sub(REGISTER_WORDS);
    let end = start & !15;
    let buffers = end.checked_sub(room).ok_or(SystemError::TooDeep)?;
    let pointer = buffers.checked_sub(on_stack as u64 * 8).ok_or(SystemError::TooDeep)? & !15;
    let lowest = pointer.checked_sub(callee.stack_bytes.into()).ok_or(SystemError::TooDeep)?;
    machine::with(|machine| {
        // SAFETY: the running thread's record is valid, and apart from the regions.
        let thread = unsafe { &mut *machine.current };
        thread.stacks.reach(&mut machine.regions, domain, lowest, thread.principal)
    })
    .map_err(|_| SystemError::TooDeep)?;
    // SAFETY: this part of the thread's stack in the domain was mapped just now.
    let copy = |to, from, bytes| unsafe { copy::copy_in(entered.owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { carriage.carry_in(original, &mut words, place(end, callee.counts_output), copy)? };
    grant_references(entered, &words)?;
    for (at, word) in words[REGISTER_WORDS..][..on_stack].iter().enumerate() {
        // SAFETY: this part of the thread's stack in the domain was mapped just now, here as there.
        unsafe { (pointer as *mut u64).wrapping_add(at).write(*word) };
    }
    let function = injection::take::<Hosted>(callee).unwrap_or(entered.kind.targets[index]);
    machine::with(|machine| {
        // SAFETY: the running thread's record is valid.
        let thread = unsafe { &mut *machine.current };
        Crossing { start, was_in_atomic_call: thread.in_atomic_call }.write(entered.frame);
        thread.in_atomic_call |= entered.kind.atomic;
    });
    let [rsi, rdx, rcx, r8, r9, ..] = words;
    let registers = Registers {
        rax: function,
        rdi: state,
        rsi,
        rdx,
        rcx,
        r8,
        r9,
        rsp: pointer,
        ..process.start(process.entrance())
    };
    Ok((registers, end))
}

/// Whether so many bytes of the running thread's stack are left, and enough for whatever the platform does. Inside a
/// critical section.
fn has_stack(bytes: u64) -> bool {
    let here = &raw const bytes as u64;
    // SAFETY: the running thread's record is valid.
    let end = machine::with(|machine| unsafe { (*machine.current).stack.start() });
    here.saturating_sub(end as u64) > bytes + STACK_RESERVE
}

/// Makes the references among the words temporary references of the callee, for the time of the call.
fn grant_references(entered: &Entered, words: &Words) -> Result<(), SystemError> {
    for &Lent { word, service } in entered.carriage().references() {
        // SAFETY: inside a critical section, and the borrow ends at once.
        let object = unsafe { tables::<Hosted>() }.object(words[word]);
        let object = object.ok_or(SystemError::BadReference)?;
        // SAFETY: objects are valid for good.
        if unsafe { (*object).service } != u64::from(service) {
            return Err(SystemError::BadReference);
        }
        push_temporary::<Hosted>(object, Some(entered.callee))?;
    }
    Ok(())
}

/// Copies out what the callee wrote, and checks what it answers. Inside a critical section.
fn finish(entered: &Entered, words: &Words, end: u64, answer: Ret) -> Result<Ret, SystemError> {
    let Some(function) = entered.function else { return Ok(answer) };
    // SAFETY: the copies lie on the thread's stack in the domain, where `prepare` put them.
    let copy = |to, from, bytes| unsafe { copy::copy_out(entered.owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { function.carriage.carry_out(words, place(end, entered.callee.counts_output), copy)? };
    match function.result {
        _ if answer.error != 0 => Ok(Ret::err(answer.error)),
        Part::Reference(service) => {
            let object = held_as::<Hosted>(entered.callee, answer.value, service)
                .map_err(|_| SystemError::BadAnswer)?;
            // Held until the stub has handed it over: another thread of the callee may let go of it before that.
            push_temporary::<Hosted>(object, None)?;
            Ok(Ret::ok(answer.value))
        }
        Part::Nothing => Ok(Ret::ok(0)),
        _ => Ok(answer),
    }
}

/// Lets a domain run until the function that was entered has returned.
fn stay(entered: &Entered, mut registers: Registers) -> Ret {
    loop {
        critical::enter();
        let event = match entered.process.scrub() {
            Ok(()) => run(entered, &mut registers),
            Err(_) => Event::Gone,
        };
        critical::leave();
        match event {
            Event::SystemCall if registers.orig_rax as u32 == RETURN => {
                return Ret { error: registers.rdi, value: registers.rdx };
            }
            Event::SystemCall => {
                let answer = system_call(entered, &registers);
                // Whatever carried an argument is not to be believed afterwards, and is not to tell anything.
                registers = Registers {
                    rax: answer.error,
                    rdx: answer.value,
                    rbx: registers.rbx,
                    rbp: registers.rbp,
                    r12: registers.r12,
                    r13: registers.r13,
                    r14: registers.r14,
                    r15: registers.r15,
                    rsp: registers.rsp,
                    ..entered.process.start(registers.rip)
                };
            }
            Event::Fault { signal, code, address } => {
                fault::die_in_domain(entered.callee, signal, code, address, registers.rip);
            }
            Event::Interrupted | Event::Gone => {
                death::die::<Hosted>(entered.callee, format_args!("its process is no more"));
            }
        }
    }
}

/// Lets a domain run until it wants something. Other threads run when the timer says so. Inside a critical section.
fn run(entered: &Entered, registers: &mut Registers) -> Event {
    loop {
        machine::with(|machine| machine.domains.note_visit(entered.domain));
        let event = entered.process.resume(registers);
        if event != Event::Interrupted {
            return event;
        }
        if let_others_run(entered).is_err() {
            return Event::Gone;
        }
    }
}

/// Lets other threads run, which may visit the process. Inside a critical section, which is left meanwhile. Not inlined,
/// because the extended registers take much stack, which calls of the domain do not need.
#[inline(never)]
fn let_others_run(entered: &Entered) -> io::Result<()> {
    let mut extended = Extended::EMPTY;
    entered.process.save_extended(&mut extended)?;
    signal::die_if_watched();
    critical::leave();
    critical::enter();
    entered.process.load_extended(&extended)
}

/// Carries out what a domain asks for.
fn system_call(entered: &Entered, registers: &Registers) -> Ret {
    critical::run(|| {
        machine::with(|machine| {
            // SAFETY: the running thread's record is valid.
            unsafe { &mut *machine.current }.stacks.leave(entered.domain, registers.rsp);
        });
    });
    // In a shared domain the one that calls is the callee of the newest frame, too: whoever is inside was entered.
    let caller = current::<Hosted>();
    let number = registers.orig_rax as u32;
    let answer = match number.checked_sub(FIRST_FUNCTION) {
        Some(index) => system_function(index, registers.rdi, registers.rsi),
        None => service_call(entered, caller, number, registers).unwrap_or_else(refuse),
    };
    if !caller.is_alive() {
        // It died while it waited: whoever called it goes on instead.
        schedule::leave_dead();
    }
    answer
}

/// One of the functions that every server may use.
fn system_function(index: u32, first: u64, second: u64) -> Ret {
    let Some(&address) = import::functions::<Hosted>().get(index as usize) else {
        return refuse(SystemError::BadArgument);
    };
    let function = address as *const ();
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
}

/// A call that is about to be made on a domain's behalf.
struct Call<'a> {
    outgoing: &'a Outgoing,
    object: *mut warren_engine::layout::Object,
    /// As the caller says.
    words: Words,
    /// Room for copies of its buffers, if the callee runs here.
    copies: Option<Room>,
    /// Whether the callee counts what it writes of them.
    counts: bool,
    /// Where its pins start.
    pins: *mut Temporary,
}

/// A call of a service.
fn service_call(
    entered: &Entered,
    caller: &Instance,
    number: u32,
    registers: &Registers,
) -> Result<Ret, SystemError> {
    let owner = Owner::Domain(entered.domain);
    let call = critical::run(|| check_call(owner, caller, number, registers))?;
    match call.copies {
        None => Ok(make_call(&call, &call.words)),
        Some(room) => room.with(|end| {
            let place = place(end, call.counts);
            let mut words = call.words;
            let copied = critical::run(|| copy_in(owner, &call, &mut words, place));
            if let Err(error) = copied {
                unpin(call.pins, call.outgoing.atomic, false);
                return Err(error);
            }
            let answer = make_call(&call, &words);
            if answer.error < SYSTEM_ERRORS {
                critical::run(|| copy_out(owner, &call, place))?;
            }
            Ok(answer)
        }),
    }
}

/// Checks what a domain calls and passes, and pins it. Inside a critical section.
fn check_call<'a>(
    owner: Owner,
    caller: &'a Instance,
    number: u32,
    registers: &Registers,
) -> Result<Call<'a>, SystemError> {
    let outgoing = caller.calls.get(number as usize).ok_or(SystemError::BadArgument)?;
    if !outgoing.atomic {
        deadline::check::<Hosted>()?;
        // SAFETY: the running thread's record is valid.
        if machine::with(|machine| unsafe { (*machine.current).in_atomic_call }) {
            return Err(SystemError::NotAtomic);
        }
    }
    let words = passed_words(owner, outgoing, registers)?;
    let object = held_as::<Hosted>(caller, registers.rdi, outgoing.service)?;
    let carriage = &outgoing.function.carriage;
    // SAFETY: objects are valid for good, and so is the instance of one that is held.
    let callee = unsafe { instance_of(object) };
    let counts = callee.counts_output;
    let bytes = carriage.room(&words, counts)?;
    let copies = callee.shares_space().then(|| Room::fitting(bytes));
    if !has_stack(copies.map_or(0, Room::bytes)) {
        return Err(SystemError::TooDeep);
    }
    // SAFETY: the block is the running thread's.
    let pins = unsafe { (*machine::cpu()).temporary };
    let pinned = push_temporary::<Hosted>(object, None).and_then(|()| {
        carriage.references().iter().try_for_each(|lent| {
            let object = held_as::<Hosted>(caller, words[lent.word], lent.service)?;
            push_temporary::<Hosted>(object, None)
        })
    });
    if let Err(error) = pinned {
        unpin(pins, outgoing.atomic, false);
        return Err(error);
    }
    Ok(Call { outgoing, object, words, copies, counts, pins })
}

/// Makes a call that was checked, with these words.
fn make_call(call: &Call<'_>, words: &Words) -> Ret {
    let Outgoing { function, atomic, index, .. } = call.outgoing;
    let shape = function.shape(*atomic);
    // SAFETY: the object is pinned and provides the service; file and service were compared when the file was
    // loaded, so the words are what the entry expects; buffers are copies on this stack, or go to a gate.
    let answer = unsafe { stub::invoke(call.object, usize::from(*index), words, shape) };
    unpin(call.pins, *atomic, shape.reference && answer.error == 0);
    answer
}

/// The words after the reference: registers, then the caller's stack. Inside a critical section.
fn passed_words(
    owner: Owner,
    outgoing: &Outgoing,
    registers: &Registers,
) -> Result<Words, SystemError> {
    let mut words = Words::default();
    let Registers { rsi, rdx, r10, r8, r9, rsp, .. } = *registers;
    words[..REGISTER_WORDS].copy_from_slice(&[rsi, rdx, r10, r8, r9]);
    let on_stack = outgoing.function.words.saturating_sub(REGISTER_WORDS);
    let from = rsp.checked_add(SYSTEM_CALL_STACK).ok_or(SystemError::BadBuffer)?;
    let to = words[REGISTER_WORDS..][..on_stack].as_mut_ptr() as u64;
    // SAFETY: the words are ours.
    unsafe { copy::copy_in(owner, to, from, on_stack as u64 * 8)? };
    Ok(words)
}

/// Lets go of everything pinned since `mark`; a reference that the call returned stays, in its place.
fn unpin(mark: *mut Temporary, atomic: bool, keep_last: bool) {
    // SAFETY: entries from the mark on were pushed by `check_call`, or left by an atomic call, and a returned reference is the last.
    let dying = critical::run(|| unsafe { give_back_since::<Hosted>(mark, keep_last) });
    if dying && !atomic {
        lock::unlock::<Hosted>();
        death::finish::<Hosted>();
        lock::lock::<Hosted>();
    }
}

/// Where copies lie that end at `end`: a domain sees them at the same addresses as the engine.
fn place(end: u64, counts: bool) -> Place {
    Place { end, beyond: 0, counts }
}

/// Copies what the callee reads here, and lets the words name the copies. Inside a critical section.
fn copy_in(
    owner: Owner,
    call: &Call<'_>,
    words: &mut Words,
    place: Place,
) -> Result<(), SystemError> {
    // SAFETY: there is room for all copies.
    let copy = |to, from, bytes| unsafe { copy::copy_in(owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { call.outgoing.function.carriage.carry_in(&call.words, words, place, copy) }
}

/// Copies what the callee wrote back to the caller. Inside a critical section.
fn copy_out(owner: Owner, call: &Call<'_>, place: Place) -> Result<(), SystemError> {
    // SAFETY: the copies lie where `copy_in` put them.
    let copy = |to, from, bytes| unsafe { copy::copy_out(owner, to, from, bytes) };
    // SAFETY: as above.
    unsafe { call.outgoing.function.carriage.carry_out(&call.words, place, copy) }
}

/// Room for copies on the stack, because a call may be cut off without coming back here.
#[derive(Clone, Copy, Debug)]
enum Room {
    Small,
    Medium,
    Large,
}

const SMALL: usize = 512;
const MEDIUM: usize = 8 * 1024;
const LARGE: usize = warren_abi::call::COPIES_BYTES;

impl Room {
    /// The smallest one for so many bytes, which are not more than a call may carry.
    fn fitting(bytes: u64) -> Self {
        let rooms = [Room::Small, Room::Medium];
        rooms.into_iter().find(|room| bytes <= room.bytes()).unwrap_or(Room::Large)
    }

    fn bytes(self) -> u64 {
        let bytes = match self {
            Room::Small => SMALL,
            Room::Medium => MEDIUM,
            Room::Large => LARGE,
        };
        bytes as u64
    }

    /// Does `work` with the address of the room's end, which is a multiple of 16.
    fn with<R>(self, work: impl FnOnce(u64) -> R) -> R {
        match self {
            Room::Small => within::<SMALL, R>(work),
            Room::Medium => within::<MEDIUM, R>(work),
            Room::Large => within::<LARGE, R>(work),
        }
    }
}

/// Not inlined, so that only the room that is used takes stack.
#[inline(never)]
fn within<const BYTES: usize, R>(work: impl FnOnce(u64) -> R) -> R {
    #[repr(align(16))]
    struct Aligned<const BYTES: usize>([u8; BYTES]);
    let mut room = MaybeUninit::<Aligned<BYTES>>::uninit();
    work(room.as_mut_ptr() as u64 + BYTES as u64)
}
