//! The books: who has used how much processor time, and how many threads everybody has.
//!
//! # Whose time
//!
//! All Warren threads share one Linux thread. Whenever another one is switched to, and whenever somebody wants to know, the processor time
//! that Linux has given to that Linux thread since the last time is charged to the thread that ran. So is what processes of domains were
//! given meanwhile: they run in calls of the thread that runs. So each nanosecond that Linux counts is charged once, and to one.
//!
//! Time that Linux gives to others is nobody's: it counts as idle, as that in which all threads wait.

use warren_engine::{ledger::Ledger, plan::Plan};
use warren_idl::{SystemTime, ThreadStatus};
use warren_natives::{
    accounts::{Bookkeeping, ThreadSight, Usage},
    profile::{Found, Profile},
};

use crate::{
    Hosted,
    machine::{self, Machine},
    sampling, schedule, time,
};

/// What is known of processor time and threads. Memory is in the books of [`crate::region`].
#[derive(Debug)]
pub struct Books {
    /// Nanoseconds of processor time by principals.
    used_ns: Vec<u64>,
    /// The clock of the Linux thread when the machine was made.
    started_ns: u64,
    /// The same when the running thread was charged last.
    charged_ns: u64,
    /// What processes of domains have used.
    processes_ns: u64,
    /// Threads.
    pub threads: Ledger,
}

impl Books {
    /// Books in which nothing stands.
    pub fn new() -> Self {
        let started_ns = time::cpu_ns();
        Books {
            used_ns: vec![0],
            started_ns,
            charged_ns: started_ns,
            processes_ns: 0,
            threads: Ledger::new(),
        }
    }

    /// Opens the accounts of a plan's principals.
    pub fn open(&mut self, plan: &Plan) {
        self.used_ns = vec![0; plan.principals.len().max(1)];
        for (number, principal) in plan.principals.iter().enumerate() {
            let parent = principal.parent.unwrap_or(number);
            self.threads.open(number, parent, principal.limits.threads.into());
        }
    }

    /// Charges a principal for what has been used since the last charge, processes of domains included. Returns how much that is.
    fn charge(&mut self, principal: usize, processes_ns: u64) -> u64 {
        let now_ns = time::cpu_ns();
        let passed_ns = now_ns - self.charged_ns + processes_ns;
        self.charged_ns = now_ns;
        self.processes_ns += processes_ns;
        self.used_ns[principal] += passed_ns;
        passed_ns
    }

    /// What Linux counts for the threads of the machine and for its domains up to the last charge.
    fn all_used_ns(&self) -> u64 {
        self.charged_ns - self.started_ns + self.processes_ns
    }
}

impl Machine {
    /// Charges the running thread for what has been used since the last charge; returns its total.
    pub(crate) fn charge(&mut self) -> u64 {
        let processes_ns = self.domains.used_since_last_time();
        let thread = self.running();
        let (principal, before_ns) = (thread.principal, thread.used_ns);
        let used_ns = before_ns + self.books.charge(principal, processes_ns);
        self.running().used_ns = used_ns;
        used_ns
    }
}

impl Bookkeeping for Hosted {
    /// Nobody helps here: whoever waits for a lock gives way, and the holder runs on its own time.
    fn usage(principal: usize) -> Usage {
        machine::with(|machine| {
            machine.charge();
            Usage {
                used_ns: machine.books.used_ns[principal],
                helped_ns: 0,
                memory_bytes: machine.regions.held_by(principal),
                threads: machine.books.threads.held(principal) as u32,
            }
        })
    }

    /// Where domains are processes, two of them run at the same time for a moment at each change from one to the other, so that more may be used than the
    /// clock has counted: then that much is the time that there was.
    fn time() -> SystemTime {
        machine::with(|machine| {
            machine.charge();
            let used_ns = machine.books.all_used_ns();
            let elapsed_ns = machine.now_ns().max(used_ns);
            SystemTime { elapsed_ns, idle_ns: elapsed_ns - used_ns }
        })
    }

    fn thread(index: usize) -> Option<ThreadSight> {
        machine::with(|machine| {
            machine.charge();
            schedule::save(machine);
            let alive = machine.threads.iter().filter(|thread| !thread.has_ended());
            let thread = alive.filter(|thread| thread.slot >= index).min_by_key(|one| one.slot)?;
            let status = ThreadStatus {
                used_ns: thread.used_ns,
                context: thread.token().0,
                index: thread.slot as u32,
                principal: thread.principal as u32,
                state: if thread.is_ready() { ThreadStatus::READY } else { ThreadStatus::BLOCKED },
                depth: thread.depth() as u32,
                text_bytes: 0,
                cpu: 0,
            };
            let server = thread.server().name.clone();
            Some(ThreadSight { status, name: thread.name.clone(), server })
        })
    }

    fn start_samples(interval_ns: u64, profile: Profile) -> bool {
        sampling::start(interval_ns, profile)
    }

    fn stop_samples() {
        sampling::stop();
    }

    fn sampled(index: usize) -> Option<Found> {
        sampling::found(index)
    }
}
