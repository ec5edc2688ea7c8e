//! Callee: what measurements of switches call, and may be preempted in.
//!
//! # State, and what a restart loses
//!
//! None.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, New, Ref, Server, StartError, server};
use warren_idl::{Callee, PartnerError, Raiser};
use warren_load::compute;

/// What is called.
#[server(provides(Callee), summary = "what measurements of switches call")]
pub struct CalleeServer {}

impl Server for CalleeServer {
    type Required = ();

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(CalleeServer {})
    }
}

impl Callee for CalleeServer {
    fn nothing(_cx: &mut Cx<'_, Self>) -> Result<(), PartnerError> {
        Ok(())
    }

    fn raise<'f>(_cx: &mut Cx<'f, Self>, raiser: Ref<'f, dyn Raiser>) -> Result<(), PartnerError> {
        raiser.raise().map(|_| ()).map_err(|_| PartnerError::Failed)
    }

    fn raise_and_compute<'f>(
        _cx: &mut Cx<'f, Self>,
        raiser: Ref<'f, dyn Raiser>,
        rounds: u64,
    ) -> Result<(), PartnerError> {
        raiser.raise().map_err(|_| PartnerError::Failed)?;
        compute(rounds);
        Ok(())
    }
}
