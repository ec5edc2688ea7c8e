//! Threads that call by their stubs, on two processors: whatever order things happen in, wherever threads are interrupted and
//! wherever they go on.

use std::{
    mem::offset_of,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use warren_engine::{
    layout::{CPUS, Cpu, NEVER_FREE},
    lock::give_home,
    stub::{Shape, SlowPaths},
};

use crate::{
    explore::Model,
    processor::{Event, Memory, Stub, Thread, add_object},
};

/// Locks of servers, and the word of those that have none.
pub const LOCKS: u64 = 0x7000_0000;
/// Distance between two locks.
pub const LINE: u64 = 64;
const NO_LOCK: u64 = LOCKS - LINE;
const OBJECTS: u64 = 0x7100_0000;

/// Rules that can be broken, to see that somebody notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broken {
    /// None.
    #[default]
    Nothing,
    /// Who is interrupted while it takes a lock goes on where it was.
    Interruption,
    /// It goes on at the compare, with a free value that may be another CPU's.
    Load,
    /// A CPU gives a home away while its own thread is in the middle of taking the lock.
    Request,
    /// A CPU gives a home away that it does not have.
    Home,
}

/// What a thread is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum At {
    /// The stub.
    Stub,
    /// The callee's function.
    Callee,
    /// It waits in the engine for this lock.
    Wait(u64),
    /// It has found this processor to be the lock's home, and asks it.
    Ask(u64, u64),
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
    calls: Rc<[Call]>,
    broken: Broken,
    /// Memory of all. What each thread writes lies apart.
    memory: Memory,
    threads: Vec<(Thread, At)>,
    /// Which thread each processor runs.
    running: [Option<usize>; 2],
}

impl std::hash::Hash for World {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.memory, &self.threads, &self.running).hash(state);
    }
}

impl World {
    /// A thread for each call, on processors as many as there are. Free locks have their home on processor `home`.
    pub fn new(shape: Shape, calls: &[Call], home: u64, broken: Broken) -> Self {
        let stub = Stub::new(shape);
        let mut memory = Memory::default();
        memory.insert(NO_LOCK, NEVER_FREE);
        for lock in calls.iter().filter_map(|call| call.callee) {
            memory.insert(LOCKS + lock * LINE, home);
        }
        let mut threads = Vec::new();
        for (number, call) in (0..).zip(calls) {
            let object = OBJECTS + number * 0x100;
            let lock = call.callee.map_or(NO_LOCK, |callee| LOCKS + callee * LINE);
            add_object(&mut memory, object, lock);
            let lock = LOCKS + call.caller * LINE;
            let mut thread = Thread::new(number, object, lock, &mut memory);
            // Until then a call only fills in its frame, which nobody else looks at.
            while !stub.is_at_lock(thread.rip) {
                thread.step(&mut memory, &stub);
            }
            threads.push((thread, At::Stub));
        }
        let mut world =
            World { stub, calls: calls.into(), broken, memory, threads, running: [None, None] };
        for processor in 0..world.threads.len().min(2) {
            world.dispatch(processor, processor);
        }
        world
    }

    fn dispatch(&mut self, processor: usize, thread: usize) {
        self.running[processor] = Some(thread);
        self.threads[thread].0.free = processor as u64;
    }

    /// An interrupt arrives where the processor executes the thread.
    fn interrupt(&mut self, processor: usize) {
        if let Some(thread) = self.running[processor] {
            let thread = &mut self.threads[thread].0;
            let restart = self.stub.restart(thread.rip);
            match self.broken {
                Broken::Interruption => (),
                Broken::Load if restart != thread.rip => {
                    // The compare stands behind the load.
                    while self.stub.before(thread.rip) != Some(restart) {
                        thread.rip = self.stub.before(thread.rip).expect("the piece begins before");
                    }
                }
                _ => thread.rip = restart,
            }
        }
    }

    fn holds(&self, thread: usize, word: u64) -> bool {
        warren_engine::layout::Frame::holds(self.threads[thread].0.bottom as *const _, word)
    }

    /// Checks a word that a thread wrote into a lock.
    fn check(&self, thread: usize, processor: usize, event: Event) -> Result<(), String> {
        let Event::Wrote { address, word, before } = event else { return Ok(()) };
        if address == NO_LOCK {
            return Err("writes where everybody reads".into());
        }
        if !(LOCKS..LOCKS + 16 * LINE).contains(&address) {
            return Ok(());
        }
        match word < CPUS {
            true if self.holds(thread, before) => Ok(()),
            true => Err(format!("thread {thread} frees {before:#x}, which is another's")),
            false if before == processor as u64 => Ok(()),
            false => Err(format!("thread {thread} on {processor} takes {before:#x}")),
        }
    }

    /// What the engine does for a waiter ([`warren_engine::lock::wait`]), with what the platform does.
    fn wait(&mut self, thread: usize, processor: usize, lock: u64) {
        let own = processor as u64;
        let (record, at) = &mut self.threads[thread];
        if lock == record.bottom {
            self.memory.insert(lock, own);
        }
        let word = self.memory.get(lock);
        if word < CPUS && word != own {
            *at = At::Ask(lock, word);
            return;
        }
        record.come_back(&mut self.memory);
        *at = At::Stub;
    }

    /// The home of a lock is interrupted, and gives it away.
    fn ask(&mut self, thread: usize, processor: usize, lock: u64, home: u64) {
        if self.broken != Broken::Request {
            self.interrupt(home as usize);
        }
        let seen = AtomicU64::new(self.memory.get(lock));
        match self.broken {
            Broken::Home => seen.store(processor as u64, Relaxed),
            _ => give_home(&seen, home, processor as u64),
        }
        self.memory.insert(lock, seen.into_inner());
        let (record, at) = &mut self.threads[thread];
        record.come_back(&mut self.memory);
        *at = At::Stub;
    }

    /// The thread that a processor runs does one thing more.
    fn step(&mut self, processor: usize, thread: usize) -> Result<(), String> {
        let (record, at) = &mut self.threads[thread];
        match at.clone() {
            At::Stub => {
                let event = record.step(&mut self.memory, &self.stub);
                *at = match event {
                    Event::Entered => At::Callee,
                    Event::Returned => At::Caller,
                    Event::Engine { function, argument } => {
                        let wait =
                            [offset_of!(SlowPaths, wait), offset_of!(SlowPaths, wait_atomic)];
                        let is = |path: &usize| function == offset_of!(Cpu, slow) + path;
                        assert!(wait.iter().any(is), "there are no temporaries");
                        At::Wait(argument)
                    }
                    Event::Next | Event::Wrote { .. } => At::Stub,
                };
                return self.check(thread, processor, event);
            }
            At::Callee => {
                record.come_back(&mut self.memory);
                *at = At::Stub;
            }
            At::Wait(lock) => self.wait(thread, processor, lock),
            At::Ask(lock, home) => self.ask(thread, processor, lock, home),
            At::Caller => {
                *at = At::End;
                let lock = LOCKS + self.calls[thread].caller * LINE;
                let before = self.memory.insert(lock, processor as u64);
                if !self.holds(thread, before) {
                    return Err(format!("thread {thread} is back without its lock"));
                }
                self.running[processor] = None;
            }
            At::End => unreachable!("who has ended does not run"),
        }
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
        (0..16).any(|server| inside(server) > 1)
    }
}

impl Model for World {
    fn next(&self) -> Result<Vec<Self>, String> {
        if self.is_crowded() {
            return Err("two threads are in one server".into());
        }
        let mut all = Vec::new();
        for processor in 0..2 {
            let Some(thread) = self.running[processor] else {
                let waiting = (0..self.threads.len()).filter(|thread| {
                    self.threads[*thread].1 != At::End && !self.running.contains(&Some(*thread))
                });
                all.extend(waiting.map(|thread| {
                    let mut next = self.clone();
                    next.dispatch(processor, thread);
                    next
                }));
                continue;
            };
            let mut next = self.clone();
            next.step(processor, thread)?;
            all.push(next);
            let mut preempted = self.clone();
            preempted.interrupt(processor);
            preempted.running[processor] = None;
            all.push(preempted);
        }
        Ok(all)
    }

    fn is_done(&self) -> bool {
        self.threads.iter().all(|(_, at)| *at == At::End)
    }
}
