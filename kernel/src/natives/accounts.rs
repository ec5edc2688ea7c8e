//! `Accounts`: the system's books.

use alloc::{format, string::String};

use warren::{Cx, Out, Ref};
use warren_idl::{AccountStatus, AccountsError, Sampling, SystemTime, ThreadStatus};
use warren_kernel::contexts::Activity;

use super::{answer, kinds, sampling::Samples};
use crate::{
    cpu::{clock, interrupts},
    memory::frames,
    system, threads,
};

/// Samples are not taken more often, so that they do not take all the time, ...
const SHORTEST_INTERVAL_NS: u64 = 20_000;
/// ... and not more seldom.
const LONGEST_INTERVAL_NS: u64 = 1_000_000_000;

/// The books.
pub struct Books;

warren_natives::natives!(Books);

impl warren_idl::Accounts for Books {
    fn account(
        _: &mut Cx<'_, Self>,
        principal: u32,
        mut text: Out<'_>,
    ) -> Result<AccountStatus, AccountsError> {
        let number = principal as usize;
        let (name, mut status) = interrupts::off(|| {
            let planned = system::tables().plan.principals.get(number)?;
            let (account, threads) = threads::with_all_books(|contexts| {
                (contexts.accounts().get(number).copied(), contexts.count_of(number))
            });
            let account = account.unwrap_or_default();
            let holdings = &system::tables().holdings;
            let status = AccountStatus {
                used_ns: clock::ns_of(account.used),
                helped_ns: clock::ns_of(account.helped),
                memory_bytes: frames::held_by(number),
                memory_limit: planned.limits.memory_bytes,
                slice_ns: planned.terms.slice_ns,
                period_ns: planned.terms.period_ns,
                threads: threads as u32,
                thread_limit: planned.limits.threads,
                objects: holdings.objects_of(number) as u32,
                object_limit: planned.limits.objects,
                references: holdings.references_of(number) as u32,
                reference_limit: planned.limits.references,
                parent: planned.parent.unwrap_or(number) as u32,
                text_bytes: 0,
            };
            Some((&planned.name, status))
        })
        .ok_or(AccountsError::End)?;
        text.fill_from(name.as_bytes());
        status.text_bytes = name.len() as u32;
        Ok(status)
    }

    fn thread(
        _: &mut Cx<'_, Self>,
        index: u32,
        mut text: Out<'_>,
    ) -> Result<ThreadStatus, AccountsError> {
        let (line, status) = interrupts::off(|| shown(index as usize)).ok_or(AccountsError::End)?;
        text.fill_from(line.as_bytes());
        Ok(status)
    }

    fn sampling<'f>(
        _: &mut Cx<'f, Self>,
        interval_ns: u64,
    ) -> Result<Ref<'f, dyn Sampling>, AccountsError> {
        if !(SHORTEST_INTERVAL_NS..=LONGEST_INTERVAL_NS).contains(&interval_ns) {
            return Err(AccountsError::BadInterval);
        }
        Ok(answer(kinds().samples, Samples::start(interval_ns)?)?)
    }

    fn time(_: &mut Cx<'_, Self>) -> Result<SystemTime, AccountsError> {
        Ok(threads::with_all_books(|contexts| SystemTime {
            elapsed_ns: clock::ns_of(contexts.elapsed()),
            idle_ns: clock::ns_of(contexts.idle()),
        }))
    }
}

/// The first thread from `index` on. With interrupts off.
fn shown(index: usize) -> Option<(String, ThreadStatus)> {
    let sight = threads::sight(index)?;
    let line = format!("{}\0{}", sight.name, sight.server);
    let token = sight.token;
    let status = threads::with_all_books(|contexts| ThreadStatus {
        used_ns: clock::ns_of(contexts.used_by(token)),
        context: token,
        index: sight.slot as u32,
        principal: contexts.principal_of(token).unwrap_or_default() as u32,
        state: match contexts.activity_of(token) {
            Some(Activity::Lends) => ThreadStatus::LENDING,
            Some(Activity::Blocked) => ThreadStatus::BLOCKED,
            Some(Activity::Ready) | None => ThreadStatus::READY,
        },
        depth: sight.depth as u32,
        text_bytes: line.len() as u32,
        cpu: contexts.cpu_of(token).unwrap_or_default() as u32,
    });
    Some((line, status))
}
