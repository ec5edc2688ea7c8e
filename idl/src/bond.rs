//! What a caller can lose while it calls it.

use warren::{AtomicCx, Cx, Ref, service};

use crate::{EchoError, Hub};

/// An object that calls whoever holds it by [`Counter::count`](crate::Counter::count).
#[service(id = 0x7e57_0006)]
pub trait Bond {
    /// Makes its holder count one more; returns the sum.
    fn call_back(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError>;
}

/// The same, called by atomic calls.
#[service(id = 0x7e57_0007, atomic)]
pub trait AtomicBond {
    /// Makes its holder count one more; returns the sum.
    fn call_back(cx: &mut AtomicCx<'_, Self>) -> Result<u64, EchoError>;
}

/// Whoever gives up what it is calling.
#[service(id = 0x7e57_0008)]
pub trait Careless {
    /// Makes a bond by `hub` and gives the last reference to it back while it is called, `times` times; returns how often
    /// the call came back and found the bond given up.
    fn lose<'f>(cx: &mut Cx<'f, Self>, hub: Ref<'f, dyn Hub>, times: u64)
    -> Result<u64, EchoError>;
    /// The same of atomic bonds.
    fn lose_atomic<'f>(
        cx: &mut Cx<'f, Self>,
        hub: Ref<'f, dyn Hub>,
        times: u64,
    ) -> Result<u64, EchoError>;
}
