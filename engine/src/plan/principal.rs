//! Principals: whom work is charged to, and whose scheduler decides when they run.
//!
//! Each principal names its scheduler, and the scheduler's server belongs to a principal itself; that one's scheduler is the
//! scheduler above. So the schedulers form a tree of their own, beside that of the principals' parents. Its root is the scheduler of
//! [`SYSTEM`], whose server belongs to [`SYSTEM`] as well.

use alloc::{borrow::ToOwned, string::String};

use super::Plan;

/// Principals of one system.
pub const PRINCIPALS: usize = 256;
/// Name of the first principal.
pub const SYSTEM: &str = "system";
/// All the time that there is, as [`Terms::share`] counts it.
pub const WHOLE: u64 = 1_000_000;
/// The longest period of a guarantee: an hour. So a share can be computed without overflow, and a scheduler can add it to the time.
pub const LONGEST_PERIOD_NS: u64 = 3_600_000_000_000;

/// Somebody who pays for processor time and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPrincipal {
    /// Its name in the system, unique.
    pub name: String,
    /// Index of the principal within whose limits it stays; `None` for the first only.
    pub parent: Option<usize>,
    /// Index of the server that decides when its threads run. `None` for all principals of a plan if whatever the system runs on
    /// decides that, as Linux does.
    pub scheduler: Option<usize>,
    /// What its scheduler is told of it.
    pub terms: Terms,
    /// What it may use in all, its children included.
    pub limits: PrincipalLimits,
}

/// What a principal may expect of its scheduler. Each scheduler looks at what it understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Higher runs first; 0 is the lowest.
    pub priority: u32,
    /// Its share beside others of the same scheduler; 0 counts as 1.
    pub weight: u32,
    /// Processor time in each period that is guaranteed, in nanoseconds; 0 for no guarantee.
    pub slice_ns: u64,
    /// Length of the period, in nanoseconds; 0 for no guarantee.
    pub period_ns: u64,
}

/// What a principal may use in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrincipalLimits {
    /// Bytes of memory; 0 for no limit of its own.
    pub memory_bytes: u64,
    /// Threads at the same time; 0 for no limit of its own.
    pub threads: u32,
    /// Entries of the table of objects; 0 for no limit of its own.
    pub objects: u32,
    /// References that its servers keep; 0 for no limit of its own.
    pub references: u32,
}

impl PlannedPrincipal {
    /// The first principal, as long as nothing is said of it.
    pub fn system() -> Self {
        PlannedPrincipal {
            name: SYSTEM.to_owned(),
            parent: None,
            scheduler: None,
            terms: Terms::default(),
            limits: PrincipalLimits::default(),
        }
    }
}

impl Default for Terms {
    /// The lowest priority, one share, no guarantee.
    fn default() -> Self {
        Terms { priority: 0, weight: 1, slice_ns: 0, period_ns: 0 }
    }
}

impl Terms {
    /// Whether slice and period are those of a guarantee, or both 0.
    pub fn is_valid(&self) -> bool {
        let none = self.slice_ns == 0 && self.period_ns == 0;
        none || (1..=self.period_ns).contains(&self.slice_ns) && self.period_ns <= LONGEST_PERIOD_NS
    }

    /// Whether the principal is guaranteed anything.
    pub fn is_guaranteed(&self) -> bool {
        self.slice_ns > 0
    }

    /// The part of a processor that is guaranteed, in millionths, rounded down; 0 if there is no guarantee. For valid terms.
    pub fn share(&self) -> u64 {
        match self.period_ns {
            0 => 0,
            period_ns => self.slice_ns * WHOLE / period_ns,
        }
    }
}

impl Plan {
    /// Whether a principal is another one, or below it.
    pub fn is_within(&self, principal: usize, above: usize) -> bool {
        let parent = |number: &usize| self.principals[*number].parent;
        core::iter::successors(Some(principal), parent).any(|number| number == above)
    }

    /// The server that schedules the principal [`SYSTEM`]; `None` if the plan names no scheduler.
    pub fn root_scheduler(&self) -> Option<usize> {
        self.principals.first()?.scheduler
    }

    /// The scheduler of the principal to which the server of `scheduler` belongs. The root's is itself.
    pub fn scheduler_above(&self, scheduler: usize) -> Option<usize> {
        self.principals[self.servers[scheduler].principal].scheduler
    }

    /// What all principals of `scheduler` together may be guaranteed, in millionths of a processor: as much as its server's principal
    /// is, and everything if that one has no guarantee or the scheduler is the root.
    pub fn capacity(&self, scheduler: usize) -> u64 {
        let own = &self.principals[self.servers[scheduler].principal].terms;
        match own.is_guaranteed() && self.root_scheduler() != Some(scheduler) {
            true => own.share(),
            false => WHOLE,
        }
    }
}
