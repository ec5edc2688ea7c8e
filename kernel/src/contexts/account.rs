//! What principals have used.

use super::{Contexts, State, Token, UNLIMITED};

/// Time that was charged to one principal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Counts, on all CPUs together.
    pub used: u64,
    /// The part of it that went to holders of locks for which its threads waited.
    pub helped: u64,
}

impl Contexts {
    /// Opens accounts, so that there are this many.
    pub fn open_accounts(&mut self, count: usize) {
        let count = count.max(self.accounts.len());
        self.accounts.resize_with(count, Account::default);
    }

    /// All accounts, by principal.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Counts that were charged to somebody, or idle, on all CPUs together.
    pub fn elapsed(&self) -> u64 {
        self.chains.iter().map(|chain| chain.charged - chain.started).sum()
    }

    /// Counts for which nobody ran, on all CPUs together.
    pub fn idle(&self) -> u64 {
        self.chains.iter().map(|chain| chain.idle).sum()
    }

    /// Who pays for the time that passes on a CPU now; `None` while nobody runs there.
    pub fn payer(&self, cpu: usize) -> Option<usize> {
        let (running, lenders) = self.chains[cpu].links.split_last()?;
        if lenders.is_empty() {
            return None;
        }
        let helps = |token: &&Token| {
            let lender = self.get(**token);
            lender.and_then(|lender| lender.state.loan()).is_some_and(|loan| loan.help)
        };
        self.principal_of(*lenders.iter().find(helps).unwrap_or(running))
    }

    /// Charges what has passed on all CPUs.
    pub fn charge_all(&mut self, now: u64) {
        for cpu in 0..self.chains.len() {
            self.charge(cpu, now);
        }
    }

    /// Charges what has passed on one CPU to a principal for which whoever runs there was interrupted. Nobody's loan shrinks by it.
    pub fn charge_to(&mut self, cpu: usize, now: u64, principal: usize) {
        let chain = &mut self.chains[cpu];
        let passed = now.saturating_sub(chain.charged);
        chain.charged = chain.charged.max(now);
        match self.accounts.get_mut(principal) {
            Some(account) => account.used += passed,
            None => chain.idle += passed,
        }
    }

    /// Charges what has passed on one CPU to whom it belongs.
    pub fn charge(&mut self, cpu: usize, now: u64) {
        let Contexts { slots, chains, accounts, .. } = self;
        let chain = &mut chains[cpu];
        let passed = now.saturating_sub(chain.charged);
        if passed == 0 {
            return;
        }
        chain.charged = now;
        let Some((running, lenders)) = chain.links.split_last().filter(|(_, all)| !all.is_empty())
        else {
            chain.idle += passed;
            return;
        };
        let mut helper = None;
        for lender in lenders {
            let Some(lender) = &mut slots[Contexts::slot(*lender)] else { continue };
            if let State::Lends(loan) = &mut lender.state {
                loan.used += passed;
                if loan.left != UNLIMITED {
                    loan.left = loan.left.saturating_sub(passed);
                }
                if loan.help {
                    helper = helper.or(Some(lender.principal));
                }
            }
        }
        let Some(running) = &mut slots[Contexts::slot(*running)] else { return };
        running.used += passed;
        if let Some(account) = accounts.get_mut(helper.unwrap_or(running.principal)) {
            account.used += passed;
            if helper.is_some() {
                account.helped += passed;
            }
        }
    }
}
