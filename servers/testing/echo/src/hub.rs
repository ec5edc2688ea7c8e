//! References: made, passed, kept, watched, and called while they come and go.

use alloc::rc::Rc;

use warren::{Cx, Kept, Ref};
use warren_idl::{AtomicBond, Bond, Counter, EchoError, Hub, NEVER_NS, Semaphore, Signal, Token};

use crate::{
    EchoServer, EchoToken,
    bond::{EchoAtomicBond, EchoBond},
    fate,
};

impl EchoServer {
    fn token<'f>(cx: &mut Cx<'f, Self>, value: u64) -> Result<Ref<'f, dyn Token>, EchoError> {
        let alive = Rc::clone(&cx.alive);
        Ok(cx.spawn(EchoToken { value, _alive: alive })?)
    }
}

impl Hub for EchoServer {
    fn make<'f>(cx: &mut Cx<'f, Self>, value: u64) -> Result<Ref<'f, dyn Token>, EchoError> {
        Self::token(cx, value)
    }

    fn alive(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(Rc::strong_count(&cx.alive) as u64 - 1)
    }

    fn pass<'f>(
        _cx: &mut Cx<'f, Self>,
        token: Ref<'f, dyn Token>,
    ) -> Result<Ref<'f, dyn Token>, EchoError> {
        Ok(token)
    }

    fn ignore<'f>(_cx: &mut Cx<'f, Self>, _token: Ref<'f, dyn Token>) -> Result<(), EchoError> {
        Ok(())
    }

    fn use_token<'f>(
        cx: &mut Cx<'f, Self>,
        token: Ref<'f, dyn Token>,
        more: u64,
    ) -> Result<u64, EchoError> {
        token.add(cx, more)
    }

    fn hold<'f>(cx: &mut Cx<'f, Self>, token: Ref<'f, dyn Token>) -> Result<(), EchoError> {
        cx.kept = Some(token.keep()?);
        Ok(())
    }

    fn kept<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError> {
        let kept: &Kept<dyn Token> = cx.kept.as_ref().ok_or(EchoError::Nothing)?;
        Ok(kept.get(cx)?)
    }

    fn forget(cx: &mut Cx<'_, Self>) -> Result<(), EchoError> {
        cx.kept = None;
        Ok(())
    }

    fn watch<'f>(cx: &mut Cx<'f, Self>, token: Ref<'f, dyn Token>) -> Result<(), EchoError> {
        cx.watched = Some(token.weak()?);
        Ok(())
    }

    fn watched<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError> {
        let watched = cx.watched.as_ref().ok_or(EchoError::Nothing)?;
        Ok(watched.upgrade(cx)?)
    }

    fn make_many(cx: &mut Cx<'_, Self>, count: u64) -> Result<u64, EchoError> {
        let mut sum = 0;
        for value in 0..count {
            sum += cx.scope(|cx| Self::token(cx, value)?.add(cx, 1))?;
        }
        Ok(sum)
    }

    fn bounce<'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'f, dyn Hub>,
        depth: u32,
    ) -> Result<u64, EchoError> {
        cx.bounces.push(depth);
        let below = match depth {
            0 => Ok(0),
            _ => {
                let this = cx.root::<dyn Hub>()?;
                other.bounce(cx, this, depth - 1).map(|below| below + 1)
            }
        };
        // The activations that entered meanwhile have left again.
        match cx.bounces.pop() == Some(depth) {
            true => below,
            false => Err(EchoError::Broken),
        }
    }

    fn count_itself(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        cx.root::<dyn Counter>()?.count(1)
    }

    fn count_atomically<'f>(
        cx: &mut Cx<'f, Self>,
        counter: Ref<'f, dyn Counter>,
    ) -> Result<u64, EchoError> {
        // The borrow of the state lasts over the call: the lock is kept.
        let bounces = &cx.bounces;
        let before = bounces.len();
        let counted = counter.count(1)?;
        if bounces.len() == before { Ok(counted) } else { Err(EchoError::Broken) }
    }

    fn be_killed<'f>(
        cx: &mut Cx<'f, Self>,
        killer: Ref<'f, dyn Hub>,
        way: u32,
    ) -> Result<u64, EchoError> {
        let this = cx.root::<dyn Hub>()?;
        killer.kill(cx, this, way)
    }

    fn kill<'f>(
        cx: &mut Cx<'f, Self>,
        victim: Ref<'f, dyn Hub>,
        way: u32,
    ) -> Result<u64, EchoError> {
        let killed = victim.die(cx, way).map_or_else(EchoError::number, |()| 0);
        cx.killed = killed;
        Ok(killed)
    }

    fn killed(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(cx.killed)
    }

    fn wait<'f>(cx: &mut Cx<'f, Self>, signal: Ref<'f, dyn Signal>) -> Result<(), EchoError> {
        signal.wait(cx, 0, NEVER_NS)?;
        Ok(())
    }

    fn acquire<'f>(
        cx: &mut Cx<'f, Self>,
        semaphore: Ref<'f, dyn Semaphore>,
    ) -> Result<(), EchoError> {
        Ok(semaphore.acquire(cx)?)
    }

    fn die(_cx: &mut Cx<'_, Self>, way: u32) -> Result<(), EchoError> {
        fate::meet(way);
        Ok(())
    }

    fn bind<'f>(
        cx: &mut Cx<'f, Self>,
        holder: Ref<'f, dyn Counter>,
    ) -> Result<Ref<'f, dyn Bond>, EchoError> {
        let holder = holder.keep()?;
        let alive = Rc::clone(&cx.alive);
        Ok(cx.spawn(EchoBond { holder, _alive: alive })?)
    }

    fn bind_atomically<'f>(
        cx: &mut Cx<'f, Self>,
        holder: Ref<'f, dyn Counter>,
    ) -> Result<Ref<'f, dyn AtomicBond>, EchoError> {
        let holder = holder.keep()?;
        let alive = Rc::clone(&cx.alive);
        Ok(cx.spawn(EchoAtomicBond { holder, _alive: alive })?)
    }
}
