//! The kernel's books, as `Accounts` shows them.

use warren_idl::{SystemTime, ThreadStatus};
use warren_kernel::contexts::Activity;
use warren_natives::{
    accounts::{Bookkeeping, ThreadSight, Usage},
    profile::{Found, Profile},
};

use crate::{
    cpu::clock,
    memory::frames,
    system::Kernel,
    threads::{self, sampling},
};

impl Bookkeeping for Kernel {
    fn usage(principal: usize) -> Usage {
        let (account, threads) = threads::with_all_books(|contexts| {
            (contexts.accounts().get(principal).copied(), contexts.count_of(principal))
        });
        let account = account.unwrap_or_default();
        Usage {
            used_ns: clock::ns_of(account.used),
            helped_ns: clock::ns_of(account.helped),
            memory_bytes: frames::held_by(principal),
            threads: threads as u32,
        }
    }

    fn time() -> SystemTime {
        threads::with_all_books(|contexts| SystemTime {
            elapsed_ns: clock::ns_of(contexts.elapsed()),
            idle_ns: clock::ns_of(contexts.idle()),
        })
    }

    fn thread(index: usize) -> Option<ThreadSight> {
        let sight = threads::sight(index)?;
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
            text_bytes: 0,
            cpu: contexts.cpu_of(token).unwrap_or_default() as u32,
        });
        Some(ThreadSight { status, name: sight.name, server: sight.server })
    }

    fn start_samples(interval_ns: u64, profile: Profile) -> bool {
        sampling::start(interval_ns, profile)
    }

    fn stop_samples() {
        sampling::stop();
    }

    fn sampled(index: usize) -> Option<Found> {
        sampling::found(index)
    }
}
