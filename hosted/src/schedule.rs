//! Who runs next: round robin among the threads that can run, and waiting when there are none.
//!
//! Everything here runs with exactly one critical section open. A context that is switched to closes
//! the section in which it was switched away from.
#![expect(unsafe_code, reason = "contexts are switched")]

use std::{collections::BTreeSet, io, ops::Range};

use warren_abi::call::SystemError;
use warren_engine::{
    deadline, death, layout::Frame, lock, platform::Platform, reference::newest_frame,
};

use crate::{
    Hosted, context, critical, domain, fault, machine,
    machine::Machine,
    signal,
    thread::{State, Thread, Token},
    time,
};

/// The number of the one CPU that there is.
const CPU: u64 = 0;

/// Makes a thread that can run.
pub(crate) fn add_thread(
    name: &str,
    principal: usize,
    main: Box<dyn FnOnce()>,
) -> io::Result<Token> {
    machine::with(|machine| {
        let token = Token(machine.next_thread);
        machine.next_thread += 1;
        let number = (token, machine.free_slot());
        machine.charge_thread(principal)?;
        let thread = Thread::new(number, name, principal, machine.bottom, main);
        let mut thread = thread.inspect_err(|_| machine.release_thread(principal))?;
        // SAFETY: the stack is fresh.
        thread.stack_pointer = unsafe { context::prepare(thread.stack.end() as u64, thread_main) };
        machine.threads.push(thread);
        Ok(token)
    })
}

/// The name of a thread, for people.
pub(crate) fn name_of_thread(token: u64) -> String {
    machine::with(|machine| {
        let thread = machine.thread(Token(token));
        // SAFETY: threads in the table are valid.
        thread.map_or_else(String::new, |thread| unsafe { (*thread).name.clone() })
    })
}

/// The thread whose frames an address lies in.
pub(crate) fn owner_of_frame(address: u64) -> u64 {
    machine::with(|machine| {
        let owner = machine.threads.iter().find(|thread| {
            let bottom = thread.record.frames.cast_const();
            Frame::holds(bottom, address)
        });
        owner.expect("a lock that is held names a frame of its holder").token().0
    })
}

/// Ends a thread: every wait fails from now on. `false` if there is none.
pub(crate) fn kill(token: u64) -> bool {
    machine::with(|machine| {
        let thread = machine.thread(Token(token));
        // SAFETY: threads in the table are valid, and inside a critical section nobody else uses them.
        thread.map(|thread| unsafe { (*thread).deadlines.kill() }).is_some()
    })
}

/// Ends what a thread calls and waits for above a frame whose callee died. Inside a critical section.
pub(crate) fn end_calls_above(token: Token, frame: *mut Frame) {
    machine::with(|machine| {
        let Some(thread) = machine.thread(token) else { return };
        // SAFETY: threads in the table are valid, and inside a critical section nobody else uses them.
        let thread = unsafe { &mut *thread };
        // Whoever chooses the next thread sees that a wait is over.
        thread.deadlines.end_above(frame, thread.record.frame.wrapping_sub(1));
    });
}

/// Ends all threads of a principal; how many there still are.
pub(crate) fn kill_all_of(principal: usize) -> usize {
    machine::with(|machine| {
        let own = machine.threads.iter_mut().filter(|thread| thread.principal == principal);
        own.filter(|thread| thread.state != State::Ended)
            .map(|thread| thread.deadlines.kill())
            .count()
    })
}

/// Starts a thread that runs `main`, of the principal on whose account the running one makes things.
pub fn start_thread(name: &str, main: impl FnOnce() + 'static) -> io::Result<Token> {
    add_thread(name, Hosted::payer(), Box::new(main))
}

/// Runs threads until `first` ends. Called by the context outside of all threads.
pub(crate) fn run_until_end(first: Token) {
    // SAFETY: inside a critical section, and the borrow ends at once.
    let machine = unsafe { machine::state() };
    let thread = machine.thread(first).expect("the first thread was made just now");
    let save = &raw mut machine.outside;
    load(machine, thread);
    // SAFETY: threads in the table are valid.
    let start = unsafe { (*thread).stack_pointer };
    // SAFETY: the thread's context was prepared and does not run.
    unsafe { context::switch(save, start) };
}

/// What a thread runs first.
extern "C" fn thread_main() -> ! {
    after_switch();
    critical::leave();
    // SAFETY: a critical section, and the thread that runs.
    let main = machine::with(|machine| unsafe { (*machine.current).main.take() });
    main.expect("a thread starts once")();
    end()
}

/// Ends the running thread.
fn end() -> ! {
    critical::enter();
    // SAFETY: inside a critical section, and the borrow ends before the switch.
    let machine = unsafe { machine::state() };
    let current = machine.current;
    // SAFETY: the running thread's record.
    unsafe { (*current).state = State::Ended };
    // SAFETY: as above.
    if unsafe { (*current).token() } == Token(Token::FIRST) {
        let mut unused = 0;
        // SAFETY: the outside context waits where it switched away from.
        unsafe { context::switch(&mut unused, machine.outside) };
    }
    let next = wait_for_next();
    switch_to(next);
    unreachable!("a thread that has ended is not switched to")
}

/// Takes apart what ended. Called by whoever was switched to.
fn after_switch() {
    // SAFETY: inside a critical section, and the borrow ends at once.
    let machine = unsafe { machine::state() };
    let current = machine.current.cast_const();
    let is_over =
        |thread: &mut Box<Thread>| thread.has_ended() && !core::ptr::eq(&**thread, current);
    let ended: Vec<_> = machine.threads.extract_if(.., is_over).collect();
    for thread in ended {
        for Range { start, end } in thread.stacks.mapped() {
            machine.regions.unmap(start, end - start);
        }
        machine.release_thread(thread.principal);
    }
}

/// Makes a thread the running one, as far as the engine sees it.
fn load(machine: &mut Machine, thread: *mut Thread) {
    machine.current = thread;
    // SAFETY: threads in the table are valid, and inside a critical section nobody else uses them.
    let thread = unsafe { &*thread };
    // SAFETY: the block is valid; the thread that ran has been saved.
    let cpu = unsafe { &mut *machine::cpu() };
    cpu.frame = thread.record.frame;
    cpu.temporary = thread.record.temporary;
    cpu.temporary_end = thread.temporary_end;
    cpu.owner = thread.owner;
    cpu.thread = thread.record.token;
    cpu.bottom = thread.record.frames;
    lock::enter_cpu(cpu, CPU, is_over(thread, machine.now_ns()));
}

/// Whether a deadline of a thread has passed.
fn is_over(thread: &Thread, now_ns: u64) -> bool {
    let earliest_ns = thread.deadlines.earliest_ns();
    earliest_ns != u64::MAX && earliest_ns <= now_ns
}

/// Lets the running thread's next call be refused, if its deadline has passed. Inside a critical section.
fn mark_if_over(machine: &Machine) {
    // SAFETY: the running thread's record is valid.
    if is_over(unsafe { &*machine.current }, machine.now_ns()) {
        // SAFETY: the block is valid.
        lock::mark(unsafe { &mut *machine::cpu() });
    }
}

/// Writes the running thread's live values into its record.
pub(crate) fn save(machine: &mut Machine) {
    // SAFETY: the running thread's record is valid.
    let thread = unsafe { &mut *machine.current };
    // SAFETY: the block is valid.
    let cpu = unsafe { &*machine::cpu() };
    thread.record.frame = cpu.frame;
    thread.record.temporary = cpu.temporary;
    thread.owner = cpu.owner;
}

/// Switches from the running thread to another one, and returns when that is undone.
fn switch_to(next: *mut Thread) {
    debug_assert!(critical::is_outermost(), "contexts are switched in one critical section");
    // SAFETY: inside a critical section, and the borrow ends before the switch.
    let machine = unsafe { machine::state() };
    let current = machine.current;
    if current == next {
        return;
    }
    machine.switches += 1;
    machine.charge();
    save(machine);
    // SAFETY: the block is valid, and the running thread's still.
    lock::write_held(unsafe { &*machine::cpu() });
    load(machine, next);
    // SAFETY: both are threads of the table.
    let start = unsafe { (*next).stack_pointer };
    // SAFETY: as above.
    let saved = unsafe { &raw mut (*current).stack_pointer };
    // SAFETY: a thread that does not run was switched away from, or prepared.
    unsafe { context::switch(saved, start) };
    after_switch();
}

impl Machine {
    /// Nanoseconds since the machine started.
    pub(crate) fn now_ns(&self) -> u64 {
        time::monotonic_ns() - self.started_ns
    }

    /// The thread that runs.
    pub(crate) fn running(&mut self) -> &mut Thread {
        // SAFETY: the running thread's record is valid while the machine runs, and the borrow is part of that of the machine.
        unsafe { &mut *self.current }
    }

    /// Charges a principal for one more thread, if it may have it.
    fn charge_thread(&mut self, principal: usize) -> io::Result<()> {
        let refused = || io::Error::from(io::ErrorKind::QuotaExceeded);
        if !self.books.threads.charge(principal, 1) {
            return Err(refused());
        }
        self.regions.charge(principal, Thread::BYTES).map_err(|_| {
            self.books.threads.release(principal, 1);
            refused()
        })
    }

    /// Gives back what a thread was charged for.
    fn release_thread(&mut self, principal: usize) {
        self.books.threads.release(principal, 1);
        self.regions.release(principal, Thread::BYTES);
    }

    /// The lowest number that no thread has.
    fn free_slot(&self) -> usize {
        let taken: BTreeSet<usize> = self.threads.iter().map(|thread| thread.slot).collect();
        taken.iter().zip(0..).position(|(taken, number)| *taken != number).unwrap_or(taken.len())
    }

    /// The thread with this token.
    pub(crate) fn thread(&mut self, token: Token) -> Option<*mut Thread> {
        let thread = self.threads.iter_mut().find(|thread| thread.token() == token)?;
        (thread.state != State::Ended).then_some(&raw mut **thread)
    }

    /// The next thread after the running one that can run; the running one comes last.
    fn next_ready(&mut self) -> Option<*mut Thread> {
        let current = self.current.cast_const();
        let count = self.threads.len();
        let at = self.threads.iter().position(|thread| core::ptr::eq(&**thread, current));
        let at = at.map_or(0, |at| at + 1);
        (at..at + count)
            .map(|index| index % count)
            .find(|index| self.threads[*index].state == State::Ready)
            .map(|index| &raw mut *self.threads[index])
    }

    /// Makes threads ready whose wait is over; waits at most `timeout_ns` for that.
    fn wake(&mut self, timeout_ns: Option<u64>) {
        self.wake_waiters_for_descriptors(timeout_ns);
        let now = time::monotonic_ns();
        let clock = self.now_ns();
        let alive: Vec<Token> = self
            .threads
            .iter()
            .filter(|thread| thread.state != State::Ended)
            .map(|thread| thread.token())
            .collect();
        for thread in &mut self.threads {
            let is_over = match thread.state {
                State::Sleeping(until) | State::Waiting(until) => until <= now,
                State::Joining(token) => !alive.contains(&token),
                State::Ready | State::Descriptor(..) | State::Ended => false,
            };
            let waits = !matches!(thread.state, State::Ready | State::Ended);
            if is_over || waits && thread.deadlines.earliest_ns() <= clock {
                thread.state = State::Ready;
            }
        }
    }

    fn wake_waiters_for_descriptors(&mut self, timeout_ns: Option<u64>) {
        let mut waiters: Vec<(usize, libc::pollfd)> = Vec::new();
        for (index, thread) in self.threads.iter().enumerate() {
            if let State::Descriptor(fd, events) = thread.state {
                waiters.push((index, libc::pollfd { fd, events, revents: 0 }));
            }
        }
        if waiters.is_empty() && timeout_ns == Some(0) {
            return;
        }
        let mut descriptors: Vec<libc::pollfd> = waiters.iter().map(|(_, one)| *one).collect();
        let timeout = timeout_ns.map(time::timespec);
        let timeout = timeout.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: the array and the time are ours and live through the call.
        unsafe {
            libc::ppoll(
                descriptors.as_mut_ptr(),
                descriptors.len() as u64,
                timeout,
                core::ptr::null(),
            )
        };
        for ((index, _), descriptor) in waiters.iter().zip(descriptors) {
            if descriptor.revents != 0 {
                self.threads[*index].state = State::Ready;
            }
        }
    }

    /// How long nothing can happen by itself; `None` for ever.
    fn idle_ns(&self) -> Option<u64> {
        let now = time::monotonic_ns();
        let clock = self.now_ns();
        let waiting = self.threads.iter().filter(|thread| thread.state != State::Ended);
        let times = waiting.filter_map(|thread| {
            let deadline = thread.deadlines.earliest_ns();
            let deadline = (deadline != u64::MAX).then(|| deadline.saturating_sub(clock));
            let sleep = match thread.state {
                State::Sleeping(until) | State::Waiting(until) if until != u64::MAX => {
                    Some(until.saturating_sub(now))
                }
                _ => None,
            };
            deadline.into_iter().chain(sleep).min()
        });
        times.min()
    }

    /// Whether any thread waits for something that comes from outside.
    fn is_hopeless(&self) -> bool {
        !self.threads.iter().filter(|thread| thread.state != State::Ended).any(|thread| {
            let is_woken = match thread.state {
                State::Waiting(until) => until != u64::MAX,
                state => matches!(state, State::Sleeping(_) | State::Descriptor(..)),
            };
            is_woken || thread.deadlines.earliest_ns() != u64::MAX
        })
    }
}

/// The next thread that can run, the running one included; waits for one.
fn wait_for_next() -> *mut Thread {
    // SAFETY: inside a critical section; nothing below takes the state itself while the borrow is used.
    let machine = unsafe { machine::state() };
    machine.wake(Some(0));
    loop {
        if let Some(thread) = machine.next_ready() {
            return thread;
        }
        assert!(!machine.is_hopeless(), "every thread waits for another one");
        signal::stop_ticks();
        machine.wake(machine.idle_ns());
        signal::start_slice();
    }
}

/// Lets another thread run if one can. Inside a critical section.
pub(crate) fn preempt() {
    fault::die_if_overflowed();
    let next = wait_for_next();
    signal::start_slice();
    switch_to(next);
    machine::with(|machine| mark_if_over(machine));
}

/// Lets another thread run, if there is one. The running one may be in nested critical sections, and then does
/// so at the end of the outermost one.
pub fn yield_now() {
    if critical::is_inside() {
        signal::end_slice();
        return critical::postpone();
    }
    critical::run(preempt);
}

/// Lets one thread run, if it can, or else any other.
pub(crate) fn yield_to(token: Token) {
    critical::run(|| {
        // SAFETY: inside a critical section, and the borrow ends at once.
        let holder = unsafe { machine::state() }.thread(token);
        // SAFETY: threads in the table are valid.
        match holder.filter(|holder| unsafe { (**holder).state } == State::Ready) {
            Some(holder) => switch_to(holder),
            None => preempt(),
        }
    });
}

/// Waits in this state. Outside of critical sections. Fails if the thread is not to wait any more.
fn block(state: State) -> Result<(), SystemError> {
    critical::run(|| wait_in(state))
}

/// The same inside the one critical section.
fn wait_in(state: State) -> Result<(), SystemError> {
    deadline::check::<Hosted>()?;
    // SAFETY: inside a critical section, and the borrow ends at once.
    let current = unsafe { machine::state() }.current;
    // SAFETY: the running thread's record.
    unsafe { (*current).state = state };
    let next = wait_for_next();
    switch_to(next);
    deadline::check::<Hosted>()
}

/// Waits until `look` finds what the running thread waits for; `look` notes the thread wherever it will be woken from, and answers otherwise what the
/// machine's clock shows, in nanoseconds, when it looks again. Outside of critical sections.
pub(crate) fn wait_until_or<R>(
    mut look: impl FnMut(u64) -> Result<R, u64>,
) -> Result<R, SystemError> {
    critical::run(|| {
        loop {
            // SAFETY: inside a critical section, and the borrow ends at once.
            let machine = unsafe { machine::state() };
            let (current, started_ns) = (machine.current, machine.started_ns);
            // SAFETY: the running thread's record.
            let Token(token) = unsafe { (*current).token() };
            match look(token) {
                Ok(found) => return Ok(found),
                Err(until_ns) => wait_in(State::Waiting(until_ns.saturating_add(started_ns)))?,
            }
        }
    })
}

/// Makes a thread ready that waits for this. Inside a critical section.
pub(crate) fn wake(token: u64) {
    machine::with(|machine| {
        let Some(thread) = machine.thread(Token(token)) else { return };
        // SAFETY: threads in the table are valid, and inside a critical section nobody else uses them.
        let thread = unsafe { &mut *thread };
        if matches!(thread.state, State::Waiting(_)) {
            thread.state = State::Ready;
        }
    });
}

/// Waits for at least so long.
pub fn sleep_ns(duration_ns: u64) -> Result<(), SystemError> {
    block(State::Sleeping(time::monotonic_ns().saturating_add(duration_ns)))
}

/// Waits until a file descriptor has one of the events of `poll`.
pub fn block_on_descriptor(descriptor: i32, events: i16) -> Result<(), SystemError> {
    block(State::Descriptor(descriptor, events))
}

/// Waits until a thread has ended.
pub fn join(token: Token) -> Result<(), SystemError> {
    block(State::Joining(token))
}

/// Makes a thread that does not run go on in the `resume` of its newest frame. Inside a critical section.
pub(crate) fn cut_off(token: Token) {
    // SAFETY: inside a critical section, and the borrow ends at once.
    let Some(thread) = unsafe { machine::state() }.thread(token) else { return };
    // SAFETY: threads in the table are valid, and this one does not run.
    let thread = unsafe { &mut *thread };
    // SAFETY: a thread has at least its bottom frame (T1).
    let newest: *mut Frame = unsafe { thread.record.frame.sub(1) };
    // SAFETY: frames below the first free one are valid.
    let top = unsafe { (*newest).stack } - fault::CALLERS_RED_ZONE;
    // SAFETY: what lies below the caller's stack pointer belonged to the callee, which never goes on.
    thread.stack_pointer = unsafe { context::prepare(top, cut_main) };
    thread.state = State::Ready;
}

/// Where a thread goes on that was cut off.
extern "C" fn cut_main() -> ! {
    after_switch();
    critical::leave();
    leave_dead()
}

/// Goes on in the caller of the dead server that the running thread is back in.
pub(crate) fn leave_dead() -> ! {
    critical::run(|| domain::call::uncross(newest_frame::<Hosted>()));
    death::leave_dead::<Hosted>()
}

/// Goes on in the caller of the newest frame: first on the caller's part of the stack, because what lies
/// below may be the reserve.
pub(crate) fn leave_newest_frame(error: u64) -> ! {
    critical::run(|| domain::call::uncross(newest_frame::<Hosted>()));
    // SAFETY: the newest frame is valid.
    let top = unsafe { (*newest_frame::<Hosted>()).stack } - fault::CALLERS_RED_ZONE;
    // SAFETY: what lies below the caller's stack pointer belonged to the callee, which never goes on.
    unsafe { context::continue_below(top, leave_from_callers_stack, error) }
}

extern "C" fn leave_from_callers_stack(error: u64) -> ! {
    let frame = newest_frame::<Hosted>();
    fault::close_reserve(frame);
    // SAFETY: it is the running thread's newest frame; `abort`'s caller and the engine's cutting off
    // let go of its lock.
    unsafe { warren_engine::stub::leave(frame, error) }
}
