//! What tests call that panics, and that is there afterwards.

use warren::{Cx, Ref, service};

use crate::{EchoError, Token};

/// Panics, while it holds things whose destructors count.
#[service(id = 0x7e57_0005)]
pub trait Fragile {
    /// Nests `depth` functions, each of which holds a thing and a permanent reference to the token, and then
    /// panics in a way that a server survives:
    /// 0 by itself, 1 by an index, 2 by a division, 3 in a scope, 4 without the server's lock, 5 in a function
    /// with arguments on the stack, 6 in a function that is called through a table, 7 in a destructor, 8 in code of
    /// the precompiled library;
    /// or in one that it does not: 100 in a destructor that runs because of a panic, 101 for want of memory, 102 by
    /// endless recursion. Any other way is refused, on the same way back.
    fn fail<'f>(
        cx: &mut Cx<'f, Self>,
        way: u32,
        depth: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<(), EchoError>;
    /// Holds a thing and calls [`Fragile::fail`] of `other`, which may be itself; returns the number of the error that
    /// came of it.
    fn fail_inside<'f>(
        cx: &mut Cx<'f, Self>,
        other: Ref<'f, dyn Fragile>,
        way: u32,
        token: Ref<'f, dyn Token>,
    ) -> Result<u64, EchoError>;
    /// Makes a token whose destructor panics.
    fn explosive<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn Token>, EchoError>;
    /// Things that are there: made and not dropped.
    fn alive(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
    /// Things that there have been.
    fn made(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
}
