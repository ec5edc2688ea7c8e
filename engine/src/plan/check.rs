//! What must hold in a plan, whoever wrote it.
//!
//! # Why cycles are refused here too
//!
//! A server is loaded after those that it requires, and a substitute takes the place of a server that cannot be had. Both are
//! followed by recursion. The tool reports a cycle with file and line; this check is for the reader,
//! which must come to an end whatever lies in the boot archive.

use alloc::{string::String, vec, vec::Vec};
use core::fmt;

use super::{Plan, SERVERS};

/// Why a plan makes no sense. Servers are given by name.
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
        self.check_cycles()
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
