//! What CPUs ask of each other: a mailbox for each, and an interrupt that says that there is something in it.
//!
//! | request | who asks, for what | answer |
//! | --- | --- | --- |
//! | [`FLUSH`] | who unmaps pages, before their frames are used again | what the CPU knew of pages is forgotten |
//! | [`BARRIER`] | who frees what the fast path of calls may be looking at | none: who answers is not on the fast path |
//! | [`HOME`] | who wants a lock whose home the CPU is | the lock's home is the asker's, or it is written that the CPU's thread holds it |
//! | [`PARK`] | [`alone`] | the thread is switched out, until the request is taken back |
//!
//! Only the holder of the kernel's lock asks, so that there is one asker at a time, who waits until the request is taken out of the
//! mailbox, or the CPU is parked. Everybody who waits for the kernel's lock answers: in the interrupt, or, where interrupts are
//! off, by looking. Who is idle is not waited for: without the lock no thread begins to run there, and whatever was asked is done when it
//! takes the lock. A CPU that has something to do that is due is interrupted as well, but is not waited for.
#![expect(unsafe_code, reason = "a lock's word by its address")]

use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use warren_engine::{
    layout::LockWord,
    lock::{give_home, give_idle_home},
};

use super::{
    block, interrupts, kernel_lock,
    local::{self, Local, count},
    local_apic, page_tables, registers,
};
use crate::{system, threads, traps::frame::TrapFrame};

/// Forget what was known of pages.
const FLUSH: u32 = 1;
/// Say that the fast path of calls is left.
const BARRIER: u32 = 8;
/// Give a lock away, or say who holds it.
const HOME: u32 = 2;
/// Switch the thread out.
const PARK: u32 = 4;

/// Code that an interrupt has stopped.
pub struct Interruption<'a> {
    /// Its state.
    pub frame: &'a mut TrapFrame,
    /// Whether the interrupt controller is still to be told that the interrupt is done with.
    pub owes_end: bool,
}

impl Interruption<'_> {
    /// Tells it, once.
    pub fn end(&mut self) {
        if core::mem::take(&mut self.owes_end) {
            local_apic::end_interrupt();
        }
    }

    /// Makes it safe that the thread goes on elsewhere, or that others take its locks.
    fn leave_stub(&mut self) {
        if !self.frame.is_users() {
            // Whoever asks has the kernel's lock and waits, so that what this looks at does not change.
            self.frame.rip = system::restart(self.frame.rip);
        }
    }
}

/// What this CPU was doing when it looks into its mailbox, if it was not kernel code that waits.
pub type Interrupted<'a, 'b> = Option<&'a mut Interruption<'b>>;

/// A CPU's mailbox.
pub struct Mailbox {
    requests: AtomicU32,
    is_parked: AtomicBool,
    is_idle: AtomicBool,
}

impl Mailbox {
    /// An empty one.
    pub const fn new() -> Self {
        Mailbox {
            requests: AtomicU32::new(0),
            is_parked: AtomicBool::new(false),
            is_idle: AtomicBool::new(false),
        }
    }
}

/// The lock of the newest [`HOME`].
static WANTED: AtomicPtr<LockWord> = AtomicPtr::new(core::ptr::null_mut());
/// Whether all CPUs but that with the kernel's lock are parked.
static ALONE: AtomicBool = AtomicBool::new(false);

/// All other CPUs.
fn others() -> impl Iterator<Item = &'static Local> {
    let own = super::number();
    (0..count()).filter(move |number| *number != own).filter_map(local::by_number)
}

/// Those of them on which threads run. The rest cannot begin to without the kernel's lock, which the asker has.
fn busy() -> impl Iterator<Item = &'static Local> {
    others().filter(|local| !local.mailbox.is_idle.load(Acquire))
}

/// This CPU has nothing to do, and gives the kernel's lock back: until it takes the lock again nobody waits for its answers.
pub fn begin_idle() {
    block::local().mailbox.is_idle.store(true, Release);
}

/// This CPU has just taken the kernel's lock: if it was idle, it does what it was asked for meanwhile.
pub fn end_idle() {
    let mailbox = &block::local().mailbox;
    if mailbox.is_idle.load(Relaxed) {
        mailbox.is_idle.store(false, Release);
        answer_at_once(mailbox.requests.load(Acquire));
    }
}

/// Puts a request into the mailboxes of `them`, and interrupts them.
fn ask(them: impl Iterator<Item = &'static Local>, request: u32) {
    for local in them {
        local.mailbox.requests.fetch_or(request, AcqRel);
        local_apic::send_request(local.apic.load(Relaxed));
    }
}

/// Waits until all of `them` have done what they were asked for.
fn wait_for(them: impl Iterator<Item = &'static Local>, is_done: impl Fn(&Mailbox) -> bool) {
    for local in them {
        while !is_done(&local.mailbox) {
            core::hint::spin_loop();
        }
    }
}

fn ask_and_wait(request: u32) {
    if count() > 1 {
        interrupts::off(|| {
            // Those who are idle find it when they are not any more.
            others().for_each(|local| {
                local.mailbox.requests.fetch_or(request, AcqRel);
            });
            ask(busy(), request);
            wait_for(busy(), |mailbox| mailbox.requests.load(Acquire) & request == 0);
        });
    }
}

/// Makes all other CPUs forget what they know of pages.
pub fn flush_others() {
    ask_and_wait(FLUSH);
}

/// Waits until every other CPU has left the fast path of calls that it was on.
pub fn barrier() {
    ask_and_wait(BARRIER);
}

/// Asks the CPU `home` for a lock whose home it is.
pub fn ask_for_home(lock: *const LockWord, home: u64) {
    interrupts::off(|| {
        let own = super::number();
        let asked = local::by_number(home as usize).filter(|local| local.number != own);
        let Some(local) = asked else { return };
        if local.mailbox.is_idle.load(Acquire) {
            // SAFETY: the lock is that of an instance that one of the thread's frames names.
            give_idle_home(unsafe { &*lock }, home, own as u64);
        } else {
            WANTED.store(lock.cast_mut(), Relaxed);
            ask(Some(local).into_iter(), HOME);
            wait_for(Some(local).into_iter(), |mailbox| mailbox.requests.load(Acquire) & HOME == 0);
        }
    });
}

/// Does `work` while no other CPU runs any thread. Nests. It must not be left by a switch of threads.
pub fn alone<R>(work: impl FnOnce() -> R) -> R {
    interrupts::off(|| {
        let parked = park_others();
        let result = work();
        if parked {
            release_others();
        }
        result
    })
}

/// Lets no other CPU run any thread. `false` if that was so before.
fn park_others() -> bool {
    if count() == 1 || ALONE.load(Relaxed) {
        return false;
    }
    ALONE.store(true, Relaxed);
    ask(busy(), PARK);
    wait_for(busy(), |mailbox| mailbox.is_parked.load(Acquire));
    true
}

/// Undoes [`park_others`], if it did something.
fn release_others() {
    ALONE.store(false, Relaxed);
    others().for_each(|local| {
        local.mailbox.requests.fetch_and(!PARK, AcqRel);
    });
    // So that none of them is believed to be parked still by who asks next.
    wait_for(others(), |mailbox| !mailbox.is_parked.load(Acquire));
}

/// Interrupts a CPU on which something has become due.
pub fn tell(number: usize) {
    if let Some(local) = local::by_number(number) {
        local.due.store(true, Release);
        if number != super::number() {
            local_apic::send_request(local.apic.load(Relaxed));
        }
    }
}

/// Answers what is in this CPU's mailbox. With interrupts off and without the kernel's lock. `true` if the thread was parked: then
/// this CPU has the lock.
pub fn answer(interrupted: &mut Interrupted<'_, '_>) -> bool {
    let requests = block::local().mailbox.requests.load(Acquire);
    if requests == 0 {
        return false;
    }
    if let Some(interruption) = interrupted
        && requests & (HOME | PARK) != 0
    {
        interruption.leave_stub();
    }
    answer_at_once(requests);
    if requests & PARK == 0 {
        return false;
    }
    if let Some(interruption) = interrupted {
        // The thread may go on on another CPU.
        interruption.end();
    }
    threads::park();
    true
}

/// Answers what needs no switch of threads.
fn answer_at_once(requests: u32) {
    let local = block::local();
    if requests & FLUSH != 0 {
        page_tables::give_back();
        registers::forget_all_pages();
    }
    if requests & HOME != 0 {
        // The CPU that has the kernel's lock is the one that asks.
        let asker = kernel_lock::holder() as u64;
        // SAFETY: the asker names the lock of an instance that one of its frames names, and waits.
        let lock = unsafe { &*WANTED.load(Relaxed) };
        // SAFETY: interrupts are off, and the block is that of the thread that runs here, if one does.
        give_home(unsafe { &mut *block::engine() }, lock, asker);
    }
    let done = requests & (FLUSH | BARRIER | HOME);
    if done != 0 {
        local.mailbox.requests.fetch_and(!done, Release);
    }
}

/// Takes the kernel's lock where no thread runs: is parked as often and as long as that is asked for. With interrupts off.
pub fn take_lock_as_nobody() {
    let mailbox = &block::local().mailbox;
    loop {
        let requests = mailbox.requests.load(Acquire);
        answer_at_once(requests);
        let is_parked = requests & PARK != 0;
        mailbox.is_parked.store(is_parked, Release);
        if !is_parked && kernel_lock::try_take() {
            return;
        }
        core::hint::spin_loop();
    }
}
