//! Locks of servers off the fast path: what is written of them and when, waiting, moving to another home, and giving one up on purpose.
//!
//! The rules are those of [`LockWord`].
#![expect(unsafe_code, reason = "lock words and frames are the engine's raw memory")]

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use warren_abi::call::{Ret, SystemError};

use crate::{
    deadline,
    layout::{CPUS, Cpu, Frame, LockWord, MARKED, NO_LOCK, is_lock},
    platform::Platform,
    reference::{instance_of, newest_frame},
};

/// Why a lock cannot be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hindrance {
    /// This thread has it.
    Thread(u64),
    /// This CPU is its home.
    Home(u64),
}

/// The newest frame of a block's thread; `None` if the thread has no frames.
fn newest(cpu: &Cpu) -> Option<*mut Frame> {
    (!cpu.bottom.is_null()).then(|| cpu.frame.wrapping_sub(1))
}

/// The word of a frame's lock; `None` if it has none.
fn word_of<'a>(frame: *mut Frame) -> Option<&'a LockWord> {
    // SAFETY: frames in use are valid.
    let lock = unsafe { (*frame).lock };
    // SAFETY: the lock in a frame is valid as long as the frame names it.
    is_lock(lock).then(|| unsafe { &*lock })
}

/// Writes that the thread of a block holds the lock of its newest frame, if it is not written yet: for whoever takes the thread off its CPU (L2 of
/// [`LockWord`]), after whoever was in generated code was moved back ([`crate::stub::restart`]).
pub fn write_held(cpu: &Cpu) {
    let Some(newest) = newest(cpu) else { return };
    if let Some(word) = word_of(newest).filter(|word| word.load(Relaxed) == cpu.home) {
        word.store(newest as u64, Release);
    }
}

/// The thread of this block goes on on CPU `number`: what it holds reads as free, with that CPU as its home, unless the thread is to be
/// `marked`.
pub fn enter_cpu(cpu: &mut Cpu, number: u64, marked: bool) {
    (cpu.home, cpu.heir) = (number, number);
    cpu.free = if marked { MARKED } else { number };
    let Some(newest) = newest(cpu).filter(|_| !marked) else { return };
    if let Some(word) = word_of(newest).filter(|word| cpu.holds(word.load(Relaxed))) {
        word.store(number, Relaxed);
    }
}

/// Gives the home of a lock to the CPU `asker`, if its home is that of this block. If the block's thread holds it, it is written as held, and the
/// thread hands it over as soon as it lets go of it. Only the home does this, outside of what
/// [`crate::stub::restart`] moves back (L3 of [`LockWord`]).
pub fn give_home(cpu: &mut Cpu, lock: &LockWord, asker: u64) {
    let is_held = newest(cpu).and_then(word_of).is_some_and(|held| core::ptr::eq(held, lock));
    if !is_held {
        give_idle_home(lock, cpu.home, asker);
    } else if lock.load(Relaxed) == cpu.home {
        write_held(cpu);
        (cpu.free, cpu.heir) = (MARKED, asker);
    }
}

/// The same for a CPU on which no thread runs.
pub fn give_idle_home(lock: &LockWord, home: u64, asker: u64) {
    if lock.load(Relaxed) == home {
        lock.store(asker, Release);
    }
}

/// Makes the lock of a frame read as free again, if it is written as held by the block's thread; `true` if it was.
fn free(cpu: &Cpu, frame: *mut Frame) -> bool {
    let written = word_of(frame).filter(|word| cpu.holds(word.load(Relaxed)));
    if let Some(word) = written {
        word.store(cpu.heir, Release);
    }
    written.is_some()
}

/// Lets the newest frame hold no lock any more; `true` if it was written that it held one. Inside `critical`.
pub fn release(cpu: &Cpu) -> bool {
    let frame = cpu.frame.wrapping_sub(1);
    let was_written = free(cpu, frame);
    // SAFETY: the newest frame is the running thread's.
    unsafe { (*frame).lock = &raw const NO_LOCK };
    was_written
}

/// Takes the mark away, because the thread lets go of its lock; `true` if there was one. Inside `critical`.
fn unmark(cpu: &mut Cpu) -> bool {
    cpu.heir = cpu.home;
    core::mem::replace(&mut cpu.free, cpu.home) == MARKED
}

/// Marks a thread whose deadline has passed, so that it comes here by its next call: that one is refused. What it holds need not be written.
pub fn mark(cpu: &mut Cpu) {
    cpu.free = MARKED;
}

/// The running thread was marked, and is not any more: marks it again if its deadline has passed. Inside `critical`.
fn mark_again<P: Platform>() {
    if deadline::check::<P>().is_err() {
        // SAFETY: the platform's block is valid and the thread's own.
        mark(unsafe { &mut *P::cpu() });
    }
}

/// What hinders this CPU to take a lock, if anything does. Inside `critical`.
fn hindrance<P: Platform>(cpu: &Cpu, lock: &LockWord) -> Option<Hindrance> {
    match lock.load(Acquire) {
        word if word == cpu.home => None,
        word if word < CPUS => Some(Hindrance::Home(word)),
        word => Some(Hindrance::Thread(P::holder(word))),
    }
}

/// Does what may make the lock free here, once. With preemption allowed.
fn overcome<P: Platform>(hindrance: Hindrance, lock: *const LockWord) {
    match hindrance {
        Hindrance::Thread(holder) => P::give_time_to(holder),
        Hindrance::Home(home) => P::ask_for_home(lock, home),
    }
}

/// Lets the newest frame, which holds no lock, hold that of its callee, or says why it cannot. Inside `critical`.
fn take<P: Platform>() -> Option<(Hindrance, *const LockWord)> {
    // SAFETY: the newest frame is the running thread's.
    let frame = unsafe { &mut *newest_frame::<P>() };
    // SAFETY: a frame's object is valid while the frame is there.
    let wanted = unsafe { (*frame.object).lock };
    if wanted == frame.lock || !is_lock(wanted) {
        return None;
    }
    // SAFETY: the platform's block is valid and the thread's own.
    let cpu = unsafe { &*P::cpu() };
    // SAFETY: an object's lock is valid as long as a frame names the object.
    let hindrance = hindrance::<P>(cpu, unsafe { &*wanted });
    if hindrance.is_none() {
        frame.lock = wanted;
    }
    hindrance.map(|hindrance| (hindrance, wanted))
}

/// Waits until the newest frame holds the lock of its callee. A holder never blocks while it holds a lock, so waiting is never
/// more than giving it time, or asking the lock's home for it.
fn take_at_last<P: Platform>() {
    while let Some((hindrance, lock)) = P::critical(take::<P>) {
        overcome::<P>(hindrance, lock);
    }
}

/// Makes the first free frame, which a stub has filled in, the newest, and takes the callee's lock for it. The number of an error if the call is not
/// to be made: then nothing has changed.
fn enter_callee<P: Platform>(atomic: bool) -> u64 {
    let was_marked = match P::critical(|| push::<P>(atomic)) {
        Err(error) => return error.number(),
        Ok(was_marked) => was_marked,
    };
    if was_marked {
        P::let_go();
    }
    take_at_last::<P>();
    if was_marked {
        P::critical(mark_again::<P>);
    }
    0
}

/// Makes the first free frame the newest, without a lock, and lets go of the caller's, unless that is `kept`. `true` if the thread was
/// marked, and is not any more: somebody may wait for the lock. A server whose deadline has passed is refused. Inside `critical`.
fn push<P: Platform>(kept: bool) -> Result<bool, SystemError> {
    // SAFETY: the platform's block is valid and the thread's own.
    let is_marked = unsafe { (*P::cpu()).free } == MARKED;
    if !kept && is_marked && is_servers(newest_frame::<P>()) {
        deadline::check::<P>()?;
    }
    // SAFETY: as above.
    let cpu = unsafe { &mut *P::cpu() };
    let (frame, caller) = (cpu.frame, cpu.frame.wrapping_sub(1));
    // SAFETY: frames in use are valid.
    let callers = unsafe { (*caller).lock };
    // SAFETY: the stub has filled the frame in.
    let object = unsafe { (*frame).object };
    // SAFETY: the caller holds the object.
    let wanted = unsafe { (*object).lock };
    if is_lock(wanted) {
        // SAFETY: an object's lock is valid as long as the object is held.
        let is_written = cpu.holds(unsafe { &*wanted }.load(Relaxed));
        let is_kept = if wanted == callers { kept } else { is_written };
        if is_kept {
            return Err(SystemError::Reentered);
        }
    }
    let was_marked = if kept {
        if let Some(word) = word_of(caller) {
            word.store(frame as u64, Release);
        }
        false
    } else {
        free(cpu, caller);
        unmark(cpu)
    };
    // SAFETY: the frame is in the array: the stub has written to it.
    unsafe { (*frame).lock = &raw const NO_LOCK };
    cpu.frame = frame.wrapping_add(1);
    Ok(was_marked)
}

/// Whether a frame's callee is a server, and not the platform, which makes calls that have to be made: destructors.
fn is_servers(frame: *const Frame) -> bool {
    // SAFETY: frames in use are valid.
    let object = unsafe { (*frame).object };
    // SAFETY: a frame's object is valid while the frame is there.
    unsafe { instance_of(object) }.planned.is_some()
}

/// What stubs call that cannot take the callee's lock at once, or are marked. Returns an error's number, or 0 if the call is made.
pub extern "C" fn enter<P: Platform>() -> u64 {
    enter_callee::<P>(false)
}

/// The same for a call that keeps its caller's lock.
pub extern "C" fn enter_atomic<P: Platform>() -> u64 {
    enter_callee::<P>(true)
}

/// What stubs do at the end of a call that cannot take the caller's lock back at once, or are marked: lets go of the callee's, waits for the caller's, and
/// makes the caller's frame the newest.
pub extern "C" fn come_back<P: Platform>() {
    let mut was_marked = false;
    loop {
        // It may have been marked again while it waited: by somebody who lends it time for a lock that it had let go of by then, and who may be the one
        // that it waits for.
        was_marked |= let_go_of_newest::<P>();
        let hindrance = P::critical(|| {
            let hindrance = callers_hindrance::<P>();
            if hindrance.is_none() {
                // SAFETY: the platform's block is valid and the thread's own.
                let cpu = unsafe { &mut *P::cpu() };
                cpu.frame = cpu.frame.wrapping_sub(1);
                if was_marked {
                    mark_again::<P>();
                }
            }
            hindrance
        });
        let Some((hindrance, lock)) = hindrance else { return };
        overcome::<P>(hindrance, lock);
    }
}

/// The same for ends of calls that look at the lock again themselves: lets go of the callee's, and waits for the caller's once.
pub extern "C" fn wait_for_callers<P: Platform>() {
    let_go_of_newest::<P>();
    if let Some((hindrance, lock)) = P::critical(callers_hindrance::<P>) {
        overcome::<P>(hindrance, lock);
    }
    P::critical(|| {
        // Whoever looks again must not find the mark of a deadline that was seen to have passed meanwhile.
        // SAFETY: the platform's block is valid and the thread's own.
        unmark(unsafe { &mut *P::cpu() })
    });
}

/// Lets go of the lock of the newest frame; `true` if the thread was marked, and is not any more.
fn let_go_of_newest<P: Platform>() -> bool {
    let was_marked = P::critical(|| {
        // SAFETY: the platform's block is valid and the thread's own.
        let cpu = unsafe { &mut *P::cpu() };
        release(cpu);
        unmark(cpu)
    });
    if was_marked {
        P::let_go();
    }
    was_marked
}

/// What hinders this CPU to take the lock of the newest frame's caller. Inside `critical`.
fn callers_hindrance<P: Platform>() -> Option<(Hindrance, *const LockWord)> {
    // SAFETY: the platform's block is valid and the thread's own.
    let cpu = unsafe { &*P::cpu() };
    let lock = word_of(newest_frame::<P>().wrapping_sub(1))?;
    hindrance::<P>(cpu, lock).map(|hindrance| (hindrance, core::ptr::from_ref(lock)))
}

/// What a call does at its end that has kept its caller's lock and was found marked: lets go of the callee's, and makes the caller's frame the newest. The
/// caller's lock stays written, and the thread marked; but if the mark has gone since it was found, because the thread went on elsewhere, the lock
/// reads as free, too, or nobody would ever let go of it (L5 of [`LockWord`]).
pub extern "C" fn leave_atomic<P: Platform>() {
    let is_awaited = P::critical(|| {
        // SAFETY: the platform's block is valid and the thread's own.
        let cpu = unsafe { &mut *P::cpu() };
        let was_written = release(cpu);
        cpu.frame = cpu.frame.wrapping_sub(1);
        if cpu.free != MARKED {
            free(cpu, cpu.frame.wrapping_sub(1));
        }
        was_written
    });
    if is_awaited {
        P::let_go();
    }
}

/// Lets go of the lock of the server that runs. Calls stay possible.
pub extern "C" fn unlock<P: Platform>() -> Ret {
    if let_go_of_newest::<P>() {
        P::critical(mark_again::<P>);
    }
    Ret::ok(0)
}

/// Takes the lock of the server that runs again.
pub extern "C" fn lock<P: Platform>() -> Ret {
    take_at_last::<P>();
    Ret::ok(0)
}

/// Lets another thread run, with the server's lock held or not.
pub extern "C" fn yield_now<P: Platform>() -> Ret {
    P::yield_now();
    Ret::ok(0)
}
