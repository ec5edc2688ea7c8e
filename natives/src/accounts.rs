//! `Accounts` and `Sampling`: the system's books, which each platform keeps in its own way.
#![expect(unsafe_code, reason = "the engine's tables are reached in a critical section")]

use alloc::{format, string::String};
use core::marker::PhantomData;

use warren::{Cx, Out, Ref};
use warren_engine::{instance::Instance, plan::Plan, platform::Platform, reference::tables};
use warren_idl::{AccountStatus, AccountsError, SampleStatus, SystemTime, ThreadStatus};

use crate::{
    kind::{LocalKind, create_local},
    profile::{Found, Profile},
};

/// Samples are not taken more often, so that they do not take all the time, ...
const SHORTEST_INTERVAL_NS: u64 = 20_000;
/// ... and not more seldom.
const LONGEST_INTERVAL_NS: u64 = 1_000_000_000;

/// A platform's books of processor time, memory and threads. Objects and references are in the engine's.
///
/// Every function is called inside [`Platform::critical`].
pub trait Bookkeeping: Platform {
    /// What a principal of the plan has used up to now, and what it holds.
    fn usage(principal: usize) -> Usage;

    /// How much time there was up to now.
    fn time() -> SystemTime;

    /// The first thread whose number is at least `index`.
    fn thread(index: usize) -> Option<ThreadSight>;

    /// Takes samples each so many nanoseconds from now on, and counts them in the profile; `false` if somebody else has them taken.
    fn start_samples(interval_ns: u64, profile: Profile) -> bool;

    /// Takes none any more.
    fn stop_samples();

    /// What was found in samples, from this number on.
    fn sampled(index: usize) -> Option<Found>;
}

/// What a principal has used and holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time that was charged to it, in nanoseconds.
    pub used_ns: u64,
    /// The part of it that was lent to holders of locks.
    pub helped_ns: u64,
    /// Memory that it holds.
    pub memory_bytes: u64,
    /// Threads that it has.
    pub threads: u32,
}

/// What is known of a thread to those who look on.
#[derive(Clone, Debug)]
pub struct ThreadSight {
    /// All but the length of the text.
    pub status: ThreadStatus,
    /// Its name.
    pub name: String,
    /// The server that its newest call entered.
    pub server: String,
}

/// The books.
pub struct Books<P: Bookkeeping> {
    natives: &'static Instance,
    samples: LocalKind<dyn warren_idl::Sampling, Samples<P>>,
}

/// Samples, which are taken as long as this is there.
pub struct Samples<P: Bookkeeping> {
    /// Under whose name the platform's own time is shown.
    natives: &'static Instance,
    platform: PhantomData<fn() -> P>,
}

crate::natives!(for P: Bookkeeping, Books<P>);
crate::natives!(for P: Bookkeeping, Samples<P>);

impl<P: Bookkeeping> Books<P> {
    /// The books of a platform whose natives belong to this instance. Inside `critical`.
    pub fn new(natives: &'static Instance) -> Self {
        Books { natives, samples: LocalKind::new::<P>() }
    }
}

/// The plan. Inside `critical`.
fn plan<P: Platform>() -> &'static Plan {
    // SAFETY: inside `critical`.
    unsafe { tables::<P>() }.plan
}

impl<P: Bookkeeping> warren_idl::Accounts for Books<P> {
    fn account(
        _: &mut Cx<'_, Self>,
        principal: u32,
        mut text: Out<'_>,
    ) -> Result<AccountStatus, AccountsError> {
        let (name, mut status) =
            P::critical(|| account::<P>(principal as usize)).ok_or(AccountsError::End)?;
        text.fill_from(name.as_bytes());
        status.text_bytes = name.len() as u32;
        Ok(status)
    }

    fn thread(
        _: &mut Cx<'_, Self>,
        index: u32,
        mut text: Out<'_>,
    ) -> Result<ThreadStatus, AccountsError> {
        let ThreadSight { mut status, name, server } =
            P::critical(|| P::thread(index as usize)).ok_or(AccountsError::End)?;
        let line = format!("{name}\0{server}");
        text.fill_from(line.as_bytes());
        status.text_bytes = line.len() as u32;
        Ok(status)
    }

    fn sampling<'f>(
        cx: &mut Cx<'f, Self>,
        interval_ns: u64,
    ) -> Result<Ref<'f, dyn warren_idl::Sampling>, AccountsError> {
        if !(SHORTEST_INTERVAL_NS..=LONGEST_INTERVAL_NS).contains(&interval_ns) {
            return Err(AccountsError::BadInterval);
        }
        let Books { natives, samples } = cx.state();
        let taken = Samples::<P>::take(natives, interval_ns)?;
        Ok(create_local::<P, _, _>(natives, samples, taken)?)
    }

    fn time(_: &mut Cx<'_, Self>) -> Result<SystemTime, AccountsError> {
        Ok(P::critical(P::time))
    }
}

/// A principal's name and account, if there is one with this number. Inside `critical`.
fn account<P: Bookkeeping>(number: usize) -> Option<(&'static str, AccountStatus)> {
    let planned = plan::<P>().principals.get(number)?;
    let Usage { used_ns, helped_ns, memory_bytes, threads } = P::usage(number);
    // SAFETY: inside `critical`.
    let holdings = &unsafe { tables::<P>() }.holdings;
    let status = AccountStatus {
        used_ns,
        helped_ns,
        memory_bytes,
        memory_limit: planned.limits.memory_bytes,
        slice_ns: planned.terms.slice_ns,
        period_ns: planned.terms.period_ns,
        threads,
        thread_limit: planned.limits.threads,
        objects: holdings.objects_of(number) as u32,
        object_limit: planned.limits.objects,
        references: holdings.references_of(number) as u32,
        reference_limit: planned.limits.references,
        parent: planned.parent.unwrap_or(number) as u32,
        text_bytes: 0,
    };
    Some((&planned.name, status))
}

impl<P: Bookkeeping> Samples<P> {
    /// Takes samples from now on.
    fn take(natives: &'static Instance, interval_ns: u64) -> Result<Self, AccountsError> {
        P::critical(|| {
            let plan = plan::<P>();
            let profile = Profile::new(plan.principals.len(), plan.servers.len())
                .map_err(|_| AccountsError::System(warren::SystemError::Budget))?;
            match P::start_samples(interval_ns, profile) {
                true => Ok(Samples { natives, platform: PhantomData }),
                false => Err(AccountsError::Busy),
            }
        })
    }
}

impl<P: Bookkeeping> Drop for Samples<P> {
    fn drop(&mut self) {
        P::critical(P::stop_samples);
    }
}

impl<P: Bookkeeping> warren_idl::Sampling for Samples<P> {
    fn entry(
        cx: &mut Cx<'_, Self>,
        index: u32,
        mut text: Out<'_>,
    ) -> Result<SampleStatus, AccountsError> {
        let found = P::critical(|| P::sampled(index as usize)).ok_or(AccountsError::End)?;
        let natives = cx.state().natives;
        let name = P::critical(|| match found.server {
            Some(server) => &plan::<P>().servers[server].name,
            None => &natives.name,
        });
        text.fill_from(name.as_bytes());
        Ok(SampleStatus {
            index: found.index as u32,
            principal: found.principal as u32,
            samples: found.count,
            text_bytes: name.len() as u32,
        })
    }
}
