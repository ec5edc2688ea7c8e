//! Who pays for each server, and who schedules whom.
//!
//! Principals form a tree by their parents. Schedulers form another one: the scheduler above a scheduler is that of the principal to which
//! its server belongs, up to the scheduler of the first principal.

mod guarantees;
mod schedulers;

use std::{collections::BTreeSet, iter};

use warren_engine::plan::{PRINCIPALS, PlannedPrincipal, PrincipalLimits, SYSTEM, Terms};

use super::{
    diagnostic::{Diagnostic, did_you_mean},
    facts::Facts,
    merge::System,
    source::{Located, Span},
    syntax::Principal,
};

/// The principals of a system. Of use only if there were no errors.
#[derive(Debug)]
pub struct Principals {
    /// In the order of the plan. Schedulers are given by their index in [`System::servers`].
    pub planned: Vec<PlannedPrincipal>,
    /// For each of [`System::servers`], the index of its principal in `planned`.
    pub payers: Vec<usize>,
}

impl Principals {
    /// The servers that schedule, each once.
    pub fn schedulers(&self) -> Vec<usize> {
        distinct(self.planned.iter().filter_map(|one| one.scheduler.as_ref()))
    }

    /// Takes all schedulers away: in a Linux process nobody asks them.
    pub fn leave_to_linux(&mut self) {
        self.planned.iter_mut().for_each(|principal| principal.scheduler = None);
    }
}

/// Resolves all names of principals and schedulers, and checks that they can be carried out.
pub fn resolve(system: &System, facts: &Facts, diagnostics: &mut Vec<Diagnostic>) -> Principals {
    let mut resolver = Resolver {
        system,
        facts,
        diagnostics,
        parents: vec![None; system.principals.len()],
        schedulers: vec![None; system.principals.len()],
        payers: vec![0; system.servers.len()],
    };
    resolver.check_count();
    resolver.resolve_payers();
    resolver.resolve_parents();
    let order = resolver.order();
    resolver.resolve_schedulers(&order);
    resolver.check_root();
    resolver.check_above();
    resolver.check_guarantees();
    resolver.check_starts();
    resolver.planned(&order)
}

struct Resolver<'a> {
    system: &'a System,
    facts: &'a Facts,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// For each principal, its parent. One that is wrong is replaced by the first principal.
    parents: Vec<Option<usize>>,
    /// For each principal, the server that schedules it, unless that is wrong.
    schedulers: Vec<Option<usize>>,
    /// For each server, its principal. One that is wrong is replaced by the first principal.
    payers: Vec<usize>,
}

impl<'a> Resolver<'a> {
    fn report(&mut self, found: Diagnostic) {
        self.diagnostics.push(found);
    }

    fn principal(&self, at: usize) -> &'a Principal {
        &self.system.principals[at]
    }

    fn principal_name(&self, at: usize) -> &'a str {
        &self.principal(at).name.value
    }

    fn server_name(&self, at: usize) -> &'a str {
        &self.system.servers[at].name.value
    }

    fn check_count(&mut self) {
        if let Some(first) = self.system.principals.get(PRINCIPALS) {
            let message = format!("a system has at most {PRINCIPALS} principals; this is one more");
            self.report(Diagnostic::error(&first.name.span, message));
        }
    }

    /// The principal with this name.
    fn find(&mut self, name: &Located<String>) -> Option<usize> {
        let found = self.system.find_principal(&name.value);
        if found.is_none() {
            let help = did_you_mean(&name.value, self.system.principal_names());
            let message = format!("no principal `{}`", name.value);
            self.report(Diagnostic::error(&name.span, message).maybe_help(help));
        }
        found
    }

    fn resolve_payers(&mut self) {
        for (at, server) in self.system.servers.iter().enumerate() {
            let said = server.principal.as_ref();
            self.payers[at] = said.and_then(|name| self.find(name)).unwrap_or(0);
        }
    }

    fn resolve_parents(&mut self) {
        if let Some(parent) = &self.principal(0).parent {
            let message = format!("`{SYSTEM}` is the first principal and has no parent");
            self.report(Diagnostic::error(&parent.span, message).help("take `parent` away"));
        }
        for at in 1..self.parents.len() {
            let said = self.principal(at).parent.as_ref();
            self.parents[at] = Some(said.and_then(|name| self.find(name)).unwrap_or(0));
        }
        for at in 1..self.parents.len() {
            if let Some(round) = round(at, |at| self.parents[at]) {
                let found = "principals are each other's parents";
                let span = |at| self.principal(at).parent.as_ref().map(|name| &name.span);
                let found = self.round(found, &round, |at| self.principal_name(at), span);
                self.report(found.help("one of these has another parent, or none"));
                round.iter().for_each(|at| self.parents[*at] = Some(0));
            }
        }
    }

    /// All principals, each after its parent; otherwise as they are defined.
    fn order(&self) -> Vec<usize> {
        let depth = |at: &usize| iter::successors(Some(*at), |at| self.parents[*at]).count();
        let mut order: Vec<_> = (0..self.parents.len()).collect();
        order.sort_by_key(depth);
        order
    }

    /// What is wrong with a round of servers or principals, with each step that has a place.
    fn round<'s>(
        &self,
        what: &str,
        round: &[usize],
        name: impl Fn(usize) -> &'s str,
        span: impl Fn(usize) -> Option<&'s Span>,
    ) -> Diagnostic {
        let names: Vec<_> = round.iter().chain(&round[..1]).map(|at| name(*at)).collect();
        let message = format!("{what}: {}", names.join(" → "));
        let mut spans = round.iter().filter_map(|at| span(*at));
        let first = spans.next().expect("a step of a round is said somewhere");
        let found = Diagnostic::error(first, message);
        spans.fold(found, |found, span| found.also(span, ""))
    }

    fn planned(&self, order: &[usize]) -> Principals {
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| position[*old] = new);
        let planned = order.iter().map(|at| {
            let said = self.principal(*at);
            PlannedPrincipal {
                name: said.name.value.clone(),
                parent: self.parents[*at].map(|parent| position[parent]),
                scheduler: self.schedulers[*at],
                terms: terms(said),
                limits: PrincipalLimits {
                    memory_bytes: said.memory_limit.as_ref().map_or(0, |limit| limit.value),
                    threads: number(&said.threads),
                    objects: number(&said.objects),
                    references: number(&said.references),
                },
            }
        });
        let payers = self.payers.iter().map(|payer| position[*payer]);
        Principals { planned: planned.collect(), payers: payers.collect() }
    }
}

/// A limit; 0 where nothing is said of it.
fn number(limit: &Option<Located<u32>>) -> u32 {
    limit.as_ref().map_or(0, |limit| limit.value)
}

/// What a principal's scheduler is told of it.
fn terms(said: &Principal) -> Terms {
    let default = Terms::default();
    let (slice_ns, period_ns) = said
        .guarantee
        .as_ref()
        .map_or((0, 0), |found| (found.value.slice_ns, found.value.period_ns));
    Terms {
        priority: said.priority.as_ref().map_or(default.priority, |number| number.value),
        weight: said.weight.as_ref().map_or(default.weight, |number| number.value),
        slice_ns,
        period_ns,
    }
}

/// Each index once.
fn distinct<'i>(all: impl Iterator<Item = &'i usize>) -> Vec<usize> {
    BTreeSet::from_iter(all.copied()).into_iter().collect()
}

/// The way from `start` back to it, if there is one and `start` is its lowest index: so each round is found once.
fn round(start: usize, next: impl Fn(usize) -> Option<usize>) -> Option<Vec<usize>> {
    let mut way = vec![start];
    loop {
        let at = next(*way.last()?)?;
        if at == start {
            return (way.iter().min() == Some(&start)).then_some(way);
        }
        if way.contains(&at) {
            return None;
        }
        way.push(at);
    }
}
