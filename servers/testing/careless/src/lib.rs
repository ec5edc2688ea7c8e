//! Careless: gives the last reference to an object back while it calls it.
//!
//! # How
//!
//! The object calls its holder back, by an atomic call, and this server drops there what it kept. It is concurrent, so that it
//! can be called while it makes an atomic call itself.
//!
//! # State, and what a restart loses
//!
//! What is being called, and what was counted.
#![no_std]

mod unpinned;

use warren::{AtomicCx, Cx, Kept, Lock, New, Out, Ref, Server, StartError, server};
use warren_idl::{AtomicBond, Bond, Careless, Counter, EchoError, Hub};

use unpinned::unpinned;

/// Gives up what it is calling.
#[server(provides(Careless, Counter), concurrent)]
pub struct CarelessServer {
    held: Lock<Held>,
}

/// What is held, and how often this server was called back.
struct Held {
    bond: Option<Kept<dyn Bond>>,
    atomic_bond: Option<Kept<dyn AtomicBond>>,
    counted: u64,
}

impl Server for CarelessServer {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(CarelessServer { held: Lock::new(Held { bond: None, atomic_bond: None, counted: 0 }) })
    }
}

impl Counter for CarelessServer {
    /// Gives up what is held.
    fn count(cx: &mut AtomicCx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        let mut held = cx.state().held.lock(cx);
        held.bond = None;
        held.atomic_bond = None;
        held.counted = held.counted.wrapping_add(more);
        Ok(held.counted)
    }

    fn count_bytes(
        _cx: &mut AtomicCx<'_, Self>,
        _bytes: &[u8],
        _low: Out<'_>,
    ) -> Result<u64, EchoError> {
        Err(EchoError::Refused)
    }
}

impl Careless for CarelessServer {
    fn lose<'f>(
        cx: &mut Cx<'f, Self>,
        hub: Ref<'f, dyn Hub>,
        times: u64,
    ) -> Result<u64, EchoError> {
        let this = cx.root::<dyn Counter>()?;
        // From now on the system knows the call that is about to be made.
        cx.scope(|cx| hub.bind(cx, this)?.call_back(cx))?;
        Self::lose_each(cx, times, |cx| {
            let bond = cx.scope(|cx| {
                let bond = hub.bind(cx, this)?;
                cx.state().held.lock(cx).bond = Some(bond.keep()?);
                unpinned(bond).ok_or(EchoError::Nothing)
            })?;
            let counted = bond.call_back(cx)?;
            let is_held = cx.state().held.lock(cx).bond.is_some();
            Ok((counted, is_held))
        })
    }

    fn lose_atomic<'f>(
        cx: &mut Cx<'f, Self>,
        hub: Ref<'f, dyn Hub>,
        times: u64,
    ) -> Result<u64, EchoError> {
        let this = cx.root::<dyn Counter>()?;
        cx.scope(|cx| hub.bind_atomically(cx, this)?.call_back())?;
        Self::lose_each(cx, times, |cx| {
            let bond = cx.scope(|cx| {
                let bond = hub.bind_atomically(cx, this)?;
                cx.state().held.lock(cx).atomic_bond = Some(bond.keep()?);
                unpinned(bond).ok_or(EchoError::Nothing)
            })?;
            let counted = bond.call_back()?;
            let is_held = cx.state().held.lock(cx).atomic_bond.is_some();
            Ok((counted, is_held))
        })
    }
}

impl CarelessServer {
    /// Makes `times` tries, each of which answers what the bond has counted to and whether it is held yet; returns how many
    /// went as they should.
    fn lose_each<'f>(
        cx: &mut Cx<'f, Self>,
        times: u64,
        once: impl Fn(&mut Cx<'f, Self>) -> Result<(u64, bool), EchoError>,
    ) -> Result<u64, EchoError> {
        let mut lost = 0;
        for _ in 0..times {
            let before = cx.state().held.lock(cx).counted;
            let (counted, is_held) = once(cx)?;
            if counted == before.wrapping_add(1) && !is_held {
                lost += 1;
            }
        }
        Ok(lost)
    }
}
