//! Benchmark: what calls cost, from where this server runs to where others do.
//!
//! # Result
//!
//! One JSON object on each line. `ticks` is what a call costs more than a plain indirect call of a function
//! that does nothing; `whole` is what it costs in all; `ratio` is `whole` over that of the plain call. A
//! tick is what the line `calibration` says: 1.000 where the processor counts instructions.
//!
//! # Shape
//!
//! [`measure`] has the loops, [`rows`] what is called in them, [`life`] what comes and goes: threads and servers.
#![no_std]

extern crate alloc;

mod calibrate;
mod life;
mod measure;
mod output;
mod rows;

use warren::{Cx, New, Optional, Req, Required, Server, StartError, server};
use warren_idl::{
    Counter, Echo, FileSystem, Hub, Launcher, Parameters, SystemControl, Task, Terminal,
    ThreadError, ThreadFactory,
};

use life::Nothing;

/// What the benchmark needs.
#[derive(Required)]
pub struct Needs {
    terminal: Req<dyn Terminal>,
    parameters: Req<dyn Parameters>,
    /// In the kernel.
    kernel: Optional<dyn Echo>,
    kernel_hub: Optional<dyn Hub>,
    kernel_counter: Optional<dyn Counter>,
    /// In a domain of its own.
    own: Optional<dyn Echo>,
    own_hub: Optional<dyn Hub>,
    own_counter: Optional<dyn Counter>,
    /// In the benchmark's domain.
    near: Optional<dyn Echo>,
    near_hub: Optional<dyn Hub>,
    near_counter: Optional<dyn Counter>,
    /// In the kernel, without a lock.
    concurrent: Optional<dyn Echo>,
    files: Optional<dyn FileSystem>,
    threads: Req<dyn ThreadFactory>,
    launcher: Optional<dyn Launcher>,
    control: Optional<dyn SystemControl>,
}

/// Measures calls.
#[server(provides(Task), locals(Nothing), parameters("here", "rounds", "file"), stack = 32768)]
pub struct Benchmark {}

impl Server for Benchmark {
    type Required = Needs;

    fn new(_cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        Ok(Benchmark {})
    }
}

impl Task for Benchmark {
    fn run(cx: &mut Cx<'_, Self>) -> Result<u64, ThreadError> {
        match rows::all(cx) {
            Ok(()) => Ok(0),
            Err(failure) => output::failure(cx, failure).map(|()| 1),
        }
    }
}
