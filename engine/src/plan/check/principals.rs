//! What must hold of principals and schedulers. Servers were checked before.

use core::iter;

use super::{super::PlannedPrincipal, Fault, PRINCIPALS, Plan, SYSTEM};

impl Plan {
    /// Refuses principals and schedulers that nobody can carry out.
    pub(super) fn check_principals(&self) -> Result<(), Fault> {
        if self.principals.len() > PRINCIPALS {
            return Err(Fault::TooManyPrincipals(self.principals.len()));
        }
        self.check_principal_names()?;
        self.check_parents()?;
        self.check_payers()?;
        self.check_schedulers()?;
        self.check_guarantees()
    }

    fn check_principal_names(&self) -> Result<(), Fault> {
        for (at, principal) in self.principals.iter().enumerate() {
            if principal.name.is_empty() {
                return Err(Fault::UnnamedPrincipal(at));
            }
            if self.principals[..at].iter().any(|earlier| earlier.name == principal.name) {
                return Err(Fault::DuplicatePrincipal(principal.name.clone()));
            }
        }
        Ok(())
    }

    /// A parent that comes before its children makes a tree of them, whatever the indices are.
    fn check_parents(&self) -> Result<(), Fault> {
        let Some((first, others)) = self.principals.split_first() else {
            return Err(Fault::NoSystem);
        };
        if first.name != SYSTEM || first.parent.is_some() {
            return Err(Fault::NoSystem);
        }
        let follows = |at: usize, child: &PlannedPrincipal| child.parent.is_some_and(|p| p < at);
        match others.iter().zip(1..).find(|(child, at)| !follows(*at, child)) {
            Some((child, _)) => Err(Fault::NoParent(child.name.clone())),
            None => Ok(()),
        }
    }

    fn check_payers(&self) -> Result<(), Fault> {
        match self.servers.iter().find(|server| server.principal >= self.principals.len()) {
            Some(server) => {
                Err(Fault::NoPrincipal { server: server.name.clone(), index: server.principal })
            }
            None => Ok(()),
        }
    }

    fn check_schedulers(&self) -> Result<(), Fault> {
        let root = self.root_scheduler();
        for principal in &self.principals {
            let name = || principal.name.clone();
            match principal.scheduler {
                found if found.is_some() != root.is_some() => {
                    return Err(Fault::Unscheduled(name()));
                }
                Some(index) if index >= self.servers.len() => {
                    return Err(Fault::NoScheduler { principal: name(), index });
                }
                _ => (),
            }
        }
        let Some(root) = root else { return Ok(()) };
        if self.servers[root].principal != 0 {
            return Err(Fault::ForeignRoot(self.servers[root].name.clone()));
        }
        match self.schedulers().find(|scheduler| !self.leads_to(*scheduler, root)) {
            Some(scheduler) => Err(Fault::Rootless(self.servers[scheduler].name.clone())),
            None => Ok(()),
        }
    }

    /// The scheduler of each principal; one that has several comes as often.
    fn schedulers(&self) -> impl Iterator<Item = usize> + '_ {
        self.principals.iter().filter_map(|principal| principal.scheduler)
    }

    /// A way that does not go in circles meets each scheduler once, and there are no more of them than principals.
    fn leads_to(&self, scheduler: usize, root: usize) -> bool {
        let above = iter::successors(Some(scheduler), |at| self.scheduler_above(*at));
        above.take(self.principals.len()).any(|at| at == root)
    }

    fn check_guarantees(&self) -> Result<(), Fault> {
        if let Some(wrong) = self.principals.iter().find(|one| !one.terms.is_valid()) {
            return Err(Fault::Terms(wrong.name.clone()));
        }
        let guaranteed = |scheduler: usize| -> u64 {
            let own = self.principals.iter().filter(|one| one.scheduler == Some(scheduler));
            own.map(|one| one.terms.share()).sum()
        };
        match self.schedulers().find(|one| guaranteed(*one) > self.capacity(*one)) {
            Some(scheduler) => Err(Fault::Guarantees(self.servers[scheduler].name.clone())),
            None => Ok(()),
        }
    }
}
