//! Memory that outlives whoever uses it.
//!
//! # Shape
//!
//! A server that dies loses its state, and some of it is missed: TCP's connections, whose other sides wait for ever if nobody tells them. Such a server keeps in its box
//! what its next life needs, and nothing else: whatever made it die may have spoilt what is in there, so it reads the box as it would a stranger's
//! message (Baker and Sullivan, The Recovery Box, 1992). The box itself does nothing, so that it has no reason to die.
//!
//! # State, and what a restart loses
//!
//! What is in the box. Whoever uses it keeps the old one until its own next life.
#![no_std]
#![forbid(unsafe_code)]

use warren::{Cx, Kept, New, Ref, Req, Required, Server, StartError, server};
use warren_idl::{DataSpace, Memory, MemoryError, Parameters, RecoveryBox};
use warren_parameters::number;

/// KiB of memory if the system file does not say.
const DEFAULT_KIB: u64 = 512;
/// Most KiB.
const MOST_KIB: u64 = 64 << 10;
/// A page, of which there are whole ones.
const PAGE_KIB: u64 = 4;

/// What a box needs.
#[derive(Required)]
pub struct Needs {
    memory: Req<dyn Memory>,
    parameters: Req<dyn Parameters>,
}

/// One server's box.
#[server(
    provides(RecoveryBox),
    parameters("kib"),
    summary = "memory that outlives the server that uses it"
)]
pub struct BoxServer {
    space: Kept<dyn DataSpace>,
}

impl Server for BoxServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let kib = kib(&cx.req().parameters)?.next_multiple_of(PAGE_KIB);
        let space = cx.req().memory.anonymous(cx, kib << 10)?.keep()?;
        Ok(BoxServer { space })
    }
}

/// The parameter `kib`.
fn kib(parameters: &Req<dyn Parameters>) -> Result<u64, StartError> {
    number(
        parameters,
        "kib",
        DEFAULT_KIB,
        1..=MOST_KIB,
        "`kib` is no number of KiB from 1 to 65536",
    )
}

impl RecoveryBox for BoxServer {
    fn space<'f>(cx: &mut Cx<'f, Self>) -> Result<Ref<'f, dyn DataSpace>, MemoryError> {
        Ok(cx.space.get(cx)?)
    }
}
