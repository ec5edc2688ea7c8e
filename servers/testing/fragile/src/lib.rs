//! Fragile: panics in every way that there is, and is there afterwards.
//!
//! # Shape
//!
//! [`ways`] fails. What is here holds things meanwhile: each is counted when it is made and when it is dropped.
//!
//! # State, and what a restart loses
//!
//! The counts.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ways;

use alloc::{boxed::Box, rc::Rc};
use core::cell::Cell;

use warren::{Cx, Kept, New, Ref, Server, StartError, local, server};
use warren_idl::{EchoError, Fragile, Token};

/// Panics, and goes on.
#[server(provides(Fragile), locals(Explosive), survives_panics)]
pub struct FragileServer {
    counts: Rc<Counts>,
}

/// How many things there are and have been.
#[derive(Default)]
struct Counts {
    alive: Cell<u64>,
    made: Cell<u64>,
}

/// Something whose destructor counts.
struct Thing {
    counts: Rc<Counts>,
}

/// A token whose destructor panics.
#[local(provides = Token, parent = FragileServer)]
pub struct Explosive {
    _thing: Thing,
    fuse: Fuse,
}

/// Its destructor panics.
struct Fuse;

/// What each of the nested functions holds.
struct Held {
    _thing: Box<Thing>,
    _token: Kept<dyn Token>,
}

impl Thing {
    fn new(counts: &Rc<Counts>) -> Self {
        counts.alive.update(|alive| alive + 1);
        counts.made.update(|made| made + 1);
        Thing { counts: counts.clone() }
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.counts.alive.update(|alive| alive - 1);
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        panic!("a destructor panics");
    }
}

impl Server for FragileServer {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(FragileServer { counts: Rc::default() })
    }
}

/// Holds things in `depth` functions, and fails in the innermost.
#[inline(never)]
fn descend<'f>(
    cx: &mut Cx<'f, FragileServer>,
    way: u32,
    depth: u32,
    token: Ref<'f, dyn Token>,
) -> Result<(), EchoError> {
    let Some(rest) = depth.checked_sub(1) else { return ways::meet(cx, way) };
    let held = Held { _thing: Box::new(Thing::new(&cx.counts)), _token: token.keep()? };
    let result = descend(cx, way, rest, token);
    drop(held);
    result
}

impl Fragile for FragileServer {
    fn fail<'f>(
        cx: &mut Cx<'f, Self>,
        way: u32,
        depth: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<(), EchoError> {
        descend(cx, way, depth, token)
    }

    fn fail_inside<'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'f, dyn Fragile>,
        way: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<u64, EchoError> {
        let thing = Thing::new(&cx.counts);
        let before = cx.counts.alive.get();
        let result = other.fail(cx, way, 3, token);
        if thing.counts.alive.get() != before {
            return Err(EchoError::Broken);
        }
        Ok(result.map_or_else(EchoError::number, |()| 0))
    }

    fn explosive<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError> {
        Ok(cx.spawn(Explosive { _thing: Thing::new(&cx.counts), fuse: Fuse })?)
    }

    fn alive(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(cx.counts.alive.get())
    }

    fn made(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        Ok(cx.counts.made.get())
    }
}

impl Token for Explosive {
    fn add(cx: &mut Cx<'_, Self>, more: u64) -> Result<u64, EchoError> {
        let Fuse = cx.fuse;
        Ok(more)
    }
}
