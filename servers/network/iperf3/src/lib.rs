//! The server of iperf3, for its stock clients: `iperf3 -c HOST`, also with `-u`, `-R`, `--bidir`, `-P`, `-n`, `-t` and `-O`.
//!
//! # Shape
//!
//! [`protocol`] is what is said on the control connection; it is pure and tested on the host. `test` conducts one test after the other, as the
//! protocol has it: whoever comes meanwhile is told that somebody else is measuring. `stream` is the connections that are measured, `line` whatever is said
//! within a time; `datagrams` measures UDP, with what it counts in `tally`. One thread has all of it.
//!
//! It is the program `iperf3` as well, which shows what the last test has brought, by this system's clock.
//!
//! # What clients are not told
//!
//! How many segments were sent again, which `netstat` shows in bytes, and how much processor time it took, which `accounts` shows.
//!
//! # State, and what a restart loses
//!
//! The test under way, and what the last one has brought.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod datagrams;
mod line;
pub mod protocol;
mod show;
mod stream;
mod tally;
mod test;
mod times;

use warren::{Cx, New, Req, Required, Server, StartError, local, server};
use warren_idl::{Clock, Program, Task, Tcp, ThreadError, ThreadFactory, Timer, Udp};
use warren_program::{Reporting, program};
use warren_waiting::pause;

use crate::show::{Showing, Shown};

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    tcp: Req<dyn Tcp>,
    udp: Req<dyn Udp>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
}

/// Measures TCP and UDP for the clients of iperf3.
#[server(
    provides(Program),
    locals(Run, Serving),
    stack = 65536,
    summary = "show what the last client of iperf3 has measured"
)]
pub struct Iperf3 {
    shown: Shown,
}

/// What this server's thread runs.
#[local(provides = Task, parent = Iperf3)]
pub struct Serving {}

impl Server for Iperf3 {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Iperf3 { shown: Shown::default() })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        let task = cx.spawn(Serving {})?;
        cx.req().threads.start(cx, "iperf3", task)?;
        Ok(())
    }
}

program!(Iperf3, Run, Reporting<Showing>);

impl Task for Serving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        loop {
            let ended = test::serve(cx);
            pause(cx, &cx.req().timer, ended)?;
        }
    }
}
