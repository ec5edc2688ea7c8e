//! What must hold in a plan, whoever wrote it.
//!
//! # Why cycles are refused here too
//!
//! A server is loaded after those that it requires, and a substitute takes the place of a server that cannot be had. Both are
//! followed by recursion, parents and schedulers by loops. The tool reports a cycle with file and line; this check is for the reader,
//! which must come to an end whatever lies in the boot archive.

use alloc::{string::String, vec, vec::Vec};
use core::fmt;

use super::{PRINCIPALS, Plan, SERVERS, SYSTEM};

mod principals;

/// Why a plan makes no sense. Servers and principals are given by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More servers than a system can have.
    TooManyServers(usize),
    /// Two servers have the same name.
    DuplicateName(String),
    /// A server has no name, or no file.
    Unnamed(usize),
    /// The server's bindings or substitute name an index that is no server.
    NoServer {
        /// The server.
        server: String,
        /// The index.
        index: usize,
    },
    /// The list of servers to start names an index that is no server.
    NoStart(usize),
    /// The server needs itself, directly or through others.
    Cycle(String),
    /// More principals than a system can have.
    TooManyPrincipals(usize),
    /// The first principal is not [`SYSTEM`], or has a parent.
    NoSystem,
    /// A principal has no name.
    UnnamedPrincipal(usize),
    /// Two principals have the same name.
    DuplicatePrincipal(String),
    /// The principal's parent does not come before it.
    NoParent(String),
    /// The server belongs to a principal that does not exist.
    NoPrincipal {
        /// The server.
        server: String,
        /// The principal's index.
        index: usize,
    },
    /// The principal's scheduler is an index that is no server.
    NoScheduler {
        /// The principal.
        principal: String,
        /// The index.
        index: usize,
    },
    /// Either this principal has a scheduler or the first one, but not both.
    Unscheduled(String),
    /// The root scheduler belongs to a principal that is not the first.
    ForeignRoot(String),
    /// The schedulers above this one do not lead to the root.
    Rootless(String),
    /// Slice and period of the principal are no guarantee.
    Terms(String),
    /// More time is guaranteed to the principals of this scheduler than it has.
    Guarantees(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooManyServers(count) => {
                write!(f, "{count} servers, more than the {SERVERS} that a system can have")
            }
            Fault::DuplicateName(name) => write!(f, "two servers are called `{name}`"),
            Fault::Unnamed(index) => write!(f, "server {index} has no name or no file"),
            Fault::NoServer { server, index } => {
                write!(f, "`{server}` is bound to server {index}, which does not exist")
            }
            Fault::NoStart(index) => write!(f, "server {index} is to start, but does not exist"),
            Fault::Cycle(server) => write!(f, "`{server}` needs itself through others"),
            Fault::TooManyPrincipals(count) => {
                write!(f, "{count} principals, more than the {PRINCIPALS} that a system can have")
            }
            Fault::NoSystem => write!(f, "the first principal is not `{SYSTEM}`, or has a parent"),
            Fault::UnnamedPrincipal(index) => write!(f, "principal {index} has no name"),
            Fault::DuplicatePrincipal(name) => write!(f, "two principals are called `{name}`"),
            Fault::NoParent(principal) => {
                write!(f, "the parent of principal `{principal}` does not come before it")
            }
            Fault::NoPrincipal { server, index } => {
                write!(f, "`{server}` belongs to principal {index}, which does not exist")
            }
            Fault::NoScheduler { principal, index } => {
                write!(f, "server {index}, which is to schedule `{principal}`, does not exist")
            }
            Fault::Unscheduled(principal) => {
                write!(f, "one of `{SYSTEM}` and `{principal}` has a scheduler, the other has none")
            }
            Fault::ForeignRoot(server) => {
                write!(f, "`{server}` schedules `{SYSTEM}`, but belongs to another principal")
            }
            Fault::Rootless(server) => {
                write!(f, "the schedulers above `{server}` do not lead to the system's")
            }
            Fault::Terms(principal) => write!(f, "slice and period of `{principal}` do not fit"),
            Fault::Guarantees(server) => write!(f, "`{server}` guarantees more time than it has"),
        }
    }
}

impl core::error::Error for Fault {}

impl Plan {
    /// Refuses a plan that nobody can carry out.
    pub fn check(&self) -> Result<(), Fault> {
        if self.servers.len() > SERVERS {
            return Err(Fault::TooManyServers(self.servers.len()));
        }
        self.check_names()?;
        self.check_indices()?;
        self.check_cycles()?;
        self.check_principals()
    }

    /// Servers that this one needs: those it is bound to, and its substitute.
    fn needs(&self, server: usize) -> impl Iterator<Item = usize> + '_ {
        let server = self.servers.get(server);
        server.into_iter().flat_map(|server| {
            server.bindings.iter().filter_map(|binding| binding.server()).chain(server.otherwise)
        })
    }

    fn check_names(&self) -> Result<(), Fault> {
        let unnamed =
            |server: &super::PlannedServer| server.name.is_empty() || server.file.is_empty();
        if let Some(index) = self.servers.iter().position(unnamed) {
            return Err(Fault::Unnamed(index));
        }
        let is_second = |at: &usize| {
            let (before, rest) = self.servers.split_at(*at);
            before.iter().any(|earlier| earlier.name == rest[0].name)
        };
        match (0..self.servers.len()).find(is_second) {
            Some(at) => Err(Fault::DuplicateName(self.servers[at].name.clone())),
            None => Ok(()),
        }
    }

    fn check_indices(&self) -> Result<(), Fault> {
        let count = self.servers.len();
        if let Some(index) = self.start.iter().find(|index| **index >= count) {
            return Err(Fault::NoStart(*index));
        }
        for (at, server) in self.servers.iter().enumerate() {
            if let Some(index) = self.needs(at).find(|index| *index >= count) {
                return Err(Fault::NoServer { server: server.name.clone(), index });
            }
        }
        Ok(())
    }

    /// Takes away, again and again, servers that need none of those left; what stays is in a cycle
    /// or behind one. This order needs no recursion.
    fn check_cycles(&self) -> Result<(), Fault> {
        let mut unmet: Vec<usize> =
            (0..self.servers.len()).map(|at| self.needs(at).count()).collect();
        let mut needed_by = vec![Vec::new(); self.servers.len()];
        for at in 0..self.servers.len() {
            for needed in self.needs(at) {
                needed_by[needed].push(at);
            }
        }
        let mut ready: Vec<usize> = (0..unmet.len()).filter(|at| unmet[*at] == 0).collect();
        while let Some(met) = ready.pop() {
            for &at in &needed_by[met] {
                unmet[at] -= 1;
                if unmet[at] == 0 {
                    ready.push(at);
                }
            }
        }
        match unmet.iter().position(|count| *count > 0) {
            Some(at) => Err(Fault::Cycle(self.servers[at].name.clone())),
            None => Ok(()),
        }
    }
}
