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

use alloc::{string::String, vec::Vec};

use warren::{Cx, Optional, Req, Required, server};
use warren_idl::{
    Counter, Echo, FileSystem, Hub, Launcher, Parameters, Program, SystemControl, ThreadFactory,
};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

use life::Nothing;

/// What the benchmark needs.
#[derive(Required)]
pub struct Needs {
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
#[server(
    provides(Program),
    locals(Run, Nothing),
    parameters("here", "rounds", "file"),
    stack = 32768
)]
pub struct Benchmark {}

program!(Benchmark requires Needs, Run, Measuring);

/// All rows, at once.
struct Measuring;

impl Work<Run> for Measuring {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Measuring)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        _: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match rows::all(cx, output) {
            Ok(()) => Ok(Flow::End(0)),
            Err(failure) => {
                output.extend(failure.line().bytes());
                Ok(Flow::End(1))
            }
        }
    }
}
