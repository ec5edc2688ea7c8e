//! Beginning and end of threads.
#![expect(unsafe_code, reason = "prepares stacks and frames")]

use alloc::{boxed::Box, format, string::String};

use warren_engine::layout::{Frame, Object};
use warren_kernel::{
    command_line,
    contexts::{Contexts, End, Places},
};

use super::{
    Token,
    area::{self, Area},
    record::{Thread, Work},
    switch,
    switching::{self, Threads, with, with_running},
};
use crate::{
    cpu::{self, clock},
    log::log,
    memory::{Exhausted, frames},
};

/// How long a waiter for a lock lends its time before it looks at the lock again.
const HELP_NS: u64 = 1_000_000;

/// Where a new thread belongs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Who decides when it runs.
    pub places: Places,
    /// Who pays.
    pub principal: usize,
}

impl Place {
    /// Under the root, on the system's account.
    pub const SYSTEM: Place = Place { places: Places::ROOT, principal: 0 };
}

/// Makes the code that boots the root thread.
pub fn install(line: &str) {
    let contexts = Contexts::new(clock::counts(), clock::counts_of(help_ns(line)));
    let root =
        |token| Thread::new(token, String::from("idle"), Place::SYSTEM.principal, None, None);
    switching::install(contexts, root);
}

/// For how long a waiter helps. `help=off` on the kernel's command line lets nobody help, for measurements of what help is for.
fn help_ns(line: &str) -> u64 {
    match command_line::value(line, "help") {
        None | Some("on") => return HELP_NS,
        Some("off") => (),
        Some(other) => {
            log!("help: `{other}` is neither `on` nor `off`");
            return HELP_NS;
        }
    }
    log!("help: whoever waits for a lock gives way, and lends its holder no time");
    0
}

/// Makes the root thread of another CPU, which runs when that CPU is there, if there is memory and a context for it. With interrupts off.
pub fn install_root(number: usize) -> Result<(), Exhausted> {
    let stack = area::root_stack(number)?;
    with(|threads| {
        if threads.contexts.add_cpu(clock::counts()) != Some(number) {
            return Err(Exhausted);
        }
        let token = threads.contexts.running(number);
        let name = format!("idle on CPU {number}");
        let mut root = Thread::new(token, name, Place::SYSTEM.principal, None, None);
        // SAFETY: nobody uses the stack.
        root.stack = unsafe { switch::prepare(stack, switching::idle) };
        threads.add(root);
        Ok(())
    })
}

/// Limits how many threads a principal and those below it may have; 0 for no limit.
pub fn limit_threads(principal: usize, parent: usize, limit: u32) {
    with(|threads| threads.ledger.open(principal, parent, limit.into()));
}

/// Sets a part of all threads that there may be aside for each principal, once their limits are known.
pub fn divide_threads(principals: usize) {
    with(|threads| threads.ledger.divide(area::THREADS as u64, principals));
}

/// Starts a thread that does `work`. `bottom` is what it counts as running until its first call.
pub fn start(
    name: &str,
    place: Place,
    bottom: *mut Object,
    work: impl FnOnce() -> End + Send + 'static,
) -> Result<Token, Exhausted> {
    start_boxed(name, place, bottom, Box::new(work))
}

/// One for all kinds of work.
fn start_boxed(
    name: &str,
    place: Place,
    bottom: *mut Object,
    work: Work,
) -> Result<Token, Exhausted> {
    let area = cpu::interrupts::off(|| frames::on_account(place.principal, Area::new))?;
    // SAFETY: the stack was mapped just now, for this thread alone.
    let stack = unsafe { switch::prepare(area.stack_top(), first_steps) };
    let add = |threads: &mut Threads| {
        let Place { places, principal } = place;
        if !threads.ledger.charge(principal, 1) {
            return Err(Exhausted);
        }
        let token = threads.contexts.add(places, principal).ok_or_else(|| {
            threads.ledger.release(principal, 1);
            Exhausted
        })?;
        let frames = area.frames();
        let stack_top = area.stack_top();
        let mut thread = Thread::new(token, name.into(), principal, Some(area), Some(work));
        thread.stack = stack;
        let bottom = Frame::bottom(bottom, stack_top, token);
        // SAFETY: the frames were mapped just now, for this thread alone.
        unsafe { frames.write(bottom) };
        threads.add(thread);
        switching::note_due(&mut threads.contexts);
        Ok(token)
    };
    cpu::interrupts::off(|| with(add))
}

/// What a thread does first and last.
extern "C" fn first_steps() -> ! {
    switching::bury();
    let work = with_running(|thread| thread.work.take());
    cpu::interrupts::enable();
    let how = work.map_or(End::Finished, |work| work());
    let was_killed = with_running(|thread| thread.deadlines.is_killed());
    switching::end(if was_killed { End::Killed } else { how })
}
