//! Hoarder: takes what the system has until it is refused, and launches servers endlessly.
//!
//! # What it does
//!
//! Without parameters it takes all memory, and then maps one page over and over, which makes the kernel
//! keep page tables and lists. It holds all of that as long as it lives. With the parameter `others`,
//! names of programs, it launches those first and lets them do the same after it. With the parameter `giant`, the name of
//! a program, it launches that one at last, which must be refused.
//!
//! With the parameter `launch`, the name of a program, it launches that one and lets go of it, `times` times, and
//! compares the memory that is to be had before and after.
//!
//! # Result
//!
//! One line, and exit status 0 if no memory was lost and nothing was refused but memory.
#![no_std]

extern crate alloc;

mod launches;
mod mappings;

use alloc::{string::String, vec, vec::Vec};

use warren::{Cx, Kept, New, Req, Required, Server, StartError, server};
use warren_idl::{AddressSpace, DataSpace, Launcher, Memory, Parameters, Program};
use warren_program::{Arguments, Flow, Handed, Manual, Stop, UsageError, Work, program};

/// Bytes of a page.
const PAGE: u64 = 4096;
/// Bytes of the longest parameter.
const PARAMETER_BYTES: usize = 256;

/// What the hoarder needs.
#[derive(Required)]
pub struct Needs {
    parameters: Req<dyn Parameters>,
    memory: Req<dyn Memory>,
    address_space: Req<dyn AddressSpace>,
    launcher: Req<dyn Launcher>,
}

/// Takes all memory, or launches servers endlessly.
#[server(provides(Program), locals(Run), parameters("others", "giant", "launch", "times"))]
pub struct Hoarder {
    /// A page to be mapped over and over, taken before all memory is; until a run takes it.
    page: Option<Kept<dyn DataSpace>>,
}

/// What came of it: a line, and whether it is as it should be.
struct Outcome {
    text: String,
    good: bool,
}

impl Server for Hoarder {
    type Required = Needs;

    fn new(cx: &mut Cx<'_, New<Self>>) -> Result<Self, StartError> {
        let page = cx.req().memory.anonymous(cx, PAGE).and_then(|page| Ok(page.keep()?));
        let page = page.map_err(|_| StartError::new("there is no memory"))?;
        Ok(Hoarder { page: Some(page) })
    }
}

program!(Hoarder, Run, Hoarding);

/// What the parameters say, once.
struct Hoarding;

impl Work<Run> for Hoarding {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Hoarding)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, Run>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        let outcome = match parameter(cx, "launch") {
            Some(name) => {
                let times = parameter(cx, "times").and_then(|times| times.parse().ok());
                launches::repeat(cx, &name, times.unwrap_or(1000))
            }
            None => {
                let others = parameter(cx, "others").unwrap_or_default();
                mappings::hoard(cx, handed, &others, parameter(cx, "giant").as_deref(), output)
            }
        };
        output.extend(outcome.text.bytes());
        output.push(b'\n');
        Ok(Flow::End((!outcome.good).into()))
    }
}

/// A parameter, if it is set.
fn parameter(cx: &Cx<'_, Run>, name: &str) -> Option<String> {
    let mut text = vec![0; PARAMETER_BYTES];
    let length = cx.req().parameters.get(name, &mut text).ok()?;
    let text = text.get(..usize::try_from(length).ok()?)?;
    core::str::from_utf8(text).ok().map(String::from)
}
