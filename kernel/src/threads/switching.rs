//! From the books ([`Contexts`]) to the machine: after each change the CPU goes on with whoever runs.
#![expect(unsafe_code, reason = "switches stacks and blocks")]

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::Ordering::Relaxed;

use warren_abi::call::SystemError;
use warren_engine::{
    deadline::{self, Deadlines},
    layout::Frame,
    ledger::Ledger,
    lock,
};
use warren_kernel::contexts::{CONTEXTS, Contexts, End, Refusal, Terms, Token};

use super::{alarm, early, record::Thread, switch};
use crate::{
    calls::{self, KERNEL_STACK_RESERVE},
    cpu::{self, block, clock, local, page_tables},
    guarded::Guarded,
    memory::user_stacks::UserStacks,
    system::Kernel,
    traps::frame::TrapFrame,
};

/// All threads, and the books.
///
/// T1: threads are boxed and stay where they are until they are buried; the block of the thread on whose stack a CPU runs
/// names its record.
pub struct Threads {
    pub contexts: Contexts,
    /// By the slots of their contexts.
    by_slot: Vec<Option<Box<Thread>>>,
    /// How many there are.
    count: usize,
    /// How many threads each principal has.
    pub ledger: Ledger,
    /// A thread that has ended, until nobody runs on its stack.
    ended: Option<Box<Thread>>,
}

// SAFETY: as for `Thread`.
unsafe impl Send for Threads {}

static THREADS: Guarded<Option<Threads>> = Guarded::new(None);

impl Threads {
    /// The thread with this token.
    pub fn find(&mut self, token: Token) -> Option<&mut Thread> {
        let place = self.by_slot.get_mut(Contexts::slot(token))?;
        place.as_deref_mut().filter(|thread| thread.token == token)
    }

    /// The running thread.
    pub fn running(&mut self) -> &mut Thread {
        // SAFETY: T1; the threads are borrowed, so nobody else reaches them.
        unsafe { &mut *block::current().thread.get().cast() }
    }

    /// Takes a thread in whose context exists.
    pub fn add(&mut self, thread: Thread) {
        let slot = Contexts::slot(thread.token);
        let mut thread = Box::new(thread);
        let address = &raw mut *thread;
        thread.block.thread.set(address.cast());
        show_stacks(&thread);
        self.by_slot[slot] = Some(thread);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The one whose context has this slot.
    pub fn in_slot(&self, slot: usize) -> Option<&Thread> {
        self.by_slot.get(slot)?.as_deref()
    }

    /// All of them, with the slots of their contexts. Contexts take the lowest slot that is free, so that the rest is not looked at.
    pub fn all(&mut self) -> impl Iterator<Item = (usize, &mut Thread)> {
        let slots = self.by_slot.iter_mut().enumerate();
        let threads = slots.filter_map(|(slot, thread)| Some((slot, &mut **thread.as_mut()?)));
        threads.take(self.count)
    }
}

/// Uses the threads.
pub fn with<R>(work: impl FnOnce(&mut Threads) -> R) -> R {
    THREADS.with(|threads| match threads {
        Some(threads) => work(threads),
        None => not_installed(),
    })
}

/// Not inlined: there would be half a hundred copies.
#[cold]
#[inline(never)]
fn not_installed() -> ! {
    panic!("threads are used before they are installed")
}

/// Makes the code that boots the first thread, for the books' root.
pub fn install(contexts: Contexts, root: impl FnOnce(Token) -> Thread) {
    let root = root(contexts.running(cpu::number()));
    let mut by_slot = Vec::new();
    by_slot.resize_with(CONTEXTS, || None);
    let ledger = Ledger::new();
    let mut threads = Threads { contexts, by_slot, count: 0, ledger, ended: None };
    let token = root.token;
    threads.add(root);
    let root = threads.find(token).expect("it was added just now");
    // SAFETY: threads stay where they are (T1), and the root stays for good.
    unsafe { block::enter(&root.block, &local::BOOT, false) };
    THREADS.with(|stored| *stored = Some(threads));
}

/// Uses the running thread's record.
pub fn with_running<R>(work: impl FnOnce(&mut Thread) -> R) -> R {
    with(|threads| work(threads.running()))
}

/// The running thread's token.
pub fn running() -> Token {
    with_running(|thread| thread.token)
}

/// Whether the running thread can make calls: the root cannot.
pub fn running_has_calls() -> bool {
    with_running(|thread| thread.area.is_some())
}

/// Changes the books at the present time and on this CPU, and goes on with whoever runs then. With interrupts off.
fn change<R>(work: impl FnOnce(&mut Contexts, usize, u64) -> R) -> R {
    let result = with(|threads| work(&mut threads.contexts, cpu::number(), clock::counts()));
    go_on();
    result
}

/// Goes on with whoever runs by the books; comes back when the caller does. With interrupts off.
fn go_on() {
    let (next, event) = with(|threads| {
        tell_others(&mut threads.contexts);
        let (contexts, cpu) = (&threads.contexts, cpu::number());
        block::local().due.store(contexts.is_due(cpu), Relaxed);
        let look = if contexts.is_idle(cpu) { u64::MAX } else { alarm::next_look() };
        let (next, event) = (contexts.running(cpu), contexts.next_event(cpu).min(look));
        (next, event.min(threads.find(next).map_or(u64::MAX, next_deadline)))
    });
    alarm::set(event);
    switch_to(next);
}

/// The clock's count at which a thread's next deadline passes. One that has passed is shown to the fast path.
fn next_deadline(thread: &mut Thread) -> u64 {
    match thread.deadlines.earliest_ns() {
        u64::MAX => u64::MAX,
        earliest if earliest > clock::now_ns() => clock::counts_of(earliest),
        _ => {
            show_stacks(thread);
            u64::MAX
        }
    }
}

/// Waits until [`wake`], or until the clock shows `until_ns`. With interrupts off: whoever calls it has looked just before
/// whether there is anything to wait for, and looks again. Fails if the thread is not to wait any more.
pub fn block(until_ns: u64) -> Result<(), SystemError> {
    deadline::check::<Kernel>()?;
    let until =
        clock::counts_of(until_ns.min(with_running(|thread| thread.deadlines.earliest_ns())));
    change(|contexts, cpu, now| contexts.block(cpu, now, until));
    deadline::check::<Kernel>()
}

/// Waits until `look` finds what the running thread waits for; `look` notes the thread wherever it will be woken from.
pub fn wait_until<R>(mut look: impl FnMut(Token) -> Option<R>) -> Result<R, SystemError> {
    wait_until_or(|thread| look(thread).ok_or(u64::MAX))
}

/// The same; what `look` answers if there is nothing yet is what the clock shows, in nanoseconds, when the thread looks again.
pub fn wait_until_or<R>(mut look: impl FnMut(Token) -> Result<R, u64>) -> Result<R, SystemError> {
    cpu::interrupts::off(|| {
        loop {
            match look(running()) {
                Ok(found) => return Ok(found),
                Err(until_ns) => block(until_ns)?,
            }
        }
    })
}

/// Ends a thread: every call that it makes from now on fails, and so does what it waits for. `false` if there is none, or if it is
/// a scheduler's, which goes when its principals do.
pub fn kill(token: Token) -> bool {
    let found = with(|threads| {
        threads.contexts.charge_all(clock::counts());
        let used = threads.contexts.used_by(token);
        let is_scheduler = threads.contexts.is_host(token);
        let found = threads.find(token).filter(|thread| thread.area.is_some() && !is_scheduler);
        let Some(thread) = found else {
            return false;
        };
        if !thread.deadlines.is_killed() {
            thread.deadlines.kill();
            thread.killed_at = used;
            show_stacks(thread);
        }
        true
    });
    wake(token);
    found
}

/// Ends what a thread calls and waits for above a frame whose callee died. With interrupts off, while the thread does not run or is the one
/// that does.
pub fn end_calls_above(token: Token, frame: *mut Frame) {
    with(|threads| {
        if let Some(thread) = threads.find(token)
            && let Some(record) = thread.record()
        {
            thread.deadlines.end_above(frame, record.frame.wrapping_sub(1));
            show_stacks(thread);
        }
    });
    wake(token);
}

/// Ends all threads of a principal as [`kill`] does; how many there still are. With interrupts off.
pub fn kill_all_of(principal: usize) -> usize {
    let all: Vec<Token> = with(|threads| {
        let own = threads.all().filter(|(_, thread)| thread.principal == principal);
        own.map(|(_, thread)| thread.token).collect()
    });
    all.into_iter().for_each(|token| _ = kill(token));
    with(|threads| threads.contexts.count_of(principal))
}

/// Works on the deadlines of the running thread.
pub fn with_deadlines<R>(work: impl FnOnce(&mut Deadlines) -> R) -> R {
    with_running(|thread| {
        let were_none = thread.deadlines.are_none();
        let result = work(&mut thread.deadlines);
        if !(were_none && thread.deadlines.are_none()) {
            show_stacks(thread);
        }
        result
    })
}

/// Makes a waiting thread ready, as what a device brings does, or its end. Whether it runs before that goes on is its scheduler's matter.
pub fn wake(token: Token) {
    with(|threads| {
        threads.contexts.wake(token);
        note_due(&mut threads.contexts);
    });
}

/// The same, as the doing of the thread that runs.
pub fn wake_by_running(token: Token) {
    with(|threads| {
        let cpu = cpu::number();
        threads.contexts.wake_by(Some(cpu), token);
        note_due(&mut threads.contexts);
        // A loan may end sooner because of that.
        alarm::set(threads.contexts.next_event(cpu));
    });
}

/// Somebody has become ready: notes what is due because of that, here and on other CPUs.
pub fn note_due(contexts: &mut Contexts) {
    block::local().due.store(contexts.is_due(cpu::number()), Relaxed);
    tell_others(contexts);
}

/// Interrupts the other CPUs on which something has become due.
fn tell_others(contexts: &mut Contexts) {
    let mut told = if cpu::count() > 1 { contexts.to_tell(cpu::number()) } else { 0 };
    while told != 0 {
        cpu::requests::tell(told.trailing_zeros() as usize);
        told &= told - 1;
    }
}

/// Whether somebody else is to run as soon as interrupts are on again.
pub fn is_due() -> bool {
    block::local().due.load(Relaxed)
}

/// Lets others run, if the running thread's scheduler likes.
pub fn yield_now() {
    cpu::interrupts::off(|| change(Contexts::give_way));
}

/// Looks at a lock whose holder runs on another CPU, before whoever waits for it looks again.
const PATIENCE: u32 = 100;

/// Lends the running thread's time to `holder`, for whose lock it waits. One that runs on another CPU needs none: it is waited for a moment,
/// which takes no part in what CPUs share.
pub fn give_time_to(holder: Token) {
    if cpu::local::runs(holder) {
        for _ in 0..PATIENCE {
            core::hint::spin_loop();
        }
        return;
    }
    cpu::interrupts::off(|| change(|contexts, cpu, now| contexts.help(cpu, now, holder)));
}

/// Whoever lends the running thread time for the sake of a lock goes on.
pub fn let_go() {
    cpu::interrupts::off(|| change(Contexts::let_go));
}

/// Lets `guest` run on the time of the running thread, the host of a processor. See [`Contexts::dispatch`].
pub fn dispatch(processor: usize, guest: Option<Token>, terms: Terms) -> Result<(), Refusal> {
    change(|contexts, cpu, now| contexts.dispatch(cpu, now, processor, guest, terms))
}

/// Does what has become due: the end of loans and of sleep. With interrupts off.
pub extern "C" fn pass() {
    change(Contexts::pass);
}

/// The same in the middle of whatever was interrupted at `frame`.
pub fn preempt(frame: &mut TrapFrame) {
    leave_stub(frame);
    pass();
}

/// The same at an interrupt of the timer. If interrupts are to come early ([`early`]), whoever runs gives way besides.
pub fn tick(frame: &mut TrapFrame) {
    leave_stub(frame);
    change(|contexts, cpu, now| {
        contexts.pass(cpu, now);
        if early::is_on() {
            contexts.give_way(cpu, now);
        }
    });
}

/// Makes it safe to switch threads at `frame`.
fn leave_stub(frame: &mut TrapFrame) {
    if running_has_calls() {
        calls::leave_stub(frame);
    }
}

/// Changes who is scheduled where, and by whom, and goes on with whoever runs then.
pub fn change_books(work: impl FnOnce(&mut Contexts)) {
    cpu::interrupts::off(|| change(|contexts, _, _| work(contexts)));
}

/// Ends the running thread, whose work is done.
pub fn end(how: End) -> ! {
    cpu::interrupts::disable();
    let stacks = with_running(|thread| core::mem::take(&mut thread.user_stacks));
    stacks.free();
    with(|threads| {
        let slot = Contexts::slot(threads.running().token);
        threads.ended = threads.by_slot[slot].take();
        threads.count -= 1;
        let principal = threads.running().principal;
        threads.ledger.release(principal, 1);
    });
    change(|contexts, cpu, now| contexts.end(cpu, now, how));
    unreachable!("an ended thread is never switched to")
}

/// What a root does: halts while nobody can run.
pub extern "C" fn idle() -> ! {
    loop {
        cpu::interrupts::disable();
        pass();
        if cpu::count() > 1 {
            page_tables::give_back();
        }
        cpu::interrupts::wait();
    }
}

/// Runs `next` until somebody switches back. With interrupts off.
fn switch_to(next: Token) {
    let switch = with(|threads| {
        if threads.running().token == next {
            return None;
        }
        let old = threads.running();
        old.page_tables = page_tables::own();
        let save = &raw mut old.stack;
        block::leave();
        let is_helped = threads.contexts.is_helped(cpu::number());
        let new = threads.find(next).expect("contexts that run have threads");
        // SAFETY: interrupts are off, and the thread stays where it is (T1).
        unsafe { block::enter(&new.block, block::local(), is_helped || is_over(new)) };
        page_tables::set_own(new.page_tables);
        Some((save, new.stack))
    });
    if let Some((save, load)) = switch {
        // SAFETY: threads are boxed, so `save` stays where it is; `load` was saved by a switch or prepared,
        // and the thread's state in the CPU's block is loaded.
        unsafe { switch::switch(save, load) };
        bury();
    }
}

/// Switches the running thread out, whatever it does, until the CPU that has the kernel's lock lets others run again. With interrupts
/// off and without the lock; where the thread goes on the CPU has it.
pub fn park() {
    let local = block::local();
    // SAFETY: T1; whoever has the kernel's lock does not look at the thread before it is switched out.
    let thread = unsafe { &mut *block::current().thread.get().cast::<Thread>() };
    thread.page_tables = page_tables::own();
    let save = &raw mut thread.stack;
    block::leave();
    // SAFETY: interrupts are off, and the block is this CPU's.
    unsafe { block::enter(&local.nobody, local, false) };
    page_tables::give_back();
    // SAFETY: the stack is in use only where no thread runs, and is begun anew each time.
    let load = unsafe { switch::prepare(local.descriptors.stack_of_nobody(), go_on_as_nobody) };
    // SAFETY: `load` was prepared just now, and the block goes with it.
    unsafe { switch::switch(save, load) };
    bury();
}

/// Goes on, where no thread runs, with whoever runs by the books, as soon as that is allowed. With interrupts off.
pub extern "C" fn go_on_as_nobody() -> ! {
    cpu::requests::take_lock_as_nobody();
    let load = with(|threads| {
        let next = threads.contexts.running(cpu::number());
        let is_helped = threads.contexts.is_helped(cpu::number());
        let next = threads.find(next).expect("contexts that run have threads");
        // SAFETY: interrupts are off, and the thread stays where it is (T1).
        unsafe { block::enter(&next.block, block::local(), is_helped || is_over(next)) };
        page_tables::set_own(next.page_tables);
        next.stack
    });
    let mut nowhere = 0;
    // SAFETY: the stack was saved when the thread was parked, or prepared; nobody comes back to this one.
    unsafe { switch::switch(&raw mut nowhere, load) };
    unreachable!("where no thread runs nobody goes on")
}

/// Frees the thread that has ended. Runs on another thread's stack.
pub fn bury() {
    let ended = with(|threads| threads.ended.take());
    drop(ended);
}

/// Whether a deadline of a thread has passed.
fn is_over(thread: &Thread) -> bool {
    let earliest = thread.deadlines.earliest_ns();
    earliest != u64::MAX && earliest <= clock::now_ns()
}

/// Shows the fast path of calls a thread's stacks. In an atomic call, and after a deadline, it sees none, and leaves
/// every call to the long way, which refuses those that are not to be made. Stubs learn of a deadline by the mark.
fn show_stacks(thread: &Thread) {
    let own = &thread.block;
    let is_over = is_over(thread);
    if is_over {
        // SAFETY: whoever has the kernel's lock may write it, wherever the thread runs.
        lock::mark(unsafe { &mut *own.engine() });
    }
    let refuses = thread.in_atomic_call || is_over;
    let area = thread.area.as_ref().filter(|_| !refuses);
    let stacks = if refuses { &UserStacks::NONE } else { &thread.user_stacks };
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
