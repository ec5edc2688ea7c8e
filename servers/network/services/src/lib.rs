//! The small services that tests of networks use: echo (RFC 862), discard (RFC 863) and character generator (RFC 864), over TCP; echo over UDP, too.
//!
//! One thread has all conversations, another one the datagrams. It is the program `services` as well, which shows what went through.
//!
//! # State, and what a restart loses
//!
//! The conversations, and the counts.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod characters;
mod datagrams;
mod show;
mod talk;

use alloc::{rc::Rc, vec::Vec};

use warren::{Cx, New, Req, Required, Server, StartError, local, server};
use warren_idl::{Clock, Parameters, Program, Task, Tcp, ThreadError, ThreadFactory, Timer, Udp};
use warren_parameters::number;
use warren_program::{Reporting, program};
use warren_serving::{Below, Limits, Service, serve};

use crate::{
    characters::Characters,
    datagrams::Echoing,
    show::Showing,
    talk::{Kind, Talk},
};

/// How many conversations there may be, if the system file does not say.
const CONVERSATIONS: u64 = 2000;
/// How many it can say: a station has no more ports.
const MOST_CONVERSATIONS: u64 = 65_535;

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    tcp: Req<dyn Tcp>,
    udp: Req<dyn Udp>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// Echo, discard and character generator.
///
/// Parameter `conversations`: how many there may be.
#[server(
    provides(Program),
    locals(Run, Serving, Echoing),
    parameters("conversations"),
    stack = 65536,
    summary = "show what went through echo, discard and character generator"
)]
pub struct Services {
    most: usize,
    counts: [Count; 3],
    /// Datagrams that went back.
    datagrams: u64,
}

/// What one of the services has done.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    conversations: u64,
    bytes: u64,
}

/// What this server's thread runs.
#[local(provides = Task, parent = Services)]
pub struct Serving {
    /// What is read at a time.
    chunk: Vec<u8>,
    /// What the character generator writes, once somebody has asked for it.
    characters: Option<Rc<Characters>>,
}

impl Server for Services {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let refusal = "`conversations` is no number from 1 to 65535";
        let (parameters, all) = (&cx.req().parameters, 1..=MOST_CONVERSATIONS);
        let most = number(parameters, "conversations", CONVERSATIONS, all, refusal)? as usize;
        Ok(Services { most, counts: Default::default(), datagrams: 0 })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Serving { chunk: Vec::new(), characters: None })?;
        cx.req().threads.start(cx, "services", task)?;
        let task = cx.spawn(Echoing {})?;
        cx.req().threads.start(cx, "services-datagrams", task)?;
        Ok(())
    }
}

program!(Services, Run, Reporting<Showing>);

impl Task for Serving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let services = [
            Service { port: Kind::Echo.port(), begin: || Talk::new(Kind::Echo) },
            Service { port: Kind::Discard.port(), begin: || Talk::new(Kind::Discard) },
            Service { port: Kind::Characters.port(), begin: || Talk::new(Kind::Characters) },
        ];
        let limits = Limits { all: cx.parent().most, each: cx.parent().most };
        let Needs { tcp, clock, timer, .. } = cx.req();
        Err(serve(cx, Below { tcp, clock, timer }, &services, limits).into())
    }
}
