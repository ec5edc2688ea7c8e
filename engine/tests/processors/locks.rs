//! Threads that call by their stubs, on two processors: whatever order things happen in, wherever threads are interrupted and
//! wherever they go on.

use std::{mem::offset_of, rc::Rc};

use warren_engine::{
    layout::{CPUS, Cpu, Frame, MARKED, Object},
    lock::{enter_cpu, give_home, give_idle_home, write_held},
    stub::{Shape, SlowPaths},
};

use crate::{
    explore::Model,
    processor::{Event, FRAME, Memory, Stub, Thread, add_object},
};

/// Locks of servers, and the word of those that have none.
pub const LOCKS: u64 = 0x7000_0000;
/// Distance between two locks.
pub const LINE: u64 = 64;
/// Locks that there are.
const COUNT: u64 = 4;
/// The lock of servers that have none.
pub const NO_LOCK: u64 = LOCKS - LINE;
const OBJECTS: u64 = 0x7100_0000;

/// Rules that can be broken, to see that somebody notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broken {
    /// None.
    #[default]
    Nothing,
    /// Who is interrupted while it takes a lock goes on where it was.
    Interruption,
    /// It goes on behind the load of the free value, which may be another CPU's.
    Load,
    /// It is not written what a thread holds that leaves its CPU.
    Switch,
    /// A CPU gives a home away while its own thread is in the middle of taking the lock.
    Request,
    /// A CPU gives a home away that it does not have.
    Home,
    /// A CPU gives a home away although its thread holds the lock by its newest frame.
    Frames,
    /// A thread whose lock is wanted is not marked.
    Mark,
    /// The lock that an atomic call has kept stays written although the thread is not marked any more.
    Leave,
}

/// What a thread is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum At {
    /// The stub.
    Stub,
    /// The callee's function.
    Callee,
    /// [`warren_engine::lock::enter`], or `enter_atomic`.
    Enter,
    /// Its frame is the newest, and it waits for the callee's lock.
    Take,
    /// [`warren_engine::lock::come_back`], and then where it looks at the caller's lock until it can take it.
    ComeBack,
    Look,
    /// [`warren_engine::lock::leave_atomic`].
    LeaveAtomic,
    /// It has found this processor to be the lock's home, and asks it; then it goes on there.
    Ask(u64, u64, Box<At>),
    /// Back in its caller.
    Caller,
    /// The caller has returned, and its lock is free.
    End,
}

/// Who calls whom: numbers of locks. A callee without a lock is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The caller's lock.
    pub caller: u64,
    /// The callee's.
    pub callee: Option<u64>,
}

/// Two processors and their threads.
#[derive(Clone)]
pub struct World {
    stub: Rc<Stub>,
    atomic: bool,
    calls: Rc<[Call]>,
    broken: Broken,
    /// Whether the first thread may run on the time of somebody who waits for its locks.
    helps: bool,
    /// Whether the first thread may have a deadline that passes, and whether it has.
    has_deadline: bool,
    over: bool,
    /// Memory of all. What each thread writes lies apart.
    memory: Memory,
    threads: Vec<(Thread, At)>,
    /// Which thread each processor runs.
    running: [Option<usize>; 2],
}

impl std::hash::Hash for World {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.memory, &self.threads, &self.running, self.over).hash(state);
    }
}

/// Addresses of all locks.
fn locks() -> Vec<u64> {
    (0..COUNT).map(|lock| LOCKS + lock * LINE).collect()
}

impl World {
    /// A thread for each call, on processors as many as there are. Free locks have their home on processor `home`.
    pub fn new(shape: Shape, calls: &[Call], home: u64, broken: Broken) -> Self {
        let stub = Stub::new(shape);
        let mut memory = Memory::default();
        memory.insert(NO_LOCK, 0);
        for lock in locks() {
            memory.insert(lock, home);
        }
        let mut threads = Vec::new();
        for (number, call) in (0..).zip(calls) {
            let object = OBJECTS + number * 0x100;
            let lock = call.callee.map_or(NO_LOCK, |callee| LOCKS + callee * LINE);
            add_object(&mut memory, object, lock);
            let lock = LOCKS + call.caller * LINE;
            let mut thread = Thread::new(number, object, lock, &mut memory);
            // Until then a call only fills in its frame, which nobody else looks at.
            while !stub.begins(thread.rip) {
                thread.step(&mut memory, &stub);
            }
            threads.push((thread, At::Stub));
        }
        let mut world = World {
            stub,
            atomic: shape.atomic,
            calls: calls.into(),
            broken,
            helps: false,
            has_deadline: false,
            over: false,
            memory,
            threads,
            running: [None, None],
        };
        for processor in 0..world.threads.len().min(2) {
            world.dispatch(processor, processor, false);
        }
        world
    }

    /// The same where the first thread may run on the time of somebody who waits for its locks.
    pub fn with_help(self) -> Self {
        World { helps: true, ..self }
    }

    /// The same where the first thread has a deadline that passes at any moment. Its calls are made nevertheless, as the platform's are.
    pub fn with_deadline(self) -> Self {
        World { has_deadline: true, ..self }
    }

    /// A processor begins to run a thread, on the time of somebody who waits for its lock or not.
    fn dispatch(&mut self, processor: usize, thread: usize, helped: bool) {
        self.running[processor] = Some(thread);
        let marked = helped || self.is_over(thread);
        self.threads[thread].0.with_block(&mut self.memory, &locks(), |cpu, _| {
            enter_cpu(cpu, processor as u64, marked);
        });
    }

    /// The thread that a processor runs is taken off it.
    fn preempt(&mut self, processor: usize, thread: usize) {
        self.interrupt(processor);
        self.running[processor] = None;
        let broken = self.broken;
        let (record, _) = &mut self.threads[thread];
        record.with_block(&mut self.memory, &locks(), |cpu, _| {
            if broken != Broken::Switch {
                write_held(cpu);
            }
            // It gets them anew where it goes on.
            (cpu.home, cpu.free, cpu.heir) = (0, 0, 0);
        });
    }

    /// An interrupt arrives where the processor executes the thread.
    fn interrupt(&mut self, processor: usize) {
        let Some(thread) = self.running[processor] else { return };
        let (thread, at) = &mut self.threads[thread];
        if *at != At::Stub {
            return;
        }
        let restart = self.stub.restart(thread.rip);
        match self.broken {
            Broken::Interruption => (),
            Broken::Load if restart != thread.rip => {
                thread.rip = thread.rip.min(self.stub.behind_load_of_free(restart));
            }
            _ => thread.rip = restart,
        }
    }

    /// Checks a word that a stub wrote into a lock.
    fn check(&self, thread: usize, processor: usize, event: Event) -> Result<(), String> {
        let Event::Wrote { address, word, before } = event else { return Ok(()) };
        if address == NO_LOCK {
            return Err("writes where everybody reads".into());
        }
        // Only what its newest frame holds, where it runs, or what is written as held by it.
        let (record, _) = &self.threads[thread];
        let newest = self.memory.get(Thread::lock_of(record.frame - FRAME)) == address;
        let holds = record.holds(before) || newest && before == processor as u64;
        match locks().contains(&address) {
            false => Ok(()),
            true if holds && (word >= CPUS || word == processor as u64) => Ok(()),
            true => {
                Err(format!("thread {thread} on {processor} writes {word:#x} over {before:#x}"))
            }
        }
    }

    /// What is written of a frame's lock reads as free again.
    fn free(&mut self, thread: usize, frame: u64) {
        let (record, _) = &self.threads[thread];
        let lock = self.memory.get(Thread::lock_of(frame));
        if lock != NO_LOCK && record.holds(self.memory.get(lock)) {
            self.memory.insert(lock, record.heir);
        }
    }

    /// The newest frame lets go of its lock.
    fn release(&mut self, thread: usize) {
        let newest = self.threads[thread].0.frame - FRAME;
        self.free(thread, newest);
        self.memory.insert(Thread::lock_of(newest), NO_LOCK);
    }

    fn unmark(&mut self, thread: usize) {
        let (record, _) = &mut self.threads[thread];
        (record.free, record.heir) = (record.home, record.home);
    }

    /// The first free frame becomes the newest, without a lock.
    fn push(&mut self, thread: usize) {
        let frame = self.threads[thread].0.frame;
        let callers = self.memory.get(Thread::lock_of(frame - FRAME));
        match self.atomic {
            true => _ = self.memory.insert(callers, frame),
            false => {
                self.free(thread, frame - FRAME);
                self.unmark(thread);
            }
        }
        self.memory.insert(Thread::lock_of(frame), NO_LOCK);
        self.threads[thread].0.frame += FRAME;
    }

    /// The newest frame takes its callee's lock, if it can. What the thread does next.
    fn take(&mut self, thread: usize) -> At {
        let (record, _) = &mut self.threads[thread];
        let newest = record.frame - FRAME;
        let object = self.memory.get(newest + offset_of!(Frame, object) as u64);
        let lock = self.memory.get(object + offset_of!(Object, lock) as u64);
        if lock != NO_LOCK {
            match self.memory.get(lock) {
                word if word == record.home => (),
                word if word < CPUS => return At::Ask(lock, word, Box::new(At::Take)),
                _ => return At::Take,
            }
        }
        self.memory.insert(Thread::lock_of(newest), lock);
        record.come_back(&mut self.memory);
        self.mark_if_over(thread);
        At::Stub
    }

    /// The thread looks at its caller's lock. What it does next.
    fn look(&mut self, thread: usize) -> At {
        let (record, _) = &mut self.threads[thread];
        let lock = self.memory.get(Thread::lock_of(record.frame - 2 * FRAME));
        if lock != NO_LOCK {
            match self.memory.get(lock) {
                word if word == record.home => (),
                word if word < CPUS => return At::Ask(lock, word, Box::new(At::Look)),
                _ => return At::Look,
            }
        }
        record.frame -= FRAME;
        record.come_back(&mut self.memory);
        self.mark_if_over(thread);
        At::Stub
    }

    /// A thread whose deadline has passed is marked whenever it has let go of a lock and has another one.
    fn mark_if_over(&mut self, thread: usize) {
        if self.is_over(thread) {
            self.threads[thread].0.free = MARKED;
        }
    }

    /// Whether the deadline of a thread has passed.
    fn is_over(&self, thread: usize) -> bool {
        self.over && thread == 0
    }

    /// The home of a lock is interrupted, and gives it away or says who holds it.
    fn ask(&mut self, processor: usize, lock: u64, home: u64) {
        let asker = processor as u64;
        if self.broken != Broken::Request {
            self.interrupt(home as usize);
        }
        if self.broken == Broken::Home {
            self.memory.insert(lock, asker);
            return;
        }
        let broken = self.broken;
        let number = locks().iter().position(|known| *known == lock).expect("it is a lock");
        let held = self.running[home as usize].filter(|_| broken != Broken::Frames);
        // Where nobody runs, any thread's block does.
        let (record, _) = &mut self.threads[held.unwrap_or(0)];
        record.with_block(&mut self.memory, &locks(), |cpu, words| match held {
            Some(_) => {
                give_home(cpu, &words[number], asker);
                if broken == Broken::Mark {
                    cpu.free = cpu.home;
                }
            }
            None => give_idle_home(&words[number], home, asker),
        });
    }

    /// The caller returns, and lets go of its lock.
    fn end(&mut self, thread: usize, processor: usize) -> Result<At, String> {
        let (record, _) = &self.threads[thread];
        let word = self.memory.get(LOCKS + self.calls[thread].caller * LINE);
        if word != record.home && !record.holds(word) {
            return Err(format!("thread {thread} is back without its lock"));
        }
        self.release(thread);
        self.threads[thread].0.frame -= FRAME;
        self.running[processor] = None;
        Ok(At::End)
    }

    /// The thread that a processor runs does one thing more.
    fn step(&mut self, processor: usize, thread: usize) -> Result<(), String> {
        let (record, at) = &mut self.threads[thread];
        let next = match at.clone() {
            At::Stub => {
                let mut event = record.step(&mut self.memory, &self.stub);
                // What nobody else can see is done at once.
                while event == Event::Next && self.stub.is_private(record.rip) {
                    event = record.step(&mut self.memory, &self.stub);
                }
                self.check(thread, processor, event)?;
                match event {
                    Event::Entered => At::Callee,
                    Event::Returned => At::Caller,
                    Event::Engine(function) => slow(function),
                    Event::Next | Event::Wrote { .. } => At::Stub,
                }
            }
            At::Callee => {
                record.come_back(&mut self.memory);
                At::Stub
            }
            At::Enter => {
                self.push(thread);
                At::Take
            }
            At::Take => self.take(thread),
            At::ComeBack => {
                self.release(thread);
                self.unmark(thread);
                At::Look
            }
            At::Look => self.look(thread),
            At::LeaveAtomic => {
                self.release(thread);
                let (record, _) = &mut self.threads[thread];
                record.frame -= FRAME;
                let callers = record.frame - FRAME;
                if record.free != MARKED && self.broken != Broken::Leave {
                    self.free(thread, callers);
                }
                self.threads[thread].0.come_back(&mut self.memory);
                At::Stub
            }
            At::Ask(lock, home, next) => {
                // It may have been moved there meanwhile.
                if home != processor as u64 {
                    self.ask(processor, lock, home);
                }
                *next
            }
            At::Caller => self.end(thread, processor)?,
            At::End => unreachable!("who has ended does not run"),
        };
        self.threads[thread].1 = next;
        Ok(())
    }

    /// Whether two threads are in one server that has a lock.
    fn is_crowded(&self) -> bool {
        let inside = |server: u64| {
            let all = self.threads.iter().zip(&*self.calls);
            all.filter(|((_, at), call)| match at {
                At::Callee => call.callee == Some(server),
                At::Caller => call.caller == server,
                _ => false,
            })
            .count()
        };
        (0..COUNT).any(|server| inside(server) > 1)
    }
}

/// What a thread is at that calls one of the functions in the block.
fn slow(function: usize) -> At {
    let is = |path: usize| function == offset_of!(Cpu, slow) + path;
    if is(offset_of!(SlowPaths, enter)) || is(offset_of!(SlowPaths, enter_atomic)) {
        At::Enter
    } else if is(offset_of!(SlowPaths, come_back)) {
        At::ComeBack
    } else {
        assert!(is(offset_of!(SlowPaths, leave_atomic)), "there are no temporaries");
        At::LeaveAtomic
    }
}

impl World {
    /// Whether a thread that runs will not let go of its lock, because that is written and the thread not marked.
    fn keeps(&self, thread: usize) -> bool {
        let (record, at) = &self.threads[thread];
        let lock = self.memory.get(Thread::lock_of(record.frame - FRAME));
        let is_written = lock != NO_LOCK && record.holds(self.memory.get(lock));
        matches!(at, At::Callee | At::Caller) && is_written && record.free != MARKED
    }
}

impl Model for World {
    fn next(&self) -> Result<Vec<Self>, String> {
        if self.is_crowded() {
            return Err("two threads are in one server".into());
        }
        if self.running.into_iter().flatten().any(|thread| self.keeps(thread)) {
            return Err("a thread will not let go of its lock".into());
        }
        let mut all = Vec::new();
        for processor in 0..2 {
            let Some(thread) = self.running[processor] else {
                let waiting = (0..self.threads.len()).filter(|thread| {
                    self.threads[*thread].1 != At::End && !self.running.contains(&Some(*thread))
                });
                let ways = waiting.flat_map(|thread| [(thread, false), (thread, true)]);
                // One of them is enough.
                let ways = ways.filter(|(thread, helped)| !helped || self.helps && *thread == 0);
                all.extend(ways.map(|(thread, helped)| {
                    let mut next = self.clone();
                    next.dispatch(processor, thread, helped);
                    next
                }));
                continue;
            };
            let mut next = self.clone();
            next.step(processor, thread)?;
            all.push(next);
            if self.has_deadline && !self.over && thread == 0 {
                let mut late = self.clone();
                late.over = true;
                late.mark_if_over(thread);
                all.push(late);
            }
            let mut preempted = self.clone();
            preempted.preempt(processor, thread);
            all.push(preempted);
        }
        Ok(all)
    }

    fn is_done(&self) -> bool {
        self.threads.iter().all(|(_, at)| *at == At::End)
    }
}
