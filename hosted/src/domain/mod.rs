//! Domains: servers in Linux processes of their own, if the plan places them so.
//!
//! # Shape
//!
//! The engine, its tables, all natives and everything that is placed `kernel` stay in this process. A domain is a child
//! of it that shows the memory of the domain's instances, at the same addresses as here, and runs nothing but their
//! code. One of all these processes runs at a time, so that everything that holds of one CPU still does.
//!
//! | module | what |
//! | --- | --- |
//! | [`process`] | one child: what it shows, and letting it run until it asks for something |
//! | [`trampoline`] | the platform's own code in it |
//! | [`call`] | calls into a domain, and what it asks for meanwhile |
//! | [`copy`], [`stack`] | buffers, and the stacks of threads that visit |
//!
//! [Decision 20](../../../docs/decisions/0020-a-hosted-domain-is-a-traced-process.md) says why it is so.

pub mod call;
mod copy;
pub mod process;
mod stack;
mod trampoline;

use warren_engine::{
    platform::{Exhausted, Level},
    space::{PAGE, Placement, Protection},
};

use self::process::Process;
pub use self::stack::Stacks;
use crate::{
    log,
    machine::{Machine, NAME},
};

/// One domain.
pub struct Domain {
    /// The name, if it is shared.
    name: Option<String>,
    /// Its process.
    pub process: Process,
    /// Where its stacks start; the first page is the trampoline's.
    pub stacks: u64,
    /// Instances in it.
    instances: usize,
    /// Whether it was visited since its processor time was charged last.
    is_visited: bool,
    /// Its processor time then.
    charged_ns: u64,
}

impl Domain {
    /// Nanoseconds of processor time since the last time; none if its process is no more.
    fn used_since_last_time(&mut self) -> u64 {
        let used_ns = self.process.cpu_ns().saturating_sub(self.charged_ns);
        self.charged_ns += used_ns;
        self.is_visited = false;
        used_ns
    }
}

/// The domains that exist, by number.
#[derive(Default)]
pub struct Domains(Vec<Option<Domain>>);

impl Domains {
    /// No domains.
    pub const fn new() -> Self {
        Domains(Vec::new())
    }

    /// The domain with this number, if it exists.
    pub fn get(&self, number: usize) -> Option<&Domain> {
        self.0.get(number)?.as_ref()
    }

    /// Notes that a thread visits a domain.
    pub fn note_visit(&mut self, number: usize) {
        if let Some(Some(domain)) = self.0.get_mut(number) {
            domain.is_visited = true;
        }
    }

    /// Processor time that those which were visited since this was asked last have used since they were asked.
    pub fn used_since_last_time(&mut self) -> u64 {
        let visited = self.0.iter_mut().flatten().filter(|domain| domain.is_visited);
        visited.map(Domain::used_since_last_time).sum()
    }

    fn shared(&self, name: &str) -> Option<usize> {
        let has_name = |domain: &Domain| domain.name.as_deref() == Some(name);
        self.0.iter().position(|domain| domain.as_ref().is_some_and(has_name))
    }

    fn free_number(&mut self) -> usize {
        self.0.iter().position(Option::is_none).unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        })
    }
}

impl Machine {
    /// A region for an instance with this placement, whose memory is this principal's.
    pub(crate) fn create_region(
        &mut self,
        placement: &Placement,
        principal: usize,
    ) -> Result<u64, Exhausted> {
        let name = match placement {
            Placement::Kernel => return self.regions.create(None, Some(principal)),
            Placement::Own => None,
            Placement::Shared(name) => Some(name.as_str()),
        };
        let number = match name.and_then(|name| self.domains.shared(name)) {
            Some(number) => number,
            None => self.create_domain(name, principal)?,
        };
        let created = self.regions.create(Some(number), Some(principal));
        if created.is_ok() {
            self.change_instances(number, 1);
        }
        self.remove_domain_if_empty(number);
        created
    }

    /// Gives a region back, and its domain with the last one; returns the words of data spaces that were mapped there.
    pub(crate) fn remove_region(&mut self, base: u64) -> Vec<u64> {
        let domain = self.regions.domain_of(base);
        let words = self.regions.remove(base);
        if let Some(number) = domain {
            self.change_instances(number, -1);
            self.remove_domain_if_empty(number);
        }
        words
    }

    fn create_domain(&mut self, name: Option<&str>, principal: usize) -> Result<usize, Exhausted> {
        let number = self.domains.free_number();
        let stacks = self.regions.create(Some(number), None)?;
        let code = trampoline::code();
        let created = self.regions.map(stacks, PAGE, code, Protection::ReadExecute, principal);
        let process = created.and_then(|()| {
            Process::new(stacks).map_err(|error| {
                let line = format_args!("no process for a domain: {error}");
                log::write(Level::Error, NAME, line);
                Exhausted
            })
        });
        let process = process.inspect_err(|_| drop(self.regions.remove(stacks)))?;
        self.regions.show(number, process);
        let name = name.map(String::from);
        self.domains.0[number] = Some(Domain {
            name,
            process,
            stacks,
            instances: 0,
            // What it took to make it is charged to whoever runs.
            is_visited: true,
            charged_ns: 0,
        });
        Ok(number)
    }

    fn change_instances(&mut self, number: usize, change: isize) {
        if let Some(domain) = &mut self.domains.0[number] {
            domain.instances = domain.instances.saturating_add_signed(change);
        }
    }

    fn remove_domain_if_empty(&mut self, number: usize) {
        let is_empty = |domain: &Domain| domain.instances == 0;
        if self.domains.get(number).is_some_and(is_empty) {
            // Whatever is not charged now never will be.
            self.domains.note_visit(number);
            self.charge();
        }
        let slot = &mut self.domains.0[number];
        let Some(domain) = slot.take_if(|domain| is_empty(domain)) else { return };
        self.regions.hide(number);
        domain.process.end();
        self.regions.remove(domain.stacks);
        for thread in &mut self.threads {
            thread.stacks.forget(number);
        }
    }
}
