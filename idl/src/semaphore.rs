//! Permits: how many threads may do something at the same time.

use warren::{Cx, Ref, errors, service};

/// Why a semaphore refused.
#[errors]
pub enum SemaphoreError {
    /// There would be more than 2^32 - 1 permits.
    TooMany = 1,
    /// There is no permit, and the caller did not want to wait.
    WouldWait = 2,
}

/// A number of permits, which threads take and give back. Whoever waits for one goes on when there is one; who of several, is not
/// said.
#[service(id = 0x5e4a_0001)]
pub trait Semaphore {
    /// Takes a permit, and waits until there is one.
    fn acquire(cx: &mut Cx<'_, Self>) -> Result<(), SemaphoreError>;
    /// Takes a permit if there is one.
    fn try_acquire(cx: &mut Cx<'_, Self>) -> Result<(), SemaphoreError>;
    /// Gives so many permits.
    fn release(cx: &mut Cx<'_, Self>, permits: u32) -> Result<(), SemaphoreError>;
}

/// Makes semaphores.
#[service(id = 0x5e4a_0002)]
pub trait Semaphores {
    /// A new one with so many permits.
    fn semaphore<'f>(
        cx: &mut Cx<'f, Self>,
        permits: u32,
    ) -> Result<Ref<'f, dyn Semaphore>, SemaphoreError>;
}
