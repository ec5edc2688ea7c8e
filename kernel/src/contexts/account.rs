//! What principals have used.

use super::{Contexts, State, UNLIMITED};

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

    /// Charges what has passed on all CPUs.
    pub fn charge_all(&mut self, now: u64) {
        for cpu in 0..self.chains.len() {
            self.charge(cpu, now);
        }
    }

    /// Charges what has passed on one CPU to whom it belongs.
    pub fn charge(&mut self, cpu: usize, now: u64) {
        let chain = &mut self.chains[cpu];
        let passed = now.saturating_sub(chain.charged);
        chain.charged = chain.charged.max(now);
        let links = chain.links.len() - 1;
        if links == 0 {
            chain.idle += passed;
            return;
        }
        let mut helper = None;
        for level in 0..links {
            let lender = self.chains[cpu].links[level];
            if let State::Lends(loan) = &mut self.known(lender).state {
                loan.used += passed;
                if loan.left != UNLIMITED {
                    loan.left = loan.left.saturating_sub(passed);
                }
                if loan.help {
                    helper = helper.or(Some(lender));
                }
            }
        }
        let running = self.running(cpu);
        self.known(running).used += passed;
        let payer = self.known(helper.unwrap_or(running)).principal;
        if let Some(account) = self.accounts.get_mut(payer) {
            account.used += passed;
            if helper.is_some() {
                account.helped += passed;
            }
        }
    }
}
