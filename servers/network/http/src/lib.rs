//! HTTP/1.1 (RFC 9112): serves the files of a folder.
//!
//! # Shape
//!
//! `libraries/web` understands what is asked and writes heads, [`answer`] writes pages; both are pure and tested on the host. `talk` is a conversation: it reads files
//! and writes them to its connection as far as that has room. One thread has all of them, and files that were served lately stay open.
//!
//! It is the program `http` as well, which shows what was served.
//!
//! # What it does not do
//!
//! It takes nothing from clients, and knows no date: answers have none, and files have tags instead. Of several parts at once all is sent.
//!
//! # Those who are slow
//!
//! A head has to be whole ten seconds after its first byte, however it comes. Who says nothing, or takes nothing, for half a minute is cut off; and one station may
//! have so many connections only.
//!
//! # State, and what a restart loses
//!
//! The conversations.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
mod show;
mod talk;

use alloc::{format, string::String, vec::Vec};

use warren::{Cx, New, Req, Required, Server, StartError, local, server};
use warren_idl::{
    Clock, FileStatus, FileSystem, Log, LogRecord, Parameters, Program, Task, Tcp, ThreadError,
    ThreadFactory, Timer,
};
use warren_parameters::parameter;
use warren_program::{Reporting, program};
use warren_serving::{Below, Limits, Service, serve, shelf::Shelf};

use crate::{
    show::Showing,
    talk::{Opened, Talk},
};

/// HTTP's port.
const PORT: u16 = 80;
/// How many conversations there may be. QEMU's user network is one station.
const LIMITS: Limits = Limits { all: 2000, each: 1000 };

/// What the server needs.
#[derive(Required)]
pub struct Needs {
    tcp: Req<dyn Tcp>,
    files: Req<dyn FileSystem>,
    parameters: Req<dyn Parameters>,
    threads: Req<dyn ThreadFactory>,
    timer: Req<dyn Timer>,
    clock: Req<dyn Clock>,
    log: Req<dyn Log>,
}

/// Serves files.
///
/// Parameter `root`: the folder whose files are served; all files if nothing is said.
#[server(
    provides(Program),
    locals(Run, Serving),
    parameters("root"),
    stack = 65536,
    summary = "show what was served by HTTP"
)]
pub struct HttpServer {
    /// Without a `/` at its end.
    root: String,
    counts: Counts,
}

/// What was served.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    bytes: u64,
}

/// What this server's thread runs.
#[local(provides = Task, parent = HttpServer)]
pub struct Serving {
    /// What is read at a time.
    chunk: Vec<u8>,
    /// What was served lately.
    shelf: Shelf<Opened>,
}

impl Server for HttpServer {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let path = |text: &str| text.starts_with('/').then(|| text.trim_end_matches('/').into());
        let refusal = "`root` is no path such as /docs";
        let root = parameter(&cx.req().parameters, "root", path, refusal)?;
        Ok(HttpServer { root: root.unwrap_or_default(), counts: Counts::default() })
    }

    fn start(cx: &mut Cx<'_, Self>) -> Result<(), StartError> {
        cx.scope(look_for_root);
        let task = cx.spawn(Serving { chunk: Vec::new(), shelf: Shelf::default() })?;
        cx.req().threads.start(cx, "http", task)?;
        Ok(())
    }
}

/// Says if there is nothing to serve. The server starts all the same: a volume may be mounted later.
fn look_for_root(cx: &mut Cx<'_, HttpServer>) {
    let root = cx.root.clone();
    let status = cx.req().files.status(cx, if root.is_empty() { "/" } else { &root });
    if !status.is_ok_and(|status| status.kind == FileStatus::DIRECTORY) {
        let line = format!("there is no folder `{root}` yet, so nothing is found in it");
        cx.req().log.write(LogRecord::WARNING, &line).ok();
    }
}

program!(HttpServer, Run, Reporting<Showing>);

impl Task for Serving {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        let services = [Service { port: PORT, begin: Talk::default }];
        let Needs { tcp, clock, timer, .. } = cx.req();
        Err(serve(cx, Below { tcp, clock, timer }, &services, LIMITS).into())
    }
}
