//! Nobody may be guaranteed time that its scheduler has not.

use warren_engine::plan::{LONGEST_PERIOD_NS, WHOLE};
use warren_idl::{GUARANTEED_PERCENT, LIMIT_PARAMETER};

use super::{Resolver, distinct, terms};
use crate::system::{diagnostic::Diagnostic, resolve::facts_of, syntax::Guarantee};

impl Resolver<'_> {
    /// Each guarantee must be one, and those of one scheduler must fit together.
    pub(super) fn check_guarantees(&mut self) {
        for at in 0..self.schedulers.len() {
            self.check_guarantee(at);
        }
        for scheduler in distinct(self.schedulers.iter().flatten()) {
            self.check_sum(scheduler);
        }
    }

    fn check_guarantee(&mut self, at: usize) {
        let Some(guarantee) = &self.principal(at).guarantee else { return };
        let message = match guarantee.value {
            Guarantee { slice_ns: 0, .. } => "a slice of no time is no guarantee",
            Guarantee { slice_ns, period_ns } if slice_ns > period_ns => {
                "the slice is longer than the period"
            }
            Guarantee { period_ns, .. } if period_ns > LONGEST_PERIOD_NS => {
                "a period is at most an hour long"
            }
            _ => return,
        };
        self.report(Diagnostic::error(&guarantee.span, message));
    }

    fn check_sum(&mut self, scheduler: usize) {
        let capacity = self.capacity(scheduler);
        let (mut sum, mut others) = (0, Vec::new());
        for at in (0..self.schedulers.len()).filter(|at| self.schedulers[*at] == Some(scheduler)) {
            let Some(guarantee) = &self.principal(at).guarantee else { continue };
            let share = self.share(at);
            sum += share;
            if sum > capacity {
                let (sum, capacity) = (percent(sum), percent(capacity));
                let name = self.server_name(scheduler);
                let message =
                    format!("`{name}` would guarantee {sum} of a processor, but has {capacity}");
                let found = Diagnostic::error(&guarantee.span, message).label(percent(share));
                let also = |found: Diagnostic, (span, share)| found.also(span, percent(share));
                return self.report(others.into_iter().fold(found, also));
            }
            others.push((&guarantee.span, share));
        }
    }

    /// What the scheduler has to hand out: as much as its own principal is guaranteed, if that is, and no more than it admits.
    fn capacity(&self, scheduler: usize) -> u64 {
        let admits = self.admits(scheduler);
        match self.share(self.payers[scheduler]) {
            share if share > 0 && self.schedulers[0] != Some(scheduler) => share.min(admits),
            _ => admits,
        }
    }

    /// What the scheduler guarantees at most, if it knows such a limit.
    fn admits(&self, scheduler: usize) -> u64 {
        let server = &self.system.servers[scheduler];
        let mut known =
            facts_of(server, self.facts).into_iter().flat_map(|facts| &facts.parameters);
        if !known.any(|name| name == LIMIT_PARAMETER) {
            return WHOLE;
        }
        let said = server.parameters.iter().find(|(name, _)| name.value == LIMIT_PARAMETER);
        // The scheduler refuses what is no number from 1 to 100 when it starts.
        let said = said.map(|(_, value)| value.value.parse().unwrap_or(GUARANTEED_PERCENT));
        said.unwrap_or(GUARANTEED_PERCENT).min(100) * WHOLE / 100
    }

    /// What is guaranteed to a principal; 0 if nothing is, or if that is no guarantee.
    fn share(&self, at: usize) -> u64 {
        let terms = terms(self.principal(at));
        if terms.is_valid() { terms.share() } else { 0 }
    }
}

/// Millionths of a processor for people.
fn percent(share: u64) -> String {
    format!("{} %", share as f64 / 10_000.0)
}
