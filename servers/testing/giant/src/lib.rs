//! Giant: a server with a large image, which takes much memory to be loaded.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::{string::String, vec::Vec};
use core::hint::black_box;

use warren::server;
use warren_idl::Program;
use warren_program::{Arguments, Context, Flow, Manual, Stage, Stop, UsageError, program};

/// Constants that fill most of what an image may have. They are not zeroes, so that they are in the file.
static BALLAST: [u8; 6 << 20] = [1; 6 << 20];

/// Has an image of six mebibytes.
#[server(provides(Program), locals(Run))]
pub struct Giant {}

program!(Giant requires (), Run, Look);

/// Looks whether the end of the image is there.
struct Look;

impl Stage for Look {
    const MANUAL: Manual = Manual { usage: "", details: "" };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Look)
    }

    fn pull(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Result<Flow, Stop> {
        let last = black_box(&BALLAST).last();
        Ok(Flow::End((last != Some(&1)).into()))
    }
}
