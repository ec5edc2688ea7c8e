//! Threads, and which of them runs: round robin with a tick of 10 ms.
//!
//! # How a thread stops
//!
//! By a call of [`switch_to`] in kernel code, with interrupts off: because it waits ([`block`]), gives
//! way ([`yield_now`]), or was interrupted by the tick. Its registers are then on its kernel stack, and what
//! the CPU block held is in its [`Thread`].
//!
//! # Never
//!
//! Stops while it uses a guarded value.
#![expect(unsafe_code, reason = "switches stacks, and swaps what the CPU's block holds")]

pub mod area;
pub mod interrupts;
mod switch;

use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};
use core::{fmt::Write, ptr::null_mut};

use area::Area;
use warren_engine::{
    layout::{Frame, LockWord, Object, Temporary},
    thread::ThreadRecord,
};

use crate::{
    calls,
    cpu::{self, block, clock, registers},
    guarded::Guarded,
    memory::{Exhausted, kernel_map, user_stacks::UserStacks},
    traps::frame::TrapFrame,
};

/// Ticks in a second.
pub const TICKS_PER_SECOND: u64 = 100;

/// A thread as a lock holder: above every CPU number, and never used again.
pub type Token = u64;
const FIRST_TOKEN: Token = 0x1000;
/// The thread that runs when no other can. It runs on the boot stack.
const IDLE: Token = FIRST_TOKEN;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Runs, or would if it were its turn.
    Ready,
    /// Waits to be woken, at the latest at this time.
    Waiting(u64),
    /// Its last switch is behind it.
    Ended,
}

/// What of the CPU's block belongs to the thread.
#[derive(Clone, Copy, Debug)]
struct Registers {
    frame: *mut Frame,
    temporary: *mut Temporary,
    lock: *const LockWord,
    kernel_stack: u64,
    page_tables: u64,
}

/// One thread.
pub struct Thread {
    token: Token,
    name: String,
    state: State,
    /// Whether the last wait was ended by [`wake`].
    woken: bool,
    stack: u64,
    registers: Registers,
    /// `None` for the idle thread.
    area: Option<Area>,
    /// A lock of its own; the box keeps it in place.
    idle_lock: Box<LockWord>,
    work: Option<Box<dyn FnOnce() + Send>>,
    /// Its stacks in the domains that it has visited.
    pub user_stacks: UserStacks,
    /// Ticks that the newest call has computed without calling or returning.
    pub silent_ticks: u32,
    /// The first free frame at the last tick.
    pub silent_frame: u64,
}

// SAFETY: a thread's pointers lead to memory of the engine and of its own area, which every context of
// the kernel may use inside a critical section.
unsafe impl Send for Thread {}

/// All threads.
struct Scheduler {
    #[expect(clippy::vec_box, reason = "a switch stores to a thread that must stay where it is")]
    threads: Vec<Box<Thread>>,
    /// Those that are ready but do not run; never the idle thread.
    queue: VecDeque<Token>,
    running: Token,
    /// The running thread's record. T1: it lies in `threads`, whose boxes do not move.
    current: *mut Thread,
    next_token: Token,
}

// SAFETY: as for `Thread`.
unsafe impl Send for Scheduler {}

static SCHEDULER: Guarded<Scheduler> = Guarded::new(Scheduler {
    threads: Vec::new(),
    queue: VecDeque::new(),
    running: IDLE,
    current: null_mut(),
    next_token: FIRST_TOKEN,
});

impl Scheduler {
    fn find(&mut self, token: Token) -> Option<&mut Thread> {
        self.threads.iter_mut().find(|thread| thread.token == token).map(|thread| &mut **thread)
    }

    fn running(&mut self) -> &mut Thread {
        // SAFETY: T1; the scheduler is borrowed, so nobody else reaches its threads.
        unsafe { &mut *self.current }
    }

    /// Makes a waiting thread ready; `first` lets it run before all others.
    fn wake(&mut self, token: Token, first: bool) {
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

    fn add(&mut self, mut thread: Thread) -> Token {
        let token = self.next_token;
        self.next_token += 1;
        thread.token = token;
        self.threads.push(Box::new(thread));
        token
    }
}

/// Makes the code that boots the idle thread.
pub fn install() {
    let root = kernel_map::root().address();
    let registers = Registers {
        frame: null_mut(),
        temporary: null_mut(),
        lock: core::ptr::null(),
        kernel_stack: 0,
        page_tables: root,
    };
    let idle = Thread::new(String::from("idle"), registers, None, None);
    let lock = &raw const *idle.idle_lock;
    SCHEDULER.with(|scheduler| {
        scheduler.add(idle);
        scheduler.current = &raw mut *scheduler.threads[0];
    });
    // SAFETY: the block is this CPU's, and no thread runs yet.
    let cpu = unsafe { &mut *block::engine() };
    cpu.thread = IDLE;
    cpu.idle_lock = lock;
    cpu.lock = lock;
    cpu.free = 0;
    block::current().page_tables.set(root);
}

impl Thread {
    fn new(
        name: String,
        registers: Registers,
        area: Option<Area>,
        work: Option<Box<dyn FnOnce() + Send>>,
    ) -> Self {
        Thread {
            token: 0,
            name,
            state: State::Ready,
            woken: false,
            stack: 0,
            registers,
            area,
            idle_lock: Box::new(LockWord::new(0)),
            work,
            user_stacks: UserStacks::default(),
            silent_ticks: 0,
            silent_frame: 0,
        }
    }

    /// The thread as the engine sees it; `None` for the idle thread.
    fn record(&self) -> Option<ThreadRecord> {
        let area = self.area.as_ref()?;
        Some(ThreadRecord {
            token: self.token,
            frames: area.frames(),
            frame: self.registers.frame,
            temporaries: area.temporaries(),
            temporary: self.registers.temporary,
            lock: self.registers.lock,
            idle_lock: &raw const *self.idle_lock,
        })
    }

    /// Number of its slot among the stacks of a domain.
    pub fn slot(&self) -> usize {
        self.area.as_ref().map_or(0, Area::number)
    }
}

/// Starts a thread that does `work`. `bottom` is what it counts as running until its first call.
pub fn start(
    name: &str,
    bottom: *mut Object,
    work: impl FnOnce() + Send + 'static,
) -> Result<Token, Exhausted> {
    let area = Area::new()?;
    let frames = area.frames();
    let registers = Registers {
        frame: frames.wrapping_add(1),
        temporary: area.temporaries(),
        lock: core::ptr::null(),
        kernel_stack: area.stack_top(),
        page_tables: kernel_map::root().address(),
    };
    let top = area.stack_top();
    let temporaries = area.temporaries();
    let mut thread = Thread::new(name.into(), registers, Some(area), Some(Box::new(work)));
    thread.registers.lock = &raw const *thread.idle_lock;
    let bottom = Frame {
        return_address: 0,
        stack: top,
        saved: [0; 6],
        resume: 0,
        temporary: temporaries,
        lock: thread.registers.lock,
        object: bottom,
        platform: [0; 3],
        canary: 0,
    };
    // SAFETY: the frames were mapped just now, for this thread alone.
    unsafe { frames.write(bottom) };
    // SAFETY: so was the stack.
    thread.stack = unsafe { switch::prepare(top, first_steps) };
    Ok(SCHEDULER.with(|scheduler| {
        let token = scheduler.add(thread);
        let thread = scheduler.find(token).expect("it was added just now");
        thread.idle_lock.store(token, core::sync::atomic::Ordering::Relaxed);
        scheduler.queue.push_back(token);
        token
    }))
}

/// What a thread does first and last.
extern "C" fn first_steps() -> ! {
    let work = SCHEDULER.with(|scheduler| scheduler.running().work.take());
    cpu::interrupts::enable();
    if let Some(work) = work {
        work();
    }
    cpu::interrupts::disable();
    let stacks = SCHEDULER.with(|scheduler| {
        let thread = scheduler.running();
        thread.state = State::Ended;
        core::mem::take(&mut thread.user_stacks)
    });
    stacks.free();
    pass_on();
    unreachable!("an ended thread is never switched to")
}

/// The running thread's token.
pub fn running() -> Token {
    SCHEDULER.with(|scheduler| scheduler.running)
}

/// Name of a thread; empty if it has ended.
pub fn name_of(token: Token) -> String {
    SCHEDULER
        .with(|scheduler| scheduler.find(token).map(|thread| thread.name.clone()))
        .unwrap_or_default()
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
fn pass_on() {
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
fn swap_out() -> Registers {
    let own = block::current();
    // SAFETY: interrupts are off, and the block is this CPU's.
    let cpu = unsafe { &*block::engine() };
    Registers {
        frame: cpu.frame,
        temporary: cpu.temporary,
        lock: cpu.lock,
        kernel_stack: own.kernel_stack.get(),
        page_tables: own.page_tables.get(),
    }
}

/// Puts a thread's part into the CPU's block, and switches to its domain.
fn swap_in(thread: &Thread) {
    let own = block::current();
    let registers = thread.registers;
    own.kernel_stack.set(registers.kernel_stack);
    set_page_tables(registers.page_tables);
    let end = thread.area.as_ref().map_or(null_mut(), Area::temporaries_end);
    own.user_stacks.set(&raw const thread.user_stacks as u64);
    // SAFETY: interrupts are off, and the block is this CPU's.
    let cpu = unsafe { &mut *block::engine() };
    cpu.frame = registers.frame;
    cpu.temporary = registers.temporary;
    cpu.temporary_end = end;
    cpu.lock = registers.lock;
    cpu.thread = thread.token;
    cpu.idle_lock = &raw const *thread.idle_lock;
}

/// Enters a domain's page tables, unless they are in use.
pub fn set_page_tables(root: u64) {
    if block::current().page_tables.replace(root) != root {
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

/// What the idle thread does.
pub fn idle() -> ! {
    loop {
        cpu::interrupts::disable();
        if SCHEDULER.with(|scheduler| scheduler.queue.is_empty()) {
            cpu::interrupts::wait();
        }
        yield_now();
    }
}

/// Shows each thread to the engine, which may change where its calls go on. The scheduler is not in use
/// meanwhile: the engine may call [`divert`].
pub fn visit(visit: &mut dyn FnMut(&mut ThreadRecord)) {
    let mut records = SCHEDULER.with(|scheduler| {
        scheduler.running().registers = swap_out();
        let threads = scheduler.threads.iter();
        threads.filter_map(|thread| thread.record()).collect::<Vec<_>>()
    });
    for record in &mut records {
        visit(record);
        SCHEDULER.with(|scheduler| {
            let running = scheduler.running;
            if let Some(thread) = scheduler.find(record.token) {
                thread.registers.lock = record.lock;
            }
            if record.token == running {
                // SAFETY: interrupts are off, and the block is this CPU's.
                unsafe { (*block::engine()).lock = record.lock };
            }
        });
    }
}

/// Makes a thread that does not run go on in `function`, on the stack below `top`.
///
/// # Safety
///
/// What the thread has below `top` on its kernel stack is not needed any more.
pub unsafe fn divert(token: Token, top: u64, function: extern "C" fn() -> !) {
    // SAFETY: the caller's promise.
    let stack = unsafe { switch::prepare(top, function) };
    SCHEDULER.with(|scheduler| {
        if let Some(thread) = scheduler.find(token) {
            thread.stack = stack;
        }
        scheduler.wake(token, false);
    });
}

/// The first free frame of a thread that does not run.
pub fn frame_of(token: Token) -> Option<*mut Frame> {
    SCHEDULER.with(|scheduler| scheduler.find(token).map(|thread| thread.registers.frame))
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

/// Forgets the stacks of all threads in a domain that is gone.
pub fn forget_domain(domain: usize) {
    SCHEDULER.with(|scheduler| {
        scheduler.threads.iter_mut().for_each(|thread| thread.user_stacks.forget(domain));
    });
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
        let Frame { object, return_address: address, .. } = unsafe { &*frame };
        if *address == 0 {
            return;
        }
        // SAFETY: frames name objects, which are valid for good.
        let instance = unsafe { (**object).instance };
        // SAFETY: so are instances.
        let instance = unsafe { &*instance };
        let _ = writeln!(out, "call: {} at {:#x}, from {address:#x}", instance.name, instance.base);
    }
}

/// Whether the running thread can make calls: the idle thread cannot.
pub fn running_has_calls() -> bool {
    running() != IDLE
}
