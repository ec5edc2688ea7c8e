//! Whose turn it is, and the switch from one thread to another.
#![expect(unsafe_code, reason = "switches stacks, and swaps what the CPU's block holds")]

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use core::{ptr::null_mut, sync::atomic::Ordering::Relaxed};

use super::{
    FIRST_TOKEN, IDLE, Token,
    area::Area,
    record::{Registers, State, Thread},
    running_has_calls, switch,
};
use crate::{
    calls::{self, KERNEL_STACK_RESERVE},
    cpu::{self, block, clock, registers},
    guarded::Guarded,
    memory::user_stacks::UserStacks,
    traps::frame::TrapFrame,
};

/// All threads.
pub struct Scheduler {
    #[expect(clippy::vec_box, reason = "a switch stores to a thread that must stay where it is")]
    pub threads: Vec<Box<Thread>>,
    /// Those that are ready but do not run; never the idle thread.
    pub queue: VecDeque<Token>,
    pub running: Token,
    /// The running thread's record. T1: it lies in `threads`, whose boxes do not move.
    pub current: *mut Thread,
    next_token: Token,
}

// SAFETY: as for `Thread`.
unsafe impl Send for Scheduler {}

pub static SCHEDULER: Guarded<Scheduler> = Guarded::new(Scheduler {
    threads: Vec::new(),
    queue: VecDeque::new(),
    running: IDLE,
    current: null_mut(),
    next_token: FIRST_TOKEN,
});

impl Scheduler {
    /// The thread with this token.
    pub fn find(&mut self, token: Token) -> Option<&mut Thread> {
        self.threads.iter_mut().find(|thread| thread.token == token).map(|thread| &mut **thread)
    }

    /// The running thread.
    pub fn running(&mut self) -> &mut Thread {
        // SAFETY: T1; the scheduler is borrowed, so nobody else reaches its threads.
        unsafe { &mut *self.current }
    }

    /// Makes a waiting thread ready; `first` lets it run before all others.
    pub fn wake(&mut self, token: Token, first: bool) {
        let Some(thread) = self.find(token) else { return };
        if matches!(thread.state, State::Waiting(_)) {
            thread.state = State::Ready;
            if first {
                self.queue.push_front(token);
            } else {
                self.queue.push_back(token);
            }
        }
    }

    /// Takes a new thread in, and names it.
    pub fn add(&mut self, mut thread: Thread) -> Token {
        let token = self.next_token;
        self.next_token += 1;
        thread.token = token;
        self.threads.push(Box::new(thread));
        token
    }
}

/// The running thread's token.
pub fn running() -> Token {
    SCHEDULER.with(|scheduler| scheduler.running)
}

/// Uses the running thread's record.
pub fn with_running<R>(work: impl FnOnce(&mut Thread) -> R) -> R {
    SCHEDULER.with(|scheduler| work(scheduler.running()))
}

/// Waits until [`wake`], or until the clock shows `deadline_ns`. `true` if it was woken. With interrupts
/// off: whoever calls it has looked just before whether there is anything to wait for.
pub fn block(deadline_ns: u64) -> bool {
    SCHEDULER.with(|scheduler| {
        let thread = scheduler.running();
        thread.state = State::Waiting(deadline_ns);
        thread.woken = false;
    });
    pass_on();
    SCHEDULER.with(|scheduler| scheduler.running().woken)
}

/// Makes a waiting thread ready.
pub fn wake(token: Token) {
    end_wait(token, false);
}

/// Makes a waiting thread ready, before all others.
pub fn wake_first(token: Token) {
    end_wait(token, true);
}

fn end_wait(token: Token, first: bool) {
    SCHEDULER.with(|scheduler| {
        if let Some(thread) = scheduler.find(token) {
            thread.woken = true;
        }
        scheduler.wake(token, first);
    });
}

/// Lets the next thread run, if there is one.
pub fn yield_now() {
    cpu::interrupts::off(|| {
        let next = SCHEDULER.with(|scheduler| {
            let running = scheduler.running;
            let next = scheduler.queue.pop_front()?;
            if running != IDLE {
                scheduler.queue.push_back(running);
            }
            Some(next)
        });
        if let Some(next) = next {
            switch_to(next);
        }
    });
}

/// Lets `token` run if it is ready, and otherwise whoever is next.
pub fn give_time_to(token: Token) {
    cpu::interrupts::off(|| {
        let ready = SCHEDULER.with(|scheduler| {
            let place = scheduler.queue.iter().position(|&waiting| waiting == token)?;
            scheduler.queue.remove(place)?;
            let running = scheduler.running;
            if running != IDLE {
                scheduler.queue.push_back(running);
            }
            Some(())
        });
        match ready {
            Some(()) => switch_to(token),
            None => yield_now(),
        }
    });
}

/// Gives the CPU to the next thread; the running one is not in the queue.
pub fn pass_on() {
    let next = SCHEDULER.with(|scheduler| scheduler.queue.pop_front().unwrap_or(IDLE));
    switch_to(next);
}

/// Runs `next` until somebody switches back. With interrupts off.
fn switch_to(next: Token) {
    let switch = SCHEDULER.with(|scheduler| {
        if scheduler.running == next {
            return None;
        }
        let old = scheduler.running();
        old.registers = swap_out();
        let save = &raw mut old.stack;
        scheduler.running = next;
        scheduler.current = scheduler.find(next).expect("who is switched to exists");
        let new = scheduler.running();
        swap_in(new);
        Some((save, new.stack))
    });
    if let Some((save, load)) = switch {
        // SAFETY: threads are boxed, so `save` stays where it is; `load` was saved by a switch or prepared,
        // and the thread's state in the CPU's block is loaded.
        unsafe { switch::switch(save, load) };
    }
    bury_ended();
}

/// What the running thread has in the CPU's block.
pub fn swap_out() -> Registers {
    let own = block::current();
    // SAFETY: interrupts are off, and the block is this CPU's.
    let cpu = unsafe { &*block::engine() };
    Registers {
        frame: cpu.frame,
        temporary: cpu.temporary,
        owner: cpu.owner,
        idle: cpu.idle.load(Relaxed),
        kernel_stack: own.kernel_stack.get(),
        page_tables: registers::page_tables(),
    }
}

/// Puts a thread's part into the CPU's block, and switches to its domain.
fn swap_in(thread: &Thread) {
    let own = block::current();
    let registers = thread.registers;
    own.kernel_stack.set(registers.kernel_stack);
    set_page_tables(registers.page_tables);
    let end = thread.area.as_ref().map_or(null_mut(), Area::temporaries_end);
    show_stacks(thread);
    // SAFETY: interrupts are off, and the block is this CPU's.
    let cpu = unsafe { &mut *block::engine() };
    cpu.frame = registers.frame;
    cpu.temporary = registers.temporary;
    cpu.temporary_end = end;
    cpu.owner = registers.owner;
    cpu.thread = thread.token;
    cpu.idle.store(registers.idle, Relaxed);
}

/// Shows the fast path of calls the running thread's stacks. In an atomic call it sees none, and leaves every call to the
/// long way, which refuses those that are not atomic.
fn show_stacks(thread: &Thread) {
    let own = block::current();
    let area = thread.area.as_ref().filter(|_| !thread.in_atomic_call);
    let stacks = if thread.in_atomic_call { &UserStacks::NONE } else { &thread.user_stacks };
    own.user_stacks.set(core::ptr::from_ref(stacks) as u64);
    let limit = area.map(|area| area.stack_bottom() + KERNEL_STACK_RESERVE);
    own.stack_limit.set(limit.unwrap_or(u64::MAX));
}

/// Whether the running thread is in a domain that was entered by an atomic call.
pub fn in_atomic_call() -> bool {
    with_running(|thread| thread.in_atomic_call)
}

/// Notes whether it is.
pub fn set_in_atomic_call(inside: bool) {
    with_running(|thread| {
        if core::mem::replace(&mut thread.in_atomic_call, inside) != inside {
            show_stacks(thread);
        }
    });
}

/// Enters a domain's page tables, unless they are in use.
pub fn set_page_tables(root: u64) {
    if registers::page_tables() != root {
        // SAFETY: every root that is stored is the kernel's or a domain's, which all map the kernel's half.
        unsafe { registers::set_page_tables(root) };
    }
}

/// Frees threads that have ended. Runs on another thread's stack.
fn bury_ended() {
    let ended = SCHEDULER.with(|scheduler| {
        let place = scheduler.threads.iter().position(|thread| thread.state == State::Ended)?;
        Some(scheduler.threads.swap_remove(place))
    });
    drop(ended);
}

/// The tick: wakes who waited long enough, watches over calls, and gives the next thread its turn. Returns
/// a stack pointer if the running server must end instead.
pub fn tick(frame: &mut TrapFrame) -> Option<u64> {
    let now = clock::now_ns();
    SCHEDULER.with(|scheduler| {
        let due: Vec<Token> = scheduler
            .threads
            .iter()
            .filter(|thread| matches!(thread.state, State::Waiting(until) if until <= now))
            .map(|thread| thread.token)
            .collect();
        due.into_iter().for_each(|token| scheduler.wake(token, false));
    });
    if running() != IDLE
        && let Some(stack) = calls::watch(frame)
    {
        return Some(stack);
    }
    preempt(frame);
    None
}

/// Gives the next thread its turn in the middle of whatever was interrupted at `frame`.
pub fn preempt(frame: &mut TrapFrame) {
    if running_has_calls() {
        calls::leave_stub(frame);
    }
    yield_now();
}
