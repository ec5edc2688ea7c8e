//! What the engine, the calls and the kernel's panic see of threads.
#![expect(unsafe_code, reason = "frames are raw memory")]

use alloc::string::String;
use core::fmt::Write;

use warren_engine::{
    layout::Frame, reference::instance_of, stub::return_slot, thread::ThreadRecord,
};
use warren_kernel::contexts::{CONTEXTS, Contexts};

use super::{
    Token,
    area::Area,
    record::Thread,
    switch,
    switching::{wake, with, with_running},
};
use crate::{
    cpu::{self, block, clock, requests},
    memory::{kernel_map, user_stacks},
};

/// Name of a thread; empty if it has ended.
pub fn name_of(token: Token) -> String {
    with(|threads| threads.find(token).map(|thread| thread.name.clone())).unwrap_or_default()
}

/// Shows each thread to the engine, which may change where its calls go on. The threads are not in use
/// meanwhile: the engine may call [`divert`].
pub fn visit(visit: &mut dyn FnMut(&mut ThreadRecord)) {
    let mut left = with(|threads| threads.count());
    // Nobody adds or frees a thread meanwhile: interrupts are off.
    for slot in 0..CONTEXTS {
        if left == 0 {
            break;
        }
        let Some(record) = with(|threads| threads.in_slot(slot).map(|thread| thread.record()))
        else {
            continue;
        };
        left -= 1;
        if let Some(mut record) = record {
            visit(&mut record);
        }
    }
}

/// The thread whose frames this address lies in, or just behind. With interrupts off, while the thread cannot end.
pub fn owner_of_frame(address: u64) -> Token {
    // SAFETY: the thread lives, and its bottom frame is mapped and initialised.
    unsafe { &*Area::frames_around(address) }.thread()
}

/// Uses the books, with everything on this CPU charged up to now.
pub fn with_books<R>(work: impl FnOnce(&mut Contexts) -> R) -> R {
    with(|threads| {
        threads.contexts.charge(cpu::number(), clock::counts());
        work(&mut threads.contexts)
    })
}

/// Uses the books as they were charged last.
pub fn with_charged_books<R>(work: impl FnOnce(&mut Contexts) -> R) -> R {
    with(|threads| work(&mut threads.contexts))
}

/// Uses the books, with everything on all CPUs charged up to now.
pub fn with_all_books<R>(work: impl FnOnce(&mut Contexts) -> R) -> R {
    with(|threads| {
        threads.contexts.charge_all(clock::counts());
        work(&mut threads.contexts)
    })
}

/// Charges what has passed on this CPU since it was charged last to a principal for which somebody was interrupted.
pub fn charge_interrupt(principal: usize) {
    with(|threads| threads.contexts.charge_to(cpu::number(), clock::counts(), principal));
}

/// What is known of a thread to those who look on.
pub struct Sight {
    /// Its number among all, which others have too when it has ended.
    pub slot: usize,
    pub token: Token,
    /// Calls under way.
    pub depth: usize,
    /// Its name.
    pub name: String,
    /// The server that its newest call entered.
    pub server: String,
}

/// The first thread whose slot is at least `from`, the root aside.
pub fn sight(from: usize) -> Option<Sight> {
    // A thread that runs elsewhere changes its frames without asking anybody.
    requests::alone(|| sight_alone(from))
}

fn sight_alone(from: usize) -> Option<Sight> {
    with(|threads| {
        threads.all().skip_while(|(slot, _)| *slot < from).find_map(|(slot, thread)| {
            let ThreadRecord { frames, frame, .. } = thread.record()?;
            // SAFETY: every thread has a frame below its first free one, and interrupts are off.
            let newest = unsafe { &*frame.wrapping_sub(1) };
            // SAFETY: a frame's object is valid while the frame is there.
            let server = unsafe { instance_of(newest.object) };
            Some(Sight {
                slot,
                token: thread.token,
                depth: (frame as usize - frames as usize) / size_of::<Frame>() - 1,
                name: thread.name.clone(),
                server: server.name.clone(),
            })
        })
    })
}

/// What the running thread has used, in counts of the clock.
pub fn used() -> u64 {
    with_books(|contexts| contexts.used_by(contexts.running(cpu::number())))
}

/// Makes a thread that does not run go on in `function`, on the stack below `top`.
///
/// # Safety
///
/// What the thread has below `top` on its kernel stack is not needed any more.
pub unsafe fn divert(token: Token, top: u64, function: extern "C" fn() -> !) {
    // SAFETY: the caller's promise.
    let stack = unsafe { switch::prepare(top, function) };
    with(|threads| {
        if let Some(thread) = threads.find(token) {
            thread.stack = stack;
        }
    });
    wake(token);
}

/// The first free frame of a thread that does not run, and where its kernel stack goes on when it enters the kernel.
pub fn frame_of(token: Token) -> Option<(*mut Frame, u64)> {
    with(|threads| {
        let block = &threads.find(token)?.block;
        // SAFETY: the thread does not run, so that nobody writes the block.
        let frame = unsafe { (*block.engine()).frame };
        Some((frame, block.kernel_stack.get()))
    })
}

/// Lets no thread enter a domain on the fast path before it has been there on the long way.
pub fn forget_enough(domain: usize) {
    for_each(|thread| thread.user_stacks.forget_enough(domain));
}

/// Whether an address lies in the page behind the running thread's frames.
pub fn is_behind_frames(address: u64) -> bool {
    with_running(|thread| thread.area.as_ref().is_some_and(|area| area.is_behind_frames(address)))
}

/// Bytes of the running thread's kernel stack that are left below `stack`.
pub fn stack_left(stack: u64) -> u64 {
    with_running(|thread| {
        thread.area.as_ref().map_or(0, |area| stack.saturating_sub(area.stack_bottom()))
    })
}

/// Lets threads that were interrupted at the end of a domain go on with the kernel's page tables: the domain's are gone.
pub fn forget_page_tables(page_tables: u64) {
    for_each(|thread| {
        if thread.page_tables == page_tables {
            thread.page_tables = kernel_map::root().address();
        }
    });
}

/// Forgets the stacks of all threads in a domain that is gone.
pub fn forget_domain(domain: usize) {
    user_stacks::forget_needs(domain);
    for_each(|thread| thread.user_stacks.forget(domain));
}

fn for_each(work: impl FnMut(&mut Thread)) {
    with(|threads| threads.all().map(|(_, thread)| thread).for_each(work));
}

/// Writes who called whom in the running thread. For the kernel's panic: uses nothing that is guarded.
pub fn write_calls(out: &mut impl Write) {
    // SAFETY: interrupts are off, and the block is this CPU's.
    let mut frame = unsafe { (*block::engine()).frame };
    for _ in 0..warren_engine::layout::FRAMES {
        frame = frame.wrapping_sub(1);
        if frame.is_null() || !kernel_map::is_mapped(frame as u64) {
            return;
        }
        // SAFETY: the frame is mapped, and frames below the first free one are initialised.
        let &Frame { object, .. } = unsafe { &*frame };
        // SAFETY: as above.
        if unsafe { (*frame).is_bottom() } {
            return;
        }
        // SAFETY: the frame is in use and not the bottom one.
        let slot = unsafe { return_slot(frame) };
        if !kernel_map::is_mapped(slot as u64) {
            return;
        }
        // SAFETY: what is mapped can be read.
        let address = unsafe { *slot };
        // SAFETY: frames name objects, which are valid for good.
        let instance = unsafe { (*object).instance };
        // SAFETY: so are instances.
        let instance = unsafe { &*instance };
        let _ = writeln!(out, "call: {} at {:#x}, from {address:#x}", instance.name, instance.base);
    }
}
