//! Who schedules whom.

use warren_engine::plan::SYSTEM;

use super::{Resolver, distinct, round};
use crate::system::{
    diagnostic::{Diagnostic, did_you_mean},
    facts::{provided, service},
    resolve::facts_of,
    source::{Located, Span},
};

impl<'a> Resolver<'a> {
    /// The scheduler of each principal: its own word, or its parent's. The order is that of [`Resolver::order`].
    pub(super) fn resolve_schedulers(&mut self, order: &[usize]) {
        for &at in order {
            self.schedulers[at] = match &self.principal(at).scheduler {
                Some(name) => self.scheduler(name),
                None => self.parents[at].and_then(|parent| self.schedulers[parent]),
            };
        }
    }

    /// The server with this name, which must provide `Scheduler`.
    fn scheduler(&mut self, name: &Located<String>) -> Option<usize> {
        let schedules = |at: &usize| {
            let facts = facts_of(&self.system.servers[*at], self.facts);
            facts.is_some_and(|facts| provided(facts, service::SCHEDULER).is_some())
        };
        let all = (0..self.system.servers.len()).filter(schedules);
        let all: Vec<&str> = all.map(|at| self.server_name(at)).collect();
        let Some(at) = self.system.find(&name.value) else {
            let help = did_you_mean(&name.value, all.iter().copied());
            let message = format!("no server `{}`", name.value);
            self.report(Diagnostic::error(&name.span, message).maybe_help(help));
            return None;
        };
        // A file that does not exist is reported where it is named.
        facts_of(&self.system.servers[at], self.facts)?;
        if !schedules(&at) {
            let message = format!("`{}` does not provide `Scheduler`", name.value);
            let help = did_you_mean(&name.value, all.iter().copied());
            self.report(Diagnostic::error(&name.span, message).maybe_help(help));
            return None;
        }
        Some(at)
    }

    /// The first scheduler's time is the system's own.
    pub(super) fn check_root(&mut self) {
        let Some(root) = self.schedulers[0] else { return };
        let Some(said) = &self.system.servers[root].principal else { return };
        if self.payers[root] != 0 {
            let name = self.server_name(root);
            let message = format!("`{name}` schedules `{SYSTEM}` and so belongs to it");
            let help = format!("take `principal \"{}\"` away", said.value);
            self.report(Diagnostic::error(&said.span, message).help(help));
        }
    }

    /// Whoever follows the schedulers upwards must come to the first one's.
    pub(super) fn check_above(&mut self) {
        let root = self.schedulers[0];
        let above = |at: usize| self.schedulers[self.payers[at]].filter(|_| Some(at) != root);
        let schedulers = distinct(self.schedulers.iter().flatten());
        let rounds = schedulers.into_iter().filter_map(|at| round(at, above));
        for round in rounds.collect::<Vec<_>>() {
            let found = "schedulers schedule each other";
            let span = |at: usize| Some(self.why_scheduled(self.payers[at]));
            let found = self.round(found, &round, |at| self.server_name(at), span);
            let help = "whoever follows the schedulers upwards must come to that of `system`: let one of \
                        these servers belong to another principal";
            self.report(found.help(help));
        }
    }

    /// Schedulers are there before anything is started.
    pub(super) fn check_starts(&mut self) {
        for start in &self.system.starts {
            let at = self.system.find(&start.value);
            if at.is_some() && self.schedulers.contains(&at) {
                let message = format!("`{}` schedules and is not started by hand", start.value);
                let found = Diagnostic::error(&start.span, message);
                self.report(found.help("take it away: schedulers are launched before all others"));
            }
        }
    }

    /// The place that says who schedules a principal.
    fn why_scheduled(&self, at: usize) -> &'a Span {
        let principal = self.principal(at);
        principal.scheduler.as_ref().map_or(&principal.name.span, |name| &name.span)
    }
}
