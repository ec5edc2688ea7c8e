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
    /// Its region for stacks; the first page is the trampoline's.
    pub stacks: u64,
    /// Instances in it.
    instances: usize,
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
    /// A region for an instance with this placement.
    pub(crate) fn create_region(&mut self, placement: &Placement) -> Result<u64, Exhausted> {
        let name = match placement {
            Placement::Kernel => return self.regions.create(None),
            Placement::Own => None,
            Placement::Shared(name) => Some(name.as_str()),
        };
        let number = match name.and_then(|name| self.domains.shared(name)) {
            Some(number) => number,
            None => self.create_domain(name)?,
        };
        let created = self.regions.create(Some(number));
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

    fn create_domain(&mut self, name: Option<&str>) -> Result<usize, Exhausted> {
        let number = self.domains.free_number();
        let stacks = self.regions.create(Some(number))?;
        let created = self.regions.map(stacks, PAGE, trampoline::code(), Protection::ReadExecute);
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
        self.domains.0[number] = Some(Domain { name, process, stacks, instances: 0 });
        Ok(number)
    }

    fn change_instances(&mut self, number: usize, change: isize) {
        if let Some(domain) = &mut self.domains.0[number] {
            domain.instances = domain.instances.saturating_add_signed(change);
        }
    }

    fn remove_domain_if_empty(&mut self, number: usize) {
        let slot = &mut self.domains.0[number];
        let Some(domain) = slot.take_if(|domain| domain.instances == 0) else { return };
        self.regions.hide(number);
        domain.process.end();
        self.regions.remove(domain.stacks);
        for thread in &mut self.threads {
            thread.stacks.forget(number);
        }
    }
}
