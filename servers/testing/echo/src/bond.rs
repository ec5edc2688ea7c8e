//! Bonds: local servers that call back whoever holds them.

use alloc::rc::Rc;

use warren::{AtomicCx, Cx, Kept, local};
use warren_idl::{AtomicBond, Bond, Counter, EchoError};

use crate::EchoServer;

/// Calls back.
#[local(provides = Bond, parent = EchoServer)]
pub struct EchoBond {
    pub holder: Kept<dyn Counter>,
    pub _alive: Rc<()>,
}

/// Calls back in an atomic call.
#[local(provides = AtomicBond, parent = EchoServer)]
pub struct EchoAtomicBond {
    pub holder: Kept<dyn Counter>,
    pub _alive: Rc<()>,
}

impl Bond for EchoBond {
    fn call_back(cx: &mut Cx<'_, Self>) -> Result<u64, EchoError> {
        cx.holder.get(cx)?.count(1)
    }
}

impl AtomicBond for EchoAtomicBond {
    fn call_back(cx: &mut AtomicCx<'_, Self>) -> Result<u64, EchoError> {
        cx.holder.get(cx)?.count(1)
    }
}
