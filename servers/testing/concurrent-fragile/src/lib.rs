//! Concurrent fragile: panics while it holds a lock of its own, and is there afterwards.
//!
//! # State, and what a restart loses
//!
//! The counts.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, Guard, Lock, New, Ref, Server, StartError, server};
use warren_idl::{EchoError, Fragile, Token};

/// Panics while it holds a lock, and goes on.
#[server(provides(Fragile), concurrent, survives_panics)]
pub struct ConcurrentFragile {
    counts: Lock<Counts>,
}

/// How many things there are and have been.
#[derive(Default)]
struct Counts {
    alive: u64,
    made: u64,
}

/// Something whose destructor counts. It holds the lock.
struct Thing<'a> {
    counts: Guard<'a, Counts>,
}

impl<'a> Thing<'a> {
    fn new(mut counts: Guard<'a, Counts>) -> Self {
        counts.alive += 1;
        counts.made += 1;
        Thing { counts }
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        self.counts.alive -= 1;
    }
}

impl Server for ConcurrentFragile {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(ConcurrentFragile { counts: Lock::new(Counts::default()) })
    }
}

impl Fragile for ConcurrentFragile {
    /// Every way is a panic with the lock held.
    fn fail<'f>(
        cx: &mut Cx<'f, Self>,
        way: u32,
        _depth: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<(), EchoError> {
        let _kept = token.keep()?;
        let thing = Thing::new(cx.counts.lock(cx));
        panic!("asked for way {way} with the lock held, and {} alive", thing.counts.alive);
    }

    fn fail_inside<'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'f, dyn Fragile>,
        way: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<u64, EchoError> {
        let result = other.fail(cx, way, 3, token);
        Ok(result.map_or_else(EchoError::number, |()| 0))
    }

    fn explosive<'f>(_cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError> {
        Err(EchoError::Refused)
    }

    fn alive(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(cx.counts.lock(cx).alive)
    }

    fn made(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(cx.counts.lock(cx).made)
    }
}
