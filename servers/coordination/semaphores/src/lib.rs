//! Semaphores: permits that threads take and give back.
//!
//! # Shape
//!
//! [`Permits`] is one semaphore, a local server. A permit is taken and given by a call; only who finds none waits, and only
//! if somebody waits is it told.
//!
//! # State, and what a restart loses
//!
//! All semaphores: references to them are `Lost`, also for whoever waits.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, New, Ref, Req, Required, Server, StartError, local, server};
use warren_idl::{Semaphore, SemaphoreError, Semaphores, Signals};
use warren_waiting::{Bell, wait_until};

/// What semaphores need.
#[derive(Required)]
pub struct Needs {
    signals: Req<dyn Signals>,
}

/// Makes semaphores.
#[server(
    provides(Semaphores),
    locals(Permits),
    summary = "permits that threads take and give back"
)]
pub struct SemaphoreServer {}

/// One semaphore.
#[local(provides = Semaphore, parent = SemaphoreServer)]
pub struct Permits {
    free: u32,
    given: Bell,
}

impl Server for SemaphoreServer {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(SemaphoreServer {})
    }
}

impl Semaphores for SemaphoreServer {
    fn semaphore<'f>(
        cx: &mut Cx<'f, Self>,
        permits: u32,
    ) -> Result<Ref<'f, dyn Semaphore>, SemaphoreError> {
        let signals = &cx.req().signals;
        let given = Bell::new(cx, signals)?;
        Ok(cx.spawn(Permits { free: permits, given })?)
    }
}

impl Permits {
    fn given(&self) -> &Bell {
        &self.given
    }
}

impl Semaphore for Permits {
    fn acquire(cx: &mut Cx<'_, Self>) -> Result<(), SemaphoreError> {
        cx.free = wait_until(cx, Permits::given, |permits| permits.free.checked_sub(1))?;
        Ok(())
    }

    fn try_acquire(cx: &mut Cx<'_, Self>) -> Result<(), SemaphoreError> {
        cx.free = cx.free.checked_sub(1).ok_or(SemaphoreError::WouldWait)?;
        Ok(())
    }

    fn release(cx: &mut Cx<'_, Self>, permits: u32) -> Result<(), SemaphoreError> {
        cx.free = cx.free.checked_add(permits).ok_or(SemaphoreError::TooMany)?;
        Ok(cx.given.ring()?)
    }
}
